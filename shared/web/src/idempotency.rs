//! `Idempotency-Key`: the caller's name for one attempt to move money, and the fingerprint of what it asked.
//!
//! What a key did is kept by `store`, under the caller's own key: two callers may use the same text.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderName, Method};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::code::Code;
use crate::problem::Problem;

/// The request header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Set to `true` on an answer that is a replay of the first one.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The caller's key: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Err(Problem::new(Code::MissingIdempotencyKey)) };
        let text = value.to_str().unwrap_or_default();
        let good = (1..=255).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        if !good || values.next().is_some() {
            let rule = "Idempotency-Key must be one value of 1 to 255 printable ASCII characters";
            return Err(Problem::new(Code::BadRequest).detail(rule));
        }
        Ok(Self(text.to_owned()))
    }
}

/// SHA-256 in hexadecimal over method, path and raw body: the same key with another fingerprint is another request.
#[must_use]
pub fn fingerprint(method: &Method, path: &str, body: &[u8]) -> String {
    let mut hasher = Sha256::new();
    // Neither a method nor a path contains a line break.
    hasher.update(format!("{method}\n{path}\n"));
    hasher.update(body);
    hex::encode(hasher.finalize())
}

/// As [`fingerprint`], over a parsed body, so that spacing and the order of its fields do not matter.
///
/// # Errors
/// `internal` if the body cannot be written as JSON, which no type of ours does.
pub fn fingerprint_of(method: &Method, path: &str, body: &impl Serialize) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    Ok(fingerprint(method, path, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(values: &[&[u8]]) -> Result<IdempotencyKey, Code> {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        for value in values {
            parts.headers.append(IDEMPOTENCY_KEY, http::HeaderValue::from_bytes(value).unwrap());
        }
        IdempotencyKey::from_request_parts(&mut parts, &()).await.map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_key_is_one_printable_text() {
        assert_eq!(read(&[b"order 7/a"]).await, Ok(IdempotencyKey("order 7/a".to_owned())));
        assert_eq!(read(&[]).await, Err(Code::MissingIdempotencyKey));
        assert_eq!(read(&[b""]).await, Err(Code::BadRequest));
        assert_eq!(read(&[&[b'a'; 256]]).await, Err(Code::BadRequest));
        assert_eq!(read(&["schlüssel".as_bytes()]).await, Err(Code::BadRequest));
        assert_eq!(read(&[b"a", b"b"]).await, Err(Code::BadRequest));
    }

    #[test]
    fn another_method_path_or_body_is_another_request() {
        let first = fingerprint(&Method::POST, "/api/v1/checkout", b"{}");
        assert_eq!(first, fingerprint_of(&Method::POST, "/api/v1/checkout", &serde_json::json!({})).unwrap());
        assert_eq!(first.len(), 64);
        assert_ne!(first, fingerprint(&Method::PUT, "/api/v1/checkout", b"{}"));
        assert_ne!(first, fingerprint(&Method::POST, "/api/v1/checkouts", b"{}"));
        assert_ne!(first, fingerprint(&Method::POST, "/api/v1/checkout", b"[]"));
    }
}
