//! Listing orders: one's own, or, for staff, a user's or all of one status.

use axum::extract::State;
use domain::order::Order;
use domain::owner::{Owner, UserId};
use domain::text::Username;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::OrderSummaries;
use utoipa::{IntoParams, ToSchema};
use web::{BadCursor, Claim, Code, Json, Limit, MoneyBody, OrderReader, Page, Problem, Query};

use crate::order_view::state_name;
use crate::{App, may_see};

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
    who: Claim<OrderReader>,
    Query(query): Query<OrderQuery>,
) -> Result<Json<Page<OrderSummary>>, Problem> {
    let status = query.status.as_deref().map(state_name).transpose()?;
    let named = query.user.as_ref();
    let Some(Owner::User(me)) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    let which = |staff| which(&app, &me, named, status.filter(|_| staff));
    let scope = |staff| format!("{}|orders|{:?}|{status:?}", app.http.tenant(), which(staff));
    let cursors = app.http.cursors();
    let limit = u16::from(query.limit.get());
    // As with products: who is staff is known only with the page.
    let (guess, after) = cursors.resume(query.cursor.as_deref(), who.says_staff(), scope)?;
    let (OrderReader(user), mut page) = who.with(app.store.list_orders(&which(guess), limit, after.as_ref())).await?;
    if query.user.is_some() && !user.staff {
        return Err(Problem::new(Code::Forbidden));
    }
    if which(user.staff) != which(guess) {
        after.is_none().then_some(()).ok_or(BadCursor)?;
        page = app.store.list_orders(&which(user.staff), limit, None).await?;
    }
    let scope = scope(user.staff);
    let wanted = |order: &&Order| status.is_none_or(|status| order.state.name() == status) && may_see(order, &user);
    Ok(Json(Page {
        items: page.items.iter().filter(wanted).map(OrderSummary::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Whose orders a caller asks for: `status` is given for staff only.
fn which(app: &App, me: &UserId, named: Option<&Username>, status: Option<&'static str>) -> OrderSummaries {
    match (named, status) {
        (Some(named), _) => OrderSummaries::Of(app.http.user_id(named)),
        (None, Some(status)) => OrderSummaries::In(status),
        (None, None) => OrderSummaries::Of(me.clone()),
    }
}
