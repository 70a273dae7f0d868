//! The invariants, as checked functions over whole data: run by tests, the simulation, and the live auditor.
//!
//! I6 is kept by the state tables, I8 and I9 by the journeys in `tests/`; the others can be read off the data.

use std::collections::{BTreeMap, BTreeSet};

use crate::entitlement::{Entitlement, LineRef};
use crate::ledger::Account;
use crate::money::{Money, total};
use crate::offer::Offer;
use crate::order::{OrderFile, OrderState};
use crate::owned::owned_by;
use crate::product::{Kind, Product};
use crate::refund::{Refund, RefundState};
use crate::refundable::{Claims, left, left_of_line};
use crate::task::{Task, TaskState};
use crate::text::Sku;
use crate::uses::{Counted, Counter, Level, taken_by};
use crate::voucher::{Origin, Usage, Voucher};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which, such as `I2`.
    pub invariant: &'static str,
    /// Of what: an order number, SKU or owner.
    pub subject: String,
    /// What is wrong.
    pub detail: String,
}

/// All the data of a tenant that the invariants speak of.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Every order.
    pub orders: Vec<OrderFile>,
    /// Every product with its levels.
    pub products: Vec<Product>,
    /// Every entitlement.
    pub entitlements: Vec<Entitlement>,
    /// Every offer.
    pub offers: Vec<Offer>,
    /// Every voucher.
    pub vouchers: Vec<Voucher>,
    /// Every counter of uses.
    pub counters: BTreeMap<Counter, Level>,
}

/// Checks every invariant; empty is good.
#[must_use]
pub fn check(books: &Books) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut charges = BTreeSet::new();
    for file in &books.orders {
        payments_belong_to_one_order(file, &mut charges, &mut found);
        ledger_equals_total_less_refunds(file, &mut found);
        refunds_are_counted_and_within_what_was_captured(file, &mut found);
        no_line_is_silent(file, &mut found);
        amounts_are_the_snapshot(file, &mut found);
    }
    entitlements_rest_on_paid_lines(books, &mut found);
    codes_are_those_of_paid_lines(books, &mut found);
    units_are_within_their_limits(books, &mut found);
    uses_are_those_of_the_orders(books, &mut found);
    uses_are_within_their_limits(books, &mut found);
    found
}

fn violation(invariant: &'static str, subject: impl ToString, detail: impl Into<String>) -> Violation {
    Violation { invariant, subject: subject.to_string(), detail: detail.into() }
}

/// I1: a payment is counted once, and money that was not asked for has a refund or was parked for a human.
fn payments_belong_to_one_order(file: &OrderFile, charges: &mut BTreeSet<String>, found: &mut Vec<Violation>) {
    let order = &file.order.number;
    for entry in file.ledger.iter().filter(|entry| entry.cause.starts_with("charge:")) {
        if !charges.insert(entry.cause.clone()) {
            found.push(violation("I1", order, format!("{} is counted twice", entry.cause)));
        }
        let payment = entry.cause.trim_start_matches("charge:");
        let alive = |refund: &&Refund| !matches!(refund.state, RefundState::Failed | RefundState::Denied);
        let refund = file
            .refunds
            .iter()
            .filter(alive)
            .any(|refund| refund.payment.as_ref().is_some_and(|of| of.as_str() == payment));
        // After a refund that failed, a human gave it back on the processor's own page.
        let by_hand = format!("refunded:{payment}:");
        let went_back = file.ledger.iter().any(|entry| entry.cause.starts_with(&by_hand));
        let parked = file.events.iter().any(|event| event.outcome == "amount_mismatch");
        if entry.account == Account::Overpayment && !refund && !went_back && !parked {
            found.push(violation("I1", order, format!("overpayment {payment} has no refund")));
        }
    }
}

/// I2: what was charged for the order is its total, and no account is below nothing.
fn ledger_equals_total_less_refunds(file: &OrderFile, found: &mut Vec<Violation>) {
    let order = &file.order;
    let charged = file.ledger.iter().filter(|e| e.account == Account::Sale && e.is_charge());
    let charged = total(order.total.currency(), charged.map(|entry| entry.amount));
    let owed = match order.state {
        OrderState::Paid { .. } => order.total,
        OrderState::PendingPayment { .. } | OrderState::Cancelled { .. } | OrderState::Expired { .. } => {
            Money::zero(order.total.currency())
        }
    };
    if charged != Ok(owed) {
        found.push(violation("I2", &order.number, format!("charged {charged:?}, owed {owed}")));
    }
    for account in [Account::Sale, Account::Overpayment] {
        if file.balance(account).is_ok_and(Money::is_negative) {
            found.push(violation("I2", &order.number, format!("{account:?} is below nothing")));
        }
    }
}

/// I2: a refund is counted from when the processor took it until it takes its word back, no part of it is lost between
/// the lines, and no more is promised than was captured. What went back at the processor's own page asked nobody.
fn refunds_are_counted_and_within_what_was_captured(file: &OrderFile, found: &mut Vec<Violation>) {
    let (order, currency) = (&file.order.number, file.order.total.currency());
    for refund in &file.refunds {
        let taken = matches!(refund.state, RefundState::Submitted | RefundState::Succeeded);
        let counted = file.is_counted(&refund.cause()) && !file.is_counted(&refund.undone_cause());
        if counted != (taken && !refund.amount.is_zero()) {
            found.push(violation("I2", order, format!("{} is {:?}, counted: {counted}", refund.id, refund.state)));
        }
        let parts = total(currency, refund.lines.iter().map(|part| part.amount));
        if !refund.lines.is_empty() && parts != Ok(refund.amount) {
            found.push(violation("I2", order, format!("{} is not the sum of its lines", refund.id)));
        }
    }
    for line in &file.order.lines {
        if left_of_line(file, line, Claims::Approved).is_ok_and(Money::is_negative) {
            found.push(violation("I2", order, format!("more than line {} is refunded", line.number)));
        }
    }
    let elsewhere = file.ledger.iter().any(|entry| entry.cause.starts_with("refunded:"));
    if !elsewhere && left(file, Claims::Approved, None).is_ok_and(Money::is_negative) {
        found.push(violation("I2", order, "more is to be refunded than was captured"));
    }
}

/// I3: every line of a paid order has its tasks; each is done, waits for a moment, or is parked with a reason.
fn no_line_is_silent(file: &OrderFile, found: &mut Vec<Violation>) {
    let paid = matches!(file.order.state, OrderState::Paid { .. });
    for line in &file.order.lines {
        let there: Vec<u32> = file.tasks_of(line.number).map(|task| task.part).collect();
        let due = if paid { line.errands() } else { Vec::new() };
        if there != due {
            let detail = format!("line {} has the tasks {there:?}, and should have {due:?}", line.number);
            found.push(violation("I3", &file.order.number, detail));
        }
    }
}

/// I7: the lines add up to the total that is charged.
fn amounts_are_the_snapshot(file: &OrderFile, found: &mut Vec<Violation>) {
    let order = &file.order;
    if order.pricing().map(|pricing| pricing.total) != Ok(order.total) {
        found.push(violation("I7", &order.number, "the lines do not add up to the total"));
    }
    for line in &order.lines {
        let tax = line.tax.map_or(Money::zero(order.total.currency()), |tax| tax.on_top());
        let list = line.unit_price.times(line.quantity.get());
        if list.and_then(|list| list.minus(line.discount)).and_then(|net| net.plus(tax)) != Ok(line.total) {
            found.push(violation("I7", &order.number, format!("line {} does not add up", line.number)));
        }
    }
}

/// I4: every line of an entitlement is paid and not taken back, and every paid line has its entitlement.
fn entitlements_rest_on_paid_lines(books: &Books, found: &mut Vec<Violation>) {
    let mut paying = BTreeSet::new();
    for file in &books.orders {
        for owned in owned_by(&file.order, |line| file.gives(line.number)) {
            for line in &owned.lines {
                paying.insert((file.order.owner.clone(), owned.sku.clone(), line.key()));
            }
        }
    }
    let mut owned = BTreeSet::new();
    for entitlement in &books.entitlements {
        for line in &entitlement.lines {
            owned.insert((entitlement.owner.clone(), entitlement.sku.clone(), line.clone()));
        }
    }
    for (owner, sku, line) in owned.difference(&paying) {
        found.push(violation("I4", owner, format!("{sku} rests on {line}, which does not pay for it")));
    }
    for (owner, sku, line) in paying.difference(&owned) {
        found.push(violation("I4", owner, format!("{line} paid for {sku}, which is not owned")));
    }
}

/// I4: a line that sold enrolment codes has just as many, and there are no others.
fn codes_are_those_of_paid_lines(books: &Books, found: &mut Vec<Violation>) {
    let mut made: BTreeMap<&LineRef, u32> = BTreeMap::new();
    for voucher in &books.vouchers {
        if let Some(Origin::Line(line)) = &voucher.origin {
            let count = made.entry(line).or_default();
            *count = count.saturating_add(1);
        }
    }
    for file in &books.orders {
        for line in file.order.lines.iter().filter(|line| line.kind == Kind::EnrollmentCode) {
            let reference = line.reference(&file.order.number);
            let done = |task: &Task| matches!(task.state, TaskState::Granted { .. });
            let (count, granted) = (made.remove(&reference).unwrap_or(0), file.tasks_of(line.number).any(done));
            if count > line.quantity.get() || (granted && count != line.quantity.get()) {
                found.push(violation("I4", reference.key(), format!("{count} codes, {} sold", line.quantity.get())));
            }
        }
    }
    for line in made.keys() {
        found.push(violation("I4", line.key(), "codes of a line that sold none"));
    }
}

/// I5: available, held and sold units add up to the quantity, and are those of the orders.
fn units_are_within_their_limits(books: &Books, found: &mut Vec<Violation>) {
    let mut counted: BTreeMap<(Sku, u32), (u32, u32)> = BTreeMap::new();
    for file in &books.orders {
        for line in &file.order.lines {
            let Some(record) = line.stock else { continue };
            let count = counted.entry((line.sku.clone(), record)).or_default();
            match file.order.state {
                OrderState::PendingPayment { .. } => count.0 = count.0.saturating_add(line.quantity.get()),
                OrderState::Paid { .. } => count.1 = count.1.saturating_add(line.quantity.get()),
                OrderState::Cancelled { .. } | OrderState::Expired { .. } => {}
            }
        }
    }
    for product in &books.products {
        for (record, level) in &product.levels {
            let (held, sold) = counted.remove(&(product.sku.clone(), *record)).unwrap_or_default();
            if (level.held, level.sold) != (held, sold) {
                let detail = format!("stock {record} says {level:?}, the orders say held {held}, sold {sold}");
                found.push(violation("I5", &product.sku, detail));
            }
            let quantity = product.stock.iter().find(|r| r.number == *record).and_then(|r| r.quantity);
            let sum = level.available.saturating_add(level.held).saturating_add(level.sold);
            if quantity.is_some_and(|quantity| quantity != sum) {
                found.push(violation("I5", &product.sku, format!("stock {record} adds up to {sum}, not {quantity:?}")));
            }
        }
    }
}

/// I5: every counter of uses is what unpaid and paid orders have together.
fn uses_are_those_of_the_orders(books: &Books, found: &mut Vec<Violation>) {
    let mut counted: BTreeMap<Counter, Level> = BTreeMap::new();
    for file in &books.orders {
        match file.order.state {
            OrderState::PendingPayment { .. } | OrderState::Paid { .. } => {}
            OrderState::Cancelled { .. } | OrderState::Expired { .. } => continue,
        }
        for (counter, uses, given) in taken_by(&file.order) {
            let level = counted.entry(counter).or_default();
            level.taken = level.taken.saturating_add(uses);
            level.given = level.given.saturating_add(given);
        }
    }
    for (counter, level) in &books.counters {
        let orders = counted.remove(counter).unwrap_or_default();
        if *level != orders {
            found.push(violation("I5", name(counter), format!("counted {level:?}, the orders have {orders:?}")));
        }
    }
    for (counter, orders) in counted {
        found.push(violation("I5", name(&counter), format!("not counted, the orders have {orders:?}")));
    }
}

/// I5: no offer and no voucher is used more often than it may be.
fn uses_are_within_their_limits(books: &Books, found: &mut Vec<Violation>) {
    let mut over = |counter: &Counter, level: &Level, most: Option<u32>, money: Option<i64>| {
        if most.is_some_and(|most| level.taken > most) || money.is_some_and(|most| level.given > most) {
            found.push(violation("I5", name(counter), format!("{level:?} is beyond {most:?} uses, {money:?}")));
        }
    };
    for (counter, level) in &books.counters {
        let (counted, by_user) = match counter {
            Counter::All(counted) => (counted, false),
            Counter::Of(_, counted) => (counted, true),
        };
        match counted {
            Counted::Offer { id, automatic } => {
                let offer = books.offers.iter().find(|offer| offer.id == *id && offer.automatic == *automatic);
                let Some(limits) = offer.map(|offer| offer.limits) else { continue };
                // A limit for each user may be set below what a user has used before.
                if !by_user {
                    over(counter, level, limits.max_uses, limits.max_discount.map(Money::minor));
                }
            }
            Counted::Voucher(code) => {
                let Some(voucher) = books.vouchers.iter().find(|voucher| voucher.code == *code) else { continue };
                let once = voucher.usage == Usage::OncePerCustomer;
                over(counter, level, Some(if by_user && once { 1 } else { voucher.most() }), None);
            }
        }
    }
}

fn name(counter: &Counter) -> String {
    let counted = |counted: &Counted| match counted {
        Counted::Offer { id, .. } => format!("offer {id}"),
        Counted::Voucher(code) => format!("voucher {code}"),
    };
    match counter {
        Counter::All(of) => counted(of),
        Counter::Of(user, of) => format!("{} of {user}", counted(of)),
    }
}
