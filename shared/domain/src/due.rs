//! What the janitor looks at: everything in the table that waits for a moment.
//!
//! A due row is only a hint. Whoever follows it loads the order and decides on what he finds there, so looking twice,
//! late, or at something that was done meanwhile changes nothing.

use jiff::{SignedDuration, Timestamp};

use crate::backoff::next_try;
use crate::cancel_order;
use crate::id::Ids;
use crate::order::{OrderFile, OrderState};
use crate::plan::{OutboxItem, Plan, Work, Write};

/// How long a message has before it is taken for lost and sent again.
pub const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(30);

/// Decides what is due of an order at `now`: messages to send again, a message for lines or refunds that wait for none,
/// and the order's expiry. `thaw` says whether its frozen basket is still there to be opened.
#[must_use]
pub fn decide(file: &OrderFile, thaw: bool, now: Timestamp, ids: &mut Ids) -> Plan {
    let mut plan = Plan::default();
    for item in file.outbox.iter().filter(|item| item.due <= now) {
        let resent = item.resent.saturating_add(1);
        plan.push(Write::Resend(OutboxItem { due: next_try(now, resent, 0), resent, ..item.clone() }));
    }
    let owed = |work: &Work| file.outbox.iter().any(|item| item.work == *work);
    let waits = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
    let order = &file.order.number;
    let mut owe = |work: Work, ids: &mut Ids| {
        if !owed(&work) {
            let due = now.saturating_add(FIRST_LOOK).unwrap_or(Timestamp::MAX);
            plan.push(Write::Owe(OutboxItem { id: ids.make(), order: order.clone(), work, due, resent: 0 }));
        }
    };
    if file.tasks.values().any(|task| waits(task.state.due())) {
        owe(Work::Fulfil, ids);
    }
    for refund in file.refunds.iter().filter(|refund| waits(refund.due)) {
        if refund.is_to_be_asked() {
            owe(Work::Refund(refund.id.clone()), ids);
        }
    }
    if is_expired(file, now)
        && let Ok((_, expiry)) = cancel_order::expire(file, thaw, now, ids)
    {
        plan.writes.extend(expiry.writes);
    }
    plan
}

/// Whether the order's time is up. Money on its way has moved that time; money of the wrong amount has not, and is kept
/// apart from the order.
fn is_expired(file: &OrderFile, now: Timestamp) -> bool {
    match file.order.state {
        OrderState::PendingPayment { pay_by } => pay_by <= now,
        OrderState::Paid { .. } | OrderState::Cancelled { .. } | OrderState::Expired { .. } => false,
    }
}
