//! Opening the payment session of an order, or finding the one that was opened before.

use domain::attempt::{Attempt, AttemptState};
use domain::cancel_order;
use domain::open_session::{answer_lost, opened};
use domain::order::{OrderFile, OrderState};
use domain::owner::Actor;
use domain::payment::{OpenedSession, ProcessorName, SessionRequest};
use payments::{Processor, ProcessorError};
use web::{Code, Problem, RequestId};

use crate::App;

/// The order with a session that the learner can pay. Calling again finds the same session: the processor's idempotency
/// key is made of order and attempt.
pub(crate) async fn open_session(app: &App, file: OrderFile, request: &RequestId) -> Result<OrderFile, Problem> {
    let Some(attempt) = file.current_attempt().cloned() else { return Ok(file) };
    let to_open = matches!(attempt.state, AttemptState::Created | AttemptState::Unknown);
    if !to_open {
        return Ok(file);
    }
    match ask(app, &file, &attempt, request).await? {
        Ok(session) => {
            let now = app.http.now();
            let decided = opened(&file, &attempt, &session, now, &mut app.http.ids(now));
            let Ok((open, plan)) = decided else { return reload(app, &file).await };
            match app.store.commit(&plan).await {
                Ok(()) => Ok(with_attempt(file, open)),
                // Another call with the same key was faster, or the processor's event was.
                Err(error) if error.is_conflict() => reload(app, &file).await,
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(failed(app, &file, &attempt, &error).await),
    }
}

/// Asks the processor; for a transfer the account is told, and nobody is asked.
async fn ask(
    app: &App,
    file: &OrderFile,
    attempt: &Attempt,
    request: &RequestId,
) -> Result<Result<OpenedSession, ProcessorError>, Problem> {
    if attempt.processor.is_by_hand() {
        let transfer = app.bank_transfer.as_ref().ok_or_else(|| Problem::new(Code::UnknownProcessor))?;
        return Ok(Ok(transfer.open(&file.order.number, &attempt.id).map_err(|error| Problem::internal(&error))?));
    }
    let processor = app.processor(attempt.processor)?.with_request_id(request.as_str());
    Ok(processor.open_session(&session_request(file, attempt)).await)
}

async fn reload(app: &App, file: &OrderFile) -> Result<OrderFile, Problem> {
    let found = app.store.read_order(&file.order.number).await?;
    found.ok_or_else(|| Problem::new(Code::UnknownOrder))
}

fn with_attempt(mut file: OrderFile, open: Attempt) -> OrderFile {
    for attempt in &mut file.attempts {
        if attempt.id == open.id {
            *attempt = open.clone();
        }
    }
    file
}

/// What the processor is asked for: all of it from the order.
pub(crate) fn session_request(file: &OrderFile, attempt: &Attempt) -> SessionRequest {
    let order = &file.order;
    let title = |line: &domain::order::OrderLine| match line.quantity.get() {
        1 => line.title.to_string(),
        units => format!("{units} × {}", line.title),
    };
    SessionRequest {
        order: order.number.clone(),
        attempt: attempt.id.clone(),
        flow: attempt.flow,
        total: order.total,
        lines: order.lines.iter().map(|line| (title(line), line.total)).collect(),
        return_url: attempt.return_url.clone(),
        cancel_url: attempt.return_url.clone(),
        expires_at: attempt.session_ends_at,
        email: order.email.clone(),
    }
}

/// Records a failure. A lost answer leaves the order as it is, to be asked for again; a refusal gives it up, so that
/// nothing stays held for a session that cannot be opened.
async fn failed(app: &App, file: &OrderFile, attempt: &Attempt, error: &ProcessorError) -> Problem {
    let now = app.http.now();
    let mut ids = app.http.ids(now);
    let unknown = error.retryable() || error.outcome_unknown();
    let plan = if unknown {
        answer_lost(file, attempt, &error.to_string(), now, &mut ids).ok()
    } else if matches!(file.order.state, OrderState::PendingPayment { .. }) {
        cancel_order::decide(file, Actor::System, true, now, &mut ids).ok().map(|(_, plan)| plan)
    } else {
        None
    };
    if let Some(plan) = plan
        && let Err(failure) = app.store.commit(&plan).await
    {
        // The order's own expiry, or the next call with the same key, comes to the same.
        tracing::warn!(order = %file.order.number, error = &failure as &dyn std::error::Error, "failure not recorded");
    }
    if unknown {
        Problem::unavailable_as(Code::ProcessorUnavailable, error)
    } else {
        tracing::warn!(order = %file.order.number, error = error as &dyn std::error::Error, "session refused");
        Problem::new(Code::ProcessorRefused)
    }
}

impl App {
    /// The processor by name, if it is enabled.
    pub(crate) fn processor(&self, name: ProcessorName) -> Result<&Processor, Problem> {
        let found = self.processors.iter().find(|processor| processor.name() == name);
        found.ok_or_else(|| Problem::new(Code::UnknownProcessor))
    }
}
