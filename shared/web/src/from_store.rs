//! The table's faults as problems. What a refused condition means is for the operation to say; one that it did not
//! expect is a plain conflict, and the caller may try again.

use store::{CommitError, StoreError};

use crate::code::Code;
use crate::problem::Problem;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.retryable() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(names) => {
                tracing::info!(conditions = names.join(","), "a condition did not hold");
                Self::new(Code::Conflict)
            }
            CommitError::Contended => Self::unavailable(&error),
            CommitError::Store(error) => error.into(),
        }
    }
}
