//! Which offers a basket gets: the best for the buyer among those that may combine, told the same way every time.
//!
//! Offers that combine are applied one after the other, by priority, then by id, each to what the ones before left. An
//! exclusive offer stands alone. Of all these the basket gets what takes off most; of equals, the first. What an offer
//! asks for is judged on list prices, and each counts once in a basket, whatever codes open it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::basket::{Basket, price_products};
use crate::money::{Currency, Money, MoneyError, total};
use crate::offer::{Condition, Limits, Offer};
use crate::owner::UserId;
use crate::places::TaxRule;
use crate::pricing::{Benefit, Item, Pricing, price};
use crate::product::Product;
use crate::selection::Selection;
use crate::text::{Sku, Username, VoucherCode};
use crate::uses::{Counted, Reservation};
use crate::voucher::{Entered, Usage, Voucher};

/// The most offers that combine in one basket, so that a checkout stays below the 100 writes of one transaction.
pub const MAX_COMBINED: usize = 4;

/// What is known of who buys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buyer {
    /// Their key; none before they sign in.
    pub id: Option<UserId>,
    /// Their name.
    pub username: Option<Username>,
    /// Their address.
    pub email: Option<String>,
    /// How often they used what; also for orders that are not paid yet.
    pub uses: BTreeMap<Counted, u32>,
    /// Whether they bought anything before.
    pub bought: bool,
}

/// All that could lower a price.
#[derive(Clone, Copy, Debug, Default)]
pub struct Promotions<'a> {
    /// Offers that need no code, in any order.
    pub automatic: &'a [Offer],
    /// The codes that were entered.
    pub entered: &'a [Entered],
    /// Who buys.
    pub buyer: Option<&'a Buyer>,
    /// What an earlier, unpaid order of the same basket has: it is given back by the next checkout.
    pub held: &'a [Reservation],
}

/// A priced choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The prices.
    pub pricing: Pricing,
    /// What an order at these prices must reserve.
    pub reservations: Vec<Reservation>,
    /// The codes that take nothing off.
    pub idle: Vec<VoucherCode>,
}

/// A product with the item that is priced.
pub(crate) type Line<'a> = (&'a Product, Item);

/// An offer that may apply.
struct Candidate<'a> {
    offer: &'a Offer,
    voucher: Option<&'a Voucher>,
    benefit: Benefit,
}

/// Prices lines with the best of the promotions.
pub(crate) fn choose(
    currency: Currency,
    lines: &[Line<'_>],
    promotions: Promotions<'_>,
    tax: Option<TaxRule>,
    now: Timestamp,
) -> Result<Choice, MoneyError> {
    let items: Vec<Item> = lines.iter().map(|(_, item)| item.clone()).collect();
    let candidates = candidates(currency, lines, promotions, now)?;
    let with = |benefits: &[&Candidate<'_>]| {
        let benefits: Vec<Benefit> = benefits.iter().map(|candidate| candidate.benefit.clone()).collect();
        price(currency, &items, &benefits, tax)
    };
    let combined: Vec<&Candidate<'_>> = candidates.iter().filter(|candidate| !candidate.offer.exclusive).collect();
    let priced = with(&combined)?;
    let effective = combined.into_iter().filter(|candidate| !given(&priced, candidate).is_zero());
    let mut best: Vec<&Candidate<'_>> = effective.take(MAX_COMBINED).collect();
    let mut pricing = with(&best)?;
    for candidate in candidates.iter().filter(|candidate| candidate.offer.exclusive) {
        let alone = with(&[candidate])?;
        if alone.discount.minor() > pricing.discount.minor() {
            (best, pricing) = (vec![candidate], alone);
        }
    }
    let reserve = |candidate: &&Candidate<'_>| {
        let given = given(&pricing, candidate);
        (!given.is_zero()).then(|| Reservation::of(candidate.offer, candidate.voucher, given))
    };
    let reservations: Vec<Reservation> = best.iter().filter_map(reserve).collect();
    let has = |code: &VoucherCode| reservations.iter().any(|r| r.voucher.as_ref().is_some_and(|v| v.code == *code));
    let codes = promotions.entered.iter().map(|entered| &entered.voucher.code);
    let idle = codes.filter(|code| !has(code)).cloned().collect();
    Ok(Choice { pricing, reservations, idle })
}

/// What an offer took off.
fn given(pricing: &Pricing, candidate: &Candidate<'_>) -> Money {
    let applied = pricing.lines.iter().flat_map(|line| &line.applied);
    let of = applied.filter(|applied| applied.offer == candidate.offer.id).map(|applied| applied.amount);
    total(pricing.currency(), of).unwrap_or(Money::zero(pricing.currency()))
}

/// Why an offer, or the code that opens it, takes nothing off a basket. For staff: a shopper is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Its time has not come, or is over.
    #[error("it is not in force now")]
    NotInForce,
    /// Its uses, or its money, are used up; also by this buyer.
    #[error("it is used up")]
    UsedUp,
    /// It is for others.
    #[error("it is not for this buyer")]
    NotForBuyer,
    /// It is for other products, or for more of them.
    #[error("what is in the basket does not meet its condition")]
    NotForBasket,
}

/// Whether a code would take something off a basket if nothing else did. Of an empty basket nothing is asked.
///
/// # Errors
/// [`Misfit`].
pub fn fits(basket: &Basket, entered: &Entered, buyer: &Buyer, now: Timestamp) -> Result<(), Misfit> {
    let held = &basket.held;
    is_open(&entered.voucher, buyer, held, now)?;
    if basket.lines.is_empty() {
        return is_open_offer(&entered.offer, buyer, held, now).map(drop);
    }
    let promotions = Promotions { automatic: &[], entered: std::slice::from_ref(entered), buyer: Some(buyer), held };
    let lines = basket.lines.iter().map(|line| (&line.product, line.quantity));
    is_open_offer(&entered.offer, buyer, held, now)?;
    match price_products(lines, promotions, None, now) {
        Ok(priced) if priced.idle.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err(Misfit::NotForBasket),
    }
}

/// The offers that may apply, in the order in which they are applied.
fn candidates<'a>(
    currency: Currency,
    lines: &[Line<'_>],
    promotions: Promotions<'a>,
    now: Timestamp,
) -> Result<Vec<Candidate<'a>>, MoneyError> {
    let nobody = Buyer::default();
    let buyer = promotions.buyer.unwrap_or(&nobody);
    let automatic = promotions.automatic.iter().map(|offer| (offer, None));
    let opened = promotions.entered.iter().filter(|e| is_open(&e.voucher, buyer, promotions.held, now).is_ok());
    let opened = opened.map(|entered| (&entered.offer, Some(&entered.voucher)));
    let mut found: Vec<Candidate<'a>> = Vec::new();
    for (offer, voucher) in automatic.chain(opened) {
        let known = found.iter().any(|candidate| candidate.offer.id == offer.id);
        let Ok(max_discount) = is_open_offer(offer, buyer, promotions.held, now) else { continue };
        if known || !in_currency(offer, currency) {
            continue;
        }
        let skus = selected(&offer.condition, lines)?;
        if skus.is_empty() {
            continue;
        }
        let voucher_code = voucher.map(|voucher| voucher.code.clone());
        let (id, reduction) = (offer.id.clone(), offer.benefit);
        let benefit = Benefit { offer: id, voucher: voucher_code, skus, reduction, max_discount };
        found.push(Candidate { offer, voucher, benefit });
    }
    found.sort_by(|a, b| b.offer.priority.cmp(&a.offer.priority).then_with(|| a.offer.id.cmp(&b.offer.id)));
    Ok(found)
}

/// Whether a code opens its offer for this buyer.
fn is_open(voucher: &Voucher, buyer: &Buyer, held: &[Reservation], now: Timestamp) -> Result<(), Misfit> {
    let own = |r: &&Reservation| r.voucher.as_ref().is_some_and(|used| used.code == voucher.code);
    let own = u32::try_from(held.iter().filter(own).count()).unwrap_or(0);
    let uses = buyer.uses.get(&Counted::Voucher(voucher.code.clone())).copied().unwrap_or(0).saturating_sub(own);
    let once = voucher.usage == Usage::OncePerCustomer;
    let taken = voucher.level.taken.saturating_sub(own);
    let others = voucher.usage == Usage::MultiUsePerCustomer && taken > 0 && voucher.holder != buyer.id;
    if !voucher.holds_at(now) {
        Err(Misfit::NotInForce)
    } else if !voucher.admits(buyer.email.as_deref()) || others {
        Err(Misfit::NotForBuyer)
    } else if taken >= voucher.most() || (once && uses > 0) {
        Err(Misfit::UsedUp)
    } else {
        Ok(())
    }
}

/// Whether an offer is open to this buyer, and what it can still give if that is limited.
fn is_open_offer(offer: &Offer, buyer: &Buyer, held: &[Reservation], now: Timestamp) -> Result<Option<Money>, Misfit> {
    if !offer.holds_at(now) {
        return Err(Misfit::NotInForce);
    }
    if !is_for(&offer.condition, buyer) {
        return Err(Misfit::NotForBuyer);
    }
    room(offer, buyer, held).ok_or(Misfit::UsedUp)
}

/// What an offer can still give, if it can: `Some(None)` is without a limit.
fn room(offer: &Offer, buyer: &Buyer, held: &[Reservation]) -> Option<Option<Money>> {
    let own: Vec<&Reservation> = held.iter().filter(|r| r.offer == offer.id).collect();
    let count = u32::try_from(own.len()).unwrap_or(0);
    let counted = Counted::Offer { id: offer.id.clone(), automatic: offer.automatic };
    let by_user = buyer.uses.get(&counted).copied().unwrap_or(0).saturating_sub(count);
    let Limits { max_uses, max_uses_per_user, max_discount } = offer.limits;
    if max_uses.is_some_and(|most| offer.level.taken.saturating_sub(count) >= most)
        || max_uses_per_user.is_some_and(|most| by_user >= most)
    {
        return None;
    }
    let Some(most) = max_discount else { return Some(None) };
    let own = own.iter().fold(0_i64, |sum, r| sum.saturating_add(r.given.minor()));
    let left = most.minor().saturating_sub(offer.level.given.saturating_sub(own));
    let left = Money::from_minor(left, most.currency()).ok()?;
    (!left.is_zero() && !left.is_negative()).then_some(Some(left))
}

/// Whether an offer is for this buyer.
fn is_for(condition: &Condition, buyer: &Buyer) -> bool {
    let named = buyer.username.as_ref().is_some_and(|name| condition.users.contains(name));
    let admitted =
        buyer.email.as_ref().is_some_and(|email| condition.email_domains.iter().any(|domain| domain.admits(email)));
    let for_all = condition.users.is_empty() && condition.email_domains.is_empty();
    (for_all || named || admitted) && !(condition.first_purchase && buyer.bought)
}

/// Whether an offer's amounts are in the basket's currency; one without amounts is in every one.
fn in_currency(offer: &Offer, currency: Currency) -> bool {
    let amounts = [offer.benefit.amount(), offer.condition.min_value, offer.limits.max_discount];
    amounts.into_iter().flatten().all(|amount| amount.currency() == currency)
}

/// The products that the benefit is for; none if the condition does not hold.
fn selected(condition: &Condition, lines: &[Line<'_>]) -> Result<Vec<Sku>, MoneyError> {
    let chosen: Vec<&Line<'_>> = lines.iter().filter(|(product, _)| condition.products.holds(product)).collect();
    let units = chosen.iter().fold(0_u32, |sum, (_, item)| sum.saturating_add(item.quantity.get()));
    if condition.min_quantity.is_some_and(|least| units < least) {
        return Ok(Vec::new());
    }
    if let Some(least) = condition.min_value {
        let lists = chosen.iter().map(|(_, item)| item.unit_price.times(item.quantity.get()));
        if total(least.currency(), lists.collect::<Result<Vec<_>, _>>()?)?.minor() < least.minor() {
            return Ok(Vec::new());
        }
    }
    if condition.whole && !is_whole(condition, &chosen) {
        return Ok(Vec::new());
    }
    Ok(chosen.iter().map(|(product, _)| product.sku.clone()).collect())
}

fn is_whole(condition: &Condition, chosen: &[&Line<'_>]) -> bool {
    match &condition.products {
        Selection::Skus(skus) => skus.iter().all(|sku| chosen.iter().any(|(product, _)| product.sku == *sku)),
        Selection::All | Selection::Catalog(_) => true,
    }
}

#[cfg(test)]
pub(crate) mod tests;
