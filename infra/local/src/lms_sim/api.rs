//! The API's envelope: faults, tokens, and which operation a path names; and our own listing of what was granted.

use axum::body::Bytes;
use axum::extract::{RawQuery, State as Extract};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::Answer;
use super::state::{Enrollment, Entitlement, State};
use super::{LmsSim, courses, enrollments, entitlements, tokens};
use crate::faults::{self, Target};

/// What an operation works on.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) body: &'a [u8],
    pub(crate) now: Timestamp,
}

impl Call<'_> {
    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
            Ok(_) => Err(Answer::detail(StatusCode::BAD_REQUEST, "Invalid data. Expected a dictionary.")),
            Err(error) => Err(Answer::detail(StatusCode::BAD_REQUEST, &format!("JSON parse error - {error}"))),
        }
    }
}

/// Every call of the platform's own API.
pub(crate) async fn handle(Extract(sim): Extract<LmsSim>, parts: Parts, body: Bytes) -> Response {
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let operation = format!("{} {path}", parts.method);
    let request_id = parts.headers.get("x-request-id").and_then(|value| value.to_str().ok());
    sim.called(request_id.unwrap_or_default(), &operation);
    let fault = sim.faults().take(Target::Lms, &format!("{operation}{}", learner(&body)));
    let effect = || execute(&sim, &parts, &path, &body).into_response();
    faults::apply(fault, effect, |status| Answer::forced(status).into_response()).await
}

/// Whom a call is about, so that a fault can be for one learner.
fn learner(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.get("user").and_then(Value::as_str).map_or_else(String::new, |user| format!(" of {user}"))
}

fn execute(sim: &LmsSim, parts: &Parts, path: &str, body: &[u8]) -> Answer {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if segments == ["oauth2", "access_token"] {
        return match parts.method.as_str() {
            "POST" => tokens::grant(sim, &parts.headers, body),
            _ => Answer::empty(StatusCode::METHOD_NOT_ALLOWED),
        };
    }
    let act = |state: &mut State, now: Timestamp| {
        tokens::admit(state, &parts.headers, now)?;
        let mut call = Call { state, body, now };
        match (parts.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "entitlements", "v1", "entitlements"]) => {
                Ok(entitlements::list(&call, parts.uri.query().unwrap_or_default()))
            }
            (method, segments) => dispatch(&mut call, method, segments),
        }
    };
    let result = if parts.method == http::Method::GET { sim.read(act) } else { sim.change(act) };
    result.unwrap_or_else(|refusal| refusal)
}

/// A course key of the older kind has `/` in it: `Org/Course/Run`, which Open edX reads to the path's end.
fn dispatch(call: &mut Call<'_>, method: &str, segments: &[&str]) -> Result<Answer, Answer> {
    match (method, segments) {
        ("POST", ["api", "enrollment", "v1", "enrollment"]) => enrollments::enroll(call),
        ("GET", ["api", "enrollment", "v1", "enrollment", pair @ ..]) => Ok(enrollments::read(call, &pair.join("/"))),
        ("GET", ["api", "commerce", "v1", "courses", key @ ..]) => courses::read(call, &key.join("/")),
        ("PUT", ["api", "commerce", "v1", "courses", key @ ..]) => courses::publish(call, &key.join("/")),
        ("GET", ["api", "course_modes", "v1", "courses", key @ ..]) => courses::list_modes(call, &key.join("/")),
        ("POST", ["api", "course_modes", "v1", "courses", key @ ..]) => courses::add_mode(call, &key.join("/")),
        ("POST", ["api", "entitlements", "v1", "entitlements"]) => entitlements::grant(call),
        ("DELETE", ["api", "entitlements", "v1", "entitlements", uuid]) => Ok(entitlements::revoke(call, uuid)),
        _ => Err(Answer::empty(StatusCode::NOT_FOUND)),
    }
}

/// `GET /enrollments?username=`: what was granted, to everyone or to one learner. A local control, without a token.
pub(crate) async fn list_grants(Extract(sim): Extract<LmsSim>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "username");
    let of = |user: &str| wanted.as_ref().is_none_or(|(_, wanted)| wanted == user);
    let body = sim.read(|state, _| {
        let places: Vec<&Enrollment> = state.enrollments.iter().filter(|place| of(&place.user)).collect();
        let rights: Vec<&Entitlement> = state.entitlements.iter().filter(|right| of(&right.user)).collect();
        json!({ "enrollments": places, "entitlements": rights })
    });
    axum::Json(body).into_response()
}
