//! Throttles: how often one caller may do what could be used to guess or to abuse.
//!
//! Calls are counted in fixed windows, so a count is one addition to one row, and a new window is a new row.

use jiff::{SignedDuration, Timestamp};

/// A limit on one kind of call, for each caller by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Its name in the table.
    pub name: &'static str,
    /// The most calls of one window.
    pub limit: u32,
    /// The window's length, at least a second.
    pub window: SignedDuration,
}

impl Throttle {
    /// Exchanging a token for a session.
    pub const LOGIN: Self = Self::per_minute("login", 120);
    /// Asking for a token with a machine client's secret.
    pub const TOKEN: Self = Self::per_minute("token", 120);
    /// Starting a checkout, each of which holds stock and opens a session at the processor.
    pub const CHECKOUT: Self = Self::per_minute("checkout", 60);
    /// Entering a voucher code, which could be guessed.
    pub const VOUCHER: Self = Self::per_minute("voucher", 10);

    const fn per_minute(name: &'static str, limit: u32) -> Self {
        Self { name, limit, window: SignedDuration::from_mins(1) }
    }

    /// The window that `now` is in: its first moment, and the first after it.
    #[must_use]
    pub fn window_of(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let length = self.window.as_secs().max(1);
        let into = now.as_second().checked_rem_euclid(length).unwrap_or(0);
        let start = now.as_second().saturating_sub(into);
        let at = |second| Timestamp::from_second(second).unwrap_or(now);
        (at(start), at(start.saturating_add(length)))
    }
}

/// How a caller stands against a limit, the present call counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most calls of the window.
    pub limit: u32,
    /// The calls made in it.
    pub used: u32,
    /// When the next window begins.
    pub resets_at: Timestamp,
}

impl Rate {
    /// How many more calls the window allows.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    /// Whether the present call is one too many.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.used > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_on_the_minute_and_takes_no_more_than_its_limit() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (now, start) in [(0, 0), (59, 0), (60, 60), (1_795_000_019, 1_794_999_960), (-1, -60)] {
            assert_eq!(Throttle::LOGIN.window_of(at(now)), (at(start), at(start + 60)), "at {now}");
        }
        let middle = Timestamp::from_millisecond(59_999).unwrap();
        assert_eq!(Throttle::LOGIN.window_of(middle), (at(0), at(60)));
        let stands = |used| {
            let rate = Rate { limit: 10, used, resets_at: at(60) };
            (rate.remaining(), rate.is_exceeded())
        };
        assert_eq!([1, 10, 11, 500].map(stands), [(9, false), (0, false), (0, true), (0, true)]);
    }
}
