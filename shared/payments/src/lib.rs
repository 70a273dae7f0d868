//! Payment processors: requests out, events in, signatures.
//!
//! One module a processor; [`Processor`] is the closed list of them. Everything that a processor says leaves this crate
//! in the words of [`domain::payment`], so no status or event type of a vendor reaches an order. The seam for tests is
//! the wire: each client takes its base URL from its configuration.
//!
//! A processor that takes a signed form post fits as a further variant whose `open_session` answers
//! [`NextStep::Form`](domain::payment::NextStep::Form) without a call; one that wants approve-then-capture answers a
//! redirect, and reports the capture as [`Fact::Captured`].
//!
//! Not here: what an event means for an order (`domain`), when to try again (the janitor), and storing anything.

mod configure;
mod error;
pub mod exponent;
mod redact;
pub mod stripe;
pub mod transfer;
mod webhook;

use domain::payment::{
    Fact, Flow, OpenedSession, ProcessorEvent, ProcessorName, RefundAnswer, RefundRequest, SessionEnd, SessionRequest,
};
use domain::text::ProcessorRef;
use jiff::Timestamp;
use reqwest::header::HeaderMap;

pub use domain::secret::Secret;

pub use crate::configure::configured;
pub use crate::error::ProcessorError;
pub use crate::redact::redacted;
pub use crate::webhook::{UnreadableAmount, UnreadableEvent, WebhookRefusal};

/// What a processor says about a session or payment when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieved {
    /// How it stands; [`Fact::Irrelevant`] while the learner has done nothing yet.
    pub fact: Fact,
    /// The payment, as in [`ProcessorEvent::payment`].
    pub payment: Option<ProcessorRef>,
    /// The answer as it came, for the journal.
    pub raw: String,
}

/// A configured payment processor. Clones share connections.
#[derive(Clone, Debug)]
pub enum Processor {
    /// Stripe: Checkout Sessions and PaymentIntents.
    Stripe(stripe::Client),
}

impl Processor {
    /// Which processor this is.
    #[must_use]
    pub fn name(&self) -> ProcessorName {
        match self {
            Self::Stripe(_) => ProcessorName::Stripe,
        }
    }

    /// What a front end needs in order to take a payment on its own page.
    #[must_use]
    pub fn publishable_key(&self) -> &str {
        match self {
            Self::Stripe(client) => client.publishable_key(),
        }
    }

    /// The same processor, whose calls carry `request_id` as `X-Request-Id`. An id that cannot be a header value is
    /// left out.
    #[must_use]
    pub fn with_request_id(&self, request_id: &str) -> Self {
        match self {
            Self::Stripe(client) => Self::Stripe(client.with_request_id(request_id)),
        }
    }

    /// Opens a payment session. Calling again with the same order and attempt opens no second one.
    ///
    /// # Errors
    /// [`ProcessorError`]; with [`ProcessorError::outcome_unknown`] a session may be open all the same.
    pub async fn open_session(&self, request: &SessionRequest) -> Result<OpenedSession, ProcessorError> {
        match self {
            Self::Stripe(client) => client.open_session(request).await,
        }
    }

    /// Ends a session, so that it can no longer be paid. A session that was paid, or is being paid, stays as it is;
    /// one that ended before counts as closed.
    ///
    /// # Errors
    /// [`ProcessorError`]; the session may then still be open.
    pub async fn end_session(&self, reference: &ProcessorRef, flow: Flow) -> Result<SessionEnd, ProcessorError> {
        match self {
            Self::Stripe(client) => client.end_session(reference, flow).await,
        }
    }

    /// Asks how a session or payment stands, by the reference that [`Processor::open_session`] gave.
    ///
    /// # Errors
    /// [`ProcessorError`]; an object that the processor does not know is [`ProcessorError::InvalidRequest`] with
    /// status 404.
    pub async fn retrieve(&self, reference: &ProcessorRef) -> Result<Retrieved, ProcessorError> {
        match self {
            Self::Stripe(client) => client.retrieve(reference).await,
        }
    }

    /// Gives money back. Calling again with the same refund gives nothing back twice; a payment that was given back in
    /// full before counts as success, under the payment's own reference.
    ///
    /// # Errors
    /// [`ProcessorError`]; with [`ProcessorError::outcome_unknown`] the money may be on its way all the same.
    pub async fn refund(&self, request: &RefundRequest) -> Result<RefundAnswer, ProcessorError> {
        match self {
            Self::Stripe(client) => client.refund(request).await,
        }
    }

    /// Checks that the processor sent `body`, the raw bytes of a webhook call, and reads what it says.
    ///
    /// `now` is one or more readings of the clock; the event's time must be near one of them. The local cloud passes
    /// both its movable clock and the wall clock.
    ///
    /// # Errors
    /// [`WebhookRefusal`]: all are a 400, except [`WebhookRefusal::Unreadable`], which is genuine and must be parked.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: &[Timestamp],
    ) -> Result<ProcessorEvent, WebhookRefusal> {
        match self {
            Self::Stripe(client) => client.verify(headers, body, now),
        }
    }
}
