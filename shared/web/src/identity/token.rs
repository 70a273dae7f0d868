//! Tokens: HS256 JSON web tokens of the LMS (edX claims; research/registrar-oscarapi.md, section 3).
//!
//! The algorithm is bound to the key: a token signed in any other way is refused before its claims are read. Issuer and
//! audience are checked by the library, the times by us against [`Clock`], because the library reads the machine's time.

use std::collections::BTreeSet;

use domain::owner::UserId;
use domain::text::{Tenant, Username};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::principal::User;
use crate::clock::Clock;
use crate::context::JwtConfig;
use crate::digest::Keyed;

/// The longest token that is looked at, in bytes. API Gateway passes headers of 10 KiB in all.
const MAX_LENGTH: usize = 8 * 1024;

/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 10;

/// Why a token is refused. Logged; the caller learns no more than that its token is not valid or has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("the token is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the signature, algorithm, issuer, audience or claims are not ours")]
    Refused,
    #[error("the token has expired")]
    Expired,
    #[error("the token is from the future")]
    NotYet,
    #[error("the token names no user")]
    NoUsername,
}

/// A verifier of one issuer's tokens.
pub(crate) struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

/// The claims that we read; others are ignored. A null is as good as nothing, except for `iss`, `exp` and `iat`.
#[derive(Deserialize)]
struct Claims {
    #[expect(dead_code, reason = "reading it refuses a list of issuers, which the library would take")]
    iss: String,
    /// RFC 7519 allows fractions of a second.
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    /// A number in some test tools, which then name the user by another claim.
    sub: Option<serde_json::Value>,
    preferred_username: Option<String>,
    username: Option<String>,
    email: Option<String>,
    name: Option<String>,
    administrator: Option<bool>,
    is_restricted: Option<bool>,
    scopes: Option<BTreeSet<String>>,
    scope: Option<String>,
}

impl Tokens {
    pub(crate) fn new(config: &JwtConfig) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { key: DecodingKey::from_secret(config.secret.expose().as_bytes()), validation }
    }

    /// The user that a token names.
    pub(crate) fn verify(&self, token: &str, of: &Surroundings<'_>) -> Result<User, TokenFault> {
        if token.len() > MAX_LENGTH {
            return Err(TokenFault::TooLong);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
        let claims = decoded.map_err(|_| TokenFault::Refused)?.claims;
        claims.check_times(of.clock)?;
        claims.into_user(of)
    }
}

/// What a token is read against.
pub(crate) struct Surroundings<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) tenant: &'a Tenant,
    pub(crate) keys: &'a Keyed,
}

impl Claims {
    /// A token is good if it is unexpired by our clock or by its issuer's, and if neither finds it in the future.
    ///
    /// On AWS both clocks are the same. The local cloud's can be moved forward, while the tool that made the token
    /// keeps the machine's time: moving the clock by a day must not sign everybody out.
    fn check_times(&self, clock: &Clock) -> Result<(), TokenFault> {
        let (ours, issuers) = (clock.now(), clock.issuer_now());
        let latest_good = seconds(ours.max(issuers), LEEWAY);
        // NaN and infinities cannot be written in JSON.
        if self.exp <= seconds(ours.min(issuers), -LEEWAY) {
            return Err(TokenFault::Expired);
        }
        if self.iat > latest_good || self.nbf.is_some_and(|nbf| nbf > latest_good) {
            return Err(TokenFault::NotYet);
        }
        Ok(())
    }

    fn into_user(self, of: &Surroundings<'_>) -> Result<User, TokenFault> {
        let subject = self.sub.as_ref().and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
        let named = self.preferred_username.or(self.username).or(subject).ok_or(TokenFault::NoUsername)?;
        let username: Username = named.parse().map_err(|_| TokenFault::NoUsername)?;
        let mut scopes = self.scopes.unwrap_or_default();
        scopes.extend(self.scope.unwrap_or_default().split_whitespace().map(ToOwned::to_owned));
        Ok(User {
            id: UserId::from_digest(of.keys.short(&["user", of.tenant.as_str(), username.as_str()])),
            username,
            email: self.email,
            name: self.name,
            // A restricted client acts within its scopes, whoever it acts for.
            staff: self.administrator == Some(true) && self.is_restricted != Some(true),
            scopes,
            tenant: of.tenant.clone(),
        })
    }
}

/// Seconds since 1970, as a JSON number; exact for any date that a token can mean.
fn seconds(at: Timestamp, shift: i64) -> f64 {
    at.as_second().saturating_add(shift) as f64
}
