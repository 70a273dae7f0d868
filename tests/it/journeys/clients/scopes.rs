//! What a restricted token opens: what its scopes name, within its filters, and nothing else.

use http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use tests::TestApp;

use super::Machine;

#[tokio::test]
async fn a_scope_opens_its_own_route_only() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (checkout, _) = super::super::buy(&app, &app.user("ada"), "PY").await;
    let order = format!("/api/v1/orders/{}", super::super::number(&checkout));
    let fulfil = format!("{order}/fulfill");
    for (scopes, read, fulfilled) in [
        (&["orders:read"][..], 200, 403),
        (&["orders:fulfill"], 403, 409),
        (&["orders:read", "orders:fulfill"], 200, 409),
        (&["orders:refund"], 403, 403),
        (&[], 403, 403),
    ] {
        let client = Machine::register(&app, scopes, &["content_org:Test"]).await.client(&app).await;
        let statuses = (client.get(&order).await.status, client.post(&fulfil, &json!({})).await.status);
        assert_eq!((statuses.0.as_u16(), statuses.1.as_u16()), (read, fulfilled), "{scopes:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_token_has_no_more_than_it_asked_for() {
    let app = TestApp::start().await;
    let machine = Machine::register(&app, &["orders:read", "orders:fulfill"], &[]).await;
    let issued = machine.ask(&app, &[("scope", "orders:read")]).await.expect(StatusCode::OK);
    let unknown = "/api/v1/orders/ord_01m810rwd80000000000000007/fulfill";
    super::by_token(&app, &issued).post(unknown, &json!({})).await.problem(403, "forbidden");
    machine.client(&app).await.post(unknown, &json!({})).await.problem(404, "unknown_order");
    app.finish().await;
}

#[tokio::test]
async fn a_restricted_token_is_refused_wherever_no_scope_is_asked_for() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let scopes = ["orders:read", "orders:fulfill", "staff:all"];
    let machine = Machine::register(&app, &scopes, &["content_org:Test"]).await;
    let client = machine.client(&app).await.with("Idempotency-Key", "one");
    let line = json!({"sku": "PY"});
    let product =
        json!({"sku": "NEW", "kind": "seat", "title": "New", "course_key": "course-v1:T+N+1", "mode": "audit"});
    let course = json!({"title": "Course", "org": "Test", "seats": []});
    let price = json!({"price": {"amount": "1.00", "currency": "USD"}});
    let catalog = json!({"id": "sci", "title": "Science", "skus": []});
    let checkout = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
    let order = "/api/v1/orders/ord_01m810rwd80000000000000007";
    let worker = json!({"name": "Mine", "username": "worker", "scopes": []});
    let nothing = Value::Null;
    for (method, path, body) in [
        ("POST", "/api/v1/basket/lines", &line),
        ("POST", "/api/v1/basket/lines/batch", &json!({"lines": [line]})),
        ("POST", "/api/v1/checkout", &checkout),
        ("POST", &format!("{order}/cancel"), &nothing),
        ("POST", "/api/v1/products", &product),
        ("PATCH", "/api/v1/products/PY", &json!({"published": false})),
        ("PUT", "/api/v1/products/PY/stock", &price),
        ("DELETE", "/api/v1/products/PY", &nothing),
        ("PUT", "/api/v1/courses/course-v1:Test+PY+1", &course),
        ("GET", "/api/v1/catalogs", &nothing),
        ("POST", "/api/v1/catalogs", &catalog),
        ("GET", "/api/v1/sessions", &nothing),
        ("GET", "/api/v1/client-keys", &nothing),
        ("POST", "/api/v1/client-keys", &json!({"name": "Mine", "may": ["read"]})),
        ("GET", "/api/v1/machine-clients", &nothing),
        ("POST", "/api/v1/machine-clients", &worker),
        ("POST", &format!("{}/rotate", machine.path()), &nothing),
        ("DELETE", &machine.path(), &nothing),
        ("GET", "/api/v1/users/worker", &nothing),
        ("PATCH", "/api/v1/users/worker", &json!({"active": true})),
    ] {
        let mut request = client.request(method.parse::<Method>().unwrap(), path);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = client.send(request).await;
        assert_eq!((answer.status.as_u16(), answer["code"].as_str()), (403, Some("forbidden")), "{method} {path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn even_the_token_of_a_staff_members_name_has_no_more_than_its_scopes() {
    let app = TestApp::start().await;
    let staff = app.staff();
    staff.get("/api/v1/client-keys").await.expect(StatusCode::OK);
    let body = json!({"name": "Sly", "username": "staff", "scopes": ["orders:read"]});
    let machine = Machine::of(&staff.post("/api/v1/machine-clients", &body).await.expect(StatusCode::CREATED));
    let client = machine.client(&app).await;
    let me = client.get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!((&me["username"], &me["is_staff"]), (&json!("staff"), &json!(false)));
    client.get("/api/v1/client-keys").await.problem(403, "forbidden");
    // And it took nothing from the person.
    staff.get("/api/v1/client-keys").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn filters_limit_which_orders_are_read_and_fulfilled() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let elsewhere = json!({"title": "Art", "org": "Museum", "seats": [
        {"sku": "ART", "mode": "verified", "price": {"amount": "5.00", "currency": "USD"}},
    ]});
    app.staff().put("/api/v1/courses/course-v1:Museum+ART+1", &elsewhere).await.expect(StatusCode::CREATED);
    let mut orders = Vec::new();
    for (name, sku) in [("ada", "PY"), ("bob", "PY"), ("ada", "ART"), ("worker", "PY")] {
        let user = app.user(name);
        let (checkout, _) = match sku {
            // A second order of the same learner needs a key of its own, which the SKU gives.
            "ART" | "PY" => super::super::buy(&app, &user, sku).await,
            other => panic!("{other} is not sold"),
        };
        orders.push(super::super::number(&checkout));
    }
    // In this order: ada's of Test, bob's of Test, ada's of Museum, the worker's of Test.
    for (filters, seen) in [
        (&["content_org:Test"][..], [true, true, false, true]),
        (&["content_org:Test", "content_org:Museum"], [true, true, true, true]),
        (&["content_org:Test", "user:ada"], [true, false, false, false]),
        (&["content_org:Test", "user:bob", "user:ada"], [true, true, false, false]),
        (&["content_org:Museum", "user:ada"], [false, false, true, false]),
        (&["content_org:Test", "user:me"], [false, false, false, true]),
        (&["content_org:test"], [false; 4]),
        (&["user:ada"], [true, false, true, false]),
        (&[], [true; 4]),
    ] {
        let client = Machine::register(&app, &["orders:read", "orders:fulfill"], filters).await.client(&app).await;
        for (number, seen) in orders.iter().zip(seen) {
            for what in ["", "/timeline", "/receipt"] {
                let answer = client.get(&format!("/api/v1/orders/{number}{what}")).await;
                let status = if seen { 200 } else { 404 };
                assert_eq!(answer.status.as_u16(), status, "{filters:?} {number}{what}: {}", answer.text);
            }
            // What is beyond the limits cannot be fulfilled either; what is within them is fulfilled already.
            let (status, code) = if seen { (409, "already_fulfilled") } else { (404, "unknown_order") };
            client.post(&format!("/api/v1/orders/{number}/fulfill"), &json!({})).await.problem(status, code);
        }
    }
    app.finish().await;
}
