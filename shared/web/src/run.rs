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

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::{body_text, http};
    use crate::{Caller, Json, Path};

    #[tokio::test]
    async fn a_gateway_event_with_a_base64_body_reaches_its_handler_whole() {
        let echo = async |Path(key): Path<String>, caller: Caller, Json(body): Json<serde_json::Value>| {
            format!("{key} {} {body}", caller.owner().is_some())
        };
        let http = http();
        let router = Router::new().route("/courses/{key}", post(echo)).with_state(http.clone());
        let event = serde_json::json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/courses/course-v1:Org+Ü", "rawQueryString": "",
            "headers": {"content-type": "application/json", "session-id": "SID:ANON:api.example:7", "host": "api.example"},
            "requestContext": {
                "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "r", "timeEpoch": 0, "time": "",
                "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": ""},
            },
            "body": "eyJhIjoiw7wifQ==", "isBase64Encoded": true,
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let response = crate::contract(router, &http).oneshot(request).await.unwrap();
        assert_eq!(body_text(response).await, r#"course-v1:Org+Ü true {"a":"ü"}"#);
    }
}
