//! Percentages, for benefits and tax.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A share of an amount: 0 to 100 with at most four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(Decimal);

/// Text that is not a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("percent must be 0 to 100 with at most four decimals")]
pub struct BadPercent;

impl Percent {
    /// Whether it is a share of nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The percentage divided by a hundred.
    #[must_use]
    pub fn fraction(self) -> Decimal {
        self.0.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default()
    }
}

impl FromStr for Percent {
    type Err = BadPercent;

    fn from_str(text: &str) -> Result<Self, BadPercent> {
        let value = Decimal::from_str_exact(text).map_err(|_| BadPercent)?;
        let good = value >= Decimal::ZERO && value <= Decimal::ONE_HUNDRED && value.scale() <= 4;
        if good { Ok(Self(value.normalize())) } else { Err(BadPercent) }
    }
}

impl TryFrom<String> for Percent {
    type Error = BadPercent;

    fn try_from(text: String) -> Result<Self, BadPercent> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> String {
        percent.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
