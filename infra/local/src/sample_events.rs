//! Sample events, as `events/` holds them, made fit for the moment: a token ages, and so does a processor's signature.
//!
//! What is genuine by the development keys, whatever its time, is made anew. Anything else stays as it is, so that a forged
//! sample stays forged.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Map, Value, json};

use crate::options::EventOptions;
use crate::{demo, dev_keys, stripe_sim};

/// How long a renewed token is good.
const TOKEN_LIVES: SignedDuration = SignedDuration::from_hours(12);
const SIGNATURE: &str = "stripe-signature";

/// Prints a sample event as it may be sent now.
///
/// # Errors
/// If the file is not JSON, or cannot be read.
pub fn print(options: &EventOptions, now: Timestamp) -> anyhow::Result<()> {
    let file = options.file.display();
    let event = std::fs::read_to_string(&options.file).with_context(|| file.to_string())?;
    let names: Vec<_> = options.put.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    demo::say(&format!("{}\n", renew(&event, &names, now).with_context(|| file.to_string())?));
    Ok(())
}

/// The event with each name put in the place of another, and then with tokens and a signature that are good at `now`.
///
/// # Errors
/// If it is not JSON, or its body is not what it says.
pub fn renew(event: &str, names: &[(&str, &str)], now: Timestamp) -> anyhow::Result<String> {
    let mut event: Value = serde_json::from_str(event).context("the event is not JSON")?;
    let text = |old: &str| {
        let named = names.iter().fold(old.to_owned(), |text, (old, new)| text.replace(old, new));
        with_new_tokens(&named, now)
    };
    let Some(body) = http_body(&event)? else {
        each_string(&mut event, &text);
        return Ok(format!("{event:#}"));
    };
    let new_body = text(&body);
    let signature = event["headers"][SIGNATURE].as_str().map(|old| new_signature(old, &body, &new_body, now));
    each_string(&mut event, &text);
    let Some(fields) = event.as_object_mut() else { anyhow::bail!("the event is no object") };
    put_body(fields, &new_body);
    if let Some(headers) = fields.get_mut("headers").and_then(Value::as_object_mut) {
        if headers.contains_key("content-length") {
            headers.insert("content-length".to_owned(), json!(new_body.len().to_string()));
        }
        if let Some(signature) = signature {
            headers.insert(SIGNATURE.to_owned(), json!(signature));
        }
    }
    Ok(format!("{event:#}"))
}

/// The body of an HTTP API's event, if it is one and has one.
fn http_body(event: &Value) -> anyhow::Result<Option<String>> {
    let Some(body) = event["body"].as_str().filter(|_| event["requestContext"].is_object()) else { return Ok(None) };
    if event["isBase64Encoded"] != true {
        return Ok(Some(body.to_owned()));
    }
    let bytes = STANDARD.decode(body).context("the body is not base64")?;
    Ok(Some(String::from_utf8(bytes).context("the body is not text")?))
}

fn put_body(event: &mut Map<String, Value>, body: &str) {
    let encoded = event.get("isBase64Encoded") == Some(&json!(true));
    let body = if encoded { STANDARD.encode(body) } else { body.to_owned() };
    event.insert("body".to_owned(), json!(body));
}

fn each_string(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_string(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text with every token in it that a development key signed made anew.
fn with_new_tokens(text: &str, now: Timestamp) -> String {
    let part_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut renewed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let (before, from) = rest.split_at(at);
        let (token, after) = from.split_at(from.find(|c| !part_of_token(c)).unwrap_or(from.len()));
        renewed.push_str(before);
        renewed.push_str(new_token(token, now).as_deref().unwrap_or(token));
        rest = after;
    }
    renewed + rest
}

/// A token of the same claims that is good now, if a development key signed this one.
fn new_token(token: &str, now: Timestamp) -> Option<String> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    [dev_keys::JWT_SECRET, dev_keys::OTHER_JWT_SECRET].into_iter().find_map(|secret| {
        let key = DecodingKey::from_secret(secret.as_bytes());
        let mut claims = decode::<Map<String, Value>>(token, &key, &validation).ok()?.claims;
        claims.insert("iat".to_owned(), json!(now.as_second()));
        claims.insert("exp".to_owned(), json!(now.saturating_add(TOKEN_LIVES).ok()?.as_second()));
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes())).ok()
    })
}

/// The header for the new body: by the keys that had signed the old one; if none had, the old hashes with a new time.
fn new_signature(old: &str, old_body: &str, body: &str, now: Timestamp) -> String {
    let parts = || old.split(',').filter_map(|part| part.split_once('='));
    let hashes: Vec<&str> = parts().filter(|(scheme, _)| *scheme == "v1").map(|(_, hash)| hash).collect();
    let second = parts().find(|(name, _)| *name == "t").and_then(|(_, second)| second.parse().ok()).unwrap_or(0);
    let has_signed = |secret: &String| {
        let made = stripe_sim::sign(std::slice::from_ref(secret), second, old_body.as_bytes());
        hashes.iter().any(|hash| made.ends_with(&format!("v1={hash}")))
    };
    let genuine: Vec<String> = dev_keys::WEBHOOK_SECRETS.map(str::to_owned).into_iter().filter(has_signed).collect();
    let fresh = stripe_sim::sign(&genuine, now.as_second(), body.as_bytes());
    if genuine.is_empty() { hashes.iter().fold(fresh, |header, hash| format!("{header},v1={hash}")) } else { fresh }
}

#[cfg(test)]
mod tests {
    use crate::dev_keys::{Learner, WEBHOOK_SECRETS, token};

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_327_065, 0);
    const LATER: Timestamp = Timestamp::constant(1_895_327_065, 0);

    fn renewed(event: &Value, names: &[(&str, &str)]) -> Value {
        serde_json::from_str(&renew(&event.to_string(), names, LATER).unwrap()).unwrap()
    }

    #[test]
    fn a_signature_is_made_anew_over_the_bytes_that_are_sent() {
        let body = r#"{"order": "ord_1"}"#;
        let event = |body: &str, encoded: bool, secret: &str| {
            let signature = stripe_sim::sign(&[secret.to_owned()], NOW.as_second(), br#"{"order": "ord_1"}"#);
            json!({"requestContext": {}, "headers": {"stripe-signature": signature, "content-length": "18"},
                   "body": body, "isBase64Encoded": encoded})
        };
        let expected = stripe_sim::sign(&[WEBHOOK_SECRETS[1].to_owned()], LATER.as_second(), br#"{"order": "ord_22"}"#);
        let plain = renewed(&event(body, false, WEBHOOK_SECRETS[1]), &[("ord_1", "ord_22")]);
        assert_eq!(plain["headers"], json!({"stripe-signature": expected, "content-length": "19"}));
        assert_eq!(plain["body"], r#"{"order": "ord_22"}"#);
        let encoded = renewed(&event(&STANDARD.encode(body), true, WEBHOOK_SECRETS[1]), &[("ord_1", "ord_22")]);
        assert_eq!(encoded["headers"]["stripe-signature"], expected);
        assert_eq!(encoded["body"], STANDARD.encode(r#"{"order": "ord_22"}"#));
        let forged = event(body, false, "whsec_of_somebody_else");
        let old = forged["headers"]["stripe-signature"].as_str().unwrap();
        let kept = old.replace(&NOW.as_second().to_string(), &LATER.as_second().to_string());
        assert_eq!(renewed(&forged, &[])["headers"]["stripe-signature"], kept);
    }

    #[test]
    fn a_token_is_made_anew_wherever_it_stands_unless_it_is_forged() {
        let ada = |now| token(&Learner { username: "ada".to_owned(), ..Learner::default() }, now).unwrap();
        let forged = format!("{}x", ada(NOW));
        let event = json!({"requestContext": {}, "headers": {"authorization": format!("JWT {}", ada(NOW))},
                           "cookies": [format!("a={forged}; b=1")], "body": json!({"token": ada(NOW)}).to_string()});
        let now = renewed(&event, &[]);
        assert_eq!(now["headers"]["authorization"], format!("JWT {}", ada(LATER)));
        assert_eq!(now["body"], json!({"token": ada(LATER)}).to_string());
        assert_eq!(now["cookies"], event["cookies"]);
    }

    #[test]
    fn the_names_of_a_message_are_put_in() {
        let event = json!({"Records": [{"body": "{\"order\":\"ord_1\"}", "messageId": "m"}]});
        let expected = json!({"Records": [{"body": "{\"order\":\"ord_2\"}", "messageId": "m"}]});
        assert_eq!(renewed(&event, &[("ord_1", "ord_2")]), expected);
    }
}
