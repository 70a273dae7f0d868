//! One answer of the platform: a status, and a body in the words that Open edX uses.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A status and a body; `None` is an empty body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
}

impl Answer {
    pub(crate) const fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body) }
    }

    pub(crate) const fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) const fn empty(status: StatusCode) -> Self {
        Self { status, body: None }
    }

    /// A refusal with `{"message"}`, as the enrolment API words it.
    pub(crate) fn message(status: StatusCode, message: &str) -> Self {
        Self::json(status, json!({ "message": message }))
    }

    /// 400 with `{"message"}`.
    pub(crate) fn bad(message: &str) -> Self {
        Self::message(StatusCode::BAD_REQUEST, message)
    }

    /// A refusal with `{"detail"}`, as the framework under the platform words it.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::json(status, json!({ "detail": detail }))
    }

    /// What a forced status looks like.
    pub(crate) fn forced(status: StatusCode) -> Self {
        let said = "The local cloud was told to fail this call.";
        match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_ACCEPTABLE => Self::message(status, said),
            status => Self::detail(status, said),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, axum::Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("JWT realm=\"api\""));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        }
        response
    }
}
