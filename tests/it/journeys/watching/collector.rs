//! A collector: it takes what OTLP over HTTP sends, and decodes it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// A collector on loopback, for as long as the test's runtime lives.
pub(super) struct Collector {
    /// Its base address.
    pub(super) endpoint: String,
    received: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&received);
        let receive = async move |body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("a request of OTLP");
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            sink.lock().expect("a list").extend(scopes.flat_map(|scope| scope.spans));
        };
        let server = axum::serve(listener, Router::new().route("/v1/traces", post(receive)));
        #[expect(clippy::disallowed_methods, reason = "the collector runs beside the test")]
        tokio::spawn(server.into_future());
        Self { endpoint, received }
    }

    /// The spans that were received since the last call.
    pub(super) fn spans(&self) -> Vec<Span> {
        std::mem::take(&mut *self.received.lock().expect("a list"))
    }
}

/// A span's attribute, as text.
pub(super) fn attribute(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|known| known.key == name)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(_)
        | Value::DoubleValue(_)
        | Value::ArrayValue(_)
        | Value::KvlistValue(_)
        | Value::BytesValue(_)
        | Value::StringValueStrindex(_) => panic!("{name} is no text and no whole number: {value:?}"),
    })
}
