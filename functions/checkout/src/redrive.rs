//! Redriving fulfilment: another try for lines that wait or were parked. Scoped to one order, never "all".

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::fulfil_task::{RedriveRefusal, redrive};
use domain::id::OrderNumber;
use domain::owner::Actor;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, Code, Fulfiller, Json, Path, Problem, telemetry};

use crate::line_name::{LineName, numbers};
use crate::order_view::OrderView;
use crate::{App, is_within};

/// Which lines to try again; none named is all that are not fulfilled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveBody {
    /// SKUs, or line numbers.
    #[schema(value_type = Option<Vec<String>>)]
    lines: Option<Vec<LineName>>,
}

/// Asks for another try of an order's fulfilment. Needs the permission to fulfil, which staff does not imply.
#[utoipa::path(post, path = "/api/v1/orders/{number}/fulfill", tag = "orders", params(("number" = String, Path)),
    request_body = Option<RedriveBody>,
    responses((status = 202, body = OrderView), (status = 404), (status = 409)),
    security(("jwt" = ["orders:fulfill"])))]
pub(crate) async fn fulfill_order(
    State(app): State<App>,
    who: Claim<Fulfiller>,
    Path(number): Path<OrderNumber>,
    body: Option<Json<RedriveBody>>,
) -> Result<impl IntoResponse, Problem> {
    telemetry::concerns(&number);
    let Json(body) = body.unwrap_or(Json(RedriveBody::default()));
    let (Fulfiller(service), file) = who.with(app.store.read_order(&number)).await?;
    let file = file.filter(|file| is_within(&file.order, &service));
    let file = file.ok_or_else(|| Problem::new(Code::UnknownOrder))?;
    let lines = body.lines.map(|names| numbers(&file, &names)).transpose()?;
    let lines = lines.map(Vec::from_iter);
    let now = app.http.now();
    let decided = redrive(&file, lines.as_deref(), Actor::Service, now, &mut app.http.ids(now));
    let plan = decided.map_err(refused)?;
    app.store.commit(&plan).await?;
    app.queue.send_all(app.store.tenant(), &plan).await;
    let file = app.store.read_order(&number).await?.ok_or_else(|| Problem::new(Code::UnknownOrder))?;
    Ok((StatusCode::ACCEPTED, Json(OrderView::of(&file, &service)?)))
}

fn refused(refusal: RedriveRefusal) -> Problem {
    match refusal {
        RedriveRefusal::AlreadyFulfilled => Problem::new(Code::AlreadyFulfilled),
        RedriveRefusal::NoSuchLine => Problem::field("/lines", refusal.to_string()),
        RedriveRefusal::NotPaid => Problem::new(Code::Conflict).detail(refusal.to_string()),
    }
}
