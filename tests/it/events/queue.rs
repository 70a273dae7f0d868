//! Messages, as the event source mapping hands them to fulfilment, and the schedule that wakes the janitor.

use fulfillment::MARGIN;
use http::StatusCode;
use local::lambda::{Instance, InvokeError};
use serde_json::{Value, json};
use tests::deployment::{Deployment, invoke};

use super::{ORDER, REFUND, Sample, order_of, paid_order_of, samples, shop};
use crate::journeys::pay_aside;

/// The second order that a sample names.
const SECOND: &str = "ord_01m810rwd8000000000000000b";

/// The ids of the messages of a batch.
fn ids(sample: &Sample) -> Vec<String> {
    let event = sample.json();
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| record["messageId"].as_str().unwrap().to_owned()).collect()
}

/// The messages that the function leaves to the queue.
async fn left(deployment: &Deployment, event: &str) -> Vec<String> {
    let instance = deployment.start("fulfillment").await;
    let response = invoke(&instance, event).await.unwrap();
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

fn sample(name: &str) -> Sample {
    samples("fulfillment").into_iter().find(|sample| sample.name == name).unwrap()
}

#[tokio::test]
async fn a_message_grants_the_places_of_an_order() {
    let deployment = shop().await;
    let order = paid_order_of(&deployment, "ada").await;
    let sample = sample("fulfil_order.json");
    for _ in 0..2 {
        let event = sample.renewed(&deployment, &[(ORDER, &order)]);
        assert_eq!(left(&deployment, &event).await, Vec::<String>::new());
        assert_eq!(deployment.app.enrolments("ada").await.len(), 1);
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_batch_of_poison_is_an_error_of_the_invocation() {
    let deployment = shop().await;
    let instance = deployment.start("fulfillment").await;
    for _ in 0..2 {
        let failed = invoke(&instance, &sample("poison.json").renewed(&deployment, &[])).await;
        let Err(InvokeError::Function(report)) = failed else { panic!("{failed:?}") };
        assert_eq!(report.error_message, "no message of the batch was worked");
    }
    let log = instance.end().await;
    assert_eq!(log.matches("message not worked").count(), 2, "{log}");
    deployment.app.finish().await;
}

#[tokio::test]
async fn nothing_is_begun_shortly_before_the_deadline() {
    let deployment = shop().await;
    let order = paid_order_of(&deployment, "ada").await;
    let mut launch = deployment.launch("fulfillment");
    launch.timeout = MARGIN.unsigned_abs();
    let instance = Instance::start(&launch).await.unwrap();
    let failed = invoke(&instance, &sample("fulfil_order.json").renewed(&deployment, &[(ORDER, &order)])).await;
    assert!(matches!(failed, Err(InvokeError::Function(_))), "{failed:?}");
    let log = instance.end().await;
    assert!(log.contains("out of time") && !log.contains("line worked"), "{log}");
    assert_eq!(deployment.app.enrolments("ada").await.len(), 0);
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_poison_message_among_good_ones_is_left_alone() {
    let deployment = shop().await;
    let (first, second) = (paid_order_of(&deployment, "ada").await, paid_order_of(&deployment, "bob").await);
    let sample = sample("poison_among_good.json");
    let event = sample.renewed(&deployment, &[(ORDER, &first), (SECOND, &second)]);
    // One that is cut off, and one of a school that is not here.
    assert_eq!(left(&deployment, &event).await, [&ids(&sample)[1..2], &ids(&sample)[3..]].concat());
    for learner in ["ada", "bob"] {
        assert_eq!(deployment.app.enrolments(learner).await.len(), 1, "{learner}");
    }
    deployment.app.finish().await;
}

#[tokio::test]
async fn a_message_asks_the_processor_for_a_refund() {
    let deployment = shop().await;
    let ada = deployment.app.user("ada");
    let checkout = ada.order("rust-101-verified").await;
    let order = checkout["order_number"].as_str().unwrap().to_owned();
    ada.post(&format!("/api/v1/orders/{order}/cancel"), &json!({})).await.expect(StatusCode::OK);
    pay_aside(&deployment.app, &checkout, "4990").await;
    deployment.app.cloud.stripe.deliver().await;
    let before = ada.read_order(&checkout).await;
    let refund = before["refunds"][0]["id"].as_str().unwrap_or_else(|| panic!("{}", before.text)).to_owned();
    assert_ne!(before["refunds"][0]["state"], "succeeded");
    let event = sample("submit_refund.json").renewed(&deployment, &[(ORDER, &order), (REFUND, &refund)]);
    assert_eq!(left(&deployment, &event).await, Vec::<String>::new());
    let after = ada.read_order(&checkout).await;
    assert_eq!(after["refunds"][0]["state"], "succeeded", "{}", after.text);
    deployment.app.finish().await;
}

#[tokio::test]
async fn the_schedule_is_answered() {
    let deployment = shop().await;
    order_of(&deployment, "ada").await;
    let instance = deployment.start("janitor").await;
    for sample in samples("janitor") {
        assert_eq!(invoke(&instance, &sample.text).await.unwrap(), Value::Null, "{}", sample.name);
    }
    drop(instance);
    deployment.app.finish().await;
}
