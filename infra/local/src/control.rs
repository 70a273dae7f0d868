//! The controls of the local cloud: everything under `/_local/` that is not a simulator.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use web::{Clock, Code, Json, Problem, RequestId};

use crate::cloud::Cloud;
use crate::dev_keys::{self, Learner};
use crate::meter::{Cost, Ledger};

/// The routes of the controls.
pub fn router(cloud: &Cloud) -> Router {
    Router::new()
        .route("/_local/queues", get(read_queues))
        .route("/_local/calls", get(read_calls).delete(clear_calls))
        .route("/_local/clock", get(read_clock).post(move_clock))
        .route("/_local/audit", get(run_audit))
        .with_state(cloud.clone())
        .merge(sign_in(cloud.clock.clone()))
}

/// The development secrets, and tokens as the learning platform issues them.
pub fn sign_in(clock: Clock) -> Router {
    Router::new()
        .route("/_local/keys", get(async || Json(dev_keys::shown())))
        .route("/_local/token", post(mint_token))
        .with_state(clock)
}

async fn mint_token(State(clock): State<Clock>, Json(learner): Json<Learner>) -> Result<Json<Value>, Problem> {
    if learner.username.is_empty() || learner.username.len() > 255 {
        return Err(Problem::field("/username", "username must be 1 to 255 characters"));
    }
    // Good by either clock: a token minted before the clock was moved stays good by the wall's.
    let token = dev_keys::token(&learner, clock.issuer_now()).map_err(|error| internal(&error))?;
    Ok(Json(json!({"token": token, "username": learner.username})))
}

async fn read_queues(State(cloud): State<Cloud>) -> Result<Json<Value>, Problem> {
    let depth = cloud.trigger.depth().await.map_err(|error| internal(&error))?;
    Ok(Json(json!({"fulfillment": depth})))
}

async fn read_calls(State(cloud): State<Cloud>) -> Json<BTreeMap<String, Vec<Cost>>> {
    Json(cloud.ledger.costs())
}

async fn clear_calls(State(cloud): State<Cloud>) -> Json<Value> {
    cloud.ledger.clear();
    Json(json!({}))
}

async fn read_clock(State(cloud): State<Cloud>) -> Json<Value> {
    Json(json!({"now": cloud.clock.now()}))
}

/// How far to move the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: i64,
}

/// Moves the clock, and does what became due.
async fn move_clock(State(cloud): State<Cloud>, Json(advance): Json<Advance>) -> Result<Json<Value>, Problem> {
    if !(0..=10 * 366 * 24 * 3600).contains(&advance.advance_s) {
        return Err(Problem::field("/advance_s", "advance_s must be 0 to ten years of seconds"));
    }
    let by = SignedDuration::from_secs(advance.advance_s);
    cloud.advance(by).await.map_err(|error| internal(&error))?;
    Ok(Json(json!({"now": cloud.clock.now()})))
}

async fn run_audit(State(cloud): State<Cloud>) -> Result<Json<Value>, Problem> {
    let found = cloud.audit().await.map_err(|error| internal(&error))?;
    let violations: Vec<Value> = found
        .into_iter()
        .map(|v| json!({"invariant": v.invariant, "subject": v.subject, "detail": v.detail}))
        .collect();
    Ok(Json(json!({"violations": violations})))
}

fn internal(error: &anyhow::Error) -> Problem {
    tracing::error!(error = format!("{error:#}"), "local cloud failed");
    Problem::new(Code::Internal)
}

/// Requests that the functions work on at once; more wait at the door, as they would for a free instance. On AWS each has
/// a processor of its own: here they share a few, and the time limits of their calls go by the wall.
const AT_ONCE: usize = 64;

/// The functions' routes with every request measured under its OpenAPI operation id.
pub fn measured(functions: Router, ledger: &Ledger, document: &OpenApi) -> Router {
    let names = Arc::new(operations(document));
    let (ledger, instances) = (ledger.clone(), Arc::new(Semaphore::new(AT_ONCE)));
    functions.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        let (names, ledger, instances) = (Arc::clone(&names), ledger.clone(), Arc::clone(&instances));
        async move {
            let _instance = instances.acquire().await;
            measure(&names, &ledger, request, next).await
        }
    }))
}

async fn measure(
    names: &BTreeMap<(Method, String), String>,
    ledger: &Ledger,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    let name = names.get(&(request.method().clone(), route)).cloned();
    let id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
    match (name, id) {
        (Some(name), Some(id)) => ledger.measure(&name, &id, next.run(request)).await,
        (None, _) | (_, None) => next.run(request).await,
    }
}

fn operations(document: &OpenApi) -> BTreeMap<(Method, String), String> {
    let mut names = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        let methods: [(Method, &Option<Operation>); 5] = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        for (method, operation) in methods {
            if let Some(id) = operation.as_ref().and_then(|operation| operation.operation_id.clone()) {
                names.insert((method, path.clone()), id);
            }
        }
    }
    names
}
