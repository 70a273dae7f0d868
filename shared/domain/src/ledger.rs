//! The ledger of an order: append-only entries, each with its cause (invariants I1 and I2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// What an entry counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The price of the order: its charge, less what was refunded of it.
    Sale,
    /// Money that the order did not ask for: second, late or mismatched payments, less what went back.
    Overpayment,
}

/// One entry. `cause` is unique in its order, so that the same fact is never counted twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The account.
    pub account: Account,
    /// Money that came in, or (negative) went back.
    pub amount: Money,
    /// What made the entry: `charge:<payment>`, `refund:<refund>`, `refunded:<payment>:<total in minor units>` (with the
    /// event after it, if that sum was reached before), or `refund_failed:<refund>` and
    /// `refund_failed:<payment>:<the processor's refund>` for money that was counted as gone back and did not arrive.
    pub cause: String,
    /// When it was made.
    pub at: Timestamp,
}

impl LedgerEntry {
    /// Whether it is money that came in.
    #[must_use]
    pub fn is_charge(&self) -> bool {
        self.cause.starts_with(CHARGE)
    }

    /// The payment that came in.
    #[must_use]
    pub fn payment(&self) -> Option<&str> {
        self.cause.strip_prefix(CHARGE)
    }
}

/// What the cause of money that came in begins with; the payment's name follows.
const CHARGE: &str = "charge:";
