//! Reading batches of codes.

use domain::batch::Batch;
use domain::id::BatchId;

use super::{Page, Partition, Position};
use crate::Store;
use crate::encode::BATCH;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::object;

impl Store {
    /// Reads a batch. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_batch(&self, id: &BatchId) -> Result<Option<Batch>, StoreError> {
        let row = self.get(Keys(&self.tenant).batch(id), BATCH).await?;
        row.as_ref().map(object).transpose()
    }

    /// Lists batches, the newest first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_batches(&self, limit: u16, after: Option<&Position>) -> Result<Page<Batch>, StoreError> {
        let pk = Keys(&self.tenant).batches();
        let partition = Partition { newest_first: true, ..Partition::of_index("gsi1", pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }
}
