//! Refusals of the token endpoint, in the form of RFC 6749, section 5.2: who asks there is an OAuth library, which looks
//! for `error` and knows no problem details.
//!
//! What is not OAuth's own stays a problem: a throttle, a bad client key, a table that does not answer.

use axum::http::header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Code, Json, Problem};

/// The challenge of RFC 6749, which wants one for the scheme that a client may have tried.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"oauth2\"");

/// What no cache may keep (RFC 6749, section 5.1).
pub(crate) const UNCACHED: [(axum::http::HeaderName, HeaderValue); 2] =
    [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];

/// Why OAuth issues no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OAuthRefusal {
    /// The request is not a form, or a parameter of it is missing, repeated or not one of its values.
    InvalidRequest(&'static str),
    /// The client is unknown or revoked, or its secret is wrong: which of them is not told.
    InvalidClient,
    /// A grant other than `client_credentials`.
    UnsupportedGrantType,
    /// A scope that the client was not registered with.
    InvalidScope,
}

/// The body of a refusal, with a fixed `error` to branch on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthRefusalView {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type` or `invalid_scope`.
    error: &'static str,
    /// A sentence for the developer.
    error_description: &'static str,
}

/// Why no token is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    /// OAuth's own reasons.
    OAuth(OAuthRefusal),
    /// Any other.
    Problem(Problem),
}

impl OAuthRefusal {
    fn view(self) -> OAuthRefusalView {
        let (error, error_description) = match self {
            Self::InvalidRequest(why) => ("invalid_request", why),
            Self::InvalidClient => ("invalid_client", "the client is not known by these credentials"),
            Self::UnsupportedGrantType => ("unsupported_grant_type", "only client_credentials is supported"),
            Self::InvalidScope => ("invalid_scope", "the client is not registered with a scope that was asked for"),
        };
        OAuthRefusalView { error, error_description }
    }
}

impl From<OAuthRefusal> for TokenRefusal {
    fn from(refusal: OAuthRefusal) -> Self {
        Self::OAuth(refusal)
    }
}

impl From<Problem> for TokenRefusal {
    /// A credential that no request of ours may carry is, here, a client that is not known.
    fn from(problem: Problem) -> Self {
        if problem.code() == Code::Unauthorized {
            return Self::OAuth(OAuthRefusal::InvalidClient);
        }
        Self::Problem(problem)
    }
}

impl IntoResponse for TokenRefusal {
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::OAuth(refusal) => refusal,
            Self::Problem(problem) => return problem.into_response(),
        };
        let body = (UNCACHED, Json(refusal.view()));
        match refusal {
            OAuthRefusal::InvalidClient => {
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, CHALLENGE)], body).into_response()
            }
            OAuthRefusal::InvalidRequest(_) | OAuthRefusal::UnsupportedGrantType | OAuthRefusal::InvalidScope => {
                (StatusCode::BAD_REQUEST, body).into_response()
            }
        }
    }
}
