//! The purchase as a learner makes it, with each way to pay, until the place is granted.

use http::StatusCode;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::shop::Shop;

/// Browse, basket, checkout, pay, enrolled: the way that most learners go.
pub async fn a_learner_browses_pays_and_is_enrolled(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let (visitor, ada) = (shop.anonymous(), shop.user("ada"));
    let search = format!("/api/v1/products?q=course+{}", shop.mark());
    shop.until("the course is found", async || visitor.get(&search).await["items"][0]["sku"] == json!(py)).await;
    let basket = ada.add(&py).await.expect(StatusCode::CREATED);
    assert_eq!(basket["total"], json!({"amount": "49.90", "currency": "USD"}));
    let checkout = ada.checkout("first").await.expect(StatusCode::CREATED);
    assert_eq!((&checkout["status"], &checkout["total"]), (&json!("pending_payment"), &basket["total"]));
    let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let back = format!("https://shop.example/orders/{}", checkout.order_number());
    assert_eq!(paid["redirect_url"], json!(back));

    let order = shop.granted(&ada, &checkout).await;
    assert_eq!((&order["money_status"], &order["payment"]), (&json!("paid"), &Value::Null));
    let places = shop.enrolments("ada").await;
    let place = (&places[0]["course_id"], &places[0]["mode"], &places[0]["is_active"]);
    assert_eq!((places.len(), place), (1, (&json!(Shop::course(&py)), &json!("verified"), &json!(true))));
    assert_eq!(ada.get("/api/v1/basket").await["lines"], json!([]));
    let orders = ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    let listed = &orders["items"][0];
    assert_eq!((orders["items"].as_array().map(Vec::len), &listed["number"]), (Some(1), &checkout["order_number"]));
    assert_eq!((&listed["status"], &listed["total"]), (&order["status"], &order["totals"]["total"]));
    receipt(&ada, &checkout).await;
    ada.add(&py).await.problem(409, "already_purchased");
}

/// Reads the receipt, as an application and as a browser.
async fn receipt(learner: &crate::Client, checkout: &Answer) {
    let path = format!("/api/v1/orders/{}/receipt", checkout.order_number());
    let receipt = learner.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&receipt["totals"]["total"], &receipt["processor"]), (&checkout["total"], &json!("stripe")));
    let page = learner.with("Accept", "text/html").get(&path).await.expect(StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.text.contains(&checkout.order_number()) && page.text.contains("49.90"), "{}", page.text);
    learner.with("Accept", "image/png").get(&path).await.problem(406, "not_acceptable");
}

/// No processor has a part in it.
pub async fn a_free_course_is_enrolled_at_once(shop: Shop) {
    let free = shop.sell("FREE", "0.00", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&free).await;
    let payment = json!({
        "processor": "none", "kind": "none", "url": null, "method": null, "fields": null, "client_secret": null,
    });
    assert_eq!((&checkout["status"], &checkout["payment"]), (&json!("paid"), &payment));
    let order = shop.granted(&ada, &checkout).await;
    assert_eq!(order["payments"], json!([]));
    assert_eq!(shop.enrolments("ada").await[0]["course_id"], json!(Shop::course(&free)));
    let receipt = ada.get(&format!("/api/v1/orders/{}/receipt", checkout.order_number())).await;
    assert_eq!((&receipt["processor"], &receipt["totals"]["total"]["amount"]), (&json!("none"), &json!("0.00")));
    assert_eq!(ada.get("/api/v1/basket").await["lines"], json!([]));
}

/// A decline ends nothing: the same page takes the next card.
pub async fn a_declined_card_is_tried_again_and_charged_once(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    ada.pay(&checkout, "decline").await.expect(StatusCode::OK);
    let declined = [("/status", "pending_payment"), ("/payments/0/last_decline", "generic_decline")];
    let order = shop.order_is(&ada, &checkout, &declined).await;
    assert_eq!((&order["money_status"], &order["payment"]["url"]), (&json!("unpaid"), &checkout["payment"]["url"]));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let order = shop.granted(&ada, &checkout).await;
    assert_eq!(order["payments"].as_array().map(Vec::len), Some(1));
    let happened = shop.timeline(&checkout).await;
    let times = |event: &str| happened.iter().filter(|name| *name == event).count();
    assert_eq!((times("payment_declined"), times("order_paid")), (1, 1), "{happened:?}");
    assert_eq!(shop.enrolments("ada").await.len(), 1);
}

/// One checkout, a free course among them.
pub async fn several_courses_are_paid_at_once_and_all_are_granted(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let rs = shop.sell("RS", "20.05", Some(7)).await;
    let go = shop.sell("GO", "0.00", None).await;
    let ada = shop.user("ada");
    let batch = json!({"lines": [{"sku": py}, {"sku": rs}, {"sku": go}]});
    ada.post("/api/v1/basket/lines/batch", &batch).await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("all").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], json!({"amount": "69.95", "currency": "USD"}));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let order = shop.granted(&ada, &checkout).await;
    let states: Vec<_> = (0..3).map(|line| &order["lines"][line]["fulfillment"]["state"]).collect();
    assert_eq!(states, ["granted", "granted", "granted"]);
    let mut courses: Vec<_> = shop.enrolments("ada").await.iter().map(|place| place["course_id"].to_string()).collect();
    courses.sort();
    assert_eq!(courses, [go, py, rs.clone()].map(|sku| json!(Shop::course(&sku)).to_string()));
    assert_eq!(shop.available(&rs).await, json!(6));
}

/// A debit takes days: the order waits, and its seat is held.
pub async fn a_bank_debit_keeps_the_order_waiting_for_its_money(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(1)).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    ada.pay(&checkout, "processing").await.expect(StatusCode::OK);
    let waiting = [("/status", "pending_payment"), ("/payments/0/state", "processing")];
    shop.order_is(&ada, &checkout, &waiting).await;
    assert_eq!((shop.available(&py).await, shop.enrolments("ada").await), (json!(0), vec![]));
    ada.pay(&checkout, "async_succeed").await.expect(StatusCode::OK);
    shop.granted(&ada, &checkout).await;
    assert_eq!(shop.enrolments("ada").await.len(), 1);
}

/// What was held is for sale again, the basket is open again, and its page takes no money any more.
pub async fn a_cancelled_order_gives_its_seat_back(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(1)).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    assert_eq!(shop.available(&py).await, json!(0));
    let cancel = format!("/api/v1/orders/{}/cancel", checkout.order_number());
    let cancelled = ada.post(&cancel, &json!({})).await.expect(StatusCode::OK);
    assert_eq!((&cancelled["status"], &cancelled["payment"]), (&json!("cancelled"), &Value::Null));
    ada.post(&cancel, &json!({})).await.problem(409, "not_cancellable");
    let closed = ada.pay(&checkout, "succeed").await;
    assert_eq!((closed.status, &closed["code"]), (StatusCode::CONFLICT, &json!("payment_not_open")));
    assert_eq!(shop.available(&py).await, json!(1));
    let basket = ada.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&basket["status"], &basket["lines"][0]["sku"]), (&json!("open"), &json!(py)));
}
