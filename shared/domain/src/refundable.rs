//! What is left to be refunded of an order, and whose places go with what was (I2, I4).
//!
//! The ledger counts what went back; refunds that are under way count as if it had. A refund that names lines is counted
//! by line as well, one that names none and what went back at the processor only for the order as a whole. So a line has
//! nothing left when its own parts add up to its price, or when the whole order has nothing left.

use std::collections::BTreeSet;

use crate::id::OutboxId;
use crate::ledger::Account;
use crate::money::{Money, MoneyError, total};
use crate::order::{OrderFile, OrderLine};
use crate::owned::{Owned, owned_by};
use crate::plan::{OutboxItem, Work, Write};
use crate::product::Kind;
use crate::refund::{Refund, RefundState};
use crate::start_checkout::first_look;
use crate::task::{TaskEvent, TaskState};
use crate::text::ProcessorRef;

/// Which refunds are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// All that may still take money, requests included.
    Made,
    /// Those that were approved.
    Approved,
    /// Those that the ledger counts, or that had nothing to pay.
    Booked,
}

impl Claims {
    fn include(self, file: &OrderFile, refund: &Refund) -> bool {
        match self {
            Self::Made => refund.is_alive(),
            Self::Approved => refund.is_alive() && refund.state != RefundState::Requested,
            Self::Booked => is_booked(file, refund),
        }
    }
}

fn is_booked(file: &OrderFile, refund: &Refund) -> bool {
    let nothing = refund.amount.is_zero() && refund.state == RefundState::Succeeded;
    refund.is_alive() && (nothing || file.is_counted(&refund.cause()))
}

/// The payment that paid the order; none for one of nothing, or that is not paid.
#[must_use]
pub fn payment_of(file: &OrderFile) -> Option<ProcessorRef> {
    let sale = file.ledger.iter().find(|entry| entry.account == Account::Sale && entry.is_charge());
    sale.and_then(|entry| entry.payment()).and_then(|payment| payment.parse().ok())
}

/// What is left of the order's price, less the refunds that `claims` names; `but` is not taken off. It can be below
/// nothing: the processor gives back at its own page what was asked for here as well.
///
/// # Errors
/// [`MoneyError`] for rows that do not add up to a representable sum.
pub fn left(file: &OrderFile, claims: Claims, but: Option<&Refund>) -> Result<Money, MoneyError> {
    let other = |refund: &&Refund| but.is_none_or(|but| but.id != refund.id);
    let open = |refund: &&Refund| refund.account == Account::Sale && !file.is_counted(&refund.cause());
    let taken = file.refunds.iter().filter(other).filter(open).filter(|refund| claims.include(file, refund));
    file.balance(Account::Sale)?.minus(total(file.order.total.currency(), taken.map(|refund| refund.amount))?)
}

/// What is left of a line's price by the refunds that name it.
///
/// # Errors
/// As [`left`].
pub fn left_of_line(file: &OrderFile, line: &OrderLine, claims: Claims) -> Result<Money, MoneyError> {
    let parts = file.refunds.iter().filter(|refund| claims.include(file, refund));
    let parts = parts.filter_map(|refund| refund.part_of(line.number));
    line.total.minus(total(line.total.currency(), parts)?)
}

fn is_used_up(file: &OrderFile, line: &OrderLine) -> bool {
    left_of_line(file, line, Claims::Booked).is_ok_and(Money::is_zero)
}

/// The lines whose places are taken back because `booked` were counted, and, with `elsewhere`, money that went back at
/// the processor. `file` counts them already.
pub(crate) fn lines_to_revoke(file: &OrderFile, booked: &[&Refund], elsewhere: bool) -> BTreeSet<u32> {
    let nothing_left = file.balance(Account::Sale).is_ok_and(|left| left.is_zero() || left.is_negative());
    let of_nothing = file.order.total.is_zero();
    let mut lines = BTreeSet::new();
    for refund in booked.iter().filter(|refund| refund.revoke && refund.account == Account::Sale) {
        let named: Vec<&OrderLine> = refund.lines.iter().filter_map(|part| file.line(part.line)).collect();
        // A line that cost nothing goes with those that it is refunded with, and not for a part of their price.
        let others_gone = named.iter().filter(|line| !line.total.is_zero()).all(|line| is_used_up(file, line));
        let used_up = |line: &OrderLine| is_used_up(file, line) && (others_gone || !line.total.is_zero());
        let gone = named.iter().filter(|line| used_up(line) || (nothing_left && !of_nothing));
        lines.extend(gone.map(|line| line.number));
        if nothing_left && (refund.lines.is_empty() || !refund.amount.is_zero()) {
            lines.extend(not_kept(file));
        }
    }
    if elsewhere && nothing_left {
        lines.extend(not_kept(file));
    }
    lines
}

/// The lines of enrolment codes of which an approved refund leaves nothing.
pub(crate) fn codes_to_withdraw(file: &OrderFile, refund: &Refund) -> BTreeSet<u32> {
    if !refund.revoke || refund.account != Account::Sale {
        return BTreeSet::new();
    }
    let gone = |left: Result<Money, MoneyError>, taken: Money| {
        left.and_then(|left| left.minus(taken)).is_ok_and(|rest| rest.is_zero() || rest.is_negative())
    };
    let all_gone = gone(left(file, Claims::Approved, Some(refund)), refund.amount);
    let others =
        OrderFile { refunds: file.refunds.iter().filter(|r| r.id != refund.id).cloned().collect(), ..file.clone() };
    let line_gone = |line: &OrderLine| {
        refund.part_of(line.number).is_some_and(|part| gone(left_of_line(&others, line, Claims::Approved), part))
    };
    let sells_codes = |line: &&OrderLine| line.kind == Kind::EnrollmentCode;
    let lines = file.order.lines.iter().filter(sells_codes).filter(|line| all_gone || line_gone(line));
    lines.map(|line| line.number).collect()
}

/// Every line but those that staff refunded and let the learner keep.
fn not_kept(file: &OrderFile) -> impl Iterator<Item = u32> {
    let keeps =
        |refund: &Refund, line: u32| !refund.revoke && refund.part_of(line).is_some() && is_booked(file, refund);
    let kept =
        move |line: &OrderLine| is_used_up(file, line) && file.refunds.iter().any(|refund| keeps(refund, line.number));
    file.order.lines.iter().filter(move |line| !kept(line)).map(|line| line.number)
}

/// The writes that take places back: the tasks, what the learner owns, and a message. What is taken back already, or is
/// being, is left alone.
pub(crate) fn revoke_lines(
    file: &OrderFile,
    lines: &BTreeSet<u32>,
    message: OutboxId,
    now: jiff::Timestamp,
) -> Vec<Write> {
    let order = &file.order;
    let (mut writes, mut taken) = (Vec::new(), BTreeSet::new());
    for task in file.tasks.values().filter(|task| lines.contains(&task.line) && task.gives()) {
        // Due at once, so that the message owed below finds it claimable; but not while a worker may still be granting it.
        let due = match task.state {
            TaskState::Granting { lease_until } => lease_until,
            TaskState::Queued { .. }
            | TaskState::Granted { .. }
            | TaskState::RetryAt { .. }
            | TaskState::Parked { .. }
            | TaskState::Revoking { .. }
            | TaskState::Revoked { .. } => now,
        };
        let Ok(revoking) = task.after(TaskEvent::Revoke { due }, now) else { continue };
        writes.push(Write::SaveTask(order.number.clone(), revoking));
        taken.insert(task.line);
    }
    for Owned { sku, lines, .. } in owned_by(order, |line| taken.contains(&line.number)) {
        writes.push(Write::Ungrant { owner: order.owner.clone(), sku, lines });
    }
    if !writes.is_empty() {
        let (order, due) = (order.number.clone(), first_look(now));
        writes.push(Write::Owe(OutboxItem { id: message, order, work: Work::Fulfil, due, resent: 0 }));
    }
    writes
}

/// The file as it is once the plan's ledger entries are written.
pub(crate) fn booked(file: &OrderFile, writes: &[Write]) -> OrderFile {
    let mut file = file.clone();
    let posted =
        writes.iter().filter_map(|write| if let Write::PostLedger(_, entry) = write { Some(entry) } else { None });
    file.ledger.extend(posted.cloned());
    file
}
