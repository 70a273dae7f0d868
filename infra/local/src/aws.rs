//! The AWS clients of the local cloud: real SDK clients, whose HTTP goes to the embedded engines through a wire that
//! counts calls and misbehaves when told to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use dynoxide::Database;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tracing::Instrument;
use winterbaume_core::MockAws;
use winterbaume_sqs::SqsService;

use crate::faults::{Fault, Faults, Target};
use crate::meter::Call;
use crate::recorder::Recorder;

/// A client whose calls go to the DynamoDB engine over loopback, and are recorded while `recorder` is on. Hundreds of them
/// at once wait for an engine that shares their cores: it is slow then, and never gone, so there is no time limit. That
/// calls time out is what [`Faults`] are for.
#[must_use]
pub fn dynamodb(endpoint: &str, faults: &Faults, recorder: &Recorder) -> aws_sdk_dynamodb::Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        .retry_config(retries())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(Wire { inner: http, target: Target::Dynamodb, faults: faults.clone() })
        .interceptor(recorder.clone())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// As many tries as on AWS, but with waits that suit an engine next door.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(2))
}

/// The engines that hold a cloud's data: the table's, behind a port of its own, and the queue's. Clones are the same.
#[derive(Clone)]
pub struct Engines {
    /// Where the DynamoDB engine listens.
    pub dynamodb: String,
    /// The SQS engine, in this process.
    pub sqs: Arc<SqsService>,
}

impl Engines {
    /// Serves the DynamoDB engine, and makes an SQS engine without queues.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start(database: Database) -> anyhow::Result<Self> {
        Ok(Self { dynamodb: serve_dynamodb(database).await?, sqs: Arc::new(SqsService::new()) })
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").field("dynamodb", &self.dynamodb).finish_non_exhaustive()
    }
}

/// A client whose calls go to the SQS engine in this process.
#[must_use]
pub fn sqs(engine: &Arc<SqsService>, faults: &Faults) -> aws_sdk_sqs::Client {
    let engine = MockAws::builder().with_service(Arc::clone(engine)).build();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .retry_config(retries())
        .http_client(Wire { inner: engine.http_client(), target: Target::Sqs, faults: faults.clone() })
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

/// Serves the DynamoDB engine on a free loopback port.
///
/// # Errors
/// If no port can be bound.
pub async fn serve_dynamodb(database: Database) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    #[expect(clippy::disallowed_methods, reason = "the local cloud owns its tasks; this one ends with the process")]
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(endpoint)
}

/// An HTTP client around another.
#[derive(Clone, Debug)]
struct Wire {
    inner: SharedHttpClient,
    target: Target,
    faults: Faults,
}

#[derive(Clone, Debug)]
struct WireConnector {
    inner: SharedHttpConnector,
    target: Target,
    faults: Faults,
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(WireConnector { inner, target: self.target, faults: self.faults.clone() })
    }
}

impl HttpConnector for WireConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let span = trace::call(target);
        let operation = target.rsplit('.').next().unwrap_or_default();
        let call = Call::begin(self.target, operation);
        let fault = self.faults.take(self.target, operation);
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            let answer = match fault {
                Some(fault) => misbehave(&inner, request, &fault).instrument(span.clone()).await,
                None => inner.call(request).instrument(span.clone()).await,
            };
            trace::answered(&span, answer.as_ref().ok().map(|answer| answer.status().as_u16()));
            let (answer, capacity) = weigh(answer?).await?;
            call.end(capacity);
            Ok(answer)
        })
    }
}

async fn misbehave(
    inner: &SharedHttpConnector,
    request: HttpRequest,
    fault: &Fault,
) -> Result<HttpResponse, ConnectorError> {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    if fault.timeout {
        return Err(lost());
    }
    if let Some(status) = fault.status {
        return refusal(status);
    }
    let again = fault.duplicate.then(|| request.try_clone()).flatten();
    let answer = inner.call(request).await?;
    if let Some(again) = again {
        inner.call(again).await?;
    }
    if fault.drop { Err(lost()) } else { Ok(answer) }
}

fn lost() -> ConnectorError {
    ConnectorError::timeout("the answer was lost on order".into())
}

/// An error as AWS words it, with its status: 409 is a transaction conflict, 4xx a throttle, 5xx an internal error.
pub(crate) const fn worded(status: u16) -> (u16, &'static str) {
    let body = match status {
        409 => {
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled","CancellationReasons":[{"Code":"TransactionConflict"}]}"#
        }
        400..=499 => r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"on order"}"#,
        _ => r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"on order"}"#,
    };
    (if status < 500 { 400 } else { status }, body)
}

fn refusal(status: u16) -> Result<HttpResponse, ConnectorError> {
    let (code, body) = worded(status);
    let code = StatusCode::try_from(code).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(code, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// Reads an answer whole, and the capacity units that it says it used.
#[expect(clippy::float_arithmetic, reason = "capacity units are fractions, and money is nowhere near")]
async fn weigh(answer: HttpResponse) -> Result<(HttpResponse, f64), ConnectorError> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.map_err(ConnectorError::io)?.to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let units = |consumed: &serde_json::Value| consumed.get("CapacityUnits").and_then(serde_json::Value::as_f64);
    let capacity = match json.get("ConsumedCapacity") {
        Some(serde_json::Value::Array(tables)) => tables.iter().filter_map(units).fold(0.0, |sum, n| sum + n),
        Some(consumed) => units(consumed).unwrap_or(0.0),
        None => 0.0,
    };
    let mut whole = HttpResponse::new(status, SdkBody::from(body));
    *whole.headers_mut() = headers;
    Ok((whole, capacity))
}
