//! Sessions: the keys under which they are kept, and the cookies that name them.
//!
//! A session is kept under a keyed digest of its secret, so that the table gives no session away. An anonymous session
//! has no row of its own: it is the owner of a basket. A user's session has one, and its id begins with the user's key:
//! whose data a request is about is known before the session is read, and both are read together.

use axum::response::{IntoResponseParts, ResponseParts};
use domain::owner::{SessionKey, UserId, UserSessionKey};
use domain::user_session::USER_SESSION;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderName, HeaderValue};

use super::csrf::{X_CSRF_TOKEN, csrf_token};
use super::session_id::{SessionId, SessionKind, UserSessionId};
use crate::context::Http;
use crate::problem::Problem;

/// The header of client applications.
pub const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// The cookie that names a session; scripts cannot read it.
pub const SESSION_COOKIE: &str = "bursar_session";

/// The cookie that holds the token for `X-CSRF-Token`; scripts of our own host can read it.
pub const CSRF_COOKIE: &str = "bursar_csrf";

/// How long a browser keeps an anonymous session, in seconds: 30 days, as long as an abandoned basket is kept.
const ANONYMOUS_MAX_AGE: i64 = 30 * 24 * 60 * 60;

/// Bytes of a minted session: 128 bits, beyond guessing.
const SESSION_BYTES: usize = 16;

/// The realm of a session that no client application named.
pub const COOKIE_REALM: &str = "browser";

/// The key of the anonymous session that a client application names.
pub(super) fn key_of_header(realm: &str, id: &str, http: &Http) -> SessionKey {
    SessionKey::from_digest(http.keys().short(&["session", http.tenant().as_str(), realm, id]))
}

/// The key of a cookie's anonymous session. Its label keeps a cookie's value from passing for a `Session-Id`, and the
/// reverse.
pub(super) fn key_of_cookie(value: &str, http: &Http) -> SessionKey {
    SessionKey::from_digest(http.keys().short(&["cookie", http.tenant().as_str(), value]))
}

/// The key of a user's session.
pub(super) fn key_of_user_session(id: &UserSessionId, http: &Http) -> UserSessionKey {
    UserSessionKey::from_digest(http.keys().short(&["user-session", http.tenant().as_str(), &id.to_string()]))
}

/// A session that is about to start for a user: its secret id, known to nobody yet.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its key in the table.
    pub key: UserSessionKey,
    id: UserSessionId,
}

impl NewSession {
    /// A session of `user` with a fresh secret. It never takes over the id of the anonymous session: who knew that one
    /// before the login must not know this one.
    #[must_use]
    pub fn of(user: &UserId, http: &Http) -> Self {
        let id = UserSessionId::new(user, &http.entropy().hex(SESSION_BYTES));
        Self { key: key_of_user_session(&id, http), id }
    }

    /// The session as the `Session-Id` header names it.
    #[must_use]
    pub fn header(&self, realm: &str) -> String {
        let id = SessionId { kind: SessionKind::User, realm: realm.to_owned(), id: self.id.to_string() };
        id.to_string()
    }

    /// The cookies that name it.
    ///
    /// # Errors
    /// Never in practice: the values are hexadecimal.
    pub fn cookies(&self, http: &Http) -> Result<SetCookies, Problem> {
        SetCookies::of(&self.id.to_string(), USER_SESSION.as_secs(), http)
    }
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
    /// Mints an anonymous session, and answers its key with the cookies.
    pub(super) fn mint(http: &Http) -> Result<(SessionKey, Self), Problem> {
        let value = http.entropy().hex(SESSION_BYTES);
        Ok((key_of_cookie(&value, http), Self::of(&value, ANONYMOUS_MAX_AGE, http)?))
    }

    fn of(value: &str, max_age: i64, http: &Http) -> Result<Self, Problem> {
        let token = csrf_token(value, http);
        let attributes = attributes(max_age, http.secure_cookies());
        let header = |text: String| HeaderValue::try_from(text).map_err(|error| Problem::internal(&error));
        Ok(Self {
            session: header(format!("{SESSION_COOKIE}={value}; HttpOnly; {attributes}"))?,
            csrf: header(format!("{CSRF_COOKIE}={token}; {attributes}"))?,
            token: header(token)?,
        })
    }
}

fn attributes(max_age: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("SameSite=Lax; Path=/; Max-Age={max_age}{secure}")
}

/// The headers that make a browser forget a session.
pub(crate) fn ended_cookies(secure: bool) -> impl Iterator<Item = HeaderValue> {
    let attributes = attributes(0, secure);
    let cookies = [format!("{SESSION_COOKIE}=; HttpOnly; {attributes}"), format!("{CSRF_COOKIE}=; {attributes}")];
    cookies.into_iter().filter_map(|text| HeaderValue::try_from(text).ok())
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
