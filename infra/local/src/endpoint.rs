//! The AWS endpoint of other processes, such as the functions' own binaries: the cloud's table, its queue and a parameter
//! store behind one address, as `AWS_ENDPOINT_URL` names it.
//!
//! All three speak AWS's JSON protocol, so the header `X-Amz-Target` says which one is meant. Calls are noted, and faults
//! on order hit them as they hit the local cloud's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use winterbaume_core::{MockRequest, MockService};

use crate::aws::{Engines, worded};
use crate::faults::{Faults, Target};
use crate::parameter_store::ParameterStore;

/// Where it is served.
pub const MOUNT: &str = "/_local/aws";
/// What of a request is about the connection that it came by.
const NOT_PASSED_ON: [HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::HOST, header::TRANSFER_ENCODING];
/// DynamoDB takes bodies of 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// How many of the last calls are kept.
const KEPT: usize = 10_000;

/// The endpoint. Clones are the same.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its parameter store.
    pub parameters: ParameterStore,
    engines: Engines,
    faults: Faults,
    http: reqwest::Client,
    calls: Arc<Mutex<VecDeque<String>>>,
}

impl Endpoint {
    /// The endpoint of these engines, with an empty parameter store.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(engines: &Engines, faults: &Faults) -> anyhow::Result<Self> {
        Ok(Self {
            parameters: ParameterStore::default(),
            engines: engines.clone(),
            faults: faults.clone(),
            http: reqwest::Client::builder().no_proxy().build()?,
            calls: Arc::default(),
        })
    }

    /// What is served at [`MOUNT`].
    pub fn router(&self) -> Router {
        Router::new().fallback(dispatch).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(self.clone())
    }

    /// The calls since the last time that this was asked, in the order of their coming, such as `dynamodb Query`.
    #[must_use]
    pub fn take_calls(&self) -> Vec<String> {
        self.calls().drain(..).collect()
    }

    fn note(&self, service: &str, operation: &str) {
        let mut calls = self.calls();
        calls.push_back(format!("{service} {operation}"));
        let surplus = calls.len().saturating_sub(KEPT);
        calls.drain(..surplus);
    }

    fn calls(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of a call that a fault on order hits. Only its status counts here.
    fn hit(&self, target: Target, operation: &str) -> Option<Response> {
        let (status, body) = worded(self.faults.take(target, operation)?.status.unwrap_or(500));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Some((status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response())
    }

    async fn dynamodb(&self, headers: &HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let passed = headers.iter().filter(|(name, _)| !NOT_PASSED_ON.contains(name));
        let passed = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
        let request = self.http.post(&self.engines.dynamodb).headers(passed).body(body);
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, answer.bytes().await?).into_response())
    }

    async fn sqs(&self, headers: HeaderMap, body: Bytes) -> Response {
        let uri = "https://sqs.us-east-1.amazonaws.com/".to_owned();
        let request = MockRequest { method: "POST".to_owned(), uri, headers, body };
        let answer = self.engines.sqs.handle(request).await;
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, answer.headers, answer.body).into_response()
    }

    fn ssm(&self, operation: &str, body: &[u8]) -> Response {
        let (status, answer) = self.parameters.answer(operation, body);
        (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string()).into_response()
    }
}

async fn dispatch(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> Response {
    let named = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let (service, operation) = named.split_once('.').unwrap_or((&named, ""));
    match service {
        "DynamoDB_20120810" => {
            endpoint.note("dynamodb", operation);
            if let Some(refused) = endpoint.hit(Target::Dynamodb, operation) {
                return refused;
            }
            let unreachable = |error: reqwest::Error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response();
            endpoint.dynamodb(&headers, body).await.unwrap_or_else(unreachable)
        }
        "AmazonSQS" => {
            endpoint.note("sqs", operation);
            match endpoint.hit(Target::Sqs, operation) {
                Some(refused) => refused,
                None => endpoint.sqs(headers, body).await,
            }
        }
        "AmazonSSM" => {
            endpoint.note("ssm", operation);
            endpoint.ssm(operation, &body)
        }
        _ => (StatusCode::NOT_FOUND, "no such service").into_response(),
    }
}
