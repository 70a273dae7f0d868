//! An issuer's public keys: those of a JWK set that tokens may be signed with, and sets that are fetched by URL.
//!
//! A set is fetched when a token first needs it, and kept for an hour. A token that fits none of its keys may be signed
//! with a new one, so the set is fetched anew, but at most once a minute: tokens are free to make, and nobody may make
//! us call the issuer at will. The last good set is kept for as long as its URL fails. Requests share one fetch.

use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{
    AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse, RSAKeyParameters,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::header::ACCEPT;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

/// The sizes of modulus that RFC 7518, section 3.3, and our library take.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

const CONNECT: Duration = Duration::from_secs(3);
/// The whole fetch. Less than a function has for a request.
const TOTAL: Duration = Duration::from_secs(5);
/// A set of a hundred large keys.
const MOST_BYTES: usize = 64 * 1024;

const KEPT: SignedDuration = SignedDuration::from_hours(1);
const BETWEEN_FETCHES: SignedDuration = SignedDuration::from_mins(1);
/// Without any set nobody of this issuer is served, so one lost answer must not cost a minute.
const BETWEEN_FIRST_FETCHES: SignedDuration = SignedDuration::from_secs(5);

/// The keys of a set that a token may be signed with.
pub(super) struct KeySet(Vec<RsaKey>);

struct RsaKey {
    kid: Option<String>,
    /// What the issuer binds the key to; `None` is any that we take.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// A set that others publish.
pub(super) struct RemoteKeys {
    url: Url,
    http: Client,
    current: RwLock<Option<Fetched>>,
    /// When a fetch was last begun. Held while one goes on.
    last_fetch: Mutex<Option<Timestamp>>,
}

#[derive(Clone)]
struct Fetched {
    keys: Arc<KeySet>,
    at: Timestamp,
}

/// No set was ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoKeys;

#[derive(Debug, thiserror::Error)]
enum FetchFault {
    #[error("the url cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    #[error("the url answers with status {0}")]
    Status(u16),
    #[error("the answer is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("the answer is no set of keys")]
    Unreadable,
}

/// RFC 7517, section 5: a key that cannot be read does not spoil the set.
#[derive(Deserialize)]
struct LooseSet {
    keys: Vec<Value>,
}

impl KeySet {
    /// The usable keys of a set: RSA, for signatures, of a safe size. Others are left out.
    pub(super) fn of(set: &JwkSet) -> Self {
        Self(set.keys.iter().filter_map(RsaKey::of).collect())
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let LooseSet { keys } = serde_json::from_slice(body).ok()?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Some(Self::of(&JwkSet { keys }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token that names `kid` must be signed with a key of this set. One that names none might be signed with
    /// a key that we have not seen.
    pub(super) fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_some() && self.0.iter().any(|key| key.kid.as_deref() == kid)
    }

    /// The keys that a token with this header may be signed with: those that it names, or all if it names none.
    pub(super) fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &DecodingKey> {
        let named = move |key: &&RsaKey| kid.is_none() || key.kid.as_deref() == kid;
        let bound = move |key: &&RsaKey| key.algorithm.is_none_or(|bound| bound == algorithm);
        self.0.iter().filter(named).filter(bound).map(|key| &key.key)
    }
}

impl RsaKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let algorithm = match common.key_algorithm {
            None => None,
            Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(_) => return None,
        };
        let AlgorithmParameters::RSA(RSAKeyParameters { n, e, .. }) = &jwk.algorithm else { return None };
        let (n, e) = (integer(n)?, integer(e)?);
        // 1 would let anybody sign; no even number is an exponent.
        let sound = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
        (signs && verifies && sound && MODULUS_BITS.contains(&bits(&n))).then(|| Self {
            kid: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_rsa_raw_components(&n, &e),
        })
    }
}

/// A Base64urlUInt of RFC 7518, section 2. Some publishers begin with a zero, which the library refuses.
fn integer(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn bits(number: &[u8]) -> u32 {
    let leading = number.first().map_or(0, |first| first.leading_zeros());
    u32::try_from(number.len() * 8).unwrap_or(u32::MAX).saturating_sub(leading)
}

/// The client by which sets are fetched.
pub(super) fn client() -> Result<Client, outbound::Error> {
    outbound::client(|http| http.connect_timeout(CONNECT).timeout(TOTAL).user_agent("bursar"))
}

impl RemoteKeys {
    /// The set at `url`; nothing is fetched yet.
    pub(super) fn new(url: Url, http: Client) -> Self {
        Self { url, http, current: RwLock::default(), last_fetch: Mutex::default() }
    }

    /// The set, fetched if there is none or if it is old.
    pub(super) async fn keys(&self, now: Timestamp) -> Result<Arc<KeySet>, NoKeys> {
        match self.current() {
            Some(set) if within(now, set.at, KEPT) => Ok(set.keys),
            Some(old) => {
                // One request fetches, the others go on with the old set.
                if let Ok(turn) = self.last_fetch.try_lock() {
                    self.fetch(turn, now).await;
                }
                Ok(self.current().map_or(old.keys, |set| set.keys))
            }
            None => {
                self.fetch(self.last_fetch.lock().await, now).await;
                self.current().map(|set| set.keys).ok_or(NoKeys)
            }
        }
    }

    /// A set that was fetched after `seen`, if one may be fetched now or has just been.
    pub(super) async fn newer_than(&self, seen: &Arc<KeySet>, now: Timestamp) -> Option<Arc<KeySet>> {
        let is_newer = |set: &Fetched| !Arc::ptr_eq(&set.keys, seen);
        let turn = self.last_fetch.lock().await;
        if !self.current().is_some_and(|set| is_newer(&set)) {
            self.fetch(turn, now).await;
        }
        self.current().filter(is_newer).map(|set| set.keys)
    }

    fn current(&self) -> Option<Fetched> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the set, unless that was tried just now. `last` is held meanwhile, so that others wait for the outcome.
    async fn fetch(&self, mut last: MutexGuard<'_, Option<Timestamp>>, now: Timestamp) {
        let pause = if self.current().is_some() { BETWEEN_FETCHES } else { BETWEEN_FIRST_FETCHES };
        if last.is_some_and(|last| within(now, last, pause)) {
            return;
        }
        // Noted before the answer is there: a request that is broken off counts as well.
        *last = Some(now);
        match self.download().await {
            Ok(keys) => {
                let fetched = Fetched { keys: Arc::new(keys), at: now };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
            }
            Err(fault) => {
                tracing::warn!(url = %self.url, error = &fault as &dyn Error, "an issuer's keys cannot be fetched");
            }
        }
    }

    async fn download(&self) -> Result<KeySet, FetchFault> {
        let mut response = self.http.get(self.url.clone()).header(ACCEPT, "application/json").send().await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchFault::Status(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(FetchFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        KeySet::parse(&body).ok_or(FetchFault::Unreadable)
    }
}

/// Whether `now` is less than `span` after `since`. A clock that was set back has no say in it.
fn within(now: Timestamp, since: Timestamp, span: SignedDuration) -> bool {
    let age = now.duration_since(since);
    !age.is_negative() && age < span
}
