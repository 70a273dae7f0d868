//! Why a webhook call is not taken as an event. Nothing of this is told to the caller; `reason` is for the counter.

use std::fmt;

use domain::payment::ProcessorEvent;

/// A webhook call that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// No signature header, or several.
    #[error("signature header is missing")]
    NoSignature,
    /// The signature header does not have the processor's form, or is too long.
    #[error("signature header is malformed")]
    BadSignature,
    /// The body is too large to be an event; it was not hashed.
    #[error("body is too large")]
    BodyTooLarge,
    /// No secret of ours made this signature over this body.
    #[error("signature is wrong")]
    WrongSignature,
    /// The signature is right, but its time is too far from now.
    #[error("signature is too old or from the future")]
    OutsideTolerance,
    /// Rightly signed, but not an event; the field says what is missing.
    #[error("body is not an event: {0}")]
    Malformed(&'static str),
    /// A genuine event about one of our orders, whose amount cannot be read. Not a 400: record it, park the order,
    /// and answer 200, since no repetition will make it readable.
    #[error("event's amount cannot be read")]
    Unreadable(#[source] Box<UnreadableEvent>),
}

impl WebhookRefusal {
    /// A stable word for logs and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSignature => "no_signature",
            Self::BadSignature => "bad_signature_header",
            Self::BodyTooLarge => "body_too_large",
            Self::WrongSignature => "wrong_signature",
            Self::OutsideTolerance => "outside_tolerance",
            Self::Malformed(_) => "malformed",
            Self::Unreadable(_) => "unreadable_amount",
        }
    }
}

/// A verified event that names one of our orders and an amount that we cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of {} about {}", event.event_type, event.event, amount)]
pub struct UnreadableEvent {
    /// The event; `order` is always set, and `fact` is [`domain::payment::Fact::Irrelevant`].
    pub event: ProcessorEvent,
    /// What it said about money.
    pub amount: UnreadableAmount,
}

/// An amount as a processor wrote it: absent, negative, or in a currency outside the proven list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableAmount {
    /// The processor's units, if it gave any.
    pub units: Option<i64>,
    /// The processor's currency code, if it gave one.
    pub currency: Option<String>,
}

impl fmt::Display for UnreadableAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units.map_or_else(|| "no".to_owned(), |units| units.to_string());
        write!(f, "{units} units of {}", self.currency.as_deref().unwrap_or("no currency"))
    }
}

impl std::error::Error for UnreadableAmount {}
