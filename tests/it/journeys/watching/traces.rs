//! One trace from whoever called, through the webhook and the queue, to the LMS.

use http::StatusCode;
use local::dev_keys::WEBHOOK_SECRETS;
use local::stripe_sim::sign;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestApp};
use web::Env;

use super::collector::{Collector, attribute};
use super::{LEARNER, Watched, said};
use crate::journeys::{captured, number};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans of a kind and a name.
fn named<'a>(spans: &'a [Span], kind: SpanKind, name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.kind() == kind && span.name == name).collect()
}

/// Delivers an event that pays an order, with a `traceparent`.
async fn pay_traced(app: &TestApp, checkout: &Answer, traceparent: &str) {
    let body = captured("evt_traced", checkout, 4_990, "usd").to_string();
    let signature = sign(&WEBHOOK_SECRETS.map(str::to_owned), app.cloud.clock.now().as_second(), body.as_bytes());
    let client = app.anonymous().with("stripe-signature", &signature).with("traceparent", traceparent);
    let request = client.request(Method::POST, "/webhooks/default/stripe").body(body);
    client.send(request).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_trace_goes_from_the_caller_through_the_queue_to_the_lms() {
    let collector = Collector::start().await;
    let watched = Watched::under(&Env::of([("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)]));
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = app.user(LEARNER).order("PY").await;
    collector.spans();
    watched.lines();

    pay_traced(&app, &checkout, &format!("00-{TRACE}-{CALLER}-01")).await;
    // The answer is here, and so are its spans.
    let spans = collector.spans();
    let [webhook] = named(&spans, SpanKind::Server, "POST /webhooks/{tenant}/{processor}")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!((hex(&webhook.trace_id), hex(&webhook.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    let attributes = ["http.route", "http.response.status_code", "order", "event"].map(|name| attribute(webhook, name));
    let order = number(&checkout);
    let expected = ["/webhooks/{tenant}/{processor}", "200", &order, "evt_traced"];
    assert_eq!(attributes, expected.map(|value| Some(value.to_owned())));
    // What it waited for is below it: the table, and the queue.
    for call in ["DynamoDB.Query", "DynamoDB.TransactWriteItems", "SQS.SendMessage"] {
        let found = spans.iter().find(|span| span.name == call).unwrap_or_else(|| panic!("{call}: {spans:#?}"));
        assert_eq!((&found.trace_id, &found.parent_span_id), (&webhook.trace_id, &webhook.span_id), "{call}");
    }

    app.settle().await;
    let spans = collector.spans();
    let [message] = named(&spans, SpanKind::Consumer, "process fulfillment")[..] else { panic!("{spans:#?}") };
    assert_eq!((&message.trace_id, &message.parent_span_id), (&webhook.trace_id, &webhook.span_id));
    assert_eq!(attribute(message, "order"), Some(order.clone()));
    assert_eq!(attribute(message, "messaging.system"), Some("aws_sqs".to_owned()));
    let [lms] = named(&spans, SpanKind::Client, "LMS POST")[..] else { panic!("{spans:#?}") };
    assert_eq!((&lms.trace_id, &lms.parent_span_id), (&webhook.trace_id, &message.span_id));

    let lines = watched.lines();
    for (field, value, id) in [("outcome", "paid", "request_id"), ("message", "line worked", "message_id")] {
        let found: Vec<_> = lines.iter().filter(|line| line[field] == value && line["_aws"].is_null()).collect();
        let [line] = &found[..] else { panic!("{lines:#?}") };
        assert_eq!((&line["trace_id"], &line["order"]), (&json!(TRACE), &json!(order)), "{line}");
        assert!(line[id].is_string(), "{line}");
    }
    nothing_personal(&spans);
    app.finish().await;
}

/// No attribute of a span holds the learner's name or address.
fn nothing_personal(spans: &[Span]) {
    for span in spans {
        let held = format!("{} {:?} {:?}", span.name, span.attributes, span.events);
        assert!(!held.contains(LEARNER), "{held}");
    }
}

#[tokio::test]
async fn without_a_collector_a_trace_is_passed_on_and_logged_all_the_same() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = app.user(LEARNER).order("PY").await;
    watched.lines();
    pay_traced(&app, &checkout, &format!("00-{TRACE}-{CALLER}-00")).await;
    app.settle().await;
    let lines = watched.lines();
    let [line] = &said(&lines, "line worked")[..] else { panic!("{lines:#?}") };
    assert_eq!(line["trace_id"], TRACE);
    app.finish().await;
}

#[tokio::test]
async fn a_caller_who_names_no_trace_or_a_malformed_one_gets_a_new_one() {
    let watched = Watched::start();
    let app = TestApp::start().await;
    watched.lines();
    let mut seen = Vec::<Value>::new();
    for traceparent in ["", "00-0-0-00", LEARNER] {
        app.anonymous().with("traceparent", traceparent).get("/api/v1/courses").await.expect(StatusCode::OK);
        let lines = watched.log();
        let [line] = &lines[..] else { panic!("{lines:#?}") };
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
        assert!(!seen.contains(&line["trace_id"]), "{line}");
        seen.push(line["trace_id"].clone());
    }
    app.finish().await;
}
