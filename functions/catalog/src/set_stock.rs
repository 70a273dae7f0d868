//! Setting a product's prices and quantities.

use axum::extract::State;
use axum::response::IntoResponse;
use domain::catalog::{ProductDraft, StockDraft};
use domain::text::Sku;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Claim, ETag, IfMatch, Json, MoneyBody, Path, Problem, Staff};

use crate::App;
use crate::body::{ProductView, StockBody, stock_drafts};
use crate::edit_product::{contained, read, save};

/// One price window, or several as `stock` (scheduled prices).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockRequest {
    /// Several windows; then no other field is given.
    stock: Option<Vec<StockBody>>,
    /// The price of one unit.
    price: Option<MoneyBody>,
    /// How many units may ever be sold; null is unlimited.
    quantity: Option<u32>,
    /// The window's first moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<jiff::Timestamp>,
    /// The window's end.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<jiff::Timestamp>,
}

impl StockRequest {
    fn drafts(self) -> Result<Vec<StockDraft>, Problem> {
        let Self { stock, price, quantity, valid_from, valid_to } = self;
        match (stock, price) {
            (Some(stock), None) if quantity.is_none() && valid_from.is_none() && valid_to.is_none() => {
                stock_drafts(stock, "/stock")
            }
            (None, Some(price)) => {
                let window = StockBody { price, quantity, valid_from, valid_to };
                Ok(vec![window.draft("")?])
            }
            (Some(_), _) => Err(Problem::field("/stock", "give either stock or one window's own fields")),
            (None, None) => Err(Problem::field("/price", "a price is required")),
        }
    }
}

/// Sets a product's price windows. A window that was there before keeps its units held and sold.
#[utoipa::path(put, path = "/api/v1/products/{sku}/stock", tag = "catalog", params(("sku" = String, Path)),
    request_body = StockRequest, responses((status = 200, body = ProductView), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn set_stock(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
    Json(request): Json<StockRequest>,
) -> Result<impl IntoResponse, Problem> {
    let stock = request.drafts()?;
    let before = read(&app, who, &sku).await?;
    if_match.check(before.version)?;
    let draft = ProductDraft {
        sku,
        kind: before.kind,
        title: before.title.clone(),
        course_key: before.course_key.clone(),
        mode: before.mode.clone(),
        attributes: before.attributes.clone(),
        contains: contained(&before),
        blocked_countries: before.blocked_countries.clone(),
        published: before.published,
        stock: Some(stock),
    };
    let product = save(&app, Some(before), draft).await?;
    Ok((ETag(product.version), Json(ProductView::of(&product, true, app.http.now()))))
}
