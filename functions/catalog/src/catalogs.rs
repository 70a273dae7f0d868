//! Named groups of products.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::catalog::{self, Catalog, Links};
use domain::plan::{Plan, Write};
use domain::product::Kind;
use domain::selection::{CatalogQuery, words};
use domain::text::{Mode, Sku, Slug, Title};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, Page, Path, Problem, Query, Staff};

use crate::body::refused;
use crate::courses::PageQuery;
use crate::{App, commit};

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
    /// Products in it by name, at most 1000.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    skus: BTreeSet<Sku>,
    /// Products in it by what they are.
    #[serde(default)]
    query: Option<QueryBody>,
}

/// What a product must be; every condition that is there must hold, and one must be there.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryBody {
    /// The organisation in its course key.
    #[serde(default)]
    #[schema(max_length = 255)]
    org: Option<String>,
    /// Its course key; `*` stands for any characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    key_pattern: Option<String>,
    /// Its mode.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Option<Mode>,
    /// Its kind.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(seat|entitlement|enrollment_code|bundle)$")]
    kind: Option<Kind>,
    /// Words that its title has, at most 20.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    title_words: Vec<Word>,
}

/// A single word, in lower case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Word(String);

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let mut found = words(&text).into_iter();
        match (found.next(), found.next()) {
            (Some(word), None) if text.len() <= 100 => Ok(Self(word)),
            _ => Err("a single word of at most 100 bytes"),
        }
    }
}

impl From<Word> for String {
    fn from(Word(word): Word) -> Self {
        word
    }
}

impl QueryBody {
    pub(crate) fn query(self) -> Result<CatalogQuery, Problem> {
        let Self { org, key_pattern, mode, kind, title_words } = self;
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 255);
        if long(&org) {
            return Err(Problem::field("/query/org", "org must be 1 to 255 bytes"));
        }
        if long(&key_pattern) {
            return Err(Problem::field("/query/key_pattern", "key_pattern must be 1 to 255 bytes"));
        }
        if title_words.len() > 20 {
            return Err(Problem::field("/query/title_words", "at most 20 words"));
        }
        let title_words = title_words.into_iter().map(String::from).collect();
        Ok(CatalogQuery { org, key_pattern, mode, kind, title_words })
    }
}

impl From<CatalogQuery> for QueryBody {
    fn from(query: CatalogQuery) -> Self {
        let CatalogQuery { org, key_pattern, mode, kind, title_words } = query;
        Self { org, key_pattern, mode, kind, title_words: title_words.into_iter().map(Word).collect() }
    }
}

/// A catalog as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogView {
    id: String,
    title: String,
    #[schema(value_type = Vec<String>)]
    skus: BTreeSet<Sku>,
    query: Option<QueryBody>,
    /// The offers that name it.
    offers: Vec<String>,
    version: u64,
}

impl From<Catalog> for CatalogView {
    fn from(catalog: Catalog) -> Self {
        let Catalog { id, title, skus, query, version, links } = catalog;
        Self {
            id: id.to_string(),
            title: title.to_string(),
            skus,
            query: query.map(QueryBody::from),
            offers: links.offers.iter().map(ToString::to_string).collect(),
            version,
        }
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
    if_match.check(before.as_ref().map_or(0, |catalog| catalog.version))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let catalog = save(&app, body, before).await?;
    Ok((status, ETag(catalog.version), Json(CatalogView::from(catalog))))
}

/// Removes a catalog; its products stay. 409 `in_use` while an offer names it.
#[utoipa::path(delete, path = "/api/v1/catalogs/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 409), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_catalog(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let catalog = read(&app, who, &id).await?;
    if_match.check(catalog.version)?;
    if !catalog.links.offers.is_empty() {
        let offers = catalog.links.offers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(Problem::new(Code::InUse).detail(format!("named by {offers}")));
    }
    commit(&app, Plan::of(Write::DropCatalog { catalog }), Code::VersionMismatch).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, who: Claim<Staff>, id: &Slug) -> Result<Catalog, Problem> {
    let (_, catalog) = who.with(app.store.read_catalog(id)).await?;
    catalog.ok_or_else(|| Problem::new(Code::UnknownCatalog))
}

/// Saves a catalog, and with it the offers that name it.
async fn save(app: &App, body: CatalogBody, before: Option<Catalog>) -> Result<Catalog, Problem> {
    let query = body.query.map(QueryBody::query).transpose()?;
    let (id, title, skus) = (body.id, body.title, body.skus);
    let draft = Catalog { id, title, skus, query, version: 0, links: Links::default() };
    let mut offers = Vec::new();
    let linked: Vec<Slug> = before.iter().flat_map(|catalog| catalog.links.offers.iter().cloned()).collect();
    for some in linked.chunks(25) {
        offers.extend(app.store.read_offers(some).await?);
    }
    let decided = catalog::save_catalog(before.as_ref(), draft, &offers, app.http.now());
    let (catalog, plan) = decided.map_err(|refusal| refused(refusal, ""))?;
    let taken = if before.is_some() { Code::VersionMismatch } else { Code::Conflict };
    commit(app, plan, taken).await?;
    Ok(catalog)
}
