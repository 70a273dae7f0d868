//! Executing a plan: all of its writes in one transaction, or none.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use domain::plan::Plan;

use crate::Store;
use crate::encode::{Action, Op, encode};
use crate::error::StoreError;

/// How often a transaction that collided with another is tried again before the caller is told.
const COLLISIONS: u32 = 6;
/// The most writes of one transaction.
const MAX_OPS: usize = 100;

/// A write with its name.
type NamedOp = (&'static str, Op);

/// Why a plan was not executed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Conditions that do not hold, by the names of their writes, in the plan's order.
    #[error("a condition did not hold: {}", .0.join(", "))]
    Refused(Vec<&'static str>),
    /// Other transactions kept touching the same rows.
    #[error("other transactions touch the same rows")]
    Contended,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// Whether the write of this name was refused.
    #[must_use]
    pub fn refused(&self, name: &str) -> bool {
        match self {
            Self::Refused(names) => names.contains(&name),
            Self::Contended | Self::Store(_) => false,
        }
    }

    /// Whether the decision should be taken anew on fresh data.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Contended => true,
            Self::Store(_) => false,
        }
    }
}

impl Store {
    /// Executes a plan. One round trip, unless other transactions collide with it.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit(&self, plan: &Plan) -> Result<(), CommitError> {
        for collision in 0..=COLLISIONS {
            // Each try sends its writes away.
            let sent = Box::pin(self.send(self.encode_all(plan)?)).await;
            match sent {
                Err(CommitError::Contended) if collision < COLLISIONS => pause(collision).await,
                done => return done,
            }
        }
        Err(CommitError::Contended)
    }

    fn encode_all(&self, plan: &Plan) -> Result<Vec<NamedOp>, StoreError> {
        let mut ops = Vec::with_capacity(plan.writes.len());
        for write in &plan.writes {
            ops.extend(encode(write, self)?.into_iter().map(|op| (write.name(), op)));
        }
        Ok(ops)
    }

    /// A lone write costs half as much outside a transaction.
    async fn send(&self, ops: Vec<NamedOp>) -> Result<(), CommitError> {
        match <[NamedOp; 1]>::try_from(ops) {
            Ok([(name, op)]) => self.write_one(name, op).await,
            Err(ops) if ops.is_empty() => Ok(()),
            Err(ops) if ops.len() > MAX_OPS => Err(StoreError::TooManyWrites.into()),
            Err(ops) => self.write_all(ops).await,
        }
    }

    /// Whether a plan fits into one transaction; nothing is called.
    ///
    /// # Errors
    /// [`StoreError::TooManyWrites`] if it does not.
    pub fn check_size(&self, plan: &Plan) -> Result<(), StoreError> {
        if self.encode_all(plan)?.len() > MAX_OPS { Err(StoreError::TooManyWrites) } else { Ok(()) }
    }

    async fn write_one(&self, name: &'static str, op: Op) -> Result<(), CommitError> {
        let refused = || CommitError::Refused(vec![name]);
        let capacity = ReturnConsumedCapacity::Total;
        match op.action {
            Action::Put(item) => self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item))
                .set_condition_expression(op.condition)
                .set_expression_attribute_names(op.names)
                .set_expression_attribute_values(op.values)
                .return_consumed_capacity(capacity)
                .send()
                .await
                .map(drop)
                .map_err(|e| match e.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(_)) => refused(),
                    Some(PutItemError::TransactionConflictException(_)) => CommitError::Contended,
                    _ => StoreError::from(e).into(),
                }),
            Action::Update(key, expression) => self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key))
                .update_expression(expression)
                .set_condition_expression(op.condition)
                .set_expression_attribute_names(op.names)
                .set_expression_attribute_values(op.values)
                .return_consumed_capacity(capacity)
                .send()
                .await
                .map(drop)
                .map_err(|e| match e.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => refused(),
                    Some(UpdateItemError::TransactionConflictException(_)) => CommitError::Contended,
                    _ => StoreError::from(e).into(),
                }),
            Action::Delete(key) => self
                .client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(key))
                .set_condition_expression(op.condition)
                .set_expression_attribute_names(op.names)
                .set_expression_attribute_values(op.values)
                .return_consumed_capacity(capacity)
                .send()
                .await
                .map(drop)
                .map_err(|e| match e.as_service_error() {
                    Some(DeleteItemError::ConditionalCheckFailedException(_)) => refused(),
                    Some(DeleteItemError::TransactionConflictException(_)) => CommitError::Contended,
                    _ => StoreError::from(e).into(),
                }),
            Action::Check(_) => self.write_all(vec![(name, op)]).await,
        }
    }

    async fn write_all(&self, ops: Vec<NamedOp>) -> Result<(), CommitError> {
        let names: Vec<&'static str> = ops.iter().map(|(name, _)| *name).collect();
        let items = ops.into_iter().map(|(_, op)| op.transact(&self.table)).collect::<Result<Vec<_>, _>>()?;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        sent.map(drop).map_err(|error| cancelled(error, &names))
    }
}

/// Reads the reasons of a cancelled transaction, which stand in the order of its writes.
fn cancelled(error: SdkError<TransactWriteItemsError>, names: &[&'static str]) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return StoreError::from(error).into();
    };
    let reasons = || cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None"));
    let refused: Vec<&'static str> =
        reasons().zip(names).filter(|(code, _)| *code == "ConditionalCheckFailed").map(|(_, name)| *name).collect();
    if !refused.is_empty() {
        return CommitError::Refused(refused);
    }
    if reasons().any(|code| matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"))
    {
        return CommitError::Contended;
    }
    StoreError::from(error).into()
}

/// Waits a little longer after each collision, and not the same for everyone: 5 ms doubled, plus up to as much again.
pub(crate) async fn pause(collision: u32) {
    let base = 5_u64.saturating_mul(1 << collision.min(6));
    let mut random = [0_u8; 1];
    #[expect(clippy::disallowed_methods, reason = "jitter decides nothing but when to try again")]
    let spread = getrandom::fill(&mut random).map_or(0, |()| u64::from(random[0]));
    let extra = base.saturating_mul(spread).checked_div(255).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(base.saturating_add(extra))).await;
}
