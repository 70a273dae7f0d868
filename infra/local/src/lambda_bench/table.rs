//! The table that is printed.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use std::time::Duration;

use super::artefacts::Size;
use super::figures::{Comparison, Figures};

/// Start-up and CPU may be at most so many times those of the bare function.
const RATIO: f64 = 1.5;
/// The most memory resident, in KiB: 16 MB as Lambda counts them.
const MEMORY: u64 = 16 * 1024;
/// The largest zip, in bytes.
const ZIP: u64 = 4_000_000;

pub(super) fn heading() -> String {
    format!(
        "{:<38} {:>5}  {:>7} {:>7} {:>5}  {:>6} {:>6} {:>6}  {:>6} {:>6} {:>5}  {:>7} {:>6} {:>6}  targets\n",
        "function: event",
        "calls",
        "init ms",
        "bare",
        "ratio",
        "p50 ms",
        "p99 ms",
        "bare",
        "CPU us",
        "bare",
        "ratio",
        "peak MB",
        "bin MB",
        "zip MB",
    )
}

/// The empty function.
pub(super) fn empty_line((figures, size): &(Figures, Size)) -> String {
    format!(
        "{:<38} {:>5}  {:>7.1} {:>7} {:>5}  {:>6.2} {:>6.2} {:>6}  {:>6.0} {:>6} {:>5}  {}\n",
        "bare: an empty axum function",
        0,
        millis(figures.init()),
        "",
        "",
        millis(figures.latency(50)),
        millis(figures.latency(99)),
        "",
        micros(figures.cpu_each()),
        "",
        "",
        weights(figures, *size),
    )
}

pub(super) fn line(found: &Comparison) -> String {
    let Comparison { name, ours, bare, size, .. } = found;
    let calls = match found.others {
        0 => found.calls.to_string(),
        others => format!("{}+{others}", found.calls),
    };
    format!(
        "{name:<38} {calls:>5}  {:>7.1} {:>7.1} {:>5.2}  {:>6.2} {:>6.2} {:>6.2}  {:>6.0} {:>6.0} {:>5.2}  {}  {}\n",
        millis(ours.init()),
        millis(bare.init()),
        ratio(ours.init(), bare.init()),
        millis(ours.latency(50)),
        millis(ours.latency(99)),
        millis(bare.latency(50)),
        micros(ours.cpu_each()),
        micros(bare.cpu_each()),
        ratio(ours.cpu_each(), bare.cpu_each()),
        weights(ours, *size),
        verdict(found),
    )
}

pub(super) fn legend() -> String {
    format!(
        "\n\"bare\" makes as many calls as the function does for the event: to DynamoDB + to the queue, the processor, the \
         learning\nplatform. Its latency is the p50. Targets: init and CPU <= {RATIO} x bare, peak memory <= {} MB, zip <= {} MB.\n",
        MEMORY / 1024,
        ZIP / 1_000_000,
    )
}

fn weights(figures: &Figures, size: Size) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    format!("{:>7.1} {:>6.2} {:>6.2}", figures.memory as f64 / 1024.0, megabytes(size.binary), megabytes(size.zip))
}

/// `met`, or what was missed.
fn verdict(found: &Comparison) -> String {
    let Comparison { ours, bare, size, .. } = found;
    let checks = [
        ("init", ratio(ours.init(), bare.init()) <= RATIO),
        ("CPU", ratio(ours.cpu_each(), bare.cpu_each()) <= RATIO),
        ("memory", ours.memory <= MEMORY),
        ("zip", size.zip <= ZIP),
    ];
    let missed: Vec<_> = checks.iter().filter(|(_, met)| !met).map(|(name, _)| *name).collect();
    if missed.is_empty() { "met".to_owned() } else { format!("MISSED: {}", missed.join(", ")) }
}

fn ratio(ours: Duration, bare: Duration) -> f64 {
    ours.as_secs_f64() / bare.as_secs_f64()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn figures(init_ms: u64, cpu_us: u64, memory: u64) -> Figures {
        Figures {
            starts: vec![Duration::from_millis(init_ms)],
            latencies: vec![Duration::from_micros(1_250)],
            cpu: Duration::from_micros(cpu_us),
            memory,
        }
    }

    #[test]
    fn the_table_says_what_is_missed() {
        let found = |ours, zip| Comparison {
            name: "catalog: read a product".to_owned(),
            calls: 1,
            others: 0,
            size: Size { binary: 9_000_000, zip },
            ours,
            bare: figures(20, 600, 11_000),
        };
        let good = found(figures(30, 900, 16 * 1024), 4_000_000);
        let bad = Comparison { others: 2, ..found(figures(31, 901, 16 * 1024 + 1), 4_000_001) };
        let empty = (figures(3, 200, 4_800), Size { binary: 3_100_000, zip: 1_400_000 });
        let table = [heading(), empty_line(&empty), line(&good), line(&bad)].concat();
        expect![[r#"
            function: event                        calls  init ms    bare ratio  p50 ms p99 ms   bare  CPU us   bare ratio  peak MB bin MB zip MB  targets
            bare: an empty axum function               0      3.0                  1.25   1.25            200                   4.7   3.10   1.40
            catalog: read a product                    1     30.0    20.0  1.50    1.25   1.25   1.25     900    600  1.50     16.0   9.00   4.00  met
            catalog: read a product                  1+2     31.0    20.0  1.55    1.25   1.25   1.25     901    600  1.50     16.0   9.00   4.00  MISSED: init, CPU, memory, zip
        "#]].assert_eq(&table);
    }
}
