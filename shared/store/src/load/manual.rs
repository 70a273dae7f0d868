//! What orders that staff place are decided on: one batch of rows for all of them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::OrderNumber;
use domain::idempotency::IdempotencyRecord;
use domain::order::Order;
use domain::owner::UserId;
use domain::product::Product;
use domain::text::Sku;

use super::products::product;
use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, object, text};

/// The most rows that one call reads.
const BATCH: usize = 100;

/// A place that is to be given: whose, of what, and the idempotency key under which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPlace {
    /// Whose.
    pub owner: UserId,
    /// Of what.
    pub sku: Sku,
    /// The key, in the namespace of whoever gives it.
    pub key: String,
}

/// The rows of several places, read together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlacesView {
    /// Those of the products that exist.
    pub products: Vec<Product>,
    /// The orders by which a learner has a product already.
    pub owned: BTreeMap<(UserId, Sku), Vec<Order>>,
    /// Those of the keys that were used.
    pub remembered: BTreeMap<String, IdempotencyRecord>,
}

impl Store {
    /// Reads what up to 33 places are decided on. One round trip; one more if a learner has one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_wanted_places(&self, by: &UserId, wanted: &[WantedPlace]) -> Result<PlacesView, StoreError> {
        let keys = Keys(&self.tenant);
        let skus: BTreeSet<&Sku> = wanted.iter().map(|place| &place.sku).collect();
        let places: BTreeMap<(String, String), (UserId, Sku)> =
            wanted.iter().map(|place| place_of(keys, place)).collect();
        let mut rows: Vec<Item> = skus.into_iter().map(|sku| key(keys.product(sku), "PRODUCT")).collect();
        rows.extend(places.keys().map(|(pk, sk)| key(pk.clone(), sk)));
        rows.extend(wanted.iter().map(|place| key(keys.idempotency(by), &place.key)));
        let mut view = PlacesView::default();
        let mut giving: BTreeMap<(UserId, Sku), Vec<OrderNumber>> = BTreeMap::new();
        for row in self.get_many(rows).await? {
            let at = (text(&row, "pk")?.to_owned(), text(&row, "sk")?.to_owned());
            if at.1 == "PRODUCT" {
                view.products.push(product(&row)?);
            } else if let Some(place) = places.get(&at) {
                giving.insert(place.clone(), orders_of(&row));
            } else {
                view.remembered.insert(at.1, object(&row)?);
            }
        }
        view.owned = self.read_giving(giving).await?;
        Ok(view)
    }

    /// The orders themselves.
    async fn read_giving(
        &self,
        giving: BTreeMap<(UserId, Sku), Vec<OrderNumber>>,
    ) -> Result<BTreeMap<(UserId, Sku), Vec<Order>>, StoreError> {
        let numbers: BTreeSet<&OrderNumber> = giving.values().flatten().collect();
        let keys: Vec<Item> =
            numbers.into_iter().map(|number| key(Keys(&self.tenant).order(number), "ORDER")).collect();
        let mut orders: Vec<Order> = Vec::new();
        for some in keys.chunks(BATCH) {
            let rows = self.get_some(some.to_vec()).await?;
            orders.extend(rows.iter().map(object).collect::<Result<Vec<_>, _>>()?);
        }
        let named = |numbers: Vec<OrderNumber>| {
            let of = |order: &&Order| numbers.contains(&order.number);
            orders.iter().filter(of).cloned().collect::<Vec<_>>()
        };
        let with_orders = giving.into_iter().filter(|(_, numbers)| !numbers.is_empty());
        Ok(with_orders.map(|(place, numbers)| (place, named(numbers))).collect())
    }
}

/// Where the row of what a learner has of a product stands.
fn place_of(keys: Keys<'_>, place: &WantedPlace) -> ((String, String), (UserId, Sku)) {
    let at = (keys.owned(&place.owner), format!("SKU#{}", place.sku));
    (at, (place.owner.clone(), place.sku.clone()))
}

/// The orders of the lines that a row of what a learner has rests on.
fn orders_of(row: &Item) -> Vec<OrderNumber> {
    let lines = match row.get("lines") {
        Some(AttributeValue::Ss(lines)) => lines.as_slice(),
        Some(_) | None => &[],
    };
    lines.iter().filter_map(|line| line.split('#').next()?.parse().ok()).collect()
}
