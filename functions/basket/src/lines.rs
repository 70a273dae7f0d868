//! Changing the lines of a basket.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::basket::MAX_LINES;
use domain::change_basket::{Addition, Change};
use domain::product::Product;
use domain::quantity::Quantity;
use domain::text::Sku;
use serde::Deserialize;
use store::BasketView as Loaded;
use utoipa::ToSchema;
use web::{Claim, Code, IfMatch, Json, OwnerForWrite, Path, Problem, Shopper};

use crate::App;
use crate::body::BasketView;
use crate::change::{change, show};

/// A product to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineBody {
    #[schema(value_type = String)]
    sku: Sku,
    /// 1 to 100; 1 if left out. A seat stays at 1.
    #[serde(default = "one")]
    #[schema(value_type = u32, minimum = 1, maximum = 100)]
    quantity: Quantity,
}

fn one() -> Quantity {
    Quantity::ONE
}

/// Products to add together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesBody {
    /// 1 to 20.
    lines: Vec<LineBody>,
}

/// A line's new quantity.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuantityBody {
    /// 0 to 100; 0 removes the line.
    #[schema(maximum = 100)]
    quantity: u32,
}

/// Adds a product. The same SKU adds up; a seat stays at one.
#[utoipa::path(post, path = "/api/v1/basket/lines", tag = "basket", request_body = LineBody,
    responses((status = 201, body = BasketView), (status = 404), (status = 409), (status = 412)))]
pub(crate) async fn add_line(
    State(app): State<App>,
    who: Claim<OwnerForWrite>,
    if_match: IfMatch,
    Json(line): Json<LineBody>,
) -> Result<Response, Problem> {
    add(&app, who, &if_match, &[line]).await
}

/// Adds several products, all or none.
#[utoipa::path(post, path = "/api/v1/basket/lines/batch", tag = "basket", request_body = LinesBody,
    responses((status = 201, body = BasketView), (status = 404), (status = 409), (status = 412)))]
pub(crate) async fn add_lines(
    State(app): State<App>,
    who: Claim<OwnerForWrite>,
    if_match: IfMatch,
    Json(body): Json<LinesBody>,
) -> Result<Response, Problem> {
    if !(1..=MAX_LINES).contains(&body.lines.len()) {
        return Err(Problem::field("/lines", "lines must be 1 to 20"));
    }
    add(&app, who, &if_match, &body.lines).await
}

async fn add(
    app: &App,
    who: Claim<OwnerForWrite>,
    if_match: &IfMatch,
    lines: &[LineBody],
) -> Result<Response, Problem> {
    let skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
    let wish = |loaded: &Loaded| {
        let addition = |line: &LineBody| {
            Ok(Addition {
                product: seen(loaded, &line.sku)?,
                quantity: line.quantity,
                owned: loaded.owned.contains(&line.sku),
            })
        };
        lines.iter().map(addition).collect::<Result<_, Problem>>().map(Change::Add)
    };
    let changed = change(app, who, &skus, if_match, wish).await?;
    let shown = show(app, &changed)?;
    Ok((StatusCode::CREATED, changed.caller.minted, shown).into_response())
}

/// A published product; others do not exist for shoppers.
fn seen(loaded: &Loaded, sku: &Sku) -> Result<Product, Problem> {
    let found = loaded.products.iter().find(|product| product.sku == *sku && product.published);
    found.cloned().ok_or_else(|| Problem::new(Code::UnknownProduct).detail(format!("there is no product {sku}")))
}

/// Sets a line's quantity; 0 removes it.
#[utoipa::path(patch, path = "/api/v1/basket/lines/{sku}", tag = "basket", params(("sku" = String, Path)),
    request_body = QuantityBody,
    responses((status = 200, body = BasketView), (status = 404), (status = 409), (status = 412)))]
pub(crate) async fn set_quantity(
    State(app): State<App>,
    who: Claim<Shopper>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
    Json(body): Json<QuantityBody>,
) -> Result<Response, Problem> {
    if body.quantity == 0 {
        return remove(&app, who, sku, &if_match).await;
    }
    let quantity = Quantity::try_from(body.quantity).map_err(|e| Problem::field("/quantity", e.to_string()))?;
    let wish = |loaded: &Loaded| Ok(Change::SetQuantity(Box::new(seen(loaded, &sku)?), quantity));
    let changed = change(&app, who, std::slice::from_ref(&sku), &if_match, wish).await?;
    Ok(show(&app, &changed)?.into_response())
}

/// Removes a line.
#[utoipa::path(delete, path = "/api/v1/basket/lines/{sku}", tag = "basket", params(("sku" = String, Path)),
    responses((status = 200, body = BasketView), (status = 404), (status = 412)))]
pub(crate) async fn remove_line(
    State(app): State<App>,
    who: Claim<Shopper>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    remove(&app, who, sku, &if_match).await
}

async fn remove(app: &App, who: Claim<Shopper>, sku: Sku, if_match: &IfMatch) -> Result<Response, Problem> {
    let changed = change(app, who, &[], if_match, |_| Ok(Change::Remove(sku.clone()))).await?;
    Ok(show(app, &changed)?.into_response())
}

/// Empties the basket.
#[utoipa::path(delete, path = "/api/v1/basket", tag = "basket",
    responses((status = 200, body = BasketView), (status = 412)))]
pub(crate) async fn clear_basket(
    State(app): State<App>,
    who: Claim<Shopper>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    if who.owner().is_none() {
        who.alone().await?;
        return Ok(Json(BasketView::none(&app, None)).into_response());
    }
    let changed = change(&app, who, &[], &if_match, |_| Ok(Change::Clear)).await?;
    Ok(show(&app, &changed)?.into_response())
}
