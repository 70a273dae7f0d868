//! An order's timeline: every event with its time and who caused it.

use axum::extract::State;
use domain::journal::LogEntry;
use domain::owner::Actor;
use jiff::Timestamp;
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;
use web::{Claim, Json, OrderReader, Path, Problem};

use crate::App;
use crate::order_name::OrderName;
use crate::refund_view::actor;

/// Something that happened to an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `learner`, `staff`, `service`, `processor` or `system`.
    actor: &'static str,
    /// Which of the staff, as `users/{username}` names them by `id`; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// What, as a code such as `order_paid`.
    event: String,
    /// The order line concerned, if one.
    line: Option<u32>,
    /// The processor's or the LMS's words; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An order's events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineView {
    items: Vec<EventView>,
}

/// Reads an order's timeline.
#[utoipa::path(get, path = "/api/v1/orders/{number}/timeline", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = TimelineView), (status = 404)),
    security(("jwt" = [])))]
pub(crate) async fn read_timeline(
    State(app): State<App>,
    who: Claim<OrderReader>,
    Path(name): Path<OrderName>,
) -> Result<Json<TimelineView>, Problem> {
    let (found, read) = tokio::join!(app.order_named(who, &name), read_beside(&app, &name));
    let (OrderReader(user), file) = found?;
    let mut log = match read {
        Some(log) => log?,
        None => app.store.read_timeline(&file.order.number).await?,
    };
    log.sort_by(|a, b| (a.at, a.id.as_str()).cmp(&(b.at, b.id.as_str())));
    let items = log.into_iter().map(|entry| view(entry, user.staff)).collect();
    Ok(Json(TimelineView { items }))
}

/// The timeline of an order that is named by our number, read beside the order; by another shop's, the order says first
/// which it is.
async fn read_beside(app: &App, name: &OrderName) -> Option<Result<Vec<LogEntry>, StoreError>> {
    match name {
        OrderName::Number(number) => Some(app.store.read_timeline(number).await),
        OrderName::Legacy(_) => None,
    }
}

fn view(entry: LogEntry, staff: bool) -> EventView {
    let detail = entry.detail.filter(|_| staff);
    let by = match &entry.actor {
        Actor::Staff(user) if staff => Some(user.to_string()),
        Actor::Staff(_) | Actor::Learner | Actor::Service | Actor::Processor | Actor::System => None,
    };
    EventView { at: entry.at, actor: actor(&entry.actor), by, event: entry.event, line: entry.line, detail }
}
