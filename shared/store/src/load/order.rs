//! Reading orders: the whole file by one query, lists of them by one more.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use domain::id::{BatchId, OrderNumber, RefundId};
use domain::journal::LogEntry;
use domain::order::{Order, OrderFile};
use domain::owner::UserId;
use domain::payment::ProcessorName;
use domain::refund::Refund;
use domain::text::ProcessorRef;
use futures::future::try_join_all;
use jiff::Timestamp;

use super::{Page, Partition, Position, Range};
use crate::Store;
use crate::error::StoreError;
use crate::keys::{DUE_SHARDS, Keys, TIMELINE, moment};
use crate::row::{Item, object, s, text};

/// Which orders to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSummaries {
    /// A user's.
    Of(UserId),
    /// The tenant's in one state, by its name.
    In(&'static str),
}

impl Store {
    /// Reads an order with everything that belongs to it but its timeline. One round trip (more only beyond a megabyte).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_order(&self, number: &OrderNumber) -> Result<Option<OrderFile>, StoreError> {
        let of = Partition::of(Keys(&self.tenant).order(number));
        let partition = Partition { range: Range::Before(TIMELINE), objects_only: true, ..of };
        order_file(&self.query_all(&partition, usize::MAX).await?)
    }

    /// Reads an order's timeline, in no order. One round trip (more only beyond a megabyte).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_timeline(&self, number: &OrderNumber) -> Result<Vec<LogEntry>, StoreError> {
        let of = Partition::of(Keys(&self.tenant).order(number));
        let partition = Partition { range: Range::Beginning(TIMELINE), objects_only: true, ..of };
        self.query_all(&partition, usize::MAX).await?.iter().map(object).collect()
    }

    /// The order that a processor's object belongs to. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_order(
        &self,
        processor: ProcessorName,
        reference: &ProcessorRef,
    ) -> Result<Option<OrderNumber>, StoreError> {
        let pk = Keys(&self.tenant).reference(processor, reference);
        let partition = Partition::of_index("gsi3", pk);
        let page = self.query(&partition, 1, None).await?;
        let number = page.items.first().map(|row| text(row, "gsi3sk")).transpose()?;
        Ok(number.and_then(|number| number.parse().ok()))
    }

    /// Lists orders, newest first. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_orders(
        &self,
        which: &OrderSummaries,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Order>, StoreError> {
        let keys = Keys(&self.tenant);
        let (index, pk) = match which {
            OrderSummaries::Of(user) => ("gsi1", keys.orders_of(user)),
            OrderSummaries::In(state) => ("gsi3", keys.orders_in(state)),
        };
        let partition = Partition { newest_first: true, objects_only: true, ..Partition::of_index(index, pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Reads the order that a refund is of, with everything that belongs to it. Two round trips; one for a refund that is
    /// not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_refunded_order(&self, refund: &RefundId) -> Result<Option<OrderFile>, StoreError> {
        match self.get(Keys(&self.tenant).refund(refund), "REFUND").await? {
            Some(way) => self.read_order(&object(&way)?).await,
            None => Ok(None),
        }
    }

    /// Lists the tenant's refunds in one state, by its name, newest first, each with its order. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_refunds(
        &self,
        state: &str,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<(OrderNumber, Refund)>, StoreError> {
        let keys = Keys(&self.tenant);
        let partition = Partition { newest_first: true, ..Partition::of_index("gsi3", keys.refunds_in(state)) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        let of = |row: &Item| {
            let number = text(row, "pk")?.rsplit('#').next().and_then(|number| number.parse().ok());
            Ok((number.ok_or(StoreError::Incomplete("order number"))?, object(row)?))
        };
        Ok(Page { items: page.items.iter().map(of).collect::<Result<_, StoreError>>()?, next: page.next })
    }

    /// What is due at `now`, about `per_shard` rows of each shard of the index, the oldest: since when, and of what. An order that has several things due is named several times. A row that cannot be read is logged, left out, and
    /// counted: with it comes how many there were.
    pub(crate) async fn list_due(&self, now: Timestamp, per_shard: u16) -> Result<(Vec<Due>, usize), StoreError> {
        let shards = (0..DUE_SHARDS).map(|shard| self.list_due_of(shard, now, per_shard));
        let (due, unread): (Vec<_>, Vec<_>) = try_join_all(shards).await?.into_iter().unzip();
        Ok((due.concat(), unread.iter().sum()))
    }

    async fn list_due_of(&self, shard: u32, now: Timestamp, most: u16) -> Result<(Vec<Due>, usize), StoreError> {
        let shard = Keys(&self.tenant).due(shard);
        let (mut found, mut unread) = (Vec::new(), 0_usize);
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("gsi2")
                .key_condition_expression("gsi2pk = :pk AND gsi2sk < :until")
                .expression_attribute_values(":pk", s(&shard))
                // '~' sorts after every sort key of the same moment.
                .expression_attribute_values(":until", s(format!("{}~", moment(now))))
                .projection_expression("gsi2sk")
                .limit(most.into())
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await?;
            for row in answer.items.unwrap_or_default() {
                let key = text(&row, "gsi2sk").unwrap_or_default();
                match due(key) {
                    Some(due) => found.push(due),
                    None => {
                        tracing::error!(gsi2pk = shard, gsi2sk = key, "a due row cannot be read");
                        unread = unread.saturating_add(1);
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() || found.len() >= usize::from(most) {
                return Ok((found, unread));
            }
        }
    }
}

/// Something due: since when, and of what.
pub(crate) type Due = (Timestamp, Waiting);

/// What waits for a moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Waiting {
    Order(OrderNumber),
    Batch(BatchId),
}

fn due(key: &str) -> Option<Due> {
    let (since, rest) = key.split_once('#')?;
    let of = rest.split('#').next()?;
    let order = || of.parse().ok().map(Waiting::Order);
    Some((since.parse().ok()?, of.parse().ok().map(Waiting::Batch).or_else(order)?))
}

/// The rows of an order's partition as its file; `None` without an order row.
pub(super) fn order_file(rows: &[Item]) -> Result<Option<OrderFile>, StoreError> {
    let Some(head) = rows.iter().find(|row| text(row, "sk").is_ok_and(|sk| sk == "ORDER")) else { return Ok(None) };
    let mut file = OrderFile::new(object(head)?);
    for row in rows {
        match text(row, "sk")?.split('#').next().unwrap_or_default() {
            "PAY" => file.attempts.push(object(row)?),
            "TASK" => {
                let task: domain::task::Task = object(row)?;
                file.tasks.insert(task.key(), task);
            }
            "EVENT" => file.events.push(object(row)?),
            "LEDGER" => file.ledger.push(object(row)?),
            "REFUND" => file.refunds.push(object(row)?),
            "OUT" => file.outbox.push(object(row)?),
            // What a later version may add.
            _ => {}
        }
    }
    file.ledger.sort_by_key(|entry| entry.at);
    Ok(Some(file))
}
