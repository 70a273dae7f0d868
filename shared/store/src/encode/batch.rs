//! Rows of batches of codes.

use domain::batch::Batch;

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
