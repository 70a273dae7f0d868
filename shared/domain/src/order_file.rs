//! An order with everything that belongs to it, and what is derived from it: how much was paid, what was granted.

use std::collections::BTreeMap;

use crate::attempt::Attempt;
use crate::id::AttemptId;
use crate::journal::ProcessorEventRecord;
use crate::ledger::{Account, LedgerEntry};
use crate::money::{Money, MoneyError, total};
use crate::order::{Order, OrderLine};
use crate::plan::OutboxItem;
use crate::refund::Refund;
use crate::task::{Task, TaskKey, TaskState};
use crate::text::ProcessorRef;

/// Where the money of an order stands; derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyStatus {
    /// Nothing captured.
    Unpaid,
    /// Captured in full.
    Paid,
    /// Part of it went back.
    PartiallyRefunded,
    /// All of it went back.
    Refunded,
    /// More was captured than was due, and has not gone back yet.
    Overpaid,
}

/// Where the fulfilment of an order stands; derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FulfillmentStatus {
    /// Nothing granted yet.
    None,
    /// Some lines granted.
    Partial,
    /// Every line granted.
    Complete,
    /// A line needs a human.
    Parked,
    /// Every place was taken back.
    Revoked,
}

/// An order with everything that belongs to it: one partition of the table, loaded by one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFile {
    /// The order.
    pub order: Order,
    /// Its payment attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// The fulfilment tasks by line and part, once paid: one for each line, or for each part of a bundle.
    pub tasks: BTreeMap<TaskKey, Task>,
    /// The processor events that were applied.
    pub events: Vec<ProcessorEventRecord>,
    /// Its ledger, oldest first.
    pub ledger: Vec<LedgerEntry>,
    /// Its refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// Messages owed to the queue.
    pub outbox: Vec<OutboxItem>,
}

impl OrderFile {
    /// An order on its own, as it is before anything happened to it.
    #[must_use]
    pub fn new(order: Order) -> Self {
        Self {
            order,
            attempts: Vec::new(),
            tasks: BTreeMap::new(),
            events: Vec::new(),
            ledger: Vec::new(),
            refunds: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// The sum of an account of the ledger.
    ///
    /// # Errors
    /// [`MoneyError`] for a ledger that does not add up to a representable sum.
    pub fn balance(&self, account: Account) -> Result<Money, MoneyError> {
        let entries = self.ledger.iter().filter(|entry| entry.account == account);
        total(self.order.total.currency(), entries.map(|entry| entry.amount))
    }

    /// Where the money stands.
    #[must_use]
    pub fn money_status(&self) -> MoneyStatus {
        let kept = self.balance(Account::Sale).map_or(0, Money::minor);
        let over = self.is_overpaid();
        let charges = self.ledger.iter().filter(|entry| entry.account == Account::Sale && entry.is_charge());
        let charged = charges.map(|entry| entry.amount.minor()).reduce(i64::saturating_add);
        match charged {
            _ if over => MoneyStatus::Overpaid,
            None => MoneyStatus::Unpaid,
            Some(charged) if kept >= charged => MoneyStatus::Paid,
            Some(_) if kept <= 0 => MoneyStatus::Refunded,
            Some(_) => MoneyStatus::PartiallyRefunded,
        }
    }

    /// Whether money is here that the order did not ask for. What came in another currency than the order's is held against
    /// what went back in it.
    fn is_overpaid(&self) -> bool {
        let mut kept: BTreeMap<&'static str, i64> = BTreeMap::new();
        for entry in self.ledger.iter().filter(|entry| entry.account == Account::Overpayment) {
            let sum = kept.entry(entry.amount.currency().code()).or_default();
            *sum = sum.saturating_add(entry.amount.minor());
        }
        kept.values().any(|sum| *sum > 0)
    }

    /// Where the fulfilment stands.
    #[must_use]
    pub fn fulfillment_status(&self) -> FulfillmentStatus {
        let count = |wanted: fn(&TaskState) -> bool| self.tasks.values().filter(|t| wanted(&t.state)).count();
        let granted = count(|state| matches!(state, TaskState::Granted { .. }));
        let revoked = count(|state| matches!(state, TaskState::Revoked { .. }));
        let parked = count(|state| matches!(state, TaskState::Parked { .. }));
        match self.tasks.len() {
            _ if parked > 0 => FulfillmentStatus::Parked,
            0 => FulfillmentStatus::None,
            all if granted == all => FulfillmentStatus::Complete,
            all if revoked == all => FulfillmentStatus::Revoked,
            _ if granted > 0 => FulfillmentStatus::Partial,
            _ => FulfillmentStatus::None,
        }
    }

    /// Whether the ledger has an entry of this cause.
    #[must_use]
    pub fn is_counted(&self, cause: &str) -> bool {
        self.ledger.iter().any(|entry| entry.cause == cause)
    }

    /// Whether staff confirmed this payment: no processor knows of it.
    #[must_use]
    pub fn is_by_hand(&self, payment: &ProcessorRef) -> bool {
        self.events.iter().any(|event| event.processor.is_by_hand() && event.event == *payment)
    }

    /// The attempt by id.
    #[must_use]
    pub fn attempt(&self, id: &AttemptId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == *id)
    }

    /// The attempt that may be paid now.
    #[must_use]
    pub fn current_attempt(&self) -> Option<&Attempt> {
        self.order.attempt.as_ref().and_then(|id| self.attempt(id))
    }

    /// The tasks of a line.
    pub fn tasks_of(&self, line: u32) -> impl Iterator<Item = &Task> {
        self.tasks.range((line, 0)..=(line, u32::MAX)).map(|(_, task)| task)
    }

    /// Whether a line still gives anything, or is to.
    #[must_use]
    pub fn gives(&self, line: u32) -> bool {
        self.tasks_of(line).any(Task::gives)
    }

    /// The snapshot of a line.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&OrderLine> {
        self.order.lines.iter().find(|line| line.number == number)
    }
}
