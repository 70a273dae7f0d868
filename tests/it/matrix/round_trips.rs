//! Who calls costs nothing: a request of a user who is known makes as many sequential round trips as DESIGN, section 6,
//! gives the operation, whatever the caller's credential (as `budget.rs`, which counts the operations themselves).

use std::collections::BTreeMap;

use http::StatusCode;
use local::dev_keys::CLIENT_KEY;
use serde_json::json;
use tests::{Client, TestApp};

use super::callers::{browser, go_on, log_in, log_in_browser, split, userinfo, vouched};
use super::shop::text;
use super::tokens::{by, claims, token_of, with};

/// Checks that an operation was called once since the last look, and made just these sequential round trips.
#[track_caller]
fn check(app: &TestApp, way: &str, operation: &str, trips: &[(&'static str, u32)]) {
    let costs = app.cloud.ledger.costs().remove(operation).unwrap_or_else(|| panic!("{operation} was not called"));
    let [cost] = &costs[..] else { panic!("{operation} was not called once") };
    let trips: BTreeMap<_, _> = trips.iter().copied().collect();
    assert_eq!(cost.by_target, trips, "{operation} by {way} made {:#?}", cost.calls);
    assert_eq!(cost.sequential, trips.values().sum::<u32>(), "{operation} by {way} made {:#?}", cost.calls);
    app.cloud.ledger.clear();
}

/// A shop in which something was sold, so that the processor is known.
async fn shop() -> (TestApp, Client) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    let nobody = app.anonymous();
    let first = by(&nobody, &claims(&app, "first"));
    let checkout = first.order("PY").await;
    first.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    (app, nobody)
}

/// Every way to be a user, each another user, whom the shop has seen before.
async fn known(app: &TestApp, nobody: &Client) -> Vec<(&'static str, Client)> {
    let token = |name: &str| token_of(&claims(app, name));
    let session = log_in(nobody, "session", &token("of-session")).await;
    let cookie = log_in_browser(nobody, &token("of-cookie")).await;
    let keyed = log_in(nobody, "keyed", &token("of-keyed-session")).await;
    let ways = vec![
        ("token", by(nobody, &claims(app, "of-token"))),
        ("session", go_on(nobody, &session)),
        ("cookie", browser(nobody, &cookie, true)),
        ("split cookies", split(nobody, &token("of-split"), true).await),
        ("gateway", vouched(nobody, &userinfo("of-gateway"))),
        ("token and key", by(nobody, &claims(app, "of-keyed-token")).with("X-Client-Key", CLIENT_KEY)),
        ("session and key", go_on(nobody, &keyed).with("X-Client-Key", CLIENT_KEY)),
    ];
    for (_, client) in &ways {
        client.get("/api/v1/basket").await.expect(StatusCode::OK);
    }
    app.cloud.ledger.clear();
    ways
}

#[tokio::test]
async fn a_known_user_costs_no_round_trip_whatever_the_credential() {
    let (app, nobody) = shop().await;
    let (one, two) = ([("dynamodb", 1)], [("dynamodb", 2)]);
    for (way, client) in known(&app, &nobody).await {
        client.get("/api/v1/products/PY").await.expect(StatusCode::OK);
        check(&app, way, "read_product", &one);
        client.get("/api/v1/products").await.expect(StatusCode::OK);
        check(&app, way, "list_products", &one);
        client.get("/api/v1/courses/course-v1:Test+PY+1").await.expect(StatusCode::OK);
        check(&app, way, "read_course", &one);
        client.add("PY").await.expect(StatusCode::CREATED);
        check(&app, way, "add_line", &two);
        client.add("GO").await.expect(StatusCode::CREATED);
        check(&app, way, "add_line", &two);
        client.patch("/api/v1/basket/lines/GO", &json!({"quantity": 1})).await.expect(StatusCode::OK);
        check(&app, way, "set_quantity", &two);
        client.delete("/api/v1/basket/lines/GO").await.expect(StatusCode::OK);
        check(&app, way, "remove_line", &two);
        client.get("/api/v1/basket").await.expect(StatusCode::OK);
        check(&app, way, "read_basket", &one);
        let checkout = client.checkout("key").await.expect(StatusCode::CREATED);
        check(&app, way, "start_checkout", &[("dynamodb", 3), ("stripe", 1)]);
        let order = format!("/api/v1/orders/{}", text(&checkout, "order_number"));
        client.get(&order).await.expect(StatusCode::OK);
        check(&app, way, "read_order", &one);
        client.get(&format!("{order}/timeline")).await.expect(StatusCode::OK);
        check(&app, way, "read_timeline", &one);
        client.get("/api/v1/orders").await.expect(StatusCode::OK);
        check(&app, way, "list_orders", &one);
        client.get("/api/v1/users/me").await.expect(StatusCode::OK);
        check(&app, way, "read_me", &one);
        client.get("/api/v1/sessions").await.expect(StatusCode::OK);
        check(&app, way, "list_sessions", &one);
    }
    app.finish().await;
}

#[tokio::test]
async fn nobody_costs_nothing_and_an_application_no_round_trip() {
    let (app, nobody) = shop().await;
    let visitor = nobody.with("Session-Id", "SID:ANON:test:1");
    let minted = browser(&nobody, &nobody.add("PY").await.expect(StatusCode::CREATED), true);
    app.cloud.ledger.clear();
    let key = |client: &Client| client.with("X-Client-Key", CLIENT_KEY);
    let (one, two) = ([("dynamodb", 1)], [("dynamodb", 2)]);
    for (way, client) in [
        ("nobody", nobody.clone()),
        ("key", key(&nobody)),
        ("anonymous session", visitor.clone()),
        ("anonymous session and key", key(&visitor)),
        ("anonymous cookie", minted.clone()),
        ("anonymous cookie and key", key(&minted)),
    ] {
        client.get("/api/v1/products/PY").await.expect(StatusCode::OK);
        check(&app, way, "read_product", &one);
        client.get("/api/v1/products").await.expect(StatusCode::OK);
        check(&app, way, "list_products", &one);
        client.get("/api/v1/quote?sku=PY").await.expect(StatusCode::OK);
        check(&app, way, "read_quote", &one);
        client.add("PY").await.expect(StatusCode::CREATED);
        check(&app, way, "add_line", &two);
        client.get("/api/v1/basket").await.expect(StatusCode::OK);
        // Nobody has no basket, so that only a key is looked for.
        let trips = if way == "nobody" { &[][..] } else { &one };
        check(&app, way, "read_basket", trips);
        client.get("/api/v1/payments/processors").await.expect(StatusCode::OK);
        let trips = if way.ends_with("key") { &one[..] } else { &[] };
        check(&app, way, "list_processors", trips);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_first_visit_and_news_of_a_user_cost_one_write_once() {
    let (app, nobody) = shop().await;
    let ada = claims(&app, "ada");
    let news = with(&ada, &json!({"iat": ada["iat"].as_i64().expect("a time") + 1, "email": "new@example.com"}));
    let gateway = vouched(&nobody, &userinfo("ada"));
    for (way, client) in [("first visit", by(&nobody, &ada)), ("gateway", gateway), ("news", by(&nobody, &news))] {
        app.cloud.ledger.clear();
        for trips in [2, 1, 1] {
            client.get("/api/v1/orders").await.expect(StatusCode::OK);
            check(&app, way, "list_orders", &[("dynamodb", trips)]);
        }
    }
    // What is refused by the request alone asks nothing of the table.
    for (way, client) in [
        ("forged token", nobody.with("Authorization", "JWT a.b.c")),
        ("no credential", nobody.clone()),
        ("anonymous session", nobody.with("Session-Id", "SID:ANON:test:1")),
    ] {
        client.get("/api/v1/orders").await.problem(401, "unauthorized");
        check(&app, way, "list_orders", &[]);
    }
    app.finish().await;
}
