//! Counting calls against a throttle.

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
use domain::throttle::{Rate, Throttle};
use jiff::Timestamp;

use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{SCHEMA, n, number};

impl Store {
    /// Counts a call of one caller, and says how the caller stands. One round trip.
    ///
    /// `caller` stands in the key as it is: an opaque digest, never a name or an address. A call whose answer was lost
    /// on the way may be counted twice.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, throttle: &Throttle, caller: &str, now: Timestamp) -> Result<Rate, StoreError> {
        let (start, end) = throttle.window_of(now);
        let counted = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(Keys(&self.tenant).rate(throttle.name, caller, start), "RATE")))
            .update_expression("SET v = :v, expires_at = :end ADD #calls :one")
            .expression_attribute_names("#calls", "calls")
            .expression_attribute_values(":v", n(SCHEMA))
            .expression_attribute_values(":end", n(end.as_second()))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await?;
        let used = counted.attributes.as_ref().and_then(|row| number(row, "calls"));
        Ok(Rate { limit: throttle.limit, used: used.ok_or(StoreError::Incomplete("calls"))?, resets_at: end })
    }
}
