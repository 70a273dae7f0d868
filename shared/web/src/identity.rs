//! Who is calling.
//!
//! Three things, never mixed: the client application (`X-Client-Key`), the user (a token, the gateway's word, or a
//! session that we issued), and an anonymous session. A request's [`Claim`] is judged in two steps: what can be told from
//! the request alone, and what only the table knows, which is read together with the data that the handler loads.
//! Credentials that a client sends on purpose and that are bad are refused, also where none are needed: a caller who
//! believes to be somebody must never be served as nobody. Reading never starts a session; the first write of a browser
//! does ([`OwnerForWrite`]).

mod address;
pub mod authorization;
mod basis;
mod claim;
pub mod claims;
mod client;
mod confirm;
pub mod cookies;
mod csrf;
mod hop;
pub mod issuers;
pub mod jwks;
mod login;
mod principal;
mod roles;
mod session;
pub mod session_id;
pub mod signing;
pub mod token;
pub mod userinfo;

#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use client::{ClientKeyPolicy, NewSecret, PresentedKey, X_CLIENT_KEY, is_machine_secret, machine_secret_digest};
pub(crate) use csrf::X_CSRFTOKEN;
pub use csrf::{SameSite, X_CSRF_TOKEN};
pub use hop::{GatewayConfig, X_GATEWAY_SECRET, X_USERINFO};
pub(crate) use hop::{Hop, Screened};
pub use login::Login;
pub use principal::{FULFILL_SCOPE, Principal, READ_ORDERS_SCOPE, Session, User, Via};
pub use roles::{Caller, Fulfiller, OrderReader, OwnerForWrite, Role, Shopper, SignedIn, Staff};
pub(crate) use session::ended_cookies;
pub use session::{COOKIE_REALM, CSRF_COOKIE, NewSession, SESSION_COOKIE, SESSION_ID, SetCookies};
