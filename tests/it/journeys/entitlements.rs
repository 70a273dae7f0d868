//! Entitlements: the right to a place in any run of a course, granted and taken back at the platform by its UUID.

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::{buy, stripe_post};

const COURSE: &str = "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b";

async fn sell_entitlement(app: &TestApp, attributes: Value) {
    let product = json!({
        "sku": "ANY", "kind": "entitlement", "title": "Any run", "mode": "verified", "attributes": attributes,
        "published": true, "stock": [{"price": {"amount": "99.00", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &product).await.expect(StatusCode::CREATED);
}

/// The entitlements that the platform gave to a learner.
async fn entitlements(app: &TestApp, username: &str) -> Vec<Value> {
    let path = format!("/_local/lms/enrollments?username={username}");
    let answer = app.anonymous().get(&path).await.expect(StatusCode::OK);
    answer["entitlements"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_entitlement_is_sold_granted_and_taken_back_by_a_refund() {
    let app = TestApp::start().await;
    sell_entitlement(&app, json!({"course_uuid": COURSE})).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "ANY").await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    let given = entitlements(&app, "ada").await;
    assert_eq!(given.len(), 1);
    let facts = ["course_uuid", "mode", "order_number", "expired_at"].map(|name| given[0][name].clone());
    assert_eq!(facts, [json!(COURSE), json!("verified"), json!(super::number(&checkout)), Value::Null]);
    ada.add("ANY").await.problem(409, "already_purchased");

    stripe_post(&app, "refunds", &[("payment_intent", &payment)]).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "revoked");
    let given = entitlements(&app, "ada").await;
    assert_eq!((given.len(), &given[0]["expired_at"]), (1, &json!(tests::NOW)));
    ada.add("ANY").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn an_entitlement_whose_answer_is_lost_is_given_once() {
    let app = TestApp::start().await;
    sell_entitlement(&app, json!({"course_uuid": COURSE})).await;
    let ada = app.user("ada");
    super::fault(&app, json!({"target": "lms", "drop": true, "operation": "POST /api/entitlements"})).await;
    let (checkout, _) = buy(&app, &ada, "ANY").await;
    assert_eq!(ada.read_order(&checkout).await["lines"][0]["fulfillment"]["state"], "retry_at");
    app.advance(30).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(entitlements(&app, "ada").await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn an_entitlement_for_no_course_at_the_platform_is_not_published() {
    let app = TestApp::start().await;
    let product = json!({
        "sku": "ANY", "kind": "entitlement", "title": "Any run", "mode": "verified", "attributes": {},
        "published": true, "stock": [{"price": {"amount": "99.00", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &product).await.problem(422, "invalid_fields");
    app.anonymous().get("/api/v1/products/ANY").await.problem(404, "unknown_product");
    app.finish().await;
}
