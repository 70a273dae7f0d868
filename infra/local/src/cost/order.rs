//! What orders cost.

use rust_decimal::Decimal;

use super::bill::{Bill, checked};
use super::durations::Compute;
use super::prices::{Durations, Prices};
use super::usage::Usage;
use crate::template::{Setting, Stack};

/// So many orders are one unit of the bill.
pub const ORDERS: u32 = 1000;

/// What the price of a purchase rests on.
pub(super) struct Rates<'a> {
    pub(super) stack: &'a Stack,
    pub(super) prices: &'a Prices,
    pub(super) durations: &'a Durations,
    pub(super) settings: &'a std::collections::BTreeSet<Setting>,
}

/// A thousand purchases.
pub(super) fn bill(used: &Usage, rates: &Rates<'_>) -> anyhow::Result<Bill> {
    let Rates { stack, prices, durations, settings } = rates;
    let compute = Compute::new(stack, durations, settings)?;
    let wire = durations.wire;
    let mut bill = Bill::default();
    let mut add = |name: &str, price: &str, count: Decimal| {
        bill.add(prices, name, price, checked(count.checked_mul(ORDERS.into()))?)
    };
    add("API requests", "http_api_request", used.requests.into())?;
    add("invocations", "lambda_request", used.invocations.len().into())?;
    for (price, seconds) in compute.gb_seconds(&used.invocations)? {
        add("compute", &price, seconds)?;
    }
    add("writes", "dynamodb_write", used.write_units)?;
    add("reads", "dynamodb_read", used.read_units)?;
    // Each message is sent, received and deleted.
    add("messages", "sqs_request", used.messages.saturating_mul(3).into())?;
    let lines = used.log.lines.saturating_add(used.requests);
    let access = used.requests.saturating_mul(super::access::line_bytes(stack)?);
    let logged = used.log.bytes.saturating_add(access).saturating_add(lines.saturating_mul(wire.line_bytes.into()));
    add("logs", "logs_ingestion", gigabytes(logged)?)?;
    let heads = used.requests.saturating_mul(wire.head_bytes.into());
    let calls = u64::from(used.calls_outside()).saturating_mul(wire.call_bytes.into());
    add("data sent", "data_out", gigabytes(used.answered_bytes.saturating_add(heads).saturating_add(calls))?)?;
    add("decryption at starts", "kms_request", compute.decryptions(&used.invocations)?)?;
    Ok(bill)
}

/// AWS counts by 1024.
pub(super) fn gigabytes(bytes: u64) -> anyhow::Result<Decimal> {
    checked(Decimal::from(bytes).checked_div((1_u64 << 30).into()))
}
