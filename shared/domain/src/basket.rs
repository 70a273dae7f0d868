//! Baskets: what an owner means to buy.
//!
//! A line carries the product as it was when the line was last touched, with all its price windows, so that a basket
//! is read and priced in one round trip and a scheduled price takes effect on time. Checkout holds that snapshot
//! against the catalog; if staff changed the product since, the shopper is shown the new price first (I7).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{BasketId, OrderNumber};
use crate::money::MoneyError;
use crate::owner::Owner;
use crate::percent::Percent;
use crate::pricing::{Benefit, Item, Pricing, price};
use crate::product::Product;
use crate::quantity::Quantity;
use crate::text::{Sku, VoucherCode};

/// The most lines of a basket: with three writes for a line, a checkout stays below the 100 of one transaction.
pub const MAX_LINES: usize = 20;
/// How long an untouched basket of an anonymous session is kept.
pub const SESSION_BASKET: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an untouched basket of a user is kept.
pub const USER_BASKET: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long nothing can be put into a basket that was merged: requests that the old session had under way must not
/// vanish in a basket that nobody looks at.
pub const MERGED_REST: SignedDuration = SignedDuration::from_mins(5);

/// Where a basket stands. A submitted basket is replaced by a new, empty one; its order keeps its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum BasketStatus {
    /// Being filled. `replaces` is an order that was begun with an earlier state of it, and is given up at the next
    /// checkout.
    Open {
        /// The order begun before.
        replaces: Option<OrderNumber>,
    },
    /// Being paid for.
    Frozen {
        /// The order.
        order: OrderNumber,
    },
    /// Taken over by the basket of the user who signed in; nothing is in it.
    Merged {
        /// When.
        at: Timestamp,
    },
}

/// One product in a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasketLine {
    /// The product as it was when the line was last touched.
    pub product: Product,
    /// How many.
    pub quantity: Quantity,
}

/// An owner's one basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// Its id; changing a frozen basket makes a new one.
    pub id: BasketId,
    /// Whose.
    pub owner: Owner,
    /// Where it stands.
    #[serde(flatten)]
    pub status: BasketStatus,
    /// What is in it, oldest first.
    pub lines: Vec<BasketLine>,
    /// The codes that were entered.
    pub vouchers: Vec<VoucherCode>,
    /// Counts up with every change of the owner's basket, also when it is replaced by a new one.
    pub version: u64,
    /// The last change.
    pub touched_at: Timestamp,
}

/// A basket with its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedBasket {
    /// The priced lines; `None` for an empty basket, which has no currency.
    pub pricing: Option<Pricing>,
    /// Products in the basket that cannot be bought at this moment. They cost nothing and stop a checkout.
    pub unavailable: Vec<Sku>,
}

impl Basket {
    /// A new, empty basket that follows one at `version`.
    #[must_use]
    pub fn empty(id: BasketId, owner: Owner, version: u64, now: Timestamp) -> Self {
        let status = BasketStatus::Open { replaces: None };
        Self { id, owner, status, lines: Vec::new(), vouchers: Vec::new(), version, touched_at: now }
    }

    /// When the basket is dropped if nobody touches it.
    #[must_use]
    pub fn drop_at(&self) -> Timestamp {
        let kept = match self.owner {
            Owner::User(_) => USER_BASKET,
            Owner::Session(_) => SESSION_BASKET,
        };
        self.touched_at.saturating_add(kept).unwrap_or(Timestamp::MAX)
    }

    /// Whether there is neither a product nor a code in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.lines.is_empty() && self.vouchers.is_empty()
    }

    /// Whether it was merged so short a time ago that it cannot be changed.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> bool {
        match self.status {
            BasketStatus::Merged { at } => now < at.saturating_add(MERGED_REST).unwrap_or(Timestamp::MAX),
            BasketStatus::Open { .. } | BasketStatus::Frozen { .. } => false,
        }
    }

    /// The line of a product.
    #[must_use]
    pub fn line(&self, sku: &Sku) -> Option<&BasketLine> {
        self.lines.iter().find(|line| line.product.sku == *sku)
    }

    /// Prices the basket at `now`.
    ///
    /// # Errors
    /// [`MoneyError`] for sums that cannot be represented.
    pub fn priced(
        &self,
        benefits: &[Benefit],
        tax: Option<Percent>,
        now: Timestamp,
    ) -> Result<PricedBasket, MoneyError> {
        price_products(self.lines.iter().map(|line| (&line.product, line.quantity)), benefits, tax, now)
    }
}

/// Prices products at `now`: the basket's and the quote's way to the one pricing function. Products that cannot be
/// bought are left out and named; the first that can sets the currency.
///
/// # Errors
/// [`MoneyError`] for sums that cannot be represented, or products in two currencies.
pub fn price_products<'a>(
    products: impl IntoIterator<Item = (&'a Product, Quantity)>,
    benefits: &[Benefit],
    tax: Option<Percent>,
    now: Timestamp,
) -> Result<PricedBasket, MoneyError> {
    let mut items = Vec::new();
    let mut unavailable = Vec::new();
    for (product, quantity) in products {
        match product.offer_at(now).filter(|_| product.published && product.kind.is_sellable()) {
            Some(record) => items.push(Item { sku: product.sku.clone(), quantity, unit_price: record.price }),
            None => unavailable.push(product.sku.clone()),
        }
    }
    let currency = items.first().map(|item| item.unit_price.currency());
    let pricing = currency.map(|currency| price(currency, &items, benefits, tax)).transpose()?;
    Ok(PricedBasket { pricing, unavailable })
}
