//! Tokens as data: what is made here is signed for real, by keys that are drawn once per run.

mod config;
mod forged;
mod read;
mod remote;

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaPublicKeyComponents};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::secret::Secret;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

/// 2026-06-01T12:00:00Z, when these tests take place.
const NOW: i64 = 1_780_315_200;

const SECRET: &str = "the LMS and we know this, and nobody else does";

/// Issuers by the keys that they have.
const HS: &str = "https://hs.example";
const RS: &str = "https://rs.example";
const LMS: &str = "https://lms.example/oauth2";
const ANYONES: &str = "https://anyones.example";

static FIRST: LazyLock<KeyPair> = LazyLock::new(pair);
static SECOND: LazyLock<KeyPair> = LazyLock::new(pair);
static FOREIGN: LazyLock<KeyPair> = LazyLock::new(pair);

fn pair() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

/// A way of signing, whatever the header says.
#[derive(Clone, Copy)]
enum By<'a> {
    Hmac(hmac::Algorithm, &'a [u8]),
    Rsa(&'static dyn RsaEncoding, &'a KeyPair),
    Nothing,
}

const HS256: By<'_> = By::Hmac(hmac::HMAC_SHA256, SECRET.as_bytes());

fn rs256(pair: &KeyPair) -> By<'_> {
    By::Rsa(&RSA_PKCS1_SHA256, pair)
}

fn rs512(pair: &KeyPair) -> By<'_> {
    By::Rsa(&RSA_PKCS1_SHA512, pair)
}

impl By<'_> {
    fn signature(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Hmac(algorithm, secret) => hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec(),
            Self::Rsa(encoding, pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Nothing => Vec::new(),
        }
    }
}

/// A token with any header and claims.
fn token(head: &Value, claims: &Value, by: By<'_>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let signature = by.signature(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Good claims of `issuer` with a change; `"absent"` takes a claim away.
fn claims(issuer: &str, change: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer, "aud": "bursar", "iat": NOW - 60, "exp": NOW + 3600, "preferred_username": "ada", "sub": "0123",
    });
    for (name, value) in change.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        if value == "absent" {
            claims.remove(name)
        } else {
            claims.insert(name.clone(), value.clone())
        };
    }
    claims
}

/// A good token of `issuer`, but for what the parameters change.
fn signed(issuer: &str, alg: &str, by: By<'_>) -> String {
    token(&json!({"alg": alg, "typ": "JWT"}), &claims(issuer, &json!({})), by)
}

fn public(kid: Option<&str>, pair: &KeyPair) -> Value {
    let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
    let mut key = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)});
    if let Some(kid) = kid {
        key.as_object_mut().unwrap().insert("kid".to_owned(), json!(kid));
    }
    key
}

fn set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

fn rsa_keys() -> Value {
    set(&[public(Some("first"), &FIRST), public(Some("second"), &SECOND)])
}

fn issuer(name: &str, audience: Audience, keys: KeySource) -> IssuerConfig {
    IssuerConfig { issuer: name.to_owned(), audience, keys }
}

fn bursar() -> Audience {
    Audience::Required(vec!["bursar".to_owned(), "shop".to_owned()])
}

fn issuers() -> Issuers {
    let secret = |text: &str| Some(Secret::new(text));
    let jwks = Some(serde_json::from_value(rsa_keys()).unwrap());
    let other = "another secret, which no other issuer knows";
    Issuers::new(vec![
        issuer(HS, bursar(), KeySource { secret: secret(SECRET), ..KeySource::default() }),
        issuer(RS, bursar(), KeySource { jwks: jwks.clone(), ..KeySource::default() }),
        issuer(LMS, bursar(), KeySource { secret: secret(other), jwks: jwks.clone(), jwks_url: None }),
        issuer(ANYONES, Audience::Unchecked, KeySource { secret: secret(SECRET), jwks, jwks_url: None }),
    ])
    .unwrap()
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(NOW).unwrap())
}

/// For issuers whose keys are all in the configuration.
fn verify_at(token: &str, clock: &Clock) -> Result<Verified, TokenFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(issuers().verify(token, clock))
}

fn verify(token: &str) -> Result<Verified, TokenFault> {
    verify_at(token, &clock())
}

/// Whether a token is taken, or why not.
#[track_caller]
fn check(name: &str, token: &str, wanted: Result<(), TokenFault>) {
    assert_eq!(verify(token).map(|_| ()), wanted, "{name}: {token}");
}
