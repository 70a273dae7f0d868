//! Stripe's own rules for amounts: exponents that are not ISO 4217's, minimum and maximum, and how to show them.

use iso_currency::Currency;

use super::error::ApiError;

/// Currencies that Stripe counts in whole units.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Currencies that Stripe counts in thousandths, the last digit being 0.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Eight digits is the most that Stripe takes.
const LARGEST: i64 = 99_999_999;

/// The number of decimals that Stripe gives `currency` (lower case). ISK and UGX have two here, always `00`.
pub(crate) fn exponent(currency: &str) -> usize {
    if ZERO_DECIMAL.contains(&currency) {
        0
    } else if THREE_DECIMAL.contains(&currency) {
        3
    } else {
        2
    }
}

/// The least that may be charged: USD 0.50 or about as much.
fn least(currency: &str) -> i64 {
    match currency {
        "gbp" => 30,
        "jpy" => 50,
        "krw" => 700,
        "usd" | "eur" | "cad" | "aud" | "chf" | "nzd" | "sgd" | "brl" | "inr" => 50,
        _ => 1,
    }
}

/// The currency in lower case, when it exists.
pub(crate) fn currency(text: &str, param: &str) -> Result<String, ApiError> {
    let known = text.len() == 3 && Currency::from_code(&text.to_uppercase()).is_some();
    let refused = || ApiError::invalid(format!("Invalid currency: {text}.")).code("invalid_currency").param(param);
    if known { Ok(text.to_lowercase()) } else { Err(refused()) }
}

/// Refuses an amount that Stripe would not charge.
pub(crate) fn check_charge(amount: i64, currency: &str, param: &str) -> Result<(), ApiError> {
    let refuse = |code, message: String| Err(ApiError::invalid(message).code(code).param(param));
    if amount < least(currency) {
        let minimum = show(least(currency), currency);
        return refuse("amount_too_small", format!("Amount must be at least {minimum}"));
    }
    if amount > LARGEST {
        return refuse("amount_too_large", format!("Amount must be no more than {}", show(LARGEST, currency)));
    }
    if exponent(currency) == 3 && amount % 10 != 0 {
        let message = format!("Amounts in {currency} must have 0 as their last digit");
        return refuse("parameter_invalid_integer", message);
    }
    Ok(())
}

/// `4900` and `usd` as `49.00 USD`.
pub(crate) fn show(amount: i64, currency: &str) -> String {
    let decimals = exponent(currency);
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let sign = if amount < 0 { "-" } else { "" };
    let dot = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{dot}{part} {}", currency.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_stripes_exponent() {
        let shown = [(4900, "usd"), (5, "usd"), (4900, "jpy"), (12340, "kwd"), (500, "isk"), (-150, "eur")];
        let shown: Vec<String> = shown.iter().map(|(amount, currency)| show(*amount, currency)).collect();
        assert_eq!(shown, ["49.00 USD", "0.05 USD", "4900 JPY", "12.340 KWD", "5.00 ISK", "-1.50 EUR"]);
    }

    #[test]
    fn amounts_out_of_bounds_are_refused() {
        let message = |amount, currency| check_charge(amount, currency, "amount").map_err(|error| error.message);
        assert_eq!(message(49, "usd"), Err("Amount must be at least 0.50 USD".to_owned()));
        assert_eq!(message(100_000_000, "usd"), Err("Amount must be no more than 999999.99 USD".to_owned()));
        assert_eq!(message(1005, "kwd"), Err("Amounts in kwd must have 0 as their last digit".to_owned()));
        assert_eq!(message(50, "usd"), Ok(()));
        assert_eq!(
            currency("zzz", "currency").map_err(|error| error.message),
            Err("Invalid currency: zzz.".to_owned())
        );
    }
}
