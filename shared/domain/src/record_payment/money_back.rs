//! Money that goes back: by a refund of ours, or on the processor's own page.

use super::{Outcome, Writer};
use crate::ledger::{Account, LedgerEntry};
use crate::money::Money;
use crate::owner::Actor;
use crate::payment::FailedRefund;
use crate::plan::Write;
use crate::refund::{Refund, RefundEvent};
use crate::refundable::{booked, lines_to_revoke, revoke_lines};
use crate::start_checkout::log_detail;

impl<'a> Writer<'a> {
    /// Money went back, by our refund or on the processor's own page. `total` is all that went back of the payment, so
    /// only what is new is counted: for our own refunds first, then as one made at the processor. What has nothing
    /// left of its price is taken back.
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
        let (rest, own) = self.count_own_refunds(fresh);
        if !rest.is_zero() {
            let cause = format!("refunded:{}:{}", self.payment(), total.minor());
            // The same sum is reached again after a refund that failed.
            let again = self.file.is_counted(&cause).then(|| format!("{cause}:{}", self.event.event));
            self.post(account, rest.negated(), again.unwrap_or(cause));
        }
        // What is posted here and what our own refund posts must not be decided side by side.
        self.plan.push(Write::SaveOrder(Box::new(self.file.order.touched())));
        if account == Account::Sale {
            let after = booked(self.file, &self.plan.writes);
            let lines = lines_to_revoke(&after, &own, !rest.is_zero());
            self.plan.writes.extend(revoke_lines(self.file, &lines, self.ids.make(), self.now));
        }
        Outcome::Refunded
    }

    /// Counts the refunds of ours that this money is; tells what is left of it, and which they are.
    fn count_own_refunds(&mut self, fresh: Money) -> (Money, Vec<&'a Refund>) {
        let (mut rest, mut own) = (fresh, Vec::new());
        let payment = self.payment().clone();
        for refund in self.file.refunds.iter().filter(|refund| refund.payment.as_ref() == Some(&payment)) {
            let Ok(left) = rest.minus(refund.amount) else { continue };
            let Ok(after) = refund.after(RefundEvent::Succeed) else { continue };
            if left.is_negative() || self.file.is_counted(&refund.cause()) {
                continue;
            }
            rest = left;
            self.post(refund.account, refund.amount.negated(), refund.cause());
            self.plan.push(Write::SaveRefund(self.file.order.number.clone(), Box::new(after)));
            own.push(refund);
        }
        (rest, own)
    }

    /// A refund came to nothing after all: what the ledger counts as gone back is put back. Places stay taken: staff see
    /// it in the timeline, and decide.
    pub(super) fn refund_failed(&mut self, failed: &FailedRefund) -> Outcome {
        let ours = |refund: &&Refund| {
            failed.refund.as_ref() == Some(&refund.id) || refund.reference.as_ref() == Some(&failed.reference)
        };
        let number = self.file.order.number.clone();
        let said = format!("{}: {}", failed.reference, failed.reason);
        let Some(refund) = self.file.refunds.iter().find(ours) else {
            return self.refund_elsewhere_failed(failed, said);
        };
        let Ok(after) = refund.after(RefundEvent::Fail) else { return Outcome::AlreadyCounted };
        let counted = self.file.ledger.iter().find(|entry| entry.cause == refund.cause());
        let back = counted.map_or(refund.amount, |entry| entry.amount.negated());
        if counted.is_none() {
            // The processor may still tell of the time when it counted.
            self.put_back(refund.account, back.negated(), refund.cause());
        }
        self.put_back(refund.account, back, refund.undone_cause());
        self.plan.push(Write::SaveOrder(Box::new(self.file.order.touched())));
        self.plan.push(Write::SaveRefund(number.clone(), Box::new(after)));
        let detail = Some(format!("{}: {said}", refund.id));
        self.plan.push(log_detail(&number, "refund_failed", Actor::Processor, detail, (self.now, self.ids)));
        Outcome::RefundFailed
    }

    /// The same for a refund that was made at the processor, as far as it was counted.
    fn refund_elsewhere_failed(&mut self, failed: &FailedRefund, said: String) -> Outcome {
        let number = self.file.order.number.clone();
        let charge = self.charge_cause();
        let account = self.file.ledger.iter().find(|entry| entry.cause == charge).map(|entry| entry.account);
        let cause = format!("refund_failed:{}:{}", self.payment(), failed.reference);
        if self.file.is_counted(&cause) {
            return Outcome::AlreadyCounted;
        }
        let counted =
            failed.amount.filter(|amount| self.refunded_before().minus(*amount).is_ok_and(|rest| !rest.is_negative()));
        if let Some((account, amount)) = account.zip(counted) {
            self.put_back(account, amount, cause);
            self.plan.push(Write::SaveOrder(Box::new(self.file.order.touched())));
        }
        self.plan.push(log_detail(&number, "refund_failed", Actor::Processor, Some(said), (self.now, self.ids)));
        Outcome::RefundFailed
    }

    /// Dated by the processor's clock: what it said before, it said of the sum before.
    fn put_back(&mut self, account: Account, amount: Money, cause: String) {
        let entry = LedgerEntry { account, amount, cause, at: self.event.occurred_at };
        self.plan.push(Write::PostLedger(self.file.order.number.clone(), entry));
    }

    /// What the ledger already counts as gone back of this payment, as far as the processor knew when it spoke.
    fn refunded_before(&self) -> Money {
        let of_payment = |refund: &&Refund| refund.payment.as_ref() == Some(self.payment());
        let own: Vec<&Refund> = self.file.refunds.iter().filter(of_payment).collect();
        let ours = |cause: &str| own.iter().any(|refund| cause == refund.cause());
        let undone = format!("refund_failed:{}:", self.payment());
        let is_undone = |entry: &LedgerEntry| {
            let of_payment =
                entry.cause.starts_with(&undone) || own.iter().any(|refund| entry.cause == refund.undone_cause());
            of_payment && entry.at <= self.event.occurred_at
        };
        let at_processor = format!("refunded:{}:", self.payment());
        let zero = Money::zero(self.file.order.total.currency());
        let counts = |e: &&LedgerEntry| e.cause.starts_with(&at_processor) || ours(&e.cause) || is_undone(e);
        let back = self.file.ledger.iter().filter(counts);
        back.filter_map(|entry| zero.minus(entry.amount).ok()).fold(zero, |sum, a| sum.plus(a).unwrap_or(sum))
    }
}
