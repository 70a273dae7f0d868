//! Changing a basket: add, set a quantity, remove, empty.
//!
//! A change of a frozen basket makes a new one of the same lines, and remembers the order that it replaces; the old
//! order stays payable as it was shown until the next checkout gives it up.

use jiff::Timestamp;

use crate::basket::{Basket, BasketLine, BasketStatus, MAX_LINES, MAX_VOUCHERS};
use crate::id::Ids;
use crate::owner::Owner;
use crate::plan::{Plan, Write};
use crate::product::{Availability, Product};
use crate::quantity::Quantity;
use crate::text::{Sku, VoucherCode};
use crate::voucher::Entered;

/// A wished change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds products, all or none; the same SKU adds up.
    Add(Vec<Addition>),
    /// Sets the quantity of a line, taking over the product as it is now.
    SetQuantity(Box<Product>, Quantity),
    /// Removes a line.
    Remove(Sku),
    /// Enters a code; one that is in it already is brought up to date.
    Enter(Box<Entered>),
    /// Takes a code out.
    Withdraw(VoucherCode),
    /// Empties the basket.
    Clear,
}

/// A product to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The product as it is now.
    pub product: Product,
    /// How many to add.
    pub quantity: Quantity,
    /// Whether the owner has it already.
    pub owned: bool,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasketRefusal {
    /// The basket is not at the version that the caller saw.
    #[error("the basket was changed meanwhile")]
    VersionMismatch,
    /// No such line.
    #[error("{0} is not in the basket")]
    NoSuchLine(Sku),
    /// Not enough units.
    #[error("{0} is sold out, or has fewer left than wanted")]
    OutOfStock(Sku),
    /// Not for sale now.
    #[error("{0} cannot be bought now")]
    NotAvailable(Sku),
    /// The learner has it.
    #[error("{0} was bought already")]
    AlreadyPurchased(Sku),
    /// Another currency than the rest of the basket.
    #[error("{0} is sold in another currency than the rest of the basket")]
    CurrencyMismatch(Sku),
    /// No such code in the basket.
    #[error("{0} is not in the basket")]
    NoSuchVoucher(VoucherCode),
    /// Too many codes.
    #[error("a basket holds at most 5 codes")]
    TooManyVouchers,
    /// Too many lines or units.
    #[error("a basket holds at most 20 products, those of bundles counted, and 100 units of each")]
    Full,
    /// The basket of an anonymous session that a user signed in with.
    #[error("this session was signed in; use the new one")]
    SessionEnded,
}

/// Decides a change. `current` is the owner's basket if there is one, `seen` the version that the caller names.
///
/// # Errors
/// [`BasketRefusal`].
pub fn decide(
    current: Option<&Basket>,
    owner: &Owner,
    change: Change,
    seen: Option<u64>,
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Basket, Plan), BasketRefusal> {
    if current.is_some_and(|basket| basket.rests(now)) {
        return Err(BasketRefusal::SessionEnded);
    }
    let version = current.map_or(0, |basket| basket.version);
    if seen.is_some_and(|seen| seen != version) {
        return Err(BasketRefusal::VersionMismatch);
    }
    let mut basket = match current {
        Some(basket) => editable(basket, now, ids),
        None => Basket::empty(ids.make(), owner.clone(), 0, now),
    };
    match change {
        Change::Add(additions) => {
            for addition in additions {
                add(&mut basket, addition, now)?;
            }
        }
        Change::SetQuantity(product, quantity) => set_quantity(&mut basket, *product, quantity, now)?,
        Change::Remove(sku) => {
            let before = basket.lines.len();
            basket.lines.retain(|line| line.product.sku != sku);
            if basket.lines.len() == before {
                return Err(BasketRefusal::NoSuchLine(sku));
            }
        }
        Change::Enter(entered) => enter(&mut basket, *entered)?,
        Change::Withdraw(code) => {
            let before = basket.vouchers.len();
            basket.vouchers.retain(|entered| entered.voucher.code != code);
            if basket.vouchers.len() == before {
                return Err(BasketRefusal::NoSuchVoucher(code));
            }
        }
        Change::Clear => {
            basket.lines.clear();
            basket.vouchers.clear();
        }
    }
    basket.version = version.saturating_add(1);
    basket.touched_at = now;
    let write = Write::SaveBasket { basket: Box::new(basket.clone()), expect: current.map(|basket| basket.version) };
    Ok((basket, Plan::of(write)))
}

/// The basket as it can be edited: a frozen one becomes a new one that replaces the order begun, a merged one a new and
/// empty one.
pub(crate) fn editable(basket: &Basket, now: Timestamp, ids: &mut Ids) -> Basket {
    match &basket.status {
        BasketStatus::Open { .. } => basket.clone(),
        BasketStatus::Frozen { order } => {
            Basket { id: ids.make(), status: BasketStatus::Open { replaces: Some(order.clone()) }, ..basket.clone() }
        }
        BasketStatus::Merged { .. } => Basket::empty(ids.make(), basket.owner.clone(), basket.version, now),
    }
}

fn add(basket: &mut Basket, addition: Addition, now: Timestamp) -> Result<(), BasketRefusal> {
    let Addition { product, quantity, owned } = addition;
    if owned && product.kind.is_personal() {
        return Err(BasketRefusal::AlreadyPurchased(product.sku));
    }
    let wanted = match basket.line(&product.sku) {
        _ if product.kind.is_personal() => Quantity::ONE,
        Some(line) => line.quantity.plus(quantity).ok_or(BasketRefusal::Full)?,
        None => quantity,
    };
    put_line(basket, product, wanted, now)
}

fn enter(basket: &mut Basket, entered: Entered) -> Result<(), BasketRefusal> {
    let full = basket.vouchers.len() >= MAX_VOUCHERS;
    match basket.vouchers.iter_mut().find(|known| known.voucher.code == entered.voucher.code) {
        Some(known) => *known = entered,
        None if full => return Err(BasketRefusal::TooManyVouchers),
        None => basket.vouchers.push(entered),
    }
    Ok(())
}

fn set_quantity(
    basket: &mut Basket,
    product: Product,
    quantity: Quantity,
    now: Timestamp,
) -> Result<(), BasketRefusal> {
    if basket.line(&product.sku).is_none() {
        return Err(BasketRefusal::NoSuchLine(product.sku));
    }
    let wanted = if product.kind.is_personal() { Quantity::ONE } else { quantity };
    put_line(basket, product, wanted, now)
}

fn put_line(basket: &mut Basket, product: Product, quantity: Quantity, now: Timestamp) -> Result<(), BasketRefusal> {
    match product.availability(now) {
        Availability::NotForSale => return Err(BasketRefusal::NotAvailable(product.sku)),
        Availability::Limited(left) if left < quantity.get() => return Err(BasketRefusal::OutOfStock(product.sku)),
        Availability::Limited(_) | Availability::Unlimited => {}
    }
    if clashes(basket, &product, now) {
        return Err(BasketRefusal::CurrencyMismatch(product.sku));
    }
    if place(basket, BasketLine { product, quantity }) { Ok(()) } else { Err(BasketRefusal::Full) }
}

/// Whether a product is sold in another currency than the rest of the basket.
pub(crate) fn clashes(basket: &Basket, product: &Product, now: Timestamp) -> bool {
    let currency = |product: &Product| product.offer_at(now).map(|record| record.price.currency());
    let others = basket.lines.iter().filter(|line| line.product.sku != product.sku);
    others.filter_map(|line| currency(&line.product)).any(|other| Some(other) != currency(product))
}

/// Puts a line in the place of the one of the same product, or at the end; false if no more lines fit.
pub(crate) fn place(basket: &mut Basket, line: BasketLine) -> bool {
    let others = basket.lines.iter().filter(|found| found.product.sku != line.product.sku);
    let taken: usize = others.map(|line| line.product.weight()).sum();
    if taken.saturating_add(line.product.weight()) > MAX_LINES {
        return false;
    }
    match basket.lines.iter_mut().find(|found| found.product.sku == line.product.sku) {
        Some(found) => *found = line,
        None => basket.lines.push(line),
    }
    true
}

#[cfg(test)]
mod tests;
