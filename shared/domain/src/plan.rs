//! Plans: what a decision wants written, and the messages that it owes the queue.
//!
//! A plan is executed as one transaction: all of it or nothing. Every write carries its own condition, and a condition
//! that does not hold comes back by the write's [`Write::name`], so that the operation can say what it means.

mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{OrderNumber, OutboxId, RefundId};
use crate::text::Sku;
use crate::uses::Move;

pub use write::Write;

/// A message that is owed to the queue. The table is the truth; the message is a wake-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// Its id.
    pub id: OutboxId,
    /// The order to look at.
    pub order: OrderNumber,
    /// What to do there.
    pub work: Work,
    /// When it is sent (again) unless its receiver has settled it before.
    pub due: Timestamp,
    /// How often it was sent again.
    pub resent: u32,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Grant or take back the places of the order's lines.
    Fulfil,
    /// Ask the processor for a refund.
    Refund(RefundId),
}

/// Where units of limited stock are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pile {
    /// Can be bought.
    Available,
    /// Held for an unpaid order.
    Held,
    /// Of a paid order.
    Sold,
}

/// Units of one stock record that go from one pile to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The stock record's number.
    pub record: u32,
    /// Where they are.
    pub from: Pile,
    /// Where they go.
    pub to: Pile,
    /// How many.
    pub count: u32,
}

/// What a decision wants done, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The writes; at most 100, no two on one row.
    pub writes: Vec<Write>,
}

impl Plan {
    /// A plan of one write.
    #[must_use]
    pub fn of(write: Write) -> Self {
        Self { writes: vec![write] }
    }

    /// Adds writes; what moves stock or uses that the plan moves already joins that write.
    pub fn extend(&mut self, writes: impl IntoIterator<Item = Write>) {
        for write in writes {
            if let Write::MoveStock { sku, version, shifts } = write {
                self.move_stock(&sku, version, shifts);
            } else if let Write::MoveUses(more) = write {
                self.move_uses(more);
            } else {
                self.writes.push(write);
            }
        }
    }

    fn move_uses(&mut self, more: Move) {
        for write in &mut self.writes {
            if let Write::MoveUses(known) = write
                && known.of == more.of
            {
                return known.add(more);
            }
        }
        self.writes.push(Write::MoveUses(more));
    }

    fn move_stock(&mut self, moved: &Sku, at: Option<u64>, more: Vec<Shift>) {
        for write in &mut self.writes {
            if let Write::MoveStock { sku, version, shifts } = write
                && sku == moved
            {
                *version = version.or(at);
                shifts.extend(more);
                return;
            }
        }
        self.writes.push(Write::MoveStock { sku: moved.clone(), version: at, shifts: more });
    }

    /// Adds a write.
    pub fn push(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// The messages that are to be sent once the plan is committed: owed for the first time, or again.
    pub fn messages(&self) -> impl Iterator<Item = &OutboxItem> {
        self.writes
            .iter()
            .filter_map(|write| if let Write::Owe(item) | Write::Resend(item) = write { Some(item) } else { None })
    }
}
