//! What every request needs of its surroundings: tenant, clock, entropy, secrets and the rules of the edge.
//!
//! A function's state holds one [`Http`] and offers it to the extractors of this crate by `FromRef`:
//!
//! ```
//! # use axum::extract::FromRef;
//! # use web::Http;
//! #[derive(Clone)]
//! struct App { http: Http /* , store: Store */ }
//!
//! impl FromRef<App> for Http {
//!     fn from_ref(app: &App) -> Http { app.http.clone() }
//! }
//! ```

use std::sync::Arc;

use domain::id::Ids;
use domain::owner::UserId;
use domain::text::{Tenant, Username};
use http::HeaderValue;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::{Env, Secret};
use crate::cors::Origin;
use crate::cursor::Cursors;
use crate::digest::Keyed;
use crate::entropy::Entropy;
use crate::identity::Tokens;

/// Who issues the tokens that we believe.
#[derive(Clone)]
pub struct JwtConfig {
    /// The `iss` that a token must have, such as `https://lms.example/oauth2`.
    pub issuer: String,
    /// The `aud` that a token must have, alone or in its list.
    pub audience: String,
    /// The HS256 key that is shared with the LMS.
    pub secret: Secret,
}

/// The configuration of the HTTP contract.
#[derive(Clone)]
pub struct HttpConfig {
    /// The school or site that this deployment serves.
    pub tenant: Tenant,
    /// The key of user ids, session keys, CSRF tokens and cursors. Changing it gives every user another id.
    pub key_secret: Secret,
    /// Who issues tokens.
    pub jwt: JwtConfig,
    /// The web sites that may call from a browser.
    pub allowed_origins: Vec<Origin>,
    /// The realms that a `Session-Id` may name: the hosts that client applications know us by. Empty is any; a session
    /// of one realm is never that of another.
    pub session_realms: Vec<String>,
    /// Whether cookies are `Secure`; false on loopback only.
    pub secure_cookies: bool,
}

impl HttpConfig {
    /// Reads `BURSAR_TENANT`, `BURSAR_KEY_SECRET`, `BURSAR_JWT_ISSUER`, `BURSAR_JWT_AUDIENCE`, `BURSAR_JWT_SECRET`,
    /// `BURSAR_ALLOWED_ORIGINS` (a list, may be unset), `BURSAR_SESSION_REALMS` (a list, may be unset) and `BURSAR_SECURE_COOKIES` (default
    /// true). Faults are reported by [`Env::finish`].
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let tenant = env.parsed("BURSAR_TENANT");
        let key_secret = env.secret("BURSAR_KEY_SECRET");
        let issuer = env.required("BURSAR_JWT_ISSUER");
        let audience = env.required("BURSAR_JWT_AUDIENCE");
        let secret = env.secret("BURSAR_JWT_SECRET");
        let allowed_origins = env.list("BURSAR_ALLOWED_ORIGINS");
        let session_realms = env.list("BURSAR_SESSION_REALMS");
        let secure_cookies = env.flag("BURSAR_SECURE_COOKIES", true);
        Some(Self {
            tenant: tenant?,
            key_secret: key_secret?,
            jwt: JwtConfig { issuer: issuer?, audience: audience?, secret: secret? },
            allowed_origins: allowed_origins?,
            session_realms: session_realms?,
            secure_cookies: secure_cookies?,
        })
    }
}

/// The shared state of the HTTP contract. Clones are cheap and see the same clock and entropy.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    tenant: Tenant,
    clock: Clock,
    entropy: Entropy,
    keys: Keyed,
    tokens: Tokens,
    cursors: Cursors,
    allowed_origins: Vec<Origin>,
    session_realms: Vec<String>,
    secure_cookies: bool,
}

impl Http {
    /// The contract under `config`, in the time of `clock`, with ids from `entropy`.
    #[must_use]
    pub fn new(config: HttpConfig, clock: Clock, entropy: Entropy) -> Self {
        let key = config.key_secret.expose().as_bytes();
        Self(Arc::new(Inner {
            tokens: Tokens::new(&config.jwt),
            keys: Keyed::new(key),
            cursors: Cursors::new(key),
            tenant: config.tenant,
            clock,
            entropy,
            allowed_origins: config.allowed_origins,
            session_realms: config.session_realms,
            secure_cookies: config.secure_cookies,
        }))
    }

    /// The tenant that this deployment serves.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.0.tenant
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The present, as business rules read it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The entropy.
    #[must_use]
    pub fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    /// Fresh ids for one decision, taken at `now`.
    #[must_use]
    pub fn ids(&self, now: Timestamp) -> Ids {
        self.0.entropy.ids(now)
    }

    /// The key of the user with this name at the LMS.
    #[must_use]
    pub fn user_id(&self, username: &Username) -> UserId {
        UserId::from_digest(self.0.keys.short(&["user", self.0.tenant.as_str(), username.as_str()]))
    }

    /// The page cursors.
    #[must_use]
    pub fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }

    /// The sites that may call from a browser.
    #[must_use]
    pub fn allowed_origins(&self) -> &[Origin] {
        &self.0.allowed_origins
    }

    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        self.0.allowed_origins.iter().any(|allowed| allowed.is(origin))
    }

    pub(crate) fn keys(&self) -> &Keyed {
        &self.0.keys
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn knows_realm(&self, realm: &str) -> bool {
        self.0.session_realms.is_empty() || self.0.session_realms.iter().any(|known| known == realm)
    }

    pub(crate) fn secure_cookies(&self) -> bool {
        self.0.secure_cookies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named() {
        let mut env = Env::of([("BURSAR_TENANT", "default"), ("BURSAR_ALLOWED_ORIGINS", "*")]);
        let config = HttpConfig::from_env(&mut env);
        let error = env.finish(config).err().map(|error| error.to_string()).unwrap_or_default();
        for name in ["KEY_SECRET", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_SECRET", "ALLOWED_ORIGINS"] {
            assert!(error.contains(name), "{name}: {error}");
        }
        assert!(!error.contains("TENANT"), "{error}");
    }
}
