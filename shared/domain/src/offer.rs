//! Offers: a condition, a benefit, limits. Automatic ones are for every basket, the others are opened by a voucher.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{CatalogRefusal, MAX_LINKS};
use crate::money::Money;
use crate::plan::{Plan, Write};
use crate::pricing::Reduction;
use crate::selection::Selection;
use crate::text::{EmailDomain, Slug, Title, Username};
use crate::uses::Level;

/// The most users, or e-mail domains, that an offer can name: baskets carry them, and a row holds 400 KB.
const MAX_AUDIENCE: usize = 100;
/// The most products that an offer can name by SKU, itself or by its catalog; a query has no such limit.
pub(crate) const MAX_SKUS: usize = 200;
/// As the most uses of an offer: without a limit, but counted.
pub const COUNTED: u32 = u32::MAX;
/// The most automatic offers of a school: each basket reads them all.
pub const MAX_AUTOMATIC: usize = 100;

/// What must be so for an offer to apply. It is judged on list prices, so that no other offer changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The products that count, and that the benefit is for.
    pub products: Selection,
    /// At least so many units of them.
    pub min_quantity: Option<u32>,
    /// At least so much of them, at list prices.
    pub min_value: Option<Money>,
    /// Every one of them must be in the basket: a whole program. For products named by SKU.
    #[serde(default)]
    pub whole: bool,
    /// Only for somebody who never bought anything.
    #[serde(default)]
    pub first_purchase: bool,
    /// Only for these users; empty is for all.
    #[serde(default)]
    pub users: BTreeSet<Username>,
    /// Only for addresses of these domains; empty is for all. Who is named by either list is let in.
    #[serde(default)]
    pub email_domains: BTreeSet<EmailDomain>,
}

/// How often an offer applies, and how much it gives in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Orders.
    pub max_uses: Option<u32>,
    /// Orders of one user.
    pub max_uses_per_user: Option<u32>,
    /// Money, over all orders. The last order gets what is left.
    pub max_discount: Option<Money>,
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its handle.
    pub id: Slug,
    /// What people read.
    pub name: Title,
    /// When it applies.
    pub condition: Condition,
    /// What it takes off.
    pub benefit: Reduction,
    /// How often.
    pub limits: Limits,
    /// Its first moment.
    pub starts_at: Option<Timestamp>,
    /// Its end, which is no part of it.
    pub ends_at: Option<Timestamp>,
    /// Higher ones are applied first.
    pub priority: u16,
    /// Whether it combines with no other.
    pub exclusive: bool,
    /// Whether it needs no code. It is so for good: rows of the two lie apart.
    pub automatic: bool,
    /// Counts up with every edit, never with a use.
    pub version: u64,
    /// The last edit.
    pub updated_at: Timestamp,
    /// How often it applied or is held, and what it gave. Not part of the edited offer: checkouts change it.
    #[serde(skip)]
    pub level: Level,
}

impl Offer {
    /// Whether it is in force at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|from| from <= now) && self.ends_at.is_none_or(|end| now < end)
    }
}

/// Decides an edit. `draft` has the version of nothing yet; its catalog, if it names one, is as it is now.
///
/// # Errors
/// [`CatalogRefusal`].
pub fn save_offer(before: Option<&Offer>, draft: Offer, now: Timestamp) -> Result<(Offer, Plan), CatalogRefusal> {
    check(&draft)?;
    if let Selection::Catalog(catalog) = &draft.condition.products
        && catalog.links.offers.len() >= MAX_LINKS
        && !catalog.links.offers.contains(&draft.id)
    {
        return Err(invalid("/condition/catalog", "as many offers name this catalog as can be"));
    }
    if before.is_some_and(|offer| offer.automatic != draft.automatic) {
        return Err(invalid("/automatic", "an offer stays automatic or not; make another one"));
    }
    let level = before.map(|offer| offer.level).unwrap_or_default();
    if draft.limits.max_uses.is_some_and(|most| most < level.taken) {
        return Err(invalid("/limits/max_uses", "max_uses is below the uses so far"));
    }
    let had = before.and_then(|offer| offer.limits.max_discount);
    let other = had.zip(draft.limits.max_discount).is_some_and(|(had, has)| had.currency() != has.currency());
    if other && level.given != 0 {
        return Err(invalid("/limits/max_discount/currency", "it gave money in another currency so far"));
    }
    if draft.limits.max_discount.is_some_and(|most| most.minor() < level.given) {
        return Err(invalid("/limits/max_discount", "max_discount is below what was given so far"));
    }
    let version = next_version(before.map(|offer| offer.version), now);
    let offer = Offer { version, updated_at: now, level, ..draft };
    let write = Write::SaveOffer { before: before.cloned().map(Box::new), after: Box::new(offer.clone()) };
    Ok((offer, Plan::of(write)))
}

/// The version after `before`. What is new begins at the present moment, and so at a version that nothing of its name had
/// before: baskets that carry a namesake which was removed are not taken at their word.
pub(crate) fn next_version(before: Option<u64>, now: Timestamp) -> u64 {
    let moment = u64::try_from(now.as_millisecond()).unwrap_or(0);
    before.map_or(moment.max(1), |version| version.saturating_add(1))
}

fn invalid(field: &'static str, rule: &'static str) -> CatalogRefusal {
    CatalogRefusal::Invalid { field, rule }
}

fn check(draft: &Offer) -> Result<(), CatalogRefusal> {
    if draft.starts_at.zip(draft.ends_at).is_some_and(|(from, end)| from >= end) {
        return Err(invalid("/ends_at", "ends_at must be after starts_at"));
    }
    check_condition(&draft.condition)?;
    check_benefit(&draft.benefit)?;
    let Limits { max_uses, max_uses_per_user, max_discount } = draft.limits;
    if max_uses == Some(0) {
        return Err(invalid("/limits/max_uses", "max_uses must be at least 1"));
    }
    if max_uses_per_user == Some(0) {
        return Err(invalid("/limits/max_uses_per_user", "max_uses_per_user must be at least 1"));
    }
    if max_discount.is_some_and(|most| most.is_zero() || most.is_negative()) {
        return Err(invalid("/limits/max_discount", "max_discount must be above nothing"));
    }
    let amounts = [draft.benefit.amount(), draft.condition.min_value, max_discount];
    let mut currencies = amounts.into_iter().flatten().map(Money::currency);
    if let Some(first) = currencies.next()
        && currencies.any(|other| other != first)
    {
        return Err(invalid("/benefit/value", "all amounts of an offer are in one currency"));
    }
    Ok(())
}

fn check_condition(condition: &Condition) -> Result<(), CatalogRefusal> {
    if condition.min_quantity == Some(0) {
        return Err(invalid("/condition/min_quantity", "min_quantity must be at least 1"));
    }
    if condition.min_value.is_some_and(|least| least.is_zero() || least.is_negative()) {
        return Err(invalid("/condition/min_value", "min_value must be above nothing"));
    }
    match &condition.products {
        Selection::Skus(skus) if skus.is_empty() || skus.len() > MAX_SKUS => {
            return Err(invalid("/condition/skus", "skus must be 1 to 200"));
        }
        Selection::Catalog(catalog) if catalog.skus.len() > MAX_SKUS => {
            return Err(invalid("/condition/catalog", "the catalog names more than 200 products; use a query"));
        }
        Selection::All | Selection::Catalog(_) if condition.whole => {
            return Err(invalid("/condition/whole", "whole needs products named by sku"));
        }
        Selection::All | Selection::Skus(_) | Selection::Catalog(_) => {}
    }
    if condition.users.len() > MAX_AUDIENCE {
        return Err(invalid("/condition/users", "at most 100 users"));
    }
    if condition.email_domains.len() > MAX_AUDIENCE {
        return Err(invalid("/condition/email_domains", "at most 100 domains"));
    }
    Ok(())
}

fn check_benefit(benefit: &Reduction) -> Result<(), CatalogRefusal> {
    match benefit {
        Reduction::Percent(percent) if percent.is_zero() => {
            Err(invalid("/benefit/value", "percent must be above nothing"))
        }
        Reduction::Absolute(amount) if amount.is_zero() || amount.is_negative() => {
            Err(invalid("/benefit/value", "the amount must be above nothing"))
        }
        Reduction::FixedPrice(amount) if amount.is_negative() => {
            Err(invalid("/benefit/value", "a price cannot be negative"))
        }
        Reduction::Percent(_)
        | Reduction::Absolute(_)
        | Reduction::FixedPrice(_)
        | Reduction::Free
        | Reduction::Cheapest => Ok(()),
    }
}
