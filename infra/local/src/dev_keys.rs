//! The development secrets. They are public, and open nothing outside this process.

use std::collections::BTreeSet;

use domain::text::Tenant;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The tenant that sells.
pub const TENANT: &str = "default";
/// A second tenant on the same table, which serves applications with a client key only, and takes no payments.
pub const OTHER_TENANT: &str = "northwind";
/// Who issues tokens: the learning platform.
pub const ISSUER: &str = "http://127.0.0.1:8080/_local/lms/oauth2";
/// Who issues tokens for the second tenant.
pub const OTHER_ISSUER: &str = "http://127.0.0.1:8080/_local/northwind/oauth2";
/// Whom they are for.
pub const AUDIENCE: &str = "bursar";
/// The key that signs them.
pub const JWT_SECRET: &str = "local-development-jwt-secret-not-for-production";
/// The key that signs those of the second tenant.
pub const OTHER_JWT_SECRET: &str = "local-development-northwind-jwt-secret-not-for-production";
/// The key of user ids, sessions and cursors.
pub const KEY_SECRET: &str = "local-development-key-secret-not-for-production";
/// The keys that sign webhooks: the present one, and the one before, as during a rotation.
pub const WEBHOOK_SECRETS: [&str; 2] = ["whsec_local_development_current", "whsec_local_development_previous"];
/// The key that signs webhooks of the second tenant. Nothing here does so.
pub const OTHER_WEBHOOK_SECRET: &str = "whsec_local_development_northwind";
/// The processor's API key.
pub const STRIPE_KEY: &str = "sk_test_local_development";
/// The second tenant's, which the simulator does not know.
pub const OTHER_STRIPE_KEY: &str = "sk_test_local_development_northwind";
/// The key of the processor's own script.
pub const STRIPE_PUBLISHABLE_KEY: &str = "pk_test_local_development";
/// The LMS's OAuth2 application.
pub const LMS_CLIENT: (&str, &str) = ("bursar-local", "local-development-lms-secret");
/// A front end's key.
pub const CLIENT_KEY: &str =
    "ck_default_01jz0000000000000000000001_5aefd4974763236d69c3fb229596051f7449471d2b7a4a7369b6fe35a6a0cd61";
/// A front end's key of the second tenant.
pub const OTHER_CLIENT_KEY: &str =
    "ck_northwind_01jz0000000000000000000002_0a0637f5388c407960befd6f33bfa54a4bb19382312ec1d8ba87b8da70dd128c";
/// A machine client with the permission to fulfil: its id and its secret.
pub const MACHINE_CLIENT: (&str, &str) = ("mcl_01jz0000000000000000000003", "local-development-machine-client-secret");
/// The header and the values with which a gateway proves itself: the present one, and the one before.
pub const GATEWAY: (&str, [&str; 2]) =
    ("X-Gateway-Secret", ["local-development-gateway-secret", "local-development-gateway-secret-before"]);
/// Who issues the gateway's subjects.
pub const GATEWAY_ISSUER: &str = "http://127.0.0.1:8080/_local/keycloak/realms/bursar";
/// The realms that a `Session-Id` may name.
pub const SESSION_REALMS: [&str; 7] = ["127.0.0.1", "localhost", "bursar", "default", "local", "shop", "test"];
/// The site of a front end that stands apart, as a development server does.
pub const FRONT_END: &str = "http://localhost:3000";

/// The tenants, parsed: the one that sells first.
///
/// # Errors
/// Never, as the constants are tenants; the caller reports it with the rest of its start-up.
pub fn tenants() -> anyhow::Result<[Tenant; 2]> {
    Ok([TENANT.parse()?, OTHER_TENANT.parse()?])
}

/// The answer of `GET /_local/keys`.
#[must_use]
pub fn shown() -> Value {
    json!({
        "jwt": {"alg": "HS256", "secret": JWT_SECRET, "issuer": ISSUER, "audience": AUDIENCE},
        "client_key": CLIENT_KEY,
        "stripe_webhook_secrets": WEBHOOK_SECRETS,
        "gateway_secret_header": GATEWAY.0,
        "gateway_secret": GATEWAY.1[0],
        "tenant": TENANT,
        "session_realms": SESSION_REALMS,
        "allowed_origins": [FRONT_END],
        "machine_client": {"client_id": MACHINE_CLIENT.0, "client_secret": MACHINE_CLIENT.1},
        "other_tenant": {
            "tenant": OTHER_TENANT, "client_key": OTHER_CLIENT_KEY,
            "jwt": {"alg": "HS256", "secret": OTHER_JWT_SECRET, "issuer": OTHER_ISSUER, "audience": OTHER_TENANT},
        },
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
    /// The country of the profile, such as `DE`.
    #[serde(default)]
    pub country: Option<String>,
    /// Scopes, such as `orders:fulfill`.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// Whether it is a learner of the second tenant.
    #[serde(default)]
    pub other_tenant: bool,
}

/// A token as the LMS would issue it, good for twelve hours from `now`.
///
/// # Errors
/// If the token cannot be signed.
pub fn token(learner: &Learner, now: Timestamp) -> anyhow::Result<String> {
    let lives = now.saturating_add(SignedDuration::from_hours(12)).unwrap_or(Timestamp::MAX);
    let address = learner.email.clone().unwrap_or_else(|| format!("{}@example.com", learner.username));
    let (issuer, audience, secret) = match learner.other_tenant {
        true => (OTHER_ISSUER, OTHER_TENANT, OTHER_JWT_SECRET),
        false => (ISSUER, AUDIENCE, JWT_SECRET),
    };
    let claims = json!({
        "iss": issuer, "aud": audience, "iat": now.as_second(), "exp": lives.as_second(),
        "sub": format!("local-{}", learner.username), "preferred_username": learner.username,
        "email": address, "name": learner.username, "administrator": learner.staff,
        "scopes": learner.scopes, "version": "1.2.0", "country_code": learner.country,
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}
