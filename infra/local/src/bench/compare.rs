//! An operation beside its bare DynamoDB calls.
//!
//! First, the operation's jobs are rehearsed with recording on. Then as many fresh jobs are measured without it, in
//! rounds that alternate with rounds of the recorded calls, so that whatever else the machine does falls on both. The
//! ratio is that of the times of a round with equal numbers of jobs; of all rounds, the median.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use std::collections::BTreeMap;

use super::bare::Bare;
use super::load::{self, CLIENTS, Job, Sample};
use super::operation::Operation;
use super::shop::Shop;
use crate::meter::{Cost, Ledger};

/// Measured rounds; one more before them warms connections and caches up.
const ROUNDS: usize = 9;
/// Products on sale.
const PRODUCTS: u32 = 100;

/// What was found out about an operation.
pub(super) struct Comparison {
    /// The operation.
    pub(super) operation: Operation,
    /// What it costs at the wire.
    pub(super) wire: WireCost,
    /// The operation itself.
    pub(super) ours: Sample,
    /// Its DynamoDB calls alone.
    pub(super) bare: Sample,
    /// How many times as long as the bare calls it takes.
    pub(super) ratio: f64,
}

/// Costs of one operation, on average.
#[derive(Clone, Debug, Default)]
pub(super) struct WireCost {
    /// Sequential round trips by target.
    pub(super) trips: BTreeMap<&'static str, f64>,
    /// DynamoDB capacity units.
    pub(super) capacity_units: f64,
}

/// Measures an operation on a cloud of its own.
pub(super) async fn compare(operation: Operation) -> anyhow::Result<Comparison> {
    let shop = Shop::open(PRODUCTS).await?;
    let count = operation.round().saturating_mul(ROUNDS.saturating_add(1));
    let mut ours = operation.prepare(&shop, count.saturating_mul(2)).await?;
    let table = Bare::copy_of(&shop).await?;
    let rehearsal = ours.split_off(count);
    shop.cloud.ledger.clear();
    shop.cloud.recorder.start();
    let (_, traces) = load::run(rehearsal, CLIENTS).await?;
    let mut bare = table.replay(traces, shop.cloud.recorder.stop())?;
    shop.cloud.trigger.purge().await?;
    let wire = wire_cost(&shop.cloud.ledger, operation.metered_as());
    let mut found = Comparison { operation, wire, ours: Sample::default(), bare: Sample::default(), ratio: 0.0 };
    let mut ratios = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let (of_ours, of_bare) = (take(&mut ours, operation.round()), take(&mut bare, operation.round()));
        let (of_ours, of_bare) = both(of_ours, of_bare, round % 2 == 0).await?;
        // The embedded queue copies all that it holds at every send.
        shop.cloud.trigger.purge().await?;
        if round > 0 {
            ratios.push(of_ours.seconds() / of_bare.seconds());
            found.ours.add(of_ours);
            found.bare.add(of_bare);
        }
    }
    found.ratio = median(ratios);
    Ok(found)
}

/// One after the other, each first every second time.
pub(super) async fn both(one: Vec<Job>, other: Vec<Job>, one_first: bool) -> anyhow::Result<(Sample, Sample)> {
    if one_first {
        let (one, _) = load::run(one, CLIENTS).await?;
        return Ok((one, load::run(other, CLIENTS).await?.0));
    }
    let (other, _) = load::run(other, CLIENTS).await?;
    Ok((load::run(one, CLIENTS).await?.0, other))
}

fn take(jobs: &mut Vec<Job>, count: usize) -> Vec<Job> {
    jobs.split_off(jobs.len().saturating_sub(count))
}

/// The middle one.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// What was counted of some operations, on average, and added up.
pub(super) fn wire_cost(ledger: &Ledger, names: &[&str]) -> WireCost {
    let costs = ledger.costs();
    let mut sum = WireCost::default();
    for costs in names.iter().filter_map(|name| costs.get(*name)) {
        let share = |of: fn(&Cost) -> f64| costs.iter().map(of).sum::<f64>() / costs.len() as f64;
        sum.capacity_units += share(|cost| cost.capacity_units);
        for cost in costs {
            for (target, trips) in &cost.by_target {
                *sum.trips.entry(target).or_default() += f64::from(*trips) / costs.len() as f64;
            }
        }
    }
    sum
}
