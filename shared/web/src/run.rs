//! Running a router on Lambda.
//!
//! `lambda_http` turns API Gateway's payload (format 2.0, also with a base64 body) into an HTTP request and back. The
//! same router is served by hyper in the local cloud.

use axum::Router;

use crate::context::Http;
use crate::layers::contract;
use crate::tenants::choose_tenant;

/// Answers invocations until Lambda ends the process; `sites` has each tenant's own routes.
///
/// # Errors
/// If the runtime's interface does not answer, which Lambda alone can mend.
pub async fn serve(sites: impl IntoIterator<Item = (Http, Router)>) -> Result<(), lambda_http::Error> {
    lambda_http::run(site(sites)).await
}

/// What [`serve`] serves: the HTTP contract around each tenant's routes, and the choice between them.
pub fn site(sites: impl IntoIterator<Item = (Http, Router)>) -> Router {
    let framed = sites.into_iter().map(|(http, router)| {
        let router = contract(router, &http);
        (http, router)
    });
    choose_tenant(framed.collect())
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::{body_text, http};
    use crate::{Caller, Claim, Json, Path, Problem};

    #[tokio::test]
    async fn a_gateway_event_with_a_base64_body_reaches_its_handler_whole() {
        async fn echo(
            Path(key): Path<String>,
            who: Claim<Caller>,
            Json(body): Json<serde_json::Value>,
        ) -> Result<String, Problem> {
            Ok(format!("{key} {} {body}", who.alone().await?.owner().is_some()))
        }
        let http = http().await;
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
        let response = site([(http, router)]).oneshot(request).await.unwrap();
        assert_eq!(body_text(response).await, r#"course-v1:Org+Ü true {"a":"ü"}"#);
    }
}
