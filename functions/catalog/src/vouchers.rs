//! Vouchers, for staff: the codes that open an offer, and what became of them.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::plan::{Plan, Write};
use domain::text::{EmailDomain, Slug, VoucherCode};
use domain::uses::{Level, VoucherNote};
use domain::voucher::{Origin, Usage, Voucher, save_voucher};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Claim, Code, ETag, IfMatch, Json, Limit, Page, Path, Problem, Query, Staff};

use crate::body::refused;
use crate::courses::PageQuery;
use crate::{App, commit};

/// How many of a code's latest orders come with it.
const LATEST: u16 = 20;

/// A voucher as staff send it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoucherBody {
    /// What is typed, whatever its case: 1 to 64 letters, digits, `.`, `_` or `-`.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    code: VoucherCode,
    #[schema(value_type = String, pattern = "^(single_use|once_per_customer|multi_use|multi_use_per_customer)$")]
    usage: Usage,
    /// The offer that it opens, which is not automatic.
    #[schema(value_type = String)]
    offer: Slug,
    /// How often in all, 1 to 1000000; not for a single use.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_uses: Option<u32>,
    /// Its first moment, RFC 3339; null is always.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Its end, RFC 3339; null is never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// Only for e-mail addresses of exactly these domains, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
}

/// A voucher as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VoucherView {
    code: String,
    #[schema(value_type = String)]
    usage: Usage,
    offer: String,
    max_uses: Option<u32>,
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
    version: u64,
    /// Orders that have it. Those that wait for payment are counted; those that ended unpaid are not.
    taken: u32,
}

impl From<Voucher> for VoucherView {
    fn from(voucher: Voucher) -> Self {
        Self {
            code: voucher.code.to_string(),
            usage: voucher.usage,
            offer: voucher.offer.to_string(),
            max_uses: voucher.max_uses,
            starts_at: voucher.starts_at,
            ends_at: voucher.ends_at,
            email_domains: voucher.email_domains,
            version: voucher.version,
            taken: voucher.level.taken,
        }
    }
}

/// An order that has a code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VoucherUseView {
    order_number: String,
    username: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<VoucherNote> for VoucherUseView {
    fn from(note: VoucherNote) -> Self {
        Self { order_number: note.order.to_string(), username: note.username.to_string(), at: note.at }
    }
}

/// A voucher with its latest orders.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VoucherWithUses {
    #[serde(flatten)]
    voucher: VoucherView,
    /// The latest 20; `…/uses` pages through all.
    uses: Vec<VoucherUseView>,
}

/// Which vouchers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VouchersQuery {
    /// Only codes that begin so, whatever their case.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: Option<VoucherCode>,
    #[serde(default)]
    #[param(value_type = Option<u8>)]
    limit: Limit,
    cursor: Option<String>,
}

/// Lists vouchers by code.
#[utoipa::path(get, path = "/api/v1/vouchers", tag = "catalog", params(VouchersQuery),
    responses((status = 200, body = Page<VoucherView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_vouchers(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<VouchersQuery>,
) -> Result<Json<Page<VoucherView>>, Problem> {
    let prefix = query.prefix.as_ref().map(VoucherCode::as_str);
    let scope = format!("{}|vouchers|{}", app.http.tenant(), prefix.unwrap_or_default());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_vouchers(prefix, u16::from(query.limit.get()), after.as_ref());
    let (_, page) = who.with(list).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(VoucherView::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Reads a voucher with its latest uses.
#[utoipa::path(get, path = "/api/v1/vouchers/{code}", tag = "catalog", params(("code" = String, Path)),
    responses((status = 200, body = VoucherWithUses), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_voucher(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(code): Path<VoucherCode>,
) -> Result<impl IntoResponse, Problem> {
    let load = async { tokio::try_join!(app.store.read_voucher(&code), app.store.list_uses(&code, LATEST, None)) };
    let (_, (voucher, uses)) = who.with(load).await?;
    let voucher = voucher.ok_or_else(|| Problem::new(Code::UnknownVoucher))?;
    let version = voucher.version;
    let uses = uses.items.into_iter().map(VoucherUseView::from).collect();
    Ok((ETag(version), Json(VoucherWithUses { voucher: voucher.into(), uses })))
}

/// Lists the orders that have a code, the newest first.
#[utoipa::path(get, path = "/api/v1/vouchers/{code}/uses", tag = "catalog",
    params(("code" = String, Path), PageQuery), responses((status = 200, body = Page<VoucherUseView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_voucher_uses(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(code): Path<VoucherCode>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<VoucherUseView>>, Problem> {
    let scope = format!("{}|uses|{code}", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let limit = u16::from(query.limit.get());
    let load =
        async { tokio::try_join!(app.store.read_voucher(&code), app.store.list_uses(&code, limit, after.as_ref())) };
    let (_, (voucher, page)) = who.with(load).await?;
    if voucher.is_none() {
        return Err(Problem::new(Code::UnknownVoucher));
    }
    Ok(Json(Page {
        items: page.items.into_iter().map(VoucherUseView::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Creates a voucher.
#[utoipa::path(post, path = "/api/v1/vouchers", tag = "catalog", request_body = VoucherBody,
    responses((status = 201, body = VoucherView), (status = 409)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_voucher(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<VoucherBody>,
) -> Result<impl IntoResponse, Problem> {
    let (_, offer) = who.with(app.store.read_offer(&body.offer)).await?;
    let voucher = save(&app, body, None, offer).await?;
    Ok((StatusCode::CREATED, ETag(voucher.version), Json(VoucherView::from(voucher))))
}

/// Replaces a voucher, or creates it. An `ends_at` that is past expires it.
#[utoipa::path(put, path = "/api/v1/vouchers/{code}", tag = "catalog", params(("code" = String, Path)),
    request_body = VoucherBody,
    responses((status = 200, body = VoucherView), (status = 201, body = VoucherView), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn replace_voucher(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(code): Path<VoucherCode>,
    if_match: IfMatch,
    Json(body): Json<VoucherBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.code != code {
        return Err(Problem::field("/code", "code must be the one of the path"));
    }
    let load = async { tokio::try_join!(app.store.read_voucher(&code), app.store.read_offer(&body.offer)) };
    let (_, (before, offer)) = who.with(load).await?;
    if_match.check(before.as_ref().map_or(0, |voucher| voucher.version))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let voucher = save(&app, body, before, offer).await?;
    Ok((status, ETag(voucher.version), Json(VoucherView::from(voucher))))
}

/// Removes a voucher that was never used; 409 `in_use` for any other, which can be expired instead.
#[utoipa::path(delete, path = "/api/v1/vouchers/{code}", tag = "catalog", params(("code" = String, Path)),
    responses((status = 204), (status = 404), (status = 409), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_voucher(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(code): Path<VoucherCode>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let (_, voucher) = who.with(app.store.read_voucher(&code)).await?;
    let voucher = voucher.ok_or_else(|| Problem::new(Code::UnknownVoucher))?;
    if_match.check(voucher.version)?;
    if voucher.level.taken > 0 {
        return Err(Problem::new(Code::InUse).detail("orders have it; an ends_at in the past expires it"));
    }
    if matches!(voucher.origin, Some(Origin::Line(_))) {
        return Err(Problem::new(Code::InUse).detail("it was sold; an ends_at in the past expires it"));
    }
    commit(&app, Plan::of(Write::DropVoucher(Box::new(voucher))), Code::VersionMismatch).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn save(
    app: &App,
    body: VoucherBody,
    before: Option<Voucher>,
    offer: Option<domain::offer::Offer>,
) -> Result<Voucher, Problem> {
    let now = app.http.now();
    let draft = Voucher {
        code: body.code,
        usage: body.usage,
        offer: body.offer,
        max_uses: body.max_uses,
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        email_domains: body.email_domains,
        origin: None,
        version: 0,
        updated_at: now,
        level: Level::default(),
        holder: None,
    };
    let decided = save_voucher(before.as_ref(), draft, offer.as_ref(), now);
    let (voucher, plan) = decided.map_err(|refusal| refused(refusal, ""))?;
    let taken = if before.is_some() { Code::VersionMismatch } else { Code::Conflict };
    commit(app, plan, taken).await?;
    Ok(voucher)
}
