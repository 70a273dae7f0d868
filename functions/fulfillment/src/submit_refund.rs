//! Asking a processor to pay a refund.

use domain::id::{OutboxId, RefundId};
use domain::order::OrderFile;
use domain::payment::{ProcessorName, RefundRequest};
use domain::plan::{Plan, Write};
use domain::refund::{Refund, RefundState};
use domain::submit_refund::{RefundResult, finish, is_due};

use crate::{App, WorkError};

/// Submits a refund that is due; asking twice pays once, since the processor's idempotency key is made of the refund.
pub(crate) async fn submit_refund(
    app: &App,
    file: &OrderFile,
    id: &RefundId,
    message: &OutboxId,
) -> Result<(), WorkError> {
    let waiting = |refund: &&Refund| matches!(refund.state, RefundState::Approved | RefundState::Unknown);
    let refund = file.refunds.iter().find(|refund| refund.id == *id).filter(waiting);
    let Some(refund) = refund.filter(|refund| is_due(refund, app.clock.now())) else {
        if file.outbox.iter().any(|item| item.id == *message) {
            let settle = Plan::of(Write::Settle(file.order.number.clone(), message.clone()));
            app.store.commit(&settle).await?;
        }
        return Ok(());
    };
    let result = ask(app, file, refund).await?;
    let now = app.clock.now();
    let supply = (now, app.entropy.jitter(), &mut app.entropy.ids(now));
    let plan = finish(file, refund, result, Some(message), supply);
    let plan = plan.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        // Another delivery of the same message wrote the same answer, or the processor's event came between: the next
        // look decides on what is there.
        Ok(()) | Err(store::CommitError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn ask(app: &App, file: &OrderFile, refund: &Refund) -> Result<RefundResult, WorkError> {
    let attempt = file.attempts.iter().find(|attempt| attempt.payment.as_ref() == Some(&refund.payment));
    let name = attempt.or(file.attempts.first()).map_or(ProcessorName::None, |attempt| attempt.processor);
    let processor = app.processors.iter().find(|p| p.name() == name).ok_or(WorkError::NoProcessor)?;
    let request = RefundRequest {
        refund: refund.id.clone(),
        order: file.order.number.clone(),
        payment: refund.payment.clone(),
        amount: refund.amount,
    };
    Ok(match processor.with_request_id(refund.id.as_str()).refund(&request).await {
        Ok(answer) => RefundResult::Answered(answer),
        Err(error) if error.retryable() || error.outcome_unknown() => RefundResult::Lost(error.to_string()),
        Err(error) => RefundResult::Refused(error.to_string()),
    })
}
