//! A browser that signs in: cookies that scripts cannot read, a token against forged requests, and cookies that are taken
//! back when they are good for nothing any more.

use http::StatusCode;
use http::header::SET_COOKIE;
use local::dev_keys::FRONT_END;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::sign_in::{deactivate, log_in, name, session_id, skus, token_of};

async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    app
}

/// The cookies of an answer: name, value and attributes.
fn cookies(answer: &Answer) -> Vec<(String, String, String)> {
    let texts = answer.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("text"));
    texts
        .map(|text| {
            let (pair, attributes) = text.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            (name.to_owned(), value.to_owned(), attributes.to_owned())
        })
        .collect()
}

/// The browser that keeps the cookies of an answer, without the token that its pages send.
pub(super) fn bare(app: &TestApp, answer: &Answer) -> Client {
    let pairs: Vec<String> = cookies(answer).iter().map(|(name, value, _)| format!("{name}={value}")).collect();
    assert_eq!(pairs.len(), 2, "{answer:?}");
    app.anonymous().with("Cookie", &pairs.join("; "))
}

/// The same with the token.
pub(super) fn browser(app: &TestApp, answer: &Answer) -> Client {
    bare(app, answer).with("X-CSRF-Token", answer.headers["x-csrf-token"].to_str().expect("text"))
}

/// Checks that an answer takes both cookies back.
#[track_caller]
pub(super) fn takes_cookies_back(answer: &Answer) {
    let gone = |name: &str, rest: &str| (name.to_owned(), String::new(), rest.to_owned());
    let ended = [
        gone("bursar_session", "HttpOnly; SameSite=Lax; Path=/; Max-Age=0"),
        gone("bursar_csrf", "SameSite=Lax; Path=/; Max-Age=0"),
    ];
    assert_eq!(cookies(answer), ended);
}

#[tokio::test]
async fn a_browser_signs_in_and_its_basket_comes_along() {
    let app = shop().await;
    let visitor = browser(&app, &app.anonymous().add("PY").await.expect(StatusCode::CREATED));
    let login = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_eq!(login["session"]["realm"], "browser");
    let found = cookies(&login);
    let attributes: Vec<_> = found.iter().map(|(name, _, attributes)| (name.as_str(), attributes.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("bursar_session", "HttpOnly; SameSite=Lax; Path=/; Max-Age=1209600"),
            ("bursar_csrf", "SameSite=Lax; Path=/; Max-Age=1209600"),
        ]
    );
    let ada = browser(&app, &login);
    assert_eq!((name(&ada).await, skus(&ada).await), (json!("ada"), vec!["PY".to_owned()]));
    ada.add("RS").await.expect(StatusCode::CREATED);
    // The same session as an application would name it.
    let named = app.anonymous().with("Session-Id", session_id(&login));
    assert_eq!((name(&named).await, skus(&named).await), (json!("ada"), vec!["PY".to_owned(), "RS".to_owned()]));
    assert_eq!(skus(&visitor).await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test]
async fn a_write_by_cookie_needs_the_token_of_this_session_and_a_known_origin() {
    let app = shop().await;
    let first = app.anonymous().add("PY").await.expect(StatusCode::CREATED);
    log_in(&app, &bare(&app, &first), "ada").await.problem(403, "csrf_failed");
    let login = log_in(&app, &browser(&app, &first), "ada").await.expect(StatusCode::OK);
    let anonymous_token = first.headers["x-csrf-token"].to_str().expect("text");
    let (ada, bare) = (browser(&app, &login), bare(&app, &login));
    for forged in [
        bare.clone(),
        bare.with("X-CSRF-Token", ""),
        bare.with("X-CSRF-Token", anonymous_token),
        ada.with("Origin", "https://evil.example"),
        ada.with("Origin", "null"),
        ada.with("Sec-Fetch-Site", "cross-site"),
    ] {
        forged.add("RS").await.problem(403, "csrf_failed");
        forged.post("/api/v1/logout", &json!({})).await.problem(403, "csrf_failed");
        forged.delete("/api/v1/sessions").await.problem(403, "csrf_failed");
        forged.checkout("key").await.problem(403, "csrf_failed");
        log_in(&app, &forged, "ada").await.problem(403, "csrf_failed");
    }
    assert_eq!(skus(&bare).await, ["PY"]);
    for good in [ada.with("Origin", &app.cloud.base_url), ada.with("Origin", FRONT_END)] {
        good.add("RS").await.expect(StatusCode::CREATED);
    }
    // As Open edX's front ends send it.
    let token = login.headers["x-csrf-token"].to_str().expect("text");
    bare.with("X-CSRFToken", token).post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    app.finish().await;
}

#[tokio::test]
async fn the_token_is_told_to_whoever_has_the_cookie() {
    let app = shop().await;
    let anonymous = app.anonymous().add("PY").await.expect(StatusCode::CREATED);
    let login = log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK);
    for answer in [&anonymous, &login] {
        let page = bare(&app, answer);
        let token = page.get("/csrf/api/v1/token").await.expect(StatusCode::OK);
        assert_eq!(token.json, json!({"csrfToken": answer.headers["x-csrf-token"].to_str().expect("text")}));
        assert_eq!(token.headers["cache-control"], "no-store");
        let me = page.get("/api/v1/users/me").await.expect(StatusCode::OK);
        assert_eq!(me.headers["x-csrf-token"], answer.headers["x-csrf-token"]);
        assert_eq!(me.headers["cache-control"], "no-store");
    }
    for other in [app.anonymous(), app.user("ada"), app.session("1")] {
        assert_eq!(other.get("/csrf/api/v1/token").await.expect(StatusCode::OK).json, json!({"csrfToken": ""}));
        assert_eq!(other.get("/api/v1/users/me").await.expect(StatusCode::OK).headers.get("x-csrf-token"), None);
    }
    // A page of a foreign site is not let read it.
    let foreign = bare(&app, &login).with("Origin", "https://evil.example").get("/csrf/api/v1/token").await;
    assert_eq!(foreign.headers.get("access-control-allow-origin"), None);
    let own = bare(&app, &login).with("Origin", FRONT_END).get("/csrf/api/v1/token").await;
    assert_eq!(own.headers["access-control-allow-origin"], FRONT_END);
    app.finish().await;
}

#[tokio::test]
async fn cookies_are_taken_back_when_the_session_is_over() {
    let app = shop().await;
    let login = log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK);
    let ada = browser(&app, &login);
    let out = ada.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    takes_cookies_back(&out);
    let refused = ada.get("/api/v1/basket").await;
    refused.problem(401, "session_ended");
    takes_cookies_back(&refused);
    let me = ada.get("/api/v1/users/me").await.expect(StatusCode::OK);
    takes_cookies_back(&me);
    assert_eq!((&me["is_authenticated"], me.headers.get("x-csrf-token")), (&json!(false), None));

    let ada = browser(&app, &log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK));
    app.advance(14 * 24 * 3600).await;
    takes_cookies_back(&ada.get("/api/v1/users/me").await.expect(StatusCode::OK));
    app.finish().await;
}

#[tokio::test]
async fn who_is_asking_is_told_to_everybody() {
    let app = shop().await;
    let nobody = json!({
        "id": null, "username": null, "email": null, "name": null, "is_authenticated": false, "is_staff": false,
        "tenant": null, "permissions": [],
    });
    let user = |username: &str, staff: bool, permissions: Value| {
        let id = app.cloud.http().user_id(&username.parse().expect("a name"));
        json!({
            "id": id.as_str(), "username": username, "email": format!("{username}@example.com"), "name": username,
            "is_authenticated": true, "is_staff": staff, "tenant": "default", "permissions": permissions,
        })
    };
    let login = log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK);
    for (client, wanted) in [
        (app.anonymous(), nobody.clone()),
        (app.session("1"), nobody.clone()),
        (app.user("ada"), user("ada", false, json!([]))),
        (bare(&app, &login), user("ada", false, json!([]))),
        (app.staff(), user("staff", true, json!(["staff"]))),
        (app.service(), user("service", false, json!(["orders:fulfill"]))),
        // Nothing of this makes it fail.
        (app.anonymous().with("Cookie", "bursar_session=nonsense"), nobody.clone()),
        (
            app.anonymous().with("Cookie", "edx-jwt-cookie-header-payload=a.b; edx-jwt-cookie-signature=c"),
            nobody.clone(),
        ),
        (app.anonymous().with("Session-Id", "nonsense"), nobody.clone()),
        (app.anonymous().with("Session-Id", "SID:ANON:elsewhere:1"), nobody.clone()),
        (app.anonymous().with("Session-Id", "SID:AUTH:test:1"), nobody.clone()),
        (app.anonymous().with("X-Client-Key", "ck_default_nonsense"), nobody.clone()),
        (app.anonymous().with("X-Userinfo", "e30="), nobody),
    ] {
        let me = client.get("/api/v1/users/me").await.expect(StatusCode::OK);
        assert_eq!(me.json, wanted, "{client:?}");
        assert_eq!(me.headers["cache-control"], "no-store");
    }
    for bad in ["JWT a.b.c", "Bearer", "JWT "] {
        app.anonymous().with("Authorization", bad).get("/api/v1/users/me").await.problem(401, "unauthorized");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_deactivated_user_is_nobody_by_cookie_and_refused_by_token() {
    let app = shop().await;
    let ada = browser(&app, &log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK));
    deactivate(&app, "ada").await;
    let me = ada.get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!(me["username"], Value::Null);
    takes_cookies_back(&me);
    ada.get("/api/v1/basket").await.problem(401, "user_deactivated");
    app.user("ada").get("/api/v1/users/me").await.problem(401, "user_deactivated");
    log_in(&app, &app.anonymous(), "ada").await.problem(401, "user_deactivated");
    app.finish().await;
}

#[tokio::test]
async fn without_the_table_nobody_is_taken_for_nobody() {
    let app = shop().await;
    let login = log_in(&app, &app.anonymous(), "ada").await.expect(StatusCode::OK);
    super::fault(&app, json!({"target": "dynamodb", "status": 500, "times": 100})).await;
    for client in [app.user("ada"), bare(&app, &login)] {
        let answer = client.get("/api/v1/users/me").await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.headers.get(SET_COOKIE), None);
    }
    // Who names nobody needs no table.
    assert_eq!(name(&app.anonymous()).await, Value::Null);
    app.cloud.faults.clear(None);
    assert_eq!(name(&bare(&app, &login)).await, json!("ada"));
    app.finish().await;
}

/// The two cookies in which the LMS holds a learner's token.
fn token_cookies(app: &TestApp, username: &str) -> String {
    let token = token_of(app, username);
    let (payload, signature) = token.rsplit_once('.').expect("three parts");
    format!("edx-jwt-cookie-header-payload={payload}; edx-jwt-cookie-signature={signature}")
}

#[tokio::test]
async fn a_session_cookie_of_somebody_else_shuts_nobody_out() {
    let app = shop().await;
    let token = token_cookies(&app, "ada");
    let made_up = format!("bursar_session={}-{}", "0".repeat(32), "1".repeat(32));
    let answer = app.anonymous().with("Cookie", &format!("{token}; {made_up}")).get("/api/v1/orders").await;
    assert_eq!(answer.expect(StatusCode::OK)["items"], json!([]));

    let login = app.anonymous().post("/api/v1/login", &json!({"token": token_of(&app, "bob")})).await;
    let bobs = cookies(&login.expect(StatusCode::OK)).remove(0).1;
    let both = app.anonymous().with("Cookie", &format!("{token}; bursar_session={bobs}"));
    let refused = both.get("/api/v1/orders").await;
    refused.problem(401, "unauthorized");
    let taken_back: Vec<_> = cookies(&refused).into_iter().map(|(name, value, _)| (name, value)).collect();
    assert_eq!(taken_back, [("bursar_session", ""), ("bursar_csrf", "")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    // What the browser has left is ada's.
    assert_eq!(name(&app.anonymous().with("Cookie", &token)).await, "ada");
    app.finish().await;
}

#[tokio::test]
async fn a_browser_that_has_the_lms_cookies_too_writes_with_the_token_of_its_login() {
    let app = shop().await;
    let token = token_cookies(&app, "ada");
    let login = app.anonymous().post("/api/v1/login", &json!({"token": token_of(&app, "ada")})).await;
    let login = login.expect(StatusCode::OK);
    let session = cookies(&login).remove(0).1;
    let both = app.anonymous().with("Cookie", &format!("{token}; bursar_session={session}"));
    both.add("PY").await.problem(403, "csrf_failed");
    let told = both.get("/csrf/api/v1/token").await.expect(StatusCode::OK)["csrfToken"].clone();
    for csrf in [login.headers["x-csrf-token"].to_str().expect("text"), told.as_str().expect("text")] {
        both.with("X-CSRF-Token", csrf).add("PY").await.expect(StatusCode::CREATED);
    }
    assert_eq!(skus(&both).await, ["PY"]);
    app.finish().await;
}

#[tokio::test]
async fn an_application_that_names_its_session_is_given_no_cookies() {
    let app = shop().await;
    let login = log_in(&app, &app.session("1"), "ada").await.expect(StatusCode::OK);
    assert_eq!((cookies(&login).len(), login.headers.get("x-csrf-token")), (0, None));
    assert_eq!(login.headers["cache-control"], "no-store");
    app.finish().await;
}
