//! The janitor's own binary, woken by the schedule's sample event, and what it finds to do.
//!
//! The scene is set on a cloud whose clock is two hours late: what falls due there within minutes is due for the janitor,
//! which reads the machine's clock.

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use jiff::SignedDuration;
use local::cloud::TABLE;
use local::dev_keys::OTHER_TENANT;
use local::faults::{Fault, Target};
use local::lambda::InvokeError;
use local::trigger::Depth;
use serde_json::{Value, json};
use tests::deployment::{Deployment, invoke};
use tests::{Answer, TestApp};
use web::Clock;

const LATE: SignedDuration = SignedDuration::from_hours(2);

fn schedule() -> String {
    std::fs::read_to_string(format!("{}/../events/janitor/schedule.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A deployment that sells `PY`, on a cloud that is late.
async fn late() -> Deployment {
    let at = Clock::wall().now() - LATE;
    let deployment = Deployment::of(TestApp::start_by(Clock::fixed(at)).await);
    deployment.app.sell("PY", "49.90", "USD", Some(3)).await;
    deployment
}

/// Does what is left in the machine's time, and checks that nothing is.
async fn finish(deployment: Deployment) {
    deployment.app.cloud.faults.clear(None);
    deployment.app.advance_by(LATE).await;
    deployment.app.finish().await;
}

/// An order that is paid while the queue cannot be reached: its message is not sent.
async fn unsent(deployment: &Deployment, learner: &str) -> Answer {
    let learner = deployment.app.user(learner);
    let checkout = learner.order("PY").await;
    let down = Fault { status: Some(500), times: 10, ..Fault::of(Target::Sqs) };
    deployment.app.cloud.faults.add(down);
    learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    deployment.app.cloud.stripe.deliver().await;
    deployment.app.cloud.faults.clear(None);
    assert_eq!(learner.read_order(&checkout).await["status"], "paid");
    checkout
}

/// How many messages wait on the queue.
async fn waiting(deployment: &Deployment) -> u32 {
    let Depth { visible, in_flight, dead } = deployment.app.cloud.trigger.depth().await.unwrap();
    assert_eq!((in_flight, dead), (0, 0));
    visible
}

/// Wakes the janitor.
async fn wake(deployment: &Deployment) {
    let instance = deployment.start("janitor").await;
    assert_eq!(invoke(&instance, &schedule()).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn a_message_that_a_crash_left_unsent_is_sent_once() {
    let deployment = late().await;
    let checkout = unsent(&deployment, "ada").await;
    assert_eq!(waiting(&deployment).await, 0);
    for _ in 0..2 {
        wake(&deployment).await;
        assert_eq!(waiting(&deployment).await, 1);
    }
    let order = checkout["order_number"].clone();
    deployment.app.cloud.step().await.unwrap();
    assert_eq!(deployment.app.enrolments("ada").await.len(), 1, "{order}");
    finish(deployment).await;
}

#[tokio::test]
async fn a_line_whose_waiting_is_over_is_woken() {
    let deployment = late().await;
    let ada = deployment.app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let down = Fault { status: Some(503), times: 100, ..Fault::of(Target::Lms) };
    deployment.app.cloud.faults.add(down);
    deployment.app.cloud.step().await.unwrap();
    deployment.app.cloud.faults.clear(None);
    assert_eq!((waiting(&deployment).await, deployment.app.enrolments("ada").await.len()), (0, 0));
    wake(&deployment).await;
    assert_eq!(waiting(&deployment).await, 1);
    finish_enrolled(deployment, "ada").await;
}

async fn finish_enrolled(deployment: Deployment, learner: &str) {
    deployment.app.advance_by(LATE).await;
    assert_eq!(deployment.app.enrolments(learner).await.len(), 1);
    deployment.app.finish().await;
}

#[tokio::test]
async fn an_order_whose_time_to_pay_is_over_expires_once() {
    let deployment = late().await;
    let ada = deployment.app.user("ada");
    let checkout = ada.order("PY").await;
    for _ in 0..2 {
        wake(&deployment).await;
        let order = ada.read_order(&checkout).await;
        assert_eq!((&order["status"], &order["money_status"]), (&json!("expired"), &json!("unpaid")));
    }
    let timeline = ada.get(&format!("/api/v1/orders/{}/timeline", checkout["order_number"].as_str().unwrap())).await;
    assert_eq!(timeline.text.matches("order_expired").count(), 1, "{}", timeline.text);
    finish(deployment).await;
}

#[tokio::test]
async fn two_at_once_are_harmless() {
    let deployment = late().await;
    unsent(&deployment, "ada").await;
    let bob = deployment.app.user("bob").order("PY").await;
    tokio::join!(wake(&deployment), wake(&deployment));
    // Both may have sent the message: it is only a wake-up.
    assert!((1..=2).contains(&waiting(&deployment).await));
    assert_eq!(deployment.app.user("bob").read_order(&bob).await["status"], "expired");
    finish_enrolled(deployment, "ada").await;
}

#[tokio::test]
async fn a_school_whose_rows_cannot_be_read_keeps_no_other_waiting_and_is_an_error() {
    let deployment = late().await;
    unsent(&deployment, "ada").await;
    let s = |text: &str| AttributeValue::S(text.to_owned());
    let (pk, due) = (format!("T#{OTHER_TENANT}#ORDER#no_order"), format!("T#{OTHER_TENANT}#DUE#0"));
    let table = &deployment.app.cloud.dynamodb;
    let row = table.put_item().table_name(TABLE).item("pk", s(&pk)).item("sk", s("ORDER"));
    row.item("gsi2pk", s(&due)).item("gsi2sk", s("2026")).send().await.unwrap();
    let mut launch = deployment.launch("janitor");
    launch.variables.insert("BURSAR_TENANTS".to_owned(), format!("{OTHER_TENANT},default"));
    let instance = local::lambda::Instance::start(&launch).await.unwrap();
    let failed = invoke(&instance, &schedule()).await;
    assert!(matches!(failed, Err(InvokeError::Function(_))), "{failed:?}");
    assert_eq!(waiting(&deployment).await, 1);
    let log = instance.end().await;
    assert!(log.contains("due orders cannot be read") && log.contains(OTHER_TENANT), "{log}");
    table.delete_item().table_name(TABLE).key("pk", s(&pk)).key("sk", s("ORDER")).send().await.unwrap();
    finish_enrolled(deployment, "ada").await;
}
