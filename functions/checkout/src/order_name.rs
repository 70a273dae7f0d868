//! An order as a reader names it: by its number, or by the one that it had in the shop that it was imported from.

use domain::id::OrderNumber;
use domain::text::{BadText, LegacyNumber};
use serde::Deserialize;

/// A number of ours, or of another shop's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum OrderName {
    /// Ours.
    Number(OrderNumber),
    /// The other's. What looks like one of ours is never looked for there.
    Legacy(LegacyNumber),
}

impl TryFrom<String> for OrderName {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        match text.parse() {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) => text.parse().map(Self::Legacy),
        }
    }
}
