//! Money on the wire: `{"amount":"49.90","currency":"USD"}`.
//!
//! The amount is text, so that no JSON reader turns it into a float. It is written with exactly its currency's
//! decimals; it may be read with fewer, never with more.

use std::borrow::Cow;

use domain::money::{Currency, Money, MoneyError};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An amount of money in a request or an answer; good by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct MoneyBody(pub Money);

/// The JSON object itself.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wire {
    /// A decimal number as text, such as `49.90`.
    #[schema(example = "49.90", pattern = r"^-?\d+(\.\d+)?$")]
    amount: String,
    /// The ISO 4217 code, in upper case.
    #[schema(example = "USD", pattern = "^[A-Z]{3}$")]
    currency: String,
}

impl From<Money> for MoneyBody {
    fn from(money: Money) -> Self {
        Self(money)
    }
}

impl From<MoneyBody> for Money {
    fn from(body: MoneyBody) -> Self {
        body.0
    }
}

impl From<MoneyBody> for Wire {
    fn from(MoneyBody(money): MoneyBody) -> Self {
        Self { amount: money.decimal().to_string(), currency: money.currency().to_string() }
    }
}

impl TryFrom<Wire> for MoneyBody {
    type Error = MoneyError;

    fn try_from(wire: Wire) -> Result<Self, MoneyError> {
        let currency: Currency = wire.currency.parse()?;
        Money::parse(&wire.amount, currency).map(Self)
    }
}

impl PartialSchema for MoneyBody {
    fn schema() -> RefOr<Schema> {
        Wire::schema()
    }
}

impl ToSchema for MoneyBody {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn an_amount_is_written_with_its_currencys_decimals() {
        for (read, written) in [
            (r#"{"amount":"49.9","currency":"USD"}"#, r#"{"amount":"49.90","currency":"USD"}"#),
            (r#"{"amount":"5000","currency":"JPY"}"#, r#"{"amount":"5000","currency":"JPY"}"#),
            (r#"{"amount":"-1.5","currency":"KWD"}"#, r#"{"amount":"-1.500","currency":"KWD"}"#),
        ] {
            let body: MoneyBody = parse(read.as_bytes()).unwrap();
            assert_eq!(serde_json::to_string(&MoneyBody::from(Money::from(body))).unwrap(), written);
        }
    }

    #[test]
    fn anything_but_exact_text_is_refused() {
        for (body, detail) in [
            (r#"{"amount":49.9,"currency":"USD"}"#, "invalid type: floating point `49.9`, expected a string"),
            (r#"{"amount":"49.905","currency":"USD"}"#, "amount has more decimals than its currency"),
            (r#"{"amount":"1","currency":"usd"}"#, "unknown currency"),
            (r#"{"amount":"1","currency":"USD","x":1}"#, "unknown field `x`, expected `amount` or `currency`"),
        ] {
            let problem = parse::<MoneyBody>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.errors()[0].detail, detail);
        }
    }
}
