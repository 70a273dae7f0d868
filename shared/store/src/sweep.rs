//! What the janitor does: finds what is due, and lets the domain decide on each order's present state.

use std::collections::BTreeSet;

use domain::due;
use domain::id::{BatchId, Ids, OrderNumber};
use domain::plan::{Plan, Write};
use jiff::{SignedDuration, Timestamp};

use crate::commit::CommitError;
use crate::error::StoreError;
use crate::load::Waiting;
use crate::{Queue, Store};

/// The most due rows of one shard that one sweep looks at, give or take a page; the rest are still due at the next.
const PER_SHARD: u16 = 1000;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Orders that had something due.
    pub orders: usize,
    /// Orders that the time did not suffice for.
    pub left: usize,
    /// Messages sent, for the first time or again.
    pub messages: usize,
    /// Those of them that were sent before, or should have been.
    pub resent: usize,
    /// Orders expired.
    pub expired: usize,
    /// Due rows that cannot be read, and are passed over: what they are about waits until somebody mends them.
    pub unread: usize,
    /// How overdue the oldest due order was when the sweep began; zero if none was due.
    pub overdue: SignedDuration,
    /// Batches of codes that are due. They are left to [`crate::work_batches`], since they are long.
    pub batches: Vec<BatchId>,
}

impl SweepReport {
    /// Adds what was done for one order.
    fn add(&mut self, done: Self) {
        self.orders = self.orders.saturating_add(done.orders);
        self.messages = self.messages.saturating_add(done.messages);
        self.resent = self.resent.saturating_add(done.resent);
        self.expired = self.expired.saturating_add(done.expired);
    }
}

/// Looks at every order of the store's tenant that is due at `now`, what waits longest first, until `is_over`. Running it
/// twice, or two of it at once, is harmless.
///
/// # Errors
/// [`StoreError`] if the due index cannot be read; a single order that cannot be worked is logged and stays due.
pub async fn sweep(
    store: &Store,
    queue: &Queue,
    now: Timestamp,
    mut ids: Ids,
    is_over: impl Fn() -> bool,
) -> Result<SweepReport, StoreError> {
    let (mut due, unread) = store.list_due(now, PER_SHARD).await?;
    due.sort();
    let mut report = SweepReport { unread, ..SweepReport::default() };
    let (mut seen, mut orders) = (BTreeSet::new(), Vec::new());
    for (since, waiting) in due {
        match waiting {
            Waiting::Batch(id) => report.batches.push(id),
            Waiting::Order(number) => {
                report.overdue = report.overdue.max(now.duration_since(since));
                orders.extend(seen.insert(number.clone()).then_some(number));
            }
        }
    }
    let mut due = orders.iter();
    while !is_over()
        && let Some(number) = due.next()
    {
        match work(store, queue, number, now, &mut ids).await {
            Ok(done) => report.add(done),
            Err(error) => {
                tracing::warn!(order = %number, error = &error as &dyn std::error::Error, "due order not worked");
            }
        }
    }
    report.left = due.len();
    Ok(report)
}

async fn work(
    store: &Store,
    queue: &Queue,
    number: &OrderNumber,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<SweepReport, CommitError> {
    let Some(file) = store.read_order(number).await? else {
        tracing::warn!(order = %number, "due order not found");
        return Ok(SweepReport::default());
    };
    let mut report = SweepReport { orders: 1, ..SweepReport::default() };
    let mut plan = due::decide(&file, true, now, ids);
    match store.commit(&plan).await {
        Err(error) if error.refused("thaw_basket") => {
            plan = due::decide(&file, false, now, ids);
            store.commit(&plan).await?;
        }
        other => other?,
    }
    report.expired = usize::from(expires(&plan));
    for item in plan.messages() {
        match queue.send(store.tenant(), item).await {
            Ok(()) => {
                report.messages = report.messages.saturating_add(1);
                report.resent = report.resent.saturating_add(usize::from(item.resent > 0));
            }
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
