//! Entitlements: what a learner owns, and which paid lines it rests on (invariant I4).

use serde::{Deserialize, Serialize};

use crate::id::OrderNumber;
use crate::owner::UserId;
use crate::text::Sku;

/// A line of an order, as an entitlement names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineRef {
    /// The order.
    pub order: OrderNumber,
    /// The line's number.
    pub line: u32,
}

impl LineRef {
    /// `<order number>#<line>`, as it stands in the table.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}#{}", self.order, self.line)
    }
}

/// What a learner owns of one product. Without a line there is no entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Whose.
    pub owner: UserId,
    /// Of what.
    pub sku: Sku,
    /// The keys of the paid lines that it rests on.
    pub lines: Vec<String>,
}
