//! What Bursar costs: a thousand orders, and a month in which nobody comes, item by item at list prices.
//!
//! One real purchase is made on the local cloud, and what it uses is counted at the wire; what stands idle is read from
//! the template. Prices, durations and the last result are dated files in `infra/prices`. docs/cost.md explains it.

mod access;
mod baseline;
mod bill;
mod durations;
mod idle;
mod lines;
mod order;
mod prices;
mod purchase;
mod usage;

use std::fmt::Write;

use anyhow::Context;
use rust_decimal::Decimal;

use lines::Lines;
use order::Rates;

pub use baseline::{BASELINE, Baseline};
pub use bill::{Bill, Item};
pub use lines::Weight;
pub use order::ORDERS;
pub use prices::{Durations, Poll, Price, Prices, Start, Wire};
pub use usage::{Invocation, Usage};

use crate::demo::say;
use crate::template::{Stack, settings};

/// A thousand orders should cost no more than this, in US dollars.
const TARGET: &str = "0.10";

/// What it costs.
#[derive(Clone, Debug)]
pub struct Report {
    /// The prices.
    pub prices: Prices,
    /// A thousand orders.
    pub orders: Bill,
    /// An idle month.
    pub idle: Bill,
    /// What one purchase used.
    pub purchase: Usage,
}

/// Prints what it costs.
///
/// # Errors
/// If it cannot be computed, or has grown by more than a tenth since it was last looked at.
pub async fn run() -> anyhow::Result<()> {
    let report = tokio::task::spawn_blocking(|| report("prod")).await??;
    say(&report.text()?);
    Baseline::read()?.check(&report)
}

/// Computes what a stage costs. It makes a runtime of its own, so that all of the purchase happens on this thread, whose
/// log lines are counted.
///
/// # Errors
/// If something cannot be priced, or the purchase fails.
pub fn report(stage: &str) -> anyhow::Result<Report> {
    let (stack, prices, durations) = (Stack::of(stage)?, Prices::read()?, Durations::read()?);
    let (lines, routes) = (Lines::default(), stack.routes()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let functions = stack.functions()?;
    let variables = functions.get("janitor").context("there is no janitor")?.variables();
    let telemetry = lines.of(variables);
    let used = tracing::dispatcher::with_default(&telemetry, || runtime.block_on(purchase::make(routes, &lines)))?;
    let settings = settings()?;
    let rates = Rates { stack: &stack, prices: &prices, durations: &durations, settings: &settings };
    let (orders, idle) = (order::bill(&used.purchase, &rates)?, idle::bill(&used.idle_run, &rates)?);
    Ok(Report { prices, orders, idle, purchase: used.purchase })
}

impl Report {
    /// The report as text, in Markdown.
    ///
    /// # Errors
    /// If a price is missing.
    pub fn text(&self) -> anyhow::Result<String> {
        let Self { prices, orders, idle, purchase } = self;
        let dollars = |usd: Decimal| bill::rounded(usd, 4);
        let mut text = format!(
            "List prices of {} on {}.\n\nOne purchase is {} requests to the API, {} invocations, {} write and {} read units, \
             {} message, {} log lines of {} bytes, {} calls to processor and LMS.\n\n{ORDERS} orders:\n\n{}\n",
            prices.region,
            prices.date,
            purchase.requests,
            purchase.invocations.len(),
            bill::rounded(purchase.write_units, 1),
            bill::rounded(purchase.read_units, 1),
            purchase.messages,
            purchase.log.lines,
            purchase.log.bytes,
            purchase.calls_outside(),
            orders.table(),
        );
        let target: Decimal = TARGET.parse()?;
        let met = if orders.usd() <= target { "met" } else { "MISSED" };
        let usd = dollars(orders.usd());
        writeln!(text, "{ORDERS} orders cost **${usd}** (target ${TARGET}: {met}), the processor's fee apart.\n")?;
        writeln!(text, "A month in which nobody comes:\n\n{}", idle.table())?;
        let (all, free) = (dollars(idle.usd()), dollars(idle.usd_after_free(prices)?));
        writeln!(
            text,
            "An idle month costs **${all}**; ${free} where nothing else uses up what AWS gives for nothing."
        )?;
        let metrics = &purchase.log.metrics;
        writeln!(
            text,
            "\nA purchase writes {} metrics, which are billed by the hour in which they are.",
            metrics.len()
        )?;
        Ok(text)
    }
}
