//! Users, the ways to them, and their sessions.

use std::collections::BTreeMap;

use domain::client_key::{Allowance, ClientKey, NewClientKey, issue};
use domain::client_secret::StoredSecret;
use domain::edit_user::{self, UserEdit};
use domain::id::Ids;
use domain::owner::{SubjectKey, UserId, UserSessionKey};
use domain::plan::{Plan, Write};
use domain::user::{Sight, User, UserClaims, meet};
use domain::user_session::{SessionOrigin, UserSession, ends_at};
use jiff::Timestamp;
use serde_json::json;
use store::{CallerKeys, CallerRows};

use crate::table::{Table, ada, bob, now};

fn claims(id: UserId, subject: u8) -> UserClaims {
    UserClaims {
        username: id.as_str().parse().unwrap(),
        id,
        issuer: "lms".to_owned(),
        subject: Some((format!("sub-{subject}"), key(subject))),
        email: Some("ada@example.org".to_owned()),
        name: None,
        administrator: None,
        country: None,
        lms_user_id: Some(u64::MAX),
        tracking_context: BTreeMap::from([("ga".to_owned(), json!({"ids": [1, null]}))]),
        issued_at: now(),
    }
}

fn key(subject: u8) -> SubjectKey {
    SubjectKey::from_digest([subject; 16])
}

fn meets(stored: Option<&User>, claims: &UserClaims) -> Sight {
    meet(stored, claims, now()).unwrap()
}

pub(crate) fn session(user: UserId, secret: u8) -> UserSession {
    UserSession {
        key: UserSessionKey::from_digest([secret; 16]),
        user,
        realm: "api.example".to_owned(),
        origin: SessionOrigin::Login,
        upgraded_from: None,
        agent: Some("curl/8".to_owned()),
        started_at: now(),
        ends_at: ends_at(now()),
    }
}

fn start(session: &UserSession) -> Write {
    Write::StartSession(Box::new(session.clone()))
}

fn client() -> (ClientKey, Plan) {
    let new = NewClientKey {
        id: Ids::new(now(), 7).make(),
        name: "The shop".parse().unwrap(),
        secret: StoredSecret::from_digest([1; 32]),
        may: [Allowance::Read].into(),
        by: ada(),
    };
    issue(new, now())
}

#[tokio::test]
async fn who_is_calling_is_read_in_one_call_or_none() {
    let table = Table::new().await;
    let Sight { user, plan } = meets(None, &claims(ada(), 1));
    let (client, issued) = client();
    let session = session(ada(), 5);
    table.write([plan.writes, issued.writes, vec![start(&session)]].concat()).await;
    let (users, sessions, clients) = (Some(ada()), Some(session.key.clone()), Some(client.id.clone()));
    let all = CallerRows { user: Some(user), session: Some(session), client: Some(client) };
    let none = CallerRows::default;
    for (keys, calls, rows) in [
        (CallerKeys::default(), [].as_slice(), none()),
        // A session alone has no key.
        (CallerKeys { session: sessions.clone(), ..CallerKeys::default() }, &[], none()),
        (
            CallerKeys { user: users.clone(), ..CallerKeys::default() },
            &["GetItem"],
            CallerRows { user: all.user.clone(), ..none() },
        ),
        (
            CallerKeys { client: clients.clone(), ..CallerKeys::default() },
            &["GetItem"],
            CallerRows { client: all.client.clone(), ..none() },
        ),
        // Another user's session is none.
        (CallerKeys { user: Some(bob()), session: sessions.clone(), client: None }, &["BatchGetItem"], none()),
        (CallerKeys { user: users, session: sessions, client: clients }, &["BatchGetItem"], all),
    ] {
        let (found, made) = table.calls(table.store.read_caller(&keys)).await;
        assert_eq!((found.unwrap(), made), (rows, calls.iter().map(ToString::to_string).collect()), "{keys:?}");
        let elsewhere = table.store.for_tenant("other".parse().unwrap());
        assert_eq!(elsewhere.read_caller(&keys).await.unwrap(), none(), "another tenant's");
    }
}

#[tokio::test]
async fn a_user_is_written_once_and_then_on_the_version_before() {
    let table = Table::new().await;
    let Sight { user, plan } = meets(None, &claims(ada(), 1));
    assert_eq!(table.refused(&plan).await, [""; 0]);
    assert_eq!(table.store.read_user(&ada()).await.unwrap().as_ref(), Some(&user));
    // Linking the same again is the same.
    assert_eq!(table.refused(&plan).await, ["create_user"]);
    let renamed = UserClaims { name: Some("Ada".to_owned()), ..claims(ada(), 1) };
    let save = meets(Some(&user), &renamed);
    assert_eq!(table.refused(&save.plan).await, [""; 0]);
    assert_eq!(table.refused(&save.plan).await, ["save_user"]);
    assert_eq!(table.store.read_user(&ada()).await.unwrap(), Some(save.user));
}

#[tokio::test]
async fn a_sub_leads_to_one_user_until_staff_loosen_it() {
    let table = Table::new().await;
    let Sight { user, plan } = meets(None, &claims(ada(), 1));
    table.write(plan.writes).await;
    let other = meets(None, &claims(bob(), 1));
    assert_eq!(table.refused(&other.plan).await, ["link_subject"]);
    assert_eq!(table.store.read_user(&bob()).await.unwrap(), None);
    let wrong = Plan::of(Write::UnlinkSubject { key: key(1), user: bob() });
    assert_eq!(table.refused(&wrong).await, ["unlink_subject"]);
    assert_eq!(table.store.find_subject(&key(1)).await.unwrap(), Some(ada()));
    let edit = UserEdit { unlink: vec!["lms".to_owned()], ..UserEdit::default() };
    let (loose, plan) = edit_user::decide(&user, &edit, &[("lms".to_owned(), key(1))], Timestamp::UNIX_EPOCH);
    table.write(plan.writes).await;
    assert_eq!(table.store.find_subject(&key(1)).await.unwrap(), None);
    assert_eq!(table.store.read_user(&ada()).await.unwrap(), Some(loose));
    table.write(other.plan.writes).await;
    assert_eq!(table.store.find_subject(&key(1)).await.unwrap(), Some(bob()));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let table = Table::new().await;
    let Sight { plan, .. } = meets(None, &claims(ada(), 1));
    let (one, two, of_bob) = (session(ada(), 1), session(ada(), 2), session(bob(), 3));
    table.write([plan.writes, vec![start(&one), start(&two), start(&of_bob)]].concat()).await;
    assert_eq!(table.refused(&Plan::of(start(&one))).await, ["start_session"]);
    let (listed, calls) = table.calls(table.store.list_sessions(&ada())).await;
    assert_eq!((listed.unwrap(), calls), (vec![one.clone(), two.clone()], vec!["Query".to_owned()]));
    let end = |user, session: &UserSession| Write::EndSession { user, key: session.key.clone() };
    // Ending what is another's, or over already, changes nothing.
    table.write([end(ada(), &one), end(ada(), &of_bob)]).await;
    table.write([end(ada(), &one)]).await;
    assert_eq!(table.store.list_sessions(&ada()).await.unwrap(), [two]);
    assert_eq!(table.store.list_sessions(&bob()).await.unwrap(), [of_bob]);
    assert!(table.store.read_user(&ada()).await.unwrap().is_some());
}
