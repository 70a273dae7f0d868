//! The purchase as it should go: browse, basket, checkout, pay, enrolled.

use http::StatusCode;
use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn a_learner_browses_pays_and_is_enrolled() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let found = app.anonymous().get("/api/v1/products?q=course").await.expect(StatusCode::OK);
    assert_eq!(found["items"][0]["sku"], "PY");
    let checkout = ada.order("PY").await;
    assert_eq!(checkout["total"], json!({"amount": "49.90", "currency": "USD"}));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!(order["status"], "paid");
    assert_eq!(order["money_status"], "paid");
    assert_eq!(order["fulfillment_status"], "complete");
    let enrolments = app.enrolments("ada").await;
    assert_eq!(enrolments.len(), 1);
    assert_eq!(enrolments[0]["course_id"], "course-v1:Test+PY+1");
    assert_eq!(ada.get("/api/v1/basket").await["lines"], json!([]));
    app.finish().await;
}
