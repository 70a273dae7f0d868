//! Stripe's integer amounts. Its decimals are not ISO 4217's (ISK, MGA and UGX differ), so the table is an allow-list
//! of proven currencies; all others are refused before anything is sold in them.
//!
//! Source: Stripe's currency documentation (zero-decimal and three-decimal currencies, at most eight digits). Minimum
//! amounts differ by country and day, and are left to Stripe.

use domain::money::{Currency, Money};

/// The largest amount that Stripe charges: eight digits of its units.
pub const MOST_UNITS: i64 = 99_999_999;

/// The currencies that are proven.
pub const PROVEN: &[&str] = &["AUD", "CAD", "EUR", "GBP", "JPY", "KRW", "KWD", "USD"];

/// Why an amount cannot be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPayable {
    /// The currency is not on the allow-list.
    #[error("currency is not accepted by the processor")]
    Currency,
    /// Less than nothing; or, for a total, nothing.
    #[error("amount is too small")]
    TooSmall,
    /// More than eight digits.
    #[error("amount is too large for the processor")]
    TooLarge,
    /// A currency of three decimals is charged in tens of its minor unit.
    #[error("amount must be a multiple of ten minor units")]
    NotInTens,
    /// The lines that the page would show are not what would be charged.
    #[error("lines do not add up to the total")]
    LinesDiffer,
}

/// Decimals of Stripe's integer amounts, for the proven currencies.
fn decimals(code: &str) -> Option<u32> {
    match code {
        "JPY" | "KRW" => Some(0),
        "AUD" | "CAD" | "EUR" | "GBP" | "USD" => Some(2),
        "KWD" => Some(3),
        _ => None,
    }
}

/// Whether something may be sold in `currency`: it is proven, and Stripe's decimals for it are ISO's, so that units
/// need no conversion.
#[must_use]
pub fn accepts(currency: Currency) -> bool {
    decimals(currency.code()) == Some(currency.exponent())
}

/// The amount in Stripe's integer units. Nothing is allowed, since a line may be free.
///
/// # Errors
/// [`NotPayable`], all but [`NotPayable::LinesDiffer`].
pub fn minor_units(amount: Money) -> Result<i64, NotPayable> {
    let units = amount.minor();
    match units {
        _ if !accepts(amount.currency()) => Err(NotPayable::Currency),
        ..0 => Err(NotPayable::TooSmall),
        _ if units > MOST_UNITS => Err(NotPayable::TooLarge),
        _ if amount.currency().exponent() == 3 && units % 10 != 0 => Err(NotPayable::NotInTens),
        _ => Ok(units),
    }
}

/// The amount that Stripe means by `units` of `currency` (a code in either case), or nothing if the currency is not
/// proven or the amount is negative.
#[must_use]
pub fn money(units: i64, currency: &str) -> Option<Money> {
    let currency: Currency = currency.to_ascii_uppercase().parse().ok()?;
    (accepts(currency) && units >= 0).then(|| Money::from_minor(units, currency).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(amount: &str, code: &str, expected: Result<i64, NotPayable>) {
        let amount = Money::parse(amount, code.parse().unwrap()).unwrap();
        assert_eq!(minor_units(amount), expected, "{amount}");
        if let Ok(units) = expected {
            assert_eq!(money(units, &code.to_ascii_lowercase()), Some(amount), "back from {units}");
        }
    }

    #[test]
    fn amounts_become_the_processors_units() {
        check("49.00", "USD", Ok(4900));
        check("49.90", "EUR", Ok(4990));
        check("0.01", "GBP", Ok(1));
        check("0", "CAD", Ok(0));
        check("999999.99", "AUD", Ok(99_999_999));
        check("4900", "JPY", Ok(4900));
        check("4900", "KRW", Ok(4900));
        check("1.230", "KWD", Ok(1230));
    }

    #[test]
    fn amounts_that_cannot_be_charged_are_refused() {
        check("-0.01", "USD", Err(NotPayable::TooSmall));
        check("1000000.00", "USD", Err(NotPayable::TooLarge));
        check("1.234", "KWD", Err(NotPayable::NotInTens));
    }

    #[test]
    fn unproven_currencies_are_refused_both_ways() {
        for code in ["ISK", "UGX", "HUF", "TWD", "MGA", "CHF", "BHD"] {
            check("100", code, Err(NotPayable::Currency));
            assert_eq!(money(100, code), None, "{code}");
            assert!(!accepts(code.parse().unwrap()), "{code}");
        }
        for code in ["", "us", "usdd", "€"] {
            assert_eq!(money(100, code), None, "{code}");
        }
        assert_eq!(money(-1, "usd"), None);
    }
}
