//! The token for `X-CSRF-Token`, for pages that cannot read our cookies.

use axum::response::IntoResponseParts;
use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use utoipa::ToSchema;
use web::identity::X_CSRF_TOKEN;
use web::{Caller, Claim, Json};

/// An answer that nobody may keep.
pub(crate) const NO_STORE: [(HeaderName, HeaderValue); 1] = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// The token of the caller's cookie.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CsrfTokenView {
    /// Empty for a caller without a cookie of ours, who needs none.
    csrf_token: String,
}

/// Reads the token that goes with the caller's cookie, as Open edX's front ends ask for it; they send it as
/// `X-CSRFToken`. Without a cookie it is empty: those front ends then send an empty header, which harms nobody, and ask
/// again for the next write.
#[utoipa::path(get, path = "/csrf/api/v1/token", tag = "session", responses((status = 200, body = CsrfTokenView)),
    security((), ("session_cookie" = []), ("jwt_cookie" = [], "jwt_cookie_signature" = [])))]
pub(crate) async fn read_csrf_token(who: Claim<Caller>) -> (impl IntoResponseParts, Json<CsrfTokenView>) {
    // The table is not asked: the token is of use only with the cookie that it is made of.
    (NO_STORE, Json(CsrfTokenView { csrf_token: who.csrf_token().unwrap_or_default() }))
}

/// The same as a header, for an answer that is about something else.
pub(crate) fn csrf_header(token: Option<String>) -> Option<impl IntoResponseParts> {
    let value = HeaderValue::try_from(token?).ok()?;
    Some([(X_CSRF_TOKEN, value)])
}
