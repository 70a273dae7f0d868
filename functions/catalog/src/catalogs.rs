//! Named groups of products.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::catalog::{Catalog, MAX_CATALOG};
use domain::plan::{Plan, Write};
use domain::text::{Sku, Slug, Title};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, Page, Path, Problem, Query, Staff};

use crate::App;
use crate::courses::PageQuery;

/// A catalog as staff sends it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogBody {
    /// Its handle.
    #[schema(value_type = String, pattern = "^[a-z0-9_-]{1,64}$")]
    id: Slug,
    /// What people read.
    #[schema(value_type = String)]
    title: Title,
    /// The products in it, at most 1000.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    skus: BTreeSet<Sku>,
}

/// A catalog as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogView {
    id: String,
    title: String,
    #[schema(value_type = Vec<String>)]
    skus: BTreeSet<Sku>,
    version: u64,
}

impl From<Catalog> for CatalogView {
    fn from(catalog: Catalog) -> Self {
        let Catalog { id, title, skus, version } = catalog;
        Self { id: id.to_string(), title: title.to_string(), skus, version }
    }
}

/// Lists catalogs by id.
#[utoipa::path(get, path = "/api/v1/catalogs", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<CatalogView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_catalogs(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CatalogView>>, Problem> {
    let scope = format!("{}|catalogs", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_catalogs(u16::from(query.limit.get()), after.as_ref());
    let (_, page) = who.with(list).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(CatalogView::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Reads a catalog.
#[utoipa::path(get, path = "/api/v1/catalogs/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = CatalogView), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_catalog(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
) -> Result<impl IntoResponse, Problem> {
    let catalog = read(&app, who, &id).await?;
    Ok((ETag(catalog.version), Json(CatalogView::from(catalog))))
}

/// Creates a catalog.
#[utoipa::path(post, path = "/api/v1/catalogs", tag = "catalog", request_body = CatalogBody,
    responses((status = 201, body = CatalogView), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_catalog(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<CatalogBody>,
) -> Result<impl IntoResponse, Problem> {
    who.alone().await?;
    let catalog = save(&app, body, None).await?;
    Ok((StatusCode::CREATED, ETag(catalog.version), Json(CatalogView::from(catalog))))
}

/// Replaces a catalog, or creates it.
#[utoipa::path(put, path = "/api/v1/catalogs/{id}", tag = "catalog", params(("id" = String, Path)),
    request_body = CatalogBody, responses((status = 200, body = CatalogView), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn replace_catalog(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
    Json(body): Json<CatalogBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.id != id {
        return Err(Problem::field("/id", "id must be the one of the path"));
    }
    let (_, before) = who.with(app.store.read_catalog(&id)).await?;
    let before = before.map(|catalog| catalog.version);
    if_match.check(before.unwrap_or(0))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let catalog = save(&app, body, before).await?;
    Ok((status, ETag(catalog.version), Json(CatalogView::from(catalog))))
}

/// Removes a catalog; its products stay.
#[utoipa::path(delete, path = "/api/v1/catalogs/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_catalog(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let catalog = read(&app, who, &id).await?;
    if_match.check(catalog.version)?;
    commit(&app, Write::DropCatalog { catalog }, Code::VersionMismatch).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, who: Claim<Staff>, id: &Slug) -> Result<Catalog, Problem> {
    let (_, catalog) = who.with(app.store.read_catalog(id)).await?;
    catalog.ok_or_else(|| Problem::new(Code::UnknownCatalog))
}

async fn save(app: &App, body: CatalogBody, expect: Option<u64>) -> Result<Catalog, Problem> {
    if body.skus.len() > MAX_CATALOG {
        return Err(Problem::field("/skus", "a catalog holds at most 1000 products"));
    }
    let version = expect.unwrap_or(0).saturating_add(1);
    let catalog = Catalog { id: body.id, title: body.title, skus: body.skus, version };
    let taken = if expect.is_some() { Code::VersionMismatch } else { Code::Conflict };
    commit(app, Write::SaveCatalog { catalog: catalog.clone(), expect }, taken).await?;
    Ok(catalog)
}

async fn commit(app: &App, write: Write, refused: Code) -> Result<(), Problem> {
    app.store
        .commit(&Plan::of(write))
        .await
        .map_err(|error| if error.is_conflict() { Problem::new(refused) } else { error.into() })
}
