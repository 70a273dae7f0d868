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
use domain::owner::{SubjectKey, UserId};
use domain::places::Country;
use domain::text::{Tenant, Username};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use store::Store;

use crate::clock::Clock;
use crate::config::{ConfigError, Env, MIN_SECRET, Secret};
use crate::cors::Origin;
use crate::cursor::Cursors;
use crate::digest::Keyed;
use crate::entropy::Entropy;
use crate::identity::issuers::{IssuerConfig, IssuerList, Issuers};
use crate::identity::{ClientKeyPolicy, GatewayConfig};

/// The configuration of the HTTP contract of one tenant.
#[derive(Clone)]
pub struct HttpConfig {
    /// The school or site.
    pub tenant: Tenant,
    /// The key of user ids, session keys, CSRF tokens and cursors. Changing it gives every user another id.
    pub key_secret: Secret,
    /// Who issues tokens.
    pub issuers: Vec<IssuerConfig>,
    /// The gateway that may say who people are, if there is one.
    pub gateway: Option<GatewayConfig>,
    /// Whether applications need a key.
    pub client_keys: ClientKeyPolicy,
    /// The web sites that may call from a browser.
    pub allowed_origins: Vec<Origin>,
    /// The realms that a `Session-Id` may name: the hosts that client applications know us by.
    pub session_realms: Vec<String>,
    /// Whether cookies are `Secure`; false on loopback only.
    pub secure_cookies: bool,
    /// The header by which the hop before us says where a request came from, if one does.
    pub country_header: Option<HeaderName>,
}

impl HttpConfig {
    /// Reads `BURSAR_KEY_SECRET`, `BURSAR_ISSUERS` (a JSON list of [`IssuerConfig`]), `BURSAR_GATEWAY` (a JSON
    /// [`GatewayConfig`], may be unset), `BURSAR_CLIENT_KEYS` (`optional`, the default, or `required`),
    /// `BURSAR_ALLOWED_ORIGINS` (a list, may be unset), `BURSAR_SESSION_REALMS` (a list, may be unset: no `Session-Id` is
    /// taken then), `BURSAR_SECURE_COOKIES` (default true) and `BURSAR_COUNTRY_HEADER` (may be unset). Faults are reported by [`Env::finish`].
    pub fn from_env(env: &mut Env, tenant: &Tenant) -> Option<Self> {
        let key_secret = env.secret("BURSAR_KEY_SECRET");
        let issuers = env.parsed::<IssuerList>("BURSAR_ISSUERS").map(|list| list.0);
        let gateway = env.optional_json("BURSAR_GATEWAY");
        let client_keys = env.parsed_or("BURSAR_CLIENT_KEYS", ClientKeyPolicy::Optional);
        let allowed_origins = env.list("BURSAR_ALLOWED_ORIGINS");
        let session_realms = env.list("BURSAR_SESSION_REALMS");
        let secure_cookies = env.parsed_or("BURSAR_SECURE_COOKIES", true);
        let country_header = env.list("BURSAR_COUNTRY_HEADER").map(|names| names.first().cloned());
        Some(Self {
            tenant: tenant.clone(),
            key_secret: key_secret?,
            issuers: issuers?,
            gateway: gateway?,
            client_keys: client_keys?,
            allowed_origins: allowed_origins?,
            session_realms: session_realms?,
            secure_cookies: secure_cookies?,
            country_header: country_header?,
        })
    }
}

impl HttpConfig {
    /// For a function that nobody signs in to, since its callers prove themselves otherwise, as processors do by a
    /// signature. It has no secret of ours: what it made with its key, no other function would believe.
    #[must_use]
    pub fn without_callers(tenant: Tenant, entropy: &Entropy) -> Self {
        Self {
            tenant,
            key_secret: Secret::new(entropy.hex(32)),
            issuers: Vec::new(),
            gateway: None,
            client_keys: ClientKeyPolicy::Optional,
            allowed_origins: Vec::new(),
            session_realms: Vec::new(),
            secure_cookies: true,
            country_header: None,
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({})", self.0.tenant)
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
    issuers: Issuers,
    gateway: Option<GatewayConfig>,
    client_keys: ClientKeyPolicy,
    store: Store,
    cursors: Cursors,
    allowed_origins: Vec<Origin>,
    session_realms: Vec<String>,
    secure_cookies: bool,
    country_header: Option<HeaderName>,
}

impl Http {
    /// The contract under `config`, with the callers' rows in `store`, in the time of `clock`, with ids from `entropy`.
    ///
    /// # Errors
    /// [`ConfigError`] if an issuer's keys, or the gateway's secrets, are none that can be relied on.
    pub fn new(config: HttpConfig, store: Store, clock: Clock, entropy: Entropy) -> Result<Self, ConfigError> {
        let key = config.key_secret.expose().as_bytes();
        let weak = |gateway: &GatewayConfig| gateway.secrets.iter().any(|secret| secret.expose().len() < MIN_SECRET);
        if config.gateway.as_ref().is_some_and(weak) {
            return Err(ConfigError::of(format!("a secret of BURSAR_GATEWAY is shorter than {MIN_SECRET} bytes")));
        }
        Ok(Self(Arc::new(Inner {
            issuers: Issuers::new(config.issuers).map_err(|error| ConfigError::of(error.to_string()))?,
            gateway: config.gateway,
            client_keys: config.client_keys,
            store,
            keys: Keyed::new(key),
            cursors: Cursors::new(key),
            tenant: config.tenant,
            clock,
            entropy,
            allowed_origins: config.allowed_origins,
            session_realms: config.session_realms,
            secure_cookies: config.secure_cookies,
            country_header: config.country_header,
        })))
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

    /// The country that a request came from. A header that stands twice says nothing.
    pub(crate) fn country_of(&self, headers: &HeaderMap) -> Option<Country> {
        let mut values = headers.get_all(self.0.country_header.as_ref()?).iter();
        let first = values.next()?.to_str().ok()?.parse().ok();
        first.filter(|_| values.next().is_none())
    }

    pub(crate) fn keys(&self) -> &Keyed {
        &self.0.keys
    }

    pub(crate) fn issuers(&self) -> &Issuers {
        &self.0.issuers
    }

    pub(crate) fn gateway(&self) -> Option<&GatewayConfig> {
        self.0.gateway.as_ref()
    }

    pub(crate) fn client_keys(&self) -> ClientKeyPolicy {
        self.0.client_keys
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The key of a subject, that is of an issuer's own name for a user.
    #[must_use]
    pub fn subject_key(&self, issuer: &str, subject: &str) -> SubjectKey {
        SubjectKey::from_digest(self.0.keys.short(&["subject", self.0.tenant.as_str(), issuer, subject]))
    }

    /// The key under which a principal's requests are counted.
    pub(crate) fn rate_key(&self, principal: &str) -> String {
        hex::encode(self.0.keys.short(&["rate", self.0.tenant.as_str(), principal]))
    }

    pub(crate) fn knows_realm(&self, realm: &str) -> bool {
        self.0.session_realms.iter().any(|known| known == realm)
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
        let mut env = Env::of([
            ("BURSAR_ALLOWED_ORIGINS", "*"),
            ("BURSAR_CLIENT_KEYS", "sometimes"),
            ("BURSAR_GATEWAY", "{}"),
            ("BURSAR_SECURE_COOKIES", "true"),
        ]);
        let config = HttpConfig::from_env(&mut env, &"default".parse().unwrap());
        let error = env.finish(config).err().map(|error| error.to_string()).unwrap_or_default();
        for name in ["KEY_SECRET", "ISSUERS", "ALLOWED_ORIGINS", "CLIENT_KEYS", "GATEWAY"] {
            assert!(error.contains(name), "{name}: {error}");
        }
        assert!(!error.contains("SECURE_COOKIES"), "{error}");
    }
}
