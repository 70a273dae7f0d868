//! Cancelling an order that waits for payment.

use axum::extract::State;
use domain::cancel_order::decide;
use domain::id::OrderNumber;
use domain::order::{OrderFile, OrderState};
use domain::owner::Actor;
use web::{Claim, Code, Json, Path, Problem, RequestId, SignedIn, User};

use crate::App;
use crate::end_session::end_session;
use crate::order_view::OrderView;

/// Cancels an order that waits for payment. Its session is ended at the processor first.
#[utoipa::path(post, path = "/api/v1/orders/{number}/cancel", tag = "orders", params(("number" = String, Path)),
    responses((status = 200, body = OrderView), (status = 404), (status = 409)),
    security(("jwt" = [])))]
pub(crate) async fn cancel_order(
    State(app): State<App>,
    who: Claim<SignedIn>,
    Path(number): Path<OrderNumber>,
    request: RequestId,
) -> Result<Json<OrderView>, Problem> {
    let (SignedIn(user), file) = app.order_for(who, &number).await?;
    if !matches!(file.order.state, OrderState::PendingPayment { .. }) {
        return Err(Problem::new(Code::NotCancellable));
    }
    end_session(&app, &file, &request).await?;
    let file = cancel(&app, file, &user).await?;
    Ok(Json(OrderView::of(&file, &user)?))
}

/// The order changed meanwhile. If it ended unpaid, as when its session's end was reported first, that is what was asked.
async fn overtaken(app: &App, file: &OrderFile, user: &User) -> Result<OrderFile, Problem> {
    let file = app.order_again(&file.order.number, user).await?;
    match file.order.state {
        OrderState::Cancelled { .. } | OrderState::Expired { .. } => Ok(file),
        OrderState::PendingPayment { .. } => Err(Problem::new(Code::Conflict).retry_after(1)),
        OrderState::Paid { .. } => Err(Problem::new(Code::NotCancellable)),
    }
}

/// Commits the cancellation; without its thaw if the basket moved on, and not at all if the order did.
async fn cancel(app: &App, file: OrderFile, user: &User) -> Result<OrderFile, Problem> {
    let now = app.http.now();
    let actor = if file.order.owner == user.id { Actor::Learner } else { Actor::Staff(user.id.clone()) };
    for thaw in [true, false] {
        let mut ids = app.http.ids(now);
        let decided = decide(&file, actor.clone(), thaw, now, &mut ids);
        let (_, plan) = decided.map_err(|_| Problem::new(Code::NotCancellable))?;
        match app.store.commit(&plan).await {
            Ok(()) => return app.order_again(&file.order.number, user).await,
            Err(error) if error.refused("thaw_basket") && !error.refused("save_order") => {}
            Err(error) if error.is_conflict() => return overtaken(app, &file, user).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::NotCancellable))
}
