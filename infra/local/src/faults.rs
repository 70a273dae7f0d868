//! Faults on order: what the local cloud is told to do wrong, and to whom.
//!
//! `PUT /_local/faults` places a fault, every simulator asks [`Faults::take`] before it acts, and each answer uses
//! one of the fault's `times` up. Faults live in memory only: a restart is a world without them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The operation under which the processor's simulator asks for faults of a webhook; the event type follows it.
pub const WEBHOOK: &str = "webhook";

/// A delay longer than the processor's whole retry schedule is a typing error.
const MAX_DELAY_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// The outside system that misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The payment processor: its API and its webhooks.
    Stripe,
    /// The learning platform.
    Lms,
    /// The table.
    Dynamodb,
    /// The queue.
    Sqs,
}

impl Target {
    /// All of them, as the local cloud has them inside.
    pub const ALL: [Self; 4] = [Self::Stripe, Self::Lms, Self::Dynamodb, Self::Sqs];
}

/// One way to misbehave, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Who misbehaves.
    pub target: Target,
    /// Answer with this HTTP status (400–599) and do nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many calls it still applies to.
    #[serde(default = "once")]
    pub times: u32,
    /// Wait this long first; a webhook becomes due this much later on the clock instead.
    #[serde(default)]
    pub delay_ms: u64,
    /// Do it twice.
    #[serde(default)]
    pub duplicate: bool,
    /// The call takes effect and its answer is lost; a webhook is lost for good.
    #[serde(default)]
    pub drop: bool,
    /// The call never takes effect and is answered with 504.
    #[serde(default)]
    pub timeout: bool,
    /// What is due is delivered in reverse order.
    #[serde(default)]
    pub reorder: bool,
    /// Applies only to operations that contain this, as in `POST /v1/refunds` or `webhook charge.refunded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

const fn once() -> u32 {
    1
}

impl Fault {
    /// A fault without an effect, once, on every operation of `target`; set the fields that matter.
    #[must_use]
    pub const fn of(target: Target) -> Self {
        Self {
            target,
            status: None,
            times: 1,
            delay_ms: 0,
            duplicate: false,
            drop: false,
            timeout: false,
            reorder: false,
            operation: None,
        }
    }

    /// The time to wait before anything else happens.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    const fn is_about_delivery(&self) -> bool {
        self.duplicate || self.reorder
    }

    const fn has_effect(&self) -> bool {
        self.status.is_some() || self.delay_ms > 0 || self.duplicate || self.drop || self.timeout || self.reorder
    }

    /// A processor's webhook is hit by a fault that names it, or that is about deliveries and names nothing;
    /// an API call by every other one.
    fn applies(&self, target: Target, operation: &str) -> bool {
        let delivery = operation.starts_with(WEBHOOK);
        self.target == target
            && self.times > 0
            && match &self.operation {
                Some(part) => part.starts_with(WEBHOOK) == delivery && operation.contains(part.as_str()),
                None => target != Target::Stripe || delivery == self.is_about_delivery(),
            }
    }

    fn replaces(&self, other: &Self) -> bool {
        self.target == other.target
            && self.operation == other.operation
            && self.is_about_delivery() == other.is_about_delivery()
    }

    fn check(mut self, targets: &[Target]) -> Result<Self, String> {
        if !targets.contains(&self.target) {
            return Err("this target is not served here".to_owned());
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Err("status must be between 400 and 599".to_owned());
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(format!("delay_ms must be at most {MAX_DELAY_MS}"));
        }
        if !self.has_effect() {
            self.status = Some(500);
        }
        Ok(self)
    }
}

/// The faults in force, shared by everything that can misbehave. Clones see the same list.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    list: Arc<Mutex<Vec<Fault>>>,
    crash: Arc<Mutex<Option<Crash>>>,
}

/// A process that dies after some calls: what it does next reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crash {
    calls_left: u32,
    /// Whether the call after those takes effect and only its answer is lost.
    last_takes_effect: bool,
}

impl Faults {
    /// The fault that hits this call, if any; one of its uses is gone then.
    #[must_use]
    pub fn take(&self, target: Target, operation: &str) -> Option<Fault> {
        if let Some(fault) = self.crashed(target) {
            return Some(fault);
        }
        let mut list = self.lock();
        let at = list.iter().position(|fault| fault.applies(target, operation))?;
        let fault = list.get_mut(at)?;
        fault.times = fault.times.saturating_sub(1);
        let taken = fault.clone();
        if taken.times == 0 {
            list.remove(at);
        }
        Some(taken)
    }

    /// Lets `calls` more calls through, to whatever target, and none after them: what a process that dies there has done.
    /// With `last_takes_effect`, one more takes effect and its answer is lost. [`Faults::recover`] ends it.
    pub fn crash_after(&self, calls: u32, last_takes_effect: bool) {
        *self.crash_lock() = Some(Crash { calls_left: calls, last_takes_effect });
    }

    /// Ends a crash; whether the process had died, or had ended before.
    #[must_use]
    pub fn recover(&self) -> bool {
        self.crash_lock().take().is_some_and(|crash| crash.calls_left == 0)
    }

    fn crashed(&self, target: Target) -> Option<Fault> {
        let mut guard = self.crash_lock();
        let crash = guard.as_mut()?;
        if crash.calls_left > 0 {
            crash.calls_left = crash.calls_left.saturating_sub(1);
            return None;
        }
        let drop = std::mem::take(&mut crash.last_takes_effect);
        Some(Fault { drop, timeout: !drop, ..Fault::of(target) })
    }

    fn crash_lock(&self) -> MutexGuard<'_, Option<Crash>> {
        self.crash.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault behind those already there: they are used up first.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Sets a fault in place of the one with the same target and operation.
    pub fn put(&self, fault: Fault) {
        let mut list = self.lock();
        list.retain(|other| !fault.replaces(other));
        if fault.times > 0 {
            list.push(fault);
        }
    }

    /// Removes the faults of `target`, or all of them.
    pub fn clear(&self, target: Option<Target>) {
        self.lock().retain(|fault| target.is_some_and(|target| fault.target != target));
    }

    /// The faults still in force, in the order in which they are tried.
    #[must_use]
    pub fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one HTTP call of a simulator under `fault`: `effect` is what the call does, `refuse` words a forced status.
pub async fn apply(
    fault: Option<Fault>,
    effect: impl Fn() -> Response,
    refuse: impl Fn(StatusCode) -> Response,
) -> Response {
    let Some(fault) = fault else { return effect() };
    if fault.delay_ms > 0 {
        tokio::time::sleep(fault.delay()).await;
    }
    if let Some(status) = fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        return refuse(status);
    }
    if fault.timeout {
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    let first = effect();
    let answer = if fault.duplicate { effect() } else { first };
    if fault.drop { StatusCode::GATEWAY_TIMEOUT.into_response() } else { answer }
}

/// `GET`, `PUT` and `DELETE /_local/faults`, for the targets that are served beside it.
pub fn router(faults: Faults, targets: &'static [Target]) -> Router {
    let put = async move |State(faults): State<Faults>, body: Bytes| put_fault(&faults, targets, &body);
    Router::new().route("/_local/faults", get(list_faults).put(put).delete(clear_faults)).with_state(faults)
}

async fn list_faults(State(faults): State<Faults>) -> Response {
    listing(&faults)
}

fn put_fault(faults: &Faults, targets: &[Target], body: &[u8]) -> Response {
    let read = serde_json::from_slice::<Fault>(body).map_err(|error| error.to_string());
    match read.and_then(|fault| fault.check(targets)) {
        Ok(fault) => {
            faults.put(fault);
            listing(faults)
        }
        Err(detail) => problem(StatusCode::BAD_REQUEST, "invalid_fault", &detail),
    }
}

async fn clear_faults(State(faults): State<Faults>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "target");
    let target = match named.map(|(_, value)| serde_json::from_value::<Target>(json!(value))) {
        None => None,
        Some(Ok(target)) => Some(target),
        Some(Err(error)) => return problem(StatusCode::BAD_REQUEST, "invalid_fault", &error.to_string()),
    };
    faults.clear(target);
    listing(&faults)
}

fn listing(faults: &Faults) -> Response {
    axum::Json(json!({ "faults": faults.list() })).into_response()
}

/// An RFC 9457 answer, as every local control and payment page gives it.
pub(crate) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body =
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn send(faults: &Faults, method: &str, uri: &str, body: &str) -> (u16, Value) {
        send_to(router(faults.clone(), &Target::ALL), method, uri, body).await
    }

    async fn send_to(router: Router, method: &str, uri: &str, body: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_fault_is_used_up_after_its_times() {
        let faults = Faults::default();
        let (status, list) = send(&faults, "PUT", "/_local/faults", r#"{"target":"lms","status":503,"times":2}"#).await;
        assert_eq!((status, list["faults"][0]["times"].as_u64()), (200, Some(2)));
        assert_eq!(faults.take(Target::Stripe, "POST /v1/refunds"), None);
        assert_eq!(faults.take(Target::Lms, "POST /a").unwrap().status, Some(503));
        assert_eq!(faults.take(Target::Lms, "POST /b").unwrap().times, 0);
        assert_eq!(faults.take(Target::Lms, "POST /c"), None);
    }

    #[tokio::test]
    async fn an_unknown_field_and_a_strange_status_are_refused() {
        let faults = Faults::default();
        for body in [r#"{"target":"lms","sattus":1}"#, r#"{"target":"lms","status":200}"#, r#"{"target":"moon"}"#, "no"]
        {
            let (status, problem) = send(&faults, "PUT", "/_local/faults", body).await;
            assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_fault")), "{body}");
        }
        assert_eq!(send(&faults, "DELETE", "/_local/faults?target=moon", "").await.0, 400);
        assert_eq!(faults.list(), vec![]);
    }

    #[tokio::test]
    async fn what_is_not_served_beside_it_is_refused() {
        let faults = Faults::default();
        let simulators = || router(faults.clone(), &[Target::Stripe, Target::Lms]);
        let (status, problem) = send_to(simulators(), "PUT", "/_local/faults", r#"{"target":"sqs"}"#).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_fault")));
        assert_eq!(send_to(simulators(), "PUT", "/_local/faults", r#"{"target":"lms"}"#).await.0, 200);
        assert_eq!(faults.list().len(), 1);
    }

    #[tokio::test]
    async fn a_fault_with_only_a_target_is_one_500_and_delete_clears_by_target() {
        let faults = Faults::default();
        send(&faults, "PUT", "/_local/faults", r#"{"target":"sqs"}"#).await;
        send(&faults, "PUT", "/_local/faults", r#"{"target":"lms","drop":true}"#).await;
        assert_eq!(faults.list()[0], Fault { status: Some(500), ..Fault::of(Target::Sqs) });
        let (_, left) = send(&faults, "DELETE", "/_local/faults?target=sqs", "").await;
        assert_eq!(left["faults"].as_array().unwrap().len(), 1);
        assert_eq!(send(&faults, "DELETE", "/_local/faults", "").await, (200, json!({ "faults": [] })));
    }

    #[test]
    fn faults_of_deliveries_and_of_calls_do_not_use_each_other_up() {
        let faults = Faults::default();
        faults.add(Fault { duplicate: true, ..Fault::of(Target::Stripe) });
        faults.add(Fault { status: Some(500), ..Fault::of(Target::Stripe) });
        assert_eq!(faults.take(Target::Stripe, "POST /v1/refunds").unwrap().status, Some(500));
        assert!(faults.take(Target::Stripe, "webhook refund.created").unwrap().duplicate);
        faults.add(Fault { drop: true, operation: Some("webhook charge".to_owned()), ..Fault::of(Target::Stripe) });
        assert_eq!(faults.take(Target::Stripe, "webhook refund.created"), None);
        assert!(faults.take(Target::Stripe, "webhook charge.refunded").unwrap().drop);
    }

    #[test]
    fn a_fault_put_again_replaces_the_first() {
        let faults = Faults::default();
        faults.put(Fault { status: Some(500), times: 9, ..Fault::of(Target::Lms) });
        faults.put(Fault { status: Some(429), ..Fault::of(Target::Lms) });
        assert_eq!(faults.list(), vec![Fault { status: Some(429), ..Fault::of(Target::Lms) }]);
    }
}
