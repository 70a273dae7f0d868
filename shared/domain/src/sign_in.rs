//! Signing in: the session begins, and the anonymous basket goes into the user's, in one transaction.
//!
//! Nothing is lost silently: each anonymous line is in the user's basket afterwards, or a note says why it is not. The
//! anonymous basket is left empty and marked, so that a second run starts a session and merges nothing. What the user's
//! own basket holds is never made less by a merge.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::basket::{Basket, BasketLine, BasketStatus, MAX_VOUCHERS};
use crate::change_basket::{clashes, editable, place};
use crate::id::Ids;
use crate::owner::Owner;
use crate::plan::{Plan, Write};
use crate::product::{Availability, Product};
use crate::quantity::Quantity;
use crate::text::Sku;
use crate::user_session::UserSession;

/// What signing in is decided on.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    /// The session that begins.
    pub session: UserSession,
    /// The user's basket.
    pub own: Option<&'a Basket>,
    /// The basket of the anonymous session that ends.
    pub anonymous: Option<&'a Basket>,
    /// The products of the anonymous basket, as they are now.
    pub products: &'a [Product],
    /// What of them the user has.
    pub owned: &'a BTreeSet<Sku>,
}

/// What became of an anonymous line that was not merged as it stood, worded for the learner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeNote {
    /// Fewer were merged than both baskets had together.
    #[error("only {quantity} of {sku} can be bought; the basket holds that many")]
    Reduced {
        /// Of what.
        sku: Sku,
        /// How many the basket holds now.
        quantity: u32,
    },
    /// No units left.
    #[error("{0} is sold out and was left out of the basket")]
    SoldOut(Sku),
    /// Not for sale now.
    #[error("{0} cannot be bought now and was left out of the basket")]
    NotAvailable(Sku),
    /// The learner has it.
    #[error("{0} was bought already and was left out of the basket")]
    AlreadyPurchased(Sku),
    /// Another currency than the user's basket.
    #[error("{0} is sold in another currency than the rest of the basket and was left out of it")]
    CurrencyMismatch(Sku),
    /// Too many lines.
    #[error("the basket is full; {0} was left out of it")]
    BasketFull(Sku),
}

impl MergeNote {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reduced { .. } => "quantity_reduced",
            Self::SoldOut(_) => "out_of_stock",
            Self::NotAvailable(_) => "not_available",
            Self::AlreadyPurchased(_) => "already_purchased",
            Self::CurrencyMismatch(_) => "currency_mismatch",
            Self::BasketFull(_) => "basket_full",
        }
    }

    /// The product that it is about.
    #[must_use]
    pub fn sku(&self) -> &Sku {
        match self {
            Self::Reduced { sku, .. }
            | Self::SoldOut(sku)
            | Self::NotAvailable(sku)
            | Self::AlreadyPurchased(sku)
            | Self::CurrencyMismatch(sku)
            | Self::BasketFull(sku) => sku,
        }
    }
}

/// A user who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The user's basket as it is then.
    pub basket: Option<Basket>,
    /// What the learner should know about the merge.
    pub notes: Vec<MergeNote>,
    /// What is to be written.
    pub plan: Plan,
}

/// Decides a sign-in. The anonymous session is marked as ended also if its basket is blank or was never begun: what a late
/// request of it wants to add is refused, and does not go where nobody looks.
#[must_use]
pub fn decide(sign_in: SignIn<'_>, now: Timestamp, ids: &mut Ids) -> SignedIn {
    let SignIn { session, own, anonymous, products, owned } = sign_in;
    let user = Owner::User(session.user.clone());
    let ended = match (anonymous, &session.upgraded_from) {
        (Some(basket), _) if basket.rests(now) => None,
        (Some(basket), _) => Some(hand_over(basket, now)),
        (None, Some(ended)) => {
            let owner = Owner::Session(ended.clone());
            let basket =
                Basket { status: BasketStatus::Merged { at: now }, ..Basket::empty(ids.make(), owner, 1, now) };
            Some(Write::SaveBasket { basket: Box::new(basket), expect: None })
        }
        (None, None) => None,
    };
    let mut plan = Plan::of(Write::StartSession(Box::new(session)));
    plan.extend(ended);
    let Some(anonymous) = anonymous.filter(|basket| !basket.is_blank()) else {
        return SignedIn { basket: own.cloned(), notes: Vec::new(), plan };
    };
    let before = match own {
        Some(own) => editable(own, now, ids),
        None => Basket::empty(ids.make(), user, 0, now),
    };
    let mut merged = before.clone();
    let mut notes = Vec::new();
    for line in &anonymous.lines {
        let product = products.iter().find(|product| product.sku == line.product.sku);
        let owned = owned.contains(&line.product.sku);
        notes.extend(merge_line(&mut merged, line, product, owned, now));
    }
    for entered in &anonymous.vouchers {
        if merged.voucher(&entered.voucher.code).is_none() && merged.vouchers.len() < MAX_VOUCHERS {
            merged.vouchers.push(entered.clone());
        }
    }
    // A basket that gains nothing stays as it is: a frozen one is still being paid for.
    if merged == before {
        return SignedIn { basket: own.cloned(), notes, plan };
    }
    merged.version = before.version.saturating_add(1);
    merged.touched_at = now;
    plan.push(Write::SaveBasket { basket: Box::new(merged.clone()), expect: own.map(|own| own.version) });
    SignedIn { basket: Some(merged), notes, plan }
}

/// Merges one line; the note says what is missing of it afterwards.
fn merge_line(
    basket: &mut Basket,
    line: &BasketLine,
    product: Option<&Product>,
    owned: bool,
    now: Timestamp,
) -> Option<MergeNote> {
    let sku = line.product.sku.clone();
    let there = basket.line(&sku).map(|line| line.quantity);
    let personal = line.product.kind.is_personal();
    if personal && owned {
        return Some(MergeNote::AlreadyPurchased(sku));
    }
    // A seat stays at one, so there is nothing to add, and the one there may hold the last unit itself.
    if personal && there.is_some() {
        return None;
    }
    let Some(product) = product else { return Some(MergeNote::NotAvailable(sku)) };
    let left = match product.availability(now) {
        Availability::NotForSale => return Some(MergeNote::NotAvailable(sku)),
        Availability::Limited(left) => left,
        Availability::Unlimited => Quantity::MAX,
    };
    if clashes(basket, product, now) {
        return Some(MergeNote::CurrencyMismatch(sku));
    }
    let wish = if personal { Quantity::ONE } else { line.quantity };
    let quantity = match there {
        Some(there) => there.plus_up_to(wish, left),
        None => match wish.at_most(left) {
            Some(quantity) => quantity,
            None => return Some(MergeNote::SoldOut(sku)),
        },
    };
    if !place(basket, BasketLine { product: product.clone(), quantity }) {
        return Some(MergeNote::BasketFull(sku));
    }
    let whole = there.map_or(Some(wish), |there| there.plus(wish)) == Some(quantity);
    (!whole).then_some(MergeNote::Reduced { sku, quantity: quantity.get() })
}

/// The anonymous basket as it is left behind.
fn hand_over(anonymous: &Basket, now: Timestamp) -> Write {
    let left = Basket {
        status: BasketStatus::Merged { at: now },
        lines: Vec::new(),
        vouchers: Vec::new(),
        version: anonymous.version.saturating_add(1),
        touched_at: now,
        ..anonymous.clone()
    };
    Write::SaveBasket { basket: Box::new(left), expect: Some(anonymous.version) }
}

#[cfg(test)]
mod tests;
