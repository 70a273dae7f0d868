//! What was measured, and how it is summed up.

use std::time::Duration;

use super::artefacts::Size;

/// What one function did.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// From making the process to its first request for an event, for each start.
    pub(super) starts: Vec<Duration>,
    /// From handing out an event to the whole answer, for each warm call.
    pub(super) latencies: Vec<Duration>,
    /// CPU time of all warm calls.
    pub(super) cpu: Duration,
    /// The most memory resident, in KiB.
    pub(super) memory: u64,
}

impl Figures {
    /// The start in the middle.
    pub(super) fn init(&self) -> Duration {
        percentile(&self.starts, 50)
    }

    /// The latency that `percent` of the warm calls stayed at or below.
    pub(super) fn latency(&self, percent: usize) -> Duration {
        percentile(&self.latencies, percent)
    }

    /// CPU time of one warm call.
    pub(super) fn cpu_each(&self) -> Duration {
        u32::try_from(self.latencies.len()).ok().and_then(|calls| self.cpu.checked_div(calls)).unwrap_or_default()
    }
}

/// A function beside the bare one.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// What was asked of it, after the function's name.
    pub(super) name: String,
    /// Its calls to DynamoDB for one event.
    pub(super) calls: u32,
    /// Its other calls.
    pub(super) others: u32,
    /// How large it is.
    pub(super) size: Size,
    /// The function.
    pub(super) ours: Figures,
    /// The bare one.
    pub(super) bare: Figures,
}

/// The smallest of the samples that at least `percent` of them do not pass: the nearest rank.
fn percentile(samples: &[Duration], percent: usize) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).max(1);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Vec<_> = [5, 1, 4, 2, 3].map(Duration::from_millis).to_vec();
        for (percent, millis) in [(0, 1), (20, 1), (50, 3), (99, 5), (100, 5)] {
            assert_eq!(percentile(&samples, percent), Duration::from_millis(millis), "{percent}");
        }
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn cpu_is_shared_among_the_calls() {
        let mut figures = Figures { cpu: Duration::from_millis(6), ..Figures::default() };
        assert_eq!(figures.cpu_each(), Duration::ZERO);
        figures.latencies = vec![Duration::ZERO; 3];
        assert_eq!(figures.cpu_each(), Duration::from_millis(2));
    }
}
