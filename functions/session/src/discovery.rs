//! What others need to know to get and to check our tokens: the public keys, and where everything is.
//!
//! Nothing is offered that is not there: so far a machine client's token, and none for people. `response_types_supported`
//! would be an empty list, which RFC 8414 (section 3.2) wants left out.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use web::Json;
use web::identity::{FULFILL_SCOPE, READ_ORDERS_SCOPE};

use crate::App;

/// Anybody may keep the answers for five minutes. One deployment can serve several tenants, each with keys of its own,
/// and tells them apart by these headers.
const SHARED: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    (VARY, HeaderValue::from_static("authorization, session-id, x-client-key")),
];

/// The metadata of RFC 8414 and OpenID Connect Discovery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscoveryView {
    /// The `iss` of our tokens.
    issuer: String,
    /// Where tokens are issued.
    token_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// `client_credentials`.
    #[schema(value_type = Vec<String>)]
    grant_types_supported: [&'static str; 1],
    /// How a client proves itself at the token endpoint.
    #[schema(value_type = Vec<String>)]
    token_endpoint_auth_methods_supported: [&'static str; 2],
    /// The scopes that something here asks for.
    #[schema(value_type = Vec<String>)]
    scopes_supported: [&'static str; 2],
}

/// The issuer of our tokens.
pub(crate) fn issuer(app: &App) -> String {
    format!("{}/oauth2", app.base_url)
}

/// Reads the public keys that our tokens are signed with, as a JWK set (RFC 7517).
#[utoipa::path(get, path = "/oauth2/jwks", tag = "oauth2", responses((status = 200, body = serde_json::Value)),
    security(()))]
pub(crate) async fn read_jwks(State(app): State<App>) -> impl IntoResponse {
    (SHARED, Json(app.signing.jwks()))
}

/// Reads where tokens are issued and keys are found. As the issuer has a path, the same is served where OpenID Connect
/// Discovery and RFC 8414 put it: `/oauth2/.well-known/openid-configuration` and
/// `/.well-known/oauth-authorization-server/oauth2`.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "oauth2",
    responses((status = 200, body = DiscoveryView)), security(()))]
pub(crate) async fn read_discovery(State(app): State<App>) -> impl IntoResponse {
    let issuer = issuer(&app);
    let view = DiscoveryView {
        token_endpoint: format!("{issuer}/access_token"),
        jwks_uri: format!("{issuer}/jwks"),
        issuer,
        grant_types_supported: ["client_credentials"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        scopes_supported: [FULFILL_SCOPE, READ_ORDERS_SCOPE],
    };
    (SHARED, Json(view))
}
