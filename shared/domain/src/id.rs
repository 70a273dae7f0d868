//! Identifiers: one newtype per kind, each with its own prefix, declared once in the registry below.
//!
//! An id is `<prefix>_<26 characters>`: a ULID in lower case, so ids sort by the time they were made and cannot be
//! guessed (80 random bits). They are built only by [`FromStr`] (parsing what came from outside) or from [`Ids`].

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// Text that is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} id")]
pub struct NotAnId {
    /// The prefix that was expected, such as `ord`.
    pub kind: &'static str,
}

/// A kind of id that [`Ids`] can make.
pub trait Id: Sized {
    /// Wraps a fresh ULID.
    fn from_ulid(ulid: Ulid) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Id for $name {
            fn from_ulid(ulid: Ulid) -> Self {
                Self(format!(concat!($prefix, "_{}"), ulid.to_string().to_ascii_lowercase()))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let body = text.strip_prefix(concat!($prefix, "_")).ok_or(NotAnId { kind: $prefix })?;
                let lower = body.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
                match Ulid::from_string(body) {
                    Ok(_) if lower => Ok(Self(text.to_owned())),
                    _ => Err(NotAnId { kind: $prefix }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// An order's number, shown to the learner and sent to the processor.
    OrderNumber = "ord";
    /// A basket; a new one is made when a submitted or frozen basket is changed.
    BasketId = "bas";
    /// A payment attempt: one session at one processor.
    AttemptId = "pay";
    /// A refund.
    RefundId = "ref";
    /// An outbox item: a message that must reach the queue.
    OutboxId = "out";
    /// An entry of an order's timeline or journal.
    EntryId = "ent";
    /// A session that this service issued to a browser.
    SessionId = "ses";
    /// Codes that are made together, as one job.
    BatchId = "bat";
    /// A client application's key; it stands in front of the secret in `X-Client-Key`.
    ClientId = "cli";
    /// A machine client, by which a service gets tokens of its own.
    MachineClientId = "mcl";
}

/// A supply of fresh ids for one decision: a moment and 80 random bits, counted up for each id.
///
/// The same seed gives the same ids, which is what makes decisions repeatable in tests.
#[derive(Clone, Debug)]
pub struct Ids {
    next: Ulid,
}

impl Ids {
    /// Seeds the supply with the present and the low 80 bits of `random`.
    #[must_use]
    pub fn new(now: Timestamp, random: u128) -> Self {
        let ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self { next: Ulid::from_parts(ms, random) }
    }

    /// The next id.
    pub fn make<T: Id>(&mut self) -> T {
        let id = T::from_ulid(self.next);
        self.next = self.next.increment().unwrap_or_else(|exhausted| Ulid::from_parts(exhausted.timestamp_ms() + 1, 0));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_prefix_and_parse_back() {
        let mut ids = Ids::new(Timestamp::from_second(1_795_327_065).unwrap(), 7);
        let order: OrderNumber = ids.make();
        assert_eq!(order.as_str(), "ord_01m80x9yx80000000000000007");
        assert_eq!(order.as_str().parse(), Ok(order.clone()));
        assert_ne!(ids.make::<OrderNumber>(), order);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let mut ids = Ids::new(Timestamp::UNIX_EPOCH, 7);
        let order: OrderNumber = ids.make();
        assert_eq!(order.as_str().parse::<BasketId>(), Err(NotAnId { kind: "bas" }));
        for bad in ["", "ord_", "ord_0", "ORD_01HF000000000000000000000", "ord_01HF0000000000000000000007"] {
            assert_eq!(bad.parse::<OrderNumber>(), Err(NotAnId { kind: "ord" }), "{bad}");
        }
    }
}
