//! Everything the simulated processor knows, and the events that its changes give rise to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::ids::object_id;
use super::objects::{Charge, Dispute, Intent, Refund, Session};

/// The version that this simulator writes its events in.
pub(crate) const API_VERSION: &str = "2026-10-28.endive";

/// Stripe may forget an idempotency key after a day.
const REPLAY_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Stripe lists events for 30 days.
const EVENTS_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The first answer under an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(crate) fingerprint: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) at: Timestamp,
}

/// A fact, as `/v1/events` lists it and a webhook carries it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

/// A webhook on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) number: u64,
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) created: Timestamp,
    pub(crate) due: Timestamp,
    pub(crate) attempts: u32,
    /// A fault has put it off already, and does so once.
    pub(crate) delayed: bool,
}

/// The call that changes something: what an event says about its cause.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) key: Option<String>,
}

/// The whole state; this is what the data file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) intents: BTreeMap<String, Intent>,
    pub(crate) charges: BTreeMap<String, Charge>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    pub(crate) disputes: BTreeMap<String, Dispute>,
    /// Oldest first.
    pub(crate) events: Vec<Event>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) queued: u64,
    pub(crate) replays: BTreeMap<String, Replay>,
    #[serde(skip)]
    pub(crate) cause: Cause,
}

impl State {
    /// Records that `kind` happened to `object` and queues its webhook.
    pub(crate) fn emit(&mut self, kind: &str, object: Value, now: Timestamp) {
        let id = object_id("evt");
        let body = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": now.as_second(),
            "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
            "request": { "id": self.cause.request, "idempotency_key": self.cause.key }, "type": kind,
        });
        self.queued = self.queued.saturating_add(1);
        self.deliveries.push(Delivery {
            number: self.queued,
            kind: kind.to_owned(),
            body: body.to_string(),
            created: now,
            due: now,
            attempts: 0,
            delayed: false,
        });
        self.events.retain(|event| now.duration_since(event.at) < EVENTS_FOR);
        self.events.push(Event { id, at: now, kind: kind.to_owned(), body });
    }

    /// The first answer under `key`, while Stripe still knows it.
    pub(crate) fn replay(&self, key: &str, now: Timestamp) -> Option<&Replay> {
        self.replays.get(key).filter(|replay| now.duration_since(replay.at) < REPLAY_FOR)
    }

    /// Keeps the first answer under `key`, and forgets those of yesterday.
    pub(crate) fn remember(&mut self, key: &str, replay: Replay) {
        let now = replay.at;
        self.replays.retain(|_, old| now.duration_since(old.at) < REPLAY_FOR);
        self.replays.insert(key.to_owned(), replay);
    }

    pub(crate) fn session(&mut self, id: &str) -> Result<&mut Session, ApiError> {
        self.sessions.get_mut(id).ok_or_else(|| ApiError::missing("checkout.session", id, "session"))
    }

    pub(crate) fn intent(&mut self, id: &str, param: &str) -> Result<&mut Intent, ApiError> {
        self.intents.get_mut(id).ok_or_else(|| ApiError::missing("payment_intent", id, param))
    }

    pub(crate) fn charge(&mut self, id: &str, param: &str) -> Result<&mut Charge, ApiError> {
        self.charges.get_mut(id).ok_or_else(|| ApiError::missing("charge", id, param))
    }

    /// Puts objects in place of their ids, along dotted paths such as `payment_intent.latest_charge`.
    pub(crate) fn expand(&self, object: &mut Value, paths: &[&str]) {
        for path in paths {
            self.expand_one(object, path);
        }
    }

    fn expand_one(&self, object: &mut Value, path: &str) {
        let (field, rest) = path.split_once('.').unwrap_or((path, ""));
        if field == "line_items" {
            let session = object.get("id").and_then(Value::as_str).and_then(|id| self.sessions.get(id));
            if let (Some(session), Some(fields)) = (session, object.as_object_mut()) {
                fields.insert(field.to_owned(), session.line_items());
            }
            return;
        }
        let Some(value) = object.get_mut(field) else { return };
        if let Some(found) = value.as_str().and_then(|id| self.find(id)) {
            *value = found;
        }
        if !rest.is_empty() {
            self.expand_one(value, rest);
        }
    }

    fn find(&self, id: &str) -> Option<Value> {
        let intent = || self.intents.get(id).map(Intent::json);
        let charge = || self.charges.get(id).map(Charge::json);
        intent().or_else(charge).or_else(|| self.refunds.get(id).map(Refund::json))
    }
}
