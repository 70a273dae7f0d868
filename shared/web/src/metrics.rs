//! What is counted: each fact once, after it is committed.
//!
//! What is counted together is one event of `tracing` under a target of its own, which telemetry writes as a line that
//! CloudWatch reads.
//! Every combination of dimensions is billed as a metric, so there are few, and never an order, a tenant or a person.
//! `docs/observability.md` says what each is for.

use std::fmt::Display;

use domain::money::Money;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Bursar";
/// The `tracing` target of metrics. The field `metrics` of its events is a list of names, units, values and
/// dimensions as JSON.
pub const TARGET: &str = "bursar::metrics";

/// A metric. Every metric has the dimension `Stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, in CloudWatch's words.
    pub unit: &'static str,
    /// Its dimension beside `Stage`.
    pub dimension: Option<&'static str>,
}

/// A metric with its value.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured<'a> {
    pub(crate) name: &'a str,
    pub(crate) unit: &'a str,
    /// A number as it is written: an amount of money goes through no float here.
    pub(crate) value: Box<RawValue>,
    /// The dimension beside `Stage` and its value.
    pub(crate) dimension: Option<(&'a str, &'a str)>,
}

const fn plain(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, dimension: None }
}

const ORDERS_PAID: Metric = plain("OrdersPaid", "Count");
const REVENUE: Metric = Metric { name: "Revenue", unit: "None", dimension: Some("Currency") };
const WEBHOOK_EVENTS: Metric = Metric { name: "WebhookEvents", unit: "Count", dimension: Some("Outcome") };
const PAYMENTS_UNMATCHED: Metric = plain("PaymentsUnmatched", "Count");
const AMOUNT_MISMATCHES: Metric = plain("AmountMismatches", "Count");
const FULFILLMENT_LAG: Metric = plain("FulfillmentLag", "Milliseconds");
const LINES_PARKED: Metric = plain("LinesParked", "Count");
const HOLD_CONFLICTS: Metric = plain("HoldConflicts", "Count");
const IDENTITY_HEADERS_DROPPED: Metric = plain("IdentityHeadersDropped", "Count");
const DUE_LAG: Metric = plain("DueLag", "Seconds");
const OUTBOX_RESENT: Metric = plain("OutboxResent", "Count");
const ORDERS_EXPIRED: Metric = plain("OrdersExpired", "Count");

/// Every metric.
pub const ALL: [Metric; 12] = [
    ORDERS_PAID,
    REVENUE,
    WEBHOOK_EVENTS,
    PAYMENTS_UNMATCHED,
    AMOUNT_MISMATCHES,
    FULFILLMENT_LAG,
    LINES_PARKED,
    HOLD_CONFLICTS,
    IDENTITY_HEADERS_DROPPED,
    DUE_LAG,
    OUTBOX_RESENT,
    ORDERS_EXPIRED,
];

/// What became of a processor's event: the dimension `Outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It is recorded with its order.
    Applied,
    /// It was recorded before.
    Duplicate,
    /// It is kept for a human to look at.
    Parked,
    /// It came too early: the processor says it again.
    Premature,
    /// It concerns nothing here.
    Irrelevant,
    /// It is not genuine.
    Refused,
    /// It could not be recorded: the processor says it again.
    Failed,
}

impl WebhookOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] =
        [Self::Applied, Self::Duplicate, Self::Parked, Self::Premature, Self::Irrelevant, Self::Refused, Self::Failed];

    /// The value of the dimension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
            Self::Premature => "premature",
            Self::Irrelevant => "irrelevant",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// An order became paid, for this total.
pub fn order_paid(total: Money) {
    emit([count(&ORDERS_PAID, 1), revenue(total)]);
}

/// The same by a processor's event, which was applied so.
pub fn order_paid_by_event(total: Money) {
    emit([count(&ORDERS_PAID, 1), revenue(total), event(WebhookOutcome::Applied)]);
}

fn revenue(total: Money) -> Option<Measured<'static>> {
    measured(&REVENUE, total.decimal(), Some(total.currency().code()))
}

/// A processor's event was answered.
pub fn webhook_event(outcome: WebhookOutcome) {
    emit([event(outcome)]);
}

fn event(outcome: WebhookOutcome) -> Option<Measured<'static>> {
    measured(&WEBHOOK_EVENTS, 1, Some(outcome.name()))
}

/// Money moved of which no order is known: it is kept for a human.
pub fn payment_unmatched() {
    emit([count(&PAYMENTS_UNMATCHED, 1)]);
}

/// Money moved that is not an order's total: it is kept for a human.
pub fn amount_mismatch() {
    emit([count(&AMOUNT_MISMATCHES, 1)]);
}

/// A line was granted, so long after its order was paid.
pub fn line_granted(after: SignedDuration) {
    emit([measured(&FULFILLMENT_LAG, after.as_millis().max(0), None)]);
}

/// A line was given up until a human looks.
pub fn line_parked() {
    emit([count(&LINES_PARKED, 1)]);
}

/// A checkout or a payment was refused by what others hold.
pub fn hold_conflict() {
    emit([count(&HOLD_CONFLICTS, 1)]);
}

/// Headers of a request claimed an identity without proof.
pub fn identity_headers_dropped(count: usize) {
    some(&IDENTITY_HEADERS_DROPPED, count);
}

/// The oldest thing that waits for the janitor should have been done so long ago.
pub fn due_lag(overdue: SignedDuration) {
    emit([measured(&DUE_LAG, overdue.as_secs().max(0), None)]);
}

/// Messages were sent again.
pub fn outbox_resent(count: usize) {
    some(&OUTBOX_RESENT, count);
}

/// Orders expired unpaid.
pub fn orders_expired(count: usize) {
    some(&ORDERS_EXPIRED, count);
}

fn some(metric: &Metric, found: usize) {
    if found > 0 {
        emit([count(metric, found)]);
    }
}

fn count(metric: &Metric, found: usize) -> Option<Measured<'static>> {
    measured(metric, found, None)
}

/// `None` for what is no number, which none of ours can be.
fn measured(metric: &Metric, value: impl Display, member: Option<&'static str>) -> Option<Measured<'static>> {
    let value = RawValue::from_string(value.to_string()).ok()?;
    Some(Measured { name: metric.name, unit: metric.unit, value, dimension: metric.dimension.zip(member) })
}

fn emit<const N: usize>(all: [Option<Measured<'_>>; N]) {
    let told: Vec<_> = all.into_iter().flatten().collect();
    tracing::info!(target: TARGET, metrics = serde_json::to_string(&told).unwrap_or_default());
}
