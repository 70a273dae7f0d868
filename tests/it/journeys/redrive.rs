//! Lines that the learning platform refuses for good: parked for a human, and driven anew on request, one order at a
//! time.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// The waits between five refusals, rounded up: 30 s doubled.
const WAITS_S: [i64; 4] = [30, 60, 120, 240];

async fn line(learner: &Client, checkout: &Answer) -> Value {
    learner.read_order(checkout).await["lines"][0]["fulfillment"].clone()
}

fn redrive_of(checkout: &Answer) -> String {
    format!("/api/v1/orders/{}/fulfill", super::number(checkout))
}

#[tokio::test]
async fn five_refusals_park_a_line_with_its_reason() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let bob = app.user("missing-bob");
    let (checkout, _) = super::buy(&app, &bob, "PY").await;
    for wait in WAITS_S {
        assert_eq!(line(&bob, &checkout).await["state"], "retry_at");
        app.advance(wait).await;
    }
    let parked = json!({"state": "parked", "reason": "no_such_user", "next_attempt_at": null});
    assert_eq!(line(&bob, &checkout).await, parked);
    let order = bob.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("parked")));
    app.check().await;
    app.advance(24 * 3600).await;
    assert_eq!(super::happened(&app, &checkout, "fulfillment_refused").await, 4);
    assert_eq!(super::happened(&app, &checkout, "fulfillment_parked").await, 1);

    // A redrive while nothing is mended counts anew, and parks again.
    app.service().post(&redrive_of(&checkout), &json!({})).await.expect(StatusCode::ACCEPTED);
    app.settle().await;
    assert_eq!(line(&bob, &checkout).await["state"], "retry_at");
    app.advance(3600).await;
    for wait in WAITS_S {
        app.advance(wait).await;
    }
    assert_eq!(line(&bob, &checkout).await, parked);
    app.finish().await;
}

#[tokio::test]
async fn a_parked_line_is_driven_anew_by_the_fulfilment_permission_only() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    super::fault(&app, json!({"target": "lms", "status": 400, "times": 5, "operation": "/enrollment"})).await;
    let (checkout, _) = super::buy(&app, &ada, "PY").await;
    for wait in WAITS_S {
        app.advance(wait).await;
    }
    assert_eq!(
        (line(&ada, &checkout).await["reason"].as_str(), app.cloud.faults.list()),
        (Some("enrollment_refused"), vec![])
    );

    let path = redrive_of(&checkout);
    let nothing = json!({});
    ada.post(&path, &nothing).await.problem(403, "forbidden");
    app.staff().post(&path, &nothing).await.problem(403, "forbidden");
    app.anonymous().post(&path, &nothing).await.problem(401, "unauthorized");
    assert_eq!(line(&ada, &checkout).await["state"], "parked");

    let service = app.service();
    service.post(&path, &json!({"lines": ["NO"]})).await.problem(422, "invalid_fields");
    let answer = service.post(&path, &json!({"lines": ["PY"]})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(answer["lines"][0]["fulfillment"]["state"], "queued");
    app.settle().await;
    assert_eq!(line(&ada, &checkout).await["state"], "granted");
    service.post(&path, &nothing).await.problem(409, "already_fulfilled");
    service.post(&path, &json!({"lines": [1]})).await.problem(409, "already_fulfilled");
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::happened(&app, &checkout, "fulfillment_redriven").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_is_not_paid_is_not_driven() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    app.service().post(&redrive_of(&checkout), &json!({})).await.problem(409, "conflict");
    let unknown = "/api/v1/orders/ord_01m810rwd80000000000000007/fulfill";
    app.service().post(unknown, &json!({})).await.problem(404, "unknown_order");
    assert_eq!(app.enrolments("ada").await.len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_closed_course_and_a_blocked_learner_are_parked_each_with_its_own_reason() {
    let app = TestApp::start().await;
    for (run, reason) in [("closed", "enrollment_refused"), ("embargo", "forbidden")] {
        let price = json!({"amount": "9.00", "currency": "USD"});
        let course = json!({"title": run, "org": "Test", "seats": [{"sku": run, "mode": "verified", "price": price}]});
        app.staff().put(&format!("/api/v1/courses/course-v1:Test+X+{run}"), &course).await.expect(StatusCode::CREATED);
        let ada = app.user("ada");
        let (checkout, _) = super::buy(&app, &ada, run).await;
        for wait in WAITS_S {
            app.advance(wait).await;
        }
        assert_eq!(line(&ada, &checkout).await, json!({"state": "parked", "reason": reason, "next_attempt_at": null}));
    }
    app.finish().await;
}
