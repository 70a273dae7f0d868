//! Paying a refund back through the processor: the answer, or its loss, is written before anything else happens.

use jiff::Timestamp;

use crate::backoff::{PATIENCE, next_try};
use crate::id::{Ids, OutboxId};
use crate::journal::JournalEntry;
use crate::ledger::LedgerEntry;
use crate::order::OrderFile;
use crate::owner::Actor;
use crate::payment::{ProcessorName, RefundAnswer, RefundStanding};
use crate::plan::{Plan, Write};
use crate::refund::{IllegalRefundEvent, Refund, RefundEvent};
use crate::start_checkout::log_detail;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundResult {
    /// The processor answered.
    Answered(RefundAnswer),
    /// No answer, or one that says nothing; to be asked again with the same key. The text is for staff.
    Lost(String),
    /// The processor refused. It is asked again for a week, since keys are rotated and balances filled. The text is for
    /// staff.
    Refused(String),
}

/// Whether a refund is to be submitted now.
#[must_use]
pub fn is_due(refund: &Refund, now: Timestamp) -> bool {
    refund.due.is_some_and(|due| due <= now || refund.tries == 0)
}

/// Decides what is written after the processor was asked.
///
/// # Errors
/// [`IllegalRefundEvent`] if the refund is not one that can be submitted.
pub fn finish(
    file: &OrderFile,
    refund: &Refund,
    result: RefundResult,
    message: Option<&OutboxId>,
    (now, jitter, ids): (Timestamp, u64, &mut Ids),
) -> Result<Plan, IllegalRefundEvent> {
    let number = &file.order.number;
    let mut after = Refund { tries: refund.tries.saturating_add(1), due: None, ..refund.clone() };
    after.version = refund.version.saturating_add(1);
    let mut plan = Plan::default();
    let (event, name, detail) = match result {
        RefundResult::Answered(answer) => {
            plan.push(Write::Journal(Some(number.clone()), journal(&answer, now, ids)));
            after.reference = Some(answer.reference);
            match answer.standing {
                RefundStanding::Pending => (RefundEvent::Submit, "refund_submitted", None),
                RefundStanding::Succeeded => (RefundEvent::Succeed, "refund_paid", None),
                RefundStanding::Failed => (RefundEvent::Fail, "refund_failed", None),
            }
        }
        RefundResult::Lost(why) => {
            after.due = Some(next_try(now, after.tries, jitter));
            (RefundEvent::LoseAnswer, "refund_delayed", Some(why))
        }
        RefundResult::Refused(why) if now < patience_ends(refund) => {
            after.due = Some(next_try(now, after.tries, jitter));
            (RefundEvent::LoseAnswer, "refund_refused", Some(why))
        }
        RefundResult::Refused(why) => (RefundEvent::Fail, "refund_failed", Some(why)),
    };
    after.state = refund.state.apply(event)?;
    let cause = refund.cause();
    if matches!(event, RefundEvent::Submit | RefundEvent::Succeed) && !file.is_counted(&cause) {
        let entry = LedgerEntry { account: refund.account, amount: refund.amount.negated(), cause, at: now };
        plan.push(Write::PostLedger(number.clone(), entry));
    }
    // What is posted here and what the processor's event posts must not be decided side by side.
    plan.push(Write::SaveOrder(Box::new(file.order.touched())));
    plan.push(Write::SaveRefund(number.clone(), Box::new(after)));
    plan.push(log_detail(number, name, Actor::System, detail, (now, ids)));
    plan.writes.extend(message.map(|id| Write::Settle(number.clone(), id.clone())));
    Ok(plan)
}

fn patience_ends(refund: &Refund) -> Timestamp {
    refund.created_at.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX)
}

fn journal(answer: &RefundAnswer, now: Timestamp, ids: &mut Ids) -> JournalEntry {
    let raw = JournalEntry::clipped(&answer.raw);
    JournalEntry { id: ids.make(), processor: ProcessorName::Stripe, about: "refund".to_owned(), raw, at: now }
}
