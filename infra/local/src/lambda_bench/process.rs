//! What the kernel knows of a process (`/proc`, proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The time on a CPU that the process's threads have had so far.
pub(super) fn cpu_time(id: u32) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread that has just ended is no fault.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum = sum.saturating_add(on_cpu(&text).with_context(|| format!("schedstat: {text}"))?);
    }
    Ok(sum)
}

/// The most memory that the process has had resident, in KiB.
pub(crate) fn peak_memory(id: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    high_water(&status).context("status without VmHWM")
}

/// The first number of `schedstat`: nanoseconds on a CPU.
fn on_cpu(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// `VmHWM` of `status`.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(on_cpu("1827364 5512 27\n"), Some(Duration::from_nanos(1_827_364)));
        assert_eq!(on_cpu(""), None);
        let status = "Name:\tbootstrap\nVmPeak:\t  141016 kB\nVmHWM:\t   15872 kB\nVmRSS:\t   15000 kB\n";
        assert_eq!(high_water(status), Some(15_872));
        assert_eq!(high_water("Name:\tbootstrap\n"), None);
    }

    #[test]
    fn this_process_has_worked_and_holds_memory() {
        let id = std::process::id();
        assert!(cpu_time(id).unwrap() > Duration::ZERO);
        assert!(peak_memory(id).unwrap() > 100);
    }
}
