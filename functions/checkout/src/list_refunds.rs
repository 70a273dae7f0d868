//! Listing refunds, for staff: those that wait to be decided, or those of another state.

use axum::extract::State;
use domain::refund::RefundState;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Claim, Json, Limit, Page, Problem, Query, Staff};

use crate::App;
use crate::refund_view::RefundView;

/// Which refunds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundQuery {
    /// At most so many, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Refunds of this state; `requested`, which wait to be decided, if it is not given.
    status: Option<String>,
}

/// Lists the shop's refunds of one state, newest first.
#[utoipa::path(get, path = "/api/v1/refunds", tag = "refunds", params(RefundQuery),
    responses((status = 200, body = Page<RefundView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_refunds(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<RefundQuery>,
) -> Result<Json<Page<RefundView>>, Problem> {
    let state = query.status.as_deref().map_or(Ok(RefundState::Requested), state)?.name();
    let scope = format!("{}|refunds|{state}", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_refunds(state, u16::from(query.limit.get()), after.as_ref());
    let (Staff(user), page) = who.with(list).await?;
    Ok(Json(Page {
        items: page.items.iter().map(|(order, refund)| RefundView::of(order, refund, &user)).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

fn state(text: &str) -> Result<RefundState, Problem> {
    let found = RefundState::ALL.into_iter().find(|state| state.name() == text);
    let known = "must be requested, approved, denied, submitted, succeeded, failed or unknown";
    found.ok_or_else(|| Problem::field("/status", known))
}
