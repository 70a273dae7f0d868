//! Baskets: what an owner means to buy.
//!
//! A line carries the product as it was when the line was last touched, with all its price windows, so that a basket
//! is read and priced in one round trip and a scheduled price takes effect on time. Checkout holds that snapshot
//! against the catalog; if staff changed the product since, the buyer is shown the new price first (I7).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{BasketId, OrderNumber};
use crate::money::MoneyError;
use crate::offer::Offer;
use crate::owner::Owner;
use crate::places::TaxRule;
use crate::pricing::{Item, Pricing};
use crate::product::Product;
use crate::promotion::{Buyer, Choice, Promotions, choose};
use crate::quantity::Quantity;
use crate::text::{Sku, VoucherCode};
use crate::uses::Reservation;
use crate::voucher::Entered;

/// The most lines of a basket, a bundle counted as the products in it: with three writes for each, a checkout stays below
/// the 100 of one transaction.
pub const MAX_LINES: usize = 20;
/// The most codes of a basket.
pub const MAX_VOUCHERS: usize = 5;
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// The codes that were entered, with what they open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouchers: Vec<Entered>,
    /// The uses that the order has that this basket is frozen for, or was: the next checkout gives them back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Reservation>,
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
    /// What an order at these prices must reserve.
    pub reservations: Vec<Reservation>,
    /// Products in the basket that cannot be bought at this moment. They cost nothing and stop a checkout.
    pub unavailable: Vec<Sku>,
    /// Codes that take nothing off.
    pub idle: Vec<VoucherCode>,
}

impl Basket {
    /// A new, empty basket that follows one at `version`.
    #[must_use]
    pub fn empty(id: BasketId, owner: Owner, version: u64, now: Timestamp) -> Self {
        let status = BasketStatus::Open { replaces: None };
        let (lines, vouchers, held) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, owner, status, lines, vouchers, held, version, touched_at: now }
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

    /// The code with its offer, if it was entered.
    #[must_use]
    pub fn voucher(&self, code: &VoucherCode) -> Option<&Entered> {
        self.vouchers.iter().find(|entered| entered.voucher.code == *code)
    }

    /// Prices the basket at `now`, with the offers that need no code and those that its codes open.
    ///
    /// # Errors
    /// [`MoneyError`] for sums that cannot be represented.
    pub fn priced(
        &self,
        automatic: &[Offer],
        buyer: &Buyer,
        tax: Option<TaxRule>,
        now: Timestamp,
    ) -> Result<PricedBasket, MoneyError> {
        let promotions = Promotions { automatic, entered: &self.vouchers, buyer: Some(buyer), held: &self.held };
        price_products(self.lines.iter().map(|line| (&line.product, line.quantity)), promotions, tax, now)
    }
}

/// Prices products at `now`: the basket's and the quote's way to the one pricing function. Products that cannot be
/// bought are left out and named; the first that can sets the currency.
///
/// # Errors
/// [`MoneyError`] for sums that cannot be represented, or products in two currencies.
pub fn price_products<'a>(
    products: impl IntoIterator<Item = (&'a Product, Quantity)>,
    promotions: Promotions<'_>,
    tax: Option<TaxRule>,
    now: Timestamp,
) -> Result<PricedBasket, MoneyError> {
    let mut lines = Vec::new();
    let mut unavailable = Vec::new();
    for (product, quantity) in products {
        match product.offer_at(now).filter(|_| product.published && product.is_complete()) {
            Some(record) => {
                let item = Item { sku: product.sku.clone(), quantity, unit_price: record.price };
                lines.push((product, item));
            }
            None => unavailable.push(product.sku.clone()),
        }
    }
    let Some(currency) = lines.first().map(|(_, item)| item.unit_price.currency()) else {
        let idle = promotions.entered.iter().map(|entered| entered.voucher.code.clone()).collect();
        return Ok(PricedBasket { pricing: None, reservations: Vec::new(), unavailable, idle });
    };
    let Choice { pricing, reservations, idle } = choose(currency, &lines, promotions, tax, now)?;
    Ok(PricedBasket { pricing: Some(pricing), reservations, unavailable, idle })
}
