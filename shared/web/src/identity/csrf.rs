//! Forged requests: what a browser must show beyond the cookie that it sends by itself.
//!
//! A write that rests on the session cookie alone needs `X-CSRF-Token`, which another site can neither read nor, without
//! our leave by CORS, send. If the browser says where the request comes from, that must be an allowed site or our own
//! host. The latter holds also for the write that mints a session: else any site could replace a visitor's basket.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

use super::session::csrf_token;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// The header that proves that the page could read the session's token.
pub const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// Checks a write that rests on the session cookie `value` alone.
pub(super) fn check(parts: &Parts, value: &str, http: &Http) -> Result<(), Problem> {
    check_origin(parts, http)?;
    let given = parts.headers.get(X_CSRF_TOKEN).map(HeaderValue::as_bytes).unwrap_or_default();
    if !bool::from(given.ct_eq(csrf_token(value, http).as_bytes())) {
        return Err(Problem::new(Code::CsrfFailed).detail("X-CSRF-Token is missing or not this session's"));
    }
    Ok(())
}

/// Checks that a request's `Origin`, if it has one, is an allowed site or our own host.
pub(super) fn check_origin(parts: &Parts, http: &Http) -> Result<(), Problem> {
    let Some(origin) = parts.headers.get(ORIGIN) else { return Ok(()) };
    if http.allows(origin) || is_own_host(parts, origin, http.secure_cookies()) {
        return Ok(());
    }
    Err(Problem::new(Code::CsrfFailed).detail("requests from this origin are not allowed"))
}

/// Whether `origin` is the host that the request was sent to; over TLS, where we require it for cookies.
fn is_own_host(parts: &Parts, origin: &HeaderValue, tls: bool) -> bool {
    let from_header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = from_header.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    let sent_from = origin.to_str().unwrap_or_default();
    let bare = sent_from.strip_prefix("https://").or_else(|| sent_from.strip_prefix("http://").filter(|_| !tls));
    bare.zip(host).is_some_and(|(bare, host)| bare.eq_ignore_ascii_case(host))
}
