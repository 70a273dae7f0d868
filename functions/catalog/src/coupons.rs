//! Coupons, for staff: catalog, offer, codes and a note on the invoice by one call.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use domain::coupon::{self, CouponEdit, CouponFile, CouponRefusal, Part};
use domain::text::Slug;
use store::CommitError;
use web::{Claim, Code, ETag, IfMatch, Json, Page, Path, Problem, Query, Staff};

use crate::App;
use crate::batch_codes::{CodesQuery, file_of, page_of};
use crate::batches::{seed, work};
use crate::body::refused;
use crate::coupon_body::{CouponBody, CouponPatch, CouponView, CouponWithParts, url};
use crate::courses::PageQuery;
use crate::offers::named_catalog;

/// How often a change is decided anew while its batch is worked: each slice moves that.
const ROUNDS: u32 = 8;

/// Lists coupons by id, without their parts.
#[utoipa::path(get, path = "/api/v1/coupons", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<CouponView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_coupons(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CouponView>>, Problem> {
    let scope = format!("{}|coupons", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let (_, page) = who.with(app.store.list_coupons(u16::from(query.limit.get()), after.as_ref())).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(CouponView::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Creates a coupon with its catalog, offer and codes, all of it or nothing. A large batch of codes goes on after the answer.
#[utoipa::path(post, path = "/api/v1/coupons", tag = "catalog", request_body = CouponBody,
    responses((status = 201, body = CouponWithParts), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_coupon(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<CouponBody>,
) -> Result<Response, Problem> {
    let load = async {
        let namesake = async { app.store.read_offer(&body.id).await.map_err(Problem::from) };
        tokio::try_join!(named_catalog(&app, body.offer.condition.catalog.as_ref()), namesake)
    };
    let (Staff(user), (named, namesake)) = who.with(load).await.map_err(|problem| problem.within("/offer"))?;
    // An automatic offer lies elsewhere, where no condition of this transaction looks.
    if namesake.is_some_and(|offer| offer.automatic) {
        return Err(Problem::new(Code::Conflict).detail("another offer or catalog has this id"));
    }
    let now = app.http.now();
    let ask = body.ask(named, user.username, now)?;
    let batch = (app.http.ids(now).make(), seed(&app)?);
    let (file, plan) = coupon::create_coupon(ask, batch, now).map_err(refuse)?;
    app.store.commit(&plan).await.map_err(taken)?;
    tracing::info!(coupon = %file.coupon.id, "coupon created");
    let location = [(LOCATION, url(&file.coupon.id))];
    let (version, view) = render(&app, file).await;
    Ok((StatusCode::CREATED, location, version, view).into_response())
}

/// Reads a coupon with its parts, and how often it was used.
#[utoipa::path(get, path = "/api/v1/coupons/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = CouponWithParts), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_coupon(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
) -> Result<impl IntoResponse, Problem> {
    let file = read(&app, who, &id).await?;
    Ok((ETag(file.coupon.version), Json(CouponWithParts::of(file, app.http.now()))))
}

/// Lists the codes of a coupon as CSV (RFC 4180); of a batch in pages, as at the batch.
#[utoipa::path(get, path = "/api/v1/coupons/{id}/codes", tag = "catalog",
    params(("id" = String, Path), CodesQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_coupon_codes(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    Query(query): Query<CodesQuery>,
) -> Result<Response, Problem> {
    let CouponFile { vouchers, batch, .. } = read(&app, who, &id).await?;
    match batch {
        Some(batch) => page_of(&app, &batch, query).await,
        // They fit into one page, which leads to no other.
        None if query.cursor.is_some() => Err(Problem::new(Code::BadCursor)),
        None => Ok(file_of(&vouchers)),
    }
}

/// Changes what is told of a coupon, its dates and its limits. Dates hold for all of its codes at once.
#[utoipa::path(patch, path = "/api/v1/coupons/{id}", tag = "catalog", params(("id" = String, Path)),
    request_body = CouponPatch, responses((status = 200, body = CouponWithParts), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn change_coupon(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
    Json(patch): Json<CouponPatch>,
) -> Result<impl IntoResponse, Problem> {
    let file = read(&app, who, &id).await?;
    change(&app, file, &if_match, &patch.edit()?).await
}

/// Ends a coupon now: none of its codes opens anything any more. A PATCH of `ends_at` lets it begin again.
#[utoipa::path(post, path = "/api/v1/coupons/{id}/deactivate", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = CouponWithParts), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn deactivate_coupon(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<Slug>,
    if_match: IfMatch,
) -> Result<impl IntoResponse, Problem> {
    let file = read(&app, who, &id).await?;
    let edit = CouponEdit::deactivate(app.http.now());
    change(&app, file, &if_match, &edit).await
}

async fn read(app: &App, who: Claim<Staff>, id: &Slug) -> Result<CouponFile, Problem> {
    let (_, file) = who.with(app.store.read_coupon(id)).await?;
    file.ok_or_else(|| Problem::new(Code::UnknownCoupon))
}

async fn change(
    app: &App,
    mut file: CouponFile,
    if_match: &IfMatch,
    edit: &CouponEdit,
) -> Result<(ETag, Json<CouponWithParts>), Problem> {
    for _ in 0..ROUNDS {
        if_match.check(file.coupon.version)?;
        let (after, plan) = coupon::change_coupon(&file, edit, app.http.now()).map_err(refuse)?;
        match app.store.commit(&plan).await {
            Ok(()) => return Ok(render(app, after).await),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        let read = app.store.read_coupon(&file.coupon.id).await?;
        file = read.ok_or_else(|| Problem::new(Code::UnknownCoupon))?;
    }
    Err(Problem::new(Code::Conflict).detail("a part of the coupon is being changed").retry_after(1))
}

/// The coupon, after the first slices of its batch.
async fn render(app: &App, mut file: CouponFile) -> (ETag, Json<CouponWithParts>) {
    if let Some(batch) = file.batch.take() {
        file.batch = Some(work(app, batch).await);
    }
    (ETag(file.coupon.version), Json(CouponWithParts::of(file, app.http.now())))
}

fn refuse(refusal: CouponRefusal) -> Problem {
    match refusal {
        CouponRefusal::Invalid(Part::Dates, refusal) => refused(refusal, ""),
        CouponRefusal::Invalid(Part::Catalog, refusal) => refused(refusal, "/catalog"),
        CouponRefusal::Invalid(Part::Offer, refusal) => refused(refusal, "/offer"),
        CouponRefusal::Invalid(Part::Codes, refusal) => refused(refusal, "/codes"),
        CouponRefusal::OfferGone => Problem::new(Code::Conflict).detail(refusal.to_string()),
    }
}

/// What a new coupon collided with.
fn taken(error: CommitError) -> Problem {
    let part = [
        ("create_coupon", "another coupon has this id"),
        ("create_offer_of_catalog", "another offer or catalog has this id"),
        ("save_offer", "another offer has this id, or its catalog was changed meanwhile"),
        ("save_voucher", "one of the codes is taken"),
    ];
    match part.iter().find(|(name, _)| error.refused(name)) {
        Some((_, detail)) => Problem::new(Code::Conflict).detail(*detail),
        None => error.into(),
    }
}
