//! How many units of one product a basket line holds.

use serde::{Deserialize, Serialize};

/// A count of units, 1 to 100. The upper bound is the largest bulk purchase that the replaced shops offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// A number of units that cannot be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quantity must be 1 to 100")]
pub struct BadQuantity;

impl Quantity {
    /// One unit: all that a seat can be.
    pub const ONE: Self = Self(1);
    /// The most units of one line.
    pub const MAX: u32 = 100;

    /// The count.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// The sum of two counts, or `None` above [`Quantity::MAX`].
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::try_from(self.0.checked_add(other.0)?).ok()
    }

    /// The sum of two counts, cut at `most` and at [`Quantity::MAX`], but never below the first of them.
    #[must_use]
    pub fn plus_up_to(self, other: Self, most: u32) -> Self {
        let sum = self.0.saturating_add(other.0).min(most).min(Self::MAX);
        Self(sum.max(self.0))
    }

    /// The count, cut at `most`; `None` if nothing is left of it.
    #[must_use]
    pub fn at_most(self, most: u32) -> Option<Self> {
        Self::try_from(self.0.min(most)).ok()
    }
}

impl TryFrom<u32> for Quantity {
    type Error = BadQuantity;

    fn try_from(units: u32) -> Result<Self, BadQuantity> {
        if (1..=Self::MAX).contains(&units) { Ok(Self(units)) } else { Err(BadQuantity) }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}
