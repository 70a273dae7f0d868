//! The queue's trigger: what AWS's event source mapping does between SQS and the fulfilment function.
//!
//! It receives a batch, calls the function, deletes what was worked, and leaves the rest to come again; after five
//! receptions a message ends in the dead-letter queue.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, QueueAttributeName};
use web::Until;

use crate::meter::Ledger;

/// How often a message is received before it is given up.
const MAX_RECEIVES: u32 = 5;
/// How long a received message is hidden; the function is done long before.
const VISIBILITY_S: u32 = 180;

/// The fulfilment queue and its dead-letter queue.
#[derive(Clone, Debug)]
pub struct Trigger {
    client: Client,
    /// The queue's address.
    pub url: String,
    dead_url: String,
    /// Seconds after which a message that failed comes again.
    redelivery_s: i32,
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Depth {
    /// Waiting.
    pub visible: u32,
    /// Received and not deleted.
    pub in_flight: u32,
    /// Given up.
    pub dead: u32,
}

impl Trigger {
    /// Makes both queues. A message that failed comes again after `redelivery_s` seconds.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn create(client: Client, redelivery_s: i32) -> anyhow::Result<Self> {
        let dead = client.create_queue().queue_name("fulfillment-dead").send().await?;
        let dead_url = dead.queue_url.unwrap_or_default();
        let attributes = client
            .get_queue_attributes()
            .queue_url(&dead_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        let arn = attributes.attributes.unwrap_or_default().remove(&QueueAttributeName::QueueArn).unwrap_or_default();
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{MAX_RECEIVES}"}}"#);
        let queue = client
            .create_queue()
            .queue_name("fulfillment")
            .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_S.to_string())
            .attributes(QueueAttributeName::RedrivePolicy, redrive)
            .send()
            .await?;
        Ok(Self { client, url: queue.queue_url.unwrap_or_default(), dead_url, redelivery_s })
    }

    /// Receives a batch of at most `most` messages, 1 to 10, and has it worked; how many messages it held.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn pump(&self, apps: &[fulfillment::App], ledger: &Ledger, most: i32) -> anyhow::Result<usize> {
        let receive = self.client.receive_message().queue_url(&self.url).max_number_of_messages(most);
        let received = receive.message_attribute_names("All").send().await?;
        let messages = received.messages.unwrap_or_default();
        for message in &messages {
            let mut batch = SqsEvent::default();
            batch.records.push(record(message));
            let id = order_of(message);
            let worked = ledger.measure("fulfill", &id, fulfillment::handle(apps, batch, &Until::never())).await;
            let receipt = message.receipt_handle.clone().unwrap_or_default();
            if worked.is_ok_and(|response| response.batch_item_failures.is_empty()) {
                self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await?;
            } else {
                let later = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
                later.visibility_timeout(self.redelivery_s).send().await?;
            }
        }
        Ok(messages.len())
    }

    /// Puts a body on the queue as it is, as anyone with access to the queue could.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn send_raw(&self, body: &str) -> anyhow::Result<()> {
        self.client.send_message().queue_url(&self.url).message_body(body).send().await?;
        Ok(())
    }

    /// Forgets every message that waits, as an operator's `PurgeQueue` does.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn purge(&self) -> anyhow::Result<()> {
        self.client.purge_queue().queue_url(&self.url).send().await?;
        Ok(())
    }

    /// How many messages wait, are being worked, and were given up.
    ///
    /// # Errors
    /// If the queue fails.
    pub async fn depth(&self) -> anyhow::Result<Depth> {
        let (visible, in_flight) = self.count(&self.url).await?;
        let (dead, _) = self.count(&self.dead_url).await?;
        Ok(Depth { visible, in_flight, dead })
    }

    async fn count(&self, url: &str) -> anyhow::Result<(u32, u32)> {
        let answer = self.client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
        let attributes = answer.send().await?.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|n: &String| n.parse().ok()).unwrap_or(0);
        Ok((
            number(QueueAttributeName::ApproximateNumberOfMessages),
            number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        ))
    }
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    let attributes = message.message_attributes.iter().flatten();
    record.message_attributes = attributes.map(|(name, value)| (name.clone(), attribute(value))).collect();
    record
}

fn attribute(value: &MessageAttributeValue) -> SqsMessageAttribute {
    let mut attribute = SqsMessageAttribute::default();
    attribute.data_type = Some(value.data_type.clone());
    attribute.string_value = value.string_value.clone();
    attribute
}

/// The id by which calls at the simulators are matched to the message: the order or refund that they are made for.
fn order_of(message: &Message) -> String {
    let body: serde_json::Value = serde_json::from_str(message.body.as_deref().unwrap_or_default()).unwrap_or_default();
    let refund = body.get("work").and_then(|work| work.get("refund"));
    refund.or_else(|| body.get("order")).and_then(|id| id.as_str()).unwrap_or("unknown").to_owned()
}
