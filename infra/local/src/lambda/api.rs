//! The Runtime API, version 2018-06-01: the process asks for the next event, and says what came of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use web::Clock;

/// The largest answer that Lambda takes: 6 MB and a little.
const MAX_ANSWER: usize = 6 * 1024 * 1024 + 100;
/// Of an error after a part of the answer was sent.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bytes of the answer, JSON for all our functions.
    pub body: Bytes,
    /// Whether it was sent in parts.
    pub streamed: bool,
    /// From handing out the event to the whole answer.
    pub took: Duration,
}

/// What a function says is wrong with it, in the words of the Runtime API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", default)]
#[error("{error_type}: {error_message}")]
pub struct Report {
    /// The kind of error, such as `panic`.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
}

impl Report {
    /// An error's body. Runtimes may leave it out, or write what they please.
    fn read(body: &[u8]) -> Self {
        let plain = |_| Self { error_message: String::from_utf8_lossy(body).into_owned(), ..Self::default() };
        serde_json::from_slice(body).unwrap_or_else(plain)
    }
}

/// An event for the process.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) event: Bytes,
    pub(super) outcome: oneshot::Sender<Result<Answer, Report>>,
}

/// One process's side of the API. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Api(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    arn: String,
    timeout: Duration,
    clock: Clock,
    count: AtomicU64,
    give: mpsc::Sender<Invocation>,
    take: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// The event that the process has.
    current: Mutex<Option<Current>>,
    /// How often it has asked for an event.
    asked: watch::Sender<u64>,
    first_asked: Mutex<Option<Instant>>,
    init_error: watch::Sender<Option<Report>>,
}

#[derive(Debug)]
struct Current {
    request_id: String,
    since: Instant,
    outcome: oneshot::Sender<Result<Answer, Report>>,
}

impl Api {
    pub(super) fn new(arn: String, timeout: Duration) -> Self {
        let (give, take) = mpsc::channel(1);
        Self(Arc::new(Shared {
            arn,
            timeout,
            clock: Clock::wall(),
            count: AtomicU64::default(),
            give,
            take: tokio::sync::Mutex::new(take),
            current: Mutex::default(),
            asked: watch::Sender::default(),
            first_asked: Mutex::default(),
            init_error: watch::Sender::default(),
        }))
    }

    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(self.clone())
    }

    /// Hands an event to the process when it asks. The outcome is dropped if the API goes away.
    pub(super) async fn give(&self, invocation: Invocation) {
        // The receiver lives as long as this does.
        let _ = self.0.give.send(invocation).await;
    }

    /// Waits until the process has asked for an event `times` times.
    pub(super) async fn asked(&self, times: u64) {
        // The sender lives as long as this does.
        let _ = self.0.asked.subscribe().wait_for(|asked| *asked >= times).await;
    }

    /// When the process first asked for an event: it has started then.
    pub(super) fn first_asked(&self) -> Option<Instant> {
        *lock(&self.0.first_asked)
    }

    /// Waits until the process says that it could not start.
    pub(super) async fn init_failed(&self) -> Report {
        let mut error = self.0.init_error.subscribe();
        match error.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_default(),
            Err(_) => Report::default(),
        }
    }

    fn finish(&self, id: &str, outcome: impl FnOnce(Instant) -> Result<Answer, Report>) -> Response {
        let current = lock(&self.0.current).take_if(|current| current.request_id == id);
        let Some(current) = current else { return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID") };
        // Who gave the event may have stopped waiting; the process is told nothing of it.
        let _ = current.outcome.send(outcome(current.since));
        accepted()
    }
}

async fn next(State(api): State<Api>) -> Response {
    let shared = &api.0;
    lock(&shared.first_asked).get_or_insert_with(Instant::now);
    shared.asked.send_modify(|asked| *asked = asked.saturating_add(1));
    let Some(Invocation { event, outcome }) = shared.take.lock().await.recv().await else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "Runtime.Unknown");
    };
    let number = shared.count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    let request_id = format!("00000000-0000-4000-8000-{number:012x}");
    let timeout = SignedDuration::try_from(shared.timeout).unwrap_or(SignedDuration::MAX);
    let deadline = shared.clock.now().saturating_add(timeout).unwrap_or(jiff::Timestamp::MAX);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string()),
        ("lambda-runtime-invoked-function-arn", shared.arn.clone()),
        ("lambda-runtime-trace-id", format!("Root=1-6921002f-{number:024x};Parent={number:016x};Sampled=0")),
    ];
    *lock(&shared.current) = Some(Current { request_id, since: Instant::now(), outcome });
    (AppendHeaders(headers), event).into_response()
}

async fn response(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let streamed = headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming");
    let Ok(collected) = Limited::new(body, MAX_ANSWER).collect().await else {
        let report = Report {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            error_message: "the answer was cut off, or is larger than 6 MB".to_owned(),
        };
        api.finish(&id, |_| Err(report));
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
    };
    let broken = collected.trailers().and_then(trailing_error);
    let body = collected.to_bytes();
    api.finish(&id, |since| match broken {
        Some(report) => Err(report),
        None => Ok(Answer { body, streamed, took: since.elapsed() }),
    })
}

/// An error that came up while the answer was being sent.
fn trailing_error(trailers: &HeaderMap) -> Option<Report> {
    let text = |name| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Some(Report { error_type: text(ERROR_TYPE)?, error_message: text(ERROR_BODY).unwrap_or_default() })
}

async fn error(State(api): State<Api>, Path(id): Path<String>, body: Bytes) -> Response {
    api.finish(&id, |_| Err(Report::read(&body)))
}

async fn init_error(State(api): State<Api>, body: Bytes) -> Response {
    api.0.init_error.send_replace(Some(Report::read(&body)));
    accepted()
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn refusal(status: StatusCode, kind: &str) -> Response {
    (status, Json(json!({"errorMessage": kind, "errorType": kind}))).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
