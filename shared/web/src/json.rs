//! JSON bodies, in and out.
//!
//! In: the media type is checked, the size is bounded, text that is not JSON is `malformed_json` (400), and a value
//! that does not fit is `invalid_fields` (422) with its JSON pointer. Refusing unknown fields is the type's own
//! `#[serde(deny_unknown_fields)]`.

use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::body::RawBody;
use crate::code::Code;
use crate::field_path::field_error;
use crate::problem::Problem;

/// A JSON body: an extractor for requests and an answer.
///
/// `Option<Json<T>>` takes a request without a body and without a content type as `None`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !says_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let RawBody(body) = RawBody::from_request(request, state).await?;
        parse(&body).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let typed = request.headers().contains_key(CONTENT_TYPE);
        let json = says_json(request.headers());
        let RawBody(body) = RawBody::from_request(request, state).await?;
        match (typed, body.is_empty()) {
            (_, true) => Ok(None),
            (true, false) if json => parse(&body).map(|value| Some(Self(value))),
            _ => Err(Problem::new(Code::UnsupportedMediaType)),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a JSON value from bytes, with the same answers as the extractor.
///
/// # Errors
/// `malformed_json` for text that is not JSON, `invalid_fields` for a value that does not fit.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    // A value that does not fit may stand in text that breaks off further on: the text is judged first.
    serde_json::from_slice::<IgnoredAny>(body).map_err(|error| malformed(&error))?;
    // Every body of ours is an object; serde would take a list of its fields' values for it.
    if matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'[')) {
        return Err(Problem::field("", "the body must be an object"));
    }
    // The text is JSON: what is left is a value that does not fit, also where the reader calls it a fault of syntax (a
    // number for an enum, a number out of range, too deep a nesting).
    read.map_err(|error| {
        let field = field_error(&error);
        Problem::field(field.pointer, field.detail)
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("at line {}, column {}", error.line(), error.column());
    Problem::new(Code::MalformedJson).detail(place)
}

/// Whether the content type is `application/json` or `application/<anything>+json`, in UTF-8.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let json = media.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"));
    json && parts.all(|part| part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use domain::text::Sku;
    use serde::Deserialize;

    use super::*;
    use crate::body::MAX_BODY;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Lines {
        #[expect(dead_code, reason = "only reading it matters")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading them matters")]
    struct Line {
        sku: Sku,
        #[serde(default)]
        quantity: u32,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default, rename = "a/b")]
        odd: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Seat,
    }

    #[track_caller]
    fn check(body: &str, code: Code, pointer: Option<&str>, detail: Option<&str>) {
        let problem = parse::<Lines>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), code, "{body}");
        let error = problem.errors().first();
        assert_eq!(error.map(|e| e.pointer.as_str()), pointer, "{body}");
        assert_eq!(error.map(|e| e.detail.as_str()), detail, "{body}");
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_by_its_pointer() {
        let fields = Code::InvalidFields;
        check(
            r#"{"lines":[{"sku":7}]}"#,
            fields,
            Some("/lines/0/sku"),
            Some("invalid type: integer `7`, expected a string"),
        );
        check(
            r#"{"lines":[{"sku":"a"},{"sku":""}]}"#,
            fields,
            Some("/lines/1/sku"),
            Some("sku must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"),
        );
        check(r#"{"lines":[{"quantity":1}]}"#, fields, Some("/lines/0/sku"), Some("is required"));
        check("{}", fields, Some("/lines"), Some("is required"));
        check(
            r#"{"lines":[{"sku":"a","a/b":1}]}"#,
            fields,
            Some("/lines/0/a~1b"),
            Some("invalid type: integer `1`, expected a boolean"),
        );
        check(
            r#"{"lines":[{"sku":"a","quantity":-1}]}"#,
            fields,
            Some("/lines/0/quantity"),
            Some("invalid value: integer `-1`, expected u32"),
        );
        check(r#"{"lines":[],"extra":1}"#, fields, Some("/extra"), Some("unknown field `extra`, expected `lines`"));
        check(r#"{"lines":[],"lines":[]}"#, fields, Some("/lines"), Some("stands twice"));
        check(
            r#"{"lines":[{"sku":"a","kind":7}]}"#,
            fields,
            Some("/lines/0/kind"),
            Some("must be one of the known values, as text"),
        );
        check(r#"{"lines":[{"quantity":1e999}]}"#, fields, Some("/lines/0/quantity"), Some("number out of range"));
        check("[[]]", fields, Some(""), Some("the body must be an object"));
        check("7", fields, Some(""), Some("invalid type: integer `7`, expected an object"));
    }

    #[test]
    fn text_that_is_not_json_is_malformed() {
        for body in [
            "",
            "{",
            "{\"lines\":7",
            "{\"lines\":[{\"sku\":7}]}}",
            "{\"lines\":[]} x",
            "nul",
            "{\"lines\":[\u{1}]}",
            &"[".repeat(500),
        ] {
            check(body, Code::MalformedJson, None, None);
        }
    }

    async fn sent(content_type: Option<&str>, body: Vec<u8>) -> Result<Json<serde_json::Value>, Problem> {
        let mut request = Request::new(Body::from(body));
        if let Some(value) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, value.parse().unwrap());
        }
        <Json<_> as FromRequest<()>>::from_request(request, &()).await
    }

    #[tokio::test]
    async fn the_content_type_must_be_json_in_utf8() {
        for (content_type, good) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=UTF-8"), true),
            (Some("application/merge-patch+json"), true),
            (Some("application/json; charset=latin1"), false),
            (Some("text/plain"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (None, false),
        ] {
            let code = sent(content_type, b"{}".to_vec()).await.err().map(|problem| problem.code());
            assert_eq!(code, (!good).then_some(Code::UnsupportedMediaType), "{content_type:?}");
        }
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        let quoted = |length: usize| format!("\"{}\"", "a".repeat(length - 2)).into_bytes();
        assert_eq!(sent(Some("application/json"), quoted(MAX_BODY)).await.err(), None);
        let problem = sent(Some("application/json"), quoted(MAX_BODY + 1)).await.unwrap_err();
        assert_eq!(problem.code(), Code::PayloadTooLarge);
    }

    #[tokio::test]
    async fn an_optional_body_may_be_absent_but_not_of_another_type() {
        async fn read(request: Request) -> Result<bool, Code> {
            let read = <Json<serde_json::Value> as OptionalFromRequest<()>>::from_request(request, &()).await;
            read.map(|value| value.is_some()).map_err(|problem| problem.code())
        }
        let request = |kind: &str, body: &'static str| {
            http::Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
        };
        assert_eq!(read(Request::new(Body::empty())).await, Ok(false));
        assert_eq!(read(request("application/json", "{}")).await, Ok(true));
        assert_eq!(read(request("application/json", "{")).await, Err(Code::MalformedJson));
        assert_eq!(read(request("text/plain", "{}")).await, Err(Code::UnsupportedMediaType));
        assert_eq!(read(Request::new(Body::from("{}"))).await, Err(Code::UnsupportedMediaType));
    }
}
