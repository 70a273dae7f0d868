//! Receiving one event: verify, load, decide, commit, send.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::id::OrderNumber;
use domain::journal::JournalEntry;
use domain::order::{Order, OrderFile, OrderState};
use domain::payment::{Fact, ProcessorEvent};
use domain::plan::{Plan, Write};
use domain::record_payment::{Circumstances, Outcome, decide};
use domain::text::Tenant;
use jiff::SignedDuration;
use payments::{Processor, WebhookRefusal, redacted};
use web::metrics::{self, WebhookOutcome};
use web::{Code, Path, Problem, RawBody, telemetry};

use crate::App;

/// How often an event is decided anew when its order changed under it.
const ROUNDS: u32 = 16;

/// Takes a processor's event. 200 means that it is committed, was committed before, or concerns nothing here.
#[utoipa::path(post, path = "/webhooks/{tenant}/{processor}", tag = "webhooks",
    params(("tenant" = String, Path), ("processor" = String, Path)), request_body = String,
    responses((status = 200), (status = 400), (status = 404), (status = 409), (status = 503)),
    security(()))]
pub(crate) async fn receive_event(
    State(app): State<App>,
    Path((tenant, processor)): Path<(Tenant, String)>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let found = app.processors.iter().find(|known| known.name().name() == processor);
    let processor = found.filter(|_| tenant == *app.http.tenant()).ok_or_else(|| Problem::new(Code::NotFound))?;
    let Some(event) = verify(&app, processor, &headers, &body)? else { return Ok(StatusCode::OK) };
    if let Err(problem) = record(&app, &event, &body).await {
        if problem.code().status().is_server_error() {
            metrics::webhook_event(WebhookOutcome::Failed);
        }
        return Err(problem);
    }
    Ok(StatusCode::OK)
}

/// Commits what a genuine event says.
async fn record(app: &App, event: &ProcessorEvent, body: &[u8]) -> Result<(), Problem> {
    match find(app, event).await? {
        Some(file) => apply(app, file, event, body).await,
        None => park(app, event, body).await,
    }
}

/// The event, if it is genuine and concerns an order. Nothing is told to a caller whose event is not.
fn verify(
    app: &App,
    processor: &Processor,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<ProcessorEvent>, Problem> {
    let clock = app.http.clock();
    let event = match processor.verify(headers, body, &[clock.now(), clock.issuer_now()]) {
        Ok(event) => event,
        Err(WebhookRefusal::Unreadable(unreadable)) => {
            let fact = Fact::Unreadable { said: unreadable.amount.to_string() };
            ProcessorEvent { fact, ..unreadable.event }
        }
        Err(refusal) => {
            tracing::warn!(reason = refusal.reason(), "webhook refused");
            metrics::webhook_event(WebhookOutcome::Refused);
            return Err(Problem::new(Code::BadWebhook));
        }
    };
    telemetry::concerns_event(&event.event, &event.event_type);
    if event.fact == Fact::Irrelevant {
        answered(WebhookOutcome::Irrelevant);
        return Ok(None);
    }
    Ok(Some(event))
}

/// The order that the event is about: by our own metadata, else by the payment or session that it names.
async fn find(app: &App, event: &ProcessorEvent) -> Result<Option<OrderFile>, Problem> {
    if let Some(number) = &event.order {
        return Ok(app.store.read_order(number).await?);
    }
    for reference in [&event.payment, &event.session].into_iter().flatten() {
        if let Some(number) = app.store.find_order(event.processor, reference).await? {
            return Ok(app.store.read_order(&number).await?);
        }
    }
    Ok(None)
}

/// What the journal keeps of an event. Verified bodies are JSON, and so text.
fn kept(body: &[u8]) -> String {
    redacted(&String::from_utf8_lossy(body))
}

/// Applies the event to its order; anew if the order changed under it, or if a condition outside it did not hold.
async fn apply(app: &App, mut file: OrderFile, event: &ProcessorEvent, body: &[u8]) -> Result<(), Problem> {
    let number = file.order.number.clone();
    telemetry::concerns(&number);
    let mut circumstances = Circumstances::default();
    for _ in 0..ROUNDS {
        let now = app.http.now();
        let supply = (now, &mut app.http.ids(now));
        let (outcome, plan) = decide(&file, event, || kept(body), circumstances, supply);
        if outcome == Outcome::Duplicate {
            answered(WebhookOutcome::Duplicate);
            return Ok(());
        }
        if outcome == Outcome::Premature {
            return premature(app, event, body).await;
        }
        match app.store.commit(&plan).await {
            Ok(()) => {
                if outcome == Outcome::RefundFailed {
                    tracing::warn!("a refund failed after it was made");
                }
                telemetry::came_to(outcome.name());
                count(&file, outcome, &plan);
                app.queue.send_all(app.store.tenant(), &plan).await;
                return Ok(());
            }
            Err(error) if error.is_conflict() => {
                if error.refused("move_stock") && !circumstances.places_gone {
                    metrics::hold_conflict();
                }
                circumstances = circumstances.learned(|name| error.refused(name));
                file = reload(app, &number).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::Unavailable).detail("the order is being changed by other requests").retry_after(1))
}

/// Says and counts what became of an event that did nothing to an order.
fn answered(outcome: WebhookOutcome) {
    telemetry::came_to(outcome.name());
    metrics::webhook_event(outcome);
}

/// Counts what an event did to its order. `before` is the order as it was.
fn count(before: &OrderFile, outcome: Outcome, plan: &Plan) {
    match outcome {
        Outcome::Paid | Outcome::PaidLate => return metrics::order_paid_by_event(before.order.total),
        Outcome::AmountMismatch => {
            metrics::amount_mismatch();
            return metrics::webhook_event(WebhookOutcome::Parked);
        }
        Outcome::Noted if expires(before, plan) => metrics::orders_expired(1),
        Outcome::Duplicate
        | Outcome::AlreadyCounted
        | Outcome::SecondPayment
        | Outcome::TooLate
        | Outcome::Noted
        | Outcome::Refunded
        | Outcome::RefundFailed
        | Outcome::Premature => {}
    }
    metrics::webhook_event(WebhookOutcome::Applied);
}

fn expires(before: &OrderFile, plan: &Plan) -> bool {
    let is_expired = |order: &Order| matches!(order.state, OrderState::Expired { .. });
    let saved = |write: &Write| matches!(write, Write::SaveOrder(order) if is_expired(order));
    !is_expired(&before.order) && plan.writes.iter().any(saved)
}

/// An event about a payment that we have not been told of yet. The processor says it again later, for some days, as after
/// every answer that is no success; after one day a human must look. It is no fault of ours, and so no 5xx.
async fn premature(app: &App, event: &ProcessorEvent, body: &[u8]) -> Result<(), Problem> {
    if app.http.now().duration_since(event.occurred_at) >= SignedDuration::from_hours(24) {
        return park(app, event, body).await;
    }
    tracing::warn!("event about an unknown payment");
    answered(WebhookOutcome::Premature);
    Err(Problem::new(Code::PaymentUnknown).retry_after(60))
}

async fn reload(app: &App, number: &OrderNumber) -> Result<OrderFile, Problem> {
    let found = app.store.read_order(number).await?;
    found.ok_or_else(|| Problem::new(Code::Unavailable).retry_after(1))
}

/// Keeps a genuine event for which there is no order, for a human to look at. Nothing that money hangs on is dropped.
async fn park(app: &App, event: &ProcessorEvent, body: &[u8]) -> Result<(), Problem> {
    let now = app.http.now();
    let entry = JournalEntry {
        id: app.http.ids(now).make(),
        processor: event.processor,
        about: format!("unmatched:{}", event.event_type),
        raw: JournalEntry::clipped(&kept(body)),
        at: now,
    };
    app.store.commit(&Plan::of(Write::Journal(None, entry))).await?;
    tracing::error!("event without an order is parked");
    answered(WebhookOutcome::Parked);
    match event.fact {
        Fact::Captured { .. }
        | Fact::Refunded { .. }
        | Fact::RefundFailed(_)
        | Fact::Disputed { .. }
        | Fact::Unreadable { .. } => {
            metrics::payment_unmatched();
        }
        Fact::Processing | Fact::Declined { .. } | Fact::Failed { .. } | Fact::SessionExpired | Fact::Irrelevant => {}
    }
    Ok(())
}
