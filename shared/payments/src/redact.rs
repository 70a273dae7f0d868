//! Taking secrets and personal data out of a processor's answer before it is kept.

use serde_json::Value;

/// Members that open a payment or say who the learner is. Source: Stripe's Session, PaymentIntent, Charge and Refund.
const HIDDEN: &[&str] = &[
    "billing_details",
    "client_secret",
    "customer_details",
    "customer_email",
    "receipt_email",
    "receipt_url",
    "shipping",
    "url",
];

/// The answer as it may be kept: what opens a payment or names the learner is replaced by `"[redacted]"`. Text that is
/// not JSON is not kept at all.
#[must_use]
pub fn redacted(raw: &str) -> String {
    match serde_json::from_str::<Value>(raw) {
        Ok(mut value) => {
            redact(&mut value);
            value.to_string()
        }
        Err(_) => "[not json]".to_owned(),
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if HIDDEN.contains(&name.as_str()) && !member.is_null() {
                    *member = Value::String("[redacted]".to_owned());
                } else {
                    redact(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_addresses_are_taken_out_at_any_depth() {
        let raw = r#"{"id":"pi_1","client_secret":"s","latest_charge":{"billing_details":{"email":"a@b.c"}},"a":[{"url":"x"}]}"#;
        let kept: Value = serde_json::from_str(&redacted(raw)).unwrap();
        assert_eq!(kept["id"], "pi_1");
        for gone in [&kept["client_secret"], &kept["latest_charge"]["billing_details"], &kept["a"][0]["url"]] {
            assert_eq!(gone, "[redacted]");
        }
        assert_eq!(redacted("<html>"), "[not json]");
    }
}
