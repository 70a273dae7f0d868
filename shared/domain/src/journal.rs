//! What is kept about what happened: the order's timeline, the processor's events, and its raw answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::EntryId;
use crate::owner::Actor;
use crate::payment::ProcessorName;
use crate::text::ProcessorRef;

/// A line of an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its id; entries sort by it.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What happened, as a code such as `payment_captured`.
    pub event: String,
    /// The order line concerned, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What only staff may see: the processor's or the LMS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A processor event that was applied to an order. Its presence is what makes a second delivery a no-op.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorEventRecord {
    /// Who said it.
    pub processor: ProcessorName,
    /// The event's id at the processor.
    pub event: ProcessorRef,
    /// Its type there.
    pub event_type: String,
    /// What it led to, as a code.
    pub outcome: String,
    /// When it was applied.
    pub at: Timestamp,
}

/// A processor's raw answer or event. Append-only, and kept apart from the order so that orders stay small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its id; entries sort by it.
    pub id: EntryId,
    /// Whose answer.
    pub processor: ProcessorName,
    /// What it answers: `open_session`, `end_session`, `refund` or `webhook:<type>`.
    pub about: String,
    /// The text as it came, at most [`JournalEntry::MAX_RAW`] bytes of it. Rows have it beside the entry, unescaped.
    #[serde(skip)]
    pub raw: String,
    /// When.
    pub at: Timestamp,
}

impl JournalEntry {
    /// The most of a raw answer that is kept: 200 KiB, half of what a row can hold.
    pub const MAX_RAW: usize = 200 * 1024;

    /// `raw`, cut to [`JournalEntry::MAX_RAW`] at a character's edge.
    #[must_use]
    pub fn clipped(raw: &str) -> String {
        raw.get(..raw.floor_char_boundary(Self::MAX_RAW)).unwrap_or_default().to_owned()
    }
}
