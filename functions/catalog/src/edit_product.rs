//! Staff edits of products.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use domain::catalog::{self, ProductDraft};
use domain::course_key::CourseKey;
use domain::part::MAX_PARTS;
use domain::places::Country;
use domain::product::Product;
use domain::text::{Mode, Sku, Title};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, Path, Problem, Staff};

use crate::App;
use crate::body::{ProductBody, ProductView, StockBody, check_attributes, refused, stock_drafts};

/// Creates a product.
#[utoipa::path(post, path = "/api/v1/products", tag = "catalog", request_body = ProductBody,
    responses((status = 201, body = ProductView), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_product(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<ProductBody>,
) -> Result<impl IntoResponse, Problem> {
    let mut draft = body.draft()?;
    draft.stock.get_or_insert_default();
    let location = format!("/api/v1/products/{}", draft.sku);
    who.alone().await?;
    let product = save(&app, None, draft).await?;
    let view = ProductView::of(&product, true, app.http.now());
    Ok((StatusCode::CREATED, [(LOCATION, location)], ETag(product.version), Json(view)))
}

/// Replaces a product, or creates it. Without `stock` its price windows stay.
#[utoipa::path(put, path = "/api/v1/products/{sku}", tag = "catalog", params(("sku" = String, Path)),
    request_body = ProductBody,
    responses((status = 200, body = ProductView), (status = 201, body = ProductView), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn replace_product(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
    Json(body): Json<ProductBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.sku != sku {
        return Err(Problem::field("/sku", "sku must be the one of the path"));
    }
    let draft = body.draft()?;
    let (_, before) = who.with(app.store.read_product(&sku)).await?;
    if_match.check(before.as_ref().map_or(0, |product| product.version))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let product = save(&app, before, draft).await?;
    Ok((status, ETag(product.version), Json(ProductView::of(&product, true, app.http.now()))))
}

/// The fields of a product that a PATCH changes; those that are left out stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductPatch {
    #[schema(value_type = Option<String>)]
    title: Option<Title>,
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    course_key: Option<Option<CourseKey>>,
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    mode: Option<Option<Mode>>,
    attributes: Option<BTreeMap<String, serde_json::Value>>,
    #[schema(value_type = Option<Vec<String>>, max_items = 15)]
    contains: Option<Vec<Sku>>,
    #[schema(value_type = Option<Vec<String>>)]
    blocked_countries: Option<BTreeSet<Country>>,
    published: Option<bool>,
    stock: Option<Vec<StockBody>>,
}

/// Tells a field that is null from one that is left out.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// Changes some fields of a product.
#[utoipa::path(patch, path = "/api/v1/products/{sku}", tag = "catalog", params(("sku" = String, Path)),
    request_body = ProductPatch, responses((status = 200, body = ProductView), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn change_product(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
    Json(patch): Json<ProductPatch>,
) -> Result<impl IntoResponse, Problem> {
    let before = read(&app, who, &sku).await?;
    if_match.check(before.version)?;
    if let Some(attributes) = &patch.attributes {
        check_attributes(attributes, "/attributes")?;
    }
    let draft = ProductDraft {
        sku,
        kind: before.kind,
        title: patch.title.unwrap_or_else(|| before.title.clone()),
        course_key: patch.course_key.unwrap_or_else(|| before.course_key.clone()),
        mode: patch.mode.unwrap_or_else(|| before.mode.clone()),
        attributes: patch.attributes.unwrap_or_else(|| before.attributes.clone()),
        contains: patch.contains.unwrap_or_else(|| contained(&before)),
        blocked_countries: patch.blocked_countries.unwrap_or_else(|| before.blocked_countries.clone()),
        published: patch.published.unwrap_or(before.published),
        stock: patch.stock.map(|stock| stock_drafts(stock, "/stock")).transpose()?,
    };
    let product = save(&app, Some(before), draft).await?;
    Ok((ETag(product.version), Json(ProductView::of(&product, true, app.http.now()))))
}

/// Takes a product off sale. It stays readable by staff, and for the orders that refer to it.
#[utoipa::path(delete, path = "/api/v1/products/{sku}", tag = "catalog", params(("sku" = String, Path)),
    responses((status = 204), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_product(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(sku): Path<Sku>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let before = read(&app, who, &sku).await?;
    if_match.check(before.version)?;
    if before.published {
        let plan = catalog::hide_product(before, app.http.now());
        app.store
            .commit(&plan)
            .await
            .map_err(|error| if error.is_conflict() { Problem::new(Code::VersionMismatch) } else { error.into() })?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn read(app: &App, who: Claim<Staff>, sku: &Sku) -> Result<Product, Problem> {
    let (_, product) = who.with(app.store.read_product(sku)).await?;
    product.ok_or_else(|| Problem::new(Code::UnknownProduct))
}

/// What a product is made of.
pub(crate) fn contained(product: &Product) -> Vec<Sku> {
    product.contains.iter().map(|part| part.sku.clone()).collect()
}

/// Decides and commits an edit, with what the product contains and what contains it.
pub(crate) async fn save(app: &App, before: Option<Product>, draft: ProductDraft) -> Result<Product, Problem> {
    let existed = before.is_some();
    let around = before.iter().flat_map(|product| &product.within.skus);
    // One more than can be, so that more are refused by their number.
    let others: Vec<Sku> = around.chain(draft.contains.iter().take(MAX_PARTS.saturating_add(1))).cloned().collect();
    let others = if others.is_empty() { Vec::new() } else { app.store.read_products(&others).await? };
    let (product, plan) = catalog::save_product(before, draft, &others, app.http.now()).map_err(|e| refused(e, ""))?;
    match app.store.commit(&plan).await {
        Ok(()) => Ok(product),
        Err(error) if error.refused("save_product") && existed => Err(Problem::new(Code::VersionMismatch)),
        Err(error) if error.refused("save_product") => Err(Problem::new(Code::SkuTaken)),
        Err(error) if error.refused("link_part") => {
            Err(Problem::new(Code::Conflict).detail("a product that it contains was changed meanwhile"))
        }
        Err(error) => Err(error.into()),
    }
}
