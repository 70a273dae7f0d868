//! Money that goes back: by a refund of ours, or on the processor's own page.

use super::{Outcome, Writer};
use crate::ledger::Account;
use crate::money::Money;
use crate::plan::Write;
use crate::refund::{Refund, RefundEvent};
use crate::refundable::{booked, lines_to_revoke, revoke_lines};

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
            self.post(account, rest.negated(), format!("refunded:{}:{}", self.payment(), total.minor()));
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

    /// What the ledger already counts as gone back of this payment.
    fn refunded_before(&self) -> Money {
        let ours = |cause: &str| {
            self.file.refunds.iter().any(|r| r.payment.as_ref() == Some(self.payment()) && cause == r.cause())
        };
        let at_processor = format!("refunded:{}:", self.payment());
        let zero = Money::zero(self.file.order.total.currency());
        let back = self.file.ledger.iter().filter(|e| e.cause.starts_with(&at_processor) || ours(&e.cause));
        back.filter_map(|entry| zero.minus(entry.amount).ok()).fold(zero, |sum, a| sum.plus(a).unwrap_or(sum))
    }
}
