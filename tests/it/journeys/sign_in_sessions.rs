//! Signed-in sessions: what an application's `Session-Id` is good for and for how long, that nobody comes by one who did
//! not sign in, and that only their owner sees and ends them.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::sign_in::{go_on, log_in, machine_token, name, session_id, skus};

/// Two weeks, after which a session is over.
const SESSION_S: i64 = 14 * 24 * 3600;

/// How long a merged basket takes nothing.
const REST_S: i64 = 5 * 60;

async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    app
}

/// A client that may do what its scopes say, and nothing else.
async fn machine(app: &TestApp) -> Client {
    app.anonymous().with("Authorization", &format!("Bearer {}", machine_token(app).await))
}

async fn sessions(client: &Client) -> Vec<Value> {
    let answer = client.get("/api/v1/sessions").await.expect(StatusCode::OK);
    assert_eq!(answer["next_cursor"], Value::Null);
    answer["items"].as_array().expect("items").clone()
}

/// Signs a learner in from an application of her own.
async fn signed_in(app: &TestApp, id: &str, username: &str) -> (Client, Answer) {
    let login = log_in(app, &app.session(id), username).await.expect(StatusCode::OK);
    (go_on(app, &login), login)
}

#[tokio::test]
async fn every_answer_names_the_session_and_none_does_after_a_logout() {
    let app = shop().await;
    let (ada, login) = signed_in(&app, "1", "ada").await;
    for answer in [
        ada.get("/api/v1/basket").await,
        ada.add("PY").await,
        ada.get("/api/v1/orders").await,
        ada.get("/api/v1/users/me").await,
        ada.get("/api/v1/orders/ord_01m810rwd80000000000000007").await,
    ] {
        assert_eq!(session_id(&answer), session_id(&login), "{answer:?}");
    }
    // A thread and a count are dropped, as the old clients send them.
    let threaded = app.anonymous().with("Session-Id", &format!("{}-1a:2", session_id(&login)));
    let answer = threaded.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((session_id(&answer), skus(&threaded).await), (session_id(&login), vec!["PY".to_owned()]));

    let out = ada.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    assert_eq!((out.headers.get("session-id"), out.text.as_str()), (None, ""));
    let again = ada.post("/api/v1/logout", &json!({})).await;
    again.problem(401, "session_ended");
    assert_eq!(again.headers.get("session-id"), None);
    ada.get("/api/v1/basket").await.problem(401, "session_ended");
    app.finish().await;
}

#[tokio::test]
async fn a_session_that_there_is_not_is_refused() {
    let app = shop().await;
    let (_, login) = signed_in(&app, "1", "ada").await;
    let (head, secret) = session_id(&login).rsplit_once('-').expect("a secret");
    let other = |text: &str| app.anonymous().with("Session-Id", text);
    for unknown in [
        format!("{head}-{}", "0".repeat(32)),
        format!("SID:AUTH:test:{}-{secret}", "0".repeat(32)),
        session_id(&login).replace(":test:", ":shop:"),
        session_id(&login).replace(":test:", ":browser:"),
        session_id(&login).to_uppercase().replace(":TEST:", ":test:"),
        "SID:AUTH:test:1".to_owned(),
        "SID:AUTH:browser:1".to_owned(),
    ] {
        let answer = other(&unknown).get("/api/v1/basket").await;
        answer.problem(401, "session_ended");
        assert_eq!(answer.headers["www-authenticate"], "JWT realm=\"api\"");
        assert_eq!(name(&other(&unknown)).await, Value::Null, "{unknown}");
    }
    for foreign in [session_id(&login).replace(":test:", ":elsewhere:"), "SID:ANON:browser:1".to_owned()] {
        other(&foreign).get("/api/v1/basket").await.problem(403, "forbidden");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_session_ends_after_two_weeks_however_much_it_is_used() {
    let app = shop().await;
    let (ada, _) = signed_in(&app, "1", "ada").await;
    ada.add("PY").await.expect(StatusCode::CREATED);
    app.advance(SESSION_S - 1).await;
    assert_eq!((skus(&ada).await, sessions(&ada).await.len()), (vec!["PY".to_owned()], 1));
    app.advance(1).await;
    ada.get("/api/v1/basket").await.problem(401, "session_ended");
    assert_eq!((name(&ada).await, sessions(&app.user("ada")).await), (Value::Null, vec![]));
    let (ada, _) = signed_in(&app, "1", "ada").await;
    assert_eq!(skus(&ada).await, ["PY"]);
    app.finish().await;
}

#[tokio::test]
async fn who_knew_the_anonymous_session_gains_nothing_by_the_login() {
    let app = shop().await;
    let attacker = app.session("fixed");
    attacker.add("PY").await.expect(StatusCode::CREATED);
    let (ada, login) = signed_in(&app, "fixed", "ada").await;
    ada.add("RS").await.expect(StatusCode::CREATED);
    assert!(!session_id(&login).contains("fixed"), "{login:?}");
    let as_user = app.anonymous().with("Session-Id", "SID:AUTH:test:fixed");
    as_user.get("/api/v1/basket").await.problem(401, "session_ended");
    // The attacker still holds what it held: an anonymous session, now with nothing in it.
    let seen = attacker.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&seen["lines"], name(&attacker).await), (&json!([]), Value::Null));
    attacker.get("/api/v1/orders").await.problem(401, "unauthorized");
    attacker.get("/api/v1/sessions").await.problem(401, "unauthorized");
    attacker.checkout("key").await.problem(401, "unauthorized");
    attacker.post("/api/v1/logout", &json!({})).await.problem(401, "unauthorized");
    attacker.add("RS").await.problem(401, "session_ended");
    app.advance(REST_S).await;
    attacker.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(
        (skus(&attacker).await, skus(&ada).await),
        (vec!["PY".to_owned()], vec!["PY".to_owned(), "RS".to_owned()])
    );
    app.finish().await;
}

#[tokio::test]
async fn after_a_logout_the_anonymous_session_begins_afresh_at_once() {
    let app = shop().await;
    let visitor = app.session("1");
    visitor.add("PY").await.expect(StatusCode::CREATED);
    let (ada, _) = signed_in(&app, "1", "ada").await;
    visitor.add("RS").await.problem(401, "session_ended");
    ada.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(skus(&visitor).await, Vec::<String>::new());
    visitor.add("RS").await.expect(StatusCode::CREATED);
    // The next one to sign in on the device gets that, and nothing of the one before.
    let (eve, _) = signed_in(&app, "1", "eve").await;
    assert_eq!((skus(&eve).await, skus(&app.user("ada")).await), (vec!["RS".to_owned()], vec!["PY".to_owned()]));
    app.finish().await;
}

#[tokio::test]
async fn a_logout_needs_somebody_and_ends_nothing_for_a_caller_by_token() {
    let app = shop().await;
    for nobody in [app.anonymous(), app.session("1")] {
        nobody.post("/api/v1/logout", &json!({})).await.problem(401, "unauthorized");
    }
    machine(&app).await.post("/api/v1/logout", &json!({})).await.problem(403, "forbidden");
    let (ada, _) = signed_in(&app, "1", "ada").await;
    let by_token = app.user("ada");
    by_token.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    by_token.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    assert_eq!((name(&ada).await, name(&by_token).await), (json!("ada"), json!("ada")));
    app.finish().await;
}

#[tokio::test]
async fn sessions_are_listed_for_their_owner_without_what_opens_them() {
    let app = shop().await;
    let phone = app.session("1").with("User-Agent", "Shop/7 (phone)");
    let phone = go_on(&app, &log_in(&app, &phone, "ada").await.expect(StatusCode::OK));
    app.advance(60).await;
    let (laptop, login) = signed_in(&app, "2", "ada").await;
    signed_in(&app, "3", "eve").await;
    let seen = sessions(&laptop).await;
    let column = |member: &str| seen.iter().map(|one| one[member].clone()).collect::<Vec<_>>();
    assert_eq!(column("current"), [true, false]);
    assert_eq!(column("agent"), [Value::Null, json!("Shop/7 (phone)")]);
    assert_eq!(column("started_at"), ["2026-11-20T12:01:00Z", "2026-11-20T12:00:00Z"]);
    assert_eq!((column("realm"), column("origin")), (vec![json!("test"); 2], vec![json!("login"); 2]));
    assert_eq!(seen[0], login["session"]);
    assert_eq!(sessions(&phone).await.iter().map(|one| one["current"].clone()).collect::<Vec<_>>(), [false, true]);
    assert!(sessions(&app.user("ada")).await.iter().all(|one| one["current"] == false));
    let secret = session_id(&login).rsplit('-').next().expect("a secret");
    assert!(!json!(seen).to_string().contains(secret));
    // What names a session in the list opens nothing.
    let listed = format!("SID:AUTH:test:{}", seen[0]["id"].as_str().expect("an id"));
    app.anonymous().with("Session-Id", &listed).get("/api/v1/basket").await.problem(401, "session_ended");
    app.finish().await;
}

#[tokio::test]
async fn sessions_are_ended_by_their_owner_only() {
    let app = shop().await;
    let (phone, lost) = signed_in(&app, "1", "ada").await;
    let (laptop, _) = signed_in(&app, "2", "ada").await;
    let (eve, _) = signed_in(&app, "3", "eve").await;
    let path = format!("/api/v1/sessions/{}", lost["session"]["id"].as_str().expect("an id"));
    for other in [&eve, &app.user("eve"), &app.staff()] {
        other.delete(&path).await.problem(404, "unknown_session");
    }
    for nobody in [app.anonymous(), app.session("1")] {
        nobody.delete(&path).await.problem(401, "unauthorized");
        nobody.delete("/api/v1/sessions").await.problem(401, "unauthorized");
    }
    machine(&app).await.delete(&path).await.problem(403, "forbidden");
    laptop.delete("/api/v1/sessions/uses_").await.problem(404, "not_found");
    laptop.delete(&format!("/api/v1/sessions/uses_{}", "0".repeat(32))).await.problem(404, "unknown_session");
    assert_eq!(name(&phone).await, json!("ada"));

    laptop.delete(&path).await.expect(StatusCode::NO_CONTENT);
    laptop.delete(&path).await.problem(404, "unknown_session");
    phone.get("/api/v1/basket").await.problem(401, "session_ended");
    assert_eq!((name(&laptop).await, name(&eve).await), (json!("ada"), json!("eve")));
    // One's own is a logout.
    let own = sessions(&laptop).await[0]["id"].as_str().expect("an id").to_owned();
    let answer = laptop.delete(&format!("/api/v1/sessions/{own}")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(answer.headers.get("session-id"), None);
    laptop.get("/api/v1/basket").await.problem(401, "session_ended");
    app.finish().await;
}

#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let app = shop().await;
    let mut devices = Vec::new();
    for id in ["1", "2", "3"] {
        devices.push(signed_in(&app, id, "ada").await.0);
    }
    let (eve, _) = signed_in(&app, "4", "eve").await;
    devices[1].delete("/api/v1/sessions").await.expect(StatusCode::NO_CONTENT);
    for (device, wanted) in devices.iter().zip([Value::Null, json!("ada"), Value::Null]) {
        assert_eq!(name(device).await, wanted);
    }
    assert_eq!((sessions(&devices[1]).await.len(), name(&eve).await), (1, json!("eve")));
    // A caller by token is in none of them.
    app.user("ada").delete("/api/v1/sessions").await.expect(StatusCode::NO_CONTENT);
    devices[1].get("/api/v1/basket").await.problem(401, "session_ended");
    app.finish().await;
}
