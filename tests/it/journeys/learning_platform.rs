//! The learning platform fails: for a while, for long, and for good (I3: paid is never silent).

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// A paid order of the product `PY`, not fulfilled yet.
async fn paid(learner: &Client) -> Answer {
    let checkout = learner.order("PY").await;
    learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    checkout
}

/// State and reason of the only line.
async fn line(learner: &Client, checkout: &Answer) -> (Value, Value) {
    let order = learner.read_order(checkout).await;
    assert_eq!(order["status"], "paid");
    let fulfillment = &order["lines"][0]["fulfillment"];
    (fulfillment["state"].clone(), fulfillment["reason"].clone())
}

/// Two tries fail in the way of `fault`; the third, by the clock alone, grants once.
async fn check(fault: Value, reason: &str) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    // The token of the course's publication is used up, so that fulfilment needs one of its own.
    app.advance(2 * 3600).await;
    let ada = app.user("ada");
    super::fault(&app, fault).await;
    let checkout = paid(&ada).await;
    app.settle().await;
    assert_eq!(line(&ada, &checkout).await, (json!("retry_at"), json!(reason)));
    let order = ada.read_order(&checkout).await;
    let due: jiff::Timestamp =
        order["lines"][0]["fulfillment"]["next_attempt_at"].as_str().expect("a moment").parse().expect("a moment");
    let wait = due.duration_since(app.cloud.clock.now()).as_secs();
    assert!((22..=30).contains(&wait), "{wait}");
    app.check().await;
    // Before it is due, nothing is tried.
    app.advance(wait - 1).await;
    assert_eq!(ada.read_order(&checkout).await.json, order.json);
    app.advance(1).await;
    assert_eq!(line(&ada, &checkout).await, (json!("retry_at"), json!(reason)));
    app.cloud.faults.clear(None);
    app.advance(60).await;
    assert_eq!(line(&ada, &checkout).await, (json!("granted"), Value::Null));
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::happened(&app, &checkout, "enrolled").await, 1);
    assert_eq!(super::happened(&app, &checkout, "fulfillment_delayed").await, 2);
    app.finish().await;
}

#[tokio::test]
async fn errors_of_the_platform_are_waited_out() {
    check(json!({"target": "lms", "status": 500, "times": 99}), "lms_unavailable").await;
    check(json!({"target": "lms", "status": 502, "times": 99, "operation": "/enrollment"}), "lms_unavailable").await;
}

#[tokio::test]
async fn throttling_by_the_platform_is_waited_out() {
    check(json!({"target": "lms", "status": 429, "times": 99, "operation": "/enrollment"}), "lms_rate_limited").await;
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_waited_out() {
    check(json!({"target": "lms", "timeout": true, "times": 99, "operation": "/enrollment"}), "lms_unavailable").await;
}

#[tokio::test]
async fn an_enrolment_whose_answer_is_lost_is_made_once() {
    check(json!({"target": "lms", "drop": true, "times": 99, "operation": "/enrollment"}), "lms_unavailable").await;
}

#[tokio::test]
async fn a_platform_that_gives_no_token_is_waited_out() {
    check(json!({"target": "lms", "status": 401, "times": 99, "operation": "/oauth2"}), "lms_token").await;
    check(json!({"target": "lms", "status": 401, "times": 99, "operation": "/enrollment"}), "lms_token").await;
}

#[tokio::test]
async fn a_token_that_was_refused_once_is_renewed_in_the_same_try() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    super::fault(&app, json!({"target": "lms", "status": 401, "operation": "/enrollment"})).await;
    let checkout = paid(&ada).await;
    app.settle().await;
    assert_eq!(line(&ada, &checkout).await, (json!("granted"), Value::Null));
    assert_eq!(super::happened(&app, &checkout, "fulfillment_delayed").await, 0);
    app.finish().await;
}

#[tokio::test]
async fn a_week_of_faults_loses_no_line_and_then_parks_it() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = paid(&ada).await;
    super::fault(&app, json!({"target": "lms", "status": 503, "times": 999, "operation": "/enrollment"})).await;
    app.settle().await;
    for six_hours in 1..28 {
        app.advance(6 * 3600).await;
        assert_eq!(line(&ada, &checkout).await.0, "retry_at", "after {six_hours} times six hours");
        app.check().await;
    }
    assert_eq!(super::happened(&app, &checkout, "fulfillment_parked").await, 0);
    app.advance(12 * 3600).await;
    assert_eq!(line(&ada, &checkout).await, (json!("parked"), json!("lms_unavailable")));
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "parked");
    app.check().await;
    let tries = super::happened(&app, &checkout, "fulfillment_delayed").await;
    app.advance(24 * 3600).await;
    assert_eq!(super::happened(&app, &checkout, "fulfillment_delayed").await, tries);

    app.cloud.faults.clear(None);
    let redrive = format!("/api/v1/orders/{}/fulfill", super::number(&checkout));
    app.service().post(&redrive, &json!({})).await.expect(StatusCode::ACCEPTED);
    app.settle().await;
    assert_eq!(line(&ada, &checkout).await, (json!("granted"), Value::Null));
    app.finish().await;
}

#[tokio::test]
async fn one_line_that_fails_does_not_hold_up_the_other() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("RS", "10.00", "USD", None).await;
    let ada = app.user("ada");
    ada.add("RS").await.expect(StatusCode::CREATED);
    let checkout = paid(&ada).await;
    super::fault(&app, json!({"target": "lms", "status": 500, "operation": "/enrollment"})).await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    let states = [0, 1].map(|i| order["lines"][i]["fulfillment"]["state"].clone());
    assert_eq!((states, &order["fulfillment_status"]), ([json!("retry_at"), json!("granted")], &json!("partial")));
    app.advance(30).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_free_mode_does_not_take_a_better_one_away() {
    let app = TestApp::start().await;
    let key = "course-v1:Test+BOTH+1";
    let seat = |sku: &str, mode: &str, amount: &str| serde_json::json!({"sku": sku, "mode": mode, "price": {"amount": amount, "currency": "USD"}});
    let seats = [seat("PAID", "verified", "20"), seat("FREE", "audit", "0")];
    let course = serde_json::json!({"title": "Both", "org": "Test", "seats": seats});
    app.staff().put(&format!("/api/v1/courses/{key}"), &course).await.expect(StatusCode::CREATED);
    let ada = app.user("ada");
    let paid = ada.order("PAID").await;
    ada.pay(&paid, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let free = ada.order("FREE").await;
    app.settle().await;
    assert_eq!(ada.read_order(&free).await["fulfillment_status"], "complete");
    let enrolments = app.enrolments("ada").await;
    assert_eq!((enrolments.len(), &enrolments[0]["mode"]), (1, &"verified".into()));
    app.finish().await;
}
