//! Lines as they are written, and spans as a collector receives them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use domain::money::Money;
use expect_test::{Expect, expect};
use http::{HeaderMap, StatusCode};
use lambda_http::Context;
use lambda_http::lambda_runtime::layers::trace::request_span;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpListener;
use tracing::field::Empty;

use super::*;
use crate::metrics::{self, WebhookOutcome};
use crate::testing::captured;

const ORDER: &str = "BUR-01JZ0000000000000000000000";

async fn logged(variables: &[(&str, &str)], work: impl FnOnce()) -> String {
    captured(Env::of(variables.iter().copied()), async { work() }).await
}

#[track_caller]
fn check(written: &str, expected: &Expect) {
    expected.assert_eq(written.trim_end());
}

fn work() -> tracing::Span {
    tracing::info_span!(target: trace::TARGET, "work", request_id = "r-1", order = Empty, "http.route" = "/orders")
}

#[tokio::test]
async fn a_line_has_the_fields_of_all_spans_around_it_side_by_side() {
    let mut invocation = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut invocation.request_id);
    let line = logged(&[], || {
        let _invocation = request_span(&invocation).entered();
        let _work = work().entered();
        tracing::Span::current().record("order", ORDER);
        tracing::info!(line = 1_u32, state = "granted", done = true, "line worked");
    });
    check(
        &line.await,
        &expect![[
            r#"{"timestamp":"2026-06-01T12:00:00.000Z","level":"INFO","message":"line worked","lambda_request_id":"8476a536-e9f4-11e8-9739-2dfe598c3fcd","request_id":"r-1","order":"BUR-01JZ0000000000000000000000","line":1,"state":"granted","done":true}"#
        ]],
    );
}

#[derive(Debug, thiserror::Error)]
#[error("the table cannot be reached")]
struct Unreachable(#[source] std::num::ParseIntError);

#[tokio::test]
async fn an_error_is_logged_with_its_causes() {
    let error = Unreachable("x".parse::<u8>().unwrap_err());
    let line = logged(&[], || tracing::warn!(error = &error as &dyn std::error::Error, "message not sent")).await;
    assert!(line.contains(r#""error":"the table cannot be reached: invalid digit found in string""#), "{line}");
}

#[tokio::test]
async fn fewer_lines_keep_the_fields_of_their_spans_and_all_metrics() {
    let lines = logged(&[("RUST_LOG", "warn,noisy=off"), ("BURSAR_STAGE", "prod")], || {
        let _work = work().entered();
        tracing::info!("not wanted");
        tracing::error!(target: "noisy", "not wanted either");
        tracing::warn!("wanted");
        metrics::line_parked();
    });
    let lines = lines.await;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["message"], &lines[0]["request_id"]), (&"wanted".into(), &"r-1".into()));
    assert_eq!((&lines[1]["LinesParked"], &lines[1]["request_id"]), (&1.into(), &"r-1".into()));
}

#[tokio::test]
async fn what_libraries_log_of_whole_requests_is_never_written() {
    let lines = logged(&[("RUST_LOG", "trace,lambda_runtime::layers=trace")], || {
        tracing::info!("ours");
        tracing::trace!(target: "lambda_runtime::layers::api_response", "authorization: secret");
        tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "secret");
        tracing::debug!(target: "hyper_util::client", "secret");
        tracing::info!(target: "lambda_runtime", "started");
    });
    let lines = lines.await;
    assert!(lines.contains("ours") && lines.contains("started") && !lines.contains("secret"), "{lines}");
}

#[tokio::test]
async fn metrics_are_documents_of_the_embedded_metric_format() {
    let total = Money::parse("49.90", "USD".parse().unwrap()).unwrap();
    let lines = logged(&[("BURSAR_STAGE", "prod")], || {
        let _work = work().entered();
        tracing::Span::current().record("order", ORDER);
        metrics::order_paid_by_event(total);
        metrics::webhook_event(WebhookOutcome::Duplicate);
    });
    check(
        &lines.await,
        &expect![[r#"
            {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage"]],"Metrics":[{"Name":"OrdersPaid","Unit":"Count"}],"Namespace":"Bursar"},{"Dimensions":[["Stage","Currency"]],"Metrics":[{"Name":"Revenue","Unit":"None"}],"Namespace":"Bursar"},{"Dimensions":[["Stage","Outcome"]],"Metrics":[{"Name":"WebhookEvents","Unit":"Count"}],"Namespace":"Bursar"}],"Timestamp":1780315200000},"Stage":"prod","OrdersPaid":1,"Currency":"USD","Revenue":49.90,"Outcome":"applied","WebhookEvents":1,"request_id":"r-1","order":"BUR-01JZ0000000000000000000000"}
            {"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage","Outcome"]],"Metrics":[{"Name":"WebhookEvents","Unit":"Count"}],"Namespace":"Bursar"}],"Timestamp":1780315200000},"Stage":"prod","Outcome":"duplicate","WebhookEvents":1,"request_id":"r-1","order":"BUR-01JZ0000000000000000000000"}"#]],
    );
}

#[tokio::test]
async fn without_a_stage_there_are_no_metrics() {
    assert_eq!(logged(&[], metrics::line_parked).await, "");
}

/// What a collector was sent: each request's token and its spans.
type Received = Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>;

/// A collector that answers `status`, and what it is sent.
async fn collector(status: StatusCode) -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/otlp/", listener.local_addr().unwrap());
    let received = Received::default();
    let sink = Arc::clone(&received);
    let receive = async move |headers: HeaderMap, body: Bytes| {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let token = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        let sent = ExportTraceServiceRequest::decode(body).unwrap();
        sink.lock().unwrap_or_else(PoisonError::into_inner).push((token, sent));
        status
    };
    let server = axum::serve(listener, Router::new().route("/otlp/v1/traces", post(receive)));
    #[expect(clippy::disallowed_methods, reason = "the collector ends with the test's runtime")]
    tokio::spawn(server.into_future());
    (address, received)
}

#[tokio::test]
async fn spans_are_sent_when_they_are_flushed_with_their_parents_and_without_the_librarys_own() {
    let (endpoint, received) = collector(StatusCode::OK).await;
    let env = Env::of([
        (spans::ENDPOINT, endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bursar-checkout"),
        ("BURSAR_STAGE", "prod"),
    ]);
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let run = async {
        Telemetry::configure(&env).unwrap();
        let span = work();
        trace::begin(&span, trace::TraceParent::parse(given));
        span.in_scope(|| {
            tracing::Span::current().record("order", ORDER);
            tracing::info_span!("of a library").in_scope(|| {
                tracing::info_span!(target: trace::TARGET, "call", "otel.kind" = "client").in_scope(|| ());
            });
        });
        drop(span);
        assert_eq!(received.lock().unwrap().len(), 0);
        flush().await;
        flush().await;
    };
    captured(env.clone(), run).await;
    let sent = received.lock().unwrap().clone();
    let [(token, request)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(token, "Bearer hush");
    let [resource] = &request.resource_spans[..] else { panic!("{request:?}") };
    let attribute = |name: &str| {
        let found = resource.resource.as_ref().unwrap().attributes.iter().find(|known| known.key == name);
        format!("{:?}", found.unwrap().value)
    };
    assert!(
        attribute("service.name").contains("bursar-checkout")
            && attribute("deployment.environment.name").contains("prod")
    );
    let [call, work] = &resource.scope_spans[0].spans[..] else { panic!("{resource:?}") };
    assert_eq!((work.name.as_str(), call.name.as_str(), call.kind), ("work", "call", 3));
    assert_eq!(
        (&hex::encode(&work.trace_id)[..], &hex::encode(&work.parent_span_id)[..]),
        (&given[3..35], &given[36..52])
    );
    assert_eq!((&call.trace_id, &call.parent_span_id), (&work.trace_id, &work.span_id));
    let names: Vec<_> = work.attributes.iter().map(|known| known.key.as_str()).collect();
    assert_eq!(names, ["request_id", "http.route", "order"]);
}

#[tokio::test]
async fn a_call_of_aws_is_a_span_with_what_came_of_it() {
    let (endpoint, received) = collector(StatusCode::OK).await;
    let env = Env::of([(spans::ENDPOINT, endpoint.as_str())]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tables = [listener.local_addr().unwrap(), closed];
    let refused = || async { (StatusCode::BAD_REQUEST, r#"{"__type":"ConditionalCheckFailedException"}"#) };
    let server = axum::serve(listener, Router::new().fallback(refused));
    #[expect(clippy::disallowed_methods, reason = "the table ends with the test's runtime")]
    tokio::spawn(server.into_future());
    let run = async {
        Telemetry::configure(&env).unwrap();
        for table in tables {
            let (table, given) = (format!("http://{table}"), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
            let env =
                Env::of([("AWS_REGION", "local"), ("AWS_ENDPOINT_URL", &table)]).or(given.map(|name| (name, "x")));
            let config = aws_sdk_dynamodb::config::Builder::from(&crate::sdk_config(&env).unwrap());
            let once = aws_sdk_dynamodb::config::retry::RetryConfig::disabled();
            let client = aws_sdk_dynamodb::Client::from_conf(config.retry_config(once).build());
            client.list_tables().send().await.unwrap_err();
        }
        flush().await;
    };
    captured(env.clone(), run).await;
    let sent = received.lock().unwrap().clone();
    let [(_, request)] = &sent[..] else { panic!("{sent:?}") };
    let told: Vec<_> = request.resource_spans[0].scope_spans[0]
        .spans
        .iter()
        .map(|span| {
            let failed = span.status.as_ref().is_some_and(|status| status.code == 2);
            let attributes: Vec<_> = span.attributes.iter().map(|known| known.key.as_str()).collect();
            (span.name.as_str(), span.kind, attributes, failed)
        })
        .collect();
    let (name, client) = ("DynamoDB.ListTables", 3);
    assert_eq!(told, [(name, client, vec!["http.response.status_code"], false), (name, client, vec![], true)]);
}

#[tokio::test]
async fn a_collector_that_fails_is_named_once_and_asked_less_and_less_often() {
    let (endpoint, received) = collector(StatusCode::SERVICE_UNAVAILABLE).await;
    let env = Env::of([(spans::ENDPOINT, endpoint)]);
    let mut asked = Vec::new();
    let run = async {
        Telemetry::configure(&env).unwrap();
        for _ in 0..12 {
            drop(work().entered());
            flush().await;
            asked.push(received.lock().unwrap().len());
        }
    };
    let log = captured(env.clone(), run).await;
    // Left out are one flush after the first failure, three after the second, seven after the third.
    assert_eq!(asked, [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("spans cannot be exported") && log.contains("503") && !log.contains("127.0.0.1"), "{log}");
}

#[test]
fn what_is_malformed_is_named_without_its_value() {
    for (name, value, shown) in [
        ("RUST_LOG", "a=b=c", "RUST_LOG: "),
        (spans::ENDPOINT, "not a url", "OTEL_EXPORTER_OTLP_ENDPOINT: "),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hush", "OTEL_EXPORTER_OTLP_HEADERS is not a list of name=value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x=a%0Ahush", "OTEL_EXPORTER_OTLP_HEADERS is not a list of name=value"),
    ] {
        let env = Env::of([(spans::ENDPOINT, "http://localhost:4318"), (name, value)].into_iter().rev());
        let env = if name == spans::ENDPOINT { Env::of([(name, value)]) } else { env };
        let error = Telemetry::configure(&env).unwrap_err().to_string();
        assert!(error.contains(shown) && !error.contains("hush"), "{error}");
    }
    Telemetry::configure(&Env::of([("RUST_LOG", "warn,hyper=off")])).unwrap();
}
