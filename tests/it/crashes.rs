//! A crash between every two effects of checkout, webhook, fulfilment, refund, a batch of codes, staff's orders and
//! transfers: whatever a process has done when it dies, the
//! next one carries it on, and nothing is lost or done twice.
//!
//! A crash is made at the wire: after some calls nothing reaches anybody any more, or one more call takes effect and its
//! answer is lost. Each test tries every number of calls until the operation ends before the crash.

use http::StatusCode;
use serde_json::json;
use tests::TestApp;

use crate::journeys::bundles::bundle;
use crate::journeys::enrolment_codes::{codes, sell_codes};
use crate::journeys::given_back;

/// Numbers of calls after which no operation here is still under way.
const ENOUGH: u32 = 60;

/// Every crash of an operation: how many calls went through before, and whether one more took effect.
fn crashes() -> impl Iterator<Item = (u32, bool)> {
    (0..ENOUGH).flat_map(|calls| [(calls, false), (calls, true)])
}

#[tokio::test]
async fn a_checkout_that_dies_anywhere_is_carried_on_by_the_same_key() {
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        app.sell("SEAT", "20", "USD", Some(1)).await;
        let ada = app.user("ada");
        ada.add("SEAT").await.expect(StatusCode::CREATED);
        app.cloud.faults.crash_after(calls, effect);
        let first = ada.checkout("key").await;
        let died = app.cloud.faults.recover();
        let second = ada.checkout("key").await.expect(StatusCode::CREATED);
        if first.status == StatusCode::CREATED {
            assert_eq!(first["order_number"], second["order_number"]);
        }
        app.check().await;
        ada.pay(&second, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        assert_eq!(ada.read_order(&second).await["fulfillment_status"], "complete", "after {calls} calls, {effect}");
        assert_eq!(ada.get("/api/v1/orders").await["items"].as_array().map(Vec::len), Some(1));
        app.finish().await;
        if !died {
            return;
        }
    }
    panic!("a checkout makes more than {ENOUGH} calls");
}

#[tokio::test]
async fn a_webhook_or_a_worker_that_dies_anywhere_ends_in_one_charge_and_one_enrolment() {
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        app.sell("SEAT", "20", "USD", Some(1)).await;
        let ada = app.user("ada");
        let checkout = ada.order("SEAT").await;
        ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.cloud.faults.crash_after(calls, effect);
        for _ in 0..4 {
            // What fails here is what the crash interrupts.
            let _ = app.cloud.step().await;
        }
        let died = app.cloud.faults.recover();
        app.check().await;
        // Stripe delivers again after a minute, the janitor looks after half of one, a lease ends after one.
        for _ in 0..10 {
            app.advance(60).await;
        }
        let order = ada.read_order(&checkout).await;
        let stands = (&order["status"], &order["money_status"], &order["fulfillment_status"]);
        assert_eq!(
            stands,
            (&"paid".into(), &"paid".into(), &"complete".into()),
            "after {calls} calls, {effect}: {order:?}"
        );
        let enrolments = app.enrolments("ada").await;
        assert_eq!((enrolments.len(), &enrolments[0]["is_active"]), (1, &true.into()));
        app.finish_after_crash().await;
        if !died {
            return;
        }
    }
    panic!("a purchase makes more than {ENOUGH} calls");
}

#[tokio::test]
async fn a_bundle_and_codes_that_a_worker_dies_over_are_given_once() {
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        for sku in ["PY", "GO"] {
            app.sell(sku, "20", "USD", None).await;
        }
        bundle(&app, "BOTH", "30", &["PY", "GO"]).await;
        sell_codes(&app).await;
        let ada = app.user("ada");
        // More codes than one transaction makes.
        let line = json!({"sku": "PY-CODES", "quantity": 60});
        ada.post("/api/v1/basket/lines", &line).await.expect(StatusCode::CREATED);
        let checkout = ada.order("BOTH").await;
        ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.cloud.stripe.deliver().await;
        app.cloud.faults.crash_after(calls, effect);
        for _ in 0..4 {
            // What fails here is what the crash interrupts.
            let _ = app.cloud.step().await;
        }
        let died = app.cloud.faults.recover();
        app.check().await;
        for _ in 0..10 {
            app.advance(60).await;
        }
        let order = ada.read_order(&checkout).await;
        assert_eq!(order["fulfillment_status"], "complete", "after {calls} calls, {effect}: {order:?}");
        assert_eq!(app.enrolments("ada").await.len(), 2);
        let made = codes(&ada, checkout["order_number"].as_str().unwrap()).await;
        assert_eq!(made.iter().filter(|(_, status)| status == "available").count(), 60);
        app.finish_after_crash().await;
        if !died {
            return;
        }
    }
    panic!("giving it takes more than {ENOUGH} calls");
}

#[tokio::test]
async fn a_refund_that_dies_anywhere_goes_back_once_and_takes_the_place_with_it() {
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        app.sell("SEAT", "20", "USD", None).await;
        let ada = app.user("ada");
        let checkout = ada.order("SEAT").await;
        let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        let number = checkout["order_number"].as_str().unwrap();
        let path = format!("/api/v1/orders/{number}/refunds");
        let staff = app.staff().with("Idempotency-Key", "key");
        app.cloud.faults.crash_after(calls, effect);
        staff.post(&path, &json!({"reason": "too hard"})).await;
        for _ in 0..4 {
            // What fails here is what the crash interrupts.
            let _ = app.cloud.step().await;
        }
        let died = app.cloud.faults.recover();
        staff.post(&path, &json!({"reason": "too hard"})).await.expect(StatusCode::CREATED);
        app.check().await;
        for _ in 0..10 {
            app.advance(60).await;
        }
        let order = ada.read_order(&checkout).await;
        let stands = (&order["money_status"], &order["fulfillment_status"], &order["refunds"][0]["state"]);
        assert_eq!(
            stands,
            (&"refunded".into(), &"revoked".into(), &"succeeded".into()),
            "after {calls} calls, {effect}: {order:?}"
        );
        assert_eq!(order["refunds"].as_array().map(Vec::len), Some(1));
        assert_eq!(given_back(&app, paid["payment_intent"].as_str().unwrap()).await, [2_000]);
        assert_eq!(app.enrolments("ada").await[0]["is_active"], false);
        app.finish_after_crash().await;
        if !died {
            return;
        }
    }
    panic!("a refund makes more than {ENOUGH} calls");
}

#[tokio::test]
async fn a_batch_of_codes_that_dies_anywhere_makes_each_code_once() {
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        let offer = json!({"id": "fifth", "name": "A fifth", "benefit": {"type": "percent", "value": "20"}});
        app.staff().post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
        let staff = app.staff().with("Idempotency-Key", "key");
        let body = json!({"count": 100, "usage": "multi_use", "offer": "fifth"});
        app.cloud.faults.crash_after(calls, effect);
        let first = staff.post("/api/v1/vouchers/batches", &body).await;
        let url = first.header("location").to_owned();
        if !url.is_empty() {
            staff.patch(&url, &json!({"max_uses": 3})).await;
        }
        // The janitor dies of it as well.
        app.cloud.clock.advance(jiff::SignedDuration::from_secs(31));
        let _ = app.cloud.sweep().await;
        let died = app.cloud.faults.recover();
        let second = staff.post("/api/v1/vouchers/batches", &body).await.expect(StatusCode::ACCEPTED);
        app.check().await;
        let url = second.header("location").to_owned();
        staff.patch(&url, &json!({"max_uses": 3})).await.expect(StatusCode::ACCEPTED);
        app.advance(31).await;
        let batch = staff.get(&url).await.expect(StatusCode::OK);
        let stands = ["state", "made", "refused"].map(|name| batch[name].clone());
        assert_eq!(json!(stands), json!(["done", 100, 0]), "after {calls} calls, {effect}: {}", batch.text);
        let csv = staff.get(&format!("{url}/codes")).await.expect(StatusCode::OK);
        assert_eq!(csv.text.matches(",fifth,multi_use,3,,,0\r\n").count(), 100, "after {calls} calls, {effect}");
        let all = staff.get("/api/v1/vouchers/batches").await.expect(StatusCode::OK);
        assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
        app.finish().await;
        if !died {
            return;
        }
    }
    panic!("a batch of 100 makes more than {ENOUGH} calls");
}

#[tokio::test]
async fn orders_of_staff_that_die_anywhere_are_carried_on_by_the_same_key() {
    let body = json!({"reason": "scholarship", "enrollments": [
        {"username": "ada", "sku": "SEAT"}, {"username": "bob", "sku": "SEAT"},
    ]});
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        app.sell("SEAT", "20", "USD", Some(2)).await;
        let staff = app.staff().with("Idempotency-Key", "key");
        app.cloud.faults.crash_after(calls, effect);
        staff.post("/api/v1/orders/manual", &body).await;
        for _ in 0..4 {
            // What fails here is what the crash interrupts.
            let _ = app.cloud.step().await;
        }
        let died = app.cloud.faults.recover();
        let done = staff.post("/api/v1/orders/manual", &body).await.expect(StatusCode::OK);
        let said: Vec<_> = done["results"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
        assert_eq!(said, ["created"; 2], "after {calls} calls, {effect}");
        app.check().await;
        for _ in 0..10 {
            app.advance(60).await;
        }
        for learner in ["ada", "bob"] {
            let enrolments = app.enrolments(learner).await;
            let active: Vec<_> = enrolments.iter().map(|place| &place["is_active"]).collect();
            assert_eq!(active, [true], "{learner} after {calls} calls, {effect}");
            let orders = app.user(learner).get("/api/v1/orders").await;
            assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
        }
        app.finish_after_crash().await;
        if !died {
            return;
        }
    }
    panic!("two orders of staff's make more than {ENOUGH} calls");
}

#[tokio::test]
async fn a_transfer_that_dies_anywhere_is_counted_once_and_enrols_once() {
    let choice = json!({"processor": "bank_transfer", "return_url": "https://shop.example/"});
    let came = json!({"amount": {"amount": "20.00", "currency": "USD"}, "reference": "R-1"});
    for (calls, effect) in crashes() {
        let app = TestApp::start().await;
        app.sell("SEAT", "20", "USD", Some(1)).await;
        let ada = app.user("ada").with("Idempotency-Key", "key");
        ada.add("SEAT").await.expect(StatusCode::CREATED);
        let staff = app.staff().with("Idempotency-Key", "key");
        app.cloud.faults.crash_after(calls, effect);
        let first = ada.post("/api/v1/checkout", &choice).await;
        if first.status == StatusCode::CREATED {
            staff.post(&format!("/api/v1/orders/{}/payments", first.order_number()), &came).await;
        }
        for _ in 0..4 {
            // What fails here is what the crash interrupts.
            let _ = app.cloud.step().await;
        }
        let died = app.cloud.faults.recover();
        let order = ada.post("/api/v1/checkout", &choice).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/orders/{}/payments", order.order_number());
        let done = staff.post(&path, &came).await.expect(StatusCode::CREATED);
        assert_eq!(done["outcome"], "paid", "after {calls} calls, {effect}");
        app.check().await;
        for _ in 0..10 {
            app.advance(60).await;
        }
        let order = ada.read_order(&order).await;
        let stands = (&order["status"], &order["money_status"], &order["fulfillment_status"]);
        assert_eq!(stands, (&"paid".into(), &"paid".into(), &"complete".into()), "after {calls} calls, {effect}");
        assert_eq!(app.enrolments("ada").await.len(), 1);
        app.finish_after_crash().await;
        if !died {
            return;
        }
    }
    panic!("a transfer makes more than {ENOUGH} calls");
}
