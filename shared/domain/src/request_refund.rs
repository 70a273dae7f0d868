//! Asking for a refund: of an order, of some of its lines, or of an amount. A learner's is a request that staff decide on;
//! what staff ask for is approved at once.
//!
//! Everything is decided on the loaded order and committed with its version, so that two at once never take more together
//! than is left (I2).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::id::Ids;
use crate::idempotency::{IdempotencyRecord, REMEMBERED};
use crate::ledger::Account;
use crate::money::{Money, MoneyError, total};
use crate::order::{OrderFile, OrderLine, OrderState};
use crate::owner::{Actor, UserId};
use crate::plan::{OutboxItem, Plan, Work, Write};
use crate::refund::{Refund, RefundReason, RefundState, RefundedLine};
use crate::refundable::{Claims, codes_to_withdraw, left, left_of_line, lines_to_revoke, payment_of, revoke_lines};
use crate::start_checkout::{first_look, log_detail};
use crate::text::Note;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAsk {
    /// Whose `Idempotency-Key` it is: whoever asks.
    pub by: UserId,
    /// Whether they are staff.
    pub staff: bool,
    /// The lines, by number; `None` is the order as a whole.
    pub lines: Option<BTreeSet<u32>>,
    /// How much; `None` is everything that is left.
    pub amount: Option<Money>,
    /// Why.
    pub note: Note,
    /// Whether places are taken back.
    pub revoke: bool,
    /// How long after the payment a learner may ask.
    pub window: SignedDuration,
    /// The key's name in the caller's own namespace.
    pub key: String,
    /// The digest of method, path and body.
    pub fingerprint: String,
}

impl RefundAsk {
    fn actor(&self) -> Actor {
        if self.staff { Actor::Staff(self.by.clone()) } else { Actor::Learner }
    }

    /// The lines named, or all of them.
    fn lines<'a>(&'a self, file: &'a OrderFile) -> impl Iterator<Item = &'a OrderLine> {
        let named = |line: &&OrderLine| self.lines.as_ref().is_none_or(|lines| lines.contains(&line.number));
        file.order.lines.iter().filter(named)
    }

    /// Whether a refund is for just the lines that are asked for.
    fn is_same(&self, refund: &Refund) -> bool {
        let lines: BTreeSet<u32> = refund.lines.iter().map(|part| part.line).collect();
        lines == *self.lines.as_ref().unwrap_or(&BTreeSet::new())
    }
}

/// The most requests of one order that wait for staff: it has at most as many lines.
const MAX_OPEN: usize = 20;

/// Why a refund is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// The order is not paid.
    #[error("only a paid order can be refunded")]
    NotPaid,
    /// The order has no such line.
    #[error("the order has no such line")]
    NoSuchLine,
    /// The learner asks too late.
    #[error("the time in which a refund can be asked for is over")]
    WindowOver,
    /// A request for the same money waits for staff.
    #[error("a request for this waits to be decided")]
    Pending,
    /// Everything of it went back, or is on its way.
    #[error("nothing of it is left to be refunded")]
    NothingLeft,
    /// The amount is in another currency than the order.
    #[error("must be in the order's currency")]
    OtherCurrency,
    /// The amount is nothing, or less.
    #[error("must be more than nothing")]
    NotPositive,
    /// The amount is more than is left.
    #[error("must be at most {0}")]
    TooMuch(Money),
    /// The rows do not add up to a representable sum.
    #[error("the order's amounts cannot be added up")]
    Money(#[from] MoneyError),
}

/// Decides what becomes of an ask: the refund, and what is written.
///
/// # Errors
/// [`RefundRefusal`].
pub fn decide(
    file: &OrderFile,
    ask: &RefundAsk,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<(Refund, Plan), RefundRefusal> {
    let OrderState::Paid { at } = file.order.state else { return Err(RefundRefusal::NotPaid) };
    if ask.lines.as_ref().is_some_and(|lines| lines.iter().any(|line| file.line(*line).is_none())) {
        return Err(RefundRefusal::NoSuchLine);
    }
    if !ask.staff && now > at.saturating_add(ask.window).unwrap_or(Timestamp::MAX) {
        return Err(RefundRefusal::WindowOver);
    }
    let mut open = file.refunds.iter().filter(|refund| refund.state == RefundState::Requested);
    let many = open.clone().count() >= MAX_OPEN;
    if !ask.staff && (many || open.any(|refund| ask.is_same(refund))) {
        return Err(RefundRefusal::Pending);
    }
    let (amount, lines) = amount(file, ask)?;
    let payment = payment_of(file).filter(|_| !amount.is_zero());
    let refund = Refund {
        id: ids.make(),
        reason: RefundReason::Asked,
        note: Some(ask.note.clone()),
        asked_by: ask.actor(),
        amount,
        lines,
        revoke: ask.revoke,
        by_hand: payment.as_ref().is_some_and(|payment| file.is_by_hand(payment)),
        payment,
        account: Account::Sale,
        state: if ask.staff { RefundState::Approved } else { RefundState::Requested },
        reference: None,
        due: None,
        tries: 0,
        created_at: now,
        version: 1,
    };
    Ok(write(file, ask, refund, now, ids))
}

fn write(file: &OrderFile, ask: &RefundAsk, mut refund: Refund, now: Timestamp, ids: &mut Ids) -> (Refund, Plan) {
    let number = &file.order.number;
    let record = IdempotencyRecord {
        key: ask.key.clone(),
        fingerprint: ask.fingerprint.clone(),
        order: Some(number.clone()),
        refund: Some(refund.id.clone()),
        batch: None,
        forget_at: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
    };
    let mut plan = Plan::of(Write::Remember { owner: ask.by.clone(), record, now });
    plan.push(Write::SaveOrder(Box::new(file.order.touched())));
    let event = if ask.staff { "refund_approved" } else { "refund_requested" };
    plan.push(log_detail(number, event, ask.actor(), Some(said(&refund)), (now, ids)));
    if ask.staff {
        plan.writes.extend(set_off(file, &mut refund, now, ids));
    }
    plan.push(Write::CreateRefund(number.clone(), Box::new(refund.clone())));
    (refund, plan)
}

/// What the timeline tells staff of a refund.
pub(crate) fn said(refund: &Refund) -> String {
    let keeps = if refund.revoke { "" } else { ", access stays" };
    format!("{} of {}{keeps}", refund.id, refund.amount)
}

/// What an approved refund leads to: the processor is to be asked, or staff pay it back and confirm it; when there is
/// nothing to pay, it is done.
pub(crate) fn set_off(file: &OrderFile, refund: &mut Refund, now: Timestamp, ids: &mut Ids) -> Vec<Write> {
    let number = &file.order.number;
    if refund.by_hand || !refund.amount.is_zero() {
        // Codes are withdrawn at once: others could redeem them while the money is on its way.
        let mut writes = revoke_lines(file, &codes_to_withdraw(file, refund), ids.make(), now);
        if !refund.by_hand {
            let due = first_look(now);
            refund.due = Some(due);
            let work = Work::Refund(refund.id.clone());
            writes.push(Write::Owe(OutboxItem { id: ids.make(), order: number.clone(), work, due, resent: 0 }));
        }
        return writes;
    }
    refund.state = RefundState::Succeeded;
    let lines = lines_to_revoke(file, &[refund], false);
    let mut writes = revoke_lines(file, &lines, ids.make(), now);
    writes.push(log_detail(number, "refund_completed", Actor::System, Some(said(refund)), (now, ids)));
    writes
}

/// How much goes back, and the part of each line that was named.
fn amount(file: &OrderFile, ask: &RefundAsk) -> Result<(Money, Vec<RefundedLine>), RefundRefusal> {
    let currency = file.order.total.currency();
    if total(currency, ask.lines(file).map(|line| line.total))?.is_zero() {
        nothing_is_paid_back_once(file, ask)?;
        let part = |line: &OrderLine| RefundedLine { line: line.number, amount: Money::zero(currency) };
        let named = ask.lines.is_some();
        return Ok((Money::zero(currency), ask.lines(file).filter(|_| named).map(part).collect()));
    }
    let left = left_of(file, ask, Claims::Made)?;
    let unless_denied = left_of(file, ask, Claims::Approved)?;
    let amount = match ask.amount {
        None => left,
        Some(amount) => bounded(amount, left, unless_denied)?,
    };
    if amount.is_zero() || amount.is_negative() {
        let waits = !unless_denied.is_zero() && !unless_denied.is_negative();
        return Err(if waits { RefundRefusal::Pending } else { RefundRefusal::NothingLeft });
    }
    Ok((amount, parts(file, ask, amount)?))
}

/// What is left of what is asked for: no more than is left of the order.
fn left_of(file: &OrderFile, ask: &RefundAsk, claims: Claims) -> Result<Money, MoneyError> {
    let order = left(file, claims, None)?;
    if ask.lines.is_none() {
        return Ok(order);
    }
    let lines = ask.lines(file).map(|line| left_of_line(file, line, claims)).collect::<Result<Vec<_>, _>>()?;
    total(order.currency(), lines)?.at_most(order)
}

/// The amount that is asked for, if it is one of what is `left`.
fn bounded(amount: Money, left: Money, unless_denied: Money) -> Result<Money, RefundRefusal> {
    if amount.currency() != left.currency() {
        return Err(RefundRefusal::OtherCurrency);
    }
    if amount.is_zero() || amount.is_negative() {
        return Err(RefundRefusal::NotPositive);
    }
    match left.minor() {
        units if amount.minor() <= units => Ok(amount),
        _ if amount.minor() <= unless_denied.minor() => Err(RefundRefusal::Pending),
        ..=0 => Err(RefundRefusal::NothingLeft),
        _ => Err(RefundRefusal::TooMuch(left)),
    }
}

/// The amount over the lines named, by what is left of each.
fn parts(file: &OrderFile, ask: &RefundAsk, amount: Money) -> Result<Vec<RefundedLine>, MoneyError> {
    if ask.lines.is_none() {
        return Ok(Vec::new());
    }
    let numbers: Vec<u32> = ask.lines(file).map(|line| line.number).collect();
    let lefts = ask.lines(file).map(|line| left_of_line(file, line, Claims::Made)).collect::<Result<Vec<_>, _>>()?;
    let weights: Vec<i64> = lefts.iter().map(|left| left.minor().max(0)).collect();
    let parts = amount.split(&weights)?;
    Ok(numbers.into_iter().zip(parts).map(|(line, amount)| RefundedLine { line, amount }).collect())
}

/// A refund of nothing takes places back, and so is made once.
fn nothing_is_paid_back_once(file: &OrderFile, ask: &RefundAsk) -> Result<(), RefundRefusal> {
    match ask.amount {
        Some(amount) if amount.currency() != file.order.total.currency() => return Err(RefundRefusal::OtherCurrency),
        Some(_) => return Err(RefundRefusal::NotPositive),
        None => {}
    }
    let of = |refund: &&Refund, line: u32| {
        refund.is_alive() && refund.amount.is_zero() && (refund.lines.is_empty() || refund.part_of(line).is_some())
    };
    let claims = |line: &OrderLine| file.refunds.iter().find(|refund| of(refund, line.number));
    let gives = |line: &OrderLine| file.gives(line.number);
    if ask.lines(file).any(|line| gives(line) && claims(line).is_none()) {
        return Ok(());
    }
    let waits = |refund: &Refund| refund.state == RefundState::Requested;
    let pending = ask.lines(file).filter_map(claims).any(waits);
    Err(if pending { RefundRefusal::Pending } else { RefundRefusal::NothingLeft })
}
