//! Reading an order.

use axum::extract::State;
use domain::id::OrderNumber;
use web::{Json, Path, Problem, SignedIn};

use crate::App;
use crate::order_view::OrderView;

/// Reads an order. Another user's order does not exist.
#[utoipa::path(get, path = "/api/v1/orders/{number}", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = OrderView), (status = 404)),
    security(("jwt" = [])))]
pub(crate) async fn read_order(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Path(number): Path<OrderNumber>,
) -> Result<Json<OrderView>, Problem> {
    let file = app.order_of(&number, &user).await?;
    Ok(Json(OrderView::of(&file)?))
}
