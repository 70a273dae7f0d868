//! Anonymous sessions: the `Session-Id` header of client applications, and our cookie.
//!
//! The header is `SID:ANON:<realm>:<id>` (research/registrar-oscarapi.md, section 2.3). The id is taken whole: the
//! original cut hexadecimal groups off its end, so that two visitors could share a basket. An id with a colon, its other
//! way of carrying a counter, is refused for the same reason.

use axum::response::{IntoResponseParts, ResponseParts};
use domain::owner::SessionKey;
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::csrf::X_CSRF_TOKEN;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// The header of client applications.
pub const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// The cookie that names an anonymous session; scripts cannot read it.
pub const SESSION_COOKIE: &str = "bursar_session";

/// The cookie that holds the token for `X-CSRF-Token`; scripts of our own host can read it.
pub const CSRF_COOKIE: &str = "bursar_csrf";

/// How long a browser keeps the session, in seconds: 30 days, as long as an abandoned basket is kept.
const MAX_AGE: u32 = 30 * 24 * 60 * 60;

/// Bytes of a minted session: 128 bits, beyond guessing.
const SESSION_BYTES: usize = 16;

/// The longest id that a client application may use, in characters.
const MAX_ID: usize = 128;

/// The session that the `Session-Id` header names.
pub(super) fn from_header(headers: &HeaderMap, http: &Http) -> Result<Option<SessionKey>, Problem> {
    let mut values = headers.get_all(SESSION_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(malformed)?;
    let (auth, rest) = match (text.strip_prefix("SID:ANON:"), text.strip_prefix("SID:AUTH:")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(malformed()),
    };
    let (realm, id) = rest.split_once(':').ok_or_else(malformed)?;
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let named = (1..=MAX_ID).contains(&realm.len()) && realm.bytes().all(safe);
    if !named || !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(safe) {
        return Err(malformed());
    }
    if !http.knows_realm(realm) {
        return Err(Problem::new(Code::Forbidden).detail("the Session-Id is of another realm"));
    }
    if auth {
        return Err(Problem::new(Code::Unauthorized).detail("there is no such session"));
    }
    let digest = http.keys().short(&["session", http.tenant().as_str(), realm, id]);
    Ok(Some(SessionKey::from_digest(digest)))
}

fn malformed() -> Problem {
    Problem::new(Code::BadRequest).detail("Session-Id must be SID:ANON:<realm>:<id>")
}

/// The value of our cookie, if it is one that we can have minted; anything else is as good as none.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut ours = pairs.filter_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='));
    ours.find(|value| value.len() == 2 * SESSION_BYTES && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// The key of a cookie's session. Its label keeps a cookie's value from passing for a `Session-Id`, and the reverse.
pub(super) fn key_of_cookie(value: &str, http: &Http) -> SessionKey {
    SessionKey::from_digest(http.keys().short(&["cookie", http.tenant().as_str(), value]))
}

/// The token that goes with a cookie's session, as hexadecimal.
pub(super) fn csrf_token(value: &str, http: &Http) -> String {
    hex::encode(http.keys().digest(&["csrf", http.tenant().as_str(), value]))
}

/// The cookies of a session that this request started. Put it into the answer:
/// `Ok((StatusCode::CREATED, owner.minted, Json(basket)))`.
///
/// The answer also carries the CSRF token as `X-CSRF-Token`, for a page of an allowed origin that cannot read our
/// cookies, and must not be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookies {
    session: HeaderValue,
    csrf: HeaderValue,
    token: HeaderValue,
}

impl SetCookies {
    /// Mints a session, and answers its key with the cookies.
    pub(super) fn mint(http: &Http) -> Result<(SessionKey, Self), Problem> {
        let value = http.entropy().hex(SESSION_BYTES);
        let token = csrf_token(&value, http);
        let secure = if http.secure_cookies() { "; Secure" } else { "" };
        let attributes = format!("SameSite=Lax; Path=/; Max-Age={MAX_AGE}{secure}");
        let header = |text: String| HeaderValue::try_from(text).map_err(|error| Problem::internal(&error));
        let cookies = Self {
            session: header(format!("{SESSION_COOKIE}={value}; HttpOnly; {attributes}"))?,
            csrf: header(format!("{CSRF_COOKIE}={token}; {attributes}"))?,
            token: header(token)?,
        };
        Ok((key_of_cookie(&value, http), cookies))
    }
}

impl IntoResponseParts for SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let headers = parts.headers_mut();
        headers.append(SET_COOKIE, self.session);
        headers.append(SET_COOKIE, self.csrf);
        headers.insert(X_CSRF_TOKEN, self.token);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(parts)
    }
}
