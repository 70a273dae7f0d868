//! Asking a processor to pay a refund, and taking back the places that go with it.

use domain::id::{OrderNumber, OutboxId, RefundId};
use domain::order::OrderFile;
use domain::payment::{ProcessorName, RefundRequest};
use domain::plan::{Plan, Work, Write};
use domain::refund::Refund;
use domain::submit_refund::{RefundResult, finish, is_due};
use web::Until;

use crate::fulfil_order::fulfil_order;
use crate::{App, WorkError};

/// How often an answer is decided on anew when the order changed under it.
const ROUNDS: u32 = 16;

/// Submits a refund that is due; asking twice pays once, since the processor's idempotency key is made of the refund.
pub(crate) async fn submit_refund(
    app: &App,
    mut file: OrderFile,
    id: &RefundId,
    (message, until): (&OutboxId, &Until),
) -> Result<(), WorkError> {
    let waiting = |refund: &&Refund| refund.id == *id && refund.is_to_be_asked();
    let refund = file.refunds.iter().find(waiting);
    let Some(refund) = refund.filter(|refund| is_due(refund, app.clock.now())) else {
        if file.outbox.iter().any(|item| item.id == *message) {
            let settle = Plan::of(Write::Settle(file.order.number.clone(), message.clone()));
            app.store.commit(&settle).await?;
        }
        return Ok(());
    };
    let result = ask(app, &file, refund).await?;
    for _ in 0..ROUNDS {
        let now = app.clock.now();
        let supply = (now, app.entropy.jitter(), &mut app.entropy.ids(now));
        let Some(refund) = file.refunds.iter().find(|refund| refund.id == *id).filter(waiting) else { return Ok(()) };
        let plan = finish(&file, refund, result.clone(), Some(message), supply);
        let plan = plan.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
        match app.store.commit(&plan).await {
            Ok(()) => return take_back(app, &file.order.number, &plan, until).await,
            // The processor's event came between, or another delivery of this message: decide on what is there now.
            Err(error) if error.is_conflict() => {
                let number = file.order.number.clone();
                file = app.store.read_order(&number).await?.ok_or(WorkError::NoOrder(number))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(WorkError::Commit(store::CommitError::Contended))
}

/// Takes back the places that go with the money, if any do. What is not reached is due, and the janitor sends for it.
async fn take_back(app: &App, number: &OrderNumber, plan: &Plan, until: &Until) -> Result<(), WorkError> {
    let Some(message) = plan.messages().find(|item| item.work == Work::Fulfil) else { return Ok(()) };
    let file = app.store.read_order(number).await?.ok_or_else(|| WorkError::NoOrder(number.clone()))?;
    // Beside the refund's own state, and not within it: most refunds take nothing back.
    Box::pin(fulfil_order(app, &file, &message.id, until)).await
}

async fn ask(app: &App, file: &OrderFile, refund: &Refund) -> Result<RefundResult, WorkError> {
    let payment = refund.payment.clone().ok_or(WorkError::NoPayment)?;
    let attempt = file.attempts.iter().find(|attempt| attempt.payment.as_ref() == Some(&payment));
    // What a processor took for an order that was to be transferred is named by its event alone.
    let elsewhere = file.events.iter().map(|event| event.processor).find(|name| !name.is_by_hand());
    let began = attempt.or(file.attempts.first()).map(|attempt| attempt.processor).filter(|name| !name.is_by_hand());
    let name = began.or(elsewhere).unwrap_or(ProcessorName::None);
    let processor = app.processors.iter().find(|p| p.name() == name).ok_or(WorkError::NoProcessor)?;
    let request =
        RefundRequest { refund: refund.id.clone(), order: file.order.number.clone(), payment, amount: refund.amount };
    Ok(match processor.with_request_id(refund.id.as_str()).refund(&request).await {
        Ok(answer) => RefundResult::Answered(answer),
        Err(error) if error.retryable() || error.outcome_unknown() => RefundResult::Lost(error.to_string()),
        Err(error) => RefundResult::Refused(error.to_string()),
    })
}
