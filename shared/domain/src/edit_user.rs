//! What staff can do to a user: deactivate, let in again, end sessions, take staff's rights away, and loosen the link to an
//! issuer's account.

use jiff::Timestamp;

use crate::owner::SubjectKey;
use crate::plan::{Plan, Write};
use crate::user::User;

/// A wished change. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// Whether the user may come in.
    pub active: Option<bool>,
    /// Whether all sessions end that began until now. Deactivating ends them too.
    pub end_sessions: bool,
    /// Whether the user is staff no longer, until a token that is issued from now on says so. Nobody is made staff here.
    pub revoke_staff: bool,
    /// Issuers whose `sub` is forgotten, so that the next account of this name that they vouch for is taken.
    pub unlink: Vec<String>,
}

/// Decides a change. `keys` are the keys of the user's subjects, by issuer; an issuer that is not among them stays
/// linked. The plan is empty if nothing changes.
#[must_use]
pub fn decide(user: &User, edit: &UserEdit, keys: &[(String, SubjectKey)], now: Timestamp) -> (User, Plan) {
    let mut after = user.clone();
    after.active = edit.active.unwrap_or(user.active);
    if edit.end_sessions || (user.active && !after.active) {
        after.sessions_after = now;
    }
    if edit.revoke_staff && user.staff {
        after.staff = false;
        after.staff_at = user.staff_at.max(now);
    }
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

    use super::*;
    use crate::owner::UserId;

    fn at() -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    fn user() -> User {
        User {
            id: UserId::from_digest([1; 16]),
            username: "ada".parse().unwrap(),
            email: None,
            name: None,
            staff: true,
            active: true,
            country: None,
            lms_user_id: None,
            tracking_context: BTreeMap::new(),
            subjects: ["lms", "gateway"].map(|issuer| (issuer.to_owned(), "sub-1".to_owned())).into(),
            claims_at: Timestamp::UNIX_EPOCH,
            staff_at: Timestamp::UNIX_EPOCH,
            sessions_after: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            version: 4,
        }
    }

    fn keys() -> Vec<(String, SubjectKey)> {
        [("lms", 1), ("gateway", 2)].map(|(of, byte)| (of.to_owned(), SubjectKey::from_digest([byte; 16]))).into()
    }

    #[test]
    fn a_user_is_deactivated_and_let_in_again() {
        let edit = |active| UserEdit { active: Some(active), ..UserEdit::default() };
        let (out, plan) = decide(&user(), &edit(false), &keys(), at());
        assert_eq!(out, User { active: false, sessions_after: at(), version: 5, ..user() });
        assert_eq!(plan, Plan::of(Write::SaveUser(Box::new(out.clone()))));
        assert_eq!(decide(&out, &edit(true), &keys(), at()).0, User { sessions_after: at(), version: 6, ..user() });
        assert_eq!(decide(&user(), &edit(true), &keys(), at()), (user(), Plan::default()));
    }

    #[test]
    fn sessions_and_the_staffs_rights_end_now_and_an_older_word_gives_neither_back() {
        let staff = User { staff: true, ..user() };
        let edit = UserEdit { end_sessions: true, revoke_staff: true, ..UserEdit::default() };
        let (after, plan) = decide(&staff, &edit, &keys(), at());
        assert_eq!(after, User { staff: false, staff_at: at(), sessions_after: at(), version: 5, ..staff });
        assert_eq!(plan, Plan::of(Write::SaveUser(Box::new(after))));
        // Who is no staff has nothing to lose, and a later word of the LMS is not held against an earlier one of ours.
        let revoke = UserEdit { revoke_staff: true, ..UserEdit::default() };
        let learner = User { staff: false, ..user() };
        assert_eq!(decide(&learner, &revoke, &keys(), at()), (learner.clone(), Plan::default()));
    }

    #[test]
    fn an_unlinked_issuer_is_forgotten_with_its_way_to_the_user() {
        let edit = UserEdit { unlink: vec!["lms".to_owned(), "unknown".to_owned()], ..UserEdit::default() };
        let (after, plan) = decide(&user(), &edit, &keys(), at());
        assert_eq!(after.subjects.into_keys().collect::<Vec<_>>(), ["gateway"]);
        let unlink = Write::UnlinkSubject { key: SubjectKey::from_digest([1; 16]), user: user().id };
        assert_eq!(plan.writes.get(1..), Some([unlink].as_slice()));
        // Without its key an issuer stays linked, so that no way to the user is left behind.
        assert_eq!(decide(&user(), &edit, &[], at()), (user(), Plan::default()));
    }
}
