//! What the verification of a token costs: the CPU that identity adds to a request, by algorithm.
//!
//! One client, one token after the other, on one core: nothing waits, so the time is CPU time.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::json;
use web::identity::issuers::{Audience, IssuerConfig, Issuers, KeySource};
use web::identity::signing::SigningKeys;
use web::{Clock, Secret};

use super::load::{self, Job, Sample};
use crate::dev_keys::{self, Learner};

/// Tokens that are verified.
const TOKENS: usize = 20_000;
/// The issuer of the RS256 token.
const OWN_ISSUER: &str = "https://shop.example/oauth2";

/// What verifying costs.
pub(super) struct Verification {
    /// HS256: a secret that is shared with the LMS.
    pub(super) hs256: Sample,
    /// RS256, with a key of 2048 bits: our own tokens, and those of an LMS with JWKS.
    pub(super) rs256: Sample,
}

/// Verifies tokens of both kinds.
pub(super) async fn measure() -> anyhow::Result<Verification> {
    let clock = Clock::wall();
    let signing = SigningKeys::generate("bench")?;
    let now = clock.now();
    let learner = Learner { username: "ada".to_owned(), ..Learner::default() };
    let hs256 = dev_keys::token(&learner, now)?;
    let claims = json!({
        "iss": OWN_ISSUER, "aud": dev_keys::AUDIENCE, "iat": now.as_second(), "exp": now.as_second().saturating_add(3600),
        "sub": "local-ada", "preferred_username": "ada", "email": "ada@example.com", "name": "ada",
        "administrator": false, "scopes": [], "version": "1.2.0",
    });
    let rs256 = signing.sign(&claims, now)?;
    let audience = || Audience::Required(vec![dev_keys::AUDIENCE.to_owned()]);
    let secret = KeySource { secret: Some(Secret::new(dev_keys::JWT_SECRET)), ..KeySource::default() };
    let jwks = KeySource { jwks: Some(signing.jwks()), ..KeySource::default() };
    let issuers = Arc::new(Issuers::new(vec![
        IssuerConfig { issuer: dev_keys::ISSUER.to_owned(), audience: audience(), keys: secret },
        IssuerConfig { issuer: OWN_ISSUER.to_owned(), audience: audience(), keys: jwks },
    ])?);
    Ok(Verification { hs256: verify(&issuers, &hs256, &clock).await?, rs256: verify(&issuers, &rs256, &clock).await? })
}

async fn verify(issuers: &Arc<Issuers>, token: &str, clock: &Clock) -> anyhow::Result<Sample> {
    let job = || -> Job<()> {
        let (issuers, token, clock) = (Arc::clone(issuers), token.to_owned(), clock.clone());
        Box::pin(async move {
            let verified = issuers.verify(&token, &clock).await?;
            ensure!(verified.claims.username.as_str() == "ada", "another user");
            Ok(())
        })
    };
    let (sample, _) = load::run((0..TOKENS).map(|_| job()).collect(), 1).await?;
    Ok(sample)
}
