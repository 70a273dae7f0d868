//! Reading orders by the numbers that they had in another shop.

use std::collections::BTreeMap;

use domain::id::OrderNumber;
use domain::order::OrderFile;
use domain::text::LegacyNumber;

use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{object, text};

impl Store {
    /// The orders that up to 100 numbers of another shop's are. One round trip. Numbers that were not imported are left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_legacy_numbers(
        &self,
        numbers: &[LegacyNumber],
    ) -> Result<BTreeMap<LegacyNumber, OrderNumber>, StoreError> {
        let keys = Keys(&self.tenant);
        let by_key: BTreeMap<String, &LegacyNumber> =
            numbers.iter().map(|number| (keys.legacy(number), number)).collect();
        let rows = self.get_many(by_key.keys().map(|pk| key(pk.clone(), "ORDER")).collect()).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            if let Some(number) = by_key.get(text(row, "pk")?) {
                found.insert((*number).clone(), object(row)?);
            }
        }
        Ok(found)
    }

    /// Reads the order that a number of another shop's is, with everything that belongs to it. Two round trips; one for a
    /// number that was not imported.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_imported_order(&self, number: &LegacyNumber) -> Result<Option<OrderFile>, StoreError> {
        match self.get(Keys(&self.tenant).legacy(number), "ORDER").await? {
            Some(way) => self.read_order(&object(&way)?).await,
            None => Ok(None),
        }
    }
}
