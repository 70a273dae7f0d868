//! Reading a product.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::product::Product;
use domain::text::Sku;
use web::{Caller, Claim, Code, ETag, IfNoneMatch, Json, Path, Problem};

use crate::App;
use crate::body::ProductView;

/// Reads a product. The `ETag` is its version.
#[utoipa::path(get, path = "/api/v1/products/{sku}", tag = "catalog", params(("sku" = String, Path)),
    responses((status = 200, body = ProductView), (status = 304), (status = 404)))]
pub(crate) async fn read_product(
    State(app): State<App>,
    who: Claim<Caller>,
    Path(sku): Path<Sku>,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let (caller, product) = who.with(app.store.read_product(&sku)).await?;
    let staff = caller.is_staff();
    let product = product.filter(|product| staff || product.published);
    let product = product.ok_or_else(|| Problem::new(Code::UnknownProduct))?;
    let view = Json(ProductView::of(&product, staff, app.http.now()));
    Ok(if changes_by_itself(&product) {
        (ETag(product.version), view).into_response()
    } else {
        if_none_match.or_else(product.version, view)
    })
}

/// Whether what is read can change without an edit: by sales, or by a price window that begins or ends. Then the version
/// alone does not say that the reader's copy is still good.
fn changes_by_itself(product: &Product) -> bool {
    product
        .stock
        .iter()
        .any(|record| record.quantity.is_some() || record.valid_from.is_some() || record.valid_to.is_some())
}
