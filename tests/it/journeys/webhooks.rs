//! Webhooks: before and after the browser's return, twice, fifty times at once, forged, and saying something else than
//! the order (I1, I8).

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::{Counts, captured, counts, deliver};

#[tokio::test]
async fn an_order_waits_until_the_webhook_arrives_after_the_browsers_return() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let back = format!("https://shop.example/orders/{}", super::number(&checkout));
    assert_eq!(paid["redirect_url"], back);
    // The browser is back; the webhook is not here yet.
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("pending_payment"), &json!("none")));
    assert_eq!(ada.checkout("again").await.expect(StatusCode::CREATED)["order_number"], checkout["order_number"]);
    app.check().await;

    assert_eq!(app.cloud.stripe.pending(), 3);
    app.cloud.stripe.deliver().await;
    // Paid, access on its way: nobody has worked the queue yet.
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["money_status"]), (&json!("paid"), &json!("paid")));
    assert_eq!(order["lines"][0]["fulfillment"], json!({"state": "queued", "reason": null, "next_attempt_at": null}));
    assert_eq!(app.enrolments("ada").await, [] as [Value; 0]);
    app.check().await;
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["lines"][0]["fulfillment"]["state"], "granted");
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_paid_and_granted_before_the_browser_is_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    // Both of the processor's events speak of the same payment, and it is counted once.
    assert_eq!(counts(&app, &checkout).await, Counts { succeeded: 1, ledger: 1, tasks: 1, events: 2, refunds: 0 });
    app.finish().await;
}

/// The processor's own event of a type, newest first.
async fn event_of(app: &TestApp, kind: &str) -> Value {
    super::stripe_get(app, &format!("events?type={kind}")).await["data"][0].clone()
}

/// Delivers an event `times` times at once; every answer.
async fn deliver_at_once(app: &TestApp, event: &Value, times: usize) -> Vec<Answer> {
    let secrets = local::dev_keys::WEBHOOK_SECRETS.map(str::to_owned);
    let body = event.to_string();
    let signature = local::stripe_sim::sign(&secrets, app.cloud.clock.now().as_second(), body.as_bytes());
    let client: Client = app.anonymous().with("stripe-signature", &signature);
    let mut under_way = JoinSet::new();
    for _ in 0..times {
        let (client, body) = (client.clone(), body.clone());
        under_way.spawn(async move {
            client.send(client.request(reqwest::Method::POST, "/webhooks/default/stripe").body(body)).await
        });
    }
    under_way.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_delivered_fifty_times_at_once_is_applied_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(5)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let event = event_of(&app, "checkout.session.completed").await;
    let answers = deliver_at_once(&app, &event, 50).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 50);
    assert_eq!(counts(&app, &checkout).await, Counts { succeeded: 1, ledger: 1, tasks: 1, events: 1, refunds: 0 });
    assert_eq!(super::happened(&app, &checkout, "order_paid").await, 1);
    assert_eq!(app.cloud.trigger.depth().await.expect("a depth").visible, 1);
    app.check().await;
    app.settle().await;
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::available(&app, "PY").await, json!(4));
    app.finish().await;
}

#[tokio::test]
async fn doubled_and_reordered_deliveries_change_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "decline").await.expect(StatusCode::OK);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    super::fault(&app, json!({"target": "stripe", "duplicate": true, "reorder": true, "times": 9})).await;
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["payments"][0]["state"]), (&json!("paid"), &json!("succeeded")));
    assert_eq!(counts(&app, &checkout).await, Counts { succeeded: 1, ledger: 1, tasks: 1, events: 3, refunds: 0 });
    app.finish().await;
}

/// Delivers an event that does not say what the order says: it is kept, and pays nothing.
async fn check_mismatch(units: i64, currency: &str) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let event = captured("evt_mismatch", &checkout, units, currency);
    deliver(&app, &event).await.expect(StatusCode::OK);
    deliver(&app, &event).await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("pending_payment"), &json!("none")));
    assert_eq!(order["refunds"], json!([]));
    assert_eq!(super::happened(&app, &checkout, "amount_mismatch").await, 1);
    assert_eq!(counts(&app, &checkout).await.ledger, 1);
    assert_eq!(app.enrolments("ada").await, [] as [Value; 0]);
    app.check().await;
    // The real payment is taken all the same.
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn another_amount_than_the_orders_pays_nothing_and_is_kept_for_staff() {
    check_mismatch(4_989, "usd").await;
}

#[tokio::test]
async fn another_currency_than_the_orders_pays_nothing_and_is_kept_for_staff() {
    check_mismatch(4_990, "eur").await;
}

#[tokio::test]
async fn an_amount_that_cannot_be_read_pays_nothing_and_is_kept_for_staff() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    deliver(&app, &captured("evt_isk", &checkout, 4_990, "isk")).await.expect(StatusCode::OK);
    assert_eq!(ada.read_order(&checkout).await["status"], "pending_payment");
    assert_eq!(super::happened(&app, &checkout, "payment_amount_unreadable").await, 1);
    assert_eq!(counts(&app, &checkout).await, Counts { events: 1, ..Counts::default() });
    app.finish().await;
}

#[tokio::test]
async fn only_staff_sees_the_processors_words_in_a_timeline() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    deliver(&app, &captured("evt_less", &checkout, 1, "usd")).await.expect(StatusCode::OK);
    let path = format!("/api/v1/orders/{}/timeline", super::number(&checkout));
    let of = |answer: &Answer| {
        let items = answer["items"].as_array().expect("items").clone();
        items.into_iter().find(|item| item["event"] == "amount_mismatch").expect("the event")
    };
    assert_eq!(of(&ada.get(&path).await).get("detail"), None);
    assert_eq!(of(&app.staff().get(&path).await)["detail"], "payment_intent.succeeded evt_less");
    app.user("eve").get(&path).await.problem(404, "unknown_order");
    app.finish().await;
}

#[tokio::test]
async fn an_event_without_a_good_signature_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let event = captured("evt_forged", &checkout, 4_990, "usd");
    let body = event.to_string();
    let now = app.cloud.clock.now().as_second();
    let good = local::dev_keys::WEBHOOK_SECRETS.map(str::to_owned);
    let forged = local::stripe_sim::sign(&["whsec_guess".to_owned()], now, body.as_bytes());
    let old = local::stripe_sim::sign(&good, now - 301, body.as_bytes());
    let early = local::stripe_sim::sign(&good, now + 301, body.as_bytes());
    let other = local::stripe_sim::sign(&good, now, b"{}");
    for signature in [forged, old, early, other, "t=,v1=".to_owned()] {
        let client = app.anonymous().with("stripe-signature", &signature);
        let request = client.request(reqwest::Method::POST, "/webhooks/default/stripe").body(body.clone());
        client.send(request).await.problem(400, "bad_webhook");
    }
    app.anonymous().post("/webhooks/default/stripe", &event).await.problem(400, "bad_webhook");
    app.anonymous().post("/webhooks/other/stripe", &event).await.problem(404, "not_found");
    app.anonymous().post("/webhooks/default/paypal", &event).await.problem(404, "not_found");
    assert_eq!(counts(&app, &checkout).await, Counts::default());
    let by_the_old_secret = local::stripe_sim::sign(&good[1..], now, body.as_bytes());
    let client = app.anonymous().with("stripe-signature", &by_the_old_secret);
    let request = client.request(reqwest::Method::POST, "/webhooks/default/stripe").body(body);
    client.send(request).await.expect(StatusCode::OK);
    assert_eq!(ada.read_order(&checkout).await["status"], "paid");
    app.finish().await;
}
