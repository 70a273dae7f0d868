//! Refunds: money that goes back. The sum of refunds never passes what was captured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RefundId;
use crate::ledger::Account;
use crate::money::Money;
use crate::text::ProcessorRef;

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
    /// The processor was told to pay back on its own page.
    AtProcessor,
}

impl RefundReason {
    /// The reason's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondPayment => "second_payment",
            Self::LatePayment => "late_payment",
            Self::AtProcessor => "at_processor",
        }
    }
}

/// Money that goes back from one payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id, from which the processor's idempotency key is made.
    pub id: RefundId,
    /// Why.
    pub reason: RefundReason,
    /// How much.
    pub amount: Money,
    /// The payment that it goes back from.
    pub payment: ProcessorRef,
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

impl Refund {
    /// The cause under which the ledger counts it.
    #[must_use]
    pub fn cause(&self) -> String {
        format!("refund:{}", self.id)
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
}
