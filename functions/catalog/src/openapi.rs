//! The OpenAPI document of all functions, as it is committed. A test compares it with the code.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Reads the OpenAPI document of all functions.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "service", responses((status = 200, body = serde_json::Value)),
    security(()))]
pub(crate) async fn read_openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT)
}
