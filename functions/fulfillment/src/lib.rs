//! Fulfillment: woken by the queue, it grants and takes back places in the LMS, and asks processors for refunds.
//!
//! The table is the truth and a message only a wake-up, so a message that comes twice, late or out of order is harmless.
//! Each message of a batch fails or succeeds on its own: one that cannot be understood or worked is left to the queue,
//! which gives it up into its dead-letter queue after some tries. A batch of which nothing was worked is an error of the
//! invocation, so that Lambda counts it; the same messages come again.

mod codes;
mod config;
mod errand;
mod fulfil_order;
mod submit_refund;

use std::any::Any;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::id::OrderNumber;
use futures::FutureExt;
use jiff::SignedDuration;
use lms::Lms;
use payments::Processor;
use store::{CommitError, Message, SentWork, Store, StoreError};
use trace::TraceParent;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use web::{Clock, Entropy, Until, telemetry};

/// No message and no line is begun in the last half minute before the deadline. A line takes at most two calls at the
/// LMS of 7 s each, a refund one at the processor of 8 s with a line to take back after it, and each some writes, which take
/// milliseconds; where the table hangs as well, Lambda may end the invocation, and its messages come again.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// What the function works with.
#[derive(Clone)]
pub struct App {
    /// The table.
    pub store: Store,
    /// The learning platform.
    pub lms: Lms,
    /// The processors that refunds are asked of.
    pub processors: Vec<Processor>,
    /// The clock.
    pub clock: Clock,
    /// The source of ids and jitter.
    pub entropy: Entropy,
}

/// Why a message is left to the queue.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The body is not a message of ours.
    #[error("not a message of this queue")]
    NotAMessage(#[source] serde_json::Error),
    /// The message is for a tenant that is not served here, or of a later format.
    #[error("a message for an unknown tenant or of another format")]
    NotForUs,
    /// The message names an order that does not exist.
    #[error("there is no order {0}")]
    NoOrder(OrderNumber),
    /// A task or refund is in a state that the domain says it cannot be in.
    #[error("the order's rows contradict each other")]
    Contradiction(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The table failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A refund is to be paid that goes back from no payment.
    #[error("the refund names no payment")]
    NoPayment,
    /// A processor is not configured.
    #[error("the payment's processor is not configured")]
    NoProcessor,
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// No message of a batch was worked; why is logged for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no message of the batch was worked")]
pub struct NoneWorked;

/// Works a batch until the time is over, each message by its tenant's own app, and names the messages that must come
/// again.
///
/// # Errors
/// [`NoneWorked`] if that is all of them.
pub async fn handle(apps: &[App], batch: SqsEvent, until: &Until) -> Result<SqsBatchResponse, NoneWorked> {
    let (mut response, messages) = (SqsBatchResponse::default(), batch.records.len());
    let mut records = batch.records.into_iter();
    while !until.is_over()
        && let Some(record) = records.next()
    {
        let span = begin(&record);
        // A panic must not take the rest of the batch with it.
        let worked = AssertUnwindSafe(work(apps, &record, until)).catch_unwind().instrument(span.clone()).await;
        if span.in_scope(|| has_failed(worked)) {
            response.batch_item_failures.push(failure(record));
        }
    }
    if records.len() > 0 {
        tracing::warn!(left = records.len(), "out of time: messages are left to the queue");
        response.batch_item_failures.extend(records.map(failure));
    }
    telemetry::flush().await;
    if messages > 0 && response.batch_item_failures.len() == messages { Err(NoneWorked) } else { Ok(response) }
}

fn failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}

/// The message's span, below whatever sent it.
fn begin(record: &SqsMessage) -> Span {
    let id = record.message_id.as_deref().unwrap_or_default();
    let span = tracing::info_span!(
        target: trace::TARGET,
        "message",
        message_id = id,
        tenant = Empty,
        order = Empty,
        trace_id = Empty,
        "otel.name" = "process fulfillment",
        "otel.kind" = "consumer",
        "otel.status_code" = Empty,
        "messaging.system" = "aws_sqs",
        "messaging.operation.type" = "process",
        "messaging.message.id" = id,
    );
    let attribute = record.message_attributes.get(trace::TRACEPARENT).and_then(|value| value.string_value.as_deref());
    trace::begin(&span, attribute.and_then(TraceParent::parse));
    span
}

fn has_failed(worked: Result<Result<(), WorkError>, Box<dyn Any + Send>>) -> bool {
    match worked {
        Ok(Ok(())) => return false,
        Ok(Err(error)) => tracing::error!(error = &error as &dyn std::error::Error, "message not worked"),
        Err(_) => tracing::error!("a panic while working a message"),
    }
    Span::current().record("otel.status_code", "error");
    true
}

async fn work(apps: &[App], record: &SqsMessage, until: &Until) -> Result<(), WorkError> {
    let body = record.body.as_deref().unwrap_or_default();
    let message: Message = serde_json::from_str(body).map_err(WorkError::NotAMessage)?;
    Span::current().record("tenant", message.tenant.as_str());
    telemetry::concerns(&message.order);
    let app = apps.iter().find(|app| *app.store.tenant() == message.tenant).filter(|_| message.v == 1);
    let app = app.ok_or(WorkError::NotForUs)?;
    let found = app.store.read_order(&message.order).await?;
    let file = found.ok_or_else(|| WorkError::NoOrder(message.order.clone()))?;
    match &message.work {
        SentWork::Fulfil => fulfil_order::fulfil_order(app, &file, &message.outbox, until).await,
        SentWork::Refund { refund } => submit_refund::submit_refund(app, file, refund, (&message.outbox, until)).await,
    }
}
