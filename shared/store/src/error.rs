//! What can go wrong with the table itself; a condition that does not hold is [`crate::CommitError::Refused`] instead.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A fault of the table or of a row in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, or was too busy, after the SDK's own retries.
    #[error("the table cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// DynamoDB refused the request itself.
    #[error("the table refused the request ({code})")]
    Rejected {
        /// DynamoDB's error code.
        code: String,
        /// DynamoDB's answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row cannot be written or read as what it should be.
    #[error("a row does not have the shape that it should have")]
    BadRow(#[from] serde_json::Error),
    /// A row lacks an attribute that every row of its kind has.
    #[error("a row lacks its {0}")]
    Incomplete(&'static str),
    /// More rows than one transaction takes.
    #[error("a plan has more than 100 writes")]
    TooManyWrites,
}

impl StoreError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Rejected { .. } | Self::BadRow(_) | Self::Incomplete(_) | Self::TooManyWrites => false,
        }
    }
}

/// Codes with which DynamoDB says "later".
const BUSY: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "TransactionInProgressException",
    "TransactionConflictException",
];

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        match code {
            Some(code) if !BUSY.contains(&code.as_str()) => Self::Rejected { code, source: Box::new(error) },
            Some(_) | None => Self::Unavailable(Box::new(error)),
        }
    }
}
