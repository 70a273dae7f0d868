//! What surrounds every router: one function, so that no function of ours answers differently from another.
//!
//! From the outside in: request id, log line and headers; CORS; panics; the size of bodies; the route. Apply it once, to
//! the finished router: on AWS that is one function's, in the local cloud the merge of all.

use std::any::Any;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tower_http::catch_panic::CatchPanicLayer;
use trace::{TRACEPARENT, TraceParent, X_AMZN_TRACE_ID};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::answer::Notes;
use crate::body::MAX_BODY;
use crate::code::Code;
use crate::context::Http;
use crate::cors;
use crate::identity::{Hop, Screened};
use crate::problem::{Problem, with_request_id};
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::{metrics, telemetry};

/// Puts the HTTP contract around a finished router: its unknown paths and methods answer problems, panics answer 500,
/// and every request has an id and one line in the log.
///
/// It sets the fallback, so the router must not have one; merge routers first.
pub fn contract(router: Router, http: &Http) -> Router {
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors::layer(http.allowed_origins()))
        .layer(middleware::from_fn_with_state(http.clone(), frame))
}

async fn nothing_here() -> Problem {
    Problem::new(Code::NotFound)
}

async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let literal = panic.downcast_ref::<&str>().copied();
    let message = literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(message, "a handler panicked");
    Problem::new(Code::Internal).into_response()
}

/// Request id, span, log line and headers.
async fn frame(State(http): State<Http>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), http.entropy());
    let line = Line::of(&request, &http);
    let notes = Notes::default();
    let Screened { hop, set_aside, dropped } = Hop::screen(request.headers_mut(), http.gateway());
    notes.dropped_headers(dropped);
    request.extensions_mut().insert(hop);
    if let Some(set_aside) = set_aside {
        request.extensions_mut().insert(set_aside);
    }
    request.extensions_mut().insert(notes.clone());
    request.extensions_mut().insert(id.clone());
    let span = line.span(&id, &http);
    trace::begin(&span, from_where(request.headers()));
    let answer = async {
        metrics::identity_headers_dropped(dropped);
        let mut response = next.run(request).await;
        notes.write(response.headers_mut(), http.secure_cookies());
        line.log(&response, &notes, &http);
        note_status(response.status());
        response
    };
    let response = answer.instrument(span).await;
    telemetry::flush().await;
    finish(response, &id)
}

/// Where the caller stands in a trace: as it says, else as AWS says.
fn from_where(headers: &HeaderMap) -> Option<TraceParent> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text(TRACEPARENT).and_then(TraceParent::parse).or_else(|| text(X_AMZN_TRACE_ID).and_then(TraceParent::from_xray))
}

fn note_status(status: StatusCode) {
    let span = Span::current();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "error");
    }
}

fn finish(response: Response, id: &RequestId) -> Response {
    let mut response = with_request_id(response, id);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Unless a handler knows better, an answer is its caller's own, and may be kept only to be revalidated.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

/// One line of the access log. The route is the pattern that matched: paths and query strings can hold codes and names.
struct Line {
    method: Method,
    route: Option<MatchedPath>,
    began: jiff::Timestamp,
}

impl Line {
    fn of(request: &Request, http: &Http) -> Self {
        Self {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            began: http.clock().issuer_now(),
        }
    }

    /// The request's span. What it concerns is filled in by whoever finds out.
    fn span(&self, id: &RequestId, http: &Http) -> Span {
        tracing::info_span!(
            target: trace::TARGET,
            "request",
            request_id = id.as_str(),
            tenant = http.tenant().as_str(),
            order = Empty,
            event = Empty,
            event_type = Empty,
            outcome = Empty,
            trace_id = Empty,
            "otel.name" = format!("{} {}", self.method, self.route()),
            "otel.kind" = "server",
            "otel.status_code" = Empty,
            "http.request.method" = self.method.as_str(),
            "http.route" = self.route.as_ref().map(MatchedPath::as_str),
            "http.response.status_code" = Empty,
        )
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    fn log(&self, response: &Response, notes: &Notes, http: &Http) {
        let took = http.clock().issuer_now().duration_since(self.began);
        // A wider number would be logged as text.
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        tracing::info!(
            method = self.method.as_str(),
            route = self.route(),
            status = response.status().as_u16(),
            code = response.extensions().get::<Problem>().map(|problem| problem.code().as_str()),
            dropped_identity_headers = notes.dropped(),
            duration_ms = took_ms,
            "request"
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use bytes::Bytes;
    use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};

    use super::*;
    use crate::json::Json;
    use crate::testing::{body_text, captured_log, header, http as test_http, request, send};

    async fn app() -> Router {
        async fn panics() -> &'static str {
            panic!("row 7 is broken");
        }
        let router = Router::new()
            .route("/items/{id}", get(async |id: RequestId| id.as_str().to_owned()))
            .route("/panics", get(panics))
            .route("/bytes", post(async |body: Bytes| body.len().to_string()))
            .route("/json", post(async |Json(_): Json<serde_json::Value>| "ok"));
        contract(router, &test_http().await)
    }

    #[tokio::test]
    async fn every_answer_carries_the_request_id_and_the_headers() {
        let asked = request("GET", "/items/7", &[("x-request-id", "abc-1")], "");
        let response = send(&app().await, asked).await;
        assert_eq!(header(&response, "x-request-id"), Some("abc-1"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&response, "cache-control"), Some("private, no-cache"));
        assert_eq!(body_text(response).await, "abc-1");
    }

    #[tokio::test]
    async fn unknown_paths_wrong_methods_panics_and_big_bodies_are_problems() {
        let big = "a".repeat(MAX_BODY + 1);
        let json = [("content-type", "application/json")];
        for (method, uri, headers, body, status, code) in [
            ("GET", "/nowhere?x=1", &[][..], "", 404, "not_found"),
            ("DELETE", "/items/7", &[], "", 405, "method_not_allowed"),
            ("GET", "/panics", &[], "", 500, "internal"),
            ("POST", "/json", &json, &big, 413, "payload_too_large"),
            ("POST", "/json", &json, "{", 400, "malformed_json"),
        ] {
            let response = send(&app().await, request(method, uri, headers, body)).await;
            assert_eq!(response.status().as_u16(), status, "{uri}");
            assert_eq!(header(&response, "content-type"), Some("application/problem+json"), "{uri}");
            let id = header(&response, "x-request-id").unwrap().to_owned();
            let announced = header(&response, "content-length").map(ToOwned::to_owned);
            let body = body_text(response).await;
            assert_eq!(announced, Some(body.len().to_string()), "{uri}");
            let details: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((details["code"].as_str(), details["request_id"].as_str()), (Some(code), Some(id.as_str())));
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones_and_a_head_gets_no_body() {
        let response = send(&app().await, request("DELETE", "/items/7", &[], "")).await;
        assert_eq!(header(&response, "allow"), Some("GET,HEAD"));
        let response = send(&app().await, request("HEAD", "/nowhere", &[], "")).await;
        assert_eq!((response.status().as_u16(), body_text(response).await.as_str()), (404, ""));
    }

    #[tokio::test]
    async fn a_raw_body_beyond_the_limit_is_refused_too() {
        let response = send(&app().await, request("POST", "/bytes", &[], &"a".repeat(MAX_BODY + 1))).await;
        assert_eq!(response.status().as_u16(), 413);
    }

    #[tokio::test]
    async fn only_listed_origins_may_read_answers() {
        for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false), ("null", false)] {
            for (method, extra) in [("GET", ("accept", "*/*")), ("OPTIONS", ("access-control-request-method", "PATCH"))]
            {
                let asked = request(method, "/items/7", &[(ORIGIN.as_str(), origin), extra], "");
                let response = send(&app().await, asked).await;
                let answered = response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap());
                assert_eq!(answered, allowed.then_some(origin), "{method} from {origin}");
                assert_eq!(header(&response, ACCESS_CONTROL_ALLOW_CREDENTIALS.as_str()), Some("true"));
            }
        }
        let asked = request("GET", "/nowhere", &[("origin", "https://shop.example")], "");
        let exposed = send(&app().await, asked).await;
        let names = header(&exposed, "access-control-expose-headers").unwrap();
        for name in ["etag", "location", "x-request-id", "session-id", "idempotent-replayed"] {
            assert!(names.contains(name), "{names}");
        }
    }

    #[tokio::test]
    async fn the_log_has_one_line_a_request_without_paths_or_queries() {
        let asked = request("GET", "/items/ada@example.com?token=hush", &[("x-request-id", "abc-1")], "");
        let log = {
            let app = app().await;
            captured_log(async { send(&app, asked).await }).await
        };
        let line: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
        let text = |name: &str| line[name].as_str();
        assert_eq!(
            (text("method"), text("route"), line["status"].as_u64()),
            (Some("GET"), Some("/items/{id}"), Some(200))
        );
        assert!(line["duration_ms"].is_i64(), "{log}");
        assert_eq!((text("request_id"), text("tenant")), (Some("abc-1"), Some("default")));
        assert!(!log.contains("ada") && !log.contains("hush"), "{log}");
    }

    #[tokio::test]
    async fn a_panic_is_logged_and_not_shown() {
        let app = app().await;
        let mut shown = String::new();
        let log =
            captured_log(async { shown = body_text(send(&app, request("GET", "/panics", &[], "")).await).await }).await;
        assert!(log.contains("row 7 is broken"), "{log}");
        assert!(!shown.contains("row 7"), "{shown}");
    }
}
