//! The AWS configuration that functions build their clients from.
//!
//! What Lambda and the template set is all that is read: a chain that also looks for profiles, containers and instances
//! would be a tenth of a function's binary (ADR 26).

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::{ReconnectMode, RetryConfig};
use aws_smithy_types::timeout::TimeoutConfig;
pub use aws_types::SdkConfig;
use aws_types::region::Region;
use reqwest::{Body, Client, Request};
use tracing::Instrument;

use crate::config::{ConfigError, Env};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// An attempt that hangs is given up early enough that a retry still fits into API Gateway's 30 seconds.
const ATTEMPT: Duration = Duration::from_secs(3);
/// All attempts of a call.
const OPERATION: Duration = Duration::from_secs(10);

/// Credentials and region as Lambda's [environment] has them, `AWS_ENDPOINT_URL` on an emulator, and bounded waits. All
/// clients made of it share their connections.
///
/// # Errors
/// [`ConfigError`] if a variable is not set, or no HTTP client can be made.
///
/// [environment]: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
pub fn sdk_config(env: &Env) -> Result<SdkConfig, ConfigError> {
    let mut env = env.clone();
    let (region, endpoint) = (env.required("AWS_REGION"), env.optional("AWS_ENDPOINT_URL"));
    let key = env.required("AWS_ACCESS_KEY_ID").zip(env.required("AWS_SECRET_ACCESS_KEY"));
    let session = env.optional("AWS_SESSION_TOKEN");
    let (region, (id, secret)) = env.finish(region.zip(key))?;
    let http = outbound::client(|http| http.connect_timeout(CONNECT));
    let http = http.map_err(|error| ConfigError::of(error.to_string()))?;
    // Lambda's own end with the process.
    let credentials = Credentials::new(id, secret, session, None, "Environment");
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts.build())
        .retry_config(retries())
        .http_client(Outbound(http));
    config.set_endpoint_url(endpoint);
    Ok(config.build())
}

/// Three attempts, as the SDK has it. Which connection an answer came by it cannot know here, and would log an error when it
/// wants to close it.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

/// The SDK's calls, by the HTTP client that all of ours are made with. Their paths are all `/`, which no two clients can
/// write differently under one signature.
#[derive(Clone, Debug)]
struct Outbound(Client);

impl HttpClient for Outbound {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Outbound {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.0.clone();
        let span = trace::call(request.headers().get("x-amz-target").unwrap_or_default());
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = Request::try_from(request.map(Body::wrap)).map_err(failed)?;
            let answer = http.execute(request).instrument(span.clone()).await;
            trace::answered(&span, answer.as_ref().ok().map(|answer| answer.status().as_u16()));
            let answer = http::Response::from(answer.map_err(failed)?).map(SdkBody::from_body_1_x);
            let answer = HttpResponse::try_from(answer);
            answer.map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK makes of it: a call that timed out or whose connection failed is made again.
fn failed(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
