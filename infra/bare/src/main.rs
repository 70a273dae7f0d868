//! The least that a function can be: an axum router on Lambda that answers, with which the real ones are compared.

use axum::Router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(Router::new().fallback(async || "")).await
}
