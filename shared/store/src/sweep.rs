//! What the janitor does: finds what is due, and lets the domain decide on each order's present state.

use std::collections::BTreeSet;

use domain::due;
use domain::id::{Ids, OrderNumber};
use domain::plan::{Plan, Write};
use jiff::Timestamp;

use crate::commit::CommitError;
use crate::error::StoreError;
use crate::{Queue, Store};

/// The most due rows of one shard that one sweep looks at, give or take a page; the rest are still due at the next.
const PER_SHARD: usize = 1000;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Orders that had something due.
    pub orders: usize,
    /// Messages sent, for the first time or again.
    pub messages: usize,
    /// Orders expired.
    pub expired: usize,
}

/// Looks at everything of the store's tenant that is due at `now`. Running it twice, or two of it at once, is harmless.
///
/// # Errors
/// [`StoreError`] if the due index cannot be read; a single order that cannot be worked is logged and stays due.
pub async fn sweep(store: &Store, queue: &Queue, now: Timestamp, mut ids: Ids) -> Result<SweepReport, StoreError> {
    let mut report = SweepReport::default();
    for number in store.list_due(now, PER_SHARD).await?.into_iter().collect::<BTreeSet<OrderNumber>>() {
        match work(store, queue, &number, now, &mut ids).await {
            Ok(done) => {
                report.orders = report.orders.saturating_add(1);
                report.messages = report.messages.saturating_add(done.messages);
                report.expired = report.expired.saturating_add(done.expired);
            }
            Err(error) => {
                tracing::warn!(order = %number, error = &error as &dyn std::error::Error, "due order not worked");
            }
        }
    }
    Ok(report)
}

async fn work(
    store: &Store,
    queue: &Queue,
    number: &OrderNumber,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<SweepReport, CommitError> {
    let Some(file) = store.read_order(number).await? else { return Ok(SweepReport::default()) };
    let mut plan = due::decide(&file, true, now, ids);
    match store.commit(&plan).await {
        Err(error) if error.refused("thaw_basket") => {
            plan = due::decide(&file, false, now, ids);
            store.commit(&plan).await?;
        }
        other => other?,
    }
    let mut report = SweepReport { orders: 1, expired: usize::from(expires(&plan)), messages: 0 };
    for item in plan.messages() {
        match queue.send(store.tenant(), item).await {
            Ok(()) => report.messages = report.messages.saturating_add(1),
            Err(error) => {
                tracing::warn!(order = %number, error = &error as &dyn std::error::Error, "message not sent");
            }
        }
    }
    Ok(report)
}

fn expires(plan: &Plan) -> bool {
    plan.writes.iter().any(|write| matches!(write, Write::SaveOrder(order) if order.state.name() == "expired"))
}
