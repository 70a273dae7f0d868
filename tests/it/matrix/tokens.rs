//! Tokens with any claims, signed as the learning platform signs them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use local::dev_keys::{AUDIENCE, ISSUER, JWT_SECRET};
use serde_json::{Value, json};
use tests::{Client, TestApp};

/// What the platform says of a learner: everything but whether it is staff.
pub(super) fn claims(app: &TestApp, username: &str) -> Value {
    let now = app.cloud.clock.issuer_now().as_second();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "sub": format!("local-{username}"),
        "preferred_username": username, "email": format!("{username}@example.com"), "name": username,
        "version": "1.2.0",
    })
}

/// The claims with others added, or put in place of their own. A null is said as such.
pub(super) fn with(claims: &Value, others: &Value) -> Value {
    let mut claims = claims.as_object().expect("claims").clone();
    claims.extend(others.as_object().expect("claims").clone());
    Value::Object(claims)
}

/// A token of the learning platform.
pub(super) fn token_of(claims: &Value) -> String {
    signed(claims, JWT_SECRET)
}

/// A token that is signed with `secret`.
pub(super) fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("a token")
}

/// A client that goes by a token of these claims.
pub(super) fn by(client: &Client, claims: &Value) -> Client {
    by_token(client, &token_of(claims))
}

/// A client that goes by this token.
pub(super) fn by_token(client: &Client, token: &str) -> Client {
    client.with("Authorization", &format!("JWT {token}"))
}
