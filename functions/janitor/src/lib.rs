//! Janitor: woken by a schedule, it does what is due and nobody else was there to do.
//!
//! Messages that a crash left unsent or the queue lost are sent, lines whose waiting is over are woken, and orders whose
//! time to pay is over expire. Running it twice, or two of it at once, is harmless.

mod config;

use store::{Queue, Store, StoreError, SweepReport, sweep};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use web::{Clock, Entropy, metrics, telemetry};

/// What the function works with, for one tenant.
#[derive(Clone)]
pub struct App {
    /// The table.
    pub store: Store,
    /// The fulfilment queue.
    pub queue: Queue,
    /// The clock.
    pub clock: Clock,
    /// The source of ids.
    pub entropy: Entropy,
}

/// Looks at what is due of every tenant, and says what it did for each.
///
/// # Errors
/// The last [`StoreError`], after all tenants were looked at: one whose rows cannot be read does not keep the others
/// waiting. What was not done is still due.
pub async fn handle(apps: &[App]) -> Result<Vec<SweepReport>, StoreError> {
    let span = tracing::info_span!(
        target: trace::TARGET,
        "sweep",
        trace_id = Empty,
        "otel.status_code" = Empty,
        "faas.trigger" = "timer",
    );
    trace::begin(&span, None);
    // Boxed, or the compiler would not lay out a future so deep.
    let swept = Box::pin(sweep_all(apps)).instrument(span).await;
    telemetry::flush().await;
    swept
}

async fn sweep_all(apps: &[App]) -> Result<Vec<SweepReport>, StoreError> {
    let mut reports = Vec::with_capacity(apps.len());
    let mut failed = None;
    for app in apps {
        let tenant = app.store.tenant();
        let now = app.clock.now();
        match sweep(&app.store, &app.queue, now, app.entropy.ids(now)).await {
            Ok(report) => {
                let SweepReport { orders, messages, resent, expired, overdue } = report;
                let overdue_s = overdue.as_secs();
                tracing::info!(%tenant, orders, messages, resent, expired, overdue_s, "swept");
                metrics::outbox_resent(resent);
                metrics::orders_expired(expired);
                reports.push(report);
            }
            Err(error) => {
                tracing::error!(%tenant, error = &error as &dyn std::error::Error, "due orders cannot be read");
                Span::current().record("otel.status_code", "error");
                failed = Some(error);
            }
        }
    }
    // The schools share the functions, so the one that waits longest tells.
    if let Some(overdue) = reports.iter().map(|report| report.overdue).max() {
        metrics::due_lag(overdue);
    }
    failed.map_or(Ok(reports), Err)
}
