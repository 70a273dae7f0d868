//! Signing in with a token: what was put into the anonymous basket goes into the user's, once, and what cannot is said;
//! and who may not sign in.

use domain::edit_user::{self, UserEdit};
use domain::throttle::Throttle;
use http::StatusCode;
use local::dev_keys::{CLIENT_KEY, Learner, MACHINE_CLIENT, token};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// A token of the LMS, as the body of a login holds it.
pub(super) fn token_of(app: &TestApp, username: &str) -> String {
    let learner = Learner { username: username.to_owned(), ..Learner::default() };
    token(&learner, app.cloud.clock.issuer_now()).expect("a token")
}

/// Signs a learner in from where `client` is.
pub(super) async fn log_in(app: &TestApp, client: &Client, username: &str) -> Answer {
    client.post("/api/v1/login", &json!({"token": token_of(app, username)})).await
}

/// The application that goes on with the session that an answer names.
pub(super) fn go_on(app: &TestApp, answer: &Answer) -> Client {
    app.anonymous().with("Session-Id", session_id(answer))
}

/// The `Session-Id` of an answer.
pub(super) fn session_id(answer: &Answer) -> &str {
    answer.headers["session-id"].to_str().expect("text")
}

/// The SKUs in the caller's basket.
pub(super) async fn skus(client: &Client) -> Vec<String> {
    let basket = client.get("/api/v1/basket").await.expect(StatusCode::OK);
    let lines = basket["lines"].as_array().expect("lines");
    lines.iter().map(|line| line["sku"].as_str().expect("a SKU").to_owned()).collect()
}

/// Whom the caller is taken for.
pub(super) async fn name(client: &Client) -> Value {
    client.get("/api/v1/users/me").await.expect(StatusCode::OK)["username"].clone()
}

/// A token that is restricted to its scopes: of the machine client, by its secret.
pub(super) async fn machine_token(app: &TestApp) -> String {
    let (id, secret) = MACHINE_CLIENT;
    let form =
        [("grant_type", "client_credentials"), ("token_type", "jwt"), ("client_id", id), ("client_secret", secret)];
    let client = app.anonymous();
    let answer = client.send(client.request(Method::POST, "/oauth2/access_token").form(&form)).await;
    answer.expect(StatusCode::OK)["access_token"].as_str().expect("a token").to_owned()
}

/// Deactivates a user, as staff does.
pub(super) async fn deactivate(app: &TestApp, username: &str) {
    let id = app.cloud.http().user_id(&username.parse().expect("a name"));
    let user = app.cloud.store.read_user(&id).await.expect("a table").expect("a user");
    let edit = UserEdit { active: Some(false), ..UserEdit::default() };
    app.cloud.store.commit(&edit_user::decide(&user, &edit, &[], app.cloud.clock.now()).1).await.expect("a write");
}

/// Code and SKU of each message.
fn messages(login: &Answer) -> Vec<(&str, &str)> {
    let messages = login["messages"].as_array().expect("messages");
    messages.iter().map(|one| (one["code"].as_str().expect("a code"), one["sku"].as_str().expect("a SKU"))).collect()
}

async fn shop(skus: &[&str]) -> TestApp {
    let app = TestApp::start().await;
    for sku in skus {
        app.sell(sku, "10.00", "USD", None).await;
    }
    app
}

#[tokio::test]
async fn a_login_puts_both_baskets_together_and_seats_stay_one() {
    let app = shop(&["PY", "RS", "GO"]).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("RS").await.expect(StatusCode::CREATED);
    let visitor = app.session("1");
    visitor.add("RS").await.expect(StatusCode::CREATED);
    visitor.add("GO").await.expect(StatusCode::CREATED);

    let login = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_eq!(login["user"], ada.get("/api/v1/users/me").await.json);
    assert_eq!((messages(&login), &login["basket_version"]), (vec![], &json!(3)));
    let session = &login["session"];
    assert_eq!(
        (&session["realm"], &session["origin"], &session["current"]),
        (&json!("test"), &json!("login"), &json!(true))
    );
    assert_eq!(session["ends_at"], "2026-12-04T12:00:00Z");
    assert!(session_id(&login).starts_with("SID:AUTH:test:"), "{login:?}");
    assert_eq!(login.headers["cache-control"], "no-store");
    for client in [&go_on(&app, &login), &ada] {
        assert_eq!(skus(client).await, ["PY", "RS", "GO"]);
        let basket = client.get("/api/v1/basket").await;
        assert_eq!((&basket["version"], &basket["total"]["amount"]), (&json!(3), &json!("30.00")));
    }
    assert_eq!(skus(&visitor).await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_merged_is_said_and_everything_else_is_there() {
    let app = shop(&["PY", "RS", "OFF"]).await;
    app.sell("LAST", "10.00", "USD", Some(1)).await;
    app.sell("EURO", "10.00", "EUR", None).await;
    let ada = app.user("ada");
    super::buy(&app, &ada, "PY").await;
    let visitor = app.session("1");
    for sku in ["PY", "RS", "OFF", "LAST"] {
        visitor.add(sku).await.expect(StatusCode::CREATED);
    }
    app.staff().patch("/api/v1/products/OFF", &json!({"published": false})).await.expect(StatusCode::OK);
    super::buy(&app, &app.user("eve"), "LAST").await;
    let login = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_eq!(messages(&login), [("already_purchased", "PY"), ("not_available", "OFF"), ("out_of_stock", "LAST")]);
    assert_eq!(login["messages"][2]["text"], "LAST is sold out and was left out of the basket");
    assert_eq!(skus(&ada).await, ["RS"]);

    let abroad = app.session("2");
    abroad.add("EURO").await.expect(StatusCode::CREATED);
    let login = log_in(&app, &abroad, "ada").await.expect(StatusCode::OK);
    assert_eq!((messages(&login), skus(&ada).await), (vec![("currency_mismatch", "EURO")], vec!["RS".to_owned()]));
    app.finish().await;
}

#[tokio::test]
async fn a_full_basket_keeps_what_it_holds() {
    let names: Vec<String> = (0..21).map(|number| format!("S{number}")).collect();
    let app = shop(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ada = app.user("ada");
    for sku in &names[..20] {
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    let visitor = app.session("1");
    visitor.add("S20").await.expect(StatusCode::CREATED);
    let login = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_eq!((messages(&login), skus(&ada).await), (vec![("basket_full", "S20")], names[..20].to_vec()));
    app.finish().await;
}

#[tokio::test]
async fn a_basket_that_is_being_paid_for_takes_in_the_merge_as_a_new_one() {
    let app = shop(&["PY", "RS"]).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let visitor = app.session("1");
    visitor.add("RS").await.expect(StatusCode::CREATED);
    log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    let basket = ada.get("/api/v1/basket").await;
    assert_eq!((&basket["status"], skus(&ada).await), (&json!("open"), vec!["PY".to_owned(), "RS".to_owned()]));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "paid");
    app.finish().await;
}

#[tokio::test]
async fn a_login_whose_answer_was_lost_is_made_again() {
    let app = shop(&["PY"]).await;
    let visitor = app.session("1");
    visitor.add("PY").await.expect(StatusCode::CREATED);
    let first = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    let second = log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_ne!(session_id(&first), session_id(&second));
    assert_eq!((messages(&second), &second["basket_version"]), (vec![], &first["basket_version"]));
    for login in [&first, &second] {
        assert_eq!(skus(&go_on(&app, login)).await, ["PY"]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_login_by_a_session_starts_a_new_one_and_ends_that() {
    let app = shop(&["PY"]).await;
    let first = log_in(&app, &app.session("1"), "ada").await.expect(StatusCode::OK);
    let ada = go_on(&app, &first);
    ada.add("PY").await.expect(StatusCode::CREATED);
    let second = log_in(&app, &ada, "ada").await.expect(StatusCode::OK);
    ada.get("/api/v1/basket").await.problem(401, "session_ended");
    assert_eq!(skus(&go_on(&app, &second)).await, ["PY"]);
    app.finish().await;
}

#[tokio::test]
async fn nobody_signs_in_over_somebody_else() {
    let app = shop(&["PY"]).await;
    let ada = go_on(&app, &log_in(&app, &app.session("1"), "ada").await.expect(StatusCode::OK));
    ada.add("PY").await.expect(StatusCode::CREATED);
    log_in(&app, &ada, "eve").await.problem(409, "conflict");
    log_in(&app, &app.user("ada"), "eve").await.problem(409, "conflict");
    assert_eq!((skus(&ada).await, skus(&app.user("eve")).await), (vec!["PY".to_owned()], vec![]));
    let eve = app.cloud.http().user_id(&"eve".parse().expect("a name"));
    assert_eq!(app.cloud.store.list_sessions(&eve).await.expect("a table"), []);
    // By her own token she may, and is the same user.
    let login = log_in(&app, &app.user("ada"), "ada").await.expect(StatusCode::OK);
    assert_eq!(skus(&go_on(&app, &login)).await, ["PY"]);
    app.finish().await;
}

#[tokio::test]
async fn a_bad_token_starts_nothing_and_leaves_the_visitor_as_it_was() {
    let app = shop(&["PY"]).await;
    let visitor = app.session("1");
    visitor.add("PY").await.expect(StatusCode::CREATED);
    let good = token_of(&app, "ada");
    let (body, signature) = good.rsplit_once('.').expect("three parts");
    let reversed: String = signature.chars().rev().collect();
    for bad in ["", "a.b.c", &format!("JWT {good}"), &format!("{body}."), &format!("{body}.{reversed}")] {
        visitor.post("/api/v1/login", &json!({"token": bad})).await.problem(401, "unauthorized");
    }
    let restricted = machine_token(&app).await;
    visitor.post("/api/v1/login", &json!({"token": restricted})).await.problem(403, "forbidden");
    visitor.post("/api/v1/login", &json!({})).await.problem(422, "invalid_fields");
    visitor.post("/api/v1/login", &json!({"token": good, "next": "/"})).await.problem(422, "invalid_fields");
    assert_eq!((skus(&visitor).await, name(&visitor).await), (vec!["PY".to_owned()], Value::Null));
    // Nor does a machine sign somebody in.
    let machine = app.anonymous().with("Authorization", &format!("Bearer {restricted}"));
    log_in(&app, &machine, "ada").await.problem(403, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn logins_are_counted_good_and_bad_for_each_caller() {
    let app = shop(&[]).await;
    let visitor = app.session("1");
    let limit = Throttle::LOGIN.limit;
    for left in (0..limit).rev() {
        let answer = visitor.post("/api/v1/login", &json!({"token": "a.b.c"})).await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.headers["ratelimit-remaining"], left.to_string());
    }
    let refused = log_in(&app, &visitor, "ada").await;
    refused.problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(refused.headers["ratelimit-limit"], limit.to_string());
    // Who invents another session is the same caller; a known application's session, or a user, is not.
    for same in [app.session("2"), app.anonymous()] {
        log_in(&app, &same, "ada").await.problem(429, "too_many_requests");
    }
    for other in [app.session("2").with("X-Client-Key", CLIENT_KEY), app.user("ada")] {
        log_in(&app, &other, "ada").await.expect(StatusCode::OK);
    }
    app.advance(60).await;
    log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let app = shop(&[]).await;
    let nobody = app.anonymous();
    log_in(&app, &nobody.with("Origin", "https://evil.example"), "eve").await.problem(403, "csrf_failed");
    log_in(&app, &nobody.with("Origin", "null"), "eve").await.problem(403, "csrf_failed");
    log_in(&app, &nobody.with("Sec-Fetch-Site", "cross-site"), "eve").await.problem(403, "csrf_failed");
    // Nor does a form, which cannot send JSON.
    let form = nobody.request(Method::POST, "/api/v1/login").form(&[("token", token_of(&app, "eve"))]);
    nobody.send(form).await.problem(415, "unsupported_media_type");
    for origin in [app.cloud.base_url.as_str(), local::dev_keys::FRONT_END] {
        log_in(&app, &nobody.with("Origin", origin), "eve").await.expect(StatusCode::OK);
    }
    app.finish().await;
}
