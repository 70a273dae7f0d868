//! The keys of client applications: what a key opens, and how staff issue, rotate and revoke it.

use http::StatusCode;
use local::dev_keys::{CLIENT_KEY, Learner, OTHER_CLIENT_KEY, token};
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{Machine, header};

const KEYS: &str = "/api/v1/client-keys";

/// A key as it was issued: its path and the key itself.
struct Key {
    path: String,
    shown: String,
}

impl Key {
    async fn issue(app: &TestApp, may: &[&str]) -> Self {
        let body = json!({"name": "A front end", "may": may});
        Self::of(&app.staff().post(KEYS, &body).await.expect(StatusCode::CREATED))
    }

    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let text = |name: &str| answer[name].as_str().expect(name).to_owned();
        Self { path: format!("{KEYS}/{}", text("id")), shown: text("key") }
    }

    fn client(&self, app: &TestApp) -> Client {
        app.anonymous().with("X-Client-Key", &self.shown)
    }
}

/// A client of the second tenant's, with its front end's key.
fn northwind(app: &TestApp, learner: Learner) -> Client {
    keyless(app, learner).with("X-Client-Key", OTHER_CLIENT_KEY)
}

fn keyless(app: &TestApp, learner: Learner) -> Client {
    let token = token(&Learner { other_tenant: true, ..learner }, app.cloud.clock.issuer_now()).unwrap();
    app.anonymous().with("Authorization", &format!("JWT {token}"))
}

fn learner(username: &str, staff: bool) -> Learner {
    Learner { username: username.to_owned(), staff, ..Learner::default() }
}

#[tokio::test]
async fn a_key_is_shown_once_and_never_its_digest() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let body = json!({"name": "The shop", "may": ["sessions", "read", "read"]});
    let issued = staff.post(KEYS, &body).await.expect(StatusCode::CREATED);
    assert_eq!((header(&issued, "cache-control"), header(&issued, "etag")), ("no-store", "\"1\""));
    let key = Key::of(&issued);
    let id = issued["id"].as_str().unwrap();
    let me = staff.get("/api/v1/users/me").await;
    let mut view = json!({
        "id": id, "name": "The shop", "may": ["read", "sessions"], "created_at": "2026-11-20T12:00:00Z",
        "created_by": me["id"], "revoked_at": null, "grace_until": null, "version": 1, "key": key.shown,
    });
    assert_eq!(issued.json, view);
    assert_eq!(key.shown.split('_').count(), 4);
    assert!(key.shown.starts_with(&id.replace("cli_", "ck_default_")), "{} of {id}", key.shown);
    let rotated = staff.post(&format!("{}/rotate", key.path), &json!({})).await.expect(StatusCode::OK);
    assert_ne!(rotated["key"], key.shown);
    staff.delete(&key.path).await.expect(StatusCode::NO_CONTENT);

    let list = staff.get(KEYS).await.expect(StatusCode::OK);
    let listed = list["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap();
    view.as_object_mut().unwrap().remove("key");
    for (name, value) in [
        ("version", json!(3)),
        ("revoked_at", json!("2026-11-20T12:00:00Z")),
        ("grace_until", json!("2026-11-21T12:00:00Z")),
    ] {
        view[name] = value;
    }
    assert_eq!(*listed, view);
    let secret = |shown: &Value| shown.as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    for secret in [secret(&issued["key"]), secret(&rotated["key"])] {
        assert!(!list.text.contains(&secret));
        let mut rows = app.cloud.dynamodb.scan().table_name("bursar").into_paginator().items().send();
        while let Some(row) = rows.next().await {
            assert!(!format!("{:?}", row.unwrap()).contains(&secret), "the table holds a secret");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_permits_what_it_was_issued_for() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    for (may, reads, writes, names_session) in [
        (&["read"][..], 200, 403, 403),
        (&["write"], 403, 201, 403),
        (&["read", "write"], 200, 201, 403),
        (&["read", "sessions"], 200, 403, 200),
        (&["read", "write", "sessions"], 200, 201, 200),
        (&["sessions"], 403, 403, 403),
    ] {
        let client = Key::issue(&app, may).await.client(&app);
        let session = client.with("Session-Id", "SID:ANON:test:7");
        let found = [
            client.get("/api/v1/products/PY").await.status,
            client.add("PY").await.status,
            session.get("/api/v1/basket").await.status,
        ];
        assert_eq!(found.map(|status| status.as_u16()), [reads, writes, names_session], "{may:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_is_optional_but_a_bad_one_is_refused() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    nobody.get("/api/v1/basket").await.expect(StatusCode::OK);
    nobody.with("X-Client-Key", CLIENT_KEY).get("/api/v1/basket").await.expect(StatusCode::OK);
    let key = Key::issue(&app, &["read"]).await;
    let (front, secret) = key.shown.rsplit_once('_').unwrap();
    let changed = if secret.starts_with('0') { "1" } else { "0" };
    for bad in [
        format!("{front}_{changed}{}", &secret[1..]),
        format!("{front}_{}", secret.to_uppercase()),
        format!("{front}_{}", &secret[..63]),
        format!("{}0", key.shown),
        format!("{}_x", key.shown),
        key.shown.replace("ck_", "CK_"),
        key.shown.replace("ck_default_", "ck_nobody_"),
        key.shown.replace("ck_default_", "ck_northwind_"),
        format!("ck_default_01m810rwd80000000000000007_{secret}"),
        secret.to_owned(),
        "ck___".to_owned(),
        " ".to_owned(),
    ] {
        nobody.with("X-Client-Key", &bad).get("/api/v1/basket").await.problem(401, "unknown_client_key");
    }
    let twice = nobody.request(reqwest::Method::GET, "/api/v1/basket");
    let twice = twice.header("X-Client-Key", CLIENT_KEY).header("X-Client-Key", CLIENT_KEY);
    nobody.send(twice).await.problem(401, "unknown_client_key");
    // A key is no user, and a user is no way round a bad key.
    key.client(&app).get("/api/v1/orders").await.problem(401, "unauthorized");
    app.staff().with("X-Client-Key", "ck_bad").get(KEYS).await.problem(401, "unknown_client_key");
    app.finish().await;
}

#[tokio::test]
async fn a_rotated_key_and_the_one_before_open_until_the_grace_ends() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let first = Key::issue(&app, &["read"]).await;
    let rotate = format!("{}/rotate", first.path);
    let answer = staff.post(&rotate, &json!({"grace_s": 2_592_000})).await.expect(StatusCode::OK);
    assert_eq!((answer["grace_until"].as_str(), header(&answer, "etag")), (Some("2026-12-20T12:00:00Z"), "\"2\""));
    let second = Key::of(&answer);
    let open = async |key: &Key| {
        let answer = key.client(&app).get("/api/v1/basket").await;
        if answer.status != StatusCode::OK {
            answer.problem(401, "unknown_client_key");
        }
        answer.status == StatusCode::OK
    };
    app.advance(2_591_999).await;
    assert!(open(&first).await && open(&second).await);
    app.advance(1).await;
    assert!(!open(&first).await && open(&second).await);
    let third = Key::of(&staff.post(&rotate, &json!({"grace_s": 60})).await.expect(StatusCode::OK));
    assert!(open(&second).await && open(&third).await);
    // Revoked is revoked, grace or not.
    staff.delete(&first.path).await.expect(StatusCode::NO_CONTENT);
    assert!(!open(&second).await && !open(&third).await);
    staff.delete(&first.path).await.expect(StatusCode::NO_CONTENT);
    staff.post(&rotate, &json!({})).await.problem(409, "conflict");
    app.finish().await;
}

#[tokio::test]
async fn an_edit_of_what_was_changed_meanwhile_is_refused() {
    let app = TestApp::start().await;
    let key = Key::issue(&app, &["read"]).await;
    let machine = Machine::register(&app, &[], &[]).await;
    for path in [&key.path, &machine.path()] {
        let rotate = format!("{path}/rotate");
        let at = |version: &str| app.staff().with("If-Match", version);
        let answer = at("\"1\"").post(&rotate, &json!({})).await.expect(StatusCode::OK);
        assert_eq!(header(&answer, "etag"), "\"2\"");
        // The same request again, as after a lost answer.
        at("\"1\"").post(&rotate, &json!({})).await.problem(412, "version_mismatch");
        at("2").post(&rotate, &json!({})).await.problem(400, "bad_request");
        at("\"1\"").delete(path).await.problem(412, "version_mismatch");
        at("\"2\"").delete(path).await.expect(StatusCode::NO_CONTENT);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_revocation_wins_over_a_rotation_at_the_same_time() {
    let app = TestApp::start().await;
    let staff = app.staff();
    for _ in 0..4 {
        let key = Key::issue(&app, &["read"]).await;
        let (rotate, nothing) = (format!("{}/rotate", key.path), json!({}));
        let (revoked, again, rotated) =
            tokio::join!(staff.delete(&key.path), staff.delete(&key.path), staff.post(&rotate, &nothing));
        assert_eq!((revoked.status, again.status), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
        if rotated.status == StatusCode::OK {
            Key::of(&rotated).client(&app).get("/api/v1/basket").await.problem(401, "unknown_client_key");
        } else {
            assert!(["conflict", "version_mismatch"].contains(&rotated["code"].as_str().unwrap()), "{}", rotated.text);
        }
        key.client(&app).get("/api/v1/basket").await.problem(401, "unknown_client_key");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_issued_is_said_by_field() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let machine = |change: Value| {
        let mut body = json!({"name": "W", "username": "w", "scopes": ["orders:read"], "filters": []});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ("/api/v1/machine-clients".to_owned(), body)
    };
    let key = |name: &str, may: Value| (KEYS.to_owned(), json!({"name": name, "may": may}));
    let rotate = |body: Value| (format!("{KEYS}/cli_01jz0000000000000000000001/rotate"), body);
    let words = |count: usize, of: &str| Value::from_iter((0..count).map(|n| format!("{of}:{}", "a".repeat(n + 1))));
    for ((path, body), pointer) in [
        (key("", json!(["read"])), "/name"),
        (key("a\nb", json!(["read"])), "/name"),
        (key(&"a".repeat(101), json!(["read"])), "/name"),
        (key("A", json!([])), "/may"),
        (key("A", json!(["read", "rule"])), "/may/1"),
        (key("A", json!("read")), "/may"),
        (rotate(json!({"grace_s": 2_592_001})), "/grace_s"),
        (rotate(json!({"grace_s": -1})), "/grace_s"),
        (rotate(json!({"grace": 1})), "/grace"),
        (machine(json!({"username": ""})), "/username"),
        (machine(json!({"scopes": ["orders"]})), "/scopes/0"),
        (machine(json!({"filters": ["user:me", "me"]})), "/filters/1"),
        (machine(json!({"scopes": words(21, "orders")})), "/scopes"),
        (machine(json!({"filters": words(21, "user")})), "/filters"),
        (machine(json!({"filters": (0..20).map(|n| format!("user:{n:0>150}")).collect::<Vec<_>>()})), "/filters"),
        (machine(json!({"secret": "mine"})), "/secret"),
    ] {
        let answer = staff.post(&path, &body).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let full = machine(json!({"scopes": words(20, "orders"), "filters": words(20, "user")})).1;
    let largest = staff.post("/api/v1/machine-clients", &full).await.expect(StatusCode::CREATED);
    let client = Machine::of(&largest).client(&app).await;
    assert_eq!(client.get("/api/v1/users/me").await.expect(StatusCode::OK)["username"], "w");
    app.finish().await;
}

#[tokio::test]
async fn only_staff_of_the_same_tenant_reach_clients() {
    let app = TestApp::start().await;
    let key = Key::issue(&app, &["read"]).await;
    let machine = Machine::register(&app, &[], &[]).await;
    let stranger = northwind(&app, learner("staff", true));
    for (path, list) in [(&key.path, KEYS), (&machine.path(), "/api/v1/machine-clients")] {
        let rotate = format!("{path}/rotate");
        for (client, status, code) in [
            (app.anonymous(), 401, "unauthorized"),
            (app.user("ada"), 403, "forbidden"),
            (app.service(), 403, "forbidden"),
        ] {
            client.get(list).await.problem(status, code);
            client.post(&rotate, &json!({})).await.problem(status, code);
            client.delete(path).await.problem(status, code);
        }
        stranger.post(&rotate, &json!({})).await.problem(404, "unknown_client");
        stranger.delete(path).await.problem(404, "unknown_client");
        let seen = stranger.get(list).await.expect(StatusCode::OK);
        assert!(!seen.text.contains(path.rsplit('/').next().unwrap()), "{}", seen.text);
        let missing = format!("{list}/{}_01m810rwd80000000000000007", if list == KEYS { "cli" } else { "mcl" });
        app.staff().delete(&missing).await.problem(404, "unknown_client");
        app.staff().delete(&format!("{list}/7")).await.problem(404, "not_found");
    }
    key.client(&app).get("/api/v1/basket").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn clients_are_listed_page_by_page() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let mut issued = Vec::new();
    for _ in 0..4 {
        let path = Key::issue(&app, &["read"]).await.path;
        issued.push(path.rsplit('/').next().unwrap().to_owned());
        Machine::register(&app, &[], &[]).await;
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("{KEYS}?limit=2{cursor}")).await.expect(StatusCode::OK);
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        staff.get(&format!("/api/v1/machine-clients?limit=2{cursor}")).await.problem(400, "bad_cursor");
    }
    // The local cloud's own key was there before.
    assert_eq!(found.len(), issued.len() + 1);
    assert!(issued.iter().all(|id| found.contains(id)), "{found:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_shop_that_requires_a_key_serves_nobody_without() {
    let app = TestApp::start().await;
    let ada = keyless(&app, learner("ada", false));
    for path in ["/api/v1/basket", "/api/v1/products", "/api/v1/orders"] {
        ada.get(path).await.problem(401, "client_key_required");
        northwind(&app, learner("ada", false)).get(path).await.expect(StatusCode::OK);
    }
    // The other tenant's key leads to the other tenant, where this one's token is nobody's.
    ada.with("X-Client-Key", CLIENT_KEY).get("/api/v1/basket").await.problem(401, "unauthorized");
    // Staff of this tenant issue keys that open it.
    let staff = northwind(&app, learner("grace", true));
    let body = json!({"name": "Kiosk", "may": ["read"]});
    let key = Key::of(&staff.post(KEYS, &body).await.expect(StatusCode::CREATED));
    assert!(key.shown.starts_with("ck_northwind_"), "{}", key.shown);
    key.client(&app).get("/api/v1/products").await.expect(StatusCode::OK);
    key.client(&app).add("PY").await.problem(403, "forbidden");
    app.finish().await;
}
