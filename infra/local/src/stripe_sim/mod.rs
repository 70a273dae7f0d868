//! A payment processor that speaks Stripe's API, for the local cloud.
//!
//! It is real where Bursar can tell the difference: form bodies, object shapes, exponents, errors, idempotency keys,
//! a hosted page, signed webhooks with retries. It keeps its state in a file, so that it outlives a killed process
//! as Stripe outlives one of ours. Deliberately not here: cards, 3-D Secure, manual capture, subscriptions, Connect.
//! Mounted under `/_local/stripe`; requests keep the paths that they have below `api.stripe.com`.

mod amount;
mod api;
pub(crate) mod disk;
mod error;
mod events;
mod form;
pub(crate) mod ids;
mod intents;
mod objects;
mod pay;
mod pay_page;
mod refunds;
mod sessions;
mod settle;
mod state;
#[cfg(test)]
mod tests;
mod webhook;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use jiff::Timestamp;
use tokio::sync::Notify;
use web::Clock;

use self::disk::Disk;
use self::state::{Cause, State};
use crate::faults::Faults;
use crate::loopback::Loopback;

pub use self::disk::OpenError;
pub use self::webhook::sign;

/// Where the simulator is mounted.
pub const MOUNT: &str = "/_local/stripe";

/// A receiver that takes longer than this has failed.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// Called for every API call with the caller's `X-Request-Id` (empty when absent) and the operation,
/// such as `POST /v1/refunds`.
pub type OnCall = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What the simulated processor needs to know.
#[derive(Clone)]
pub struct StripeSimConfig {
    /// Where its state lives; `None` is memory only.
    pub data_file: Option<PathBuf>,
    /// The time that sessions expire by and webhooks are retried by.
    pub clock: Clock,
    /// What it is told to do wrong.
    pub faults: Faults,
    /// The origin that its hosted pages are reached at, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// Where webhooks go; while it is empty they wait.
    pub webhook_url: String,
    /// The endpoint's active signing secrets: one `v1` each.
    pub webhook_secrets: Vec<String>,
    /// The one secret key that it accepts.
    pub secret_key: String,
    /// Told about every API call.
    pub on_call: OnCall,
}

/// The simulated processor. Clones are the same one.
#[derive(Clone)]
pub struct StripeSim {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    urls: Mutex<Urls>,
    disk: Disk,
    clock: Clock,
    faults: Faults,
    webhook_secrets: Vec<String>,
    secret_key: String,
    on_call: OnCall,
    queued: Notify,
    delivering: tokio::sync::Mutex<()>,
    client: reqwest::Client,
}

#[derive(Clone)]
struct Urls {
    base: String,
    webhook: String,
}

impl StripeSim {
    /// Starts from the data file, or empty.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the file cannot be read or is not ours, or the webhook client cannot be built.
    pub fn open(config: StripeSimConfig) -> Result<Self, OpenError> {
        let disk = Disk::new(config.data_file);
        let inner = Inner {
            state: Mutex::new(disk.load()?),
            urls: Mutex::new(Urls { base: trimmed(&config.base_url), webhook: config.webhook_url }),
            disk,
            clock: config.clock,
            faults: config.faults,
            webhook_secrets: config.webhook_secrets,
            secret_key: config.secret_key,
            on_call: config.on_call,
            queued: Notify::new(),
            delivering: tokio::sync::Mutex::new(()),
            client: webhook_client()?,
        };
        let sim = Self { inner: Arc::new(inner) };
        if sim.next_due().is_some() {
            sim.inner.queued.notify_one();
        }
        Ok(sim)
    }

    /// The API, the hosted pages and the controls, to be nested at [`MOUNT`].
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/{*path}", any(api::handle))
            .route("/pay/{id}", get(pay::show_page).post(pay::settle_payment))
            .route("/_dispute/{payment_intent}", post(api::open_dispute))
            .route("/_refund_fails/{refund}", post(api::fail_refund))
            .with_state(self.clone())
    }

    /// Sets the origin of the hosted pages, once the port is known. Sessions made before keep their address.
    pub fn set_base_url(&self, base_url: &str) {
        self.urls().base = trimmed(base_url);
    }

    /// Where webhooks go; empty while nobody has said.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        self.urls().webhook.clone()
    }

    /// Sets where webhooks go, and wakes whoever waits for [`StripeSim::queued`].
    pub fn set_webhook_url(&self, webhook_url: &str) {
        webhook_url.clone_into(&mut self.urls().webhook);
        self.inner.queued.notify_one();
    }

    /// Expires the open sessions whose time is over; returns how many.
    #[must_use]
    pub fn expire_due(&self) -> usize {
        if self.read(|state, now| state.overdue(now).is_empty()) {
            return 0;
        }
        self.change(Cause::default(), |state, now| {
            let overdue = state.overdue(now);
            overdue.iter().for_each(|id| state.expire(id, now));
            overdue.len()
        })
    }

    /// The webhooks that are due now.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.read(|state, now| state.due(now).len())
    }

    /// When the next webhook is due, if one waits; it may lie in the past.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.read(|state, _| state.deliveries.iter().map(|delivery| delivery.due).min())
    }

    /// Waits until a webhook is queued. One that was queued since the last wait, or is left from before a restart,
    /// ends the wait at once.
    pub async fn queued(&self) {
        self.inner.queued.notified().await;
    }

    /// Runs a change, saves the state, and wakes the delivery loop when the change queued a webhook.
    fn change<T>(&self, cause: Cause, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.state();
        let before = state.queued;
        state.cause = cause;
        let result = act(&mut state, self.inner.clock.now());
        self.inner.disk.save(&*state);
        if state.queued != before {
            self.inner.queued.notify_one();
        }
        result
    }

    fn read<T>(&self, act: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        act(&mut self.state(), self.inner.clock.now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn urls(&self) -> MutexGuard<'_, Urls> {
        self.inner.urls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pay_url(&self) -> String {
        format!("{}{MOUNT}/pay", self.urls().base)
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    fn secret_key(&self) -> &str {
        &self.inner.secret_key
    }

    fn called(&self, request_id: &str, operation: &str) {
        (self.inner.on_call)(request_id, operation);
    }
}

impl fmt::Debug for StripeSim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StripeSim").field("disk", &self.inner.disk).finish_non_exhaustive()
    }
}

fn webhook_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().dns_resolver(Loopback::resolver()).timeout(WEBHOOK_TIMEOUT).build()
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
