//! Payments on the processor's page: declined, abandoned, expired, by bank debit, and on the shop's own page.

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::SESSION_OVER_S;

#[tokio::test]
async fn a_declined_card_is_tried_again_on_the_same_session_and_paid() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "decline").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["money_status"]), (&json!("pending_payment"), &json!("unpaid")));
    assert_eq!(order["payments"][0]["last_decline"], "generic_decline");
    assert_eq!(order["payment"]["url"], checkout["payment"]["url"]);
    app.check().await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    assert_eq!(order["payments"].as_array().map(Vec::len), Some(1));
    assert_eq!(super::happened(&app, &checkout, "payment_declined").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_abandoned_order_expires_and_gives_its_seat_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    assert_eq!(super::available(&app, "PY").await, json!(0));
    ada.pay(&checkout, "abandon").await.expect(StatusCode::OK);
    app.advance(SESSION_OVER_S - 1).await;
    assert_eq!(ada.read_order(&checkout).await["status"], "pending_payment");
    app.check().await;
    app.advance(1).await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["payment"]), (&json!("expired"), &Value::Null));
    assert_eq!(super::available(&app, "PY").await, json!(1));
    super::page_is_closed(&ada.pay(&checkout, "succeed").await);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "unpaid");
    assert_eq!(super::happened(&app, &checkout, "order_expired").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_order_expires_by_the_clock_when_the_processor_says_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    super::fault(&app, json!({"target": "stripe", "drop": true, "operation": "webhook checkout.session.expired"}))
        .await;
    app.advance(SESSION_OVER_S).await;
    assert_eq!(ada.read_order(&checkout).await["status"], "pending_payment");
    app.advance(5 * 60).await;
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    assert_eq!(super::available(&app, "PY").await, json!(1));
    app.finish().await;
}

#[tokio::test]
async fn a_bank_debit_keeps_the_order_waiting_until_the_money_is_there() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "processing").await.expect(StatusCode::OK);
    app.settle().await;
    app.advance(3 * 24 * 3600).await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["payments"][0]["state"]), (&json!("pending_payment"), &json!("processing")));
    app.check().await;
    ada.pay(&checkout, "async_succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    assert_eq!(super::counts(&app, &checkout).await.ledger, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_bank_debit_that_fails_leaves_nothing_behind() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "processing").await.expect(StatusCode::OK);
    app.settle().await;
    ada.pay(&checkout, "async_fail").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "unpaid");
    app.advance(11 * 24 * 3600).await;
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    assert_eq!(super::available(&app, "PY").await, json!(1));
    app.finish().await;
}

#[tokio::test]
async fn a_card_form_on_the_shops_own_page_pays_by_client_secret() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/", "flow": "client_secret"});
    let checkout = ada.with("Idempotency-Key", "k").post("/api/v1/checkout", &body).await.expect(StatusCode::CREATED);
    assert_eq!((&checkout["payment"]["kind"], &checkout["payment"]["url"]), (&json!("client_secret"), &Value::Null));
    let secret = checkout["payment"]["client_secret"].as_str().expect("a secret");
    let (intent, _) = secret.split_once("_secret_").expect("an intent's secret");
    let confirm = format!("payment_intents/{intent}/confirm");
    let declined = super::stripe_post(&app, &confirm, &[("payment_method", "pm_card_chargeDeclined")]).await;
    assert_eq!(declined.status, StatusCode::PAYMENT_REQUIRED);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["status"], "pending_payment");
    let form = [("payment_method", "pm_card_visa")];
    super::stripe_post(&app, &confirm, &form).await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    let receipt = ada.get(&format!("/api/v1/orders/{}/receipt", super::number(&checkout))).await;
    assert_eq!(receipt["payment_reference"], intent);
    app.finish().await;
}
