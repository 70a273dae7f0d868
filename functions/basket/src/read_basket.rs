//! Reading the caller's basket. Reading never writes: without a basket, an empty one is shown.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::owner::Owner;
use web::{Claim, ETag, Json, Problem, Shopper};

use crate::App;
use crate::body::BasketView;

/// Reads the caller's basket, priced. The `ETag` is its version.
#[utoipa::path(get, path = "/api/v1/basket", tag = "basket", responses((status = 200, body = BasketView)))]
pub(crate) async fn read_basket(State(app): State<App>, who: Claim<Shopper>) -> Result<Response, Problem> {
    let now = app.http.now();
    let owner = who.owner();
    let load = async {
        match &owner {
            Some(owner) => app.store.read_basket(owner, &[], None, now).await.map(|view| view.basket),
            None => Ok(None),
        }
    };
    let (_, basket) = who.with(load).await?;
    let view = match basket {
        Some(basket) => BasketView::of(&app, &basket, now)?,
        None => BasketView::none(&app, owner.as_ref().map(Owner::key).map(str::to_owned)),
    };
    Ok((ETag(view.version), Json(view)).into_response())
}
