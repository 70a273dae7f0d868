//! Confirming that staff paid a refund back by themselves, as they must where no processor holds the money. To confirm it
//! again changes nothing.

use axum::extract::State;
use domain::confirm_refund::{ConfirmRefusal, decide};
use domain::id::RefundId;
use domain::text::BankReference;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, Code, Json, Path, Problem, Staff, telemetry};

use crate::App;
use crate::refund_view::RefundView;

/// How often a confirmation is decided anew when the order changed under it.
const ROUNDS: u32 = 8;

/// How it was paid back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmBody {
    /// What the bank calls the transfer back.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    reference: Option<BankReference>,
}

/// Says that an approved refund of a bank transfer was paid back by hand: it counts from now on, and places go with it.
#[utoipa::path(post, path = "/api/v1/refunds/{id}/confirm", tag = "refunds", params(("id" = String, Path)),
    request_body = Option<ConfirmBody>,
    responses((status = 200, body = RefundView), (status = 404), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn confirm_refund(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<RefundId>,
    body: Option<Json<ConfirmBody>>,
) -> Result<Json<RefundView>, Problem> {
    let reference = body.and_then(|Json(body)| body.reference).map(|reference| reference.payment());
    let (Staff(user), mut file) = who.with(app.store.read_refunded_order(&id)).await?;
    for _ in 0..ROUNDS {
        let unknown = || Problem::new(Code::UnknownRefund);
        let order = file.ok_or_else(unknown)?;
        telemetry::concerns(&order.order.number);
        let refund = order.refunds.iter().find(|refund| refund.id == id).ok_or_else(unknown)?;
        let now = app.http.now();
        let by = (&user.id, reference.clone());
        let (after, plan) = decide(&order, refund, by, (now, &mut app.http.ids(now))).map_err(refused)?;
        if plan.writes.is_empty() {
            return Ok(Json(RefundView::of(&order.order.number, &after, &user)));
        }
        match app.store.commit(&plan).await {
            Ok(()) => {
                tracing::info!(refund = %after.id, state = after.state.name(), "refund confirmed");
                app.queue.send_all(app.store.tenant(), &plan).await;
                return Ok(Json(RefundView::of(&order.order.number, &after, &user)));
            }
            Err(error) if error.is_conflict() => file = app.store.read_order(&order.order.number).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::Conflict).detail("the order is being changed by other requests").retry_after(1))
}

fn refused(refusal: ConfirmRefusal) -> Problem {
    match refusal {
        ConfirmRefusal::ByProcessor => Problem::new(Code::RefundByProcessor),
        ConfirmRefusal::NotApproved => Problem::new(Code::RefundPending),
        ConfirmRefusal::Denied => Problem::new(Code::RefundDenied),
    }
}
