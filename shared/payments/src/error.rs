//! What can go wrong when we call a processor, in terms of what to do next.

use std::error::Error;

use crate::exponent::NotPayable;
use crate::webhook::UnreadableAmount;

/// A call to a processor failed.
///
/// Two questions matter: may the same call be made again ([`ProcessorError::retryable`]), and may the call have taken
/// effect although it failed ([`ProcessorError::outcome_unknown`])? Calls carry idempotency keys, so that making one
/// again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// No answer: the connection failed, or time ran out.
    #[error("processor cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The payment method was declined.
    #[error("payment declined: {code}")]
    Declined {
        /// The processor's reason, such as `insufficient_funds`.
        code: String,
    },
    /// The processor refuses the call as it is: a wrong parameter, an unknown object, a wrong key.
    #[error("processor refuses the request: {code} (status {status})")]
    InvalidRequest {
        /// The HTTP status, 400 to 499; 404 is an unknown object, 401 a wrong key.
        status: u16,
        /// The processor's code, such as `resource_missing`.
        code: String,
    },
    /// Too many calls.
    #[error("processor limits the rate of calls")]
    RateLimited,
    /// The idempotency key is taken: by a call in flight, or by a finished one with other parameters.
    #[error("idempotency key is taken (in flight: {in_flight})")]
    Idempotency {
        /// Whether the other call is still running.
        in_flight: bool,
    },
    /// The processor failed.
    #[error("processor failed with status {status}")]
    Server {
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is not what the processor's API promises.
    #[error("processor's answer cannot be read (status {status})")]
    BadAnswer {
        /// The HTTP status.
        status: u16,
    },
    /// The processor names an amount that we cannot read; a person must look.
    #[error("processor's amount cannot be read")]
    UnreadableAmount(#[from] UnreadableAmount),
    /// The amount cannot be charged there; no call was made.
    #[error("amount cannot be charged")]
    NotPayable(#[from] NotPayable),
}

impl ProcessorError {
    /// Whether the same call, with the same idempotency key, may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::RateLimited | Self::Server { .. } => true,
            Self::Idempotency { in_flight } => *in_flight,
            Self::Declined { .. }
            | Self::InvalidRequest { .. }
            | Self::BadAnswer { .. }
            | Self::UnreadableAmount(_)
            | Self::NotPayable(_) => false,
        }
    }

    /// Whether the call may have taken effect. Ask the processor, or wait for its webhook, before concluding anything.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Server { .. } | Self::BadAnswer { .. } | Self::Idempotency { .. } => true,
            Self::Declined { .. }
            | Self::InvalidRequest { .. }
            | Self::RateLimited
            | Self::UnreadableAmount(_)
            | Self::NotPayable(_) => false,
        }
    }
}
