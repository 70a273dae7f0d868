//! Paying a refund back through the processor: the answer, or its loss, is written before anything else happens.

use jiff::Timestamp;

use crate::backoff::{PATIENCE, next_try};
use crate::id::{Ids, OutboxId};
use crate::journal::JournalEntry;
use crate::ledger::{Account, LedgerEntry};
use crate::order::OrderFile;
use crate::owner::Actor;
use crate::payment::{ProcessorName, RefundAnswer, RefundStanding};
use crate::plan::{Plan, Write};
use crate::refund::{IllegalRefundEvent, Refund, RefundEvent};
use crate::refundable::{booked, lines_to_revoke, revoke_lines};
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
    refund.is_to_be_asked() && refund.due.is_some_and(|due| due <= now || refund.tries == 0)
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
    let tries = refund.tries.saturating_add(1);
    let (mut reference, mut due) = (refund.reference.clone(), None);
    let mut plan = Plan::default();
    let (event, name, detail) = match result {
        RefundResult::Answered(answer) => {
            plan.push(Write::Journal(Some(number.clone()), journal(refund, &answer, now, ids)));
            reference = Some(answer.reference);
            match answer.standing {
                RefundStanding::Pending => (RefundEvent::Submit, "refund_submitted", None),
                RefundStanding::Succeeded => (RefundEvent::Succeed, "refund_paid", None),
                RefundStanding::Failed => (RefundEvent::Fail, "refund_failed", None),
            }
        }
        RefundResult::Lost(why) => {
            due = Some(next_try(now, tries, jitter));
            (RefundEvent::LoseAnswer, "refund_delayed", Some(why))
        }
        RefundResult::Refused(why) if now < patience_ends(refund) => {
            due = Some(next_try(now, tries, jitter));
            (RefundEvent::LoseAnswer, "refund_refused", Some(why))
        }
        RefundResult::Refused(why) => (RefundEvent::Fail, "refund_failed", Some(why)),
    };
    let after = Refund { tries, reference, due, ..refund.after(event)? };
    if matches!(event, RefundEvent::Submit | RefundEvent::Succeed) && !file.is_counted(&refund.cause()) {
        plan.writes.extend(book(file, refund, now, ids));
    }
    // What is posted here and what the processor's event posts must not be decided side by side.
    plan.push(Write::SaveOrder(Box::new(file.order.touched())));
    plan.push(Write::SaveRefund(number.clone(), Box::new(after)));
    plan.push(log_detail(number, name, Actor::System, detail, (now, ids)));
    plan.writes.extend(message.map(|id| Write::Settle(number.clone(), id.clone())));
    Ok(plan)
}

/// Counts the money as gone back, and takes the places back that go with it.
fn book(file: &OrderFile, refund: &Refund, now: Timestamp, ids: &mut Ids) -> Vec<Write> {
    let number = file.order.number.clone();
    // A processor that gave all back by itself says so to whoever asks for more: no more is counted than there was.
    let there = file.balance(refund.account).and_then(|balance| balance.at_most(refund.amount));
    let amount = there.unwrap_or(refund.amount).negated();
    let entry = LedgerEntry { account: refund.account, amount, cause: refund.cause(), at: now };
    let mut writes = vec![Write::PostLedger(number, entry)];
    if refund.account == Account::Sale {
        let lines = lines_to_revoke(&booked(file, &writes), &[refund], false);
        writes.extend(revoke_lines(file, &lines, ids.make(), now));
    }
    writes
}

fn patience_ends(refund: &Refund) -> Timestamp {
    refund.created_at.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX)
}

fn journal(refund: &Refund, answer: &RefundAnswer, now: Timestamp, ids: &mut Ids) -> JournalEntry {
    let raw = JournalEntry::clipped(&answer.raw);
    let processor = if refund.by_hand { ProcessorName::BankTransfer } else { ProcessorName::Stripe };
    JournalEntry { id: ids.make(), processor, about: "refund".to_owned(), raw, at: now }
}
