//! Reading: one round trip for each thing that a request needs.

mod basket;
mod batches;
mod books;
mod caller;
mod catalog;
mod clients;
mod coupons;
mod imported;
mod manual;
mod order;
mod products;
mod promotions;
mod sign_in;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};

pub use basket::BasketView;
pub use caller::{CallerKeys, CallerRows};
pub use manual::{PlacesView, WantedPlace};
pub use order::OrderSummaries;
pub(crate) use order::Waiting;
pub use products::ProductFilter;
pub use sign_in::SignInView;

use crate::Store;
use crate::commit::pause;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, s, text};

/// The most rows that one query asks for.
const PAGE: i32 = 1000;

/// Where a listing goes on: the last row's keys, to be sealed in a cursor before it leaves the service.
pub type Position = BTreeMap<String, String>;

/// One page of a listing. It may be shorter than the limit although more follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
}

/// A query's partition: in the table or in one of its indexes.
struct Partition<'a> {
    index: Option<&'static str>,
    pk: String,
    range: Range<'a>,
    newest_first: bool,
    /// Rows come without their keys and counters: `sk`, `v` and the object.
    objects_only: bool,
}

/// Which rows of a partition, by sort key.
enum Range<'a> {
    All,
    Beginning(&'a str),
    Before(&'a str),
}

impl Partition<'_> {
    /// All of a partition of the table, oldest first.
    const fn of(pk: String) -> Self {
        Self { index: None, pk, range: Range::All, newest_first: false, objects_only: false }
    }

    /// The same of an index.
    fn of_index(index: &'static str, pk: String) -> Self {
        Self { index: Some(index), ..Self::of(pk) }
    }
}

impl Store {
    /// Asks the table for a row that is never there: whether it answers at all. One round trip.
    ///
    /// # Errors
    /// [`StoreError`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.get(Keys(&self.tenant).health(), "HEALTH").await.map(drop)
    }

    async fn get(&self, pk: String, sk: &str) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(pk))
            .key("sk", s(sk))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await?;
        Ok(found.item)
    }

    /// Reads up to 100 rows by key at once. Rows that are not there are left out.
    async fn get_many(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = keys;
        for turn in 0..5 {
            if wanted.is_empty() {
                return Ok(found);
            }
            if turn > 0 {
                pause(turn).await;
            }
            let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request.map_err(|_| StoreError::Incomplete("keys"))?)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await?;
            found.extend(answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            wanted = left.map(|left| left.keys).unwrap_or_default();
        }
        Err(StoreError::Unavailable("rows were left unprocessed five times".into()))
    }

    /// Reads rows by key in one round trip, by the cheaper call for a single one; none for no keys.
    async fn get_some(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let [only] = keys.as_slice() else { return self.get_many(keys).await };
        let (pk, sk) = (text(only, "pk")?.to_owned(), text(only, "sk")?);
        Ok(self.get(pk, sk).await?.into_iter().collect())
    }

    /// All rows of a partition: one round trip, more only beyond a megabyte. It ends early with the page that passes `most`.
    async fn query_all(&self, partition: &Partition<'_>, most: usize) -> Result<Vec<Item>, StoreError> {
        let (mut rows, mut next) = (Vec::new(), None);
        loop {
            let page = Box::pin(self.query(partition, PAGE, next.as_ref())).await?;
            rows.extend(page.items);
            match page.next {
                Some(position) if rows.len() < most => next = Some(position),
                Some(_) | None => return Ok(rows),
            }
        }
    }

    /// One query, from `after` on.
    async fn query(
        &self,
        partition: &Partition<'_>,
        limit: i32,
        after: Option<&Position>,
    ) -> Result<Page<Item>, StoreError> {
        let attribute = |name: &str| partition.index.map_or(name.to_owned(), |index| format!("{index}{name}"));
        let (condition, bound) = match partition.range {
            Range::All => ("#pk = :pk", None),
            Range::Beginning(bound) => ("#pk = :pk AND begins_with(#sk, :bound)", Some(bound)),
            Range::Before(bound) => ("#pk = :pk AND #sk < :bound", Some(bound)),
        };
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(partition.index.map(str::to_owned))
            .key_condition_expression(condition)
            .expression_attribute_names("#pk", attribute("pk"))
            .expression_attribute_values(":pk", s(&partition.pk))
            .scan_index_forward(!partition.newest_first)
            .consistent_read(partition.index.is_none())
            .limit(limit)
            .set_exclusive_start_key(after.map(start_key))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(bound) = bound {
            request = request
                .expression_attribute_names("#sk", attribute("sk"))
                .expression_attribute_values(":bound", s(bound));
        }
        if partition.objects_only {
            // `data` is a reserved word.
            request = request.projection_expression("sk, v, #data").expression_attribute_names("#data", "data");
        }
        let answer = request.send().await?;
        let next = answer.last_evaluated_key.map(position).transpose()?;
        Ok(Page { items: answer.items.unwrap_or_default(), next })
    }
}

fn start_key(position: &Position) -> HashMap<String, AttributeValue> {
    position.iter().map(|(name, value)| (name.clone(), s(value))).collect()
}

fn position(key: Item) -> Result<Position, StoreError> {
    let text = |value: AttributeValue| value.as_s().cloned().map_err(|_| StoreError::Incomplete("text key"));
    key.into_iter().map(|(name, value)| Ok((name, text(value)?))).collect()
}
