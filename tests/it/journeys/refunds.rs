//! Refunds and disputes that begin at the processor: its dashboard gives money back, and its event does the rest (I2,
//! I4).

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::{Counts, buy, counts, deliver, stripe_post};

#[tokio::test]
async fn a_full_refund_in_the_dashboard_takes_the_access_back_and_the_course_can_be_bought_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    ada.add("PY").await.problem(409, "already_purchased");
    stripe_post(&app, "refunds", &[("payment_intent", &payment)]).await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    let ends = (&order["status"], &order["money_status"], &order["fulfillment_status"]);
    assert_eq!(ends, (&json!("paid"), &json!("refunded"), &json!("revoked")));
    assert_eq!(order["lines"][0]["fulfillment"]["state"], "revoked");
    assert_eq!(app.enrolments("ada").await[0]["is_active"], false);
    assert_eq!(super::happened(&app, &checkout, "payment_refunded").await, 1);
    assert_eq!(super::happened(&app, &checkout, "access_revoked").await, 1);
    app.check().await;

    ada.add("PY").await.expect(StatusCode::CREATED);
    let again = ada.checkout("again").await.expect(StatusCode::CREATED);
    ada.pay(&again, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&again).await["fulfillment_status"], "complete");
    let places = app.enrolments("ada").await;
    assert_eq!((places.len(), &places[0]["is_active"]), (1, &json!(true)));
    app.finish().await;
}

#[tokio::test]
async fn a_partial_refund_keeps_the_access_until_the_rest_goes_back_too() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    for (amount, money) in [("1000", "partially_refunded"), ("2000", "partially_refunded"), ("1990", "refunded")] {
        let form = [("payment_intent", payment.as_str()), ("amount", amount)];
        stripe_post(&app, "refunds", &form).await.expect(StatusCode::OK);
        app.settle().await;
        let order = ada.read_order(&checkout).await;
        assert_eq!(order["money_status"], money, "after {amount}");
        let has_it = money != "refunded";
        assert_eq!(app.enrolments("ada").await[0]["is_active"], has_it, "after {amount}");
        app.check().await;
    }
    assert_eq!(counts(&app, &checkout).await.ledger, 4);
    app.finish().await;
}

#[tokio::test]
async fn refund_events_that_come_twice_and_in_the_wrong_order_are_counted_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    for amount in ["1000", "3990"] {
        let form = [("payment_intent", payment.as_str()), ("amount", amount)];
        stripe_post(&app, "refunds", &form).await.expect(StatusCode::OK);
    }
    super::fault(&app, json!({"target": "stripe", "duplicate": true, "reorder": true, "times": 9})).await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("refunded"), &json!("revoked")));
    assert_eq!(super::happened(&app, &checkout, "payment_refunded").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_before_the_place_was_granted_grants_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    super::lms_is_down(&app);
    let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let payment = paid["payment_intent"].as_str().expect("a payment");
    stripe_post(&app, "refunds", &[("payment_intent", payment)]).await.expect(StatusCode::OK);
    app.settle().await;
    app.check().await;
    app.cloud.faults.clear(None);
    app.advance(24 * 3600).await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("refunded"), &json!("revoked")));
    let active: Vec<Value> = app.enrolments("ada").await.iter().map(|place| place["is_active"].clone()).collect();
    assert!(!active.contains(&json!(true)), "{active:?}");
    app.finish().await;
}

#[tokio::test]
async fn access_is_taken_back_also_when_the_platform_fails_at_first() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    super::lms_is_down(&app);
    stripe_post(&app, "refunds", &[("payment_intent", &payment)]).await.expect(StatusCode::OK);
    app.settle().await;
    app.advance(120).await;
    let order = ada.read_order(&checkout).await;
    assert_eq!(
        (&order["money_status"], &order["lines"][0]["fulfillment"]["state"]),
        (&json!("refunded"), &json!("revoking"))
    );
    assert_eq!(app.enrolments("ada").await[0]["is_active"], true);
    app.check().await;
    app.cloud.faults.clear(None);
    app.advance(3600).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "revoked");
    assert_eq!(app.enrolments("ada").await[0]["is_active"], false);
    app.finish().await;
}

#[tokio::test]
async fn a_dispute_is_recorded_and_changes_nothing_else() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let before = ada.read_order(&checkout).await;
    let path = format!("/_local/stripe/_dispute/{payment}");
    app.anonymous().post(&path, &json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await.json, before.json);
    let path = format!("/api/v1/orders/{}/timeline", super::number(&checkout));
    let items = app.staff().get(&path).await.expect(StatusCode::OK)["items"].clone();
    let disputed = items.as_array().unwrap().iter().find(|item| item["event"] == "payment_disputed");
    let disputed = disputed.expect("the dispute");
    assert_eq!((&disputed["actor"], &disputed["detail"]), (&json!("processor"), &json!("needs_response: 49.90 USD")));
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_is_told_of_before_its_payment_comes_again_and_is_counted() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let payment = paid["payment_intent"].as_str().expect("a payment");
    stripe_post(&app, "refunds", &[("payment_intent", payment)]).await.expect(StatusCode::OK);
    super::fault(&app, json!({"target": "stripe", "reorder": true})).await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["money_status"]), (&json!("paid"), &json!("paid")));
    app.check().await;
    app.advance(60).await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("refunded"), &json!("revoked")));
    assert_eq!(app.enrolments("ada").await[0]["is_active"], false);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_event_about_money_that_never_came_is_put_off_for_a_day_and_never_counted() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PY").await;
    let event = json!({
        "id": "evt_stray", "object": "event", "type": "charge.refunded", "livemode": false, "created": super::CREATED,
        "data": {"object": {
            "id": "ch_stray", "object": "charge", "amount": 4990, "amount_refunded": 4990, "currency": "usd",
            "payment_intent": "pi_stray", "metadata": {"order_number": super::number(&checkout)},
        }},
    });
    deliver(&app, &event).await.problem(409, "payment_unknown");
    app.advance(24 * 3600 - 1).await;
    deliver(&app, &event).await.problem(409, "payment_unknown");
    app.advance(1).await;
    deliver(&app, &event).await.expect(StatusCode::OK);
    assert_eq!(ada.read_order(&checkout).await["money_status"], "paid");
    assert_eq!(counts(&app, &checkout).await, Counts { succeeded: 1, ledger: 1, tasks: 1, events: 2, refunds: 0 });
    app.finish().await;
}
