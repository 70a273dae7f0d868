//! Starting a checkout: one transaction makes the order, holds limited stock, freezes the basket and remembers the
//! request (I5, I6, I7). A total of nothing is paid at once.

use jiff::{SignedDuration, Timestamp};

use crate::attempt::{Attempt, AttemptState};
use crate::basket::{Basket, BasketLine, BasketStatus, MAX_LINES};
use crate::cancel_order;
use crate::due::FIRST_LOOK;
use crate::id::{Ids, OrderNumber};
use crate::idempotency::{IdempotencyRecord, REMEMBERED};
use crate::journal::LogEntry;
use crate::money::{Money, MoneyError};
use crate::offer::Offer;
use crate::order::{Order, OrderFile, OrderLine, OrderState};
use crate::owned::{Owned, owned_by};
use crate::owner::{Actor, UserId};
use crate::part::Part;
use crate::payment::{Flow, ProcessorName};
use crate::places::{Places, Whereabouts};
use crate::plan::{OutboxItem, Pile, Plan, Shift, Work, Write};
use crate::pricing::{PricedLine, Pricing};
use crate::product::Product;
use crate::promotion::{Buyer, Misfit, fits};
use crate::task::Task;
use crate::text::{Sku, Username};
use crate::uses::{Hold, take};
use crate::voucher::Entered;

/// How long an order waits for payment, and holds its stock: longer than the session below, so that a payment made in
/// its last second still finds the order open.
pub const PAY_WITHIN: SignedDuration = SignedDuration::from_mins(40);
/// How long a payment session lives at the processor. Stripe takes no less than 30 minutes.
pub const SESSION_LIVES: SignedDuration = SignedDuration::from_mins(35);

/// Who checks out, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The buyer.
    pub owner: UserId,
    /// The buyer's name at the LMS.
    pub username: Username,
    /// The buyer's address.
    pub email: Option<String>,
    /// The processor that the buyer chose.
    pub processor: ProcessorName,
    /// How the buyer pays.
    pub flow: Flow,
    /// How long the order waits for the money: [`PAY_WITHIN`], unless people move it.
    pub pay_within: SignedDuration,
    /// Where the browser goes afterwards.
    pub return_url: String,
    /// The request's idempotency key, with its route.
    pub key: String,
    /// The digest of the request.
    pub fingerprint: String,
    /// The basket version that the buyer saw.
    pub seen: Option<u64>,
    /// The total that the buyer saw.
    pub shown: Option<Money>,
    /// Where the buyer is.
    pub at: Whereabouts,
}

impl Checkout {
    /// The buyer as offers see them, with what they bought and used before.
    #[must_use]
    pub fn buyer(&self, known: &Buyer) -> Buyer {
        let (id, username) = (Some(self.owner.clone()), Some(self.username.clone()));
        Buyer { id, username, email: self.email.clone(), ..known.clone() }
    }
}

/// Why a checkout is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutRefusal {
    /// Nothing to buy.
    #[error("the basket is empty")]
    EmptyBasket,
    /// The basket is not what the buyer saw.
    #[error("the basket or a price in it was changed; look at it again")]
    BasketChanged,
    /// A code that was entered cannot be used any more, whatever is in the basket.
    #[error("a code cannot be used any more")]
    VoucherLapsed,
    /// The total is not the one that the buyer saw.
    #[error("the total is {0} now; look at it again")]
    PriceChanged(Money),
    /// More than one order can give.
    #[error("a basket holds at most 20 products, those of bundles counted; bundles in it have grown")]
    TooMuch,
    /// Not sold where the buyer is.
    #[error("{0} cannot be sold to this country")]
    Blocked(Sku),
    /// The amounts cannot be represented.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What a checkout is decided on.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The buyer's basket.
    pub basket: Option<&'a Basket>,
    /// The order that this checkout gives up, whose session was ended at the processor before.
    pub replaced: Option<&'a OrderFile>,
    /// The offers that need no code.
    pub automatic: &'a [Offer],
    /// What is known of the buyer.
    pub buyer: &'a Buyer,
    /// What is taxed and sold where.
    pub places: &'a Places,
}

/// Decides a checkout.
///
/// # Errors
/// [`CheckoutRefusal`].
pub fn decide(
    situation: &Situation<'_>,
    checkout: &Checkout,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<(OrderFile, Plan), CheckoutRefusal> {
    let basket = situation.basket.filter(|basket| !basket.lines.is_empty()).ok_or(CheckoutRefusal::EmptyBasket)?;
    if checkout.seen.is_some_and(|seen| seen != basket.version) {
        return Err(CheckoutRefusal::BasketChanged);
    }
    // Uses of an order that ended meanwhile were given back already.
    let held = situation.replaced.map(|file| file.order.reservations.clone()).unwrap_or_default();
    let basket = &Basket { held, ..basket.clone() };
    sold_there(basket, situation.places, &checkout.at)?;
    // Bundles may have grown since they were put in; the payment's transaction must hold all that they give.
    if basket.lines.iter().map(|line| line.product.weight()).sum::<usize>() > MAX_LINES {
        return Err(CheckoutRefusal::TooMuch);
    }
    let tax = situation.places.tax(&checkout.at);
    let priced = basket.priced(situation.automatic, situation.buyer, tax, now)?;
    let pricing = priced.pricing.filter(|_| priced.unavailable.is_empty()).ok_or(CheckoutRefusal::BasketChanged)?;
    let lapsed = |entered: &&Entered| {
        let misfit = fits(basket, entered, situation.buyer, now).err();
        misfit.is_some_and(|misfit| misfit != Misfit::NotForBasket)
    };
    if basket.vouchers.iter().any(|entered| lapsed(&entered)) {
        return Err(CheckoutRefusal::VoucherLapsed);
    }
    if checkout.shown.is_some_and(|shown| shown != pricing.total) {
        return Err(CheckoutRefusal::PriceChanged(pricing.total));
    }
    let number: OrderNumber = ids.make();
    let mut frozen = freeze(basket, number.clone(), now);
    frozen.held.clone_from(&priced.reservations);
    let mut file = OrderFile::new(order(number.clone(), &frozen, &pricing, checkout, now));
    let mut plan = Plan::default();
    reserve(&file.order, basket, &mut plan);
    plan.extend(take(&file.order, Hold::Fresh, now));
    if let Some(replaced) = situation.replaced {
        plan.extend(cancel_order::writes(replaced, Actor::System, "order_replaced", now, ids).unwrap_or_default());
    }
    plan.push(log(&file.order, "order_placed", Actor::Learner, now, ids));
    if pricing.total.is_zero() {
        pay_nothing(&mut file, &frozen, &mut plan, now, ids);
    } else {
        open_attempt(&mut file, checkout, &mut plan, now, ids);
        plan.push(Write::SaveBasket { basket: Box::new(frozen), expect: Some(basket.version) });
    }
    plan.push(Write::CreateOrder(Box::new(file.order.clone())));
    plan.push(remember(checkout, number, now));
    Ok((file, plan))
}

/// Whether everything in a basket is sold where the buyer is.
///
/// # Errors
/// [`CheckoutRefusal::Blocked`].
pub fn sold_there(basket: &Basket, places: &Places, at: &Whereabouts) -> Result<(), CheckoutRefusal> {
    let blocked = |line: &&BasketLine| places.block(at, &line.product);
    let found = basket.lines.iter().find(blocked);
    found.map_or(Ok(()), |line| Err(CheckoutRefusal::Blocked(line.product.sku.clone())))
}

fn freeze(basket: &Basket, order: OrderNumber, now: Timestamp) -> Basket {
    let version = basket.version.saturating_add(1);
    Basket { status: BasketStatus::Frozen { order }, version, touched_at: now, ..basket.clone() }
}

fn order(number: OrderNumber, basket: &Basket, pricing: &Pricing, checkout: &Checkout, now: Timestamp) -> Order {
    let lines = basket.lines.iter().zip(&pricing.lines).zip(1..);
    Order {
        number,
        owner: checkout.owner.clone(),
        username: checkout.username.clone(),
        email: checkout.email.clone(),
        state: OrderState::PendingPayment { pay_by: now.saturating_add(checkout.pay_within).unwrap_or(Timestamp::MAX) },
        basket: basket.id.clone(),
        basket_version: basket.version,
        lines: lines.map(|((line, priced), number)| order_line(number, &line.product, priced, now)).collect(),
        total: pricing.total,
        reservations: basket.held.clone(),
        manual: None,
        imported_as: None,
        attempt: None,
        at: checkout.at.clone(),
        placed_at: now,
        version: 1,
    }
}

/// The snapshot of a priced line.
pub(crate) fn order_line(number: u32, product: &Product, priced: &PricedLine, now: Timestamp) -> OrderLine {
    let Part { sku, title, kind, course_key, mode, course_uuid, credit_provider, blocked_countries: _ } =
        Part::of(product);
    OrderLine {
        number,
        sku,
        title,
        kind,
        course_key,
        mode,
        course_uuid,
        credit_provider,
        parts: product.contains.clone(),
        quantity: priced.quantity,
        unit_price: priced.unit_price,
        applied: priced.applied.clone(),
        discount: priced.discount,
        tax: priced.tax,
        total: priced.total,
        stock: product.offer_at(now).filter(|record| record.quantity.is_some()).map(|record| record.number),
    }
}

/// Holds limited units, and makes sure that every product is still the one that was priced and is not owned already.
fn reserve(order: &Order, basket: &Basket, plan: &mut Plan) {
    for (line, source) in order.lines.iter().zip(&basket.lines) {
        // A free order is paid at once: nothing is held in between.
        let to = if order.total.is_zero() { Pile::Sold } else { Pile::Held };
        let shifts = shift(line, Pile::Available, to).into_iter().collect();
        plan.push(Write::MoveStock { sku: line.sku.clone(), version: Some(source.product.version), shifts });
        // A free order grants at once, and the grant's own condition says the same.
        if line.kind.is_personal() && !order.total.is_zero() {
            plan.push(Write::CheckNotOwned { owner: order.owner.clone(), sku: line.sku.clone() });
        }
    }
}

/// A move of the line's units, if it is of limited stock.
pub(crate) fn shift(line: &OrderLine, from: Pile, to: Pile) -> Option<Shift> {
    line.stock.map(|record| Shift { record, from, to, count: line.quantity.get() })
}

/// The write that moves the units of a line of limited stock.
#[must_use]
pub fn move_units(line: &OrderLine, from: Pile, to: Pile) -> Option<Write> {
    let shifts = vec![shift(line, from, to)?];
    Some(Write::MoveStock { sku: line.sku.clone(), version: None, shifts })
}

fn open_attempt(file: &mut OrderFile, checkout: &Checkout, plan: &mut Plan, now: Timestamp, ids: &mut Ids) {
    let lives = if checkout.processor.is_by_hand() { checkout.pay_within } else { SESSION_LIVES };
    let attempt = Attempt {
        id: ids.make(),
        processor: checkout.processor,
        flow: checkout.flow,
        state: AttemptState::Created,
        session: None,
        payment: None,
        next: None,
        return_url: checkout.return_url.replace("{order_number}", file.order.number.as_str()),
        session_ends_at: now.saturating_add(lives).unwrap_or(Timestamp::MAX),
        last_decline: None,
        created_at: now,
        version: 1,
    };
    file.order.attempt = Some(attempt.id.clone());
    plan.push(Write::CreateAttempt(file.order.number.clone(), Box::new(attempt.clone())));
    file.attempts.push(attempt);
}

/// A free order is paid at once: no processor, its places granted, its basket emptied.
fn pay_nothing(file: &mut OrderFile, basket: &Basket, plan: &mut Plan, now: Timestamp, ids: &mut Ids) {
    pay_at_once(file, plan, now, ids);
    let empty = Basket::empty(ids.make(), basket.owner.clone(), basket.version, now);
    plan.push(Write::SaveBasket { basket: Box::new(empty), expect: Some(basket.version.saturating_sub(1)) });
}

/// Makes an order of nothing a paid one, with its places granted.
pub(crate) fn pay_at_once(file: &mut OrderFile, plan: &mut Plan, now: Timestamp, ids: &mut Ids) {
    let order = &mut file.order;
    order.state = OrderState::Paid { at: now };
    plan.push(log(order, "order_paid", Actor::System, now, ids));
    plan.writes.extend(grant_lines(order, true, now, ids));
    file.tasks = tasks(order, now).map(|task| (task.key(), task)).collect();
}

/// What being paid means for the lines: a task each, the entitlement each rests on, and one message. With `first`, the
/// learner must own nothing of it yet: for orders that need not be honoured otherwise.
pub(crate) fn grant_lines(order: &Order, first: bool, now: Timestamp, ids: &mut Ids) -> Vec<Write> {
    let mut writes: Vec<Write> = tasks(order, now).map(|task| Write::CreateTask(order.number.clone(), task)).collect();
    let owner = &order.owner;
    for Owned { sku, place, sole, lines } in owned_by(order, |_| true) {
        writes.push(Write::Grant { owner: owner.clone(), sku, lines, place, first: first && sole });
    }
    let (order, due) = (order.number.clone(), first_look(now));
    writes.push(Write::Owe(OutboxItem { id: ids.make(), order, work: Work::Fulfil, due, resent: 0 }));
    writes
}

/// The tasks of a paid order: one for each thing that its lines give.
fn tasks(order: &Order, now: Timestamp) -> impl Iterator<Item = Task> {
    let due = first_look(now);
    let of = move |line: &OrderLine| -> Vec<Task> {
        line.errands().into_iter().map(|part| Task::new(line.number, part, now, due)).collect()
    };
    order.lines.iter().flat_map(of)
}

pub(crate) fn first_look(now: Timestamp) -> Timestamp {
    now.saturating_add(FIRST_LOOK).unwrap_or(Timestamp::MAX)
}

/// The record by which the same key finds the order again.
#[must_use]
pub fn remember(checkout: &Checkout, order: OrderNumber, now: Timestamp) -> Write {
    let record = IdempotencyRecord {
        key: checkout.key.clone(),
        fingerprint: checkout.fingerprint.clone(),
        order: Some(order),
        refund: None,
        batch: None,
        forget_at: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
    };
    Write::Remember { owner: checkout.owner.clone(), record, now }
}

/// A line of the order's timeline.
pub(crate) fn log(order: &Order, event: &str, actor: Actor, now: Timestamp, ids: &mut Ids) -> Write {
    log_detail(&order.number, event, actor, None, (now, ids))
}

/// A line of the timeline with what only staff may see.
pub(crate) fn log_detail(
    order: &OrderNumber,
    event: &str,
    actor: Actor,
    detail: Option<String>,
    (now, ids): (Timestamp, &mut Ids),
) -> Write {
    let event = event.to_owned();
    Write::Log(order.clone(), LogEntry { id: ids.make(), at: now, actor, event, line: None, detail })
}
