//! The keys by which we sign tokens ourselves: RS256, with rotation.
//!
//! All keys are published, but only the newest whose time has come signs. So a new key is configured with a time that
//! lies ahead by more than others keep our set (an hour, if they do as we do), and an old one stays until its last token
//! has expired. A private key leaves this module in no form.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::secret::Secret;
use jiff::Timestamp;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use jsonwebtoken::{Algorithm, Header};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

/// The longest `kid`, in bytes. It stands in every token.
const MAX_KID: usize = 64;

/// Keys for signing, oldest first.
#[derive(Clone)]
pub struct SigningKeys(Vec<SigningKey>);

#[derive(Clone)]
struct SigningKey {
    kid: String,
    /// Parsed and checked once; the library's own signer would do so for every token.
    pair: KeyPair,
    from: Timestamp,
}

/// What is wrong with the configured keys. The keys are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSigningKeys {
    /// The text is not a JSON list of `{"kid", "pem", "from"}`.
    #[error("must be a JSON list of objects with kid, pem and from: fault at line {line}, column {column}")]
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The list is empty.
    #[error("holds no key")]
    Empty,
    /// A `kid` is empty, too long or not printable.
    #[error("a kid must be 1 to {MAX_KID} printable characters without spaces")]
    Kid,
    /// Two keys have the same `kid`.
    #[error("key {0} is listed twice")]
    Twice(String),
    /// A `pem` is not an RSA private key that we can use.
    #[error("key {0} is not an RSA private key of 2048 to 8192 bits in PEM (PKCS#8, unencrypted)")]
    Pem(String),
}

/// No token was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignFault {
    /// No key's time has come.
    #[error("no signing key is in use yet")]
    NoKey,
    /// The claims are not JSON.
    #[error("the claims cannot be written")]
    Claims(#[from] serde_json::Error),
    /// The library failed.
    #[error("the signature cannot be made")]
    Signature,
}

/// The library made no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key can be generated")]
pub struct NotGenerated;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    kid: String,
    pem: Secret,
    /// From when on the key signs.
    from: Timestamp,
}

impl SigningKeys {
    /// One new key of 2048 bits that signs at any time: for development, as it lasts no longer than the process.
    ///
    /// # Errors
    /// [`NotGenerated`].
    pub fn generate(kid: &str) -> Result<Self, NotGenerated> {
        // The library draws its own randomness: a key that can be drawn again from a seed must not sign anything.
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| NotGenerated)?;
        Ok(Self(vec![SigningKey { kid: kid.to_owned(), pair, from: Timestamp::MIN }]))
    }

    /// The public half of every key, also of those that do not sign yet or any more.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.0.iter().map(SigningKey::public).collect() }
    }

    /// A token with these claims, signed by the newest key whose time has come at `now`.
    ///
    /// # Errors
    /// [`SignFault`].
    pub fn sign(&self, claims: &impl Serialize, now: Timestamp) -> Result<String, SignFault> {
        let key = self.0.iter().rfind(|key| key.from <= now).ok_or(SignFault::NoKey)?;
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::RS256) };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let signed = format!("{}.{}", part(serde_json::to_vec(&header)?), part(serde_json::to_vec(claims)?));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        let made = key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        made.map_err(|_| SignFault::Signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl SigningKey {
    fn read(wire: &Wire) -> Result<Self, BadSigningKeys> {
        let kid = wire.kid.clone();
        if !(1..=MAX_KID).contains(&kid.len()) || !kid.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadSigningKeys::Kid);
        }
        let der = PrivatePkcs8KeyDer::from_pem_slice(wire.pem.expose().as_bytes()).ok();
        let pair = der.and_then(|der| KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
        let pair = pair.ok_or_else(|| BadSigningKeys::Pem(kid.clone()))?;
        Ok(Self { kid, pair, from: wire.from })
    }

    fn public(&self) -> Jwk {
        let RsaPublicKeyComponents::<Vec<u8>> { n, e } = self.pair.public_key().into();
        Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::RS256),
                key_id: Some(self.kid.clone()),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::RSA(RSAKeyParameters {
                key_type: RSAKeyType::RSA,
                n: URL_SAFE_NO_PAD.encode(n),
                e: URL_SAFE_NO_PAD.encode(e),
            }),
        }
    }
}

impl FromStr for SigningKeys {
    type Err = BadSigningKeys;

    /// Reads `[{"kid": "2026-06", "pem": "-----BEGIN PRIVATE KEY-----…", "from": "2026-06-01T00:00:00Z"}]`.
    fn from_str(json: &str) -> Result<Self, BadSigningKeys> {
        let read: Result<Vec<Wire>, _> = serde_json::from_str(json);
        // The library's own text may repeat the key.
        let wires = read.map_err(|error| BadSigningKeys::Unreadable { line: error.line(), column: error.column() })?;
        let mut keys = wires.iter().map(SigningKey::read).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = keys.iter().find(|key| !seen.insert(key.kid.clone())) {
            return Err(BadSigningKeys::Twice(twice.kid.clone()));
        }
        if keys.is_empty() {
            return Err(BadSigningKeys::Empty);
        }
        keys.sort_by_key(|key| key.from);
        Ok(Self(keys))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.kid, key.from))).finish()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::identity::issuers::{Audience, IssuerConfig, Issuers, KeySource};

    const OURS: &str = "https://shop.example";

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    fn rsa_pem() -> String {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        pem("PRIVATE KEY", AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref())
    }

    fn configured(keys: &Value) -> Result<SigningKeys, BadSigningKeys> {
        keys.to_string().parse()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The header, and the username that a verifier with this set reads in the token.
    fn verified(token: &str, jwks: JwkSet, now: Timestamp) -> (Value, String) {
        let keys = KeySource { jwks: Some(jwks), ..KeySource::default() };
        let issuer = IssuerConfig { issuer: OURS.to_owned(), audience: Audience::Unchecked, keys };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let issuers = Issuers::new(vec![issuer]).unwrap();
        let verified = runtime.block_on(issuers.verify(token, &Clock::fixed(now))).unwrap();
        let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        (serde_json::from_slice(&head).unwrap(), verified.claims.username.to_string())
    }

    fn claims(now: Timestamp) -> Value {
        json!({"iss": OURS, "iat": now.as_second(), "exp": now.as_second() + 60, "preferred_username": "robot"})
    }

    #[test]
    fn a_generated_key_signs_what_its_set_verifies() {
        let (keys, now) = (SigningKeys::generate("dev").unwrap(), at("2026-06-01T12:00:00Z"));
        let token = keys.sign(&claims(now), now).unwrap();
        let (head, name) = verified(&token, keys.jwks(), now);
        assert_eq!((head, name.as_str()), (json!({"typ": "JWT", "alg": "RS256", "kid": "dev"}), "robot"));
        assert!(SigningKeys::generate("dev").unwrap().jwks() != keys.jwks());
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after() {
        let listed = json!([
            {"kid": "new", "pem": rsa_pem(), "from": "2026-06-01T12:00:00Z"},
            {"kid": "old", "pem": rsa_pem(), "from": "2026-01-01T00:00:00Z"},
            {"kid": "next", "pem": rsa_pem(), "from": "2026-09-01T02:00:00+02:00"},
        ]);
        let keys = configured(&listed).unwrap();
        let published: Vec<_> = keys.jwks().keys.into_iter().filter_map(|key| key.common.key_id).collect();
        assert_eq!(published, ["old", "new", "next"]);
        for (now, kid) in [
            ("2026-01-01T00:00:00Z", "old"),
            ("2026-06-01T11:59:59Z", "old"),
            ("2026-06-01T12:00:00Z", "new"),
            ("2026-08-31T23:59:59Z", "new"),
            ("2026-09-01T00:00:00Z", "next"),
            ("2030-01-01T00:00:00Z", "next"),
        ] {
            let now = at(now);
            let token = keys.sign(&claims(now), now).unwrap();
            assert_eq!(verified(&token, keys.jwks(), now).0["kid"], kid, "{now}");
        }
        let before = keys.sign(&claims(at("2025-12-31T23:59:59Z")), at("2025-12-31T23:59:59Z"));
        assert!(matches!(before, Err(SignFault::NoKey)), "{before:?}");
    }

    #[test]
    fn the_set_shows_the_public_half_and_no_more() {
        let keys = configured(&json!([{"kid": "k", "pem": rsa_pem(), "from": "2026-01-01T00:00:00Z"}])).unwrap();
        let set = serde_json::to_value(keys.jwks()).unwrap();
        let shown = set["keys"][0].as_object().unwrap();
        assert_eq!(shown.keys().map(String::as_str).collect::<Vec<_>>(), ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&shown["kty"], &shown["use"], &shown["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
        assert_eq!(shown["n"].as_str().map(str::len), Some(342), "2048 bits");
        assert_eq!(format!("{keys:?}"), r#"[("k", 2026-01-01T00:00:00Z)]"#);
    }

    #[test]
    fn a_list_that_cannot_be_used_is_refused_without_repeating_a_key() {
        let from = "2026-01-01T00:00:00Z";
        let one = rsa_pem();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ec = pem("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref());
        let key = |pem: &str| json!([{"kid": "k", "pem": pem, "from": from}]);
        let bad = |pem: &str| (key(pem), BadSigningKeys::Pem("k".to_owned()));
        let kid = |kid: &str| (json!([{"kid": kid, "pem": one, "from": from}]), BadSigningKeys::Kid);
        let unreadable = |json: Value| {
            let column = json.to_string().len() - 1;
            (json, BadSigningKeys::Unreadable { line: 1, column })
        };
        for (json, wanted) in [
            (json!([]), BadSigningKeys::Empty),
            bad(""),
            bad("MIIEvQ"),
            bad(&one.replace("PRIVATE KEY", "RSA PRIVATE KEY")),
            bad(&one.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
            bad(&one.replace("PRIVATE KEY", "PUBLIC KEY")),
            bad(&one.replacen("AoIBAQ", "AoIBAA", 1)),
            bad(&ec),
            kid(""),
            kid("a b"),
            kid(&"k".repeat(65)),
            (json!([key(&one)[0], key(&one)[0]]), BadSigningKeys::Twice("k".to_owned())),
            unreadable(json!([{"kid": "k", "pem": one}])),
            unreadable(json!([{"kid": "k", "from": from}])),
        ] {
            let got = configured(&json).unwrap_err();
            assert_eq!(got, wanted, "{json}");
        }
        for json in [json!([{"kid": "k", "pem": [one], "from": from}]), json!([{"kid": "k", "pem": "x", "from": one}])]
        {
            let fault = configured(&json).unwrap_err();
            assert!(
                matches!(fault, BadSigningKeys::Unreadable { .. }) && !fault.to_string().contains("MII"),
                "{fault}"
            );
        }
    }
}
