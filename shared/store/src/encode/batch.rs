//! Rows of batches of codes, and of coupons.

use domain::batch::Batch;
use domain::coupon::Coupon;

use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::Row;

/// The sort key of a batch.
pub(crate) const BATCH: &str = "BATCH";

pub(super) fn batch_row(keys: Keys<'_>, batch: &Batch) -> Result<Row, StoreError> {
    let id = batch.id.as_str();
    let row = Row::new(keys.batch(&batch.id), BATCH, batch)?.version(batch.version);
    Ok(row.index(1, keys.batches(), id).due(keys.due_of(id), batch.due, id))
}

/// The sort key of a coupon.
pub(crate) const COUPON: &str = "COUPON";

pub(super) fn coupon_row(keys: Keys<'_>, coupon: &Coupon) -> Result<Row, StoreError> {
    let row = Row::new(keys.coupon(&coupon.id), COUPON, coupon)?.version(coupon.version);
    Ok(row.index(1, keys.coupons(), coupon.id.as_str()))
}
