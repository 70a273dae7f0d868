//! Bounded text values: SKU, title, mode, tenant, offer id and the like, each with its bounds stated once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::voucher_code::VoucherCode;

/// Text outside the bounds of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct BadText {
    /// What the text was meant to be, such as `sku`.
    pub kind: &'static str,
    /// The rule that it broke, worded for the caller.
    pub rule: &'static str,
}

macro_rules! text {
    ($($(#[$doc:meta])+ $name:ident, $kind:literal, $rule:literal, $valid:expr;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadText;

            fn from_str(text: &str) -> Result<Self, BadText> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(BadText { kind: $kind, rule: $rule }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadText;

            fn try_from(text: String) -> Result<Self, BadText> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text! {
    /// A stock keeping unit: the name of one sellable product within a tenant.
    ///
    /// Case is kept and significant. Long enough for imported SKUs of every system that we replace.
    Sku, "sku", "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit", |t| {
        (1..=64).contains(&t.len())
            && t.starts_with(|c: char| c.is_ascii_alphanumeric())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    /// A name that people read: of a product, course or catalog.
    Title, "title", "1 to 255 characters without control characters, not only spaces", |t| {
        !t.trim().is_empty() && t.chars().count() <= 255 && !t.chars().any(char::is_control)
    };
    /// A course mode as the LMS names it, such as `audit`, `verified` or `no-id-professional`.
    Mode, "mode", "1 to 40 lower-case letters, digits or '-'", |t| {
        (1..=40).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    /// A school or site. It begins every key of the table and stands in the webhook's path.
    Tenant, "tenant", "1 to 32 lower-case letters, digits or '-'", |t| {
        (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    /// The name of a catalog or offer: a handle that staff choose.
    Slug, "id", "1 to 64 lower-case letters, digits, '_' or '-'", |t| {
        (1..=64).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
    };
    /// The domain of an e-mail address, such as `school.example`: at least two labels, in lower case.
    EmailDomain, "email domain", "a domain in lower case, such as school.example", |t| {
        t.len() <= 253 && t.contains('.') && t.split('.').all(is_label)
    };
    /// An e-mail address, as far as it can be judged without writing to it.
    Email, "email", "an address such as ada@school.example, of at most 254 characters", |t| {
        let printable = |c: char| !c.is_whitespace() && !c.is_control();
        let parts = t.rsplit_once('@').is_some_and(|(name, site)| !name.is_empty() && !site.is_empty());
        t.len() <= 254 && parts && t.chars().all(printable)
    };
    /// A user's name at the LMS, as its tokens carry it.
    Username, "username", "1 to 255 characters without control characters", |t| {
        !t.is_empty() && t.len() <= 255 && !t.chars().any(char::is_control)
    };
    /// A processor's own name for one of its objects, such as `cs_test_…`, `pi_…` or `evt_…`.
    ProcessorRef, "processor reference", "1 to 255 printable characters", |t| {
        (1..=255).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_graphic())
    };
    /// What a shop that was given up called an order, such as `EDX-100001`.
    LegacyNumber, "legacy number", "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit", |t| {
        (1..=64).contains(&t.len())
            && t.starts_with(|c: char| c.is_ascii_alphanumeric())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    /// What a bank calls a transfer, as staff read it off the account's statement. Case does not count: see
    /// [`BankReference::payment`].
    BankReference, "reference", "1 to 64 letters, digits, '.', '_', '/', ':' or '-'", |t| {
        (1..=64).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/:-".contains(&b))
    };
    /// What staff call a client application or a machine client.
    ClientName, "name", "1 to 100 characters without control characters, not only spaces", |t| {
        !t.trim().is_empty() && t.chars().count() <= 100 && !t.chars().any(char::is_control)
    };
    /// The number of an invoice or a purchase order.
    InvoiceReference, "reference", "1 to 100 characters without control characters, not only spaces", |t| {
        !t.trim().is_empty() && t.chars().count() <= 100 && !t.chars().any(char::is_control)
    };
    /// What a person has to say in their own words, such as why a refund is asked for: shown to people, never logged.
    Note, "reason", "1 to 500 characters without control characters but line breaks, not only spaces", |t| {
        !t.trim().is_empty() && t.chars().count() <= 500 && !t.chars().any(|c| c.is_control() && c != '\n')
    };
    /// What a token permits, such as `orders:fulfill`.
    Scope, "scope", "two words of lower-case letters or '_' with ':' between, at most 100 characters", |t| {
        t.len() <= 100 && t.split_once(':').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
    };
    /// What a token is limited to, such as `content_org:edX` or `user:me`. A limit on something else would be none.
    Filter, "filter", "user:name, user:me or content_org:name, printable, at most 255 characters", |t| {
        t.len() <= 255
            && t.bytes().all(|b| b.is_ascii_graphic())
            && t.split_once(':').is_some_and(|(of, value)| matches!(of, "user" | "content_org") && !value.is_empty())
    };
}

impl BankReference {
    /// The transfer as a payment's name, the same however it was typed.
    #[must_use]
    pub fn payment(&self) -> ProcessorRef {
        ProcessorRef(self.0.to_ascii_uppercase())
    }
}

impl EmailDomain {
    /// Whether an address is of just this domain: neither one below it nor one that ends alike.
    #[must_use]
    pub fn admits(&self, address: &str) -> bool {
        address.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&self.0))
    }
}

/// Whether a text is a label of a domain's name: RFC 1035, in lower case.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| inner(b) || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a word of lower-case letters and `_`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_keeps_to_its_bounds() {
        for good in ["A", "8CF08E5", "mobile.ios.8CF08E5", "seat_1-a"] {
            assert_eq!(good.parse::<Sku>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "-a", "ü", "a/b", "a#b", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Sku>().map_err(|e| e.kind), Err("sku"), "{bad}");
        }
    }

    #[test]
    fn scopes_and_filters_keep_to_their_forms() {
        for (text, scope, filter) in [
            ("orders:fulfill", true, false),
            ("content_org:edX", false, true),
            ("content_org:a:b", false, true),
            ("user:me", true, true),
            ("users:me", true, false),
            ("a:b:c", false, false),
            ("orders", false, false),
            (":read", false, false),
            ("orders:", false, false),
            ("Orders:read", false, false),
            ("orders:re ad", false, false),
            ("", false, false),
        ] {
            assert_eq!((text.parse::<Scope>().is_ok(), text.parse::<Filter>().is_ok()), (scope, filter), "{text}");
        }
    }

    #[test]
    fn an_email_domain_admits_itself_and_nothing_else() {
        let domain: EmailDomain = "school.example".parse().unwrap();
        for (address, admitted) in [
            ("ada@school.example", true),
            ("ada@SCHOOL.example", true),
            ("\"a@b\"@school.example", true),
            ("ada@art.school.example", false),
            ("ada@myschool.example", false),
            ("ada@schoolxexample", false),
            ("ada@school.example.evil", false),
            ("school.example", false),
        ] {
            assert_eq!(domain.admits(address), admitted, "{address}");
        }
        for bad in ["", "example", ".example", "a..b", "-a.b", "a-.b", "School.example", "a b.c", "a.b.", "*.b"] {
            assert_eq!(bad.parse::<EmailDomain>().map_err(|e| e.kind), Err("email domain"), "{bad}");
        }
    }

    #[test]
    fn a_clients_name_is_short_and_visible() {
        assert_eq!(["Shop", "Café 2", &"é".repeat(100)].map(|t| t.parse::<ClientName>().is_ok()), [true; 3]);
        let bad = ["", "  ", "a\nb", &"a".repeat(101)];
        assert_eq!(bad.map(|t| t.parse::<ClientName>().map_err(|e| e.kind)), [const { Err("name") }; 4]);
    }
}
