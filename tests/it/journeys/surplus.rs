//! Money that was not asked for: after the order ended, or a second time. It pays the order if it still can, and goes
//! back exactly once otherwise (I1, I2).

use std::cell::Cell;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{SESSION_OVER_S, buy, captured, counts, deliver, given_back, pay_aside};

/// An order of the product `PY` that ended unpaid.
async fn expired(app: &TestApp, learner: &Client) -> Answer {
    let checkout = learner.order("PY").await;
    app.advance(SESSION_OVER_S).await;
    assert_eq!(learner.read_order(&checkout).await["status"], "expired");
    checkout
}

/// The one refund of an order, and where its money stands.
async fn refund(learner: &Client, checkout: &Answer) -> (Value, Value, Value, Value) {
    let order = learner.read_order(checkout).await;
    assert_eq!(order["refunds"].as_array().map(Vec::len), Some(1), "{}", order.text);
    let refund = &order["refunds"][0];
    (order["status"].clone(), order["money_status"].clone(), refund["reason"].clone(), refund["state"].clone())
}

#[tokio::test]
async fn a_late_payment_pays_the_order_while_a_seat_is_left() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = expired(&app, &ada).await;
    deliver(&app, &captured("evt_late", &checkout, 4_990, "usd")).await.expect(StatusCode::OK);
    app.check().await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    let ends = (&order["status"], &order["money_status"], &order["fulfillment_status"]);
    assert_eq!(ends, (&json!("paid"), &json!("paid"), &json!("complete")));
    assert_eq!(order["refunds"], json!([]));
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::available(&app, "PY").await, json!(0));
    assert_eq!(super::happened(&app, &checkout, "order_paid_late").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_late_payment_for_a_seat_that_was_sold_meanwhile_goes_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let checkout = expired(&app, &ada).await;
    buy(&app, &bob, "PY").await;
    let payment = pay_aside(&app, &checkout, "4990").await;
    app.cloud.stripe.deliver().await;
    app.check().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "overpaid");
    app.settle().await;
    let ends = (json!("expired"), json!("unpaid"), json!("late_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!(given_back(&app, &payment).await, [4_990]);
    let rows = counts(&app, &checkout).await;
    assert_eq!((rows.ledger, rows.tasks, rows.refunds), (2, 0, 1));
    assert_eq!((app.enrolments("ada").await.len(), app.enrolments("bob").await.len()), (0, 1));
    app.finish().await;
}

#[tokio::test]
async fn a_late_payment_for_a_course_that_the_learner_bought_again_goes_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let old = expired(&app, &ada).await;
    let new = ada.checkout("new").await.expect(StatusCode::CREATED);
    ada.pay(&new, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let payment = pay_aside(&app, &old, "4990").await;
    app.settle().await;
    let ends = (json!("expired"), json!("unpaid"), json!("late_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &old).await, ends);
    assert_eq!(given_back(&app, &payment).await, [4_990]);
    assert_eq!(ada.read_order(&new).await["money_status"], "paid");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_of_a_cancelled_order_goes_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let cancel = format!("/api/v1/orders/{}/cancel", super::number(&checkout));
    ada.post(&cancel, &json!({})).await.expect(StatusCode::OK);
    let payment = pay_aside(&app, &checkout, "4990").await;
    app.settle().await;
    let ends = (json!("cancelled"), json!("unpaid"), json!("late_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!(given_back(&app, &payment).await, [4_990]);
    assert_eq!(app.enrolments("ada").await.len(), 0);
    assert_eq!(super::available(&app, "PY").await, json!(3));
    app.finish().await;
}

#[tokio::test]
async fn a_second_payment_goes_back_exactly_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    let ada = app.user("ada");
    let (checkout, first) = buy(&app, &ada, "PY").await;
    let second = pay_aside(&app, &checkout, "4990").await;
    app.cloud.stripe.deliver().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "overpaid");
    app.check().await;
    app.settle().await;
    let ends = (json!("paid"), json!("paid"), json!("second_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!((given_back(&app, &second).await, given_back(&app, &first).await), (vec![4_990], vec![]));
    assert_eq!(counts(&app, &checkout).await.ledger, 3);
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::available(&app, "PY").await, json!(2));
    app.advance(24 * 3600).await;
    assert_eq!(given_back(&app, &second).await, [4_990]);
    app.finish().await;
}

/// An event that says that a payment of 49.90 dollars went back whole.
fn refunded(event: &str, checkout: &Answer, payment: &str) -> Value {
    json!({
        "id": event, "object": "event", "type": "charge.refunded", "livemode": false, "created": super::CREATED,
        "data": {"object": {
            "id": "ch_2", "object": "charge", "amount": 4990, "amount_refunded": 4990, "currency": "usd",
            "payment_intent": payment, "metadata": {"order_number": super::number(checkout)},
        }},
    })
}

/// The processor misbehaves when it is asked for the refund; the money goes back once all the same.
async fn check_refund(fault: Value, state: &str) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PY").await;
    let second = pay_aside(&app, &checkout, "4990").await;
    super::fault(&app, fault).await;
    app.settle().await;
    assert_eq!(refund(&ada, &checkout).await.3, state);
    app.check().await;
    app.cloud.faults.clear(None);
    app.advance(60).await;
    app.advance(3600).await;
    let ends = (json!("paid"), json!("paid"), json!("second_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!(given_back(&app, &second).await, [4_990]);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_the_processor_does_not_take_now_is_asked_for_again() {
    check_refund(json!({"target": "stripe", "status": 500, "times": 3, "operation": "POST /v1/refunds"}), "unknown")
        .await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_paid_once() {
    // The processor's event says what the lost answer would have said.
    check_refund(json!({"target": "stripe", "drop": true, "times": 3, "operation": "POST /v1/refunds"}), "succeeded")
        .await;
}

#[tokio::test]
async fn a_refund_that_the_processors_event_tells_of_first_is_counted_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PY").await;
    let second = pay_aside(&app, &checkout, "4990").await;
    app.cloud.stripe.deliver().await;
    // While the call for the refund is under way, its event arrives.
    super::fault(&app, json!({"target": "stripe", "delay_ms": 500, "operation": "POST /v1/refunds"})).await;
    let event = refunded("evt_refunded", &checkout, &second);
    let settled = Cell::new(false);
    let settling = async {
        app.settle().await;
        settled.set(true);
    };
    let told_first = async {
        while !app.cloud.faults.list().is_empty() && !settled.get() {
            tokio::task::yield_now().await;
        }
        deliver(&app, &event).await.expect(StatusCode::OK);
        assert!(!settled.get(), "the event came too late");
    };
    tokio::join!(settling, told_first);
    app.check().await;
    app.advance(60).await;
    let ends = (json!("paid"), json!("paid"), json!("second_payment"), json!("succeeded"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!(counts(&app, &checkout).await.ledger, 3);
    assert_eq!(given_back(&app, &second).await, [4_990]);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_the_processor_refuses_for_a_week_is_left_to_a_human() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PY").await;
    // The processor does not know this payment.
    deliver(&app, &captured("evt_second", &checkout, 4_990, "usd")).await.expect(StatusCode::OK);
    app.settle().await;
    let asked = (json!("paid"), json!("overpaid"), json!("second_payment"), json!("unknown"));
    assert_eq!(refund(&ada, &checkout).await, asked);
    app.check().await;
    app.advance(7 * 24 * 3600).await;
    let ends = (json!("paid"), json!("overpaid"), json!("second_payment"), json!("failed"));
    assert_eq!(refund(&ada, &checkout).await, ends);
    assert_eq!(super::happened(&app, &checkout, "refund_failed").await, 1);
    let found = app.cloud.audit().await.expect("an audit");
    assert_eq!(found.iter().map(|violation| violation.invariant).collect::<Vec<_>>(), ["I1"]);

    // A human finds it in the audit, and gives the money back on the processor's page.
    deliver(&app, &refunded("evt_by_hand", &checkout, "pi_of_evt_second")).await.expect(StatusCode::OK);
    assert_eq!(ada.read_order(&checkout).await["money_status"], "paid");
    app.finish().await;
}
