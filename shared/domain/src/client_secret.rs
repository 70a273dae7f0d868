//! The secret of a client application or a machine client, as it is kept: by digest only, with its predecessor for as
//! long as the change takes to reach every copy of the client.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The digests of a client's secrets. They are not secrets, and not printed all the same.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    current: String,
    previous: Option<(String, Timestamp)>,
}

impl StoredSecret {
    /// The first secret, by the keyed digest that `web` made of it.
    #[must_use]
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self { current: hex(digest), previous: None }
    }

    /// The secret changed to another; the one before is accepted until `grace_until`, the one before that no longer.
    #[must_use]
    pub fn rotate(self, digest: [u8; 32], grace_until: Timestamp) -> Self {
        Self { current: hex(digest), previous: Some((self.current, grace_until)) }
    }

    /// The digests that open at `now`, as 64 hexadecimal digits each: to be compared in constant time.
    pub fn accepted(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(self.current.as_str()).chain(previous.map(|(digest, _)| digest.as_str()))
    }

    /// Until when the secret before this one is accepted, if there is one and it still is.
    #[must_use]
    pub fn grace_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.previous.as_ref().map(|(_, until)| *until).filter(|until| now < *until)
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn after_a_rotation_two_secrets_open_until_the_grace_ends() {
        let digest = |byte: u8| hex([byte; 32]);
        let first = StoredSecret::from_digest([1; 32]);
        let second = first.clone().rotate([2; 32], at(100));
        let third = second.clone().rotate([3; 32], at(200));
        for (secret, second, opens) in [
            (&first, 0, vec![digest(1)]),
            (&second, 99, vec![digest(2), digest(1)]),
            (&second, 100, vec![digest(2)]),
            (&third, 99, vec![digest(3), digest(2)]),
            (&third, 200, vec![digest(3)]),
        ] {
            assert_eq!(secret.accepted(at(second)).collect::<Vec<_>>(), opens, "at {second}");
            assert_eq!(secret.grace_until(at(second)).is_some(), opens.len() == 2, "at {second}");
        }
        assert_eq!(format!("{second:?}"), "***");
    }
}
