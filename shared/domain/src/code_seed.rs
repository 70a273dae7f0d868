//! Codes made by the many: each follows from a random seed and its place, so that a maker that crashed makes the same
//! ones again, and a list of them needs no table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::{BadText, VoucherCode};

/// The alphabet of made codes: Crockford's Base32, in which nothing is mistaken for anything else.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many characters are made: 80 bits, as long as edX ecommerce's codes.
const MADE: usize = 16;

/// 256 random bits of which codes are made. Who has the seed has the codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeSeed(String);

impl CodeSeed {
    /// The code at a place, 0 for the first: the prefix with a `-` after it, if there is one, and 16 characters.
    ///
    /// # Errors
    /// [`BadText`] if the prefix cannot begin a code.
    pub fn code(&self, prefix: Option<&CodePrefix>, place: u32) -> Result<VoucherCode, BadText> {
        let digest = Sha256::new().chain_update(self.0.as_bytes()).chain_update(place.to_be_bytes()).finalize();
        let letter = |byte: &u8| char::from(ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0'));
        let made: String = digest.iter().take(MADE).map(letter).collect();
        match prefix {
            Some(prefix) => format!("{prefix}-{made}").parse(),
            None => made.parse(),
        }
    }
}

impl FromStr for CodeSeed {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let good = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let bad = BadText { kind: "seed", rule: "64 hexadecimal digits" };
        if good { Ok(Self(text.to_owned())) } else { Err(bad) }
    }
}

impl TryFrom<String> for CodeSeed {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<CodeSeed> for String {
    fn from(seed: CodeSeed) -> String {
        seed.0
    }
}

impl fmt::Debug for CodeSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What codes that are made together begin with: as a code, and at most 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodePrefix(VoucherCode);

impl FromStr for CodePrefix {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let rule = "1 to 32 letters, digits, '.', '_' or '-', beginning with a letter or digit";
        let prefix = text.parse().map_err(|_| BadText { kind: "prefix", rule })?;
        let short = text.trim().len() <= 32;
        if short { Ok(Self(prefix)) } else { Err(BadText { kind: "prefix", rule }) }
    }
}

impl TryFrom<String> for CodePrefix {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<CodePrefix> for String {
    fn from(prefix: CodePrefix) -> String {
        prefix.0.into()
    }
}

impl fmt::Display for CodePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_codes_and_no_two_alike() {
        let seed: CodeSeed = "ab".repeat(32).parse().unwrap();
        let other: CodeSeed = "cd".repeat(32).parse().unwrap();
        let prefix: CodePrefix = "summer".parse().unwrap();
        let code = seed.code(Some(&prefix), 7).unwrap();
        assert!(code.as_str().starts_with("SUMMER-") && code.as_str().len() == 23, "{code}");
        assert_eq!(seed.code(Some(&prefix), 7), Ok(code));
        let all: BTreeSet<_> = (0..10_000).flat_map(|n| [seed.code(None, n), other.code(None, n)]).flatten().collect();
        assert_eq!(all.len(), 20_000);
        assert_eq!(format!("{seed:?}"), "***");
    }

    #[test]
    fn seeds_and_prefixes_keep_to_their_bounds() {
        for bad in ["", "ab", &"AB".repeat(32), &"zz".repeat(32)] {
            assert!(bad.parse::<CodeSeed>().is_err(), "{bad}");
        }
        for (prefix, good) in
            [("A", true), ("a-b", true), (&"a".repeat(32), true), (&"a".repeat(33), false), ("", false)]
        {
            assert_eq!(prefix.parse::<CodePrefix>().is_ok(), good, "{prefix}");
        }
    }
}
