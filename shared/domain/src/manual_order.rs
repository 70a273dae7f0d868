//! Orders that staff place for learners, who pay nothing: an order of its own for each place, granted in the transaction
//! that makes it, as a checkout of nothing is.
//!
//! The list price stays on the line, and what takes it off is explained as any other benefit (I7). Who did it and why is
//! part of the order.

use jiff::Timestamp;

use crate::id::{Ids, OrderNumber};
use crate::idempotency::{IdempotencyRecord, REMEMBERED};
use crate::money::MoneyError;
use crate::order::{Manual, Order, OrderFile, OrderState};
use crate::owner::{Actor, UserId};
use crate::places::Whereabouts;
use crate::plan::{Pile, Plan, Write};
use crate::pricing::{Benefit, Item, Pricing, Reduction, price};
use crate::product::{Availability, Product};
use crate::quantity::Quantity;
use crate::start_checkout::{log_detail, order_line, pay_at_once, shift};
use crate::text::{BadText, Email, Note, Username};

/// The most orders that one request places: as many as Registrar's clients send.
pub const MOST: usize = 25;

/// What an order of staff's names as the offer that takes its price off.
pub const STAFF_GRANT: &str = "staff-grant";

/// A place that staff give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualOrder {
    /// Whose it shall be.
    pub owner: UserId,
    /// The learner's name at the LMS.
    pub username: Username,
    /// The learner's address.
    pub email: Option<Email>,
    /// Who gives it.
    pub by: UserId,
    /// Why.
    pub reason: Note,
    /// The request's idempotency key with the place's number in it, in the namespace of `by`.
    pub key: String,
    /// The digest of the request.
    pub fingerprint: String,
}

/// Why a place is not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManualRefusal {
    /// It is not for one learner, or is not on sale.
    #[error("the product is not on sale")]
    NotForSale,
    /// No unit is left.
    #[error("nothing of it is left")]
    OutOfStock,
    /// The amounts cannot be represented.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A name of ours is none.
    #[error(transparent)]
    Name(#[from] BadText),
}

/// Decides an order of staff's.
///
/// # Errors
/// [`ManualRefusal`].
pub fn decide(
    product: &Product,
    ask: &ManualOrder,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<(OrderFile, Plan), ManualRefusal> {
    if !product.kind.is_personal() {
        return Err(ManualRefusal::NotForSale);
    }
    match product.availability(now) {
        Availability::NotForSale => return Err(ManualRefusal::NotForSale),
        Availability::Limited(0) => return Err(ManualRefusal::OutOfStock),
        Availability::Limited(_) | Availability::Unlimited => {}
    }
    let pricing = given(product, now)?;
    let mut file = OrderFile::new(order(product, ask, &pricing, now, ids));
    let mut plan = Plan::default();
    for line in &file.order.lines {
        let shifts = shift(line, Pile::Available, Pile::Sold).into_iter().collect();
        plan.push(Write::MoveStock { sku: line.sku.clone(), version: Some(product.version), shifts });
    }
    let (number, by, why) = (file.order.number.clone(), Actor::Staff(ask.by.clone()), ask.reason.to_string());
    plan.push(log_detail(&number, "order_placed", by, Some(why), (now, ids)));
    pay_at_once(&mut file, &mut plan, now, ids);
    plan.push(Write::CreateOrder(Box::new(file.order.clone())));
    plan.push(remember(ask, number, now));
    Ok((file, plan))
}

/// The product at its list price, of which all is taken off: no tax is due on nothing.
fn given(product: &Product, now: Timestamp) -> Result<Pricing, ManualRefusal> {
    let unit_price = product.offer_at(now).ok_or(ManualRefusal::NotForSale)?.price;
    let item = Item { sku: product.sku.clone(), quantity: Quantity::ONE, unit_price };
    let benefit = Benefit {
        offer: STAFF_GRANT.parse()?,
        voucher: None,
        skus: Vec::new(),
        reduction: Reduction::Free,
        max_discount: None,
    };
    Ok(price(unit_price.currency(), &[item], &[benefit], None)?)
}

fn order(product: &Product, ask: &ManualOrder, pricing: &Pricing, now: Timestamp, ids: &mut Ids) -> Order {
    let lines = pricing.lines.iter().zip(1..);
    Order {
        number: ids.make(),
        owner: ask.owner.clone(),
        username: ask.username.clone(),
        email: ask.email.as_ref().map(ToString::to_string),
        state: OrderState::Paid { at: now },
        // There is no such basket, and a paid order asks for none.
        basket: ids.make(),
        basket_version: 0,
        lines: lines.map(|(priced, number)| order_line(number, product, priced, now)).collect(),
        total: pricing.total,
        reservations: Vec::new(),
        manual: Some(Manual { by: ask.by.clone(), reason: ask.reason.clone() }),
        imported_as: None,
        attempt: None,
        at: Whereabouts::default(),
        placed_at: now,
        version: 1,
    }
}

fn remember(ask: &ManualOrder, order: OrderNumber, now: Timestamp) -> Write {
    let record = IdempotencyRecord {
        key: ask.key.clone(),
        fingerprint: ask.fingerprint.clone(),
        order: Some(order),
        refund: None,
        batch: None,
        forget_at: now.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX),
    };
    Write::Remember { owner: ask.by.clone(), record, now }
}
