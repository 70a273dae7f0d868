//! Health: whether the table, on which everything rests, answers.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use web::Json;

use crate::App;

/// Whether the service can work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`, or `unavailable` if a dependency is.
    status: &'static str,
    dependencies: DependenciesView,
}

/// Each dependency: `ok` or `unavailable`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DependenciesView {
    /// The table.
    dynamodb: &'static str,
}

/// Reads the service's health.
#[utoipa::path(get, path = "/health", tag = "service",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)), security(()))]
pub(crate) async fn read_health(State(app): State<App>) -> impl IntoResponse {
    let (status, word) = match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the table does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    let view = HealthView { status: word, dependencies: DependenciesView { dynamodb: word } };
    (status, [(CACHE_CONTROL, "no-store")], Json(view))
}
