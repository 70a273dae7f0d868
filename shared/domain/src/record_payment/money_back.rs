//! Money that goes back: by a refund of ours, or on the processor's own page.

use super::{Outcome, Writer};
use crate::ledger::Account;
use crate::money::Money;
use crate::plan::{OutboxItem, Work, Write};
use crate::refund::{Refund, RefundEvent};
use crate::start_checkout::first_look;
use crate::task::{TaskEvent, TaskState};

impl Writer<'_> {
    /// Money went back, by our refund or on the processor's own page. `total` is all that went back of the payment, so
    /// only what is new is counted: for our own refunds first, then as one made at the processor. When nothing is left
    /// of the price, every line is taken back.
    pub(super) fn refunded(&mut self, total: Money) -> Outcome {
        let charge = self.charge_cause();
        let Some(entry) = self.file.ledger.iter().find(|entry| entry.cause == charge) else {
            return Outcome::Premature;
        };
        let account = entry.account;
        let Ok(fresh) = total.minus(self.refunded_before()) else { return Outcome::AmountMismatch };
        if fresh.is_zero() || fresh.is_negative() {
            return Outcome::AlreadyCounted;
        }
        let rest = self.count_own_refunds(fresh);
        if !rest.is_zero() {
            self.post(account, rest.negated(), format!("refunded:{}:{}", self.payment(), total.minor()));
        }
        // What is posted here and what our own refund posts must not be decided side by side.
        self.plan.push(Write::SaveOrder(Box::new(self.file.order.touched())));
        let left = self.file.balance(account).and_then(|balance| balance.minus(fresh));
        if account == Account::Sale && left.is_ok_and(Money::is_zero) {
            self.revoke_all();
        }
        Outcome::Refunded
    }

    /// Counts the refunds of ours that this money is, and gives back what is left of it.
    fn count_own_refunds(&mut self, fresh: Money) -> Money {
        let mut rest = fresh;
        let payment = self.payment().clone();
        for refund in self.file.refunds.iter().filter(|refund| refund.payment == payment) {
            let Ok(left) = rest.minus(refund.amount) else { continue };
            let Ok(state) = refund.state.apply(RefundEvent::Succeed) else { continue };
            if left.is_negative() || self.file.is_counted(&refund.cause()) {
                continue;
            }
            rest = left;
            self.post(refund.account, refund.amount.negated(), refund.cause());
            let version = refund.version.saturating_add(1);
            let after = Refund { state, due: None, version, ..refund.clone() };
            self.plan.push(Write::SaveRefund(self.file.order.number.clone(), Box::new(after)));
        }
        rest
    }

    /// What the ledger already counts as gone back of this payment.
    fn refunded_before(&self) -> Money {
        let ours = |cause: &str| self.file.refunds.iter().any(|r| r.payment == *self.payment() && cause == r.cause());
        let at_processor = format!("refunded:{}:", self.payment());
        let zero = Money::zero(self.file.order.total.currency());
        let back = self.file.ledger.iter().filter(|e| e.cause.starts_with(&at_processor) || ours(&e.cause));
        back.filter_map(|entry| zero.minus(entry.amount).ok()).fold(zero, |sum, a| sum.plus(a).unwrap_or(sum))
    }

    fn revoke_all(&mut self) {
        let order = &self.file.order;
        for task in self.file.tasks.values() {
            // Due at once, so that the message owed below finds it claimable; but not while a worker may still be
            // granting it.
            let due = match task.state {
                TaskState::Granting { lease_until } => lease_until,
                TaskState::Queued { .. }
                | TaskState::Granted { .. }
                | TaskState::RetryAt { .. }
                | TaskState::Parked { .. }
                | TaskState::Revoking { .. }
                | TaskState::Revoked { .. } => self.now,
            };
            if let Ok(revoking) = task.after(TaskEvent::Revoke { due }, self.now) {
                self.plan.push(Write::SaveTask(order.number.clone(), revoking));
            }
        }
        for line in order.lines.iter().filter(|line| line.kind.is_personal()) {
            let (owner, sku) = (order.owner.clone(), line.sku.clone());
            self.plan.push(Write::Ungrant { owner, sku, line: line.reference(&order.number) });
        }
        let (id, order, due) = (self.ids.make(), order.number.clone(), first_look(self.now));
        self.plan.push(Write::Owe(OutboxItem { id, order, work: Work::Fulfil, due, resent: 0 }));
    }
}
