//! Client applications' keys: which front end may talk to us, and for what. A key never stands for a user.
//!
//! The secret is shown once, when the key is issued or rotated; here is its digest.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client_secret::StoredSecret;
use crate::id::ClientId;
use crate::owner::UserId;
use crate::plan::{Plan, Write};
use crate::text::ClientName;

/// What an application may do by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Make requests of safe methods.
    Read,
    /// Make requests of the other methods.
    Write,
    /// Name shoppers' sessions by the `Session-Id` header.
    Sessions,
}

/// A client application's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientKey {
    /// Its id, which the application sends with the secret.
    pub id: ClientId,
    /// What staff call the application.
    pub name: ClientName,
    /// The digests of its secrets.
    pub secret: StoredSecret,
    /// What the application may do.
    pub may: BTreeSet<Allowance>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Who issued it.
    pub created_by: UserId,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Counts up with every change.
    pub version: u64,
}

impl ClientKey {
    /// Whether it is not revoked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}

/// A key to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClientKey {
    /// Its id: fresh, and made before, since the secret's digest may depend on it.
    pub id: ClientId,
    /// What staff call the application.
    pub name: ClientName,
    /// The digest of its secret.
    pub secret: StoredSecret,
    /// What the application may do.
    pub may: BTreeSet<Allowance>,
    /// Who issues it.
    pub by: UserId,
}

/// A key that is revoked stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is revoked")]
pub struct KeyRevoked;

/// Decides the issue of a key.
#[must_use]
pub fn issue(new: NewClientKey, now: Timestamp) -> (ClientKey, Plan) {
    let NewClientKey { id, name, secret, may, by } = new;
    let key = ClientKey { id, name, secret, may, created_at: now, created_by: by, revoked_at: None, version: 1 };
    let plan = Plan::of(Write::SaveClientKey { key: Box::new(key.clone()), expect: None });
    (key, plan)
}

/// Decides the change of a key's secret to the one of this digest; the present one is accepted until `grace_until`.
///
/// # Errors
/// [`KeyRevoked`].
pub fn rotate(key: &ClientKey, digest: [u8; 32], grace_until: Timestamp) -> Result<(ClientKey, Plan), KeyRevoked> {
    if !key.is_live() {
        return Err(KeyRevoked);
    }
    Ok(changed(key, ClientKey { secret: key.secret.clone().rotate(digest, grace_until), ..key.clone() }))
}

/// Decides the end of a key. The plan is empty if it is revoked already.
#[must_use]
pub fn revoke(key: &ClientKey, now: Timestamp) -> (ClientKey, Plan) {
    if !key.is_live() {
        return (key.clone(), Plan::default());
    }
    changed(key, ClientKey { revoked_at: Some(now), ..key.clone() })
}

fn changed(before: &ClientKey, after: ClientKey) -> (ClientKey, Plan) {
    let after = ClientKey { version: before.version.saturating_add(1), ..after };
    let plan = Plan::of(Write::SaveClientKey { key: Box::new(after.clone()), expect: Some(before.version) });
    (after, plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ids;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn issued() -> (ClientKey, Plan) {
        let new = NewClientKey {
            id: Ids::new(at(1), 7).make(),
            name: "The shop".parse().unwrap(),
            secret: StoredSecret::from_digest([1; 32]),
            may: BTreeSet::from([Allowance::Read, Allowance::Sessions]),
            by: UserId::from_digest([9; 16]),
        };
        issue(new, at(1))
    }

    fn save(key: &ClientKey, expect: Option<u64>) -> Plan {
        Plan::of(Write::SaveClientKey { key: Box::new(key.clone()), expect })
    }

    #[test]
    fn a_key_is_issued_rotated_and_revoked_each_on_the_version_before() {
        let (key, plan) = issued();
        assert_eq!((key.version, plan), (1, save(&key, None)));
        let (rotated, plan) = rotate(&key, [2; 32], at(100)).unwrap();
        assert_eq!((rotated.version, rotated.secret.accepted(at(99)).count()), (2, 2));
        assert_eq!(plan, save(&rotated, Some(1)));
        let (revoked, plan) = revoke(&rotated, at(50));
        assert_eq!((revoked.version, revoked.revoked_at, revoked.is_live()), (3, Some(at(50)), false));
        assert_eq!(plan, save(&revoked, Some(2)));
    }

    #[test]
    fn a_revoked_key_stays_as_it_is() {
        let (revoked, _) = revoke(&issued().0, at(50));
        assert_eq!(revoke(&revoked, at(60)), (revoked.clone(), Plan::default()));
        assert_eq!(rotate(&revoked, [2; 32], at(100)), Err(KeyRevoked));
    }
}
