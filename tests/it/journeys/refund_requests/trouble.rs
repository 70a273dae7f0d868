//! Refunds that meet something else on their way: a platform or a processor that is down, a kill, another order, the
//! dashboard.

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::{DAY_S, ask, decide, is_active, so, stands, usd};
use crate::journeys::bundles::bundle;
use crate::journeys::{self, RESEND_S, buy, given_back, lms_is_down, stripe_post};

#[tokio::test]
async fn a_refund_before_the_place_was_granted_grants_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    lms_is_down(&app);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    app.check().await;
    app.cloud.faults.clear(None);
    app.advance(DAY_S).await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    assert!(!is_active(&app, "ada").await.contains(&true));
    app.finish().await;
}

#[tokio::test]
async fn a_bundle_that_is_half_granted_is_refunded_whole() {
    let app = TestApp::start().await;
    for sku in ["PY", "GO"] {
        app.sell(sku, "49.90", "USD", None).await;
    }
    bundle(&app, "BOTH", "80.00", &["PY", "GO"]).await;
    let down = json!({"target": "lms", "status": 503, "operation": "POST /api/enrollment"});
    journeys::fault(&app, down).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "BOTH").await;
    assert_eq!(is_active(&app, "ada").await, [true], "one waits");
    ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    app.check().await;
    app.advance(DAY_S).await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    assert_eq!(given_back(&app, &payment).await, [8_000]);
    assert!(!is_active(&app, "ada").await.contains(&true));
    ada.add("PY").await.expect(StatusCode::CREATED);
    app.finish().await;
}

/// Another product that gives the same place at the platform.
async fn sell_the_same(app: &TestApp, sku: &str, course: &str) {
    let seat = json!({
        "sku": sku, "kind": "seat", "title": "The same", "course_key": course, "mode": "verified", "published": true,
        "stock": [{"price": usd("20.00")}],
    });
    app.staff().post("/api/v1/products", &seat).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn of_two_orders_for_the_same_course_the_place_goes_with_the_last() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_the_same(&app, "PY-2", "course-v1:Test+PY+1").await;
    let ada = app.user("ada");
    let (first, _) = buy(&app, &ada, "PY").await;
    let (second, _) = buy(&app, &ada, "PY-2").await;
    assert_eq!(is_active(&app, "ada").await, [true]);
    ask(&app.staff(), &first, "one", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &first).await, so("refunded", "revoked", &["succeeded"]));
    assert_eq!(is_active(&app, "ada").await, [true], "the second order pays for it");
    ask(&app.staff(), &second, "two", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &second).await, so("refunded", "revoked", &["succeeded"]));
    assert_eq!(is_active(&app, "ada").await, [false]);
    app.finish().await;
}

#[tokio::test]
async fn a_request_whose_money_went_back_in_the_dashboard_can_only_be_denied() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let asked = ask(&ada, &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    let form = [("payment_intent", payment.as_str()), ("amount", "990")];
    stripe_post(&app, "refunds", &form).await.expect(StatusCode::OK);
    app.settle().await;
    decide(&app, &asked, "approve", json!({})).await.problem(409, "nothing_to_refund");
    app.check().await;
    decide(&app, &asked, "deny", json!({})).await.expect(StatusCode::OK);
    let rest = ask(&app.staff(), &checkout, "rest", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(rest["amount"], usd("40.00"));
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["denied", "succeeded"]));
    app.finish().await;
}

/// The processor misbehaves when it is asked; the money goes back once, and the place with it.
async fn check_fault(fault: Value) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let part = json!({"amount": usd("20.00")});
    ask(&app.staff(), &checkout, "part", part).await.expect(StatusCode::CREATED);
    journeys::fault(&app, fault).await;
    app.settle().await;
    app.check().await;
    app.cloud.faults.clear(None);
    app.advance(3600).await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "complete", &["succeeded"]));
    assert_eq!(given_back(&app, &payment).await, [2_000]);
    app.finish().await;
}

#[tokio::test]
async fn a_part_whose_answer_was_lost_is_asked_for_again_with_the_same_key() {
    check_fault(json!({"target": "stripe", "drop": true, "times": 3, "operation": "POST /v1/refunds"})).await;
    check_fault(json!({"target": "stripe", "timeout": true, "times": 3, "operation": "POST /v1/refunds"})).await;
    check_fault(json!({"target": "stripe", "status": 500, "times": 3, "operation": "POST /v1/refunds"})).await;
}

#[tokio::test]
async fn a_kill_before_the_processor_is_asked_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::start_in(folder.path()).await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    // The message is only in the queue's memory.
    app.kill();

    let app = TestApp::start_in(folder.path()).await;
    let ada = app.user("ada");
    assert_eq!(stands(&ada, &checkout).await, so("paid", "complete", &["approved"]));
    app.advance(RESEND_S).await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    assert_eq!((given_back(&app, &payment).await, is_active(&app, "ada").await), (vec![4_990], vec![false]));
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_fails_later_is_put_back_and_can_be_made_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    fail(&app, &payment).await;
    assert_eq!(stands(&ada, &checkout).await, so("paid", "revoked", &["failed"]));
    app.check().await;
    // Staff are told once; what was said before comes late, and says nothing new.
    assert_eq!(journeys::happened(&app, &checkout, "refund_failed").await, 1);
    let again = ask(&app.staff(), &checkout, "two", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(again["amount"], usd("49.90"));
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["failed", "succeeded"]));
    app.finish().await;
}

#[tokio::test]
async fn a_refund_of_the_dashboard_that_fails_later_is_put_back_too() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let form = [("payment_intent", payment.as_str()), ("amount", "2000")];
    stripe_post(&app, "refunds", &form).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "complete", &[]));
    fail(&app, &payment).await;
    assert_eq!(stands(&ada, &checkout).await, so("paid", "complete", &[]));
    app.check().await;
    app.advance(60).await;
    stripe_post(&app, "refunds", &form).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "complete", &[]));
    ask(&app.staff(), &checkout, "rest", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    app.finish().await;
}

/// The newest refund of a payment fails at the learner's bank, a minute later.
async fn fail(app: &TestApp, payment: &str) {
    app.advance(60).await;
    let list = journeys::stripe_get(app, &format!("refunds?payment_intent={payment}")).await;
    let path = format!("/_local/stripe/_refund_fails/{}", list["data"][0]["id"].as_str().expect("an id"));
    app.anonymous().post(&path, &json!({})).await.expect(StatusCode::OK);
    app.settle().await;
}
