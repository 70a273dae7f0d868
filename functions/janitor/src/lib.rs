//! Janitor: woken by a schedule, it does what is due and nobody else was there to do.
//!
//! Messages that a crash left unsent or the queue lost are sent, lines whose waiting is over are woken, and orders whose
//! time to pay is over expire; in the time that is left, batches of codes are made. Running it twice, or two of it at once, is harmless. A run that has more to do than it has
//! time for ends in time, says what it did, and leaves the rest to the next.

mod config;

use jiff::SignedDuration;
use store::{Queue, Store, StoreError, SweepReport, sweep, work_batches};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use web::{Clock, Entropy, Until, metrics, telemetry};

/// No order is begun in the last ten seconds before the deadline. It takes some calls of milliseconds, or one that hangs
/// for as long (`web::sdk_config`).
pub const MARGIN: SignedDuration = SignedDuration::from_secs(10);

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

/// What a run did for one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// For its orders.
    pub report: SweepReport,
    /// Slices of its batches of codes.
    pub slices: usize,
}

/// Looks at what is due of every tenant until the time is over, and says what it did for each.
///
/// # Errors
/// The last [`StoreError`], after all tenants were looked at: one whose rows cannot be read does not keep the others
/// waiting. What was not done is still due. A single due row that cannot be read is such an error too: what it is about
/// is paid for, perhaps, and nobody else would tell (I3).
pub async fn handle(apps: &[App], until: &Until) -> Result<Vec<Swept>, StoreError> {
    let span = tracing::info_span!(
        target: trace::TARGET,
        "sweep",
        trace_id = Empty,
        "otel.status_code" = Empty,
        "faas.trigger" = "timer",
    );
    trace::begin(&span, None);
    // Boxed, or the compiler would not lay out a future so deep.
    let swept = Box::pin(sweep_all(apps, until)).instrument(span).await;
    telemetry::flush().await;
    swept
}

async fn sweep_all(apps: &[App], until: &Until) -> Result<Vec<Swept>, StoreError> {
    let mut reports = Vec::with_capacity(apps.len());
    let mut failed = None;
    let minute = apps.first().map_or(0, |app| app.clock.now().as_second().div_euclid(60));
    for (app, shares) in from_turn(apps, minute).zip((1..=apps.len()).rev()) {
        match sweep_one(app, &until.share(shares)).await {
            Ok(report) => {
                if report.unread > 0 {
                    Span::current().record("otel.status_code", "error");
                    failed = Some(StoreError::Incomplete("moment and order"));
                }
                reports.push((app, report));
            }
            Err(error) => {
                let tenant = app.store.tenant();
                tracing::error!(%tenant, error = &error as &dyn std::error::Error, "due orders cannot be read");
                Span::current().record("otel.status_code", "error");
                failed = Some(error);
            }
        }
    }
    // The schools share the functions, so the one that waits longest tells.
    if let Some(overdue) = reports.iter().map(|(_, report)| report.overdue).max() {
        metrics::due_lag(overdue);
    }
    let swept = work_all_batches(reports, until).await;
    failed.map_or(Ok(swept), Err)
}

/// Works the batches of every tenant, once all orders were looked at: nobody who paid waits for them.
async fn work_all_batches(reports: Vec<(&App, SweepReport)>, until: &Until) -> Vec<Swept> {
    let shares = (1..=reports.len()).rev();
    let mut swept = Vec::with_capacity(reports.len());
    for ((app, mut report), shares) in reports.into_iter().zip(shares) {
        let batches = std::mem::take(&mut report.batches);
        let mut done = Swept { report, slices: 0 };
        if !batches.is_empty() {
            let until = until.share(shares);
            let (slices, left) = work_batches(&app.store, batches, || app.clock.now(), || until.is_over()).await;
            tracing::info!(tenant = %app.store.tenant(), slices, left, "batches of codes worked");
            done.slices = slices;
        }
        swept.push(done);
    }
    swept
}

/// Each minute another tenant is the first, so that none always has what others leave.
fn from_turn<T>(all: &[T], minute: i64) -> impl Iterator<Item = &T> {
    let turn = i64::try_from(all.len()).ok().and_then(|count| minute.checked_rem_euclid(count));
    let (later, first) = all.split_at(turn.and_then(|turn| usize::try_from(turn).ok()).unwrap_or(0));
    first.iter().chain(later)
}

async fn sweep_one(app: &App, until: &Until) -> Result<SweepReport, StoreError> {
    let now = app.clock.now();
    let report = sweep(&app.store, &app.queue, now, app.entropy.ids(now), || until.is_over()).await?;
    let SweepReport { orders, left, messages, resent, expired, unread, overdue, batches: _ } = report;
    let (tenant, overdue_s) = (app.store.tenant(), overdue.as_secs());
    tracing::info!(%tenant, orders, messages, resent, expired, unread, overdue_s, "swept");
    if left > 0 {
        tracing::warn!(%tenant, left, "out of time: due orders are left to the next run");
    }
    metrics::outbox_resent(resent);
    metrics::orders_expired(expired);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenants_take_turns_in_being_the_first() {
        let minutes = |minute| from_turn(&["a", "b", "c"], minute).copied().collect::<String>();
        assert_eq!([29_920_000, 29_920_001, 29_920_002, -1].map(minutes), ["bca", "cab", "abc", "cab"]);
        assert_eq!(from_turn::<&str>(&[], 7).count(), 0);
    }
}
