//! Running a router on Lambda.
//!
//! `lambda_http` turns API Gateway's payload (format 2.0, also with a base64 body) into an HTTP request and back. The
//! same router is served by hyper in the local cloud.

use axum::Router;

/// Answers invocations with `router` until Lambda ends the process.
///
/// # Errors
/// If the runtime's interface does not answer, which Lambda alone can mend.
pub async fn serve(router: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(router).await
}
