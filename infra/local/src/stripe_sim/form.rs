//! Form bodies with bracket keys, as Stripe's clients send them: `line_items[0][price_data][currency]=usd`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::ApiError;

/// Stripe's limits on metadata: keys, characters of a key, characters of a value.
const METADATA_LIMITS: (usize, usize, usize) = (50, 40, 500);

/// The parameters of one call, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let fields = form_urlencoded::parse(text).map(|(key, value)| (key.into_owned(), value.into_owned()));
        Self { fields: fields.collect() }
    }

    /// The value of `key`; an empty one counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(ToOwned::to_owned)
    }

    pub(crate) fn require(&self, key: &str) -> Result<&str, ApiError> {
        self.get(key).ok_or_else(|| {
            ApiError::invalid(format!("Missing required param: {key}.")).code("parameter_missing").param(key)
        })
    }

    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let wrong =
            || ApiError::invalid(format!("Invalid integer: {text}")).code("parameter_invalid_integer").param(key);
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// Every value under `key[]` or `key[n]`, in the order sent.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(name, _)| parts(name).len() == 2 && parts(name).first() == Some(&key));
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// The numbers used in `key[n]…`, ascending.
    pub(crate) fn indexes(&self, key: &str) -> Vec<usize> {
        let of = |name: &str| match parts(name).as_slice() {
            [first, index, ..] if *first == key => index.parse::<usize>().ok(),
            _ => None,
        };
        let mut found: Vec<usize> = self.fields.iter().filter_map(|(name, _)| of(name)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The pairs under `key[…]`, within Stripe's limits.
    pub(crate) fn metadata(&self, key: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let (most, key_size, value_size) = METADATA_LIMITS;
        let prefix = format!("{key}[");
        let inner = |name: &str| Some(name.strip_prefix(&prefix)?.strip_suffix(']')?.to_owned());
        let pairs = self.fields.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone())));
        let pairs: BTreeMap<String, String> = pairs.filter(|(_, value)| !value.is_empty()).collect();
        let fits =
            |(name, value): (&String, &String)| name.chars().count() <= key_size && value.chars().count() <= value_size;
        if pairs.len() > most || !pairs.iter().all(fits) {
            let limits = format!("at most {most} keys of {key_size} characters with values of {value_size}");
            return Err(ApiError::invalid(format!("Metadata takes {limits}.")).param(key));
        }
        Ok(pairs)
    }

    /// Refuses parameters whose first part Stripe does not know, as Stripe does.
    pub(crate) fn allow(&self, known: &[&str]) -> Result<(), ApiError> {
        let unknown =
            self.fields.iter().find(|(name, _)| !parts(name).first().is_some_and(|part| known.contains(part)));
        match unknown {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::invalid(format!("Received unknown parameter: {name}"))
                .code("parameter_unknown")
                .param(name)),
        }
    }

    /// What makes two calls the same for an idempotency key, whatever the order of their parameters.
    pub(crate) fn fingerprint(&self, operation: &str) -> String {
        let mut fields = self.fields.clone();
        fields.sort();
        let mut hash = Sha256::new();
        hash.update(operation);
        for (name, value) in fields {
            hash.update(format!("\n{}:{name}={value}", name.len()));
        }
        hex::encode(hash.finalize())
    }
}

/// `a[b][0]` as `a`, `b`, `0`.
fn parts(name: &str) -> Vec<&str> {
    name.split('[').map(|part| part.strip_suffix(']').unwrap_or(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bracket_keys_are_read_whether_or_not_the_brackets_are_escaped() {
        let form = Form::parse(b"metadata[a]=1&metadata%5Bb%5D=2&items[1][n]=x&items[0][n]=y+z&expand[]=q&empty=");
        assert_eq!(form.metadata("metadata").unwrap().into_iter().map(|(k, v)| k + &v).collect::<String>(), "a1b2");
        assert_eq!(form.indexes("items"), vec![0, 1]);
        assert_eq!(form.get("items[0][n]"), Some("y z"));
        assert_eq!((form.list("expand"), form.get("empty")), (vec!["q"], None));
    }

    #[test]
    fn a_fingerprint_ignores_order_and_sees_every_value() {
        let print = |text: &str| Form::parse(text.as_bytes()).fingerprint("POST /v1/refunds");
        assert_eq!(print("a=1&b=2"), print("b=2&a=1"));
        assert_ne!(print("a=1&b=2"), print("a=1&b=3"));
    }

    #[test]
    fn a_misspelt_parameter_is_named() {
        let refused = Form::parse(b"amount=1&metdata[a]=1").allow(&["amount", "metadata"]).unwrap_err();
        assert_eq!(refused.message, "Received unknown parameter: metdata[a]");
    }
}
