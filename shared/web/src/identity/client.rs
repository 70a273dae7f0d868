//! The client application: which front end is talking to us, and what it may do. Never a user.
//!
//! A key is `ck_<tenant>_<id>_<secret>`: the tenant tells which school a request is for before anything is read, the id
//! finds the key's row, and the secret is held against a keyed digest there.

use domain::client_key::{Allowance, ClientKey};
use domain::id::ClientId;
use domain::text::Tenant;
use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// The header of the client application's key.
pub const X_CLIENT_KEY: HeaderName = HeaderName::from_static("x-client-key");

/// Bytes of a minted secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Whether a tenant serves applications without a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeyPolicy {
    /// Anybody is served; a key that is sent must be good.
    #[default]
    Optional,
    /// A key is needed.
    Required,
}

impl std::str::FromStr for ClientKeyPolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            _ => Err("must be optional or required"),
        }
    }
}

/// A key as an application sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedKey {
    /// The school that the key is for.
    pub tenant: Tenant,
    /// Which key.
    pub id: ClientId,
    secret: String,
}

impl std::fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PresentedKey({}, {})", self.tenant, self.id)
    }
}

impl PresentedKey {
    /// Parses `ck_<tenant>_<id>_<secret>`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("ck_")?.split('_');
        let (tenant, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let hexadecimal = secret.len() == 2 * SECRET_BYTES && secret.bytes().all(|b| b.is_ascii_hexdigit());
        if parts.next().is_some() || !hexadecimal {
            return None;
        }
        let id = format!("cli_{id}").parse().ok()?;
        Some(Self { tenant: tenant.parse().ok()?, id, secret: secret.to_owned() })
    }

    /// The key that a request shows, if it shows one.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(X_CLIENT_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        text.and_then(Self::parse).map(Some).ok_or_else(|| Problem::new(Code::UnknownClientKey))
    }

    /// The digest under which the key's secret is kept.
    #[must_use]
    pub fn digest(&self, http: &Http) -> [u8; 32] {
        secret_digest("client-key", self.id.as_str(), &self.secret, http)
    }
}

/// The digest under which a secret of a client is kept. The purpose keeps one kind of client from passing for another.
fn secret_digest(purpose: &str, id: &str, secret: &str, http: &Http) -> [u8; 32] {
    http.keys().digest(&[purpose, http.tenant().as_str(), id, secret])
}

/// The digest under which the secret of the machine client `id` is kept.
#[must_use]
pub fn machine_secret_digest(id: &str, secret: &str, http: &Http) -> [u8; 32] {
    secret_digest("machine-client", id, secret, http)
}

/// A secret that was just made: shown once, kept as a digest.
#[derive(Clone)]
pub struct NewSecret {
    /// What the client is given.
    pub shown: String,
    /// What is kept.
    pub digest: [u8; 32],
}

impl NewSecret {
    /// A new secret for the client key `id`; what is shown is the whole key.
    #[must_use]
    pub fn of_client_key(id: &ClientId, http: &Http) -> Self {
        let secret = http.entropy().hex(SECRET_BYTES);
        let digest = secret_digest("client-key", id.as_str(), &secret, http);
        let bare = id.as_str().strip_prefix("cli_").unwrap_or_default();
        Self { shown: format!("ck_{}_{bare}_{secret}", http.tenant()), digest }
    }

    /// A new secret for the machine client `id`.
    #[must_use]
    pub fn of_machine_client(id: &str, http: &Http) -> Self {
        let shown = http.entropy().hex(SECRET_BYTES);
        let digest = machine_secret_digest(id, &shown, http);
        Self { shown, digest }
    }
}

/// Whether `secret` is the one of the machine client `id`, whose accepted digests are `kept`.
#[must_use]
pub fn is_machine_secret<'a>(id: &str, secret: &str, kept: impl Iterator<Item = &'a str>, http: &Http) -> bool {
    among(machine_secret_digest(id, secret, http), kept)
}

/// Whether a digest is one of those kept. All are compared, so that the time does not tell which one it was.
fn among<'a>(digest: [u8; 32], kept: impl Iterator<Item = &'a str>) -> bool {
    let digest = hex::encode(digest);
    kept.fold(false, |found, kept| bool::from(kept.as_bytes().ct_eq(digest.as_bytes())) | found)
}

/// What a request asks of the application's key.
#[derive(Clone, Debug)]
pub(super) struct ClientAsk {
    pub(super) shown: Option<PresentedKey>,
    safe: bool,
    names_session: bool,
    exempt: bool,
}

impl ClientAsk {
    pub(super) fn of(headers: &HeaderMap, method: &Method) -> Result<Self, Problem> {
        let names_session = headers.contains_key(super::session::SESSION_ID);
        Ok(Self { shown: PresentedKey::of(headers)?, safe: method.is_safe(), names_session, exempt: false })
    }

    /// For requests that no application makes: a browser's way to a page, or a server's to a token.
    pub(super) fn exempt(&mut self) {
        self.exempt = true;
    }

    /// Holds the key that was shown against its row.
    pub(super) fn check(&self, row: Option<&ClientKey>, http: &Http, now: Timestamp) -> Result<(), Problem> {
        let Some(shown) = &self.shown else {
            return match http.client_keys() {
                ClientKeyPolicy::Optional => Ok(()),
                ClientKeyPolicy::Required if self.exempt => Ok(()),
                ClientKeyPolicy::Required => Err(Problem::new(Code::ClientKeyRequired)),
            };
        };
        let digest = shown.digest(http);
        let good = row.filter(|row| row.revoked_at.is_none() && shown.tenant == *http.tenant());
        let good = good.filter(|row| among(digest, row.secret.accepted(now)));
        let Some(key) = good else { return Err(Problem::new(Code::UnknownClientKey)) };
        let needed = if self.safe { Allowance::Read } else { Allowance::Write };
        if !key.may.contains(&needed) {
            return Err(Problem::new(Code::Forbidden).detail("the client key does not permit this"));
        }
        if self.names_session && !key.may.contains(&Allowance::Sessions) {
            return Err(Problem::new(Code::Forbidden).detail("the client key does not permit a Session-Id"));
        }
        Ok(())
    }
}
