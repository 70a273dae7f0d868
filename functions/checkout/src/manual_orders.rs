//! Orders that staff place for learners: each item on its own, so that one which cannot be had keeps no other from it.
//!
//! The same learner and product again lead to the order that is there, under any `Idempotency-Key`; the same key finds
//! what it made before, item by item, and goes on with the rest.

use axum::extract::State;
use axum::http::{HeaderName, Method};
use axum::response::{IntoResponse, Response};
use domain::id::OrderNumber;
use domain::idempotency::{KeyUse, judge};
use domain::manual_order::{MOST, ManualOrder, ManualRefusal, decide};
use domain::owner::{Owner, UserId};
use domain::text::{Email, Note, Sku, Username};
use serde::{Deserialize, Serialize};
use store::{PlacesView, WantedPlace};
use utoipa::ToSchema;
use web::{Claim, Code, IdempotencyKey, Json, Problem, Staff, User, fingerprint_of, metrics};

use crate::App;
use crate::results::{Results, answer};

/// How often an item is decided anew when something changed under it.
const ROUNDS: u32 = 8;
const PATH: &str = "/api/v1/orders/manual";

/// A place that a learner is to have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrollmentBody {
    /// The learner's name at the LMS. Bursar need not know it yet.
    #[schema(value_type = String, max_length = 255)]
    username: Username,
    /// The learner's address.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Option<Email>,
    /// A seat, an entitlement or a bundle that is on sale.
    #[schema(value_type = String, max_length = 64)]
    sku: Sku,
}

/// Places for learners, who pay nothing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManualOrdersBody {
    /// Why; staff read it in each order.
    #[schema(value_type = String, max_length = 500)]
    reason: Note,
    /// 1 to 25.
    #[schema(min_items = 1, max_items = 25)]
    enrollments: Vec<EnrollmentBody>,
}

/// What became of an item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManualResult {
    /// Its place in the request, from 0.
    index: usize,
    username: String,
    sku: String,
    /// `created`, `exists` for one that staff placed before, or `refused`.
    status: &'static str,
    /// Why it was refused, as a problem's `code`.
    code: Option<&'static str>,
    /// The order, unless it was refused.
    order_number: Option<String>,
}

/// Where an item ended.
enum Placed {
    Created { order: OrderNumber, replayed: bool },
    Exists(OrderNumber),
    Refused(Code),
}

/// Places orders of nothing for learners. Each item succeeds or fails on its own: 200 if all did, 207 if some, 422
/// `nothing_done` if none, always with `results`; an order that is there counts as success.
#[utoipa::path(post, path = "/api/v1/orders/manual", tag = "orders", request_body = ManualOrdersBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Results<ManualResult>), (status = 207, body = Results<ManualResult>), (status = 413), (status = 422)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_manual_orders(
    State(app): State<App>,
    who: Claim<Staff>,
    key: IdempotencyKey,
    Json(body): Json<ManualOrdersBody>,
) -> Result<Response, Problem> {
    let Some(Owner::User(me)) = who.owner() else { return Err(Problem::new(Code::Unauthorized)) };
    if body.enrollments.is_empty() {
        return Err(Problem::field("/enrollments", "must name a learner and a product"));
    }
    if body.enrollments.len() > MOST {
        return Err(Problem::new(Code::TooManyItems).detail(format!("at most {MOST} enrollments")));
    }
    let wanted: Vec<WantedPlace> = body.enrollments.iter().zip(0..).map(|item| wanted(&app, &key, item)).collect();
    let (Staff(user), view) = who.with(Box::pin(app.store.read_wanted_places(&me, &wanted))).await?;
    let fingerprint = fingerprint_of(&Method::POST, PATH, &body)?;
    let now = app.http.now();
    if view.remembered.values().any(|record| judge(Some(record), &fingerprint, now) == KeyUse::Reused) {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    let mut placed = Vec::with_capacity(wanted.len());
    for (item, place) in body.enrollments.iter().zip(&wanted) {
        let ask = ask(&user, &body.reason, item, place, &fingerprint);
        // One after the other: they take from the same stock, and one may be there twice.
        placed.push(Box::pin(give(&app, &ask, place, view.clone())).await?);
    }
    Ok(render(&body.enrollments, &placed))
}

fn wanted(app: &App, key: &IdempotencyKey, (item, index): (&EnrollmentBody, usize)) -> WantedPlace {
    let key = format!("manual:{index}:{}", key.as_str());
    WantedPlace { owner: app.http.user_id(&item.username), sku: item.sku.clone(), key }
}

fn ask(user: &User, reason: &Note, item: &EnrollmentBody, place: &WantedPlace, fingerprint: &str) -> ManualOrder {
    ManualOrder {
        owner: place.owner.clone(),
        username: item.username.clone(),
        email: item.email.clone(),
        by: user.id.clone(),
        reason: reason.clone(),
        key: place.key.clone(),
        fingerprint: fingerprint.to_owned(),
    }
}

/// Gives one place; decides anew if something changed under it, as an item before it may have done.
async fn give(app: &App, ask: &ManualOrder, place: &WantedPlace, mut view: PlacesView) -> Result<Placed, Problem> {
    for _ in 0..ROUNDS {
        if let Some(before) = before(app, &view, ask, place) {
            return Ok(before);
        }
        let Some(product) = view.products.iter().find(|product| product.sku == place.sku) else {
            return Ok(Placed::Refused(Code::UnknownProduct));
        };
        let now = app.http.now();
        let (file, plan) = match decide(product, ask, now, &mut app.http.ids(now)) {
            Ok(decided) => decided,
            Err(refusal) => return Ok(Placed::Refused(refused(&refusal))),
        };
        match app.store.commit(&plan).await {
            Ok(()) => {
                tracing::info!(order = %file.order.number, "manual order placed");
                metrics::order_paid(file.order.total);
                app.queue.send_all(app.store.tenant(), &plan).await;
                return Ok(Placed::Created { order: file.order.number, replayed: false });
            }
            Err(error) if error.is_conflict() => {
                view = app.store.read_wanted_places(&ask.by, std::slice::from_ref(place)).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Placed::Refused(Code::Conflict))
}

/// What the same request, or another one, came to before.
fn before(app: &App, view: &PlacesView, ask: &ManualOrder, place: &WantedPlace) -> Option<Placed> {
    match judge(view.remembered.get(&place.key), &ask.fingerprint, app.http.now()) {
        KeyUse::Fresh => {}
        KeyUse::Reused => return Some(Placed::Refused(Code::IdempotencyKeyReused)),
        KeyUse::Replay(record) => {
            let order = record.order.clone();
            return Some(order.map_or(Placed::Refused(Code::IdempotencyKeyReused), |order| Placed::Created {
                order,
                replayed: true,
            }));
        }
    }
    let owned: &(UserId, Sku) = &(place.owner.clone(), place.sku.clone());
    let orders = view.owned.get(owned)?;
    let manual = orders.iter().find(|order| order.manual.is_some());
    Some(manual.map_or(Placed::Refused(Code::AlreadyPurchased), |order| Placed::Exists(order.number.clone())))
}

fn refused(refusal: &ManualRefusal) -> Code {
    match refusal {
        ManualRefusal::NotForSale => Code::NotAvailable,
        ManualRefusal::OutOfStock => Code::OutOfStock,
        ManualRefusal::Money(_) | ManualRefusal::Name(_) => Code::AmountNotPayable,
    }
}

fn render(items: &[EnrollmentBody], placed: &[Placed]) -> Response {
    let result = |((index, item), placed): ((usize, &EnrollmentBody), &Placed)| {
        let (status, code, order) = match placed {
            Placed::Created { order, .. } => ("created", None, Some(order)),
            Placed::Exists(order) => ("exists", None, Some(order)),
            Placed::Refused(code) => ("refused", Some(code.as_str()), None),
        };
        let (username, sku) = (item.username.to_string(), item.sku.to_string());
        ManualResult { index, username, sku, status, code, order_number: order.map(ToString::to_string) }
    };
    let results: Vec<ManualResult> = items.iter().enumerate().zip(placed).map(result).collect();
    let refused = results.iter().filter(|result| result.code.is_some()).count();
    let replayed = placed.iter().all(|placed| matches!(placed, Placed::Created { replayed: true, .. }));
    let mark = replayed.then_some([(HeaderName::from_static("idempotent-replayed"), "true")]);
    tracing::info!(items = results.len(), refused, "manual orders");
    (mark, answer(results, refused)).into_response()
}
