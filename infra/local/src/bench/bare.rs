//! The same DynamoDB calls, bare: a second engine that holds a copy of a cloud's table, and recorded calls made on it
//! by the SDK's client, without a handler or an HTTP request of ours.
//!
//! The copy is taken before the calls are recorded, so every condition holds again as it held then, and keys, rows and
//! expressions are the very same.

use std::collections::BTreeMap;

use anyhow::bail;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use dynoxide::Database;

use super::load::{Job, Trace};
use super::shop::Shop;
use crate::aws;
use crate::cloud::TABLE;
use crate::faults::Faults;
use crate::recorder::{Recorded, Recorder};

/// The most rows that one call writes.
const BATCH: usize = 25;

/// A table like a cloud's.
pub(super) struct Bare {
    client: Client,
}

impl Bare {
    /// A copy of the cloud's table as it is now.
    pub(super) async fn copy_of(shop: &Shop) -> anyhow::Result<Self> {
        let endpoint = aws::serve_dynamodb(Database::memory()?).await?;
        let client = aws::dynamodb(&endpoint, &Faults::default(), &Recorder::default());
        store::create_table(&client, TABLE).await?;
        let mut pages = shop.cloud.dynamodb.scan().table_name(TABLE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let mut puts = Vec::new();
            for row in page?.items.unwrap_or_default() {
                let put = PutRequest::builder().set_item(Some(row)).build()?;
                puts.push(WriteRequest::builder().put_request(put).build());
            }
            for batch in puts.chunks(BATCH) {
                client.batch_write_item().request_items(TABLE, batch.to_vec()).send().await?;
            }
        }
        Ok(Self { client })
    }

    /// The calls of recorded requests as jobs; each trace names the recordings of one.
    pub(super) fn replay(
        &self,
        traces: Vec<Trace>,
        mut recorded: BTreeMap<String, Vec<Recorded>>,
    ) -> anyhow::Result<Vec<Job>> {
        let mut jobs: Vec<Job> = Vec::with_capacity(traces.len());
        for trace in traces {
            let calls: Vec<Recorded> = trace.iter().flat_map(|id| recorded.remove(id).unwrap_or_default()).collect();
            if calls.is_empty() {
                bail!("no call was recorded for {}", trace.join(", "));
            }
            let client = self.client.clone();
            jobs.push(Box::pin(async move {
                for call in calls {
                    send(&client, call).await?;
                }
                Ok(Vec::new())
            }));
        }
        Ok(jobs)
    }
}

/// Makes a call as the store makes it.
async fn send(client: &Client, call: Recorded) -> anyhow::Result<()> {
    match call {
        Recorded::Get(call) => get(client, call).await,
        Recorded::BatchGet(call) => batch_get(client, call).await,
        Recorded::Query(call) => query(client, call).await,
        Recorded::Put(call) => put(client, call).await,
        Recorded::Update(call) => update(client, call).await,
        Recorded::Delete(call) => delete(client, call).await,
        Recorded::Transact(call) => transact(client, call).await,
        Recorded::Other(call) => bail!("a call that cannot be replayed: {call}"),
    }
}

async fn get(client: &Client, call: GetItemInput) -> anyhow::Result<()> {
    let request = client.get_item().set_table_name(call.table_name).set_key(call.key);
    let request = request.set_consistent_read(call.consistent_read);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn batch_get(client: &Client, call: BatchGetItemInput) -> anyhow::Result<()> {
    let request = client.batch_get_item().set_request_items(call.request_items);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn query(client: &Client, call: QueryInput) -> anyhow::Result<()> {
    let request = client.query().set_table_name(call.table_name).set_index_name(call.index_name);
    let request = request
        .set_key_condition_expression(call.key_condition_expression)
        .set_expression_attribute_names(call.expression_attribute_names)
        .set_expression_attribute_values(call.expression_attribute_values)
        .set_consistent_read(call.consistent_read)
        .set_scan_index_forward(call.scan_index_forward)
        .set_exclusive_start_key(call.exclusive_start_key)
        .set_limit(call.limit);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn put(client: &Client, call: PutItemInput) -> anyhow::Result<()> {
    let request = client.put_item().set_table_name(call.table_name).set_item(call.item);
    let request = request
        .set_condition_expression(call.condition_expression)
        .set_expression_attribute_names(call.expression_attribute_names)
        .set_expression_attribute_values(call.expression_attribute_values);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn update(client: &Client, call: UpdateItemInput) -> anyhow::Result<()> {
    let request = client.update_item().set_table_name(call.table_name).set_key(call.key);
    let request = request
        .set_update_expression(call.update_expression)
        .set_condition_expression(call.condition_expression)
        .set_expression_attribute_names(call.expression_attribute_names)
        .set_expression_attribute_values(call.expression_attribute_values);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn delete(client: &Client, call: DeleteItemInput) -> anyhow::Result<()> {
    let request = client.delete_item().set_table_name(call.table_name).set_key(call.key);
    let request = request
        .set_condition_expression(call.condition_expression)
        .set_expression_attribute_names(call.expression_attribute_names)
        .set_expression_attribute_values(call.expression_attribute_values);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}

async fn transact(client: &Client, call: TransactWriteItemsInput) -> anyhow::Result<()> {
    let request = client.transact_write_items().set_transact_items(call.transact_items);
    request.set_return_consumed_capacity(call.return_consumed_capacity).send().await?;
    Ok(())
}
