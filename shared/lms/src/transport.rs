//! One call to the LMS: authorisation, time limits, and what a refusal means.

use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response};
use serde_json::Value;
use trace::TRACEPARENT;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::{Lms, LmsError};

/// A connection in one region takes milliseconds.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// The whole call, tokens included. edX ecommerce used the same limit for enrolments.
const TOTAL: Duration = Duration::from_secs(7);
/// An enrolment with its course is some KiB.
const MOST_ANSWER_BYTES: usize = 256 * 1024;
/// What may stand in a path's segment, or in a query's value, as it is.
pub(crate) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
/// What staff is shown of a refusal.
const MOST_MESSAGE_CHARS: usize = 300;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty if it was too large or no text.
    pub(crate) body: String,
    retry_after: Option<Duration>,
}

/// What to call.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// From the LMS root, with a leading slash.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Lms {
    /// Makes a call with a good token, and once more with a fresh one if the LMS refuses it.
    pub(crate) async fn call(&self, call: Call, now: Timestamp) -> Result<Answer, LmsError> {
        match tokio::time::timeout(TOTAL, self.authorised(&call, now)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(LmsError::Timeout),
        }
    }

    async fn authorised(&self, call: &Call, now: Timestamp) -> Result<Answer, LmsError> {
        let mut refused: Option<HeaderValue> = None;
        loop {
            let token = self.tokens.authorization(&self.http, &self.headers, refused.as_ref(), now).await?;
            let answer = self.once(call, token.clone()).instrument(span(call)).await?;
            match answer.status {
                401 if refused.is_some() => return Err(LmsError::Unauthorized),
                401 => refused = Some(token),
                _ => return Ok(answer),
            }
        }
    }

    async fn once(&self, call: &Call, authorization: HeaderValue) -> Result<Answer, LmsError> {
        let url = format!("{}{}", self.base, call.path);
        let request = self.http.request(call.method.clone(), url).headers(self.headers.clone());
        let request = request.header(AUTHORIZATION, authorization);
        let request = match trace::current() {
            Some(here) => request.header(TRACEPARENT, here.to_string()),
            None => request,
        };
        let request = match &call.body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        Span::current().record("http.response.status_code", status);
        let retry_after = retry_after(&response);
        let body = read(response).await.map_err(no_answer)?.unwrap_or_default();
        Ok(Answer { status, body, retry_after })
    }
}

/// The span of one try. Without the path, which may hold a username.
fn span(call: &Call) -> Span {
    tracing::info_span!(
        target: trace::TARGET,
        "lms",
        "otel.name" = format!("LMS {}", call.method),
        "otel.kind" = "client",
        "http.request.method" = call.method.as_str(),
        "http.response.status_code" = Empty,
    )
}

fn no_answer(error: reqwest::Error) -> LmsError {
    // The address may hold a username, and errors are logged.
    if error.is_timeout() { LmsError::Timeout } else { LmsError::Unreachable(error.without_url()) }
}

/// `Retry-After` in seconds; the LMS does not use the form with a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body as text, or nothing if it is too large or no text.
pub(crate) async fn read(mut response: Response) -> Result<Option<String>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MOST_ANSWER_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(bytes).ok())
}

impl Answer {
    /// What an answer means that is not the one hoped for.
    pub(crate) fn refusal(&self) -> LmsError {
        match self.status {
            400 => LmsError::BadRequest { message: self.message() },
            403 => LmsError::Forbidden { message: self.message() },
            404 => LmsError::NotFound,
            408 => LmsError::Timeout,
            429 => LmsError::RateLimited { retry_after: self.retry_after },
            status @ 500..=599 => LmsError::Server { status },
            status => LmsError::BadAnswer { status },
        }
    }

    /// The text of a refusal: `message` or `detail` of a JSON body, else the body itself.
    pub(crate) fn message(&self) -> String {
        let json: Option<Value> = serde_json::from_str(&self.body).ok();
        let told = json.as_ref().and_then(|json| json.get("message").or_else(|| json.get("detail"))?.as_str());
        let shown = told.unwrap_or(&self.body).trim();
        shown.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_MESSAGE_CHARS).collect()
    }
}
