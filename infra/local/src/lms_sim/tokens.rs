//! `POST /oauth2/access_token`: client credentials for a token that lives an hour, and who a token admits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::LmsSim;
use super::answer::Answer;
use super::state::{State, Token};
use crate::stripe_sim::ids::random_hex;

/// How long a JWT lives; the platform's other tokens live ten hours.
const JWT_LIFE: SignedDuration = SignedDuration::from_hours(1);
const BEARER_LIFE: SignedDuration = SignedDuration::from_hours(10);

/// Gives out a token to the one client.
pub(crate) fn grant(sim: &LmsSim, headers: &HeaderMap, body: &[u8]) -> Answer {
    let field = |name: &str| {
        let found = form_urlencoded::parse(body).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let (id, secret) = basic(headers)
        .unwrap_or_else(|| (field("client_id").unwrap_or_default(), field("client_secret").unwrap_or_default()));
    let refuse = |status, error: &str| Answer::json(status, json!({ "error": error }));
    match field("grant_type").as_deref() {
        None => return refuse(StatusCode::BAD_REQUEST, "invalid_request"),
        Some("client_credentials") => {}
        Some(_) => return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    }
    if !sim.is_client(&id, &secret) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let wanted = field("token_type").or_else(|| Some(headers.get("x-token-type")?.to_str().ok()?.to_owned()));
    let jwt = wanted.is_some_and(|kind| kind.eq_ignore_ascii_case("jwt"));
    let (name, life) = if jwt { ("JWT", JWT_LIFE) } else { ("Bearer", BEARER_LIFE) };
    let token = random_hex(32);
    sim.change(|state, now| {
        state.tokens.retain(|_, token| token.expires.saturating_add(JWT_LIFE).is_ok_and(|end| end > now));
        let expires = now.saturating_add(life).unwrap_or(Timestamp::MAX);
        state.tokens.insert(token.clone(), Token { jwt, expires });
    });
    Answer::ok(json!({
        "access_token": token, "token_type": name, "expires_in": life.as_secs(),
        "scope": "read write profile email",
    }))
}

/// Whether the request carries a token of ours, under the scheme it was given for, and in time.
pub(crate) fn admit(state: &State, headers: &HeaderMap, now: Timestamp) -> Result<(), Answer> {
    let refuse = |detail: &str| Err(Answer::detail(StatusCode::UNAUTHORIZED, detail));
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, token)) = given.and_then(|text| text.split_once(' ')) else {
        return refuse("Authentication credentials were not provided.");
    };
    let jwt = scheme.eq_ignore_ascii_case("JWT");
    if !jwt && !scheme.eq_ignore_ascii_case("Bearer") {
        return refuse("Authentication credentials were not provided.");
    }
    match state.tokens.get(token.trim()).filter(|token| token.jwt == jwt) {
        None if jwt => refuse("Error decoding token."),
        None => Err(bearer("token_nonexistent", "The provided access token does not match any valid tokens.")),
        Some(token) if token.expires > now => Ok(()),
        Some(_) if jwt => refuse("Token has expired."),
        Some(_) => Err(bearer("token_expired", "The provided access token has expired and is no longer valid.")),
    }
}

fn bearer(code: &str, message: &str) -> Answer {
    Answer::json(StatusCode::UNAUTHORIZED, json!({ "error_code": code, "developer_message": message }))
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
