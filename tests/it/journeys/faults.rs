//! The cloud around us fails: processor, table, queue, and a message that nobody understands.

use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::{Counts, RESEND_S, counts, fault};

/// The payment sessions that the processor has, from its own file.
fn sessions(folder: &Path) -> usize {
    let state = std::fs::read(folder.join("stripe.json")).expect("the processor's file");
    let state: Value = serde_json::from_slice(&state).expect("its state");
    state["sessions"].as_object().expect("sessions").len()
}

/// The processor fails in the way of `wrong` when a session is opened; the same key then gives one order with one
/// session.
async fn check_processor(wrong: Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    fault(&app, wrong).await;
    let refused = ada.checkout("one").await;
    refused.problem(503, "processor_unavailable");
    app.check().await;
    assert_eq!(super::available(&app, "PY").await, json!(1));
    let orders = ada.get("/api/v1/orders").await;
    assert_eq!(
        (orders["items"].as_array().map(Vec::len), &orders["items"][0]["status"]),
        (Some(1), &json!("pending_payment"))
    );

    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["order_number"], orders["items"][0]["number"]);
    assert_eq!(ada.checkout("two").await.expect(StatusCode::CREATED).json, checkout.json);
    assert_eq!(sessions(folder.path()), 1);
    assert_eq!(super::available(&app, "PY").await, json!(1));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_processor_that_fails_costs_a_503_and_no_second_order() {
    let wrong = json!({"target": "stripe", "status": 500, "times": 3, "operation": "POST /v1/checkout/sessions"});
    check_processor(wrong).await;
}

#[tokio::test]
async fn a_processor_that_does_not_answer_costs_a_503_and_no_second_order() {
    let wrong = json!({"target": "stripe", "timeout": true, "times": 3, "operation": "POST /v1/checkout/sessions"});
    check_processor(wrong).await;
}

#[tokio::test]
async fn a_session_whose_answer_is_lost_is_found_again_by_the_same_key() {
    let wrong = json!({"target": "stripe", "drop": true, "times": 3, "operation": "POST /v1/checkout/sessions"});
    check_processor(wrong).await;
}

#[tokio::test]
async fn one_failure_of_the_processor_is_not_even_seen() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    fault(&app, json!({"target": "stripe", "status": 502, "times": 2})).await;
    app.user("ada").order("PY").await;
    assert_eq!(app.cloud.faults.list(), []);
    app.finish().await;
}

#[tokio::test]
async fn a_processor_that_refuses_the_session_leaves_nothing_held() {
    let app = TestApp::start().await;
    // Less than the processor's least charge.
    app.sell("PY", "0.10", "USD", Some(1)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.checkout("one").await.problem(502, "processor_refused");
    assert_eq!(super::available(&app, "PY").await, json!(1));
    let orders = ada.get("/api/v1/orders").await;
    assert_eq!(orders["items"][0]["status"], "cancelled");
    assert_eq!(ada.get("/api/v1/basket").await["status"], "open");
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_not_given_up_while_its_session_cannot_be_ended() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    let old = ada.order("PY").await;
    ada.add("RS").await.expect(StatusCode::CREATED);
    fault(&app, json!({"target": "stripe", "status": 500, "times": 99})).await;
    ada.checkout("new").await.problem(503, "processor_unavailable");
    let cancel = format!("/api/v1/orders/{}/cancel", super::number(&old));
    ada.post(&cancel, &json!({})).await.problem(503, "processor_unavailable");
    assert_eq!(ada.read_order(&old).await["status"], "pending_payment");
    app.cloud.faults.clear(None);
    ada.checkout("new").await.expect(StatusCode::CREATED);
    assert_eq!(ada.read_order(&old).await["status"], "cancelled");
    app.finish().await;
}

#[tokio::test]
async fn transactions_that_collide_are_tried_again_until_they_succeed() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let conflict = json!({"target": "dynamodb", "status": 409, "times": 3, "operation": "TransactWriteItems"});
    ada.add("PY").await.expect(StatusCode::CREATED);
    fault(&app, conflict.clone()).await;
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(app.cloud.faults.list(), []);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    fault(&app, conflict).await;
    app.settle().await;
    assert_eq!(app.cloud.faults.list(), []);
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(counts(&app, &checkout).await, Counts { succeeded: 1, ledger: 1, tasks: 1, events: 2, refunds: 0 });
    app.finish().await;
}

#[tokio::test]
async fn a_table_that_fails_writes_all_of_a_checkout_or_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let basket = ada.add("PY").await.expect(StatusCode::CREATED);
    let down = json!({"target": "dynamodb", "status": 500, "times": 99, "operation": "TransactWriteItems"});
    fault(&app, down).await;
    ada.checkout("one").await.problem(503, "unavailable");
    app.cloud.faults.clear(None);
    assert_eq!(ada.get("/api/v1/basket").await.json, basket.json);
    assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    assert_eq!(super::available(&app, "PY").await, json!(1));
    app.check().await;
    ada.checkout("one").await.expect(StatusCode::CREATED);
    fault(&app, json!({"target": "dynamodb", "status": 500, "times": 99})).await;
    ada.get("/api/v1/basket").await.problem(503, "unavailable");
    app.finish().await;
}

#[tokio::test]
async fn a_checkout_whose_commits_answer_is_lost_is_found_by_the_same_key() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    fault(&app, json!({"target": "dynamodb", "drop": true, "operation": "TransactWriteItems"})).await;
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(super::available(&app, "PY").await, json!(0));
    assert_eq!(ada.get("/api/v1/orders").await["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(ada.checkout("one").await.expect(StatusCode::CREATED).json, checkout.json);
    app.finish().await;
}

#[tokio::test]
async fn a_webhook_that_cannot_be_committed_is_not_acknowledged_and_comes_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let event = super::captured("evt_1", &checkout, 4_990, "usd");
    fault(&app, json!({"target": "dynamodb", "status": 500, "times": 99, "operation": "TransactWriteItems"})).await;
    super::deliver(&app, &event).await.problem(503, "unavailable");
    app.cloud.faults.clear(None);
    assert_eq!(counts(&app, &checkout).await, Counts::default());
    super::deliver(&app, &event).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_fail_the_webhook_and_is_made_up_for() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    fault(&app, json!({"target": "sqs", "status": 500, "times": 99, "operation": "SendMessage"})).await;
    let event = super::captured("evt_1", &checkout, 4_990, "usd");
    super::deliver(&app, &event).await.expect(StatusCode::OK);
    app.cloud.faults.clear(None);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("none")));
    app.check().await;
    app.advance(RESEND_S).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(app.enrolments("ada").await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_poison_message_ends_in_the_dead_letter_queue_and_the_good_ones_are_worked() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.cloud.trigger.send_raw("nonsense").await.expect("sent");
    // The first of five receptions, which the good message shares.
    app.cloud.step().await.expect("a step");
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    let dead = async || app.cloud.trigger.depth().await.expect("a depth").dead;
    for _ in 1..5 {
        assert_eq!(dead().await, 0);
        app.cloud.step().await.expect("a step");
    }
    app.settle().await;
    assert_eq!(dead().await, 1);
    app.finish_with_dead(1).await;
}
