//! Reading batches of codes.

use domain::batch::Batch;
use domain::id::BatchId;
use domain::text::VoucherCode;
use domain::voucher::Voucher;

use super::promotions::voucher;
use super::{Page, Partition, Position};
use crate::Store;
use crate::encode::{BATCH, VOUCHER, key};
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
        let partition = Partition { index: Some("gsi1"), pk, prefix: None, newest_first: true };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Reads up to 100 vouchers as they are now, in no order. One round trip. Codes that do not exist are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_vouchers(&self, codes: &[VoucherCode]) -> Result<Vec<Voucher>, StoreError> {
        let keys = Keys(&self.tenant);
        let wanted = codes.iter().map(|code| key(keys.voucher(code), VOUCHER)).collect();
        self.get_many(wanted).await?.iter().map(voucher).collect()
    }
}
