//! People whom an identity-aware gateway signed in: believed with the gateway's proof and not otherwise, on every route;
//! handed over with a session that lives as long as the gateway's word; sent on to no site but ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::owner::UserId;
use http::StatusCode;
use http::header::LOCATION;
use local::dev_keys::{FRONT_END, GATEWAY};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::sign_in::{deactivate, log_in, name, session_id, skus};
use super::sign_in_browser::{bare, browser, takes_cookies_back};
use crate::openapi::operations;

async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    app
}

fn encoded(userinfo: &Value) -> String {
    STANDARD.encode(userinfo.to_string())
}

/// What the gateway says of somebody.
fn userinfo(username: &str) -> String {
    let email = format!("{username}@example.com");
    encoded(&json!({"sub": format!("kc-{username}"), "preferred_username": username, "email": email, "name": username}))
}

/// A client whose requests come through the gateway, which proves itself.
fn proven(client: &Client) -> Client {
    client.with("X-Gateway-Secret", GATEWAY.1[0])
}

/// A client that the gateway signed in.
fn vouched(client: &Client, username: &str) -> Client {
    proven(client).with("X-Userinfo", &userinfo(username))
}

async fn establish(client: &Client) -> Answer {
    client.get("/establish_session").await.expect(StatusCode::FOUND)
}

fn user_id(app: &TestApp, username: &str) -> UserId {
    app.cloud.http().user_id(&username.parse().expect("a name"))
}

/// Whether there is anything of a user in the table.
async fn is_known(app: &TestApp, username: &str) -> bool {
    let id = user_id(app, username);
    let user = app.cloud.store.read_user(&id).await.expect("a table");
    user.is_some() || !app.cloud.store.list_sessions(&id).await.expect("a table").is_empty()
}

#[tokio::test]
async fn a_forged_userinfo_changes_no_answer_of_any_operation() {
    let app = shop().await;
    let forged = userinfo("mallory");
    let mut tried = 0;
    for operation in operations() {
        let method: Method = operation.method.parse().expect("a method");
        let path = operation.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let ask = async |client: &Client| {
            let answer = client.send(client.request(method.clone(), &path).json(&json!({"sku": "PY"}))).await;
            (answer.status, answer.json["code"].clone())
        };
        // Each in a session of its own, so that one answer does not depend on the one before.
        let plain = ask(&app.session(&format!("plain-{tried}"))).await;
        for (number, secret) in [None, Some(""), Some("guessed"), Some("local-development")].into_iter().enumerate() {
            let client = app.session(&format!("forged-{tried}-{number}")).with("X-Userinfo", &forged);
            let client = client.with("X-Access-Token", "a.b.c").with("X-ID-Token", "a.b.c");
            let client = secret.map_or(client.clone(), |secret| client.with("X-Gateway-Secret", secret));
            assert_eq!(ask(&client).await, plain, "{} {} with {secret:?}", operation.method, operation.path);
        }
        tried += 1;
    }
    assert!(tried > 30, "{tried} operations");
    assert!(!is_known(&app, "mallory").await);
    let me = app.anonymous().with("X-Userinfo", &forged).get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!(me["username"], Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn a_secret_that_comes_twice_proves_nothing() {
    let app = shop().await;
    let client = vouched(&app.anonymous(), "mallory");
    let twice = client.request(Method::GET, "/api/v1/orders").header("X-Gateway-Secret", GATEWAY.1[0]);
    client.send(twice).await.problem(401, "unauthorized");
    assert!(!is_known(&app, "mallory").await);
    app.finish().await;
}

#[tokio::test]
async fn whom_the_gateway_names_is_that_person_on_every_route() {
    let app = shop().await;
    for secret in GATEWAY.1 {
        let ada = app.anonymous().with("X-Gateway-Secret", secret).with("X-Userinfo", &userinfo("ada"));
        assert_eq!(name(&ada).await, json!("ada"));
        ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    }
    let ada = vouched(&app.anonymous(), "ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("key").await.expect(StatusCode::CREATED);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(app.enrolments("ada").await.len(), 1);
    // She is not staff by it, and a page of another site does nothing in her name.
    let stock = json!({"price": {"amount": "1.00", "currency": "USD"}});
    ada.put("/api/v1/products/PY/stock", &stock).await.problem(403, "forbidden");
    ada.with("Origin", "https://evil.example").add("RS").await.problem(403, "csrf_failed");
    ada.with("Sec-Fetch-Site", "cross-site").add("RS").await.problem(403, "csrf_failed");
    // A gateway that names nobody lets visitors through.
    assert_eq!(name(&proven(&app.anonymous())).await, Value::Null);
    proven(&app.session("1")).add("PY").await.expect(StatusCode::CREATED);
    // A token beside it must be of the same person.
    let token = |username: &str| app.user(username);
    assert_eq!(name(&vouched(&token("ada"), "ada")).await, json!("ada"));
    vouched(&token("eve"), "ada").get("/api/v1/basket").await.problem(401, "unauthorized");
    app.finish().await;
}

#[tokio::test]
async fn a_userinfo_that_cannot_be_read_is_refused_and_is_nobody_to_users_me() {
    let app = shop().await;
    let long = encoded(&json!({"sub": "1", "preferred_username": "ada", "name": "a".repeat(8192)}));
    let two = STANDARD.encode(r#"{"sub":"1","sub":"2","preferred_username":"ada"}"#);
    for bad in [
        "",
        "nonsense",
        "e30=",
        &long,
        &two,
        &STANDARD.encode("[]"),
        &STANDARD.encode("{"),
        &userinfo("ada").replace('=', ""),
        &encoded(&json!({"sub": "1"})),
        &encoded(&json!({"sub": "", "preferred_username": "ada"})),
        &encoded(&json!({"sub": 1, "preferred_username": "ada"})),
        &encoded(&json!({"sub": "1", "preferred_username": ""})),
        &encoded(&json!({"sub": "1", "preferred_username": null})),
    ] {
        let client = proven(&app.anonymous()).with("X-Userinfo", bad);
        for path in ["/api/v1/basket", "/api/v1/orders", "/api/v1/sessions", "/establish_session"] {
            client.get(path).await.problem(400, "bad_userinfo");
        }
        client.add("PY").await.problem(400, "bad_userinfo");
        assert_eq!(name(&client).await, Value::Null, "{bad}");
    }
    let ada = vouched(&app.anonymous(), "ada");
    let twice = ada.request(Method::GET, "/api/v1/basket").header("X-Userinfo", userinfo("ada"));
    ada.send(twice).await.problem(400, "bad_userinfo");
    assert!(!is_known(&app, "ada").await);
    app.finish().await;
}

#[tokio::test]
async fn a_hand_over_starts_a_session_merges_the_basket_and_sends_the_browser_on() {
    let app = shop().await;
    app.user("ada").add("RS").await.expect(StatusCode::CREATED);
    let visitor = bare(&app, &app.anonymous().add("PY").await.expect(StatusCode::CREATED));
    let answer = vouched(&visitor, "ada").get("/establish_session?next=/cart%3Fa%3Db").await.expect(StatusCode::FOUND);
    assert_eq!(answer.headers[LOCATION], "/cart?a=b");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(session_id(&answer).starts_with("SID:AUTH:browser:"), "{answer:?}");
    let ada = vouched(&browser(&app, &answer), "ada");
    assert_eq!((name(&ada).await, skus(&ada).await), (json!("ada"), vec!["RS".to_owned(), "PY".to_owned()]));
    assert_eq!(skus(&visitor).await, Vec::<String>::new());
    let listed = ada.get("/api/v1/sessions").await.expect(StatusCode::OK);
    let only = &listed["items"][0];
    assert_eq!(
        (&only["origin"], &only["current"], &listed["items"][1]),
        (&json!("gateway"), &json!(true), &Value::Null)
    );
    // Coming again replaces the session that the browser has.
    establish(&ada).await;
    assert_eq!(app.cloud.store.list_sessions(&user_id(&app, "ada")).await.expect("a table").len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_hand_over_needs_the_gateways_word() {
    let app = shop().await;
    let forged = app.anonymous().with("X-Userinfo", &userinfo("mallory"));
    for nobody in [app.anonymous(), app.session("1"), app.user("mallory"), forged, proven(&app.anonymous())] {
        let answer = nobody.get("/establish_session").await;
        answer.problem(401, "unauthorized");
        assert_eq!((answer.headers.get("set-cookie"), answer.headers.get(LOCATION)), (None, None));
    }
    assert!(!is_known(&app, "mallory").await);
    // Nor does the gateway's word sign somebody else in.
    let ada = vouched(&app.anonymous(), "ada");
    log_in(&app, &ada, "eve").await.problem(409, "conflict");
    app.finish().await;
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_and_nothing_is_written_before() {
    let app = shop().await;
    let ada = vouched(&app.anonymous(), "ada");
    for (next, location) in [
        (None, "/"),
        (Some("/"), "/"),
        (Some("/courses?tab=1#top"), "/courses?tab=1#top"),
        (Some("/%2f%2fevil.example"), "/%2f%2fevil.example"),
        (Some(&format!("{FRONT_END}/done")), &format!("{FRONT_END}/done")),
        (Some(&format!("{}/done", app.cloud.base_url)), &format!("{}/done", app.cloud.base_url)),
    ] {
        let request = ada.request(Method::GET, "/establish_session");
        let request = next.map_or(request.try_clone().expect("a request"), |next| request.query(&[("next", next)]));
        assert_eq!(ada.send(request).await.expect(StatusCode::FOUND).headers[LOCATION], location);
    }
    let mallory = vouched(&app.anonymous(), "mallory");
    for next in [
        "",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "https://localhost:3000@evil.example",
        "http://localhost:3000.evil.example",
        "http://user@localhost:3000/",
        "javascript:alert(1)",
        "%2f%2fevil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/.//evil.example",
        "http://localhost\u{3002}evil.example",
        &format!("/{}", "a".repeat(2048)),
    ] {
        let request = mallory.request(Method::GET, "/establish_session").query(&[("next", next)]);
        let answer = mallory.send(request).await;
        answer.problem(400, "bad_next");
        assert_eq!((answer.headers.get("set-cookie"), answer.headers.get(LOCATION)), (None, None), "{next:?}");
    }
    for query in ["next=/&next=//evil.example", "next=/&to=/"] {
        mallory.get(&format!("/establish_session?{query}")).await.problem(422, "invalid_fields");
    }
    assert!(!is_known(&app, "mallory").await);
    app.finish().await;
}

#[tokio::test]
async fn without_the_gateways_word_its_session_ends() {
    let app = shop().await;
    let answer = establish(&vouched(&app.anonymous(), "ada")).await;
    let alone = browser(&app, &answer);
    let ada = vouched(&alone, "ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    // The gateway signed her out, and passes her requests on without a name.
    let refused = proven(&alone).get("/api/v1/basket").await;
    refused.problem(401, "session_ended");
    takes_cookies_back(&refused);
    assert_eq!(app.cloud.store.list_sessions(&user_id(&app, "ada")).await.expect("a table"), []);
    // She comes back, and her basket is there.
    let again = vouched(&browser(&app, &establish(&ada).await), "ada");
    assert_eq!(skus(&again).await, ["PY"]);
    // Past the gateway the session is good for nothing either.
    let answer = establish(&again).await;
    let past = app.anonymous().with("Session-Id", session_id(&answer));
    past.get("/api/v1/orders").await.problem(401, "session_ended");
    let me = browser(&app, &answer).get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!(me["username"], Value::Null);
    takes_cookies_back(&me);
    app.finish().await;
}

#[tokio::test]
async fn a_session_by_token_does_not_need_the_gateway() {
    let app = shop().await;
    let ada = browser(&app, &log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK));
    assert_eq!((name(&ada).await, name(&proven(&ada)).await), (json!("ada"), json!("ada")));
    app.finish().await;
}

#[tokio::test]
async fn another_person_at_the_same_browser_gets_a_session_of_their_own() {
    let app = shop().await;
    let of_ada = browser(&app, &establish(&vouched(&app.anonymous(), "ada")).await);
    vouched(&of_ada, "ada").add("PY").await.expect(StatusCode::CREATED);
    // The gateway's word counts, whatever the cookie says.
    let eve = vouched(&of_ada, "eve");
    assert_eq!((name(&eve).await, skus(&eve).await), (json!("eve"), vec![]));
    let of_eve = browser(&app, &establish(&eve).await);
    assert_eq!(app.cloud.store.list_sessions(&user_id(&app, "ada")).await.expect("a table"), []);
    let eve = vouched(&of_eve, "eve");
    assert_eq!((name(&eve).await, skus(&eve).await), (json!("eve"), vec![]));
    assert_eq!(skus(&vouched(&of_ada, "ada")).await, ["PY"]);
    // A logout ends what the browser has; the gateway itself goes on saying who it is.
    let out = eve.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    takes_cookies_back(&out);
    assert_eq!(app.cloud.store.list_sessions(&user_id(&app, "eve")).await.expect("a table"), []);
    app.finish().await;
}

#[tokio::test]
async fn an_account_that_is_anothers_or_closed_is_a_problem_and_not_a_stranger() {
    let app = shop().await;
    establish(&vouched(&app.anonymous(), "ada")).await;
    let other = encoded(&json!({"sub": "somebody-else", "preferred_username": "ada", "email": "ada@example.com"}));
    let other = proven(&app.anonymous()).with("X-Userinfo", &other);
    let answer = other.get("/establish_session").await;
    answer.problem(409, "identity_conflict");
    assert_eq!(answer.headers.get("set-cookie"), None);
    let renamed = encoded(&json!({"sub": "kc-ada", "preferred_username": "lovelace"}));
    let renamed = proven(&app.anonymous()).with("X-Userinfo", &renamed);
    renamed.get("/establish_session").await.problem(409, "identity_conflict");
    assert_eq!((name(&other).await, name(&renamed).await), (Value::Null, Value::Null));
    // One address is nobody's proof: another name is another user.
    let shared = encoded(&json!({"sub": "kc-eve", "preferred_username": "eve", "email": "ada@example.com"}));
    let eve = proven(&app.anonymous()).with("X-Userinfo", &shared);
    eve.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(skus(&vouched(&app.anonymous(), "ada")).await, Vec::<String>::new());

    deactivate(&app, "ada").await;
    let ada = vouched(&app.anonymous(), "ada");
    ada.get("/establish_session").await.problem(401, "user_deactivated");
    assert_eq!(name(&ada).await, Value::Null);
    app.finish().await;
}
