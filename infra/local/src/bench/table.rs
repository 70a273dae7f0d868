//! The table that is printed.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use super::compare::{Comparison, WireCost};
use super::load::{CLIENTS, Sample};
use super::offers::{Hot, Priced};
use super::scale::Growth;
use super::tokens::Verification;

/// An operation may take at most so many times as long as its bare DynamoDB calls.
const TARGET: f64 = 1.5;
/// Much data may make an operation at most so many times as slow.
const GROWTH_TARGET: f64 = 1.2;

pub(super) fn operations_heading() -> String {
    format!(
        "{CLIENTS} clients on {} cores. An operation is all that its caller waits for: the HTTP exchange, the calls to\n\
         DynamoDB, processor, queue and LMS. \"bare\" is its own DynamoDB calls and nothing else.\n\n\
         {:<18} {:<43} {:>6} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}   {:>5}  target\n",
        cores(),
        "operation",
        "sequential round trips",
        "units",
        "per s",
        "p50 ms",
        "p99 ms",
        "bare/s",
        "p50 ms",
        "p99 ms",
        "ratio",
    )
}

pub(super) fn operation_line(found: &Comparison) -> String {
    let Comparison { operation, wire, ours, bare, ratio } = found;
    let (name, trips, units) = (operation.name(), trips(wire), wire.capacity_units);
    let (ours, bare, target) = (figures(ours), figures(bare), verdict(*ratio, TARGET));
    format!("{name:<18} {trips:<43} {units:>6.1} {ours}   {bare}   {ratio:>5.2}  {target}\n")
}

pub(super) fn verification(found: &Verification) -> String {
    let Verification { hs256, rs256 } = found;
    let each = |sample: &Sample| 1_000_000.0 / sample.rate();
    format!(
        "\nverifying a token, CPU on one core: HS256 {:.1} us, RS256 (2048 bit) {:.1} us, ratio {:.1}\n",
        each(hs256),
        each(rs256),
        each(rs256) / each(hs256)
    )
}

pub(super) fn growth_heading() -> String {
    format!(
        "\n{:<44} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}   {:>5}  target\n",
        "little / much data", "per s", "p50 ms", "p99 ms", "per s", "p50 ms", "p99 ms", "ratio"
    )
}

pub(super) fn growth_line(growth: &Growth) -> String {
    let Growth { name, little, much, ratio } = growth;
    let (little, much, target) = (figures(little), figures(much), verdict(*ratio, GROWTH_TARGET));
    format!("{name:<44} {little}   {much}   {ratio:>5.2}  {target}\n")
}

/// CPU of pricing by active offers, beside none.
pub(super) fn pricing(found: &[Priced]) -> String {
    let none = found.first().map_or(1.0, |priced| priced.micros);
    let line = |Priced { offers, micros }: &Priced| format!("{offers:>14} {micros:>10.1} {:>8.2}\n", micros / none);
    let lines: String = found.iter().map(line).collect();
    format!("\npricing 20 lines, CPU on one core\n{:>14} {:>10} {:>8}\n{lines}", "active offers", "us", "ratio")
}

/// Checkouts without a code and with the same one.
pub(super) fn checkouts(found: &[Hot]) -> String {
    let heading = format!(
        "\n{:<18} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}   {:>5}  {:>8}\n",
        "checkouts", "per s", "p50 ms", "p99 ms", "hot/s", "p50 ms", "p99 ms", "ratio", "collided"
    );
    let line = |Hot { clients, plain, hot, collided }: &Hot| {
        let (name, ratio) = (format!("{clients} at once"), plain.rate() / hot.rate());
        format!("{name:<18} {}   {}   {ratio:>5.2}  {collided:>6.1} %\n", figures(plain), figures(hot))
    };
    heading + &found.iter().map(line).collect::<String>()
}

/// Round trips with offers on sale and a code in the basket.
pub(super) fn round_trips(found: &[(&'static str, WireCost)]) -> String {
    let heading = format!("\n{:<18} {:<43} {:>6}\n", "with offers", "sequential round trips", "units");
    let line = |(name, wire): &(&'static str, WireCost)| {
        format!("{name:<18} {:<43} {:>6.1}\n", trips(wire), wire.capacity_units)
    };
    heading + &found.iter().map(line).collect::<String>()
}

fn figures(sample: &Sample) -> String {
    format!("{:>8.0} {:>8.2} {:>8.2}", sample.rate(), sample.percentile(50), sample.percentile(99))
}

fn verdict(ratio: f64, target: f64) -> String {
    format!("<= {target:.1} {}", if ratio <= target { "met" } else { "MISSED" })
}

/// Such as `3 dynamodb + 1 stripe`.
fn trips(wire: &WireCost) -> String {
    let trip = |(target, trips): (&&str, &f64)| format!("{} {target}", (trips * 10.0).round() / 10.0);
    wire.trips.iter().map(trip).collect::<Vec<_>>().join(" + ")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}
