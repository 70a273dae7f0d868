//! How long to wait before the next try.

use jiff::{SignedDuration, Timestamp};

/// The first wait.
const FIRST_S: i64 = 30;
/// The longest wait: six hours.
const LONGEST_S: i64 = 6 * 3600;
/// How long transient faults are borne before a human must look: seven days.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// When to try again after `failures` faults in a row (the one just seen included): 30 s doubled each time, at most 6 h,
/// less up to a quarter by `jitter` (any number), so that a crowd does not return at once.
#[must_use]
pub fn next_try(now: Timestamp, failures: u32, jitter: u64) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(16);
    let wait = FIRST_S.saturating_mul(1_i64.checked_shl(doublings).unwrap_or(i64::MAX)).min(LONGEST_S);
    let spread = u64::try_from(wait.checked_div(4).unwrap_or(0)).unwrap_or(0).max(1);
    let less = i64::try_from(jitter.checked_rem(spread).unwrap_or(0)).unwrap_or(0);
    now.saturating_add(SignedDuration::from_secs(wait.saturating_sub(less))).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_thirty_seconds_to_six_hours() {
        let waits: Vec<i64> =
            [1, 2, 3, 9, 10, 11, 4_000_000].map(|n| next_try(Timestamp::UNIX_EPOCH, n, 0).as_second()).to_vec();
        assert_eq!(waits, [30, 60, 120, 7680, 15360, 21600, 21600]);
    }

    #[test]
    fn jitter_takes_off_less_than_a_quarter() {
        for jitter in [1, 6, 7, u64::MAX] {
            let wait = next_try(Timestamp::UNIX_EPOCH, 1, jitter).as_second();
            assert!((24..=30).contains(&wait), "{wait}");
        }
    }
}
