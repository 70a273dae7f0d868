//! The request's id: taken from `X-Request-Id` when it is safe to log, made up otherwise, always answered.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::code::Code;
use crate::entropy::Entropy;
use crate::problem::Problem;

/// The header, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that we take over from a caller; a UUID has 36 characters, a trace id 32.
const MAX_LENGTH: usize = 128;

/// The id of the request at hand. As an extractor it needs [`crate::contract`] around the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue, String);

impl RequestId {
    /// The caller's id, or a fresh one if there is none that is safe to log and to answer.
    pub(crate) fn of(headers: &HeaderMap, entropy: &Entropy) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).and_then(Self::parse);
        given.or_else(|| Self::parse(&entropy.hex(16))).unwrap_or_else(|| Self::known("unknown"))
    }

    pub(crate) fn known(id: &'static str) -> Self {
        Self(HeaderValue::from_static(id), id.to_owned())
    }

    fn parse(text: &str) -> Option<Self> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        let good = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(safe);
        let value = HeaderValue::from_str(text).ok().filter(|_| good)?;
        Some(Self(value, text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.1
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::new(Code::Internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_id_is_kept_and_any_other_is_replaced() {
        let entropy = Entropy::seeded(1);
        let long = "a".repeat(129);
        for (given, kept) in [
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", true),
            ("web.1:7_x", true),
            ("", false),
            ("two words", false),
            ("{\"a\":1}", false),
            (long.as_str(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, given.parse().unwrap());
            let id = RequestId::of(&headers, &entropy);
            assert_eq!(id.as_str() == given, kept, "{given}");
            assert!(kept || id.as_str().len() == 32, "{given}");
        }
    }
}
