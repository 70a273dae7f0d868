//! Codes that a learner types: the same whatever the case, and whatever spaces came along when it was pasted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::BadText;

/// A code that opens an offer: 1 to 64 letters, digits, `.`, `_` or `-`, beginning with a letter or digit; kept in upper
/// case. It stands in paths, is read out over the telephone, and is printed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VoucherCode(String);

impl VoucherCode {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VoucherCode {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let code = text.trim().to_ascii_uppercase();
        let good = (1..=64).contains(&code.len())
            && code.starts_with(|c: char| c.is_ascii_alphanumeric())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let rule = "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit";
        let bad = BadText { kind: "code", rule };
        if good { Ok(Self(code)) } else { Err(bad) }
    }
}

impl TryFrom<String> for VoucherCode {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<VoucherCode> for String {
    fn from(code: VoucherCode) -> String {
        code.0
    }
}

impl fmt::Display for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_in_any_case_and_with_spaces_around_it() {
        for (typed, code) in
            [("summer-10", Some("SUMMER-10")), (" Ab1 ", Some("AB1")), ("", None), ("a b", None), ("../", None)]
        {
            assert_eq!(typed.parse::<VoucherCode>().ok().as_ref().map(VoucherCode::as_str), code, "{typed}");
        }
        assert!("é".parse::<VoucherCode>().is_err() && "A".repeat(65).parse::<VoucherCode>().is_err());
    }
}
