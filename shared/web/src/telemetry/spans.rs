//! Spans on their way to a collector, by OTLP over HTTP.
//!
//! Lambda freezes a process between invocations, so there is no thread and no task that exports: what ended is kept here
//! and sent at the end of the invocation, within its time.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use percent_encoding::percent_decode_str;
use prost::Message;
use reqwest::header::CONTENT_TYPE;
use tracing_subscriber::Layer;
use url::Url;

use crate::config::Env;

/// The collector's base address. Its name and those below are OpenTelemetry's own.
pub(super) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// All of one flush: what a learner may wait for a collector that does not answer.
const TIMEOUT: Duration = Duration::from_millis(500);
/// After this many failures in a row, flushes are as rare as they get: one of 64 is tried.
const MOST_BACKOFF: u32 = 6;
/// The spans of one invocation are some dozens. What ends beyond this before a flush is lost.
const MOST_SPANS: usize = 2048;

/// The spans that ended and were not sent yet. Clones are the same outbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    ended: Mutex<Vec<SpanData>>,
    collector: OnceLock<Collector>,
    failures: Mutex<Failures>,
}

/// Failures in a row, and how many flushes are still left out for them.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    left_out: u32,
}

/// Where spans are sent.
#[derive(Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
}

impl Outbox {
    /// From now on, spans are sent there. Only the first call counts.
    pub(super) fn send_to(&self, collector: Collector) {
        let _first_counts = self.0.collector.set(collector);
    }

    /// Sends what ended. After a failure it is dropped, and so is what the next flushes have: a collector that is down
    /// must not slow every answer.
    pub(super) async fn flush(&self) {
        let Some(collector) = self.0.collector.get() else { return };
        let spans = std::mem::take(&mut *lock(&self.0.ended));
        if spans.is_empty() || lock(&self.0.failures).is_left_out() {
            return;
        }
        let sent = match tokio::time::timeout(TIMEOUT, collector.send(spans)).await {
            Ok(Ok(())) => Ok(()),
            // The address may hold a secret.
            Ok(Err(error)) => Err(error.without_url().to_string()),
            Err(elapsed) => Err(elapsed.to_string()),
        };
        match sent {
            Ok(()) => *lock(&self.0.failures) = Failures::default(),
            Err(reason) if lock(&self.0.failures).is_first() => {
                tracing::warn!(reason, "spans cannot be exported");
            }
            Err(_) => {}
        }
    }
}

impl Failures {
    fn is_left_out(&mut self) -> bool {
        let left_out = self.left_out > 0;
        self.left_out = self.left_out.saturating_sub(1);
        left_out
    }

    /// Counts one more; whether it is the first.
    fn is_first(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        self.left_out = (1 << self.count.min(MOST_BACKOFF)) - 1;
        self.count == 1
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So that a dispatcher's outbox can be found.
impl<S: tracing::Subscriber> Layer<S> for Outbox {}

impl SpanProcessor for Outbox {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let mut ended = lock(&self.0.ended);
        if ended.len() < MOST_SPANS {
            ended.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Collector {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS`; the inner `None` is no endpoint, the outer one
    /// a fault that [`Env::finish`] reports.
    pub(super) fn configured(env: &mut Env) -> Option<Option<Self>> {
        if env.optional(ENDPOINT).is_none() {
            return Some(None);
        }
        let base = env.parsed::<Url>(ENDPOINT);
        let headers = env.optional(HEADERS).map_or(Some(HeaderMap::new()), |text| {
            let headers = read_headers(&text);
            if headers.is_none() {
                env.fault(format!("{HEADERS} is not a list of name=value"));
            }
            headers
        });
        let http = outbound::client(|http| http);
        if http.is_err() {
            env.fault(format!("{ENDPOINT}: the http client cannot be built"));
        }
        let mut url = base?;
        url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        Some(Some(Self { http: http.ok()?, url, headers: headers?, resource: (&resource(env)).into() }))
    }

    async fn send(&self, spans: Vec<SpanData>) -> Result<(), reqwest::Error> {
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let request = self.http.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(body);
        // The whole answer is read, or the connection could not be used again.
        request.send().await?.error_for_status()?.bytes().await.map(drop)
    }
}

/// `name=value,…`, percent-encoded. Source: OpenTelemetry specification, "OTLP exporter", headers.
fn read_headers(text: &str) -> Option<HeaderMap> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((name.trim().parse::<HeaderName>().ok()?, value))
    };
    pairs.map(read).collect()
}

/// Who sends the spans; `OTEL_RESOURCE_ATTRIBUTES` is read by the SDK.
fn resource(env: &Env) -> Resource {
    let function = env.optional("AWS_LAMBDA_FUNCTION_NAME");
    let service = env.optional("OTEL_SERVICE_NAME").or_else(|| function.clone());
    let attributes = [
        ("faas.name", function),
        ("cloud.region", env.optional("AWS_REGION")),
        ("deployment.environment.name", env.optional("BURSAR_STAGE")),
    ];
    let known = attributes.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?)));
    let service = service.unwrap_or_else(|| "bursar".to_owned());
    Resource::builder().with_attributes(known).with_service_name(service).build()
}
