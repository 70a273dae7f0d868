//! Until when an invocation may begin something new.
//!
//! Lambda ends a process at the invocation's deadline, and with it what was done and not said yet. So work that may be
//! long stops some time before, and what it left comes again.

use jiff::{SignedDuration, Timestamp};

use crate::Clock;

/// A moment, and the clock that tells whether it has come.
#[derive(Clone, Debug)]
pub struct Until {
    clock: Clock,
    at: Timestamp,
}

impl Until {
    /// Until `at` by `clock`.
    #[must_use]
    pub const fn new(clock: Clock, at: Timestamp) -> Self {
        Self { clock, at }
    }

    /// Until `margin` before the deadline that Lambda gives an invocation: `Lambda-Runtime-Deadline-Ms` of the Runtime
    /// API, in milliseconds since 1970 by the machine's clock.
    #[must_use]
    pub fn before(deadline_ms: u64, margin: SignedDuration) -> Self {
        let deadline = i64::try_from(deadline_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = deadline.unwrap_or(Timestamp::MAX).saturating_sub(margin).unwrap_or(Timestamp::MIN);
        Self::new(Clock::wall(), at)
    }

    /// For work that nobody ends.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Clock::wall(), Timestamp::MAX)
    }

    /// Whether nothing new may be begun.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.clock.now() >= self.at
    }

    /// What the first of `shares` has of the time that is left; who needs less leaves more to the others.
    #[must_use]
    pub fn share(&self, shares: usize) -> Self {
        let now = self.clock.now();
        let shares = i32::try_from(shares).unwrap_or(i32::MAX).max(1);
        let time = self.at.duration_since(now).checked_div(shares).unwrap_or(SignedDuration::ZERO);
        Self::new(self.clock.clone(), now.saturating_add(time).unwrap_or(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn work_stops_some_time_before_the_deadline() {
        let until = Until::before(100_000, SignedDuration::from_secs(30));
        assert_eq!(until.at, second(70));
        let clock = Clock::fixed(second(69));
        let until = Until::new(clock.clone(), until.at);
        assert!(!until.is_over());
        clock.advance(SignedDuration::from_secs(1));
        assert!(until.is_over());
        assert!(!Until::never().is_over());
    }

    #[test]
    fn time_that_one_share_does_not_use_is_for_the_others() {
        let clock = Clock::fixed(second(0));
        let until = Until::new(clock.clone(), second(40));
        assert_eq!(until.share(4).at, second(10));
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(until.share(3).at, second(14));
        clock.advance(SignedDuration::from_secs(29));
        assert_eq!((until.share(2).at, until.share(1).at), (second(35), second(40)));
        clock.advance(SignedDuration::from_secs(20));
        assert!(until.share(2).is_over());
        assert!(!Until::never().share(2).is_over());
    }
}
