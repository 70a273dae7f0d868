//! Baskets: kept over a restart, opened again when an order ends, and what becomes of quantities and mixed contents.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

use super::SESSION_OVER_S;

/// SKU and quantity of each line.
fn lines(basket: &Answer) -> Vec<(Value, Value)> {
    let lines = basket["lines"].as_array().expect("lines");
    lines.iter().map(|line| (line["sku"].clone(), line["quantity"].clone())).collect()
}

#[tokio::test]
async fn the_basket_of_an_anonymous_session_outlives_a_killed_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let shopper = app.session("0123456789abcdef");
    shopper.add("PY").await.expect(StatusCode::CREATED);
    let before = shopper.add("RS").await.expect(StatusCode::CREATED);
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let after = app.session("0123456789abcdef").get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!(after.json, before.json);
    assert_eq!(after["total"], json!({"amount": "59.90", "currency": "USD"}));
    let stranger = app.session("fedcba9876543210").get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!(lines(&stranger), []);
    app.finish().await;
}

#[tokio::test]
async fn a_basket_is_open_again_with_its_lines_after_its_order_expired() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let frozen = ada.get("/api/v1/basket").await;
    assert_eq!((&frozen["status"], &frozen["order_number"]), (&json!("frozen"), &checkout["order_number"]));
    app.advance(SESSION_OVER_S).await;
    let open = ada.get("/api/v1/basket").await;
    assert_eq!((&open["status"], &open["order_number"]), (&json!("open"), &Value::Null));
    assert_eq!(lines(&open), [(json!("PY"), json!(1))]);

    let again = ada.checkout("another").await.expect(StatusCode::CREATED);
    assert_ne!(again["order_number"], checkout["order_number"]);
    ada.pay(&again, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&again).await["fulfillment_status"], "complete");
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    app.finish().await;
}

#[tokio::test]
async fn a_basket_is_open_again_with_its_lines_after_its_order_was_cancelled() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let cancel = format!("/api/v1/orders/{}/cancel", super::number(&checkout));
    let cancelled = ada.post(&cancel, &json!({})).await.expect(StatusCode::OK);
    assert_eq!((&cancelled["status"], &cancelled["payment"]), (&json!("cancelled"), &Value::Null));
    ada.post(&cancel, &json!({})).await.problem(409, "not_cancellable");
    super::page_is_closed(&ada.pay(&checkout, "succeed").await);
    assert_eq!(super::available(&app, "PY").await, json!(1));
    let open = ada.get("/api/v1/basket").await;
    assert_eq!((&open["status"], lines(&open)), (&json!("open"), vec![(json!("PY"), json!(1))]));
    app.finish().await;
}

#[tokio::test]
async fn a_seat_stays_at_one_however_often_it_is_added() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let ada = app.user("ada");
    let three = json!({"sku": "PY", "quantity": 3});
    let basket = ada.post("/api/v1/basket/lines", &three).await.expect(StatusCode::CREATED);
    assert_eq!(lines(&basket), [(json!("PY"), json!(1))]);
    ada.add("PY").await.expect(StatusCode::CREATED);
    let basket = ada.patch("/api/v1/basket/lines/PY", &json!({"quantity": 5})).await.expect(StatusCode::OK);
    assert_eq!(lines(&basket), [(json!("PY"), json!(1))]);
    ada.patch("/api/v1/basket/lines/PY", &json!({"quantity": 101})).await.problem(422, "invalid_fields");
    ada.patch("/api/v1/basket/lines/NO", &json!({"quantity": 1})).await.problem(404, "unknown_product");
    let basket = ada.patch("/api/v1/basket/lines/PY", &json!({"quantity": 0})).await.expect(StatusCode::OK);
    assert_eq!(lines(&basket), []);
    ada.checkout("nothing").await.problem(409, "empty_basket");
    app.finish().await;
}

#[tokio::test]
async fn several_products_are_paid_at_once_and_all_are_granted() {
    let app = TestApp::start().await;
    for (sku, amount, quantity) in [("PY", "49.90", None), ("RS", "20.05", Some(7)), ("GO", "0.00", None)] {
        app.sell(sku, amount, "USD", quantity).await;
    }
    let ada = app.user("ada");
    let batch = json!({"lines": [{"sku": "PY"}, {"sku": "RS"}, {"sku": "GO"}]});
    ada.post("/api/v1/basket/lines/batch", &batch).await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("all").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], json!({"amount": "69.95", "currency": "USD"}));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    let states: Vec<&Value> = order["lines"].as_array().unwrap().iter().map(|l| &l["fulfillment"]["state"]).collect();
    assert_eq!(states, ["granted", "granted", "granted"]);
    let mut courses: Vec<Value> = app.enrolments("ada").await.iter().map(|place| place["course_id"].clone()).collect();
    courses.sort_by_key(ToString::to_string);
    assert_eq!(courses, ["course-v1:Test+GO+1", "course-v1:Test+PY+1", "course-v1:Test+RS+1"]);
    assert_eq!(super::available(&app, "RS").await, json!(6));
    app.finish().await;
}

#[tokio::test]
async fn products_in_two_currencies_do_not_go_into_one_basket() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "49.90", "EUR", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("RS").await.problem(409, "currency_mismatch");
    assert_eq!(lines(&ada.get("/api/v1/basket").await), [(json!("PY"), json!(1))]);
    app.finish().await;
}
