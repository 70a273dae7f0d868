//! Bank transfers: no processor, but the school's own account. The learner is told where to send the money, and staff
//! confirm that it came.

use domain::id::{AttemptId, OrderNumber};
use domain::money::Currency;
use domain::payment::{Account, NextStep, OpenedSession};
use domain::text::BadText;
use jiff::SignedDuration;
use serde::Deserialize;

/// How long an order waits for a transfer if the shop says nothing, in days: twice what one across borders takes.
const DAYS: u16 = 14;
/// The longest that an order may hold its places unpaid, in days.
const MOST_DAYS: u16 = 60;
/// The longest text of an account.
const MOST_TEXT: usize = 500;

/// The setting as it is written, a JSON object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    holder: String,
    number: String,
    #[serde(default)]
    bank: Option<String>,
    #[serde(default)]
    instructions: Option<String>,
    currency: Currency,
    #[serde(default)]
    days: Option<u16>,
}

/// A setting with which nobody can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTransfer {
    /// A text is missing or too long.
    #[error("each text of an account must be 1 to 500 characters")]
    Text,
    /// The days are none, or too many.
    #[error("days must be 1 to 60")]
    Days,
}

/// An account that learners may transfer money to.
///
/// As JSON: `{"holder":"…","number":"…","bank":"…","instructions":"…","currency":"EUR","days":14}`; bank, instructions and
/// days may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Setting")]
pub struct BankTransfer {
    account: Account,
    currency: Currency,
    pay_within: SignedDuration,
}

impl TryFrom<Setting> for BankTransfer {
    type Error = BadTransfer;

    fn try_from(setting: Setting) -> Result<Self, BadTransfer> {
        let Setting { holder, number, bank, instructions, currency, days } = setting;
        let texts = [Some(&holder), Some(&number), bank.as_ref(), instructions.as_ref()];
        let good = |text: &&String| !text.trim().is_empty() && text.chars().count() <= MOST_TEXT;
        if !texts.into_iter().flatten().all(|text| good(&text)) {
            return Err(BadTransfer::Text);
        }
        let days = days.unwrap_or(DAYS);
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(BadTransfer::Days);
        }
        let account = Account { holder, number, bank, instructions, reference: String::new() };
        let pay_within = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
        Ok(Self { account, currency, pay_within })
    }
}

impl BankTransfer {
    /// The account's currency: the only one that can be transferred.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// How long an order waits for the money, and holds its places.
    #[must_use]
    pub fn pay_within(&self) -> SignedDuration {
        self.pay_within
    }

    /// What stands for a session: the account, with the order's number as what the payer writes. Nobody is asked.
    ///
    /// # Errors
    /// [`BadText`] for an attempt that cannot be a reference, which none is.
    pub fn open(&self, order: &OrderNumber, attempt: &AttemptId) -> Result<OpenedSession, BadText> {
        let account = Account { reference: order.to_string(), ..self.account.clone() };
        Ok(OpenedSession {
            // Not what the payer writes: the bank may call a transfer so.
            reference: attempt.as_str().parse()?,
            next: NextStep::Transfer(account),
            raw: "transfer".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<BankTransfer> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn an_account_needs_a_holder_a_number_and_a_currency() {
        let days = |found: Option<BankTransfer>| found.map(|transfer| transfer.pay_within().as_hours() / 24);
        assert_eq!(days(read(r#"{"holder":"A School","number":"DE02","currency":"EUR"}"#)), Some(14));
        assert_eq!(days(read(r#"{"holder":"A School","number":"1","bank":"B","currency":"EUR","days":60}"#)), Some(60));
        for bad in [
            r#"{"number":"DE02","currency":"EUR"}"#,
            r#"{"holder":" ","number":"DE02","currency":"EUR"}"#,
            r#"{"holder":"A School","number":"DE02"}"#,
            r#"{"holder":"A School","number":"DE02","currency":"euro"}"#,
            r#"{"holder":"A School","number":"DE02","currency":"EUR","days":0}"#,
            r#"{"holder":"A School","number":"DE02","currency":"EUR","days":61}"#,
            r#"{"holder":"A School","number":"DE02","currency":"EUR","iban":"DE02"}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
