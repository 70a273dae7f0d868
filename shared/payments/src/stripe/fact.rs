//! What Stripe's objects mean, in our words.

use domain::payment::{Fact, FailedRefund, RefundStanding, SessionEnd};
use domain::text::ProcessorRef;

use super::wire::{Charge, Dispute, Intent, IntentStatus, PaymentStatus, Refund, RefundStatus, Session, SessionStatus};
use crate::UnreadableAmount;
use crate::exponent::money;

/// A fact, unless its amount cannot be read.
pub(crate) type ReadFact = Result<Fact, UnreadableAmount>;

/// A completed session: paid, or paid later by the bank. A payment status that we do not know counts as unpaid, so
/// that the janitor keeps asking.
pub(crate) fn completed(session: &Session) -> ReadFact {
    match &session.payment_status {
        Some(PaymentStatus::Paid | PaymentStatus::NoPaymentRequired) => paid(session),
        Some(PaymentStatus::Unpaid | PaymentStatus::Other(_)) | None => Ok(Fact::Processing),
    }
}

/// A session whose money is there.
pub(crate) fn paid(session: &Session) -> ReadFact {
    captured(session.amount_total, session.currency.as_deref())
}

/// The payment that a session's money is counted by: its intent, or the session itself when nothing had to be paid
/// (a promotion code of 100 %), since there is no intent then.
pub(crate) fn payment_of(session: &Session) -> Option<ProcessorRef> {
    match &session.payment_intent {
        Some(intent) => Some(intent.id().clone()),
        None if session.payment_status == Some(PaymentStatus::NoPaymentRequired) => Some(session.id.clone()),
        None => None,
    }
}

/// A session as it stands now, with its intent expanded if Stripe did so.
pub(crate) fn session_now(session: &Session) -> ReadFact {
    match &session.status {
        Some(SessionStatus::Expired) => Ok(Fact::SessionExpired),
        Some(SessionStatus::Complete) => match completed(session)? {
            // A bank debit that bounced leaves the session complete and unpaid; only the intent tells.
            Fact::Processing => {
                session.payment_intent.as_ref().and_then(|i| i.object()).map_or(Ok(Fact::Processing), bounced)
            }
            fact @ (Fact::Captured { .. }
            | Fact::Declined { .. }
            | Fact::Failed { .. }
            | Fact::SessionExpired
            | Fact::Refunded { .. }
            | Fact::RefundFailed(_)
            | Fact::Disputed { .. }
            | Fact::Unreadable { .. }
            | Fact::Irrelevant) => Ok(fact),
        },
        Some(SessionStatus::Open | SessionStatus::Other(_)) | None => Ok(Fact::Irrelevant),
    }
}

fn bounced(intent: &Intent) -> ReadFact {
    match &intent.status {
        Some(IntentStatus::RequiresPaymentMethod) => Ok(Fact::Failed { reason: decline_reason(intent) }),
        Some(IntentStatus::Canceled) => Ok(canceled(intent)),
        _ => Ok(Fact::Processing),
    }
}

/// An intent as it stands now.
pub(crate) fn intent_now(intent: &Intent) -> ReadFact {
    match &intent.status {
        Some(IntentStatus::Succeeded) => received(intent),
        Some(IntentStatus::Processing | IntentStatus::RequiresCapture) => Ok(Fact::Processing),
        Some(IntentStatus::Canceled) => Ok(canceled(intent)),
        Some(IntentStatus::RequiresPaymentMethod) if intent.last_payment_error.is_some() => Ok(declined(intent)),
        Some(
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::Other(_),
        )
        | None => Ok(Fact::Irrelevant),
    }
}

/// An intent that succeeded.
pub(crate) fn received(intent: &Intent) -> ReadFact {
    captured(intent.amount_received, intent.currency.as_deref())
}

/// An intent whose last try was declined; another may follow.
pub(crate) fn declined(intent: &Intent) -> Fact {
    Fact::Declined { reason: decline_reason(intent) }
}

/// An intent that was cancelled, by us, by staff in the dashboard, or by Stripe.
pub(crate) fn canceled(intent: &Intent) -> Fact {
    Fact::Failed { reason: intent.cancellation_reason.clone().unwrap_or_else(|| "canceled".to_owned()) }
}

fn decline_reason(intent: &Intent) -> String {
    let error = intent.last_payment_error.as_ref();
    let reason = error.and_then(|error| error.decline_code.as_ref().or(error.code.as_ref()));
    reason.cloned().unwrap_or_else(|| "declined".to_owned())
}

/// A charge of which something was given back.
pub(crate) fn refunded(charge: &Charge) -> ReadFact {
    let total = read(charge.amount_refunded, charge.currency.as_deref())?;
    Ok(Fact::Refunded { total })
}

/// A refund that changed: told only if it failed, or was cancelled before it was paid.
pub(crate) fn refund_changed(refund: &Refund) -> Fact {
    match refund_standing(refund.status.as_ref()) {
        RefundStanding::Pending | RefundStanding::Succeeded => Fact::Irrelevant,
        RefundStanding::Failed => Fact::RefundFailed(FailedRefund {
            refund: refund.metadata.as_ref().and_then(|pairs| pairs.refund_id.as_ref()?.parse().ok()),
            reference: refund.id.clone(),
            amount: read(refund.amount, refund.currency.as_deref()).ok(),
            reason: refund.failure_reason.clone().unwrap_or_else(|| "unknown".to_owned()),
        }),
    }
}

/// A dispute. Its amount is told if it can be read; the flag on the order does not depend on it.
pub(crate) fn disputed(dispute: &Dispute) -> Fact {
    Fact::Disputed {
        status: dispute.status.clone().unwrap_or_else(|| "unknown".to_owned()),
        amount: read(dispute.amount, dispute.currency.as_deref()).ok(),
    }
}

fn captured(units: Option<i64>, currency: Option<&str>) -> ReadFact {
    Ok(Fact::Captured { amount: read(units, currency)? })
}

fn read(units: Option<i64>, currency: Option<&str>) -> Result<domain::money::Money, UnreadableAmount> {
    let amount = units.zip(currency).and_then(|(units, currency)| money(units, currency));
    amount.ok_or_else(|| UnreadableAmount { units, currency: currency.map(ToOwned::to_owned) })
}

/// How a session stands with regard to ending it; nothing while it can still be paid.
pub(crate) fn session_end(session: &Session) -> Option<SessionEnd> {
    match &session.status {
        Some(SessionStatus::Expired) => Some(SessionEnd::Closed),
        Some(SessionStatus::Complete) => Some(SessionEnd::Paid),
        Some(SessionStatus::Open | SessionStatus::Other(_)) | None => None,
    }
}

/// How an intent stands with regard to ending it; nothing while it can still be paid.
pub(crate) fn intent_end(intent: &Intent) -> Option<SessionEnd> {
    match &intent.status {
        Some(IntentStatus::Canceled) => Some(SessionEnd::Closed),
        Some(IntentStatus::Succeeded | IntentStatus::Processing | IntentStatus::RequiresCapture) => {
            Some(SessionEnd::Paid)
        }
        Some(
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::Other(_),
        )
        | None => None,
    }
}

/// How a refund stands. A status that we do not know counts as pending.
pub(crate) fn refund_standing(status: Option<&RefundStatus>) -> RefundStanding {
    match status {
        Some(RefundStatus::Succeeded) => RefundStanding::Succeeded,
        Some(RefundStatus::Failed | RefundStatus::Canceled) => RefundStanding::Failed,
        Some(RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Other(_)) | None => {
            RefundStanding::Pending
        }
    }
}
