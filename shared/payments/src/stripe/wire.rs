//! Stripe's objects, as far as we read them. Source: Stripe's API reference, version `2026-10-28.endive`.
//!
//! Every field but an id may be absent, statuses are open, and a field that Stripe can expand is read as an id or as an
//! object. What is missing is judged where it is used, so that a strange object never hides the rest of an event.

use domain::text::ProcessorRef;
use serde::Deserialize;
use serde_json::value::RawValue;

/// `event`, around an object whose shape depends on the type.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    pub(crate) id: ProcessorRef,
    pub(crate) object: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Unix seconds.
    pub(crate) created: i64,
    /// Simulators leave it out, which means a test event.
    #[serde(default)]
    pub(crate) livemode: bool,
    /// The connected account, on Connect endpoints only.
    #[serde(default)]
    pub(crate) account: Option<String>,
    #[serde(borrow)]
    pub(crate) data: EventData<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventData<'a> {
    #[serde(borrow)]
    pub(crate) object: &'a RawValue,
}

/// `checkout.session`.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: ProcessorRef,
    pub(crate) status: Option<SessionStatus>,
    pub(crate) payment_status: Option<PaymentStatus>,
    pub(crate) amount_total: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) payment_intent: Option<Expandable<Intent>>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    /// The hosted page, while the session is open.
    pub(crate) url: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionStatus {
    Open,
    Complete,
    Expired,
    #[serde(untagged)]
    Other(String),
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    Paid,
    NoPaymentRequired,
    Unpaid,
    #[serde(untagged)]
    Other(String),
}

/// `payment_intent`.
#[derive(Debug, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: ProcessorRef,
    pub(crate) status: Option<IntentStatus>,
    pub(crate) amount_received: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) last_payment_error: Option<PaymentError>,
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Processing,
    Succeeded,
    Canceled,
    #[serde(untagged)]
    Other(String),
}

/// Why the last try failed.
#[derive(Debug, Deserialize)]
pub(crate) struct PaymentError {
    pub(crate) code: Option<String>,
    pub(crate) decline_code: Option<String>,
}

/// `charge`.
#[derive(Debug, Deserialize)]
pub(crate) struct Charge {
    /// The sum of all its refunds.
    pub(crate) amount_refunded: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) payment_intent: Option<Expandable<Named>>,
    pub(crate) metadata: Option<Metadata>,
}

/// `dispute`.
#[derive(Debug, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) status: Option<String>,
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) payment_intent: Option<Expandable<Named>>,
    pub(crate) metadata: Option<Metadata>,
}

/// `refund`.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: ProcessorRef,
    pub(crate) status: Option<RefundStatus>,
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) payment_intent: Option<Expandable<Named>>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    #[serde(untagged)]
    Other(String),
}

/// The pairs that we hang on every object; those of other applications on the account are ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) order_number: Option<String>,
    pub(crate) attempt_id: Option<String>,
    pub(crate) refund_id: Option<String>,
}

/// A reference that Stripe writes as an id, or as the object itself.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expandable<T> {
    Id(ProcessorRef),
    Object(Box<T>),
}

impl Expandable<Intent> {
    pub(crate) fn id(&self) -> &ProcessorRef {
        match self {
            Self::Id(id) => id,
            Self::Object(intent) => &intent.id,
        }
    }

    pub(crate) fn object(&self) -> Option<&Intent> {
        match self {
            Self::Id(_) => None,
            Self::Object(intent) => Some(intent),
        }
    }
}

/// Any object, of which only the id matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    id: ProcessorRef,
}

impl Expandable<Named> {
    pub(crate) fn into_id(self) -> ProcessorRef {
        match self {
            Self::Id(id) => id,
            Self::Object(named) => named.id,
        }
    }
}

/// The body of a failure: `{"error":{…}}`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) error: ErrorDetail,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) decline_code: Option<String>,
}
