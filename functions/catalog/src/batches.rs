//! Batches of codes, for staff: made and changed as jobs. Small ones are done when the answer comes, the janitor goes on
//! with others.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::batch::{self, Batch, start_batch};
use domain::code_seed::CodeSeed;
use domain::id::BatchId;
use domain::idempotency::{KeyUse, judge};
use domain::offer::Offer;
use domain::owner::{Owner, UserId};
use jiff::{SignedDuration, Timestamp};
use web::{Claim, Code, ETag, IdempotencyKey, IfMatch, Json, Page, Path, Problem, Query, Staff, fingerprint_of};

use crate::App;
use crate::batch_body::{BatchBody, BatchPatch, BatchView, url};
use crate::body::refused;
use crate::courses::PageQuery;

/// How many slices of 90 codes are worked before the answer.
const AT_ONCE: u32 = 6;
/// No slice is begun later than this after the first: a table that is slow must not cost the caller the answer.
const FOR: SignedDuration = SignedDuration::from_secs(5);
/// How often a change is decided anew while the batch moves under it: each of its slices moves it.
const ROUNDS: u32 = 8;

/// Lists batches of codes, the newest first.
#[utoipa::path(get, path = "/api/v1/vouchers/batches", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<BatchView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_batches(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<BatchView>>, Problem> {
    let scope = format!("{}|batches", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let (_, page) = who.with(app.store.list_batches(u16::from(query.limit.get()), after.as_ref())).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(BatchView::from).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Makes up to 100,000 codes as a job. Its `state` says whether they are all there; some 500 are when this answers.
#[utoipa::path(post, path = "/api/v1/vouchers/batches", tag = "catalog", request_body = BatchBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = BatchView), (status = 422)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_batch(
    State(app): State<App>,
    who: Claim<Staff>,
    key: IdempotencyKey,
    Json(body): Json<BatchBody>,
) -> Result<Response, Problem> {
    let Some(Owner::User(me)) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    let key = format!("batch:{}", key.as_str());
    let fingerprint = fingerprint_of(&Method::POST, "/api/v1/vouchers/batches", &body)?;
    let load = async { tokio::try_join!(app.store.read_remembered(&me, &key), app.store.read_offer(&body.offer)) };
    let (Staff(user), (remembered, offer)) = who.with(load).await?;
    match judge(remembered.as_ref(), &fingerprint, app.http.now()) {
        KeyUse::Fresh => {}
        KeyUse::Reused => return Err(Problem::new(Code::IdempotencyKeyReused)),
        KeyUse::Replay(record) => return replay(&app, record.batch.as_ref()).await,
    }
    let now = app.http.now();
    let named = (app.http.ids(now).make(), seed(&app)?);
    let decided = start_batch(body.ask(user.username), offer.as_ref(), named, now);
    let (batch, mut plan) = decided.map_err(|refusal| refused(refusal, ""))?;
    plan.push(batch::remember(me.clone(), key.clone(), fingerprint.clone(), &batch));
    match app.store.commit(&plan).await {
        Ok(()) => {}
        // The same key was faster.
        Err(error) if error.is_conflict() => return replay_of(&app, (&me, &key), &fingerprint).await,
        Err(error) => return Err(error.into()),
    }
    tracing::info!(batch = %batch.id, count = batch.count, "batch of codes asked for");
    Ok(render(work(&app, batch).await, false))
}

/// What a batch's codes follow from.
pub(crate) fn seed(app: &App) -> Result<CodeSeed, Problem> {
    app.http.entropy().hex(32).parse().map_err(|error: domain::text::BadText| Problem::internal(&error))
}

async fn replay_of(app: &App, (me, key): (&UserId, &str), fingerprint: &str) -> Result<Response, Problem> {
    let remembered = app.store.read_remembered(me, key).await?;
    match judge(remembered.as_ref(), fingerprint, app.http.now()) {
        KeyUse::Fresh => Err(Problem::new(Code::IdempotencyInFlight)),
        KeyUse::Reused => Err(Problem::new(Code::IdempotencyKeyReused)),
        KeyUse::Replay(record) => replay(app, record.batch.as_ref()).await,
    }
}

async fn replay(app: &App, id: Option<&BatchId>) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::UnknownBatch);
    let batch = app.store.read_batch(id.ok_or_else(unknown)?).await?;
    Ok(render(batch.ok_or_else(unknown)?, true))
}

fn render(batch: Batch, replayed: bool) -> Response {
    let mark = replayed.then_some([(HeaderName::from_static("idempotent-replayed"), "true")]);
    let location = [(LOCATION, url(&batch))];
    (StatusCode::ACCEPTED, mark, location, ETag(batch.edits), Json(BatchView::from(batch))).into_response()
}

/// Works the first slices. The batch is committed and due: what fails here, the janitor does.
pub(crate) async fn work(app: &App, batch: Batch) -> Batch {
    let known = batch.clone();
    let until = app.http.now().saturating_add(FOR).unwrap_or(Timestamp::MAX);
    let is_over = || app.http.now() >= until;
    match app.store.work_batch(batch, AT_ONCE, || app.http.now(), is_over).await {
        Ok(worked) => worked.batch,
        Err(error) => {
            tracing::warn!(batch = %known.id, error = &error as &dyn std::error::Error, "batch of codes not worked");
            known
        }
    }
}

/// Reads a batch: how far it is.
#[utoipa::path(get, path = "/api/v1/vouchers/batches/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = BatchView), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_batch(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<BatchId>,
) -> Result<impl IntoResponse, Problem> {
    let (_, batch) = who.with(app.store.read_batch(&id)).await?;
    let batch = batch.ok_or_else(|| Problem::new(Code::UnknownBatch))?;
    Ok((ETag(batch.edits), Json(BatchView::from(batch))))
}

/// Changes all codes of a batch, those that are still to be made too, as a job. An `ends_at` that is past expires them.
#[utoipa::path(patch, path = "/api/v1/vouchers/batches/{id}", tag = "catalog", params(("id" = String, Path)),
    request_body = BatchPatch, responses((status = 202, body = BatchView), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn change_batch(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<BatchId>,
    if_match: IfMatch,
    Json(patch): Json<BatchPatch>,
) -> Result<Response, Problem> {
    let (_, mut read) = who.with(app.store.read_batch(&id)).await?;
    let mut offer: Option<Option<Offer>> = None;
    for _ in 0..ROUNDS {
        let batch = read.ok_or_else(|| Problem::new(Code::UnknownBatch))?;
        if_match.check(batch.edits)?;
        let opens = match offer.take() {
            Some(offer) => offer,
            None => app.store.read_offer(&batch.offer).await?,
        };
        let decided = batch::change_batch(&batch, patch.edit(), opens.as_ref(), app.http.now());
        let (after, plan) = decided.map_err(|refusal| refused(refusal, ""))?;
        match app.store.commit(&plan).await {
            Ok(()) => return Ok(render(work(&app, after).await, false)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        offer = Some(opens);
        read = app.store.read_batch(&id).await?;
    }
    Err(Problem::new(Code::Conflict).detail("the batch is being worked").retry_after(1))
}
