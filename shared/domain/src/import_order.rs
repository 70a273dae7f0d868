//! Importing an order that was paid in a shop which is given up: it keeps its number and its dates, and nothing happens
//! because of it. Nobody is charged, enrolled or written to.
//!
//! The order is as it would be had it been paid here: ledger, tasks and entitlements are there, so that refunds and the
//! auditor know it (I1, I2, I3, I4, I7). What it sold is of no stock of ours. Money goes back by hand: whoever took it cannot
//! be asked any more.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::course_key::CourseKey;
use crate::id::{Ids, OrderNumber};
use crate::journal::{LogEntry, ProcessorEventRecord};
use crate::ledger::{Account, LedgerEntry};
use crate::money::{Money, MoneyError, total};
use crate::order::{Order, OrderFile, OrderLine, OrderState};
use crate::owner::{Actor, UserId};
use crate::payment::ProcessorName;
use crate::places::Whereabouts;
use crate::plan::{Plan, Write};
use crate::pricing::Applied;
use crate::product::Kind;
use crate::quantity::Quantity;
use crate::refund::{Refund, RefundReason, RefundState};
use crate::task::{Task, TaskState};
use crate::text::{BadText, BankReference, Email, LegacyNumber, Mode, ProcessorRef, Sku, Title, Username};
use crate::uses::{Hold, Reservation, take};
use crate::voucher::Entered;

/// The most orders that one request imports.
pub const MOST: usize = 25;
/// The most lines of an order.
const MOST_LINES: usize = 20;
/// The most refunds of an order.
const MOST_REFUNDS: usize = 10;
/// What an imported line names as the offer that lowered its price.
pub const IMPORTED: &str = "imported";

/// A line as it was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedLine {
    /// What was bought.
    pub sku: Sku,
    /// Its title then.
    pub title: Title,
    /// The course run of a seat.
    pub course_key: Option<CourseKey>,
    /// The course's UUID at the LMS, of an entitlement.
    pub course_uuid: Option<String>,
    /// The mode.
    pub mode: Mode,
    /// What it cost before anything was taken off.
    pub price: Money,
    /// What was taken off.
    pub discount: Money,
    /// When access was taken back, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRefund {
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// A paid order of another shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedOrder {
    /// Its number there.
    pub legacy: LegacyNumber,
    /// Whose it is.
    pub owner: UserId,
    /// The learner's name at the LMS.
    pub username: Username,
    /// The learner's address.
    pub email: Option<Email>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// What was bought.
    pub lines: Vec<ImportedLine>,
    /// What the payment was called there; none for an order of nothing.
    pub payment: Option<BankReference>,
    /// What went back.
    pub refunds: Vec<ImportedRefund>,
    /// The code that was redeemed, with its offer.
    pub voucher: Option<Entered>,
    /// Who imports it.
    pub by: UserId,
}

/// Why an order cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// Nothing was bought, or more than an order holds.
    #[error("lines must be 1 to 20, refunds at most 10")]
    Size,
    /// A product stands twice: a learner has one of it.
    #[error("a product must stand once")]
    Twice,
    /// What the code's offer may give in all is in another currency.
    #[error("the voucher's offer counts money of another currency")]
    OfferCurrency,
    /// A line names no place.
    #[error("a line must have a course_key or a course_uuid")]
    NoPlace,
    /// The dates cannot be so.
    #[error("placed_at must not be after paid_at, nor anything in the future, nor before the order was paid")]
    Dates,
    /// An amount is below nothing, or more went off or back than there was.
    #[error("amounts must not be below nothing, nor more be taken off or paid back than there was")]
    Amounts,
    /// An order with a total has no payment, or one of nothing has one.
    #[error("an order has a payment if its total is more than nothing, and only then")]
    Payment,
    /// The amounts do not go together.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A name of ours is none.
    #[error(transparent)]
    Name(#[from] BadText),
}

/// Decides an import: the order, and what is written.
///
/// `ids` are of the time at which the order was placed, so that it stands among others by its age.
///
/// # Errors
/// [`ImportRefusal`].
pub fn decide(import: &ImportedOrder, now: Timestamp, ids: &mut Ids) -> Result<(OrderFile, Plan), ImportRefusal> {
    check(import, now)?;
    let order = order(import, ids)?;
    let back = refunded(import, &order)?;
    if back.is_negative() || import.payment.is_some() == order.total.is_zero() {
        return Err(if back.is_negative() { ImportRefusal::Amounts } else { ImportRefusal::Payment });
    }
    let mut plan = Plan::default();
    let number = order.number.clone();
    plan.push(Write::ClaimLegacy { legacy: import.legacy.clone(), order: number.clone() });
    if let Some(payment) = &import.payment {
        let payment = &ours(payment)?;
        plan.writes.extend(paid(import, &order, payment));
        plan.writes.extend(import.refunds.iter().flat_map(|refund| gone_back(&order, payment, refund, ids)));
    }
    for (line, imported) in order.lines.iter().zip(&import.lines) {
        plan.writes.extend(place(&order, line, imported, import.paid_at));
    }
    plan.extend(take(&order, Hold::Again, import.placed_at));
    let mut log = |event: &str, at, actor, detail| {
        let entry = LogEntry { id: ids.make(), at, actor, event: event.to_owned(), line: None, detail };
        Write::Log(number.clone(), entry)
    };
    let legacy = Some(import.legacy.to_string());
    plan.push(log("order_placed", import.placed_at, Actor::Learner, None));
    plan.push(log("order_paid", import.paid_at, Actor::System, None));
    plan.push(log("order_imported", now, Actor::Staff(import.by.clone()), legacy));
    plan.push(Write::CreateOrder(Box::new(order.clone())));
    Ok((OrderFile::new(order), plan))
}

/// The payment's name here: no other processor's, and no bank's.
fn ours(payment: &BankReference) -> Result<ProcessorRef, BadText> {
    format!("imported:{payment}").parse()
}

fn check(import: &ImportedOrder, now: Timestamp) -> Result<(), ImportRefusal> {
    if !(1..=MOST_LINES).contains(&import.lines.len()) || import.refunds.len() > MOST_REFUNDS {
        return Err(ImportRefusal::Size);
    }
    let refunded = import.refunds.iter().map(|refund| refund.at);
    let revoked = import.lines.iter().filter_map(|line| line.revoked_at);
    let later = refunded.chain(revoked).chain([import.paid_at]);
    if import.placed_at > import.paid_at || later.into_iter().any(|at| at < import.paid_at || at > now) {
        return Err(ImportRefusal::Dates);
    }
    if import.lines.iter().any(|line| line.course_key.is_some() == line.course_uuid.is_some()) {
        return Err(ImportRefusal::NoPlace);
    }
    let skus: BTreeSet<&Sku> = import.lines.iter().map(|line| &line.sku).collect();
    if skus.len() < import.lines.len() {
        return Err(ImportRefusal::Twice);
    }
    let below = |amount: &Money| amount.is_negative();
    let amounts = import.lines.iter().flat_map(|line| [line.price, line.discount]);
    let positive = import.refunds.iter().all(|refund| !refund.amount.is_zero() && !below(&refund.amount));
    if amounts.into_iter().any(|amount| below(&amount)) || !positive {
        return Err(ImportRefusal::Amounts);
    }
    Ok(())
}

fn order(import: &ImportedOrder, ids: &mut Ids) -> Result<Order, ImportRefusal> {
    let lines = import.lines.iter().zip(1..).map(|(line, number)| order_line(import, line, number));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let currency = lines.first().map(|line| line.total.currency()).ok_or(ImportRefusal::Size)?;
    let given = total(currency, lines.iter().map(|line| line.discount))?;
    let counted = import.voucher.as_ref().and_then(|entered| entered.offer.limits.max_discount);
    if counted.is_some_and(|most| most.currency() != currency) {
        return Err(ImportRefusal::OfferCurrency);
    }
    let reservation = |entered: &Entered| Reservation::of(&entered.offer, Some(&entered.voucher), given);
    Ok(Order {
        number: ids.make(),
        owner: import.owner.clone(),
        username: import.username.clone(),
        email: import.email.as_ref().map(ToString::to_string),
        state: OrderState::Paid { at: import.paid_at },
        // There is no such basket, and a paid order asks for none.
        basket: ids.make(),
        basket_version: 0,
        total: total(currency, lines.iter().map(|line| line.total))?,
        lines,
        reservations: import.voucher.iter().map(reservation).collect(),
        manual: None,
        imported_as: Some(import.legacy.clone()),
        attempt: None,
        at: Whereabouts::default(),
        placed_at: import.placed_at,
        version: 1,
    })
}

fn order_line(import: &ImportedOrder, line: &ImportedLine, number: u32) -> Result<OrderLine, ImportRefusal> {
    let total = line.price.minus(line.discount)?;
    if total.is_negative() {
        return Err(ImportRefusal::Amounts);
    }
    let voucher = import.voucher.as_ref();
    let offer = voucher.map_or_else(|| IMPORTED.parse(), |entered| Ok(entered.offer.id.clone()))?;
    let code = voucher.map(|entered| entered.voucher.code.clone());
    let applied = Applied { offer, voucher: code, amount: line.discount };
    Ok(OrderLine {
        number,
        sku: line.sku.clone(),
        title: line.title.clone(),
        kind: if line.course_key.is_some() { Kind::Seat } else { Kind::Entitlement },
        course_key: line.course_key.clone(),
        mode: Some(line.mode.clone()),
        course_uuid: line.course_uuid.clone(),
        credit_provider: None,
        parts: Vec::new(),
        quantity: Quantity::ONE,
        unit_price: line.price,
        applied: (!line.discount.is_zero()).then_some(applied).into_iter().collect(),
        discount: line.discount,
        tax: None,
        total,
        stock: None,
    })
}

/// What is left of the total.
fn refunded(import: &ImportedOrder, order: &Order) -> Result<Money, MoneyError> {
    let back = total(order.total.currency(), import.refunds.iter().map(|refund| refund.amount))?;
    order.total.minus(back)
}

/// The payment: it is of this order alone, and nobody can be asked about it.
fn paid(import: &ImportedOrder, order: &Order, payment: &ProcessorRef) -> Vec<Write> {
    let (number, processor, at) = (order.number.clone(), ProcessorName::Imported, import.paid_at);
    let event = ProcessorEventRecord {
        processor,
        event: payment.clone(),
        event_type: "order_imported".to_owned(),
        outcome: "paid".to_owned(),
        at,
    };
    let entry = LedgerEntry { account: Account::Sale, amount: order.total, cause: format!("charge:{payment}"), at };
    vec![
        Write::ClaimPayment { order: number.clone(), processor, payment: payment.clone() },
        Write::RecordEvent(number.clone(), event),
        Write::PostLedger(number, entry),
    ]
}

fn gone_back(order: &Order, payment: &ProcessorRef, refund: &ImportedRefund, ids: &mut Ids) -> Vec<Write> {
    let made = Refund {
        id: ids.make(),
        reason: RefundReason::AtProcessor,
        note: None,
        asked_by: Actor::System,
        amount: refund.amount,
        lines: Vec::new(),
        revoke: false,
        by_hand: true,
        payment: Some(payment.clone()),
        account: Account::Sale,
        state: RefundState::Succeeded,
        reference: None,
        due: None,
        tries: 0,
        created_at: refund.at,
        version: 1,
    };
    let (amount, cause) = (refund.amount.negated(), made.cause());
    let entry = LedgerEntry { account: Account::Sale, amount, cause, at: refund.at };
    let number: OrderNumber = order.number.clone();
    vec![Write::PostLedger(number.clone(), entry), Write::CreateRefund(number, Box::new(made))]
}

/// The place that the line gave, or gave once. No message is owed: the LMS knows it already.
fn place(order: &Order, line: &OrderLine, imported: &ImportedLine, paid_at: Timestamp) -> Vec<Write> {
    let state = match imported.revoked_at {
        Some(at) => TaskState::Revoked { at },
        None => TaskState::Granted { at: paid_at },
    };
    // A later version than the first: it was worked, elsewhere, and can be taken back.
    let task = Task { state, version: 2, ..Task::new(line.number, 0, paid_at, paid_at) };
    let gives = task.gives();
    let mut writes = vec![Write::CreateTask(order.number.clone(), task)];
    if gives {
        let (owner, sku, lines) = (order.owner.clone(), line.sku.clone(), vec![line.reference(&order.number)]);
        writes.push(Write::Grant { owner, sku, lines, place: line.itself().place(), first: false });
    }
    writes
}
