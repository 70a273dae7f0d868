//! The process is killed between two effects: what was committed is found again in the table, and done once.

use http::StatusCode;
use serde_json::json;
use tests::{Answer, Client, TestApp};

use super::RESEND_S;

/// Pays on the hosted page as the reopened processor serves it: the page's address named the port of the process
/// before.
async fn pay_at_the_new_address(client: &Client, checkout: &Answer) -> Answer {
    let url = checkout["payment"]["url"].as_str().expect("a payment page");
    let path = url.find("/_local/").and_then(|at| url.get(at..)).expect("a path");
    client.post(path, &json!({"outcome": "succeed"})).await.expect(StatusCode::OK)
}

#[tokio::test]
async fn a_kill_between_payment_and_enrolment_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.cloud.stripe.deliver().await;
    assert_eq!(app.cloud.trigger.depth().await.expect("a depth").visible, 1);
    // The message is only in the queue's memory.
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    app.check().await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("none")));
    app.advance(RESEND_S).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.advance(24 * 3600).await;
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::happened(&app, &checkout, "enrolled").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_kill_before_the_webhook_was_taken_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    assert_eq!(ada.read_order(&checkout).await["status"], "pending_payment");
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_kill_between_the_order_and_its_session_is_healed_by_the_same_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let lost = json!({"target": "stripe", "drop": true, "times": 3, "operation": "POST /v1/checkout/sessions"});
    super::fault(&app, lost).await;
    ada.checkout("one").await.problem(503, "processor_unavailable");
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    app.check().await;
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(ada.get("/api/v1/orders").await["items"].as_array().map(Vec::len), Some(1));
    pay_at_the_new_address(&ada, &checkout).await;
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(super::available(&app, "PY").await, json!(0));
    app.finish().await;
}

#[tokio::test]
async fn a_kill_between_the_order_and_its_session_expires_if_nobody_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    super::fault(&app, json!({"target": "stripe", "timeout": true, "times": 3})).await;
    ada.checkout("one").await.problem(503, "processor_unavailable");
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    app.advance(40 * 60).await;
    let orders = ada.get("/api/v1/orders").await;
    assert_eq!(orders["items"][0]["status"], "expired");
    assert_eq!(super::available(&app, "PY").await, json!(1));
    assert_eq!(ada.get("/api/v1/basket").await["status"], "open");
    app.finish().await;
}

#[tokio::test]
async fn a_kill_before_a_surplus_payment_is_given_back_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, _) = super::buy(&app, &ada, "PY").await;
    let second = super::pay_aside(&app, &checkout, "4990").await;
    app.cloud.stripe.deliver().await;
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    assert_eq!(ada.read_order(&checkout).await["money_status"], "overpaid");
    app.advance(RESEND_S).await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "paid");
    assert_eq!(super::given_back(&app, &second).await, [4_990]);
    app.finish().await;
}
