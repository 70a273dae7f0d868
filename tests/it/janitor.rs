//! The janitor's own binary, woken by the schedule's sample event, and what it finds to do.
//!
//! The scene is set on a cloud whose clock is two hours late: what falls due there within minutes is due for the janitor,
//! which reads the machine's clock.

use std::cell::Cell;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use jiff::SignedDuration;
use local::cloud::TABLE;
use local::dev_keys::OTHER_TENANT;
use local::faults::{Fault, Target};
use local::lambda::{Instance, InvokeError};
use local::trigger::Depth;
use serde_json::{Value, json};
use store::SweepReport;
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
async fn a_batch_of_codes_is_made_to_its_end() {
    let deployment = late().await;
    let staff = deployment.app.staff();
    let offer = json!({"id": "fifth", "name": "A fifth", "benefit": {"type": "percent", "value": "20"}});
    staff.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
    let body = json!({"count": 1_000, "usage": "single_use", "offer": "fifth"});
    let keyed = staff.with("Idempotency-Key", "codes");
    let batch = keyed.post("/api/v1/vouchers/batches", &body).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&batch["state"], &batch["made"]), (&json!("running"), &json!(540)));
    for _ in 0..2 {
        wake(&deployment).await;
        let batch = staff.get(batch.header("location")).await.expect(StatusCode::OK);
        assert_eq!((&batch["state"], &batch["made"]), (&json!("done"), &json!(1_000)));
        deployment.app.check().await;
    }
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
    let mut launch = deployment.launch("janitor");
    launch.variables.insert("BURSAR_TENANTS".to_owned(), format!("{OTHER_TENANT},default"));
    launch.variables.insert(format!("BURSAR_TABLE__{}", OTHER_TENANT.to_uppercase()), "nowhere".to_owned());
    let instance = Instance::start(&launch).await.unwrap();
    let failed = invoke(&instance, &schedule()).await;
    assert!(matches!(failed, Err(InvokeError::Function(_))), "{failed:?}");
    assert_eq!(waiting(&deployment).await, 1);
    let log = instance.end().await;
    assert!(log.contains("due orders cannot be read") && log.contains(OTHER_TENANT), "{log}");
    finish_enrolled(deployment, "ada").await;
}

#[tokio::test]
async fn a_due_row_that_is_malformed_or_of_no_order_keeps_no_other_waiting_and_the_former_is_an_error() {
    let deployment = late().await;
    unsent(&deployment, "ada").await;
    let s = |text: &str| AttributeValue::S(text.to_owned());
    let table = &deployment.app.cloud.dynamodb;
    let astray = [("no_order", "2026"), ("ord_0", "2026-01-01T00:00:00.000Z#ord_01m810rwd80000000000000007#ORDER")];
    for (pk, due) in astray {
        let row = table.put_item().table_name(TABLE).item("pk", s(pk)).item("sk", s("ORDER"));
        row.item("gsi2pk", s("T#default#DUE#0")).item("gsi2sk", s(due)).send().await.unwrap();
    }
    let instance = deployment.start("janitor").await;
    let failed = invoke(&instance, &schedule()).await;
    assert!(matches!(failed, Err(InvokeError::Function(_))), "{failed:?}");
    assert_eq!(waiting(&deployment).await, 1);
    let log = lines(&instance.end().await);
    let said = |message: &str| log.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{log:?}"));
    assert_eq!(said("a due row cannot be read")["gsi2sk"], "2026");
    assert_eq!(said("due order not found")["order"], "ord_01m810rwd80000000000000007");
    let done = |line: &Value| [line["orders"].clone(), line["messages"].clone()];
    let swept: Vec<_> = log.iter().filter(|line| line["tenant"] == "default").map(done).collect();
    assert!(swept.contains(&[json!(1), json!(1)]), "{log:?}");
    for (pk, _) in astray {
        table.delete_item().table_name(TABLE).key("pk", s(pk)).key("sk", s("ORDER")).send().await.unwrap();
    }
    finish_enrolled(deployment, "ada").await;
}

#[tokio::test]
async fn a_run_that_is_out_of_time_says_what_it_left_and_how_long_that_waits() {
    let deployment = late().await;
    unsent(&deployment, "ada").await;
    let mut launch = deployment.launch("janitor");
    // No more than the function keeps back for the end.
    launch.timeout = Duration::from_secs(10);
    let instance = Instance::start(&launch).await.unwrap();
    assert_eq!(invoke(&instance, &schedule()).await.unwrap(), Value::Null);
    assert_eq!(waiting(&deployment).await, 0);
    let log = lines(&instance.end().await);
    let left = log.iter().find(|line| !line["left"].is_null()).unwrap_or_else(|| panic!("{log:?}"));
    assert_eq!((&left["level"], &left["tenant"], &left["left"]), (&json!("WARN"), &json!("default"), &json!(1)));
    let lag = log.iter().find_map(|line| line["DueLag"].as_u64()).unwrap_or_else(|| panic!("{log:?}"));
    assert!((7000..7200).contains(&lag), "{lag}");
    finish_enrolled(deployment, "ada").await;
}

#[tokio::test]
async fn a_sweep_works_what_waits_longest_until_its_time_is_over() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let first = ada.order("PY").await;
    app.cloud.clock.advance(SignedDuration::from_secs(60));
    // The later order is due first: its message is owed at once, and the other's time to pay is long.
    let second = bob.order("PY").await;
    bob.pay(&second, "succeed").await.expect(StatusCode::OK);
    app.cloud.stripe.deliver().await;
    app.cloud.trigger.purge().await.unwrap();
    app.cloud.clock.advance(LATE);
    let (janitor, now) = (app.cloud.janitor(), app.cloud.clock.now());
    let looks = Cell::new(0_u32);
    let one_order = || looks.replace(looks.get() + 1) == 1;
    let ids = janitor.entropy.ids(now);
    let report = store::sweep(&janitor.store, &janitor.queue, now, ids, one_order).await.unwrap();
    let SweepReport { orders, left, messages, expired, overdue, .. } = report;
    assert_eq!((orders, left, messages, expired), (1, 1, 1, 0));
    assert_eq!(overdue, LATE - SignedDuration::from_secs(30));
    assert_eq!(ada.read_order(&first).await["status"], "pending_payment");
    app.settle().await;
    assert_eq!(ada.read_order(&first).await["status"], "expired");
    assert_eq!(bob.read_order(&second).await["fulfillment_status"], "complete");
    app.finish().await;
}

/// The lines of a function's log.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
