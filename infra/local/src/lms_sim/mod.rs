//! A learning platform that speaks Open edX's API, for the local cloud.
//!
//! It answers what the real one answers, by the tables that Bursar's LMS client was written from: tokens, enrolments
//! and their refusals, course modes, entitlements. What a course or a user is like follows from its name, so a test
//! needs no set-up: a user `missing-…` does not exist, and a course whose run contains `closed`, `unknown` or
//! `embargo` refuses. Deliberately not here: accounts, program enrolments, grades, throttles (order a 429 as a fault).
//! Mounted under `/_local/lms`.

mod answer;
mod api;
mod courses;
mod enrollments;
mod entitlements;
mod state;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{any, get};
use jiff::Timestamp;
use web::Clock;

use self::state::{Course, Mode, State};
use crate::faults::Faults;
use crate::stripe_sim::disk::Disk;
use crate::stripe_sim::{OnCall, OpenError};

/// Where the simulator is mounted.
pub const MOUNT: &str = "/_local/lms";

/// What the simulated learning platform needs to know.
#[derive(Clone)]
pub struct LmsSimConfig {
    /// Where its state lives; `None` is memory only.
    pub data_file: Option<PathBuf>,
    /// The time that tokens expire by.
    pub clock: Clock,
    /// What it is told to do wrong.
    pub faults: Faults,
    /// The one OAuth2 client that it knows; it acts as a global staff user.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: String,
    /// Told about every API call.
    pub on_call: OnCall,
}

/// The simulated learning platform. Clones are the same one.
#[derive(Clone)]
pub struct LmsSim {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    disk: Disk,
    clock: Clock,
    faults: Faults,
    client_id: String,
    client_secret: String,
    on_call: OnCall,
}

impl LmsSim {
    /// Starts from the data file, or empty.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the file cannot be read or is not ours.
    pub fn open(config: LmsSimConfig) -> Result<Self, OpenError> {
        let disk = Disk::new(config.data_file);
        let inner = Inner {
            state: Mutex::new(disk.load()?),
            disk,
            clock: config.clock,
            faults: config.faults,
            client_id: config.client_id,
            client_secret: config.client_secret,
            on_call: config.on_call,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The platform's API and our own listing, to be nested at [`MOUNT`].
    pub fn router(&self) -> Router {
        Router::new()
            .route("/enrollments", get(api::list_grants))
            .route("/oauth2/{*path}", any(api::handle))
            .route("/api/{*path}", any(api::handle))
            .with_state(self.clone())
    }

    /// Registers a course that offers exactly `modes`, such as `verified` and `audit`, in place of any with its key.
    pub fn add_course(&self, key: &str, modes: &[&str]) {
        self.change(|state, _| {
            let course = Course {
                name: key.to_owned(),
                modes: modes.iter().map(|slug| Mode::named(slug)).collect(),
                verification_deadline: None,
            };
            state.courses.insert(key.to_owned(), course);
        });
    }

    fn change<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.state();
        let result = act(&mut state, self.inner.clock.now());
        self.inner.disk.save(&*state);
        result
    }

    fn read<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        act(&mut self.state(), self.inner.clock.now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    fn is_client(&self, id: &str, secret: &str) -> bool {
        id == self.inner.client_id && secret == self.inner.client_secret
    }

    fn called(&self, request_id: &str, operation: &str) {
        (self.inner.on_call)(request_id, operation);
    }
}

impl fmt::Debug for LmsSim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LmsSim").field("disk", &self.inner.disk).finish_non_exhaustive()
    }
}
