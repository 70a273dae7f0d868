//! Rows of an order's partition.

use domain::attempt::Attempt;
use domain::id::OrderNumber;
use domain::journal::{JournalEntry, LogEntry, ProcessorEventRecord};
use domain::ledger::LedgerEntry;
use domain::order::{Order, OrderState};
use domain::payment::ProcessorName;
use domain::plan::OutboxItem;
use domain::refund::Refund;
use domain::task::Task;
use domain::text::ProcessorRef;

use super::Op;
use crate::error::StoreError;
use crate::keys::{Keys, TIMELINE};
use crate::row::{Row, n, s};

/// Puts a row whose version was counted up: the row in the table must be at the version before.
pub(super) fn save(row: Row, version: u64) -> Op {
    Op::replace(row, Some(version.saturating_sub(1)))
}

pub(super) fn order_row(keys: Keys<'_>, order: &Order) -> Result<Row, StoreError> {
    let due = match order.state {
        OrderState::PendingPayment { pay_by } => Some(pay_by),
        OrderState::Paid { .. } | OrderState::Cancelled { .. } | OrderState::Expired { .. } => None,
    };
    Ok(Row::new(keys.order(&order.number), "ORDER", order)?
        .version(order.version)
        .index(1, keys.orders_of(&order.owner), order.number.as_str())
        .index(3, keys.orders_in(order.state.name()), order.number.as_str())
        .due(keys.due_of(order.number.as_str()), due, order.number.as_str()))
}

pub(super) fn attempt_row(keys: Keys<'_>, order: &OrderNumber, attempt: &Attempt) -> Result<Row, StoreError> {
    Ok(Row::new(keys.order(order), format!("PAY#{}", attempt.id), attempt)?.version(attempt.version))
}

fn task_sk(task: &Task) -> String {
    match task.part {
        0 => format!("TASK#{:03}", task.line),
        part => format!("TASK#{:03}#{part:02}", task.line),
    }
}

pub(super) fn check_task(keys: Keys<'_>, order: &OrderNumber, task: &Task) -> Op {
    let check = Op::check(keys.order(order), task_sk(task), "version = :version");
    check.value(":version", n(task.version))
}

pub(super) fn task_row(keys: Keys<'_>, order: &OrderNumber, task: &Task) -> Result<Row, StoreError> {
    Ok(Row::new(keys.order(order), task_sk(task), task)?.version(task.version).due(
        keys.due_of(order.as_str()),
        task.state.due(),
        order.as_str(),
    ))
}

pub(super) fn refund_row(keys: Keys<'_>, order: &OrderNumber, refund: &Refund) -> Result<Row, StoreError> {
    Ok(Row::new(keys.order(order), format!("REFUND#{}", refund.id), refund)?
        .version(refund.version)
        .index(3, keys.refunds_in(refund.state.name()), refund.id.as_str())
        .due(keys.due_of(order.as_str()), refund.due, order.as_str()))
}

/// A new refund, with the way from its id to its order.
pub(super) fn create_refund(keys: Keys<'_>, order: &OrderNumber, refund: &Refund) -> Result<Vec<Op>, StoreError> {
    let way = Row::new(keys.refund(&refund.id), "REFUND", order)?;
    Ok(vec![Op::create(refund_row(keys, order, refund)?), Op::create(way)])
}

pub(super) fn event_row(keys: Keys<'_>, order: &OrderNumber, event: &ProcessorEventRecord) -> Result<Row, StoreError> {
    Row::new(keys.order(order), format!("EVENT#{}#{}", event.processor.name(), event.event), event)
}

pub(super) fn ledger_row(keys: Keys<'_>, order: &OrderNumber, entry: &LedgerEntry) -> Result<Row, StoreError> {
    Row::new(keys.order(order), format!("LEDGER#{}", entry.cause), entry)
}

pub(super) fn log_row(keys: Keys<'_>, order: &OrderNumber, entry: &LogEntry) -> Result<Row, StoreError> {
    Row::new(keys.order(order), format!("{TIMELINE}{}", entry.id), entry)
}

pub(super) fn journal_row(
    keys: Keys<'_>,
    order: Option<&OrderNumber>,
    entry: &JournalEntry,
) -> Result<Row, StoreError> {
    Ok(Row::new(keys.journal(order), entry.id.as_str(), entry)?.with("raw", s(&entry.raw)))
}

pub(super) fn outbox_row(keys: Keys<'_>, item: &OutboxItem) -> Result<Row, StoreError> {
    Ok(Row::new(keys.order(&item.order), format!("OUT#{}", item.id), item)?.version(u64::from(item.resent)).due(
        keys.due_of(item.order.as_str()),
        Some(item.due),
        item.order.as_str(),
    ))
}

/// Counts a message's sendings up; two janitors at once send it once.
pub(super) fn resend(keys: Keys<'_>, item: &OutboxItem) -> Result<Op, StoreError> {
    Ok(save(outbox_row(keys, item)?, u64::from(item.resent)))
}

/// A way from a processor's object to the order; writing it again is the same.
pub(super) fn link(
    keys: Keys<'_>,
    order: &OrderNumber,
    processor: ProcessorName,
    reference: &ProcessorRef,
) -> Result<Op, StoreError> {
    // Behind the timeline, since nobody reads it with the order.
    let sk = format!("XREF#{}#{reference}", processor.name());
    let update = Op::update(keys.order(order), sk, "SET v = :v, gsi3pk = :pk, gsi3sk = :sk")
        .when("attribute_not_exists(gsi3pk) OR gsi3pk = :pk")
        .value(":v", n(crate::row::SCHEMA))
        .value(":pk", s(keys.reference(processor, reference)))
        .value(":sk", s(order.as_str()));
    Ok(update)
}
