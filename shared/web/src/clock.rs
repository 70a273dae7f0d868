//! The one clock that functions read.
//!
//! On AWS it is the wall clock. The local cloud moves it forward (`POST /_local/clock`), and tests start it at a
//! fixed instant, so that expiry, backoff and leases can be tried without waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// A shared, movable clock. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Base,
    ahead_ms: Arc<AtomicI64>,
}

#[derive(Clone, Copy, Debug)]
enum Base {
    Wall,
    Fixed(Timestamp),
}

impl Clock {
    /// A clock that follows the machine's time.
    #[must_use]
    pub fn wall() -> Self {
        Self { base: Base::Wall, ahead_ms: Arc::default() }
    }

    /// A clock that stands at `at` and moves only by [`Clock::advance`].
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self { base: Base::Fixed(at), ahead_ms: Arc::default() }
    }

    /// The present, to the millisecond, as business rules read it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        let now = self.issuer_now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// The present as a credential's issuer outside this process reads it: the wall clock, never moved.
    ///
    /// It differs from [`Clock::now`] only in the local cloud, whose clock can be moved while your own token tool
    /// or `curl` keeps the machine's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn issuer_now(&self) -> Timestamp {
        match self.base {
            Base::Wall => Timestamp::now(),
            Base::Fixed(at) => at,
        }
    }

    /// Moves the clock forward by `by` for every clone; a negative duration does nothing.
    pub fn advance(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX).max(0);
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_for_every_clone() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let other = clock.clone();
        clock.advance(SignedDuration::from_secs(90));
        assert_eq!(other.now(), Timestamp::from_second(90).unwrap());
        assert_eq!(other.issuer_now(), Timestamp::UNIX_EPOCH);
    }
}
