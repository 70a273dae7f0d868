//! Idempotency records: what a request with an `Idempotency-Key` led to.
//!
//! The record is written in the same transaction as the order, the refund or the batch, so it can never be there without it, nor it
//! without the record.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{BatchId, OrderNumber, RefundId};

/// How long a key is remembered: seven days, a day being what clients expect at least.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A request that was made with a key, by one principal on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Route and key, as the caller's own namespace: `checkout:<key>`, `refund:<key>` or `batch:<key>`.
    pub key: String,
    /// The digest of method, path and body.
    pub fingerprint: String,
    /// The order that the request made, or asked a refund of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    /// The refund that the request made, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundId>,
    /// The batch of codes that the request made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// When it is forgotten.
    pub forget_at: Timestamp,
}

/// What a key means for a request that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse<'a> {
    /// Never seen: go on.
    Fresh,
    /// Seen with the same request: answer as before.
    Replay(&'a IdempotencyRecord),
    /// Seen with another request.
    Reused,
}

/// Judges a key by the record found for it. A record past its time counts as none, since the table drops it late.
#[must_use]
pub fn judge<'a>(found: Option<&'a IdempotencyRecord>, fingerprint: &str, now: Timestamp) -> KeyUse<'a> {
    match found {
        Some(record) if record.forget_at <= now => KeyUse::Fresh,
        Some(record) if record.fingerprint == fingerprint => KeyUse::Replay(record),
        Some(_) => KeyUse::Reused,
        None => KeyUse::Fresh,
    }
}
