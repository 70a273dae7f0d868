//! Refunds: money that goes back. The sum of refunds never passes what was captured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RefundId;
use crate::ledger::Account;
use crate::money::Money;
use crate::owner::Actor;
use crate::text::{Note, ProcessorRef};

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// A learner asked.
    Requested,
    /// It shall be paid; the processor has not been asked yet.
    Approved,
    /// Refused by staff. Final.
    Denied,
    /// The processor was asked, and has not said that it is done.
    Submitted,
    /// The money went back. Final, unless the processor takes its word back.
    Succeeded,
    /// The processor will not.
    Failed,
    /// The processor's answer was lost.
    Unknown,
}

/// What can happen to a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundEvent {
    /// Staff approves.
    Approve,
    /// Staff denies.
    Deny,
    /// The processor took it.
    Submit,
    /// The money went back.
    Succeed,
    /// The processor refused.
    Fail,
    /// The processor's answer was lost.
    LoseAnswer,
}

/// A transition that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a refund that is {from:?} cannot {event:?}")]
pub struct IllegalRefundEvent {
    /// The state.
    pub from: RefundState,
    /// The event.
    pub event: RefundEvent,
}

impl RefundState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Requested, Self::Approved, Self::Denied, Self::Submitted, Self::Succeeded, Self::Failed, Self::Unknown];

    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalRefundEvent`] for every pair that the table does not list.
    pub fn apply(self, event: RefundEvent) -> Result<Self, IllegalRefundEvent> {
        use RefundEvent as E;
        match (self, event) {
            (Self::Requested, E::Approve) => Ok(Self::Approved),
            (Self::Requested, E::Deny) => Ok(Self::Denied),
            (Self::Approved | Self::Unknown, E::Submit) => Ok(Self::Submitted),
            (Self::Approved | Self::Submitted | Self::Unknown, E::Succeed) => Ok(Self::Succeeded),
            // A processor may find later that the learner's bank does not take the money.
            (Self::Approved | Self::Submitted | Self::Unknown | Self::Succeeded, E::Fail) => Ok(Self::Failed),
            (Self::Approved | Self::Unknown, E::LoseAnswer) => Ok(Self::Unknown),
            (Self::Requested, E::Submit | E::Succeed | E::Fail | E::LoseAnswer)
            | (Self::Approved, E::Approve | E::Deny)
            | (Self::Submitted | Self::Succeeded, E::Approve | E::Deny | E::Submit | E::LoseAnswer)
            | (Self::Succeeded, E::Succeed)
            | (Self::Unknown, E::Approve | E::Deny)
            | (Self::Denied | Self::Failed, E::Approve | E::Deny | E::Submit | E::Succeed | E::Fail | E::LoseAnswer) => {
                Err(IllegalRefundEvent { from: self, event })
            }
        }
    }

    /// The state's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Submitted => "submitted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The order was paid by another payment already.
    SecondPayment,
    /// The payment came after the order had ended, and its places were gone.
    LatePayment,
    /// What was transferred is not the order's total.
    WrongAmount,
    /// The processor was told to pay back on its own page.
    AtProcessor,
    /// The learner or staff asked for it; why stands in [`Refund::note`].
    Asked,
}

impl RefundReason {
    /// The reason's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondPayment => "second_payment",
            Self::LatePayment => "late_payment",
            Self::WrongAmount => "wrong_amount",
            Self::AtProcessor => "at_processor",
            Self::Asked => "asked",
        }
    }
}

/// The part of a refund that is one line's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedLine {
    /// The line's number.
    pub line: u32,
    /// How much of its price.
    pub amount: Money,
}

/// Money that goes back from one payment.
///
/// What has a default was not written before refunds could be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id, from which the processor's idempotency key is made.
    pub id: RefundId,
    /// Why.
    pub reason: RefundReason,
    /// What the person who asked says about it. Never logged.
    #[serde(default)]
    pub note: Option<Note>,
    /// Who asked.
    #[serde(default = "system")]
    pub asked_by: Actor,
    /// How much.
    pub amount: Money,
    /// The lines that it is for, with the part of each; they add up to `amount`. None is the order as a whole.
    #[serde(default)]
    pub lines: Vec<RefundedLine>,
    /// Whether places are taken back of which nothing of the price is left.
    #[serde(default = "yes")]
    pub revoke: bool,
    /// Whether staff pay it back themselves and say when they did: no processor is asked.
    #[serde(default)]
    pub by_hand: bool,
    /// The payment that it goes back from; `None` when nothing was paid.
    pub payment: Option<ProcessorRef>,
    /// The account of the ledger that it is taken from.
    pub account: Account,
    /// Where it stands.
    pub state: RefundState,
    /// The processor's name for it, once known.
    pub reference: Option<ProcessorRef>,
    /// When to try (again); `None` when nothing is to be done.
    pub due: Option<Timestamp>,
    /// Tries so far.
    pub tries: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: u64,
}

fn system() -> Actor {
    Actor::System
}

fn yes() -> bool {
    true
}

impl Refund {
    /// The cause under which the ledger counts it.
    #[must_use]
    pub fn cause(&self) -> String {
        format!("refund:{}", self.id)
    }

    /// The cause under which the ledger puts it back, when the processor takes its word back.
    #[must_use]
    pub fn undone_cause(&self) -> String {
        format!("refund_failed:{}", self.id)
    }

    /// Whether it takes money, or may: it was neither denied nor has it failed.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match self.state {
            RefundState::Denied | RefundState::Failed => false,
            RefundState::Requested
            | RefundState::Approved
            | RefundState::Submitted
            | RefundState::Succeeded
            | RefundState::Unknown => true,
        }
    }

    /// Whether the processor is to be asked for it, for the first time or again.
    #[must_use]
    pub fn is_to_be_asked(&self) -> bool {
        match self.state {
            RefundState::Approved | RefundState::Unknown => !self.by_hand,
            RefundState::Requested
            | RefundState::Denied
            | RefundState::Submitted
            | RefundState::Succeeded
            | RefundState::Failed => false,
        }
    }

    /// The part of a line's price that it gives back; `None` unless it names the line.
    #[must_use]
    pub fn part_of(&self, line: u32) -> Option<Money> {
        self.lines.iter().find(|part| part.line == line).map(|part| part.amount)
    }

    /// The refund after `event`, with its version counted up, waiting for nothing.
    ///
    /// # Errors
    /// [`IllegalRefundEvent`].
    pub fn after(&self, event: RefundEvent) -> Result<Self, IllegalRefundEvent> {
        let state = self.state.apply(event)?;
        Ok(Self { state, due: None, version: self.version.saturating_add(1), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_state_and_event_matrix() {
        use RefundEvent as E;
        let mut matrix = String::new();
        for state in RefundState::ALL {
            matrix.push_str(&format!("{}:", state.name()));
            for event in [E::Approve, E::Deny, E::Submit, E::Succeed, E::Fail, E::LoseAnswer] {
                matrix.push_str(&format!(" {event:?}={}", state.apply(event).map_or("-", RefundState::name)));
            }
            matrix.push('\n');
        }
        expect![[r#"
            requested: Approve=approved Deny=denied Submit=- Succeed=- Fail=- LoseAnswer=-
            approved: Approve=- Deny=- Submit=submitted Succeed=succeeded Fail=failed LoseAnswer=unknown
            denied: Approve=- Deny=- Submit=- Succeed=- Fail=- LoseAnswer=-
            submitted: Approve=- Deny=- Submit=- Succeed=succeeded Fail=failed LoseAnswer=-
            succeeded: Approve=- Deny=- Submit=- Succeed=- Fail=failed LoseAnswer=-
            failed: Approve=- Deny=- Submit=- Succeed=- Fail=- LoseAnswer=-
            unknown: Approve=- Deny=- Submit=submitted Succeed=succeeded Fail=failed LoseAnswer=unknown
        "#]]
        .assert_eq(&matrix);
    }

    #[test]
    fn a_refund_that_was_stored_before_it_could_be_asked_for_is_read() {
        let row = r#"{"id": "ref_01m810rwd80000000000000009", "reason": "second_payment", "amount": "49.90 USD",
            "payment": "pi_1", "account": "overpayment", "state": "approved", "reference": null,
            "due": "2026-11-20T12:00:30Z", "tries": 0, "created_at": "2026-11-20T12:00:00Z", "version": 1}"#;
        let refund: Refund = serde_json::from_str(row).unwrap();
        let new = (refund.note, refund.asked_by, refund.lines, refund.revoke, refund.by_hand);
        assert_eq!(new, (None, Actor::System, Vec::new(), true, false));
        assert_eq!(refund.payment, Some("pi_1".parse().unwrap()));
    }
}
