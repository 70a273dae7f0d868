//! Nothing is left to do after an answer: Lambda freezes the process then, and may never thaw it.
//!
//! The process is ended as soon as its answer is there, before it asks for the next event. What it did by then is all: the
//! table, the queue, the platform and the log have everything that they have if it lives on. `tidy` sees to it that no
//! source of a function starts tasks or threads.

use http::StatusCode;
use local::dev_keys::WEBHOOK_SECRETS;
use local::stripe_sim::sign;
use serde_json::{Value, json};
use tests::deployment::{Deployment, call, invoke};

/// A payment of an order, as the processor tells the webhook of it.
fn payment(deployment: &Deployment, order: &str) -> String {
    let sample = include_str!("../../events/payment-webhook/payment_intent_succeeded.json");
    let now = deployment.app.cloud.clock.now();
    local::sample_events::renew(sample, &[("ord_01m810rwd80000000000000007", order)], now).unwrap()
}

async fn order(deployment: &Deployment) -> String {
    deployment.app.sell("PY", "49.90", "USD", None).await;
    let checkout = deployment.app.user("ada").order("PY").await;
    checkout["order_number"].as_str().unwrap().to_owned()
}

/// The calls of an event, and what it left behind, if the process ends with its answer or lives on.
async fn webhook(ends: bool) -> (Vec<String>, Value, u32, usize) {
    let deployment = Deployment::open().await;
    let order = order(&deployment).await;
    let instance = deployment.start("payment-webhook").await;
    let _of_the_start = deployment.app.cloud.endpoint.take_calls();
    assert_eq!(call(&instance, &payment(&deployment, &order)).await.status, 200);
    let log = if ends {
        instance.end().await
    } else {
        instance.idle().await;
        // Another event is worked before anything is looked at: there is time for what may be left of the first.
        assert_eq!(call(&instance, &refused(&deployment)).await.status, 400);
        instance.idle().await;
        instance.end().await
    };
    let calls = deployment.app.cloud.endpoint.take_calls();
    let read = deployment.app.user("ada").get(&format!("/api/v1/orders/{order}")).await.expect(StatusCode::OK);
    let sent = deployment.app.cloud.trigger.depth().await.unwrap().visible;
    let metrics = log.matches("\"OrdersPaid\"").count();
    deployment.app.finish().await;
    (calls, json!([read["status"], read["money_status"], read["fulfillment_status"]]), sent, metrics)
}

/// An event that is refused before anything is called.
fn refused(deployment: &Deployment) -> String {
    let mut event: Value = serde_json::from_str(&payment(deployment, "ord_x")).unwrap();
    let body = event["body"].as_str().unwrap().as_bytes();
    let signature =
        sign(&[format!("{}_forged", WEBHOOK_SECRETS[0])], deployment.app.cloud.clock.now().as_second(), body);
    event["headers"]["stripe-signature"] = json!(signature);
    event.to_string()
}

#[tokio::test]
async fn a_webhook_that_was_answered_left_nothing_undone() {
    let (lived, ended) = (webhook(false).await, webhook(true).await);
    assert_eq!(ended, lived);
    let (calls, order, sent, metrics) = ended;
    assert_eq!(order, json!(["paid", "paid", "none"]));
    assert_eq!((sent, metrics > 0), (1, true));
    assert_eq!(calls, ["dynamodb Query", "dynamodb TransactWriteItems", "sqs SendMessage"]);
}

#[tokio::test]
async fn a_message_that_was_acknowledged_left_nothing_undone() {
    let deployment = Deployment::open().await;
    let order = order(&deployment).await;
    let webhook = deployment.start("payment-webhook").await;
    call(&webhook, &payment(&deployment, &order)).await;
    webhook.end().await;
    let sample = include_str!("../../events/fulfillment/fulfil_order.json");
    let instance = deployment.start("fulfillment").await;
    let event = sample.replace("ord_01m810rwd80000000000000007", &order);
    assert_eq!(invoke(&instance, &event).await.unwrap(), json!({"batchItemFailures": []}));
    let log = instance.end().await;
    assert_eq!(deployment.app.enrolments("ada").await.len(), 1);
    let read = deployment.app.user("ada").get(&format!("/api/v1/orders/{order}")).await.expect(StatusCode::OK);
    assert_eq!(read["fulfillment_status"], "complete", "{log}");
    assert!(log.contains("\"FulfillmentLag\""), "{log}");
    deployment.app.finish().await;
}
