//! Money: minor units with an ISO 4217 currency; checked, never mixing currencies, never a float.
//!
//! Percentages and tax go through `rust_decimal` and are rounded once, half-up, to the minor unit. A sum is split by
//! largest remainder, so that the parts always add up to the whole (invariant I7: no cent is lost). In a currency of three
//! decimals, which processors charge in tens of its minor unit, what is worked out of amounts in tens is in tens.

use std::fmt;
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::percent::Percent;

/// The largest amount in minor units, either sign: 10^15, so that sums over any order stay far inside `i64`.
const LIMIT: i64 = 1_000_000_000_000_000;

/// Stripe charges currencies of three decimals in tens of their minor unit, and so do others: five fils are no coin.
const TENS: i64 = 10;

/// What can go wrong with amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met in one calculation.
    #[error("amounts are in different currencies")]
    CurrencyMismatch,
    /// A result is beyond what can be represented.
    #[error("amount is out of range")]
    OutOfRange,
    /// The text is not a plain decimal number.
    #[error("amount must be a decimal number such as 49.90")]
    BadAmount,
    /// More decimals than the currency has.
    #[error("amount has more decimals than its currency")]
    TooPrecise,
    /// Not an ISO 4217 code with 0, 2 or 3 decimals.
    #[error("unknown currency")]
    UnknownCurrency,
}

/// An ISO 4217 currency that has 0, 2 or 3 decimals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three-letter code, in upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the currency has: 0, 2 or 3.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let currency = iso_currency::Currency::from_code(code).ok_or(MoneyError::UnknownCurrency)?;
        match currency.exponent() {
            Some(0 | 2 | 3) => Ok(Self(currency)),
            _ => Err(MoneyError::UnknownCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money in the minor units of its currency (cents, yen, fils).
///
/// Its text, which is its serde form in rows too, is `49.90 USD`; the wire form is `web`'s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] beyond ±10^15 minor units.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if (-LIMIT..=LIMIT).contains(&minor) { Ok(Self { minor, currency }) } else { Err(MoneyError::OutOfRange) }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a decimal amount such as `49.90`. Fewer decimals than the currency has are allowed, more are not.
    ///
    /// # Errors
    /// [`MoneyError::BadAmount`], [`MoneyError::TooPrecise`] or [`MoneyError::OutOfRange`].
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let plain = amount.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        if !plain || amount.starts_with('.') || amount.ends_with('.') || amount.len() > 24 {
            return Err(MoneyError::BadAmount);
        }
        let decimal = Decimal::from_str_exact(amount).map_err(|_| MoneyError::BadAmount)?;
        let exponent = currency.exponent();
        if decimal.normalize().scale() > exponent {
            return Err(MoneyError::TooPrecise);
        }
        let minor = decimal.checked_mul(power_of_ten(exponent)).ok_or(MoneyError::OutOfRange)?;
        Self::from_minor(minor.to_i64().ok_or(MoneyError::OutOfRange)?, currency)
    }

    /// The amount in minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is exactly nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether the amount is below nothing.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The amount as a decimal with exactly the currency's decimals.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::OutOfRange`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(self.minor.checked_add(other.minor).ok_or(MoneyError::OutOfRange)?, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::OutOfRange`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(other.negated())
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        // Within ±LIMIT a sign change cannot overflow.
        Self { minor: self.minor.saturating_neg(), currency: self.currency }
    }

    /// The amount `units` times.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`].
    pub fn times(self, units: u32) -> Result<Self, MoneyError> {
        Self::from_minor(self.minor.checked_mul(i64::from(units)).ok_or(MoneyError::OutOfRange)?, self.currency)
    }

    /// Whether it is an amount of a currency of three decimals that can be charged.
    fn is_in_tens(self) -> bool {
        self.currency.exponent() == 3 && self.minor.checked_rem(TENS) == Some(0)
    }

    /// As much of the amount as leaves `other` in tens if it is: the amount itself in most currencies.
    #[must_use]
    pub fn keeping_tens_of(self, other: Self) -> Self {
        let odd = if other.is_in_tens() { self.minor.checked_rem(TENS).unwrap_or(0) } else { 0 };
        Self { minor: self.minor.saturating_sub(odd), currency: self.currency }
    }

    /// `percent` of the amount, rounded half-up (away from zero) to the minor unit, or to tens of it.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`].
    pub fn share(self, percent: Percent) -> Result<Self, MoneyError> {
        let step = if self.is_in_tens() { TENS } else { 1 };
        let steps = Decimal::from(self.minor.checked_div(step).unwrap_or(0));
        let exact = steps.checked_mul(percent.fraction()).ok_or(MoneyError::OutOfRange)?;
        let rounded = exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        let minor = rounded.to_i64().and_then(|steps| steps.checked_mul(step));
        Self::from_minor(minor.ok_or(MoneyError::OutOfRange)?, self.currency)
    }

    /// What a tax of `percent` makes of an amount that has it in it already, rounded as in [`Money::share`].
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`].
    pub fn contained(self, percent: Percent) -> Result<Self, MoneyError> {
        let (out_of_range, one) = (MoneyError::OutOfRange, Decimal::ONE);
        let part = Decimal::from(self.minor).checked_mul(percent.fraction()).ok_or(out_of_range)?;
        let whole = percent.fraction().checked_add(one).ok_or(out_of_range)?;
        let exact = part.checked_div(whole).ok_or(out_of_range)?;
        let rounded = exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        Self::from_minor(rounded.to_i64().ok_or(out_of_range)?, self.currency)
    }

    /// The smaller of two amounts.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`].
    pub fn at_most(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(if self.minor <= other.minor { self } else { other })
    }

    /// Splits a non-negative amount in proportion to `weights` by largest remainder: the parts add up to the whole,
    /// and each differs from its exact share by less than one minor unit, or ten where whole and weights are in tens.
    /// Ties go to the earlier part. All-zero weights count as equal ones; no weights give no parts.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] if a weight or the amount is negative.
    pub fn split(self, weights: &[i64]) -> Result<Vec<Self>, MoneyError> {
        if self.is_negative() || weights.iter().any(|w| *w < 0) {
            return Err(MoneyError::OutOfRange);
        }
        let in_tens = self.is_in_tens() && weights.iter().all(|w| w.checked_rem(TENS) == Some(0));
        let step = if in_tens { TENS } else { 1 };
        let steps = i128::from(self.minor.checked_div(step).unwrap_or(0));
        let even = weights.iter().all(|w| *w == 0);
        let weight = |w: &i64| if even { 1 } else { i128::from(*w) };
        let sum: i128 = weights.iter().map(weight).sum();
        let mut parts = Vec::with_capacity(weights.len());
        for (index, w) in weights.iter().enumerate() {
            let scaled = steps.checked_mul(weight(w)).ok_or(MoneyError::OutOfRange)?;
            parts.push((scaled.checked_div(sum).unwrap_or(0), scaled.checked_rem(sum).unwrap_or(0), index));
        }
        let given: i128 = parts.iter().map(|part| part.0).sum();
        let left = usize::try_from(steps.saturating_sub(given)).unwrap_or(0);
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|i| parts.get(*i).map(|part| (std::cmp::Reverse(part.1), part.2)));
        for i in order.into_iter().take(left) {
            if let Some(part) = parts.get_mut(i) {
                part.0 = part.0.saturating_add(1);
            }
        }
        let minor = |steps: i128| {
            let units = i64::try_from(steps).ok().and_then(|steps| steps.checked_mul(step));
            units.ok_or(MoneyError::OutOfRange)
        };
        parts.into_iter().map(|part| Self::from_minor(minor(part.0)?, self.currency)).collect()
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }
}

fn power_of_ten(exponent: u32) -> Decimal {
    Decimal::from(10_u32.saturating_pow(exponent))
}

/// Adds amounts up, starting from nothing in `currency`.
///
/// # Errors
/// As [`Money::plus`].
pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, MoneyError> {
    amounts.into_iter().try_fold(Money::zero(currency), Money::plus)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, code) = text.split_once(' ').ok_or(MoneyError::BadAmount)?;
        Self::parse(amount, code.parse()?)
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(amount: &str, code: &str) -> Money {
        Money::parse(amount, code.parse().unwrap()).unwrap()
    }

    #[test]
    fn amounts_are_read_and_shown_with_their_currencys_decimals() {
        for (text, code, shown, minor) in [
            ("49.9", "USD", "49.90 USD", 4990),
            ("5000", "JPY", "5000 JPY", 5000),
            ("1.5", "KWD", "1.500 KWD", 1500),
            ("-0.01", "EUR", "-0.01 EUR", -1),
        ] {
            let amount = money(text, code);
            assert_eq!((amount.to_string().as_str(), amount.minor()), (shown, minor));
        }
    }

    #[test]
    fn amounts_that_are_not_money_are_refused() {
        let usd: Currency = "USD".parse().unwrap();
        for (text, error) in [
            ("1.005", MoneyError::TooPrecise),
            ("1e3", MoneyError::BadAmount),
            ("", MoneyError::BadAmount),
            (".5", MoneyError::BadAmount),
            ("+1", MoneyError::BadAmount),
            ("1,00", MoneyError::BadAmount),
            ("NaN", MoneyError::BadAmount),
            ("99999999999999999999", MoneyError::OutOfRange),
        ] {
            assert_eq!(Money::parse(text, usd), Err(error), "{text}");
        }
        for code in ["usd", "XXX1", "", "CLF", "UYW"] {
            assert_eq!(code.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        assert_eq!(money("1", "USD").plus(money("1", "EUR")), Err(MoneyError::CurrencyMismatch));
    }

    #[test]
    fn a_share_rounds_half_up() {
        for (amount, percent, share) in
            [("0.05", "10", "0.01"), ("0.04", "10", "0.00"), ("25.47", "7.5", "1.91"), ("29.97", "15", "4.50")]
        {
            assert_eq!(money(amount, "USD").share(percent.parse().unwrap()), Ok(money(share, "USD")));
        }
    }

    #[test]
    fn a_split_gives_the_remainder_to_the_largest_fraction() {
        let parts = money("100.00", "USD").split(&[1, 1, 1]).unwrap();
        assert_eq!(parts.iter().map(|p| p.minor()).collect::<Vec<_>>(), [3334, 3333, 3333]);
        let parts = money("10", "JPY").split(&[4990, 10]).unwrap();
        assert_eq!(parts.iter().map(|p| p.minor()).collect::<Vec<_>>(), [10, 0]);
    }

    #[test]
    fn dinars_in_tens_of_fils_stay_in_tens() {
        for (amount, share) in [("12.500", "1.880"), ("0.010", "0.000"), ("12.501", "1.875")] {
            assert_eq!(money(amount, "KWD").share("15".parse().unwrap()), Ok(money(share, "KWD")));
        }
        let split = |weights: &[i64]| -> Vec<i64> {
            money("10", "KWD").split(weights).unwrap().iter().map(|part| part.minor()).collect()
        };
        assert_eq!(split(&[10, 10, 10]), [3_340, 3_330, 3_330]);
        // Of 9.999 not 10.000 can be taken.
        assert_eq!(split(&[9_999, 1]), [9_999, 1]);
        assert_eq!(money("1.234", "KWD").keeping_tens_of(money("5", "KWD")), money("1.230", "KWD"));
        assert_eq!(money("1.234", "KWD").keeping_tens_of(money("5.001", "KWD")), money("1.234", "KWD"));
        assert_eq!(money("1.23", "USD").keeping_tens_of(money("5", "USD")), money("1.23", "USD"));
    }

    proptest! {
        #[test]
        fn parts_of_a_split_add_up_and_are_fair(
            minor in 0..1_000_000_000_000_i64,
            weights in prop::collection::vec(0..1_000_000_i64, 1..12),
        ) {
            let whole = Money::from_minor(minor, "USD".parse().unwrap()).unwrap();
            let parts = whole.split(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(|p| p.minor()).sum::<i64>(), minor);
            let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
            if sum > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(minor) * i128::from(*weight);
                    prop_assert!((i128::from(part.minor()) * sum - exact).abs() < sum);
                }
            }
        }

        #[test]
        fn an_amount_survives_being_written_and_read(minor in -LIMIT..=LIMIT, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
            let amount = Money::from_minor(minor, code.parse().unwrap()).unwrap();
            prop_assert_eq!(Money::parse(&amount.decimal().to_string(), amount.currency()), Ok(amount));
        }
    }
}
