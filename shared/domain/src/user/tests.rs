//! Users met again and again, with claims of every age.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const LMS: &str = "https://lms.example/oauth2";
const GATEWAY: &str = "https://login.example/realms/school";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What the LMS says of ada, without a word about anything that can be left out.
fn claims(issued_at: i64) -> UserClaims {
    UserClaims {
        id: UserId::from_digest([1; 16]),
        username: "ada".parse().unwrap(),
        issuer: LMS.to_owned(),
        subject: None,
        email: None,
        name: None,
        administrator: None,
        country: None,
        lms_user_id: None,
        tracking_context: BTreeMap::new(),
        issued_at: at(issued_at),
    }
}

fn subject(issuer: &str, sub: &str) -> UserClaims {
    let key = SubjectKey::from_digest([u8::try_from(issuer.len() + sub.len()).unwrap(); 16]);
    UserClaims { issuer: issuer.to_owned(), subject: Some((sub.to_owned(), key)), ..claims(20) }
}

fn admin(issued_at: i64, administrator: Option<bool>) -> UserClaims {
    UserClaims { administrator, ..claims(issued_at) }
}

fn full(issued_at: i64) -> UserClaims {
    UserClaims {
        email: Some("ada@example.org".to_owned()),
        name: Some("Ada L.".to_owned()),
        administrator: Some(true),
        country: "NL".parse().ok(),
        lms_user_id: Some(7),
        tracking_context: BTreeMap::from([("lms_user_id".to_owned(), json!(7)), ("ga".to_owned(), json!("GA1"))]),
        subject: subject(LMS, "sub-1").subject,
        ..claims(issued_at)
    }
}

fn met(claims: &UserClaims) -> User {
    meet(None, claims, at(1)).unwrap().user
}

/// The user after seeing each of the claims, and how often that was written.
fn after(all: &[UserClaims]) -> (User, usize) {
    let mut stored: Option<User> = None;
    let mut written = 0;
    for claims in all {
        let sight = meet(stored.as_ref(), claims, at(100)).unwrap();
        written += usize::from(!sight.plan.writes.is_empty());
        stored = Some(sight.user);
    }
    (stored.unwrap(), written)
}

#[test]
fn a_user_is_made_on_first_sight_with_the_link_to_the_sub() {
    let claims = full(10);
    let Sight { user, plan } = meet(None, &claims, at(100)).unwrap();
    assert_eq!((user.email.as_deref(), user.name.as_deref()), (Some("ada@example.org"), Some("Ada L.")));
    assert_eq!((user.staff, user.active, user.lms_user_id), (true, true, Some(7)));
    assert_eq!((user.claims_at, user.created_at, user.version), (at(10), at(100), 1));
    assert_eq!(user.subjects, BTreeMap::from([(LMS.to_owned(), "sub-1".to_owned())]));
    let (_, key) = claims.subject.unwrap();
    let link = Write::LinkSubject { key, user: user.id.clone() };
    assert_eq!(plan.writes, [Write::CreateUser(Box::new(user)), link]);
}

#[test]
fn a_user_of_whom_there_is_nothing_new_costs_no_write() {
    let user = met(&full(10));
    for same in [full(10), full(20), claims(20), UserClaims { email: user.email.clone(), ..claims(20) }] {
        assert_eq!(meet(Some(&user), &same, at(100)), Ok(Sight { user: user.clone(), plan: Plan::default() }));
    }
}

#[test]
fn what_is_not_said_takes_nothing_away_and_what_is_said_anew_is_written() {
    let user = met(&full(10));
    let null = BTreeMap::from([("ga".to_owned(), Value::Null), ("b".to_owned(), json!(2))]);
    let news = UserClaims { name: Some("Ada".to_owned()), tracking_context: null, ..claims(20) };
    let Sight { user: after, plan } = meet(Some(&user), &news, at(100)).unwrap();
    let context = [("b", json!(2)), ("ga", json!("GA1")), ("lms_user_id", json!(7))];
    assert_eq!(after.tracking_context, BTreeMap::from(context.map(|(key, value)| (key.to_owned(), value))));
    assert_eq!(
        after,
        User {
            name: Some("Ada".to_owned()),
            tracking_context: after.tracking_context.clone(),
            claims_at: at(20),
            // Nothing was said of staff.
            staff_at: at(10),
            version: 2,
            ..user
        }
    );
    assert_eq!(plan, Plan::of(Write::SaveUser(Box::new(after))));
}

#[test]
fn an_old_token_does_not_give_back_what_was_revoked() {
    let (yes, no) = (Some(true), Some(false));
    for (seen, staff, written) in [
        (vec![admin(10, yes)], true, 1),
        (vec![admin(10, yes), admin(20, None)], true, 1),
        (vec![admin(10, yes), admin(20, no)], false, 2),
        (vec![admin(10, yes), admin(20, no), admin(10, yes)], false, 2),
        (vec![admin(10, yes), admin(20, no), admin(20, yes)], true, 3),
        (vec![admin(10, None), admin(20, yes), admin(15, no)], true, 2),
        (vec![admin(10, no), admin(20, None), admin(30, yes), admin(20, None)], true, 2),
    ] {
        let (user, writes) = after(&seen);
        assert_eq!((user.staff, writes), (staff, written), "{seen:?}");
    }
}

#[test]
fn another_sub_of_the_same_issuer_is_another_person() {
    let user = met(&full(10));
    let other = subject(LMS, "sub-22");
    assert_eq!(meet(Some(&user), &other, at(100)), Err(SightRefusal::SubjectMismatch));
    let old = UserClaims { issued_at: at(1), ..other };
    assert_eq!(meet(Some(&user), &old, at(100)), Err(SightRefusal::SubjectMismatch));
}

#[test]
fn a_sub_that_another_issuer_gives_is_linked_once_and_kept() {
    let user = met(&full(10));
    let gateway = subject(GATEWAY, "sub-1");
    let Sight { user: linked, plan } = meet(Some(&user), &gateway, at(100)).unwrap();
    let (_, key) = gateway.subject.clone().unwrap();
    let link = Write::LinkSubject { key, user: user.id.clone() };
    assert_eq!(plan.writes, [Write::SaveUser(Box::new(linked.clone())), link]);
    assert_eq!(linked.subjects.len(), 2);
    assert_eq!(meet(Some(&linked), &gateway, at(100)).unwrap().plan, Plan::default());
    // Whose account it is does not age: an old token is held to its `sub` as well.
    let old = UserClaims { issued_at: at(5), ..gateway };
    assert_eq!(meet(Some(&user), &old, at(100)).unwrap().user.subjects, linked.subjects);
}

#[test]
fn a_deactivated_user_stays_out_whatever_the_claims_say() {
    let user = User { active: false, ..met(&full(10)) };
    for claims in [full(10), admin(50, Some(true)), subject(LMS, "sub-22")] {
        assert_eq!(meet(Some(&user), &claims, at(100)), Err(SightRefusal::Deactivated));
    }
}

proptest! {
    #[test]
    fn every_write_counts_the_version_up_and_moves_the_claims_on(
        seen in vec((0_i64..20, proptest::option::of(any::<bool>())), 1..20),
    ) {
        let mut user = met(&admin(10, None));
        for (issued_at, administrator) in seen {
            let Sight { user: after, plan } = meet(Some(&user), &admin(issued_at, administrator), at(100)).unwrap();
            let changed = after.staff != user.staff;
            prop_assert!(!changed || at(issued_at) >= user.staff_at, "old claims changed something");
            prop_assert_eq!(!plan.writes.is_empty(), changed);
            prop_assert_eq!(after.version, user.version + u64::from(changed));
            prop_assert_eq!(after.staff_at, if changed { at(issued_at) } else { user.staff_at });
            user = after;
        }
    }
}
