//! The issuers whose tokens are taken, and the verification of a token.
//!
//! A token's `iss` chooses the issuer, and with it the keys: one issuer's key never vouches for another. The algorithm
//! is bound to the kind of key, so a public key never serves as a secret. Signature, issuer and audience are checked by
//! the library, the times by us against [`Clock`], because the library reads the machine's time.

mod config;

#[cfg(test)]
mod tests;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

pub use self::config::{Audience, BadIssuers, IssuerConfig, IssuerList, KeySource, MIN_HMAC_SECRET};
use super::claims::{Claims, Grant, TokenClaims};
use super::jwks::{self, KeySet, RemoteKeys};
use super::token::{Kind, TokenFault, Unverified};
use crate::clock::Clock;

/// A token that is good.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// What it tells of its user.
    pub claims: TokenClaims,
    /// What it permits.
    pub grant: Grant,
}

/// The allow-list of issuers, with their keys.
pub struct Issuers(Vec<Issuer>);

struct Issuer {
    name: String,
    secret: Option<DecodingKey>,
    /// The keys that stand in the configuration.
    fixed: KeySet,
    /// The keys that stand at a URL.
    remote: Option<RemoteKeys>,
    by_secret: Validation,
    by_rsa: Validation,
}

/// The issuer that an unverified token says it is of: enough to choose who verifies it, and for nothing else.
#[must_use]
pub fn issuer_of(token: &str) -> Option<String> {
    Unverified::parse(token).ok().map(|seen| seen.issuer)
}

impl Issuers {
    /// The issuers of a deployment. Nothing is fetched; an empty list takes no token.
    ///
    /// # Errors
    /// [`BadIssuers`] for everything that is wrong with the configuration.
    pub fn new(configs: Vec<IssuerConfig>) -> Result<Self, BadIssuers> {
        config::check(&configs)?;
        let fetches = configs.iter().any(|config| config.keys.jwks_url.is_some());
        let http = fetches.then(jwks::client).transpose().map_err(|error| BadIssuers::no_client(&error))?;
        Ok(Self(configs.into_iter().map(|config| Issuer::new(config, http.as_ref())).collect()))
    }

    /// Whether this is an issuer on the list.
    #[must_use]
    pub fn knows(&self, issuer: &str) -> bool {
        self.0.iter().any(|known| known.name == issuer)
    }

    /// What a token tells and permits, if it is good.
    ///
    /// # Errors
    /// [`TokenFault`]; all but [`TokenFault::KeysUnavailable`] are final.
    pub async fn verify(&self, token: &str, clock: &Clock) -> Result<Verified, TokenFault> {
        let seen = Unverified::parse(token)?;
        let issuer = self.0.iter().find(|issuer| issuer.name == seen.issuer).ok_or(TokenFault::UnknownIssuer)?;
        let signed = match seen.kind {
            Kind::Secret => issuer.by_secret(token)?,
            Kind::Rsa(algorithm) => {
                issuer.by_rsa(&RsaToken { token, kid: seen.kid.as_deref(), algorithm }, clock).await?
            }
        };
        let (claims, grant) = signed.read(clock)?;
        Ok(Verified { claims, grant })
    }
}

/// A token and how its header says that it was signed.
struct RsaToken<'a> {
    token: &'a str,
    kid: Option<&'a str>,
    algorithm: Algorithm,
}

impl Issuer {
    fn new(config: IssuerConfig, http: Option<&reqwest::Client>) -> Self {
        let KeySource { secret, jwks, jwks_url } = config.keys;
        Self {
            by_secret: validation(&config.issuer, &config.audience, &[Algorithm::HS256]),
            by_rsa: validation(&config.issuer, &config.audience, &[Algorithm::RS256, Algorithm::RS512]),
            name: config.issuer,
            secret: secret.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())),
            fixed: KeySet::of(&jwks.unwrap_or_default()),
            remote: jwks_url.zip(http.cloned()).map(|(url, http)| RemoteKeys::new(url, http)),
        }
    }

    fn by_secret(&self, token: &str) -> Result<Claims, TokenFault> {
        decode(token, self.secret.as_ref().ok_or(TokenFault::Signature)?, &self.by_secret)
    }

    async fn by_rsa(&self, token: &RsaToken<'_>, clock: &Clock) -> Result<Claims, TokenFault> {
        let outcome = self.by_key_of(&self.fixed, token);
        let (Err(TokenFault::Signature), Some(remote)) = (&outcome, &self.remote) else { return outcome };
        if self.fixed.knows(token.kid) {
            return outcome;
        }
        let now = clock.now();
        let keys = remote.keys(now).await.map_err(|_| TokenFault::KeysUnavailable)?;
        let outcome = self.by_key_of(&keys, token);
        if !matches!(outcome, Err(TokenFault::Signature)) || keys.knows(token.kid) {
            return outcome;
        }
        match remote.newer_than(&keys, now).await {
            Some(newer) => self.by_key_of(&newer, token),
            None => outcome,
        }
    }

    /// The claims, if a key of this set fits the signature.
    fn by_key_of(&self, keys: &KeySet, token: &RsaToken<'_>) -> Result<Claims, TokenFault> {
        let fitting = keys.fitting(token.kid, token.algorithm);
        let mut outcomes = fitting.map(|key| decode(token.token, key, &self.by_rsa));
        let decided = outcomes.find(|outcome| !matches!(outcome, Err(TokenFault::Signature)));
        decided.unwrap_or(Err(TokenFault::Signature))
    }
}

fn validation(issuer: &str, audience: &Audience, algorithms: &[Algorithm]) -> Validation {
    let mut validation = Validation { algorithms: algorithms.to_vec(), ..Validation::default() };
    validation.set_issuer(&[issuer]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    match audience {
        Audience::Required(names) => {
            validation.set_audience(names);
            validation.set_required_spec_claims(&["aud", "iss"]);
        }
        Audience::Unchecked => {
            validation.validate_aud = false;
            validation.set_required_spec_claims(&["iss"]);
        }
    }
    validation
}

fn decode(token: &str, key: &DecodingKey, validation: &Validation) -> Result<Claims, TokenFault> {
    let decoded = jsonwebtoken::decode::<Claims>(token, key, validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| fault(error.kind()))
}

fn fault(kind: &ErrorKind) -> TokenFault {
    if matches!(kind, ErrorKind::InvalidSignature | ErrorKind::Base64(_)) {
        TokenFault::Signature
    } else if matches!(kind, ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_)) {
        // Of the claims that the library requires, `aud` alone can be missing: we have read the issuer.
        TokenFault::Audience
    } else {
        TokenFault::Claims
    }
}
