//! Session: who the caller is. Login and logout, the hand-over from an identity-aware gateway, sessions; the keys of
//! client applications; machine clients and their tokens; the users that staff look after.
//!
//! Everybody else is told who calls by the extractors of `web`. This function makes what they believe: it is the only one
//! that holds the private keys of our own tokens.

mod access_token;
mod client_keys;
mod config;
mod csrf;
mod discovery;
mod establish_session;
mod login;
mod logout;
mod machine_clients;
mod next;
mod oauth_refusal;
mod read_me;
mod sessions;
mod sign_in;
mod staff_edit;
mod token_request;
mod user_view;
mod users;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::routing::{get, post};
use store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::identity::signing::SigningKeys;
use web::{Http, Origin};

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The keys that sign our own tokens.
    pub signing: Arc<SigningKeys>,
    /// Where the shop is reached, such as `https://shop.example`, without a slash at the end. Our issuer is
    /// `<base_url>/oauth2`.
    pub base_url: String,
    /// Whom our own tokens are for.
    pub audience: String,
    /// The sites, beside our own, to which a hand-over may send the browser.
    pub next_origins: Vec<Origin>,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

/// The function's routes, with their part of the OpenAPI document.
#[must_use]
pub fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(read_me::read_me))
        .routes(routes!(csrf::read_csrf_token))
        .routes(routes!(login::login))
        .routes(routes!(logout::logout))
        .routes(routes!(sessions::list_sessions, sessions::end_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(establish_session::establish_session))
        .routes(routes!(access_token::issue_token))
        // The trailing slash is what some of Open edX's workers send.
        .route("/oauth2/access_token/", post(access_token::issue_token))
        .routes(routes!(discovery::read_jwks))
        .routes(routes!(discovery::read_discovery))
        .route("/oauth2/.well-known/openid-configuration", get(discovery::read_discovery))
        .route("/.well-known/oauth-authorization-server/oauth2", get(discovery::read_discovery))
        .routes(routes!(client_keys::list_client_keys, client_keys::create_client_key))
        .routes(routes!(client_keys::rotate_client_key))
        .routes(routes!(client_keys::delete_client_key))
        .routes(routes!(machine_clients::list_machine_clients, machine_clients::create_machine_client))
        .routes(routes!(machine_clients::rotate_machine_client))
        .routes(routes!(machine_clients::delete_machine_client))
        .routes(routes!(users::read_user, users::change_user))
        .with_state(app)
}
