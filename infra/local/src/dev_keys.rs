//! The development secrets. They are public, and open nothing outside this process.

use std::collections::BTreeSet;

use domain::text::Tenant;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The one tenant of the local cloud.
pub const TENANT: &str = "default";
/// Who issues tokens.
pub const ISSUER: &str = "http://127.0.0.1:8080/oauth2";
/// Whom they are for.
pub const AUDIENCE: &str = "bursar";
/// The key that signs them.
pub const JWT_SECRET: &str = "local-development-jwt-secret-not-for-production";
/// The key of user ids, sessions and cursors.
pub const KEY_SECRET: &str = "local-development-key-secret-not-for-production";
/// The keys that sign webhooks: the present one, and the one before, as during a rotation.
pub const WEBHOOK_SECRETS: [&str; 2] = ["whsec_local_development_current", "whsec_local_development_previous"];
/// The processor's API key.
pub const STRIPE_KEY: &str = "sk_test_local_development";
/// The key of the processor's own script.
pub const STRIPE_PUBLISHABLE_KEY: &str = "pk_test_local_development";
/// The LMS's OAuth2 application.
pub const LMS_CLIENT: (&str, &str) = ("bursar-local", "local-development-lms-secret");
/// A front end's key. No tenant requires one yet.
pub const CLIENT_KEY: &str = "ck_local_development_front_end";
/// The header and the value with which a gateway proves itself. No identity is taken from a gateway yet.
pub const GATEWAY: (&str, &str) = ("X-Gateway-Secret", "local-development-gateway-secret");

/// The tenant, parsed.
///
/// # Errors
/// Never, as the constant is a tenant; the caller reports it with the rest of its start-up.
pub fn tenant() -> anyhow::Result<Tenant> {
    Ok(TENANT.parse()?)
}

/// The answer of `GET /_local/keys`.
#[must_use]
pub fn shown() -> Value {
    json!({
        "jwt": {"alg": "HS256", "secret": JWT_SECRET, "issuer": ISSUER, "audience": AUDIENCE},
        "client_key": CLIENT_KEY,
        "stripe_webhook_secrets": WEBHOOK_SECRETS,
        "gateway_secret_header": GATEWAY.0,
        "gateway_secret": GATEWAY.1,
        "tenant": TENANT,
        "fulfill_scope": "orders:fulfill",
    })
}

/// Whom a development token is for.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learner {
    /// The name at the LMS.
    pub username: String,
    /// The address; `<username>@example.com` if left out.
    pub email: Option<String>,
    /// Whether it is staff.
    #[serde(default)]
    pub staff: bool,
    /// Scopes, such as `orders:fulfill`.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
}

/// A token as the LMS would issue it, good for twelve hours from `now`.
///
/// # Errors
/// If the token cannot be signed.
pub fn token(learner: &Learner, now: Timestamp) -> anyhow::Result<String> {
    let lives = now.saturating_add(SignedDuration::from_hours(12)).unwrap_or(Timestamp::MAX);
    let address = learner.email.clone().unwrap_or_else(|| format!("{}@example.com", learner.username));
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now.as_second(), "exp": lives.as_second(),
        "sub": format!("local-{}", learner.username), "preferred_username": learner.username,
        "email": address, "name": learner.username, "administrator": learner.staff,
        "scopes": learner.scopes, "version": "1.2.0",
    });
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}
