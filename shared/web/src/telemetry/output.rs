//! Where lines go: whole, one after the other.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A place for lines. Clones are the same place.
#[derive(Clone)]
pub struct Output(Arc<Mutex<dyn Write + Send>>);

impl Output {
    /// Standard output, which Lambda carries to CloudWatch.
    #[must_use]
    pub fn stdout() -> Self {
        Self(Arc::new(Mutex::new(stdout())))
    }

    /// Standard error, for a command whose standard output is its own.
    #[must_use]
    pub fn stderr() -> Self {
        Self(Arc::new(Mutex::new(stderr())))
    }

    /// The end of a buffer, to be read again.
    #[must_use]
    pub fn buffer(buffer: &Arc<Mutex<Vec<u8>>>) -> Self {
        Self(Arc::<Mutex<Vec<u8>>>::clone(buffer))
    }

    /// Writes one value as a line of JSON. A line that cannot be written is lost: there is nobody to tell.
    pub(super) fn write(&self, line: &impl Serialize) {
        if let Ok(mut bytes) = serde_json::to_vec(line) {
            bytes.push(b'\n');
            let _lost = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output")
    }
}
