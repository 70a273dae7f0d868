//! Checkout: replayed, doubled, superseded, and held against a catalog that changes under it.

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

#[tokio::test]
async fn the_same_key_gives_the_same_order_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let first = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(again.json, first.json);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(super::available(&app, "PY").await, json!(2));

    let other = json!({"processor": "stripe", "return_url": "https://shop.example/elsewhere"});
    ada.with("Idempotency-Key", "one").post("/api/v1/checkout", &other).await.problem(422, "idempotency_key_reused");

    ada.pay(&first, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let late = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!((&late["order_number"], &late["status"]), (&first["order_number"], &json!("paid")));
    assert_eq!(late["payment"]["kind"], "none");
    app.finish().await;
}

#[tokio::test]
async fn a_double_click_with_two_keys_gives_the_same_order() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let first = ada.checkout("one").await.expect(StatusCode::CREATED);
    let second = ada.checkout("two").await.expect(StatusCode::CREATED);
    assert_eq!(second.json, first.json);
    let orders = ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
    app.check().await;
    app.finish().await;
}

#[tokio::test]
async fn a_checkout_after_an_edit_gives_up_the_order_before_and_its_page() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    let old = ada.order("PY").await;
    let basket = ada.add("RS").await.expect(StatusCode::CREATED);
    assert_eq!(basket["status"], "open");
    // Until the new checkout, the old order can be paid as it was shown.
    assert_eq!(ada.read_order(&old).await["status"], "pending_payment");

    let new = ada.checkout("new").await.expect(StatusCode::CREATED);
    assert_eq!(new["total"]["amount"], "59.90");
    assert_eq!(ada.read_order(&old).await["status"], "cancelled");
    super::page_is_closed(&ada.pay(&old, "succeed").await);
    app.check().await;
    ada.pay(&new, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&new).await["fulfillment_status"], "complete");
    assert_eq!(super::happened(&app, &old, "order_replaced").await, 1);
    assert_eq!(super::available(&app, "PY").await, json!(0));
    app.finish().await;
}

#[tokio::test]
async fn a_basket_edited_after_checkout_survives_the_payment_of_the_order_before() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    let old = ada.order("PY").await;
    ada.add("RS").await.expect(StatusCode::CREATED);
    ada.pay(&old, "succeed").await.expect(StatusCode::OK);
    ada.checkout("too soon").await.problem(409, "payment_in_progress");
    app.settle().await;
    assert_eq!(ada.read_order(&old).await["fulfillment_status"], "complete");
    let basket = ada.get("/api/v1/basket").await;
    assert_eq!(basket["lines"].as_array().map(Vec::len), Some(2));
    ada.checkout("both").await.problem(409, "already_purchased");
    ada.delete("/api/v1/basket/lines/PY").await.expect(StatusCode::OK);
    let rest = ada.checkout("rest").await.expect(StatusCode::CREATED);
    assert_eq!(rest["total"]["amount"], "10.00");
    app.finish().await;
}

#[tokio::test]
async fn an_edit_that_leaves_the_price_does_not_stop_a_checkout() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let ada = app.user("ada");
    let basket = ada.add("PY").await.expect(StatusCode::CREATED);
    let patch = json!({"title": "Python, second edition"});
    app.staff().patch("/api/v1/products/PY", &patch).await.expect(StatusCode::OK);
    let body = json!({
        "processor": "stripe", "return_url": "https://shop.example/", "basket_version": basket["version"],
    });
    let checkout = ada.with("Idempotency-Key", "one").post("/api/v1/checkout", &body).await;
    let checkout = checkout.expect(StatusCode::CREATED);
    assert_eq!(ada.read_order(&checkout).await["lines"][0]["title"], "Python, second edition");
    app.finish().await;
}

#[tokio::test]
async fn a_product_taken_off_sale_stops_the_checkout_until_it_is_removed() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("RS").await.expect(StatusCode::CREATED);
    app.staff().delete("/api/v1/products/PY").await.expect(StatusCode::NO_CONTENT);
    ada.checkout("one").await.problem(409, "basket_changed");
    let basket = ada.get("/api/v1/basket").await;
    assert_eq!(basket["messages"][0]["code"], "not_available");
    assert_eq!((&basket["lines"][0]["total"], &basket["total"]["amount"]), (&Value::Null, &json!("10.00")));
    ada.delete("/api/v1/basket/lines/PY").await.expect(StatusCode::OK);
    ada.checkout("two").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_checkout_on_a_stale_basket_version_is_refused() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    let seen = ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("RS").await.expect(StatusCode::CREATED);
    let body = json!({
        "processor": "stripe", "return_url": "https://shop.example/", "basket_version": seen["version"],
    });
    ada.with("Idempotency-Key", "k").post("/api/v1/checkout", &body).await.problem(409, "basket_changed");
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/"});
    let stale = ada.with("Idempotency-Key", "l").with("If-Match", "\"1\"").post("/api/v1/checkout", &body).await;
    stale.problem(412, "version_mismatch");
    app.finish().await;
}
