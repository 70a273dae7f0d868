//! Offers, for staff.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use domain::catalog::Catalog;
use domain::enrolment_codes::is_of_codes;
use domain::offer::{MAX_AUTOMATIC, Offer, save_offer};
use domain::plan::{Plan, Write};
use domain::text::Slug;
use web::{Claim, Code, ETag, IfMatch, Json, Page, Path, Problem, Query, Staff};

use crate::body::refused;
use crate::courses::PageQuery;
use crate::offer_body::{OfferBody, OfferView};
use crate::{App, commit};

/// Lists offers by id, without their uses.
#[utoipa::path(get, path = "/api/v1/offers", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<OfferView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_offers(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OfferView>>, Problem> {
    let scope = format!("{}|offers", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let (_, page) = who.with(app.store.list_offers(u16::from(query.limit.get()), after.as_ref())).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(OfferView::listed).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Reads an offer.
#[utoipa::path(get, path = "/api/v1/offers/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = OfferView), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_offer(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
) -> Result<impl IntoResponse, Problem> {
    let offer = read(&app, who, &id).await?;
    Ok((ETag(offer.version), Json(OfferView::of(offer))))
}

/// Creates an offer.
#[utoipa::path(post, path = "/api/v1/offers", tag = "catalog", request_body = OfferBody,
    responses((status = 201, body = OfferView), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_offer(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<OfferBody>,
) -> Result<impl IntoResponse, Problem> {
    let (_, there) = who.with(app.store.read_offer(&body.id)).await?;
    if there.is_some() {
        return Err(Problem::new(Code::Conflict).detail("another offer has this id"));
    }
    let offer = save(&app, body, None).await?;
    let location = format!("/api/v1/offers/{}", offer.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], ETag(offer.version), Json(OfferView::of(offer))))
}

/// Replaces an offer, or creates it. Baskets have it as it is from then on; orders keep what they were given.
#[utoipa::path(put, path = "/api/v1/offers/{id}", tag = "catalog", params(("id" = String, Path)),
    request_body = OfferBody,
    responses((status = 200, body = OfferView), (status = 201, body = OfferView), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn replace_offer(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
    Json(body): Json<OfferBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.id != id {
        return Err(Problem::field("/id", "id must be the one of the path"));
    }
    let (_, before) = who.with(app.store.read_offer(&id)).await?;
    if_match.check(before.as_ref().map_or(0, |offer| offer.version))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let offer = save(&app, body, before).await?;
    Ok((status, ETag(offer.version), Json(OfferView::of(offer))))
}

/// Removes an offer. Codes that open it open nothing from then on.
#[utoipa::path(delete, path = "/api/v1/offers/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_offer(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let load = async { tokio::try_join!(app.store.read_offer(&id), app.store.read_coupon(&id)) };
    let (_, (offer, coupon)) = who.with(load).await?;
    let offer = offer.ok_or_else(|| Problem::new(Code::UnknownOffer))?;
    if_match.check(offer.version)?;
    if coupon.is_some() && !offer.automatic {
        return Err(Problem::new(Code::InUse).detail("it is a coupon's; end the coupon"));
    }
    if is_of_codes(&id) {
        return Err(Problem::new(Code::InUse).detail("enrolment codes that were sold open it"));
    }
    commit(&app, Plan::of(Write::DropOffer(Box::new(offer))), Code::VersionMismatch).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, who: Claim<Staff>, id: &Slug) -> Result<Offer, Problem> {
    let (_, offer) = who.with(app.store.read_offer(id)).await?;
    offer.ok_or_else(|| Problem::new(Code::UnknownOffer))
}

/// The catalog that a condition names, as it is now.
pub(crate) async fn named_catalog(app: &App, id: Option<&Slug>) -> Result<Option<Catalog>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let found = app.store.read_catalog(id).await?;
    found.map(Some).ok_or_else(|| Problem::field("/condition/catalog", "there is no such catalog"))
}

async fn save(app: &App, body: OfferBody, before: Option<Offer>) -> Result<Offer, Problem> {
    let catalog = named_catalog(app, body.condition.catalog.as_ref()).await?;
    let now = app.http.now();
    let draft = body.draft(catalog, now)?;
    if draft.automatic && before.is_none() && app.store.read_automatic_offers().await?.len() >= MAX_AUTOMATIC {
        return Err(Problem::field("/automatic", "there can be 100 automatic offers; remove those that are over"));
    }
    let (offer, plan) = save_offer(before.as_ref(), draft, now).map_err(|refusal| refused(refusal, ""))?;
    let taken = if before.is_some() { Code::VersionMismatch } else { Code::Conflict };
    commit(app, plan, taken).await?;
    Ok(offer)
}
