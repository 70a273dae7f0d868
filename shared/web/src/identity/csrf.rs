//! Forged requests: what a browser must show beyond the cookies that it sends by itself.
//!
//! A write that rests on a cookie alone needs `X-CSRF-Token`, which another site can neither read nor, without our leave
//! by CORS, send. If the browser says where the request comes from, that must be an allowed site or our own host. The
//! latter holds also for the write that mints a session: else any site could replace a visitor's basket; and for a write
//! by a person whom the gateway names, as the gateway goes by a cookie of its own.

use axum::extract::{FromRef, FromRequestParts};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

use super::basis::is_unsafe;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// The header that proves that the page could read the session's token.
pub const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// The same header as Open edX's front ends call it.
pub(crate) const X_CSRFTOKEN: HeaderName = HeaderName::from_static("x-csrftoken");

/// What a browser says of a request that another site made it send.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request that no page of a foreign site made a browser send: for a write that rests on nothing but its body, such as
/// a login, which could else sign a visitor in as somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameSite;

impl<S: Send + Sync> FromRequestParts<S> for SameSite
where
    Http: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        check_origin(parts, &Http::from_ref(state))?;
        Ok(Self)
    }
}

/// The token that goes with a cookie, as hexadecimal. `subject` is the session cookie's value, or names the user of a
/// token in cookies.
pub(crate) fn csrf_token(subject: &str, http: &Http) -> String {
    hex::encode(http.keys().digest(&["csrf", http.tenant().as_str(), subject]))
}

/// Checks a write that rests on cookies alone, each of which has a token. A read passes.
pub(super) fn check_any<'a>(
    parts: &Parts,
    subjects: impl IntoIterator<Item = &'a str>,
    http: &Http,
) -> Result<(), Problem> {
    if !is_unsafe(&parts.method) {
        return Ok(());
    }
    check_origin(parts, http)?;
    let given = parts.headers.get(X_CSRF_TOKEN).or_else(|| parts.headers.get(X_CSRFTOKEN));
    let given = given.map(HeaderValue::as_bytes).unwrap_or_default();
    let good = |subject: &str| bool::from(given.ct_eq(csrf_token(subject, http).as_bytes()));
    if !subjects.into_iter().fold(false, |found, subject| good(subject) | found) {
        return Err(Problem::new(Code::CsrfFailed).detail("X-CSRF-Token is missing or not this session's"));
    }
    Ok(())
}

/// As [`check_origin`], for a write; a read passes.
pub(super) fn check_unsafe_origin(parts: &Parts, http: &Http) -> Result<(), Problem> {
    if is_unsafe(&parts.method) { check_origin(parts, http) } else { Ok(()) }
}

/// Checks that a request's `Origin`, if it has one, is an allowed site or our own host. A browser that names no origin
/// must not say that the request crosses sites either.
pub(super) fn check_origin(parts: &Parts, http: &Http) -> Result<(), Problem> {
    let foreign = Err(Problem::new(Code::CsrfFailed).detail("requests from this origin are not allowed"));
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        let crosses = parts.headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site");
        return if crosses { foreign } else { Ok(()) };
    };
    if origins.next().is_some() {
        return foreign;
    }
    if http.allows(origin) || is_own_host(parts, origin, http.secure_cookies()) { Ok(()) } else { foreign }
}

/// Whether `origin` is the host that the request was sent to; over TLS, where we require it for cookies.
fn is_own_host(parts: &Parts, origin: &HeaderValue, tls: bool) -> bool {
    let from_header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = from_header.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    let sent_from = origin.to_str().unwrap_or_default();
    let bare = sent_from.strip_prefix("https://").or_else(|| sent_from.strip_prefix("http://").filter(|_| !tls));
    bare.zip(host).is_some_and(|(bare, host)| bare.eq_ignore_ascii_case(host))
}
