//! Ending the payment session of an order that is to be given up: at the processor first, so that nobody can pay an
//! order that is gone.

use domain::order::OrderFile;
use domain::payment::SessionEnd;
use payments::ProcessorError;
use web::{Code, Problem, RequestId};

use crate::App;
use crate::open_session::session_request;

/// Ends the live session, if there is one: a transfer has none, and what comes too late is paid back.
///
/// 409 `payment_in_progress` if it was paid meanwhile: the processor's event is on its way.
pub(crate) async fn end_session(app: &App, file: &OrderFile, request: &RequestId) -> Result<(), Problem> {
    let Some(attempt) = file.current_attempt().filter(|attempt| attempt.state.is_live()) else { return Ok(()) };
    if attempt.processor.is_by_hand() {
        return Ok(());
    }
    let processor = app.processor(attempt.processor)?.with_request_id(request.as_str());
    let session = match &attempt.session {
        Some(session) => session.clone(),
        // A session may be open whose answer was lost; asking again with the same key tells its name.
        None => match processor.open_session(&session_request(file, attempt)).await {
            Ok(opened) => opened.reference,
            Err(error) if error.retryable() || error.outcome_unknown() => return Err(unavailable(&error)),
            Err(_) => return Ok(()),
        },
    };
    match processor.end_session(&session, attempt.flow).await {
        Ok(SessionEnd::Closed) => Ok(()),
        Ok(SessionEnd::Paid) => Err(Problem::new(Code::PaymentInProgress)),
        Err(error) if error.retryable() || error.outcome_unknown() => Err(unavailable(&error)),
        Err(error) => {
            tracing::warn!(order = %file.order.number, error = &error as &dyn std::error::Error, "session not ended");
            Err(Problem::new(Code::ProcessorRefused))
        }
    }
}

fn unavailable(error: &ProcessorError) -> Problem {
    Problem::unavailable_as(Code::ProcessorUnavailable, error)
}
