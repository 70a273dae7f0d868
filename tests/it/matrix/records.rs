//! What becomes of a user's record on sight of a token: nothing is taken away by silence, staff rights end at once and come
//! back by newer word only, and nobody becomes somebody else by a name or an address.

use http::StatusCode;
use local::dev_keys::ISSUER;
use serde_json::{Value, json};
use tests::{Client, TestApp};

use super::callers::{browser, go_on, log_in, log_in_browser, split, userinfo, vouched};
use super::tokens::{by, claims, token_of, with};

/// The path that is for staff.
const STAFF_ONLY: &str = "/api/v1/catalogs";

/// An app, and a client by whom all others are made.
async fn shop() -> (TestApp, Client) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let nobody = app.anonymous();
    (app, nobody)
}

/// What staff read of a user.
async fn record(app: &TestApp, username: &str) -> Value {
    app.staff().get(&format!("/api/v1/users/{username}")).await.expect(StatusCode::OK).json
}

/// A client by a token that says this of ada, so many seconds before the present.
fn said(app: &TestApp, nobody: &Client, seconds_ago: i64, others: Value) -> Client {
    let ada = claims(app, "ada");
    let issued = json!({"iat": ada["iat"].as_i64().expect("a time") - seconds_ago});
    by(nobody, &with(&with(&ada, &issued), &others))
}

#[tokio::test]
async fn what_a_token_does_not_say_stays_as_it_was() {
    let (app, nobody) = shop().await;
    let all = json!({
        "email": "ada@school.example", "name": "Ada L.", "user_id": 7, "administrator": true,
        "tracking_context": {"lms_user_id": 7, "lms_client_id": "1.2"},
    });
    said(&app, &nobody, 60, all).get("/api/v1/basket").await.expect(StatusCode::OK);
    let first = record(&app, "ada").await;
    assert_eq!((&first["email"], &first["name"]), (&json!("ada@school.example"), &json!("Ada L.")));
    assert_eq!((&first["lms_user_id"], &first["is_staff"], &first["version"]), (&json!(7), &json!(true), &json!(1)));
    assert_eq!(first["subjects"], json!({ISSUER: "local-ada"}));
    let nulls = json!({
        "email": null, "name": null, "user_id": null, "lms_user_id": null, "sub": null, "administrator": null,
        "tracking_context": null, "scopes": null, "filters": null, "username": null, "version": null, "nbf": null,
    });
    let empty = json!({"email": null, "name": null, "tracking_context": {"lms_client_id": null}});
    for (seconds_ago, silent) in [(50, nulls.clone()), (40, empty), (70, nulls)] {
        let client = said(&app, &nobody, seconds_ago, silent);
        let me = client.get("/api/v1/users/me").await.expect(StatusCode::OK);
        assert_eq!((&me["email"], &me["name"]), (&first["email"], &first["name"]));
        assert_eq!(record(&app, "ada").await, first);
    }
    // Other words replace, and an older token's do not.
    said(&app, &nobody, 30, json!({"email": "new@school.example", "name": null})).get("/api/v1/basket").await;
    said(&app, &nobody, 31, json!({"email": "old@school.example", "name": "Old"})).get("/api/v1/basket").await;
    let last = record(&app, "ada").await;
    assert_eq!(
        (&last["email"], &last["name"], &last["version"]),
        (&json!("new@school.example"), &json!("Ada L."), &json!(2))
    );
    app.finish().await;
}

#[tokio::test]
async fn staff_rights_end_with_the_very_next_request_and_come_back_by_newer_word_only() {
    let (app, nobody) = shop().await;
    let yes = || json!({"administrator": true});
    let old = said(&app, &nobody, 90, yes());
    old.get(STAFF_ONLY).await.expect(StatusCode::OK);
    let session = go_on(&nobody, &log_in(&nobody, "1", &token_of(&claims(&app, "ada"))).await);
    let silent = said(&app, &nobody, 80, json!({}));
    // Who says nothing of it takes nothing away: neither a token nor a session, nor the gateway, whose word is never
    // staff's itself.
    let gateway = vouched(&nobody, &userinfo("ada"));
    gateway.get(STAFF_ONLY).await.problem(403, "forbidden");
    for client in [&silent, &session, &old] {
        client.get(STAFF_ONLY).await.expect(StatusCode::OK);
    }
    let revoked = said(&app, &nobody, 70, json!({"administrator": false}));
    revoked.get(STAFF_ONLY).await.problem(403, "forbidden");
    for client in [&old, &said(&app, &nobody, 71, yes()), &silent, &gateway, &session, &revoked] {
        client.get(STAFF_ONLY).await.problem(403, "forbidden");
        assert_eq!(client.get("/api/v1/users/me").await["is_staff"], false);
    }
    // Nor is anything else of staff's seen by a token that was staff's once.
    app.staff().patch("/api/v1/products/PY", &json!({"published": false})).await.expect(StatusCode::OK);
    old.get("/api/v1/products/PY").await.problem(404, "unknown_product");
    assert_eq!(old.get("/api/v1/products").await.expect(StatusCode::OK)["items"], json!([]));
    old.get("/api/v1/orders?user=eve").await.problem(403, "forbidden");
    app.staff().patch("/api/v1/products/PY", &json!({"published": true})).await.expect(StatusCode::OK);

    let again = said(&app, &nobody, 60, yes());
    for client in [&again, &old, &session] {
        client.get(STAFF_ONLY).await.expect(StatusCode::OK);
    }
    // Old word takes nothing away either; but no token is good for more than it says itself.
    revoked.get(STAFF_ONLY).await.problem(403, "forbidden");
    again.get(STAFF_ONLY).await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn who_is_deactivated_is_refused_everywhere_and_by_every_way() {
    let (app, nobody) = shop().await;
    let token = token_of(&claims(&app, "ada"));
    let login = log_in_browser(&nobody, &token).await;
    let limits = json!({"is_restricted": true, "scopes": ["orders:read", "orders:fulfill"], "filters": []});
    let ways = [
        ("token", by(&nobody, &claims(&app, "ada"))),
        ("session", go_on(&nobody, &login)),
        ("cookie", browser(&nobody, &login, true)),
        ("split cookies", split(&nobody, &token, true).await),
        ("gateway", vouched(&nobody, &userinfo("ada"))),
        ("application", by(&nobody, &with(&claims(&app, "ada"), &limits))),
        ("staff's token", said(&app, &nobody, 0, json!({"administrator": true}))),
    ];
    for (_, client) in &ways {
        client.get("/api/v1/products").await.expect(StatusCode::OK);
    }
    app.staff().patch("/api/v1/users/ada", &json!({"active": false})).await.expect(StatusCode::OK);
    let order = "orders/ord_01m810rwd80000000000000007";
    for (way, client) in &ways {
        // An application is refused for want of a scope before it is asked whose it is.
        let shopping = if *way == "application" { &[][..] } else { &["basket", "sessions"] };
        for path in ["products", "products/PY", "quote?sku=PY", "orders", order].iter().chain(shopping) {
            let answer = client.get(&format!("/api/v1/{path}")).await;
            assert_eq!((answer.status.as_u16(), &answer["code"]), (401, &json!("user_deactivated")), "{path} by {way}");
        }
        if *way == "application" {
            client.post(&format!("/api/v1/{order}/fulfill"), &json!({})).await.problem(401, "user_deactivated");
            continue;
        }
        client.add("PY").await.problem(401, "user_deactivated");
        client.checkout("key").await.problem(401, "user_deactivated");
        client.delete("/api/v1/basket").await.problem(401, "user_deactivated");
        client.post("/api/v1/login", &json!({"token": token})).await.problem(401, "user_deactivated");
    }
    ways[0].1.get("/api/v1/users/me").await.problem(401, "user_deactivated");
    let stranger = nobody.with("Session-Id", "SID:ANON:test:2");
    stranger.post("/api/v1/login", &json!({"token": token})).await.problem(401, "user_deactivated");
    vouched(&nobody, &userinfo("ada")).get("/establish_session").await.problem(401, "user_deactivated");
    // No word of an issuer brings them back.
    said(&app, &nobody, -5, json!({"administrator": true})).get(STAFF_ONLY).await.problem(401, "user_deactivated");
    assert_eq!(record(&app, "ada").await["active"], false);
    app.finish().await;
}

#[tokio::test]
async fn one_account_has_one_name_and_one_name_has_one_account() {
    let (app, nobody) = shop().await;
    let ada = by(&nobody, &claims(&app, "ada"));
    ada.add("PY").await.expect(StatusCode::CREATED);
    let before = record(&app, "ada").await;
    let ada_claims = claims(&app, "ada");
    for others in [
        json!({"preferred_username": "lovelace"}),
        json!({"preferred_username": "Ada"}),
        json!({"preferred_username": "lovelace", "administrator": true, "email": "a@b.example"}),
        json!({"sub": "somebody-else"}),
        json!({"sub": "somebody-else", "administrator": true}),
    ] {
        let client = by(&nobody, &with(&ada_claims, &others));
        for path in ["/api/v1/users/me", "/api/v1/basket", "/api/v1/orders", STAFF_ONLY, "/api/v1/products"] {
            client.get(path).await.problem(409, "identity_conflict");
        }
        client.add("PY").await.problem(409, "identity_conflict");
        let login = json!({"token": token_of(&with(&ada_claims, &others))});
        nobody.post("/api/v1/login", &login).await.problem(409, "identity_conflict");
    }
    assert_eq!(record(&app, "ada").await, before);
    app.staff().get("/api/v1/users/lovelace").await.problem(404, "unknown_user");
    assert_eq!(ada.get("/api/v1/basket").await["lines"][0]["sku"], "PY");
    app.finish().await;
}

#[tokio::test]
async fn an_address_makes_nobody_somebody_else() {
    let (app, nobody) = shop().await;
    let ada = said(&app, &nobody, 10, json!({"administrator": true, "user_id": 7}));
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let email = claims(&app, "ada")["email"].clone();
    let twin = by(&nobody, &with(&claims(&app, "twin"), &json!({"email": email, "name": "ada"})));
    let [hers, own] = [ada.get("/api/v1/users/me").await, twin.get("/api/v1/users/me").await];
    assert_eq!((&own["email"], &own["username"]), (&hers["email"], &json!("twin")));
    assert_ne!(own["id"], hers["id"]);
    assert_eq!((&hers["is_staff"], &own["is_staff"]), (&json!(true), &json!(false)));
    twin.get(STAFF_ONLY).await.problem(403, "forbidden");
    assert_eq!(twin.get("/api/v1/orders").await.expect(StatusCode::OK)["items"], json!([]));
    let path = format!("/api/v1/orders/{}", checkout["order_number"].as_str().expect("a number"));
    twin.get(&path).await.problem(404, "unknown_order");
    let record = record(&app, "twin").await;
    assert_eq!((&record["lms_user_id"], &record["subjects"]), (&Value::Null, &json!({ISSUER: "local-twin"})));
    // What ada has, the other may buy, too.
    twin.add("PY").await.expect(StatusCode::CREATED);
    ada.add("PY").await.problem(409, "already_purchased");
    app.finish().await;
}
