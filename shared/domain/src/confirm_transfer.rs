//! Confirming a bank transfer: what staff read off the account's statement is decided on as a processor's capture is.
//!
//! So a second transfer, one that comes too late or one of another amount is what it is at a processor (I1, I2). A
//! transfer is of one order: the claim of its reference is a row that can be made once.

use jiff::{SignedDuration, Timestamp};

use crate::id::Ids;
use crate::idempotency::{IdempotencyRecord, REMEMBERED};
use crate::money::Money;
use crate::order::OrderFile;
use crate::owner::{Actor, UserId};
use crate::payment::{Fact, ProcessorEvent, ProcessorName};
use crate::plan::{Plan, Write};
use crate::record_payment::{self, Circumstances, Outcome};
use crate::text::BankReference;

/// How far the clocks of a bank and ours may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// How long after its time a transfer still pays its order, if there are places: banks take some days.
const GRACE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// A transfer that staff found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Who found it.
    pub by: UserId,
    /// How much came.
    pub amount: Money,
    /// What the bank calls it.
    pub reference: BankReference,
    /// When it came.
    pub received_at: Timestamp,
    /// The key's name in the namespace of `by`.
    pub key: String,
    /// The digest of method, path and body.
    pub fingerprint: String,
}

/// Why a transfer is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    /// The order is not one that is paid by transfer.
    #[error("the order is not paid by bank transfer")]
    NotByTransfer,
    /// The order has the reference with another amount.
    #[error("the reference was recorded with another amount")]
    ReferenceUsed,
    /// It is said to have come later than now.
    #[error("must not be in the future")]
    NotYet,
    /// Nothing, or less, cannot come.
    #[error("must be more than nothing")]
    NotPositive,
}

/// Decides what a transfer means for its order; nothing is written if it was recorded before. `raw` is kept in the
/// journal.
///
/// # Errors
/// [`TransferRefusal`].
pub fn decide(
    file: &OrderFile,
    transfer: &Transfer,
    raw: &str,
    circumstances: Circumstances,
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Outcome, Plan), TransferRefusal> {
    let attempt = file.attempts.iter().find(|attempt| attempt.processor.is_by_hand());
    let attempt = attempt.ok_or(TransferRefusal::NotByTransfer)?;
    if transfer.amount.is_zero() || transfer.amount.is_negative() {
        return Err(TransferRefusal::NotPositive);
    }
    if transfer.received_at > now.saturating_add(SKEW).unwrap_or(Timestamp::MAX) {
        return Err(TransferRefusal::NotYet);
    }
    let payment = transfer.reference.payment();
    if let Some(entry) = file.ledger.iter().find(|entry| entry.payment() == Some(payment.as_str())) {
        let same = entry.amount == transfer.amount;
        let refused = TransferRefusal::ReferenceUsed;
        return if same { Ok((Outcome::AlreadyCounted, Plan::default())) } else { Err(refused) };
    }
    let event = ProcessorEvent {
        processor: ProcessorName::BankTransfer,
        event: payment.clone(),
        event_type: "transfer_received".to_owned(),
        occurred_at: transfer.received_at,
        order: Some(file.order.number.clone()),
        // One of another amount leaves the account shown for another try.
        attempt: (transfer.amount == file.order.total).then(|| attempt.id.clone()),
        session: None,
        payment: Some(payment.clone()),
        fact: Fact::Captured { amount: transfer.amount },
    };
    // The price was promised for a time; after some days more it is no more given, whatever is left.
    let promised = attempt.session_ends_at.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
    let places_gone = circumstances.places_gone || transfer.received_at > promised;
    let circumstances = Circumstances { places_gone, ..circumstances };
    let (outcome, plan) = record_payment::decide(file, &event, || raw.to_owned(), circumstances, (now, ids));
    let mut plan = said_by(plan, &transfer.by);
    let (order, processor) = (file.order.number.clone(), event.processor);
    plan.push(Write::ClaimPayment { order, processor, payment });
    plan.push(remember(file, transfer, now));
    Ok((outcome, plan))
}

fn remember(file: &OrderFile, transfer: &Transfer, now: Timestamp) -> Write {
    let record = IdempotencyRecord {
        key: transfer.key.clone(),
        fingerprint: transfer.fingerprint.clone(),
        order: Some(file.order.number.clone()),
        refund: None,
        batch: None,
        forget_at: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
    };
    Write::Remember { owner: transfer.by.clone(), record, now }
}

/// The plan with the timeline saying that it was this member of staff, and not a processor.
pub(crate) fn said_by(mut plan: Plan, by: &UserId) -> Plan {
    for write in &mut plan.writes {
        if let Write::Log(_, entry) = write {
            entry.actor = Actor::Staff(by.clone());
        }
    }
    plan
}
