//! Listing orders: one's own, or, for staff, a user's or all of one status.

use axum::extract::State;
use domain::order::Order;
use domain::text::Username;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::OrderSummaries;
use utoipa::{IntoParams, ToSchema};
use web::{Code, Json, Limit, MoneyBody, Page, Problem, Query, SignedIn, User};

use crate::App;
use crate::order_view::state_name;

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderQuery {
    /// At most so many, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Staff only: this user's orders, by username.
    #[param(value_type = Option<String>)]
    user: Option<Username>,
    /// Only orders of this status; for staff, without `user`, the whole shop's.
    status: Option<String>,
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderSummary {
    number: String,
    /// `pending_payment`, `paid`, `cancelled` or `expired`.
    status: &'static str,
    total: MoneyBody,
    lines: Vec<LineSummary>,
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
}

/// A line in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineSummary {
    sku: String,
    title: String,
    quantity: u32,
}

impl From<&Order> for OrderSummary {
    fn from(order: &Order) -> Self {
        let line = |line: &domain::order::OrderLine| LineSummary {
            sku: line.sku.to_string(),
            title: line.title.to_string(),
            quantity: line.quantity.get(),
        };
        Self {
            number: order.number.to_string(),
            status: order.state.name(),
            total: order.total.into(),
            lines: order.lines.iter().map(line).collect(),
            placed_at: order.placed_at,
        }
    }
}

/// Lists orders, newest first.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderQuery),
    responses((status = 200, body = Page<OrderSummary>), (status = 403)),
    security(("jwt" = [])))]
pub(crate) async fn list_orders(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Query(query): Query<OrderQuery>,
) -> Result<Json<Page<OrderSummary>>, Problem> {
    let status = query.status.as_deref().map(state_name).transpose()?;
    let which = which(&app, &user, query.user.as_ref(), status)?;
    let scope = format!("{}|orders|{which:?}|{status:?}", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let page = app.store.list_orders(&which, u16::from(query.limit.get()), after.as_ref()).await?;
    let wanted = |order: &&Order| status.is_none_or(|status| order.state.name() == status);
    Ok(Json(Page {
        items: page.items.iter().filter(wanted).map(OrderSummary::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Whose orders a caller asks for, and may see.
fn which(
    app: &App,
    user: &User,
    named: Option<&Username>,
    status: Option<&'static str>,
) -> Result<OrderSummaries, Problem> {
    match (named, status) {
        (Some(_), _) if !user.staff => Err(Problem::new(Code::Forbidden)),
        (Some(named), _) => Ok(OrderSummaries::Of(app.http.user_id(named))),
        (None, Some(status)) if user.staff => Ok(OrderSummaries::In(status)),
        (None, _) => Ok(OrderSummaries::Of(user.id.clone())),
    }
}
