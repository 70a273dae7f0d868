//! The extractors: what a handler asks for says who may call it.

use axum::extract::{FromRef, FromRequestParts};
use domain::owner::Owner;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::csrf;
use super::principal::{FULFILL_SCOPE, Principal, Session, User, Via};
use super::session::{SetCookies, cookie, from_header, key_of_cookie};
use super::token::{Surroundings, TokenFault};
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// Anybody. Bad credentials are still refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Principal);

impl Caller {
    /// Who owns what this caller reads; `None` for an anonymous caller without a session.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.0.owner()
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        self.0.user()
    }

    /// Whether the caller administers the shop.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.0.is_staff()
    }
}

/// A user; 401 for anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn(pub User);

/// A user who administers the shop; 401 without a user, 403 for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff(pub User);

/// A service with the scope `orders:fulfill`; 401 without a token, 403 without the scope, also for staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfiller(pub User);

/// The owner of what is about to be written: the user, the session, or a session started for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerForWrite {
    /// Who owns it.
    pub owner: Owner,
    /// The cookies to answer with, if the session is new: a part of the response.
    pub minted: Option<SetCookies>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Http: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        identify(parts, &Http::from_ref(state)).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OwnerForWrite
where
    Http: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let http = Http::from_ref(state);
        if let Some(owner) = identify(parts, &http)?.owner() {
            return Ok(Self { owner, minted: None });
        }
        csrf::check_origin(parts, &http)?;
        let (key, cookies) = SetCookies::mint(&http)?;
        Ok(Self { owner: Owner::Session(key), minted: Some(cookies) })
    }
}

macro_rules! permitted {
    ($name:ident, $may:expr) => {
        impl<S: Send + Sync> FromRequestParts<S> for $name
        where
            Http: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let may: fn(&User) -> bool = $may;
                match identify(parts, &Http::from_ref(state))? {
                    Principal::Anonymous(_) => Err(Problem::new(Code::Unauthorized)),
                    Principal::User(user) if may(&user) => Ok(Self(user)),
                    Principal::User(_) => Err(Problem::new(Code::Forbidden)),
                }
            }
        }
    };
}

permitted!(SignedIn, |_| true);
permitted!(Staff, |user| user.staff);
permitted!(Fulfiller, |user| user.scopes.contains(FULFILL_SCOPE));

/// Token, then `Session-Id`, then cookie: the first that is there decides.
fn identify(parts: &Parts, http: &Http) -> Result<Principal, Problem> {
    if let Some(token) = token(parts)? {
        let of = Surroundings { clock: http.clock(), tenant: http.tenant(), keys: http.keys() };
        return http.tokens().verify(token, &of).map(Principal::User).map_err(refused);
    }
    if let Some(key) = from_header(&parts.headers, http)? {
        return Ok(Principal::Anonymous(Some(Session { key, via: Via::Header })));
    }
    let Some(value) = cookie(&parts.headers) else { return Ok(Principal::Anonymous(None)) };
    if !parts.method.is_safe() {
        csrf::check(parts, value, http)?;
    }
    Ok(Principal::Anonymous(Some(Session { key: key_of_cookie(value, http), via: Via::Cookie })))
}

/// The token of the `Authorization` header. A scheme other than ours is not for us, and ignored.
fn token(parts: &Parts) -> Result<Option<&str>, Problem> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(|| refused(TokenFault::Refused))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let ours = scheme.eq_ignore_ascii_case("jwt") || scheme.eq_ignore_ascii_case("bearer");
    Ok(ours.then_some(token))
}

fn refused(fault: TokenFault) -> Problem {
    tracing::info!(reason = %fault, "token refused");
    let detail = match fault {
        TokenFault::Expired => "the token has expired",
        TokenFault::TooLong | TokenFault::Refused | TokenFault::NotYet | TokenFault::NoUsername => {
            "the token is not valid"
        }
    };
    Problem::new(Code::Unauthorized).detail(detail)
}
