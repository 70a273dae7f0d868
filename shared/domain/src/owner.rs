//! Who owns a basket, an order or an entitlement: a user, or an anonymous session.
//!
//! These keys, and those by which a user is found, are opaque digests, so that no name or address ever stands in a key
//! of the table. `web` derives them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that is not an owner key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an owner key")]
pub struct NotAnOwner;

/// A user's stable key within a tenant: `usr_` and 32 hexadecimal digits of a keyed digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// An anonymous session's key: `anon_` and 32 hexadecimal digits of a keyed digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionKey(String);

/// A link from an issuer's `sub` to a user: `sub_` and 32 hexadecimal digits of a keyed digest of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectKey(String);

/// A signed-in session's key: `uses_` and 32 hexadecimal digits of a keyed digest of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserSessionKey(String);

macro_rules! digest_key {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// The key made of the first 16 bytes of a keyed digest.
            #[must_use]
            pub fn from_digest(digest: [u8; 16]) -> Self {
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Self(format!(concat!($prefix, "{}"), hex))
            }

            /// The key as text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnOwner;

            fn from_str(text: &str) -> Result<Self, NotAnOwner> {
                let hex = text.strip_prefix($prefix).ok_or(NotAnOwner)?;
                let good = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if good { Ok(Self(text.to_owned())) } else { Err(NotAnOwner) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnOwner;

            fn try_from(text: String) -> Result<Self, NotAnOwner> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

digest_key!(UserId, "usr_");
digest_key!(SessionKey, "anon_");
digest_key!(SubjectKey, "sub_");
digest_key!(UserSessionKey, "uses_");

/// The owner of a basket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A user who signed in.
    User(UserId),
    /// A browser that did not.
    Session(SessionKey),
}

impl Owner {
    /// The owner's key, as it stands in the table.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Session(key) => key.as_str(),
        }
    }
}

/// Who caused a change, as an order's timeline shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The order's owner.
    Learner,
    /// A member of staff, by user key.
    Staff(UserId),
    /// A service with the permission to fulfil.
    Service,
    /// A payment processor.
    Processor,
    /// Bursar itself: expiry, fulfilment, retries.
    System,
}
