//! Everything that a change of a basket, or a checkout, is decided on: one batch of rows.

use std::collections::BTreeSet;

use domain::basket::{Basket, BasketStatus};
use domain::idempotency::IdempotencyRecord;
use domain::offer::Offer;
use domain::owner::{Owner, UserId};
use domain::product::Product;
use domain::promotion::Buyer;
use domain::text::Sku;
use futures::try_join;
use jiff::Timestamp;

use super::Partition;
use super::products::product;
use crate::Store;
use crate::encode::{Frozen, key};
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, number, object, text};

/// A buyer's rows, read together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BasketView {
    /// The owner's basket, if there is one. One past its time is empty.
    pub basket: Option<Basket>,
    /// Those of the products asked for that exist.
    pub products: Vec<Product>,
    /// Those of the products asked for that the owner has.
    pub owned: BTreeSet<Sku>,
    /// The record of the idempotency key asked for.
    pub remembered: Option<IdempotencyRecord>,
    /// The offers that need no code.
    pub offers: Vec<Offer>,
    /// What the owner bought and used before.
    pub buyer: Buyer,
}

impl Store {
    /// Reads the owner's basket; with it the products named, whether the owner has them, an idempotency record, and what
    /// could lower the price. One round trip: side by side; at most 49 products.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_basket(
        &self,
        owner: &Owner,
        skus: &[Sku],
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> Result<BasketView, StoreError> {
        let keys = Keys(&self.tenant);
        let mut wanted = vec![key(keys.basket(owner), "BASKET")];
        let skus: BTreeSet<&Sku> = skus.iter().collect();
        wanted.extend(skus.iter().map(|sku| key(keys.product(sku), "PRODUCT")));
        if let Owner::User(user) = owner {
            wanted.extend(skus.iter().map(|sku| key(keys.owned(user), format!("SKU#{sku}"))));
            wanted.extend(idempotency_key.map(|text| key(keys.idempotency(user), text)));
        }
        let user = match owner {
            Owner::User(user) => Some(user),
            Owner::Session(_) => None,
        };
        let (rows, offers, buyer) = try_join!(
            Box::pin(self.get_some(wanted)),
            Box::pin(self.read_automatic_offers()),
            Box::pin(self.read_uses(user)),
        )?;
        let mut view = BasketView { offers, buyer, ..BasketView::default() };
        for row in rows {
            view.take(&row, keys, owner, now)?;
        }
        Ok(view)
    }

    /// The record of a user's idempotency key. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_remembered(
        &self,
        user: &UserId,
        idempotency_key: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let row = self.get(Keys(&self.tenant).idempotency(user), idempotency_key).await?;
        row.as_ref().map(object).transpose()
    }

    /// The places at the LMS that a user owns by any product. One round trip (more only beyond a megabyte).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_places(&self, user: &UserId) -> Result<BTreeSet<String>, StoreError> {
        let partition = Partition::of(Keys(&self.tenant).owned(user));
        let mut places = BTreeSet::new();
        for row in self.query_all(&partition, usize::MAX).await?.iter().filter(|row| row.contains_key("lines")) {
            places.insert(text(row, "place")?.to_owned());
        }
        Ok(places)
    }
}

impl BasketView {
    fn take(&mut self, row: &Item, keys: Keys<'_>, owner: &Owner, now: Timestamp) -> Result<(), StoreError> {
        let sk = text(row, "sk")?;
        match sk {
            "PRODUCT" => self.products.push(product(row)?),
            "BASKET" if text(row, "pk")? == keys.basket(owner) => self.basket = Some(kept(basket(row)?, now)),
            _ => match sk.strip_prefix("SKU#").and_then(|sku| sku.parse().ok()) {
                Some(sku) if row.contains_key("lines") => {
                    self.owned.insert(sku);
                }
                Some(_) => {}
                None => self.remembered = Some(object(row)?),
            },
        }
        Ok(())
    }
}

/// A basket at its version, open or frozen, as its row says beside its object.
pub(super) fn basket(row: &Item) -> Result<Basket, StoreError> {
    let mut basket: Basket = object(row)?;
    basket.version = number(row, "version").map(u64::from).ok_or(StoreError::Incomplete("version"))?;
    if row.contains_key("frozen") {
        let Frozen { order, held } = serde_json::from_str(text(row, "frozen")?)?;
        (basket.status, basket.held) = (BasketStatus::Frozen { order }, held);
    }
    Ok(basket)
}

/// The table drops rows late: a basket past its time is shown empty, at its version.
pub(super) fn kept(mut basket: Basket, now: Timestamp) -> Basket {
    if basket.drop_at() <= now {
        basket.lines.clear();
        basket.vouchers.clear();
    }
    basket
}
