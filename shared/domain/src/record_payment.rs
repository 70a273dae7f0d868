//! Recording what a processor says: the heart of the webhook (I1, I2, I5, I6, I8).
//!
//! One event, one decision, one transaction. Money that came in is always recorded: as the order's payment, or as an
//! overpayment with a refund owed.

mod money_back;

use jiff::Timestamp;

use crate::attempt::{Attempt, AttemptEvent};
use crate::basket::Basket;
use crate::cancel_order;
use crate::id::Ids;
use crate::journal::{JournalEntry, ProcessorEventRecord};
use crate::ledger::{Account, LedgerEntry};
use crate::money::Money;
use crate::order::{Order, OrderEvent, OrderFile, OrderState};
use crate::owner::{Actor, Owner};
use crate::payment::{Fact, ProcessorEvent};
use crate::plan::{OutboxItem, Pile, Plan, Work, Write};
use crate::refund::{Refund, RefundReason, RefundState};
use crate::start_checkout::{first_look, grant_lines, log_detail, move_units};
use crate::text::ProcessorRef;
use crate::uses::{Hold, take};

/// How long an order waits for money that is on its way, such as a bank debit: ten days.
const PROCESSING: jiff::SignedDuration = jiff::SignedDuration::from_hours(10 * 24);

/// What an event led to; its name is kept with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Seen before: nothing is written.
    Duplicate,
    /// The order is paid.
    Paid,
    /// The order was expired, and is paid after all.
    PaidLate,
    /// The payment was counted already, by another event.
    AlreadyCounted,
    /// Another payment of a paid order: an overpayment, with a refund owed.
    SecondPayment,
    /// A payment of an order that ended, whose places are gone: an overpayment, with a refund owed.
    TooLate,
    /// Amount or currency are not the order's: an overpayment that a human must look at.
    AmountMismatch,
    /// The attempt moved; no money did.
    Noted,
    /// Money went back.
    Refunded,
    /// Money that was said to go back did not.
    RefundFailed,
    /// Money went back of a payment that we have not been told of yet: nothing is written, and the processor shall say it
    /// again later.
    Premature,
}

impl Outcome {
    /// The outcome's name in the timeline and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Paid => "paid",
            Self::PaidLate => "paid_late",
            Self::AlreadyCounted => "already_counted",
            Self::SecondPayment => "second_payment",
            Self::TooLate => "too_late",
            Self::AmountMismatch => "amount_mismatch",
            Self::Noted => "noted",
            Self::Refunded => "refunded",
            Self::RefundFailed => "refund_failed",
            Self::Premature => "premature",
        }
    }
}

/// What the receiver found out by trying: conditions outside the order that did not hold at the first try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The basket is no more the one that was frozen for the order.
    pub basket_moved: bool,
    /// The places of an ended order are gone, or the learner owns them by another order.
    pub places_gone: bool,
}

impl Circumstances {
    /// What the refused conditions of a try add; `refused` tells whether a write of that name was.
    #[must_use]
    pub fn learned(self, refused: impl Fn(&str) -> bool) -> Self {
        let any = |names: &[&str]| names.iter().any(|name| refused(name));
        Self {
            basket_moved: self.basket_moved || any(&["save_basket", "thaw_basket"]),
            places_gone: self.places_gone || any(&["move_stock", "move_uses", "grant"]),
        }
    }
}

/// Decides what an event means for its order. `raw` makes what the journal keeps of it, if it keeps it.
#[must_use]
pub fn decide(
    file: &OrderFile,
    event: &ProcessorEvent,
    raw: impl FnOnce() -> String,
    circumstances: Circumstances,
    (now, ids): (Timestamp, &mut Ids),
) -> (Outcome, Plan) {
    let same = |seen: &&ProcessorEventRecord| seen.processor == event.processor && seen.event == event.event;
    if file.events.iter().any(|seen| same(&seen)) {
        return (Outcome::Duplicate, Plan::default());
    }
    let mut writer = Writer { file, event, now, ids, plan: Plan::default() };
    let outcome = match &event.fact {
        Fact::Captured { amount } => writer.captured(*amount, circumstances),
        Fact::Processing => writer.processing(),
        Fact::Declined { reason } => writer.attempt_only(AttemptEvent::Decline, Some(reason)),
        Fact::Failed { reason } => writer.session_over(AttemptEvent::Fail, Some(reason), circumstances),
        Fact::SessionExpired => writer.session_over(AttemptEvent::End, None, circumstances),
        Fact::Refunded { total } => writer.refunded(*total),
        Fact::RefundFailed(failed) => writer.refund_failed(failed),
        Fact::Disputed { status, amount } => writer.disputed(status, *amount),
        Fact::Unreadable { said } => writer.unreadable(said),
        Fact::Irrelevant => Outcome::Noted,
    };
    let plan = if outcome == Outcome::Premature { Plan::default() } else { writer.finish(outcome, &raw()) };
    (outcome, plan)
}

/// Collects the writes of one event.
struct Writer<'a> {
    file: &'a OrderFile,
    event: &'a ProcessorEvent,
    now: Timestamp,
    ids: &'a mut Ids,
    plan: Plan,
}

impl Writer<'_> {
    /// The attempt that the event speaks of: the one we named, or the one with its session or payment.
    fn attempt(&self) -> Option<&Attempt> {
        let named = self.event.attempt.as_ref().and_then(|id| self.file.attempt(id));
        let held = |attempt: &&Attempt| {
            (attempt.session.is_some() && attempt.session == self.event.session)
                || (attempt.payment.is_some() && attempt.payment == self.event.payment)
        };
        named.or_else(|| self.file.attempts.iter().find(held))
    }

    /// The name by which the money is counted: the payment's, or the event's when there is none.
    fn payment(&self) -> &ProcessorRef {
        self.event.payment.as_ref().unwrap_or(&self.event.event)
    }

    fn charge_cause(&self) -> String {
        format!("charge:{}", self.payment())
    }

    fn captured(&mut self, amount: Money, circumstances: Circumstances) -> Outcome {
        let cause = self.charge_cause();
        if self.file.ledger.iter().any(|entry| entry.cause == cause) {
            return Outcome::AlreadyCounted;
        }
        self.move_attempt(AttemptEvent::Capture, None);
        let order = &self.file.order;
        if amount != order.total {
            // At a processor a human looks, and gives it back there; what people do is told here.
            if self.event.processor.is_by_hand() {
                return self.give_back(amount, cause, RefundReason::WrongAmount);
            }
            self.post(Account::Overpayment, amount, cause);
            return Outcome::AmountMismatch;
        }
        match order.state {
            OrderState::PendingPayment { .. } => {
                self.pay(cause, circumstances.basket_moved, Pile::Held);
                Outcome::Paid
            }
            OrderState::Expired { .. } if !circumstances.places_gone => {
                self.pay(cause, true, Pile::Available);
                Outcome::PaidLate
            }
            OrderState::Paid { .. } => self.give_back(amount, cause, RefundReason::SecondPayment),
            OrderState::Expired { .. } | OrderState::Cancelled { .. } => {
                self.give_back(amount, cause, RefundReason::LatePayment)
            }
        }
    }

    fn pay(&mut self, cause: String, basket_moved: bool, from: Pile) {
        let Ok(order) = self.file.order.after(OrderEvent::Pay, self.now) else { return };
        self.post(Account::Sale, order.total, cause);
        self.plan.extend(order.lines.iter().filter_map(|line| move_units(line, from, Pile::Sold)));
        if from == Pile::Available {
            self.plan.extend(take(&order, Hold::Late, self.now));
        }
        let late = matches!(self.file.order.state, OrderState::Expired { .. });
        self.plan.writes.extend(grant_lines(&order, late, self.now, self.ids));
        if !basket_moved {
            self.plan.push(submit_basket(&order, self.now, self.ids));
        }
        self.plan.push(Write::SaveOrder(Box::new(order)));
    }

    fn give_back(&mut self, amount: Money, cause: String, reason: RefundReason) -> Outcome {
        self.post(Account::Overpayment, amount, cause);
        let number = self.file.order.number.clone();
        let due = first_look(self.now);
        let by_hand = self.event.processor.is_by_hand();
        let refund = Refund {
            id: self.ids.make(),
            reason,
            note: None,
            asked_by: Actor::System,
            amount,
            lines: Vec::new(),
            revoke: false,
            by_hand,
            payment: Some(self.payment().clone()),
            account: Account::Overpayment,
            state: RefundState::Approved,
            reference: None,
            due: (!by_hand).then_some(due),
            tries: 0,
            created_at: self.now,
            version: 1,
        };
        if !by_hand {
            let work = Work::Refund(refund.id.clone());
            self.plan.push(Write::Owe(OutboxItem { id: self.ids.make(), order: number.clone(), work, due, resent: 0 }));
        }
        self.plan.push(Write::CreateRefund(number, Box::new(refund)));
        match reason {
            RefundReason::SecondPayment => Outcome::SecondPayment,
            RefundReason::WrongAmount => Outcome::AmountMismatch,
            RefundReason::LatePayment | RefundReason::AtProcessor | RefundReason::Asked => Outcome::TooLate,
        }
    }

    fn processing(&mut self) -> Outcome {
        self.move_attempt(AttemptEvent::Process, None);
        // One that comes after a failure changes nothing.
        if !self.attempt().is_some_and(|attempt| attempt.state.is_live()) {
            return Outcome::Noted;
        }
        let pay_by = self.now.saturating_add(PROCESSING).unwrap_or(Timestamp::MAX);
        if let Ok(order) = self.file.order.after(OrderEvent::Extend { pay_by }, self.now) {
            self.plan.push(Write::SaveOrder(Box::new(order)));
        }
        Outcome::Noted
    }

    fn attempt_only(&mut self, event: AttemptEvent, reason: Option<&String>) -> Outcome {
        self.move_attempt(event, reason);
        Outcome::Noted
    }

    /// The session cannot be paid any more: the order ends with it if this was its current attempt, else nothing happens
    /// to it.
    fn session_over(&mut self, event: AttemptEvent, reason: Option<&String>, circumstances: Circumstances) -> Outcome {
        let current = self.attempt().is_some_and(|attempt| Some(&attempt.id) == self.file.order.attempt.as_ref());
        if let Ok((_, plan)) = cancel_order::expire(self.file, !circumstances.basket_moved, self.now, self.ids)
            && current
        {
            let others = plan.writes.into_iter().filter(|write| !matches!(write, Write::SaveAttempt(..)));
            self.plan.extend(others);
        }
        self.move_attempt(event, reason);
        Outcome::Noted
    }

    fn disputed(&mut self, status: &str, amount: Option<Money>) -> Outcome {
        let detail = amount.map_or_else(|| status.to_owned(), |amount| format!("{status}: {amount}"));
        let (number, now) = (&self.file.order.number, self.now);
        self.plan.push(log_detail(number, "payment_disputed", Actor::Processor, Some(detail), (now, self.ids)));
        Outcome::Noted
    }

    fn unreadable(&mut self, said: &str) -> Outcome {
        let (number, now, said) = (&self.file.order.number, self.now, Some(said.to_owned()));
        self.plan.push(log_detail(number, "payment_amount_unreadable", Actor::Processor, said, (now, self.ids)));
        Outcome::AmountMismatch
    }

    fn move_attempt(&mut self, event: AttemptEvent, reason: Option<&String>) {
        let Some(Ok(mut attempt)) = self.attempt().map(|attempt| attempt.after(event)) else { return };
        attempt.session = attempt.session.or_else(|| self.event.session.clone());
        attempt.payment = attempt.payment.or_else(|| self.event.payment.clone());
        attempt.last_decline = reason.cloned().or(attempt.last_decline);
        if !attempt.state.is_live() {
            attempt.next = None;
        }
        self.plan.push(Write::SaveAttempt(self.file.order.number.clone(), Box::new(attempt)));
    }

    fn post(&mut self, account: Account, amount: Money, cause: String) {
        let entry = LedgerEntry { account, amount, cause, at: self.now };
        self.plan.push(Write::PostLedger(self.file.order.number.clone(), entry));
    }

    /// Adds what every event leaves behind: its record, the way from its payment to the order, timeline and journal.
    fn finish(mut self, outcome: Outcome, raw: &str) -> Plan {
        let (number, event) = (self.file.order.number.clone(), self.event);
        let known = |reference: &ProcessorRef| self.file.attempts.iter().any(|a| a.payment.as_ref() == Some(reference));
        if let Some(reference) = event.payment.clone().filter(|reference| !known(reference)) {
            self.plan.push(Write::LinkReference { order: number.clone(), processor: event.processor, reference });
        }
        self.plan.push(Write::RecordEvent(
            number.clone(),
            ProcessorEventRecord {
                processor: event.processor,
                event: event.event.clone(),
                event_type: event.event_type.clone(),
                outcome: outcome.name().to_owned(),
                at: self.now,
            },
        ));
        let detail = Some(format!("{} {}", event.event_type, event.event));
        self.plan.push(log_detail(
            &number,
            timeline_name(outcome, &event.fact),
            Actor::Processor,
            detail,
            (self.now, self.ids),
        ));
        let entry = JournalEntry {
            id: self.ids.make(),
            processor: event.processor,
            about: format!("webhook:{}", event.event_type),
            raw: JournalEntry::clipped(raw),
            at: self.now,
        };
        self.plan.push(Write::Journal(Some(number), entry));
        self.plan
    }
}

/// The event's name in the timeline, in the learner's words.
fn timeline_name(outcome: Outcome, fact: &Fact) -> &'static str {
    match (outcome, fact) {
        (Outcome::Paid, _) => "order_paid",
        (Outcome::PaidLate, _) => "order_paid_late",
        (Outcome::SecondPayment, _) => "second_payment_received",
        (Outcome::TooLate, _) => "late_payment_received",
        (Outcome::AmountMismatch, _) => "amount_mismatch",
        (Outcome::Refunded, _) => "payment_refunded",
        (Outcome::RefundFailed, _) | (Outcome::AlreadyCounted, Fact::RefundFailed(_)) => "processor_event_noted",
        (Outcome::AlreadyCounted | Outcome::Duplicate | Outcome::Premature, _) => "payment_confirmed",
        (Outcome::Noted, Fact::Processing) => "payment_processing",
        (Outcome::Noted, Fact::Declined { .. }) => "payment_declined",
        (Outcome::Noted, Fact::Failed { .. }) => "payment_failed",
        (Outcome::Noted, Fact::SessionExpired) => "payment_session_expired",
        (
            Outcome::Noted,
            Fact::Captured { .. }
            | Fact::Refunded { .. }
            | Fact::RefundFailed(_)
            | Fact::Disputed { .. }
            | Fact::Unreadable { .. }
            | Fact::Irrelevant,
        ) => "processor_event_noted",
    }
}

/// The basket that was frozen for the order gives way to a new, empty one.
fn submit_basket(order: &Order, now: Timestamp, ids: &mut Ids) -> Write {
    let owner = Owner::User(order.owner.clone());
    let basket = Basket::empty(ids.make(), owner, order.basket_version.saturating_add(1), now);
    Write::SaveBasket { basket: Box::new(basket), expect: Some(order.basket_version) }
}
