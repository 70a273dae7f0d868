//! The queue between the table and fulfilment. A message is only a wake-up: what there is to do stands in the table.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::types::MessageAttributeValue;
use domain::id::{OrderNumber, OutboxId, RefundId};
use domain::plan::{OutboxItem, Plan, Work};
use domain::text::Tenant;
use serde::{Deserialize, Serialize};

/// What a message asks for, on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SentWork {
    /// Work the order's lines.
    Fulfil,
    /// Ask the processor for a refund.
    Refund {
        /// Which.
        refund: RefundId,
    },
}

/// A message's body, as JSON. Unknown fields are refused, so that a message of another format is seen and not half
/// understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The format: 1.
    pub v: u32,
    /// Whose order.
    pub tenant: Tenant,
    /// The order to look at.
    pub order: OrderNumber,
    /// The outbox item, which the receiver settles.
    pub outbox: OutboxId,
    /// What to do.
    pub work: SentWork,
}

impl Message {
    /// The message of an outbox item.
    #[must_use]
    pub fn of(tenant: &Tenant, item: &OutboxItem) -> Self {
        let work = match &item.work {
            Work::Fulfil => SentWork::Fulfil,
            Work::Refund(refund) => SentWork::Refund { refund: refund.clone() },
        };
        Self { v: 1, tenant: tenant.clone(), order: item.order.clone(), outbox: item.id.clone(), work }
    }
}

/// A message that could not be sent. Nothing is lost: its outbox item is still in the table.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS could not be reached or refused.
    #[error("the queue cannot be reached")]
    Unavailable(#[from] Box<SdkError<SendMessageError>>),
    /// The message cannot be written.
    #[error("a message cannot be written")]
    BadMessage(#[from] serde_json::Error),
}

impl QueueError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::BadMessage(_) => false,
        }
    }
}

/// The fulfilment queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sends the message of an outbox item. Its attribute `traceparent` says where in a trace it comes from.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn send(&self, tenant: &Tenant, item: &OutboxItem) -> Result<(), QueueError> {
        let body = serde_json::to_string(&Message::of(tenant, item))?;
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let request = match traceparent() {
            Some(value) => request.message_attributes(trace::TRACEPARENT, value),
            None => request,
        };
        let sent = request.send().await;
        sent.map(drop).map_err(|error| QueueError::Unavailable(Box::new(error)))
    }

    /// Sends every message that a committed plan owes. A failure is logged and not returned: the fact is committed,
    /// and the janitor sends what was not sent.
    pub async fn send_all(&self, tenant: &Tenant, plan: &Plan) {
        for item in plan.messages() {
            if let Err(error) = self.send(tenant, item).await {
                tracing::warn!(order = %item.order, error = &error as &dyn std::error::Error, "message not sent");
            }
        }
    }
}

fn traceparent() -> Option<MessageAttributeValue> {
    let here = trace::current()?.to_string();
    // It fails only without a data type.
    MessageAttributeValue::builder().data_type("String").string_value(here).build().ok()
}
