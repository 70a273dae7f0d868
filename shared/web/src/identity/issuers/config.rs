//! Who issues tokens, as the configuration tells it: a JSON list, in one secret variable.
//!
//! ```json
//! [{"issuer": "https://lms.example/oauth2", "audience": ["bursar"], "secret": "…", "jwks_url": "https://…"}]
//! ```
//!
//! A fault names its place and what belongs there, never the value that was found: it may be a secret in the wrong
//! place, and faults are logged.

use std::str::FromStr;

use domain::secret::Secret;
use jsonwebtoken::jwk::JwkSet;
use reqwest::Url;
use serde::{Deserialize, Deserializer, de};

use super::super::jwks::KeySet;

/// The shortest secret that is taken, in bytes: RFC 7518, section 3.2, wants the size of the hash.
pub const MIN_HMAC_SECRET: usize = 32;

/// An issuer of tokens that we believe, and with what we check them.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Wire")]
pub struct IssuerConfig {
    /// The `iss` that its tokens have, such as `https://lms.example/oauth2`.
    pub issuer: String,
    /// Whom its tokens must be meant for.
    pub audience: Audience,
    /// The keys that sign them; at least one.
    pub keys: KeySource,
}

/// Whom tokens must be meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One of these names must be the `aud`, or in its list. In JSON: a list of names.
    Required(Vec<String>),
    /// Tokens are taken that were issued for others, too. In JSON: `"unchecked"`.
    Unchecked,
}

/// The keys of an issuer. Open edX signs with a secret for some of its applications and with an RSA key for others.
#[derive(Clone, Default)]
pub struct KeySource {
    /// For HS256; at least [`MIN_HMAC_SECRET`] bytes.
    pub secret: Option<Secret>,
    /// For RS256 and RS512.
    pub jwks: Option<JwkSet>,
    /// For RS256 and RS512; `https`, or `http` to this machine.
    pub jwks_url: Option<Url>,
}

/// A list of issuers, parsed from JSON and checked.
#[derive(Clone)]
pub struct IssuerList(pub Vec<IssuerConfig>);

/// What is wrong with the configured issuers, all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadIssuers(Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    issuer: String,
    audience: Audience,
    secret: Option<Secret>,
    jwks: Option<JwkSet>,
    jwks_url: Option<String>,
}

impl TryFrom<Wire> for IssuerConfig {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let jwks_url = wire.jwks_url.map(|url| url.parse()).transpose().map_err(|_| "jwks_url must be a URL")?;
        let keys = KeySource { secret: wire.secret, jwks: wire.jwks, jwks_url };
        Ok(Self { issuer: wire.issuer, audience: wire.audience, keys })
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> de::Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of names, or \"unchecked\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Audience, E> {
        if text == "unchecked" {
            Ok(Audience::Unchecked)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Audience, A::Error> {
        Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list)).map(Audience::Required)
    }
}

impl FromStr for IssuerList {
    type Err = BadIssuers;

    fn from_str(json: &str) -> Result<Self, BadIssuers> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let read: Result<Vec<IssuerConfig>, _> = serde_path_to_error::deserialize(&mut reader);
        let list = read.map_err(|error| BadIssuers::unreadable(&error.path().to_string(), error.inner()))?;
        reader.end().map_err(|error| BadIssuers::unreadable(".", &error))?;
        check(&list)?;
        Ok(Self(list))
    }
}

impl BadIssuers {
    pub(super) fn no_client(error: &outbound::Error) -> Self {
        Self(vec![format!("the http client cannot be built: {error}")])
    }

    fn unreadable(path: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // `invalid type: string "hunter2", expected a list at line 1 column 2`: what was found is not repeated.
        let wrong = text.starts_with("invalid type") || text.starts_with("invalid value");
        let told = match text.rsplit_once(", expected ") {
            Some((_, expected)) if wrong => format!("expected {expected}"),
            Some(_) | None => text,
        };
        Self(vec![format!("{path}: {told}")])
    }
}

/// Everything that is wrong with a list of issuers.
pub(super) fn check(configs: &[IssuerConfig]) -> Result<(), BadIssuers> {
    let twice = |(index, config): (usize, &IssuerConfig)| {
        let before = configs.iter().take(index).any(|other| other.issuer == config.issuer);
        before.then(|| format!("issuer {}: is listed twice", config.issuer))
    };
    let faults: Vec<_> =
        configs.iter().flat_map(IssuerConfig::faults).chain(configs.iter().enumerate().filter_map(twice)).collect();
    if faults.is_empty() { Ok(()) } else { Err(BadIssuers(faults)) }
}

impl IssuerConfig {
    fn faults(&self) -> impl Iterator<Item = String> {
        let KeySource { secret, jwks, jwks_url } = &self.keys;
        let nameless = match &self.audience {
            Audience::Required(names) => names.is_empty() || names.iter().any(String::is_empty),
            Audience::Unchecked => false,
        };
        let short = secret.as_ref().is_some_and(|secret| secret.expose().len() < MIN_HMAC_SECRET);
        // Whoever can read it could sign tokens.
        let public = secret.as_ref().is_some_and(|secret| secret.expose().trim_start().starts_with("-----BEGIN"));
        let useless = jwks.as_ref().is_some_and(|set| KeySet::of(set).is_empty());
        let checks = [
            (self.issuer.is_empty(), "issuer is empty"),
            (nameless, "audience names nobody; \"unchecked\" switches the check off"),
            (secret.is_none() && jwks.is_none() && jwks_url.is_none(), "needs a secret, a jwks or a jwks_url"),
            (short, "secret is shorter than 32 bytes"),
            (public, "secret is a key in PEM; RSA keys belong into a jwks"),
            (useless, "jwks holds no RSA key of 2048 bits or more for RS256 or RS512"),
            (jwks_url.as_ref().is_some_and(|url| !is_trusted(url)), "jwks_url must be https, or http to this machine"),
        ];
        let name = &self.issuer;
        checks.into_iter().filter(|(wrong, _)| *wrong).map(move |(_, fault)| format!("issuer {name}: {fault}"))
    }
}

/// Whether an address keeps keys from being exchanged on the way. One with a password in it would end in the log.
fn is_trusted(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    secure && url.username().is_empty() && url.password().is_none()
}
