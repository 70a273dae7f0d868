//! Users under staff's hand: let out and in again, and loosened from an account of an issuer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use local::dev_keys::{GATEWAY, GATEWAY_ISSUER, ISSUER, Learner};
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{Machine, header};

/// A person as the gateway names them.
async fn through_gateway(app: &TestApp, username: &str, sub: &str) -> Answer {
    let info = json!({"sub": sub, "preferred_username": username, "email": format!("{username}@example.com")});
    let gateway = app.anonymous().with(GATEWAY.0, GATEWAY.1[0]);
    gateway.with("X-Userinfo", &STANDARD.encode(info.to_string())).get("/api/v1/basket").await
}

async fn set_active(staff: &Client, username: &str, active: bool) -> Answer {
    staff.patch(&format!("/api/v1/users/{username}"), &json!({"active": active})).await
}

#[tokio::test]
async fn staff_read_what_is_known_of_a_user() {
    let app = TestApp::start().await;
    let staff = app.staff();
    staff.get("/api/v1/users/ada").await.problem(404, "unknown_user");
    let me = app.user("ada").get("/api/v1/users/me").await.expect(StatusCode::OK);
    let ada = staff.get("/api/v1/users/ada").await.expect(StatusCode::OK);
    assert_eq!(header(&ada, "etag"), "\"1\"");
    let subjects = json!({ISSUER: "local-ada"});
    assert_eq!(
        ada.json,
        json!({
            "id": me["id"], "username": "ada", "email": "ada@example.com", "name": "ada", "lms_user_id": null,
            "is_staff": false, "active": true, "subjects": subjects, "created_at": "2026-11-20T12:00:00Z", "version": 1,
        })
    );
    for (client, status, code) in
        [(app.anonymous(), 401, "unauthorized"), (app.user("ada"), 403, "forbidden"), (app.service(), 403, "forbidden")]
    {
        client.get("/api/v1/users/ada").await.problem(status, code);
        set_active(&client, "ada", false).await.problem(status, code);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_deactivated_user_is_refused_with_the_next_request_whatever_it_rests_on() {
    let app = TestApp::start().await;
    let (staff, ada) = (app.staff(), app.user("ada"));
    ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    through_gateway(&app, "ada", "kc-ada").await.expect(StatusCode::OK);
    let worker = json!({"name": "W", "username": "ada", "scopes": ["orders:read"]});
    let machine = Machine::of(&staff.post("/api/v1/machine-clients", &worker).await.expect(StatusCode::CREATED));
    let machine = machine.client(&app).await;
    machine.get("/api/v1/orders").await.expect(StatusCode::OK);

    let out = set_active(&staff, "ada", false).await.expect(StatusCode::OK);
    assert_eq!((&out["active"], header(&out, "etag")), (&json!(false), format!("\"{}\"", out["version"]).as_str()));
    ada.get("/api/v1/orders").await.problem(401, "user_deactivated");
    ada.get("/api/v1/basket").await.problem(401, "user_deactivated");
    machine.get("/api/v1/orders").await.problem(401, "user_deactivated");
    through_gateway(&app, "ada", "kc-ada").await.problem(401, "user_deactivated");
    // Again is the same, and changes nothing.
    assert_eq!(set_active(&staff, "ada", false).await.expect(StatusCode::OK).json, out.json);

    let back = set_active(&staff, "ada", true).await.expect(StatusCode::OK);
    assert_eq!(back["version"], out["version"].as_u64().unwrap() + 1);
    ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    machine.get("/api/v1/orders").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn a_session_is_dead_with_its_user() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let token = local::dev_keys::token(
        &local::dev_keys::Learner { username: "ada".to_owned(), ..Default::default() },
        app.cloud.clock.issuer_now(),
    )
    .unwrap();
    let shop = app.anonymous().with("Session-Id", "SID:ANON:test:7");
    let login = shop.post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK);
    let ada = app.anonymous().with("Session-Id", header(&login, "session-id"));
    ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    set_active(&staff, "ada", false).await.expect(StatusCode::OK);
    ada.get("/api/v1/orders").await.problem(401, "user_deactivated");
    shop.post("/api/v1/login", &json!({"token": token})).await.problem(401, "user_deactivated");
    app.finish().await;
}

#[tokio::test]
async fn staff_cannot_lock_themselves_out() {
    let app = TestApp::start().await;
    let staff = app.staff();
    staff.get("/api/v1/users/me").await.expect(StatusCode::OK);
    set_active(&staff, "staff", false).await.problem(409, "conflict");
    set_active(&staff, "staff", true).await.expect(StatusCode::OK);
    staff.get("/api/v1/users/staff").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn after_an_identity_conflict_staff_loosen_the_link() {
    let app = TestApp::start().await;
    let staff = app.staff();
    through_gateway(&app, "ada", "kc-1").await.expect(StatusCode::OK);
    through_gateway(&app, "ada", "kc-2").await.problem(409, "identity_conflict");
    through_gateway(&app, "eve", "kc-1").await.problem(409, "identity_conflict");
    let unlink = async |issuers: Value| staff.patch("/api/v1/users/ada", &json!({"unlink": issuers})).await;
    let before = staff.get("/api/v1/users/ada").await.expect(StatusCode::OK);
    assert_eq!(before["subjects"], json!({GATEWAY_ISSUER: "kc-1"}));
    assert_eq!(unlink(json!(["https://nobody.example"])).await.expect(StatusCode::OK).json, before.json);
    let after = unlink(json!([GATEWAY_ISSUER])).await.expect(StatusCode::OK);
    assert_eq!((&after["subjects"], &after["version"]), (&json!({}), &json!(2)));
    // The next account of the name is taken, and held to in its turn.
    through_gateway(&app, "ada", "kc-2").await.expect(StatusCode::OK);
    through_gateway(&app, "ada", "kc-1").await.problem(409, "identity_conflict");
    // The loosened account is free for another name.
    through_gateway(&app, "eve", "kc-1").await.expect(StatusCode::OK);
    let linked = staff.get("/api/v1/users/ada").await.expect(StatusCode::OK);
    assert_eq!(linked["subjects"], json!({GATEWAY_ISSUER: "kc-2"}));
    app.finish().await;
}

#[tokio::test]
async fn an_edit_names_its_fields_and_its_version() {
    let app = TestApp::start().await;
    let staff = app.staff();
    app.user("ada").get("/api/v1/orders").await.expect(StatusCode::OK);
    for (body, pointer) in [
        (json!({"active": "no"}), "/active"),
        (json!({"unlink": "all"}), "/unlink"),
        (json!({"staff": true}), "/staff"),
    ] {
        let answer = staff.patch("/api/v1/users/ada", &body).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let at = |version: &str| staff.with("If-Match", version);
    set_active(&at("\"7\""), "ada", false).await.problem(412, "version_mismatch");
    set_active(&at("\"1\""), "ada", false).await.expect(StatusCode::OK);
    set_active(&at("\"1\""), "ada", true).await.problem(412, "version_mismatch");
    set_active(&staff, "nobody", true).await.problem(404, "unknown_user");
    set_active(&staff, "%0a", true).await.problem(404, "not_found");
    app.finish().await;
}

/// A learner who signed in from an application.
async fn signed_in(app: &TestApp, learner: &Learner) -> Client {
    let token = local::dev_keys::token(learner, app.cloud.clock.issuer_now()).unwrap();
    let login = app.session("9").post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK);
    app.anonymous().with("Session-Id", header(&login, "session-id"))
}

#[tokio::test]
async fn staff_end_a_users_sessions_and_the_rights_of_other_staff() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let learner = Learner { username: "bob".to_owned(), staff: true, ..Learner::default() };
    let bob = signed_in(&app, &learner).await;
    bob.get("/api/v1/catalogs").await.expect(StatusCode::OK);

    app.advance(1).await;
    let revoke = json!({"revoke_staff": true});
    let record = staff.patch("/api/v1/users/bob", &revoke).await.expect(StatusCode::OK);
    assert_eq!((&record["is_staff"], &record["active"]), (&json!(false), &json!(true)));
    bob.get("/api/v1/catalogs").await.problem(403, "forbidden");
    bob.get("/api/v1/orders").await.expect(StatusCode::OK);
    staff.patch("/api/v1/users/staff", &revoke).await.problem(409, "conflict");

    staff.patch("/api/v1/users/bob", &json!({"end_sessions": true})).await.expect(StatusCode::OK);
    bob.get("/api/v1/orders").await.problem(401, "session_ended");
    app.advance(1).await;
    // A token of before begins a session, and does not give the rights back.
    let again = signed_in(&app, &learner).await;
    assert_eq!(again.get("/api/v1/sessions").await.expect(StatusCode::OK)["items"].as_array().map(Vec::len), Some(1));
    again.get("/api/v1/catalogs").await.problem(403, "forbidden");

    // Letting somebody in again does not bring back the sessions of before.
    set_active(&staff, "bob", false).await.expect(StatusCode::OK);
    set_active(&staff, "bob", true).await.expect(StatusCode::OK);
    again.get("/api/v1/orders").await.problem(401, "session_ended");
    app.finish().await;
}
