//! Reading an order.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use web::{Claim, Json, OrderReader, Path, Problem};

use crate::App;
use crate::order_name::OrderName;
use crate::order_view::OrderView;

/// Reads an order. Another user's order does not exist.
#[utoipa::path(get, path = "/api/v1/orders/{number}", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = OrderView), (status = 404)),
    security(("jwt" = [])))]
pub(crate) async fn read_order(
    State(app): State<App>,
    who: Claim<OrderReader>,
    Path(name): Path<OrderName>,
) -> Result<impl IntoResponse, Problem> {
    let (OrderReader(user), file) = app.order_named(who, &name).await?;
    // How to pay is a secret of the owner's.
    Ok(([(CACHE_CONTROL, "no-store")], Json(OrderView::of(&file, &user)?)))
}
