//! Asking for a refund: a learner's is a request, what staff ask for is approved at once.

use axum::extract::State;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::id::OrderNumber;
use domain::idempotency::{IdempotencyRecord, KeyUse, judge};
use domain::order::OrderFile;
use domain::owner::{Owner, UserId};
use domain::refund::Refund;
use domain::request_refund::{RefundAsk, RefundRefusal, decide};
use domain::text::Note;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;
use web::{Claim, Code, IdempotencyKey, Json, MoneyBody, Path, Problem, SignedIn, User, fingerprint_of, telemetry};

use crate::line_name::{LineName, numbers};
use crate::refund_view::RefundView;
use crate::{App, is_staff, seen};

/// How often an ask is decided anew when the order changed under it.
const ROUNDS: u32 = 8;

/// What to refund. With neither lines nor amount it is all that is left of the order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundBody {
    /// SKUs, or line numbers.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    lines: Option<Vec<LineName>>,
    /// How much, in the order's currency; at most what is left of the lines named, or of the order.
    #[serde(default)]
    amount: Option<MoneyBody>,
    /// Why, in a person's words.
    #[schema(value_type = String, max_length = 500)]
    reason: Note,
    /// Staff only: false lets the learner keep the places. True if it is not given.
    #[serde(default)]
    revoke: Option<bool>,
}

/// Asks for a refund of a paid order. Another user's order does not exist.
#[utoipa::path(post, path = "/api/v1/orders/{number}/refunds", tag = "refunds", request_body = RefundBody,
    params(("number" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = RefundView), (status = 404), (status = 409), (status = 422)),
    security(("jwt" = [])))]
pub(crate) async fn create_refund(
    State(app): State<App>,
    who: Claim<SignedIn>,
    (Path(number), key): (Path<OrderNumber>, IdempotencyKey),
    Json(body): Json<RefundBody>,
) -> Result<Response, Problem> {
    telemetry::concerns(&number);
    let key = format!("refund:{}", key.as_str());
    let Some(Owner::User(me)) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    let fingerprint = fingerprint_of(&Method::POST, &format!("/api/v1/orders/{number}/refunds"), &body)?;
    let (SignedIn(user), mut loaded) = who.with(load(&app, &number, &me, &key)).await?;
    for _ in 0..ROUNDS {
        let file = seen(loaded.0, &user)?;
        match judge(loaded.1.as_ref(), &fingerprint, app.http.now()) {
            KeyUse::Fresh => {}
            KeyUse::Reused => return Err(Problem::new(Code::IdempotencyKeyReused)),
            KeyUse::Replay(record) => return replay(&file, record, &user),
        }
        let ask = ask(&app, &body, &file, &user)?;
        let ask = RefundAsk { key: key.clone(), fingerprint: fingerprint.clone(), ..ask };
        if let Some(refund) = attempt(&app, &file, &ask).await? {
            return Ok(render(&number, &refund, &user, false));
        }
        loaded = load(&app, &number, &user.id, &key).await?;
    }
    Err(Problem::new(Code::Conflict).detail("the order is being changed by other requests").retry_after(1))
}

type Loaded = (Option<OrderFile>, Option<IdempotencyRecord>);

/// The order, and beside it what the key led to before.
async fn load(app: &App, number: &OrderNumber, user: &UserId, key: &str) -> Result<Loaded, StoreError> {
    tokio::try_join!(app.store.read_order(number), app.store.read_remembered(user, key))
}

fn ask(app: &App, body: &RefundBody, file: &OrderFile, user: &User) -> Result<RefundAsk, Problem> {
    let staff = is_staff(user);
    if body.revoke.is_some() && !staff {
        return Err(Problem::field("/revoke", "only staff decide whether places are taken back"));
    }
    if body.lines.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::field("/lines", "must name a line, or be left out"));
    }
    Ok(RefundAsk {
        by: user.id.clone(),
        staff,
        lines: body.lines.as_ref().map(|names| numbers(file, names)).transpose()?,
        amount: body.amount.map(Into::into),
        note: body.reason.clone(),
        revoke: body.revoke.unwrap_or(true),
        window: app.refund_window,
        key: String::new(),
        fingerprint: String::new(),
    })
}

/// One round; `None` if the order changed under it, or the same key was faster.
async fn attempt(app: &App, file: &OrderFile, ask: &RefundAsk) -> Result<Option<Refund>, Problem> {
    let now = app.http.now();
    let (refund, plan) = decide(file, ask, now, &mut app.http.ids(now)).map_err(refused)?;
    if payments::exponent::minor_units(refund.amount).is_err() {
        return Err(Problem::new(Code::AmountNotPayable));
    }
    match app.store.commit(&plan).await {
        Ok(()) => {
            tracing::info!(refund = %refund.id, state = refund.state.name(), "refund asked for");
            app.queue.send_all(app.store.tenant(), &plan).await;
            Ok(Some(refund))
        }
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The refund that the same request made before, as it is now.
fn replay(file: &OrderFile, record: &IdempotencyRecord, user: &User) -> Result<Response, Problem> {
    let refund = file.refunds.iter().find(|refund| Some(&refund.id) == record.refund.as_ref());
    let refund = refund.ok_or_else(|| Problem::new(Code::UnknownRefund))?;
    Ok(render(&file.order.number, refund, user, true))
}

fn render(number: &OrderNumber, refund: &Refund, user: &User, replayed: bool) -> Response {
    let mark = replayed.then_some([(HeaderName::from_static("idempotent-replayed"), "true")]);
    (StatusCode::CREATED, mark, Json(RefundView::of(number, refund, user))).into_response()
}

fn refused(refusal: RefundRefusal) -> Problem {
    match refusal {
        RefundRefusal::NotPaid => Problem::new(Code::NotRefundable).detail(refusal.to_string()),
        RefundRefusal::NoSuchLine => Problem::field("/lines", refusal.to_string()),
        RefundRefusal::WindowOver => Problem::new(Code::RefundWindowOver),
        RefundRefusal::Pending => Problem::new(Code::RefundPending),
        RefundRefusal::NothingLeft => Problem::new(Code::NothingToRefund),
        RefundRefusal::OtherCurrency | RefundRefusal::NotPositive | RefundRefusal::TooMuch(_) => {
            Problem::field("/amount", refusal.to_string())
        }
        RefundRefusal::Money(error) => Problem::internal(&error),
    }
}
