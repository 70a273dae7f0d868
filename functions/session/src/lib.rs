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

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use store::Store;
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

web::operations!(
    read_me::read_me,
    csrf::read_csrf_token,
    login::login,
    logout::logout,
    sessions::list_sessions,
    sessions::end_sessions,
    sessions::end_session,
    establish_session::establish_session,
    access_token::issue_token,
    discovery::read_jwks,
    discovery::read_discovery,
    client_keys::list_client_keys,
    client_keys::create_client_key,
    client_keys::rotate_client_key,
    client_keys::delete_client_key,
    machine_clients::list_machine_clients,
    machine_clients::create_machine_client,
    machine_clients::rotate_machine_client,
    machine_clients::delete_machine_client,
    users::read_user,
    users::change_user,
);

/// The function's routes.
pub fn router(app: App) -> Router {
    operations()
        // The trailing slash is what some of Open edX's workers send.
        .route("/oauth2/access_token/", post(access_token::issue_token))
        .route("/oauth2/.well-known/openid-configuration", get(discovery::read_discovery))
        .route("/.well-known/oauth-authorization-server/oauth2", get(discovery::read_discovery))
        .with_state(app)
}
