//! Problem details (RFC 9457): the one shape of every answer that is not a success.
//!
//! A [`Problem`] is made where something is refused and rendered at the edge. It rides along as a response extension,
//! so that the outermost layer can write the request's id into the body without the handler knowing it. What went wrong
//! inside is logged here, once, with its chain of causes, and never reaches a body.

use std::error::Error;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::code::Code;
use crate::request_id::RequestId;

/// Seconds after which a caller may try again when we are unavailable: longer than a DynamoDB throttle lasts, short
/// enough for a person to wait.
const RETRY_SECONDS: u32 = 2;

/// The challenge that edX clients know, and that makes them fetch a new token.
const CHALLENGE: HeaderValue = HeaderValue::from_static("JWT realm=\"api\"");

/// One invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, such as `/lines/0/sku`. A query parameter is `/name`.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The body of every answer that is not a success: `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// `urn:bursar:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A sentence for the code, always the same.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is particular to this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The stable code, to branch on.
    pub code: &'static str,
    /// The request's id, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The invalid fields, if the code is `invalid_fields`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What became of each item of a request for several, if the code is `nothing_done`: as in its other answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Value>,
}

/// A refusal or failure on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    results: Option<Value>,
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem with nothing to say beyond its code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), results: None, retry_after: None }
    }

    /// Adds what is particular to this occurrence; written for the caller, without internals.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds an invalid field by its JSON pointer.
    #[must_use]
    pub fn error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The same about something that is a part of what was sent: its pointers are relative to `pointer`.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        self
    }

    /// Adds what became of each item.
    #[must_use]
    pub fn results(mut self, results: &impl Serialize) -> Self {
        self.results = serde_json::to_value(results).ok();
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// One invalid field: `invalid_fields` with a single error.
    #[must_use]
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidFields).error(pointer, detail)
    }

    /// A failure that trying again will not mend: logs `cause` with its chain and answers 500 without it.
    #[must_use]
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(cause = chain(cause), "request failed");
        Self::new(Code::Internal)
    }

    /// A failure that passes: logs `cause` with its chain and answers 503 with `Retry-After`, without it.
    #[must_use]
    pub fn unavailable(cause: &(dyn Error + 'static)) -> Self {
        tracing::warn!(cause = chain(cause), "a dependency is unavailable");
        Self::new(Code::Unavailable).retry_after(RETRY_SECONDS)
    }

    /// As [`Problem::unavailable`], under a code that names what is unavailable.
    #[must_use]
    pub fn unavailable_as(code: Code, cause: &(dyn Error + 'static)) -> Self {
        Self { code, ..Self::unavailable(cause) }
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The invalid fields.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    fn body(&self, request_id: Option<&RequestId>) -> Body {
        let details = ProblemDetails {
            kind: format!("urn:bursar:problem:{}", self.code),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str(),
            request_id: request_id.map(|id| id.as_str().to_owned()),
            errors: self.errors.clone(),
            results: self.results.clone(),
        };
        // Strings and integers always serialise; an empty body would still carry the right status.
        Body::from(serde_json::to_vec(&details).unwrap_or_default())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), self.headers(), self.body(None)).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the request's id into the body, if the response is a [`Problem`].
pub(crate) fn with_request_id(mut response: Response, id: &RequestId) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, problem.body(Some(id)))
}

/// An error and its causes in one line, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::testing::{body_text, header};

    #[derive(Debug, thiserror::Error)]
    #[error("row of order ord_1 cannot be read")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no attribute `total`")]
    struct Inner;

    #[tokio::test]
    async fn a_problem_shows_its_code_detail_and_fields() {
        let problem = Problem::field("/lines/0/sku", "must not be empty").detail("one line is wrong");
        let response = with_request_id(problem.into_response(), &RequestId::known("r-1"));
        assert_eq!(response.status().as_u16(), 422);
        assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        expect![[r#"{"type":"urn:bursar:problem:invalid_fields","title":"one or more fields are not valid","status":422,"detail":"one line is wrong","code":"invalid_fields","request_id":"r-1","errors":[{"pointer":"/lines/0/sku","detail":"must not be empty"}]}"#]]
            .assert_eq(&body_text(response).await);
    }

    #[tokio::test]
    async fn internal_causes_are_logged_in_full_and_never_shown() {
        assert_eq!(chain(&Outer(Inner)), "row of order ord_1 cannot be read: no attribute `total`");
        let response = Problem::internal(&Outer(Inner)).into_response();
        expect![[r#"{"type":"urn:bursar:problem:internal","title":"something went wrong on our side","status":500,"code":"internal"}"#]]
            .assert_eq(&body_text(response).await);
    }

    #[test]
    fn unauthorized_carries_the_challenge_and_unavailable_the_delay() {
        let response = Problem::new(Code::Unauthorized).into_response();
        assert_eq!(header(&response, "www-authenticate"), Some("JWT realm=\"api\""));
        let response = Problem::unavailable(&Inner).into_response();
        assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, Some("2")));
    }
}
