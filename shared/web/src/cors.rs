//! Which web sites may call us from a browser: a list from the configuration, never `*`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::answer::{RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET};
use crate::idempotency::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
use crate::identity::{SESSION_ID, X_CLIENT_KEY, X_CSRF_TOKEN, X_CSRFTOKEN};
use crate::request_id::X_REQUEST_ID;

/// How long a browser may remember a preflight: Chromium's own ceiling is two hours; ten minutes keeps a change of
/// the configuration from lingering.
const PREFLIGHT: Duration = Duration::from_mins(10);

/// What Open edX's front ends send with every call; it decides nothing here, but a browser asks for leave to send it.
const USE_JWT_COOKIE: HeaderName = HeaderName::from_static("use-jwt-cookie");

/// Text that is not a web origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin must be like https://shop.example or http://localhost:3000, without a path")]
pub struct BadOrigin;

/// A web origin as browsers send it: scheme, host and, unless it is the scheme's own, port; in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(BadOrigin)?;
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
        if rest.is_empty() || !rest.bytes().all(good) {
            return Err(BadOrigin);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| BadOrigin)
    }
}

/// Never text that is not ASCII: that was refused.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

impl Origin {
    /// Whether a request's `Origin` header names this origin.
    #[must_use]
    pub fn is(&self, header: &HeaderValue) -> bool {
        self.0 == header
    }
}

pub(crate) fn layer(origins: &[Origin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
            SESSION_ID,
            USE_JWT_COOKIE,
            X_CLIENT_KEY,
            X_CSRF_TOKEN,
            X_CSRFTOKEN,
            X_REQUEST_ID,
        ])
        .expose_headers([
            ETAG,
            LINK,
            LOCATION,
            RETRY_AFTER,
            RATELIMIT_LIMIT,
            RATELIMIT_REMAINING,
            RATELIMIT_RESET,
            IDEMPOTENT_REPLAYED,
            SESSION_ID,
            X_CSRF_TOKEN,
            X_REQUEST_ID,
        ])
        .max_age(PREFLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_more() {
        for good in ["https://shop.example", "http://localhost:3000", "http://[::1]:8000"] {
            assert!(good.parse::<Origin>().unwrap().is(&HeaderValue::from_static(good)));
        }
        for bad in [
            "*",
            "null",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://*.example",
            "https://Shop.example",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
    }
}
