//! Rows: the keys, the schema version `v`, and the object under `data`, as JSON text.
//!
//! Text, and not DynamoDB's own maps: the SDK makes a map of allocations of each, which takes longer than all that is done
//! with them (ADR 33). What conditions and counters look at stands in attributes of its own.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::keys::moment;

/// A row as DynamoDB holds it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The schema version of every row written by this code.
pub(crate) const SCHEMA: u32 = 2;

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An object as the value of `data`.
pub(crate) fn data<T: Serialize>(object: &T) -> Result<AttributeValue, StoreError> {
    Ok(s(serde_json::to_string(object)?))
}

/// A row in the making.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Item);

impl Row {
    pub(crate) fn new<T: Serialize>(pk: String, sk: impl Into<String>, object: &T) -> Result<Self, StoreError> {
        let item = Item::from([
            ("pk".to_owned(), s(pk)),
            ("sk".to_owned(), s(sk)),
            ("v".to_owned(), n(SCHEMA)),
            ("data".to_owned(), data(object)?),
        ]);
        Ok(Self(item))
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn version(self, version: u64) -> Self {
        self.with("version", n(version))
    }

    pub(crate) fn index(self, index: u8, pk: String, sk: impl Into<String>) -> Self {
        self.with(&format!("gsi{index}pk"), s(pk)).with(&format!("gsi{index}sk"), s(sk))
    }

    /// Puts the row into the due index, if it waits for a moment.
    pub(crate) fn due(self, shard: String, due: Option<Timestamp>, sk: &str) -> Self {
        match due {
            Some(at) => self.index(2, shard, format!("{}#{sk}", moment(at))),
            None => self,
        }
    }

    /// Lets DynamoDB drop the row some time after `at`.
    pub(crate) fn expires(self, at: Timestamp) -> Self {
        self.with("expires_at", n(at.as_second()))
    }
}

/// The object under `data`.
pub(crate) fn object<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    if number(item, "v") != Some(SCHEMA) {
        return Err(StoreError::Incomplete("known schema version"));
    }
    Ok(serde_json::from_str(text(item, "data")?)?)
}

pub(crate) fn text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        Some(_) | None => Err(StoreError::Incomplete(name)),
    }
}

pub(crate) fn number(item: &Item, name: &str) -> Option<u32> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().ok(),
        Some(_) | None => None,
    }
}
