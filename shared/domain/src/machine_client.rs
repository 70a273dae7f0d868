//! Machine clients: services that get tokens of their own by `client_credentials`, for a user name and with scopes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client_key::KeyRevoked;
use crate::client_secret::StoredSecret;
use crate::id::MachineClientId;
use crate::owner::UserId;
use crate::plan::{Plan, Write};
use crate::text::{ClientName, Filter, Scope, Username};

/// The most scopes of a client, and the most filters: all of them stand in each of its tokens.
pub const MAX_GRANTS: usize = 20;

/// A machine client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineClient {
    /// Its id: the `client_id`.
    pub id: MachineClientId,
    /// What staff call it.
    pub name: ClientName,
    /// Whom its tokens name.
    pub username: Username,
    /// The digests of its secrets.
    pub secret: StoredSecret,
    /// What its tokens may permit.
    pub scopes: BTreeSet<Scope>,
    /// What its tokens are limited to.
    pub filters: BTreeSet<Filter>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it.
    pub created_by: UserId,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Counts up with every change.
    pub version: u64,
}

impl MachineClient {
    /// Whether it is not revoked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}

/// A client to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMachineClient {
    /// Its id: fresh, and made before, since the secret's digest may depend on it.
    pub id: MachineClientId,
    /// What staff call it.
    pub name: ClientName,
    /// Whom its tokens name.
    pub username: Username,
    /// The digest of its secret.
    pub secret: StoredSecret,
    /// What its tokens may permit.
    pub scopes: BTreeSet<Scope>,
    /// What its tokens are limited to.
    pub filters: BTreeSet<Filter>,
    /// Who registers it.
    pub by: UserId,
}

/// Too many scopes or filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyGrants {
    /// Of scopes.
    #[error("a client has at most 20 scopes")]
    Scopes,
    /// Of filters.
    #[error("a client has at most 20 filters")]
    Filters,
}

/// Decides the registration of a client.
///
/// # Errors
/// [`TooManyGrants`].
pub fn issue(new: NewMachineClient, now: Timestamp) -> Result<(MachineClient, Plan), TooManyGrants> {
    if new.scopes.len() > MAX_GRANTS {
        return Err(TooManyGrants::Scopes);
    }
    if new.filters.len() > MAX_GRANTS {
        return Err(TooManyGrants::Filters);
    }
    let NewMachineClient { id, name, username, secret, scopes, filters, by } = new;
    let client = MachineClient {
        id,
        name,
        username,
        secret,
        scopes,
        filters,
        created_at: now,
        created_by: by,
        revoked_at: None,
        version: 1,
    };
    let plan = Plan::of(Write::SaveMachineClient { client: Box::new(client.clone()), expect: None });
    Ok((client, plan))
}

/// Decides the change of a client's secret to the one of this digest; the present one is accepted until `grace_until`.
///
/// # Errors
/// [`KeyRevoked`].
pub fn rotate(
    client: &MachineClient,
    digest: [u8; 32],
    grace_until: Timestamp,
) -> Result<(MachineClient, Plan), KeyRevoked> {
    if !client.is_live() {
        return Err(KeyRevoked);
    }
    let secret = client.secret.clone().rotate(digest, grace_until);
    Ok(changed(client, MachineClient { secret, ..client.clone() }))
}

/// Decides the end of a client. The plan is empty if it is revoked already.
#[must_use]
pub fn revoke(client: &MachineClient, now: Timestamp) -> (MachineClient, Plan) {
    if !client.is_live() {
        return (client.clone(), Plan::default());
    }
    changed(client, MachineClient { revoked_at: Some(now), ..client.clone() })
}

fn changed(before: &MachineClient, after: MachineClient) -> (MachineClient, Plan) {
    let after = MachineClient { version: before.version.saturating_add(1), ..after };
    let plan = Plan::of(Write::SaveMachineClient { client: Box::new(after.clone()), expect: Some(before.version) });
    (after, plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ids;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn new(scopes: usize, filters: usize) -> NewMachineClient {
        let word = |n: usize| "a".repeat(n + 1);
        NewMachineClient {
            id: Ids::new(at(1), 7).make(),
            name: "The LMS".parse().unwrap(),
            username: "lms_worker".parse().unwrap(),
            secret: StoredSecret::from_digest([1; 32]),
            scopes: (0..scopes).map(|n| format!("orders:{}", word(n)).parse().unwrap()).collect(),
            filters: (0..filters).map(|n| format!("content_org:{n}").parse().unwrap()).collect(),
            by: UserId::from_digest([9; 16]),
        }
    }

    #[test]
    fn a_client_has_at_most_twenty_scopes_and_filters() {
        let cases = [(20, 20, None), (21, 0, Some(TooManyGrants::Scopes)), (20, 21, Some(TooManyGrants::Filters))];
        for (scopes, filters, refused) in cases {
            assert_eq!(issue(new(scopes, filters), at(1)).err(), refused, "{scopes} and {filters}");
        }
    }

    #[test]
    fn a_client_is_registered_rotated_and_revoked_once() {
        let save = |client: &MachineClient, expect| {
            Plan::of(Write::SaveMachineClient { client: Box::new(client.clone()), expect })
        };
        let (client, plan) = issue(new(1, 1), at(1)).unwrap();
        assert_eq!((client.version, plan), (1, save(&client, None)));
        let (rotated, plan) = rotate(&client, [2; 32], at(100)).unwrap();
        assert_eq!((rotated.secret.accepted(at(99)).count(), plan), (2, save(&rotated, Some(1))));
        let (revoked, plan) = revoke(&rotated, at(50));
        assert_eq!((revoked.is_live(), plan), (false, save(&revoked, Some(2))));
        assert_eq!(revoke(&revoked, at(60)), (revoked.clone(), Plan::default()));
        assert_eq!(rotate(&revoked, [3; 32], at(100)), Err(KeyRevoked));
    }
}
