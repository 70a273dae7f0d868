//! What a purchase leaves behind for those who watch: metrics, lines that join, and one trace through the queue.

mod collector;
mod traces;

use std::sync::{Arc, Mutex, OnceLock};

use http::StatusCode;
use local::faults::{Fault, Target};
use serde_json::{Value, json};
use tests::{Answer, TestApp};
use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};
use web::telemetry::{Output, Telemetry};
use web::{Env, metrics};

use super::{SESSION_OVER_S, buy, captured, deliver, lms_is_down, number, pay_aside};

/// Whoever buys: a name that no id in hexadecimal contains.
const LEARNER: &str = "lovelace";

/// Everything that is written while a test runs, as on a stage named `test`.
struct Watched {
    buffer: Arc<Mutex<Vec<u8>>>,
    _listening: DefaultGuard,
}

impl Watched {
    fn start() -> Self {
        Self::under(&Env::of([("BURSAR_STAGE", "test")]))
    }

    fn under(env: &Env) -> Self {
        // With a single dispatcher in the process, `tracing` would ask the wrong one when another test's thread comes first.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Telemetry::of(env).to(Output::buffer(&Arc::default())).dispatch());
        let buffer = Arc::default();
        let telemetry = Telemetry::of(env).to(Output::buffer(&buffer));
        let listening = set_default(&telemetry.dispatch());
        Telemetry::configure(env).expect("telemetry's settings");
        Self { buffer, _listening: listening }
    }

    /// What was written since the last call.
    fn lines(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.buffer.lock().expect("a buffer"));
        let text = String::from_utf8(bytes).expect("text");
        // None of it is about a person.
        assert!(!text.contains(LEARNER) && !text.contains("JWT "), "{text}");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The log lines since the last call.
    fn log(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["_aws"].is_null()).collect()
    }

    /// The metrics since the last call, each as `Name dimension value`, in the order in which they were written.
    fn metrics(&self) -> Vec<String> {
        let documents = self.lines().into_iter().filter(|line| !line["_aws"].is_null());
        documents.flat_map(|document| shown(&document)).filter(|metric| metric != "DueLag 0").collect()
    }
}

/// The metrics of a document, each as `Name dimension value`, if it says of itself what they are.
fn shown(document: &Value) -> Vec<String> {
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().expect("a list");
    directives.iter().map(|directive| shown_by(directive, document)).collect()
}

fn shown_by(directive: &Value, document: &Value) -> String {
    let metric = &directive["Metrics"][0];
    let name = metric["Name"].as_str().expect("a name");
    let known = metrics::ALL.into_iter().find(|known| known.name == name).expect("a known metric");
    let dimensions: Vec<_> = std::iter::once("Stage").chain(known.dimension).collect();
    assert_eq!((&metric["Unit"], &directive["Dimensions"]), (&json!(known.unit), &json!([dimensions])), "{document}");
    assert_eq!((&directive["Namespace"], &document["Stage"]), (&json!("Bursar"), &json!("test")), "{document}");
    assert!(document[name].is_number(), "{document}");
    let member = known.dimension.map_or("", |dimension| document[dimension].as_str().expect("a member"));
    [name, member, &document[name].to_string()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The lines with this message.
fn said(lines: &[Value], message: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["message"] == message).cloned().collect()
}

#[tokio::test]
async fn a_purchase_is_counted_once_however_often_it_is_told() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user(LEARNER);
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), [] as [&str; 0]);
    app.cloud.stripe.deliver().await;
    // The first of the processor's events pays, the second confirms it, and the third says nothing that concerns us.
    let told = watched.metrics();
    let paid = ["OrdersPaid 1", "Revenue USD 49.9", "WebhookEvents applied 1", "WebhookEvents applied 1"];
    assert_eq!(told.iter().filter(|metric| !metric.contains("irrelevant")).collect::<Vec<_>>(), paid);

    let event = super::stripe_get(&app, "events?type=checkout.session.completed").await["data"][0].clone();
    deliver(&app, &event).await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), ["WebhookEvents duplicate 1"]);
    app.cloud.clock.advance(jiff::SignedDuration::from_millis(1_250));
    app.settle().await;
    assert_eq!(watched.metrics(), ["FulfillmentLag 1250"]);
    app.finish().await;
}

#[tokio::test]
async fn a_free_course_is_an_order_without_revenue() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("FREE", "0.00", "EUR", Some(1)).await;
    let (ada, bob) = (app.user(LEARNER), app.user("bob"));
    bob.add("FREE").await.expect(StatusCode::CREATED);
    ada.order("FREE").await;
    ada.checkout("key-FREE").await.expect(StatusCode::CREATED);
    assert_eq!(watched.metrics(), ["OrdersPaid 1", "Revenue EUR 0.0"]);
    bob.checkout("late").await.problem(409, "out_of_stock");
    assert_eq!(watched.metrics(), ["HoldConflicts 1"]);
    app.finish().await;
}

#[tokio::test]
async fn an_expired_order_is_counted_as_such_and_as_paid_when_the_money_comes_after_all() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let checkout = app.user(LEARNER).order("PY").await;
    app.advance(SESSION_OVER_S).await;
    let expired = watched.metrics();
    assert_eq!(expired.iter().filter(|metric| *metric == "OrdersExpired 1").count(), 1, "{expired:?}");
    deliver(&app, &captured("evt_late", &checkout, 4_990, "usd")).await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), ["OrdersPaid 1", "Revenue USD 49.9", "WebhookEvents applied 1"]);
    app.finish().await;
}

#[tokio::test]
async fn money_that_fits_no_order_is_counted_apart() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let (ada, bob) = (app.user(LEARNER), app.user("bob"));
    let checkout = ada.order("PY").await;
    deliver(&app, &captured("evt_less", &checkout, 100, "usd")).await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), ["AmountMismatches 1", "WebhookEvents parked 1"]);

    let mut unknown = captured("evt_unknown", &checkout, 100, "usd");
    unknown["data"]["object"]["metadata"] = json!({});
    deliver(&app, &unknown).await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), ["WebhookEvents parked 1", "PaymentsUnmatched 1"]);

    app.anonymous().post("/webhooks/default/stripe", &unknown).await.problem(400, "bad_webhook");
    assert_eq!(watched.metrics(), ["WebhookEvents refused 1"]);

    let down = Fault { status: Some(500), times: 20, ..Fault::of(Target::Dynamodb) };
    app.cloud.faults.add(down);
    deliver(&app, &captured("evt_lost", &checkout, 100, "usd")).await.problem(503, "unavailable");
    app.cloud.faults.clear(None);
    assert_eq!(watched.metrics(), ["WebhookEvents failed 1"]);

    // The seat of an expired order is sold, and then its money comes.
    app.advance(SESSION_OVER_S).await;
    let theirs = bob.order("PY").await;
    bob.pay(&theirs, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    watched.metrics();
    pay_aside(&app, &checkout, "4990").await;
    app.cloud.stripe.deliver().await;
    let told = watched.metrics();
    assert_eq!(told.iter().filter(|metric| *metric == "HoldConflicts 1").count(), 1, "{told:?}");
    assert!(!told.iter().any(|metric| metric.starts_with("OrdersPaid")), "{told:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_line_that_cannot_be_granted_is_counted_when_it_is_given_up() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user(LEARNER);
    lms_is_down(&app);
    let (_, _) = buy(&app, &ada, "PY").await;
    watched.metrics();
    for _ in 0..8 {
        app.advance(24 * 3_600).await;
    }
    let told = watched.metrics();
    assert_eq!(told.iter().filter(|metric| *metric == "LinesParked 1").count(), 1, "{told:?}");
    assert!(!told.iter().any(|metric| metric.starts_with("FulfillmentLag")), "{told:?}");
    app.finish().await;
}

#[tokio::test]
async fn the_janitor_says_how_long_the_oldest_thing_has_waited_and_what_it_sent_again() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user(LEARNER);
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.cloud.stripe.deliver().await;
    app.cloud.trigger.purge().await.expect("an empty queue");
    // What was owed is looked at after 30 seconds, and nobody did for 300 more.
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(330));
    watched.metrics();
    app.cloud.sweep().await.expect("a sweep");
    assert_eq!(watched.metrics(), ["OutboxResent 1", "DueLag 300"]);
    app.settle().await;
    app.finish().await;
}

#[tokio::test]
async fn headers_that_claim_an_identity_without_proof_are_counted() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.anonymous().with("x-userinfo", "e30=").get("/api/v1/courses").await.expect(StatusCode::OK);
    assert_eq!(watched.metrics(), ["IdentityHeadersDropped 1"]);
    app.finish().await;
}

/// The checkout's answer, and all lines of the purchase, by their functions' last words.
async fn purchase(watched: &Watched, app: &TestApp) -> (Answer, Vec<Value>) {
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user(LEARNER).with("x-request-id", "from-the-shop");
    watched.lines();
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    (checkout, watched.log())
}

#[tokio::test]
async fn every_line_of_a_purchase_names_its_order_and_its_request_event_or_message() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    let (checkout, lines) = purchase(&watched, &app).await;
    let order = json!(number(&checkout));

    let route = |route: &str| lines.iter().find(|line| line["route"] == route).cloned().expect("a line");
    let begun = route("/api/v1/checkout");
    assert_eq!((&begun["order"], &begun["request_id"]), (&order, &json!("from-the-shop")));

    let [applied, confirmed] = ["paid", "already_counted"].map(|outcome| {
        let line = lines.iter().find(|line| line["outcome"] == outcome).expect("the request's line");
        assert_eq!((&line["message"], &line["status"]), (&json!("request"), &json!(200)), "{line}");
        line
    });
    assert_ne!(applied["request_id"], confirmed["request_id"]);
    for line in [applied, confirmed] {
        assert_eq!((&line["order"], &line["tenant"], &line["level"]), (&order, &json!("default"), &json!("INFO")));
        assert!(line["event"].as_str().expect("an event").starts_with("evt_"), "{line}");
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
        assert!(line["event_type"].is_string(), "{line}");
    }

    let [worked] = &said(&lines, "line worked")[..] else { panic!("{lines:#?}") };
    assert_eq!((&worked["order"], &worked["tenant"], &worked["state"]), (&order, &json!("default"), &json!("granted")));
    assert!(worked["message_id"].is_string(), "{worked}");
    // The message was sent by the event that paid.
    assert_eq!(worked["trace_id"], applied["trace_id"]);
    app.finish().await;
}

#[tokio::test]
async fn a_message_that_is_not_worked_is_logged_with_what_it_is_about() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    let order = "ord_01m810rwd80000000000000007";
    let body = json!({"v": 1, "tenant": "default", "order": order, "outbox": "out_01m810rwd80000000000000007",
        "work": {"kind": "fulfil"}});
    app.cloud.trigger.send_raw(&body.to_string()).await.expect("a queue");
    app.settle().await;
    let lines = watched.log();
    let refused = said(&lines, "message not worked");
    let [first, ..] = &refused[..] else { panic!("{lines:#?}") };
    assert_eq!((&first["order"], &first["error"]), (&json!(order), &json!(format!("there is no order {order}"))));
    // It has no trace that it comes from, so each try is one of its own.
    assert!(refused.iter().all(|line| line["message_id"] == first["message_id"]), "{refused:#?}");
    app.finish_with_dead(1).await;
}

#[test]
fn every_metric_stands_in_the_documentation() {
    let document = include_str!("../../../docs/observability.md");
    for metric in metrics::ALL {
        let dimensions = std::iter::once("Stage").chain(metric.dimension).collect::<Vec<_>>().join(", ");
        let row = format!("| `{}` | {} | {dimensions} | ", metric.name, metric.unit);
        assert!(document.contains(&row), "docs/observability.md has no row {row}");
    }
    let rows = document.lines().filter(|line| line.starts_with("| `") && line.contains("| Stage"));
    assert_eq!(rows.count(), metrics::ALL.len(), "docs/observability.md has rows of metrics that are not emitted");
}
