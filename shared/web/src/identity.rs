//! Who is calling.
//!
//! A user by a token (`Authorization: JWT …` or `Bearer …`), or an anonymous session by `Session-Id` or by our cookie,
//! looked for in this order. Credentials that are present and bad are refused, also where none are needed: a caller who
//! believes to be somebody must never be served as nobody. Reading never starts a session; the first write of a browser
//! does ([`OwnerForWrite`]).
//!
//! Not here: the client application's key, sessions of users, and deactivated accounts.

mod csrf;
mod extract;
mod principal;
mod session;
mod token;

#[cfg(test)]
mod tests;

pub use csrf::X_CSRF_TOKEN;
pub use extract::{Caller, Fulfiller, OwnerForWrite, SignedIn, Staff};
pub use principal::{FULFILL_SCOPE, Principal, Session, User, Via};
pub use session::{CSRF_COOKIE, SESSION_COOKIE, SESSION_ID, SetCookies};
pub(crate) use token::Tokens;
