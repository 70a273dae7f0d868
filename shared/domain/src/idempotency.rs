//! Idempotency records: what a request with an `Idempotency-Key` led to.
//!
//! The record is written in the same transaction as the order or the refund, so it can never be there without it, nor it without the
//! record.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, RefundId};

/// How long a key is remembered: seven days, a day being what clients expect at least.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A request that was made with a key, by one principal on one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Route and key, as the caller's own namespace: `checkout:<key>` or `refund:<key>`.
    pub key: String,
    /// The digest of method, path and body.
    pub fingerprint: String,
    /// The order that the request made, or asked a refund of.
    pub order: OrderNumber,
    /// The refund that the request made, if it made one.
    #[serde(default)]
    pub refund: Option<RefundId>,
    /// When it is forgotten.
    pub forget_at: Timestamp,
}

/// What a key means for a request that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Never seen: go on.
    Fresh,
    /// Seen with the same request: answer as before.
    Replay(OrderNumber),
    /// Seen with another request.
    Reused,
}

/// Judges a key by the record found for it. A record past its time counts as none, since the table drops it late.
#[must_use]
pub fn judge(found: Option<&IdempotencyRecord>, fingerprint: &str, now: Timestamp) -> KeyUse {
    match found {
        Some(record) if record.forget_at <= now => KeyUse::Fresh,
        Some(record) if record.fingerprint == fingerprint => KeyUse::Replay(record.order.clone()),
        Some(_) => KeyUse::Reused,
        None => KeyUse::Fresh,
    }
}
