//! The same DynamoDB calls, bare: a second engine that holds a copy of a cloud's table, and recorded calls made on it
//! by the SDK's client, without a handler or an HTTP request of ours.
//!
//! The copy is taken before the calls are recorded, so every condition holds again as it held then, and keys, rows and
//! expressions are the very same.

use std::collections::BTreeMap;

use anyhow::bail;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use dynoxide::Database;

use super::load::Job;
use super::shop::Shop;
use crate::cloud::TABLE;
use crate::faults::Faults;
use crate::recorder::{Recorded, Recorder};
use crate::aws;

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
        traces: Vec<Vec<String>>,
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

/// Makes a call, setting what the store sets.
async fn send(client: &Client, call: Recorded) -> anyhow::Result<()> {
    match call {
        Recorded::Get(_) | Recorded::BatchGet(_) | Recorded::Query(_) => read(client, call).await,
        Recorded::Put(_) | Recorded::Update(_) | Recorded::Delete(_) | Recorded::Transact(_) => {
            write(client, call).await
        }
        Recorded::Other(call) => bail!("a call that cannot be replayed: {call}"),
    }
}

async fn read(client: &Client, call: Recorded) -> anyhow::Result<()> {
    match call {
        Recorded::Get(get) => {
            let request = client.get_item().set_table_name(get.table_name).set_key(get.key);
            let request = request.set_consistent_read(get.consistent_read);
            request.set_return_consumed_capacity(get.return_consumed_capacity).send().await?;
        }
        Recorded::BatchGet(get) => {
            let request = client.batch_get_item().set_request_items(get.request_items);
            request.set_return_consumed_capacity(get.return_consumed_capacity).send().await?;
        }
        Recorded::Query(query) => {
            let request = client.query().set_table_name(query.table_name).set_index_name(query.index_name);
            let request = request
                .set_key_condition_expression(query.key_condition_expression)
                .set_expression_attribute_names(query.expression_attribute_names)
                .set_expression_attribute_values(query.expression_attribute_values)
                .set_consistent_read(query.consistent_read)
                .set_scan_index_forward(query.scan_index_forward)
                .set_exclusive_start_key(query.exclusive_start_key)
                .set_limit(query.limit);
            request.set_return_consumed_capacity(query.return_consumed_capacity).send().await?;
        }
        Recorded::Put(_) | Recorded::Update(_) | Recorded::Delete(_) | Recorded::Transact(_) | Recorded::Other(_) => {}
    }
    Ok(())
}

async fn write(client: &Client, call: Recorded) -> anyhow::Result<()> {
    match call {
        Recorded::Put(put) => {
            let request = client.put_item().set_table_name(put.table_name).set_item(put.item);
            let request = request
                .set_condition_expression(put.condition_expression)
                .set_expression_attribute_names(put.expression_attribute_names)
                .set_expression_attribute_values(put.expression_attribute_values);
            request.set_return_consumed_capacity(put.return_consumed_capacity).send().await?;
        }
        Recorded::Update(update) => {
            let request = client.update_item().set_table_name(update.table_name).set_key(update.key);
            let request = request
                .set_update_expression(update.update_expression)
                .set_condition_expression(update.condition_expression)
                .set_expression_attribute_names(update.expression_attribute_names)
                .set_expression_attribute_values(update.expression_attribute_values);
            request.set_return_consumed_capacity(update.return_consumed_capacity).send().await?;
        }
        Recorded::Delete(delete) => {
            let request = client.delete_item().set_table_name(delete.table_name).set_key(delete.key);
            let request = request
                .set_condition_expression(delete.condition_expression)
                .set_expression_attribute_names(delete.expression_attribute_names)
                .set_expression_attribute_values(delete.expression_attribute_values);
            request.set_return_consumed_capacity(delete.return_consumed_capacity).send().await?;
        }
        Recorded::Transact(writes) => {
            let request = client.transact_write_items().set_transact_items(writes.transact_items);
            request.set_return_consumed_capacity(writes.return_consumed_capacity).send().await?;
        }
        Recorded::Get(_) | Recorded::BatchGet(_) | Recorded::Query(_) | Recorded::Other(_) => {}
    }
    Ok(())
}
