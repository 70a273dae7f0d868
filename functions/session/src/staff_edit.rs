//! What edits by staff have in common: load, decide, commit; pages; and the change of a client's secret.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use domain::client_key::KeyRevoked;
use domain::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use web::{Claim, Code, Limit, Problem, Staff, User};

use crate::App;

/// How often an edit is decided that is the same whatever the object has become meanwhile.
pub(crate) const ROUNDS: u32 = 4;

/// How often one is decided that must not be made on what somebody else just made.
pub(crate) const ONCE: u32 = 1;

/// For an answer that shows a secret.
pub(crate) const UNKEPT: [(HeaderName, HeaderValue); 1] = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// The longest grace, in seconds: 30 days. Who has not changed the secret by then never will.
const MAX_GRACE_S: u32 = 30 * 24 * 3600;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    pub(crate) limit: Limit,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// How a secret is changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateBody {
    /// For how many seconds the present secret is accepted beside the new one: 0 to 2592000 (30 days), 86400 (a day) if
    /// left out. The one before the present is no longer accepted.
    #[serde(default)]
    #[schema(value_type = Option<u32>, maximum = 2_592_000)]
    grace_s: Grace,
}

/// A time during which two secrets are accepted, in seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
struct Grace(u32);

impl Default for Grace {
    fn default() -> Self {
        Self(24 * 3600)
    }
}

impl TryFrom<u32> for Grace {
    type Error = &'static str;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        if seconds <= MAX_GRACE_S { Ok(Self(seconds)) } else { Err("grace_s must be 0 to 2592000") }
    }
}

impl RotateBody {
    /// When the grace ends.
    pub(crate) fn grace_until(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(SignedDuration::from_secs(i64::from(self.grace_s.0))).unwrap_or(Timestamp::MAX)
    }
}

/// An edit, as the log tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit<'a> {
    /// What is done, such as `client key revoked`.
    pub(crate) done: &'static str,
    /// The id of what it is done to.
    pub(crate) object: &'a str,
    /// How often it is decided: [`ROUNDS`] or [`ONCE`].
    pub(crate) rounds: u32,
}

impl Edit<'_> {
    /// Writes down who made it.
    pub(crate) fn log(&self, by: &User) {
        tracing::info!(actor = %by.id, object = self.object, "{}", self.done);
    }
}

/// Makes an edit: `read` is asked first, and again when somebody else was faster. One that changes nothing leaves no
/// trace.
///
/// # Errors
/// Whatever is wrong with the caller; then whatever `read` or `decide` fail with; then `version_mismatch`.
pub(crate) async fn edit<T, R: Future<Output = Result<T, Problem>>>(
    app: &App,
    who: Claim<Staff>,
    what: Edit<'_>,
    read: impl Fn() -> R,
    decide: impl Fn(&User, &T) -> Result<(T, Plan), Problem>,
) -> Result<T, Problem> {
    let (Staff(by), mut found) = who.with(read()).await?;
    for round in 1..=what.rounds {
        let (after, plan) = decide(&by, &found)?;
        if plan.writes.is_empty() {
            return Ok(after);
        }
        match app.store.commit(&plan).await {
            Ok(()) => {
                what.log(&by);
                return Ok(after);
            }
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        if round < what.rounds {
            found = read().await?;
        }
    }
    Err(Problem::new(Code::VersionMismatch))
}

/// A change of what is revoked.
pub(crate) fn revoked(refusal: KeyRevoked) -> Problem {
    Problem::new(Code::Conflict).detail(refusal.to_string())
}
