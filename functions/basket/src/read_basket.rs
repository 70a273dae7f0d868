//! Reading the caller's basket. Reading never writes: without a basket, an empty one is shown.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::owner::Owner;
use store::BasketView as Loaded;
use web::{Claim, ETag, Json, Problem, Role, Shopper};

use crate::App;
use crate::body::BasketView;
use crate::prices::Prices;

/// Reads the caller's basket, priced. The `ETag` is its version.
#[utoipa::path(get, path = "/api/v1/basket", tag = "basket", responses((status = 200, body = BasketView)))]
pub(crate) async fn read_basket(State(app): State<App>, who: Claim<Shopper>) -> Result<Response, Problem> {
    let now = app.http.now();
    let (owner, country) = (who.owner(), who.country());
    let load = async {
        match &owner {
            Some(owner) => app.store.read_basket(owner, &[], None, now).await,
            None => Ok(Loaded::default()),
        }
    };
    let (caller, mut loaded) = who.with(load).await?;
    let prices = Prices::take(&mut loaded, (caller.user(), country));
    let view = match loaded.basket {
        Some(basket) => BasketView::of(&app, &basket, &prices, now)?,
        None => BasketView::none(&app, owner.as_ref().map(Owner::key).map(str::to_owned)),
    };
    Ok((ETag(view.version), Json(view)).into_response())
}
