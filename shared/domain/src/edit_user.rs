//! What staff can do to a user: deactivate, let in again, and loosen the link to an issuer's account.

use crate::owner::SubjectKey;
use crate::plan::{Plan, Write};
use crate::user::User;

/// A wished change. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// Whether the user may come in.
    pub active: Option<bool>,
    /// Issuers whose `sub` is forgotten, so that the next account of this name that they vouch for is taken.
    pub unlink: Vec<String>,
}

/// Decides a change. `keys` are the keys of the user's subjects, by issuer; an issuer that is not among them stays
/// linked. The plan is empty if nothing changes.
#[must_use]
pub fn decide(user: &User, edit: &UserEdit, keys: &[(String, SubjectKey)]) -> (User, Plan) {
    let mut after = user.clone();
    after.active = edit.active.unwrap_or(user.active);
    let mut unlinked = Vec::new();
    for (issuer, key) in keys.iter().filter(|(issuer, _)| edit.unlink.contains(issuer)) {
        if after.subjects.remove(issuer).is_some() {
            unlinked.push(Write::UnlinkSubject { key: key.clone(), user: user.id.clone() });
        }
    }
    if after == *user {
        return (after, Plan::default());
    }
    after.version = user.version.saturating_add(1);
    let mut plan = Plan::of(Write::SaveUser(Box::new(after.clone())));
    plan.extend(unlinked);
    (after, plan)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::owner::UserId;

    fn user() -> User {
        User {
            id: UserId::from_digest([1; 16]),
            username: "ada".parse().unwrap(),
            email: None,
            name: None,
            staff: true,
            active: true,
            lms_user_id: None,
            tracking_context: BTreeMap::new(),
            subjects: ["lms", "gateway"].map(|issuer| (issuer.to_owned(), "sub-1".to_owned())).into(),
            claims_at: Timestamp::UNIX_EPOCH,
            staff_at: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            version: 4,
        }
    }

    fn keys() -> Vec<(String, SubjectKey)> {
        [("lms", 1), ("gateway", 2)].map(|(of, byte)| (of.to_owned(), SubjectKey::from_digest([byte; 16]))).into()
    }

    #[test]
    fn a_user_is_deactivated_and_let_in_again() {
        let edit = |active| UserEdit { active: Some(active), unlink: Vec::new() };
        let (out, plan) = decide(&user(), &edit(false), &keys());
        assert_eq!(out, User { active: false, version: 5, ..user() });
        assert_eq!(plan, Plan::of(Write::SaveUser(Box::new(out.clone()))));
        assert_eq!(decide(&out, &edit(true), &keys()).0, User { version: 6, ..user() });
        assert_eq!(decide(&user(), &edit(true), &keys()), (user(), Plan::default()));
    }

    #[test]
    fn an_unlinked_issuer_is_forgotten_with_its_way_to_the_user() {
        let edit = UserEdit { active: None, unlink: vec!["lms".to_owned(), "unknown".to_owned()] };
        let (after, plan) = decide(&user(), &edit, &keys());
        assert_eq!(after.subjects.into_keys().collect::<Vec<_>>(), ["gateway"]);
        let unlink = Write::UnlinkSubject { key: SubjectKey::from_digest([1; 16]), user: user().id };
        assert_eq!(plan.writes.get(1..), Some([unlink].as_slice()));
        // Without its key an issuer stays linked, so that no way to the user is left behind.
        assert_eq!(decide(&user(), &edit, &[]), (user(), Plan::default()));
    }
}
