//! Deciding on a learner's request for a refund. To decide the same again changes nothing.

use axum::extract::State;
use domain::decide_refund::{Verdict, VerdictRefusal, decide};
use domain::id::RefundId;
use domain::order::OrderFile;
use domain::owner::Actor;
use domain::text::Note;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, Code, Json, Path, Problem, Staff, User, telemetry};

use crate::App;
use crate::refund_view::RefundView;

/// How often a verdict is decided anew when the order changed under it.
const ROUNDS: u32 = 8;

/// How to approve.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveBody {
    /// False lets the learner keep the places.
    #[serde(default)]
    revoke: Option<bool>,
}

/// How to deny.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DenyBody {
    /// Why; staff read it in the order's timeline.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Note>,
}

/// Approves a request: the processor is asked to pay it.
#[utoipa::path(post, path = "/api/v1/refunds/{id}/approve", tag = "refunds", params(("id" = String, Path)),
    request_body = Option<ApproveBody>,
    responses((status = 200, body = RefundView), (status = 404), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn approve_refund(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<RefundId>,
    body: Option<Json<ApproveBody>>,
) -> Result<Json<RefundView>, Problem> {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let (Staff(user), file) = who.with(app.store.read_refunded_order(&id)).await?;
    settle(&app, file, &id, &Verdict::Approve { revoke: body.revoke }, &user).await
}

/// Denies a request. The learner may ask again.
#[utoipa::path(post, path = "/api/v1/refunds/{id}/deny", tag = "refunds", params(("id" = String, Path)),
    request_body = Option<DenyBody>,
    responses((status = 200, body = RefundView), (status = 404), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn deny_refund(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<RefundId>,
    body: Option<Json<DenyBody>>,
) -> Result<Json<RefundView>, Problem> {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let (Staff(user), file) = who.with(app.store.read_refunded_order(&id)).await?;
    settle(&app, file, &id, &Verdict::Deny { why: body.reason }, &user).await
}

async fn settle(
    app: &App,
    mut file: Option<OrderFile>,
    id: &RefundId,
    verdict: &Verdict,
    user: &User,
) -> Result<Json<RefundView>, Problem> {
    for _ in 0..ROUNDS {
        let unknown = || Problem::new(Code::UnknownRefund);
        let order = file.ok_or_else(unknown)?;
        telemetry::concerns(&order.order.number);
        let refund = order.refunds.iter().find(|refund| refund.id == *id).ok_or_else(unknown)?;
        let now = app.http.now();
        let by = Actor::Staff(user.id.clone());
        let (after, plan) = decide(&order, refund, verdict, by, (now, &mut app.http.ids(now))).map_err(refused)?;
        if plan.writes.is_empty() {
            return Ok(Json(RefundView::of(&order.order.number, &after, user)));
        }
        match app.store.commit(&plan).await {
            Ok(()) => {
                tracing::info!(refund = %after.id, state = after.state.name(), "refund decided");
                app.queue.send_all(app.store.tenant(), &plan).await;
                return Ok(Json(RefundView::of(&order.order.number, &after, user)));
            }
            Err(error) if error.is_conflict() => file = app.store.read_order(&order.order.number).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::Conflict).detail("the order is being changed by other requests").retry_after(1))
}

fn refused(refusal: VerdictRefusal) -> Problem {
    match refusal {
        VerdictRefusal::Approved => Problem::new(Code::RefundApproved),
        VerdictRefusal::Denied => Problem::new(Code::RefundDenied),
        VerdictRefusal::NothingLeft => Problem::new(Code::NothingToRefund).detail(refusal.to_string()),
        VerdictRefusal::Money(error) => Problem::internal(&error),
    }
}
