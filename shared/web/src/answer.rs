//! What an answer carries besides what its handler says: the current `Session-Id`, the caller's rate, cookies that end.
//!
//! Identity is decided by extractors, which cannot touch the answer. They leave a note here, and the outermost layer
//! writes it, also onto an answer that refuses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::throttle::Rate;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::identity::{SESSION_ID, ended_cookies};

/// How many requests a window allows; the number of the IETF draft for rate limit headers before it became a structure.
pub(crate) const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// How many are left of them.
pub(crate) const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// In how many seconds the window ends.
pub(crate) const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The notes of one request. Clones are the same notes.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    session_id: Option<HeaderValue>,
    rate: Option<(Rate, Timestamp)>,
    end_cookies: bool,
    dropped_headers: usize,
}

impl Notes {
    /// The answer is to name this session.
    pub fn session_id(&self, canonical: &str) {
        self.lock().session_id = HeaderValue::from_str(canonical).ok();
    }

    /// The session that the request named is over: the answer names none, and takes the cookies back.
    pub fn session_ended(&self) {
        let mut notes = self.lock();
        notes.session_id = None;
        notes.end_cookies = true;
    }

    pub(crate) fn rate(&self, rate: Rate, now: Timestamp) {
        self.lock().rate = Some((rate, now));
    }

    pub(crate) fn dropped_headers(&self, count: usize) {
        self.lock().dropped_headers = count;
    }

    /// How many identity headers were dropped, as the access log shows it.
    pub(crate) fn dropped(&self) -> usize {
        self.lock().dropped_headers
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap, secure_cookies: bool) {
        let notes = self.lock();
        if let Some(session) = &notes.session_id {
            headers.entry(SESSION_ID).or_insert_with(|| session.clone());
        }
        if let Some((rate, now)) = &notes.rate {
            headers.insert(RATELIMIT_LIMIT, HeaderValue::from(rate.limit));
            headers.insert(RATELIMIT_REMAINING, HeaderValue::from(rate.remaining()));
            headers.insert(RATELIMIT_RESET, HeaderValue::from(seconds_until(rate.resets_at, *now)));
        }
        if notes.end_cookies && !headers.contains_key(SET_COOKIE) {
            for cookie in ended_cookies(secure_cookies) {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole seconds from `now` until `then`, at least one: a client that waits them finds the next window.
pub(crate) fn seconds_until(then: Timestamp, now: Timestamp) -> u32 {
    let left = then.as_second().saturating_sub(now.as_second()).max(1);
    u32::try_from(left).unwrap_or(u32::MAX)
}
