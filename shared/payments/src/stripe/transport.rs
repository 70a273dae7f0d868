//! One call to Stripe: headers, time limits, retries, and what a failure means.
//!
//! Source of the retry rule: Stripe's own libraries. A call is repeated with the same idempotency key when there was no
//! answer, when `Stripe-Should-Retry` says so, and otherwise on 409 and 5xx. A connection that was pooled before the
//! Lambda froze is dead after it, so even a first failure says nothing about Stripe.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use trace::TRACEPARENT;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::wire::ErrorBody;
use crate::ProcessorError;

/// The API version that our requests and answers are written in.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";
/// A connection in one region takes milliseconds.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// All tries of one call together: a function answers within ten seconds.
const TOTAL: Duration = Duration::from_secs(8);
/// Further tries after the first.
const RETRIES: u32 = 2;
const FIRST_BACKOFF_MS: u64 = 100;
/// Answers are some KiB; more than this is not Stripe, and would not fit a journal row.
const MOST_ANSWER_BYTES: usize = 256 * 1024;

/// A failure together with the answer as it came, which says more than its class.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ProcessorError,
    /// Empty if there was no answer.
    pub(crate) raw: String,
}

impl From<ProcessorError> for Failure {
    fn from(error: ProcessorError) -> Self {
        Self { error, raw: String::new() }
    }
}

impl From<Failure> for ProcessorError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A request that can be built anew for each try.
pub(crate) struct Call<'a> {
    pub(crate) http: &'a reqwest::Client,
    pub(crate) url: String,
    /// The form body and its idempotency key; a GET has none.
    pub(crate) post: Option<(&'a str, String)>,
    pub(crate) headers: HeaderMap,
}

impl Call<'_> {
    /// Makes the call, and again if that may help, within the total time.
    pub(crate) async fn send(&self) -> Result<String, Failure> {
        match tokio::time::timeout(TOTAL, self.tries()).await {
            Ok(result) => result,
            Err(elapsed) => Err(ProcessorError::Unreachable(Box::new(elapsed)).into()),
        }
    }

    async fn tries(&self) -> Result<String, Failure> {
        let mut retries = 0;
        loop {
            let (failure, again) = match self.once().instrument(self.span()).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            if !again || retries == RETRIES {
                return Err(failure);
            }
            tracing::info!(error = %failure.error, retries, "stripe call is repeated");
            tokio::time::sleep(self.backoff(retries)).await;
            retries += 1;
        }
    }

    /// One try; a failure comes with whether to try again.
    async fn once(&self) -> Result<String, (Failure, bool)> {
        let no_answer = |error: reqwest::Error| (ProcessorError::Unreachable(Box::new(error)).into(), true);
        let response = self.request().send().await.map_err(no_answer)?;
        let status = response.status();
        Span::current().record("http.response.status_code", status.as_u16());
        let should_retry = response.headers().get("stripe-should-retry").cloned();
        let raw = match read(response).await.map_err(no_answer)? {
            Some(raw) => raw,
            None => return Err((ProcessorError::BadAnswer { status: status.as_u16() }.into(), false)),
        };
        if status == StatusCode::OK {
            return Ok(raw);
        }
        let again = match should_retry.as_ref().map(HeaderValue::as_bytes) {
            Some(b"true") => true,
            Some(b"false") => false,
            Some(_) | None => status == StatusCode::CONFLICT || status.is_server_error(),
        };
        Err((Failure { error: classify(status.as_u16(), &raw), raw }, again))
    }

    /// The span of one try.
    fn span(&self) -> Span {
        let method = if self.post.is_some() { "POST" } else { "GET" };
        tracing::info_span!(
            target: trace::TARGET,
            "stripe",
            "otel.name" = format!("Stripe {method}"),
            "otel.kind" = "client",
            "http.request.method" = method,
            "http.response.status_code" = Empty,
        )
    }

    fn request(&self) -> RequestBuilder {
        let request = match &self.post {
            Some((body, key)) => self
                .http
                .post(&self.url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("idempotency-key", key)
                .body((*body).to_owned()),
            None => self.http.get(&self.url),
        };
        let request = match trace::current() {
            Some(here) => request.header(TRACEPARENT, here.to_string()),
            None => request,
        };
        request.header("stripe-version", API_VERSION).headers(self.headers.clone())
    }

    /// 100 ms doubled with each retry, and up to as much again, which differs between calls: entropy is not needed to
    /// spread them.
    fn backoff(&self, retries: u32) -> Duration {
        let base = FIRST_BACKOFF_MS << retries;
        let mut hasher = DefaultHasher::new();
        (&self.url, self.post.as_ref().map(|(_, key)| key), retries).hash(&mut hasher);
        Duration::from_millis(base + hasher.finish() % base)
    }
}

/// The body as text, or nothing if it is too large or no text.
async fn read(mut response: Response) -> Result<Option<String>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MOST_ANSWER_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(bytes).ok())
}

/// What an answer other than 200 means. Source: Stripe's error reference; 409 is a key in use, 400 with
/// `idempotency_error` a key used with other parameters.
fn classify(status: u16, body: &str) -> ProcessorError {
    let error = serde_json::from_str::<ErrorBody>(body).unwrap_or_default().error;
    let kind = error.kind.as_deref();
    let code = error.code.or_else(|| error.kind.clone()).unwrap_or_else(|| format!("http_{status}"));
    match status {
        402 => ProcessorError::Declined { code: error.decline_code.unwrap_or(code) },
        429 => ProcessorError::RateLimited,
        400 if code == "rate_limit" => ProcessorError::RateLimited,
        409 => ProcessorError::Idempotency { in_flight: true },
        400..=499 if kind == Some("idempotency_error") => ProcessorError::Idempotency { in_flight: false },
        // A proxy's request timeout: the call may have gone through.
        408 | 500..=599 => ProcessorError::Server { status },
        400..=499 => ProcessorError::InvalidRequest { status, code },
        _ => ProcessorError::BadAnswer { status },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, shown: &str, (retryable, outcome_unknown): (bool, bool)) {
        let error = classify(status, body);
        let seen = (error.to_string(), error.retryable(), error.outcome_unknown());
        assert_eq!(seen, (shown.to_owned(), retryable, outcome_unknown), "{status} {body}");
    }

    #[test]
    fn answers_are_classified() {
        let (known, unknown) = ((false, false), (false, true));
        check(
            402,
            r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card"}}"#,
            "payment declined: lost_card",
            known,
        );
        check(402, r#"{"error":{"type":"card_error","code":"expired_card"}}"#, "payment declined: expired_card", known);
        check(
            400,
            r#"{"error":{"type":"invalid_request_error","code":"amount_too_small"}}"#,
            "processor refuses the request: amount_too_small (status 400)",
            known,
        );
        check(
            404,
            r#"{"error":{"type":"invalid_request_error","code":"resource_missing"}}"#,
            "processor refuses the request: resource_missing (status 404)",
            known,
        );
        check(
            401,
            r#"{"error":{"type":"invalid_request_error"}}"#,
            "processor refuses the request: invalid_request_error (status 401)",
            known,
        );
        check(403, "", "processor refuses the request: http_403 (status 403)", known);
        check(429, r#"{"error":{"code":"rate_limit"}}"#, "processor limits the rate of calls", (true, false));
        check(400, r#"{"error":{"code":"rate_limit"}}"#, "processor limits the rate of calls", (true, false));
        check(409, "{}", "idempotency key is taken (in flight: true)", (true, true));
        check(400, r#"{"error":{"type":"idempotency_error"}}"#, "idempotency key is taken (in flight: false)", unknown);
        check(500, "<html>", "processor failed with status 500", (true, true));
        check(503, r#"{"error":7}"#, "processor failed with status 503", (true, true));
        check(408, "", "processor failed with status 408", (true, true));
        check(302, "", "processor's answer cannot be read (status 302)", unknown);
        check(204, "", "processor's answer cannot be read (status 204)", unknown);
    }
}
