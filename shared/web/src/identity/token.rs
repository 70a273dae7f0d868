//! A token before its signature is checked: what tells which key to check it with, and why tokens are refused.
//!
//! Nothing that is read here is believed. It only chooses among keys that are ours: a key that a token itself carries
//! or points to (`jwk`, `jku`, `x5c`, `x5u`) is never looked at.

use jsonwebtoken::{Algorithm, dangerous, decode_header};
use serde::Deserialize;

/// The longest token that is looked at, in bytes. API Gateway passes headers of 10 KiB in all.
const MAX_LENGTH: usize = 8 * 1024;

/// Why a token is refused. Logged; the caller learns no more than that its token is not valid or has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is too long to be one.
    #[error("the token is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// It is no token, or of an algorithm that we never take.
    #[error("this is no token, or its algorithm is not one of ours")]
    Refused,
    /// Its `iss` is not on our list.
    #[error("the token's issuer is not known")]
    UnknownIssuer,
    /// No key that its issuer has for this algorithm and `kid` fits the signature.
    #[error("no key of the issuer fits the token's signature")]
    Signature,
    /// Its `aud` is absent, or names others.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or not of its type, or the version is too new.
    #[error("the token's claims cannot be read")]
    Claims,
    /// Its `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// Its `iat` or `nbf` is yet to come.
    #[error("the token is from the future")]
    NotYet,
    /// It has no `preferred_username` or `username` that we take.
    #[error("the token names no user")]
    NoUsername,
    /// The issuer's keys were never had. Transient: the token may be good.
    #[error("the issuer's keys cannot be fetched")]
    KeysUnavailable,
}

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unverified {
    pub(super) issuer: String,
    pub(super) kind: Kind,
    pub(super) kid: Option<String>,
}

/// The kinds of signature that we take. Each is bound to a kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HS256, by a secret that the issuer shares with us.
    Secret,
    /// RS256 or RS512, by a key whose public half the issuer publishes.
    Rsa(Algorithm),
}

#[derive(Deserialize)]
struct Peek {
    iss: String,
}

impl Unverified {
    pub(super) fn parse(token: &str) -> Result<Self, TokenFault> {
        if token.len() > MAX_LENGTH {
            return Err(TokenFault::TooLong);
        }
        let header = decode_header(token).map_err(|_| TokenFault::Refused)?;
        // RFC 7515, section 4.1.11: whoever does not know a critical extension must refuse. We know none.
        let kind = Kind::of(header.alg).filter(|_| header.crit.is_none()).ok_or(TokenFault::Refused)?;
        let peek: Peek = dangerous::insecure_decode_claims(token).map_err(|_| TokenFault::Claims)?;
        Ok(Self { issuer: peek.iss, kind, kid: header.kid })
    }
}

impl Kind {
    fn of(algorithm: Algorithm) -> Option<Self> {
        if algorithm == Algorithm::HS256 {
            return Some(Self::Secret);
        }
        matches!(algorithm, Algorithm::RS256 | Algorithm::RS512).then_some(Self::Rsa(algorithm))
    }
}
