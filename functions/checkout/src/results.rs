//! The answer to a request for several things, each of which succeeds or fails on its own.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Code, Json, Problem};

/// What became of the items, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Results<T> {
    results: Vec<T>,
}

/// 200 if all succeeded, 207 if some were refused, 422 `nothing_done` if all were; always with the results.
pub(crate) fn answer<T: Serialize>(results: Vec<T>, refused: usize) -> Response {
    match refused {
        0 => (StatusCode::OK, Json(Results { results })).into_response(),
        all if all == results.len() => Problem::new(Code::NothingDone).results(&results).into_response(),
        _ => (StatusCode::MULTI_STATUS, Json(Results { results })).into_response(),
    }
}
