//! Taking secrets and personal data out of a processor's answer before it is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::{self, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

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

const REDACTED: &str = "[redacted]";

/// The deepest that an answer is looked into; what is nested deeper is not kept.
const MAX_DEPTH: u32 = 32;

/// The answer as it may be kept: what opens a payment or names the learner is replaced by `"[redacted]"`, and the rest is
/// as it was, but for white space. Text that is not JSON is not kept at all.
#[must_use]
pub fn redacted(raw: &str) -> String {
    let json: Result<&RawValue, _> = serde_json::from_str(raw);
    json.and_then(|json| serde_json::to_string(&Kept { json, depth: 0 })).unwrap_or_else(|_| "[not json]".to_owned())
}

/// A value that is written without what is hidden in it.
struct Kept<'a> {
    json: &'a RawValue,
    depth: u32,
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (text, depth) = (self.json.get(), self.depth.saturating_add(1));
        match text.as_bytes().first() {
            Some(b'{' | b'[') if depth > MAX_DEPTH => serializer.serialize_str(REDACTED),
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(ser::Error::custom)?;
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, json) in members {
                    map.serialize_key(&name)?;
                    if HIDDEN.contains(&name.as_ref()) && json.get() != "null" {
                        map.serialize_value(REDACTED)?;
                    } else {
                        map.serialize_value(&Kept { json, depth })?;
                    }
                }
                map.end()
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(ser::Error::custom)?;
                serializer.collect_seq(items.into_iter().map(|json| Kept { json, depth }))
            }
            Some(_) | None => self.json.serialize(serializer),
        }
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), json)) = map.next_entry()? {
                    members.push((name, json));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A name, borrowed unless it is written with escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::Value;

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

    #[test]
    fn the_rest_is_kept_as_it_came() {
        let raw = r#" { "z" : 12345678901234567890.10, "a":[ 1e3 , {"url":null,"b\"":"\u00e9"} ], "z":[] } "#;
        let kept = r#"{"z":12345678901234567890.10,"a":[1e3,{"url":null,"b\"":"\u00e9"}],"z":[]}"#;
        assert_eq!(redacted(raw), kept);
    }

    #[test]
    fn a_name_in_another_spelling_is_the_same_name() {
        assert_eq!(redacted(r#"{"ur\u006c":"https://x"}"#), r#"{"url":"[redacted]"}"#);
    }

    #[test]
    fn what_is_nested_without_end_is_cut_off() {
        let raw = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(redacted(&raw(32)), raw(32));
        assert!(redacted(&raw(33)).contains(REDACTED));
        let deepest = format!("{}\"s\"{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        assert!(!redacted(&deepest).contains("\"s\""));
    }
}
