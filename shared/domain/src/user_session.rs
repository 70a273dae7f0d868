//! Signed-in sessions: what a browser or an application holds after it exchanged a token, or came through the gateway.
//!
//! The table knows the digest of a session's secret, never the secret.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::owner::{SessionKey, UserId, UserSessionKey};

/// How long a session lives, however much it is used: two weeks, so that a returning learner need not sign in again,
/// while a stolen secret does not open for ever.
pub const USER_SESSION: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionOrigin {
    /// A token was exchanged for it.
    Login,
    /// The identity-aware gateway vouched for the user; the session ends when it no longer does.
    Gateway,
}

/// A signed-in session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    /// Its key: a digest of its secret.
    pub key: UserSessionKey,
    /// Whose.
    pub user: UserId,
    /// The realm of its `Session-Id`.
    pub realm: String,
    /// How it began.
    pub origin: SessionOrigin,
    /// The anonymous session that it took the place of.
    pub upgraded_from: Option<SessionKey>,
    /// The browser or application, as it names itself, for the owner's list of sessions.
    pub agent: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl UserSession {
    /// Whether it still holds for a user whose sessions are over that began until `sessions_after`. The table drops rows
    /// late, so whoever reads one asks.
    #[must_use]
    pub fn is_live(&self, sessions_after: Timestamp, now: Timestamp) -> bool {
        self.started_at > sessions_after && now < self.ends_at
    }
}

/// When a session that begins at `now` ends.
#[must_use]
pub fn ends_at(now: Timestamp) -> Timestamp {
    now.saturating_add(USER_SESSION).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_for_two_weeks_to_the_second() {
        let start = Timestamp::from_second(1_795_000_000).unwrap();
        let session = UserSession {
            key: UserSessionKey::from_digest([1; 16]),
            user: UserId::from_digest([2; 16]),
            realm: "api.example".to_owned(),
            origin: SessionOrigin::Login,
            upgraded_from: None,
            agent: None,
            started_at: start,
            ends_at: ends_at(start),
        };
        let at = |seconds: i64| Timestamp::from_second(1_795_000_000 + seconds).unwrap();
        let after = |seconds: i64| session.is_live(Timestamp::UNIX_EPOCH, at(seconds));
        assert_eq!([0, 14 * 86_400 - 1, 14 * 86_400].map(after), [true, true, false]);
        assert_eq!([-1, 0, 1].map(|ended| session.is_live(at(ended), at(10))), [true, false, false]);
        assert!(ends_at(Timestamp::MAX) == Timestamp::MAX);
    }
}
