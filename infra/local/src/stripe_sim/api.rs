//! The API's envelope: authentication, faults, idempotency keys, headers, and which operation a path names.

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::error::ApiError;
use super::form::Form;
use super::ids::random_hex;
use super::state::{API_VERSION, Cause, Replay, State};
use super::{StripeSim, events, intents, refunds, sessions};
use crate::faults::{self, Target};

/// The longest idempotency key.
const KEY_SIZE: usize = 255;

/// What an operation works on.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) form: &'a Form,
    pub(crate) now: Timestamp,
    /// Where hosted pages are; a session's page is one segment further.
    pub(crate) pay_url: &'a str,
}

/// One request to the API, read.
struct Incoming {
    operation: String,
    method: Method,
    path: String,
    form: Form,
    key: Option<String>,
    version: HeaderValue,
    request_id: String,
}

/// One answer, before it is written.
struct Answer {
    status: StatusCode,
    body: Value,
    replayed: bool,
}

/// Every call of `/v1/…`.
pub(crate) async fn handle(Extract(sim): Extract<StripeSim>, parts: Parts, body: Bytes) -> Response {
    let incoming = Incoming::read(&parts, &body);
    sim.called(header_text(&parts.headers, "x-request-id").unwrap_or_default(), &incoming.operation);
    if let Err(error) = authenticate(&sim, &parts.headers) {
        return incoming.write(&Answer::refusal(&error));
    }
    let fault = sim.faults().take(Target::Stripe, &incoming.operation);
    let effect = || incoming.write(&incoming.execute(&sim));
    faults::apply(fault, effect, |status| incoming.write(&Answer::refusal(&ApiError::forced(status)))).await
}

/// `POST /_dispute/{payment_intent}`: a local control, without a key.
pub(crate) async fn open_dispute(Extract(sim): Extract<StripeSim>, parts: Parts) -> Response {
    control(&sim, &parts, refunds::dispute)
}

/// `POST /_refund_fails/{refund}`: a local control, without a key.
pub(crate) async fn fail_refund(Extract(sim): Extract<StripeSim>, parts: Parts) -> Response {
    control(&sim, &parts, refunds::fail)
}

/// Does something to the object that the path ends with.
fn control(sim: &StripeSim, parts: &Parts, does: fn(&mut Call<'_>, &str) -> Result<Value, ApiError>) -> Response {
    let id = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let form = Form::default();
    let result =
        sim.change(Cause::default(), |state, now| does(&mut Call { state, form: &form, now, pay_url: "" }, id));
    match result {
        Ok(object) => axum::Json(object).into_response(),
        Err(error) => (error.status, axum::Json(error.body())).into_response(),
    }
}

impl Incoming {
    fn read(parts: &Parts, body: &[u8]) -> Self {
        let version = parts.headers.get("stripe-version").cloned();
        let text = if parts.method == Method::GET { parts.uri.query().unwrap_or_default().as_bytes() } else { body };
        Self {
            operation: format!("{} {}", parts.method, parts.uri.path()),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            form: Form::parse(text),
            key: header_text(&parts.headers, "idempotency-key").map(ToOwned::to_owned),
            version: version.unwrap_or(HeaderValue::from_static(API_VERSION)),
            request_id: format!("req_{}", random_hex(7)),
        }
    }

    fn execute(&self, sim: &StripeSim) -> Answer {
        let _ = sim.expire_due();
        let cause = Cause { request: Some(self.request_id.clone()), key: self.key.clone() };
        let pay_url = sim.pay_url();
        if self.method == Method::POST {
            sim.change(cause, |state, now| self.run_once(state, now, &pay_url))
        } else {
            sim.read(|state, now| self.run(state, now, &pay_url))
        }
    }

    /// Answers from the first call under the same key, or runs and keeps the answer.
    fn run_once(&self, state: &mut State, now: Timestamp, pay_url: &str) -> Answer {
        let Some(key) = &self.key else { return self.run(state, now, pay_url) };
        if key.chars().count() > KEY_SIZE {
            return Answer::refusal(&ApiError::invalid("The idempotency key is longer than 255 characters."));
        }
        let fingerprint = self.form.fingerprint(&self.operation);
        if let Some(first) = state.replay(key, now) {
            return match StatusCode::from_u16(first.status) {
                Ok(status) if first.fingerprint == fingerprint => {
                    Answer { status, body: first.body.clone(), replayed: true }
                }
                _ => Answer::refusal(&ApiError::idempotency()),
            };
        }
        let answer = self.run(state, now, pay_url);
        // A call that fails validation leaves its key unused.
        if answer.status.is_success() || answer.status == StatusCode::PAYMENT_REQUIRED {
            let (status, body) = (answer.status.as_u16(), answer.body.clone());
            state.remember(key, Replay { fingerprint, status, body, at: now });
        }
        answer
    }

    fn run(&self, state: &mut State, now: Timestamp, pay_url: &str) -> Answer {
        let mut call = Call { state, form: &self.form, now, pay_url };
        match dispatch(&mut call, &self.method, &self.path) {
            Ok(mut body) => {
                call.state.expand(&mut body, &self.form.list("expand"));
                Answer { status: StatusCode::OK, body, replayed: false }
            }
            Err(error) => Answer::refusal(&error),
        }
    }

    fn write(&self, answer: &Answer) -> Response {
        let mut response = (answer.status, axum::Json(&answer.body)).into_response();
        let headers = response.headers_mut();
        headers.insert("stripe-version", self.version.clone());
        insert(headers, "request-id", &self.request_id);
        if let Some(key) = &self.key {
            insert(headers, "idempotency-key", key);
        }
        if answer.replayed {
            insert(headers, "idempotent-replayed", "true");
        }
        response
    }
}

impl Answer {
    fn refusal(error: &ApiError) -> Self {
        Self { status: error.status, body: error.body(), replayed: false }
    }
}

fn dispatch(call: &mut Call<'_>, method: &Method, path: &str) -> Result<Value, ApiError> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["checkout", "sessions"]) => sessions::create(call),
        ("GET", ["checkout", "sessions", id]) => sessions::read(call, id),
        ("GET", ["checkout", "sessions", id, "line_items"]) => sessions::read_items(call, id),
        ("POST", ["checkout", "sessions", id, "expire"]) => sessions::expire(call, id),
        ("POST", ["payment_intents"]) => intents::create(call),
        ("GET", ["payment_intents", id]) => intents::read(call, id),
        ("POST", ["payment_intents", id, "confirm"]) => intents::confirm(call, id),
        ("POST", ["payment_intents", id, "cancel"]) => intents::cancel(call, id),
        ("GET", ["charges", id]) => Ok(call.state.charge(id, "id")?.json()),
        ("POST", ["refunds"]) => refunds::create(call),
        ("GET", ["refunds"]) => Ok(refunds::list(call)),
        ("GET", ["refunds", id]) => refunds::read(call, id),
        ("GET", ["events"]) => events::list(call),
        ("GET", ["events", id]) => events::read(call, id),
        _ => Err(ApiError::unknown_url(&format!("{method}: {path}"))),
    }
}

fn authenticate(sim: &StripeSim, headers: &HeaderMap) -> Result<(), ApiError> {
    let key = header_text(headers, header::AUTHORIZATION.as_str()).and_then(|text| text.strip_prefix("Bearer "));
    if key == Some(sim.secret_key()) { Ok(()) } else { Err(ApiError::unauthorized(key)) }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
