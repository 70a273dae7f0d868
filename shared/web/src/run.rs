//! Running a router on Lambda.
//!
//! `lambda_http` turns API Gateway's payload (format 2.0, also with a base64 body) into an HTTP request and back. The
//! same router is served by hyper in the local cloud.

use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use lambda_http::{Body, IntoResponse, Request};
use tower::ServiceExt;

use crate::context::Http;
use crate::layers::contract;
use crate::tenants::choose_tenant;

/// Answers invocations until Lambda ends the process; `sites` has each tenant's own routes.
///
/// # Errors
/// If the runtime's interface does not answer, which Lambda alone can mend.
pub async fn serve(sites: impl IntoIterator<Item = (Http, Router)>) -> Result<(), lambda_http::Error> {
    lambda_http::run(ServiceExt::<Request>::map_response(site(sites), Answer)).await
}

/// An answer on its way to the gateway: what is UTF-8 goes as the text that it is, anything else as base64. By itself
/// `lambda_http` decodes every text by its charset, with the tables of all charsets of the web.
struct Answer(Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        Box::pin(async move {
            let (mut parts, body) = self.0.into_parts();
            let bytes = match body.collect().await {
                Ok(collected) => collected.to_bytes(),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an answer broke off");
                    parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                    parts.headers.clear();
                    Bytes::new()
                }
            };
            let body = String::from_utf8(bytes.into()).map_or_else(|other| other.into_bytes().into(), Body::from);
            http::Response::from_parts(parts, body)
        })
    }
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
    async fn an_answer_goes_to_the_gateway_as_text_or_as_bytes_whatever_it_says_that_it_is() {
        for (kind, sent, told) in [
            ("application/json", "{\"a\":\"ü\"}".as_bytes(), Body::from("{\"a\":\"ü\"}")),
            ("text/csv; charset=utf-16", b"a,b", Body::from("a,b")),
            ("text/plain", b"", Body::from("")),
            ("application/json", &[0xff, 0xfe], Body::from(vec![0xff, 0xfe])),
        ] {
            let answer = Response::builder().header("content-type", kind).body(sent.into()).unwrap();
            let answer = Answer(answer).into_response().await;
            assert_eq!((answer.body(), answer.headers()["content-type"].to_str().unwrap()), (&told, kind));
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error() {
        let broken = futures::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]);
        let answer = Answer(Response::new(axum::body::Body::from_stream(broken))).into_response().await;
        assert_eq!((answer.status(), answer.body()), (StatusCode::INTERNAL_SERVER_ERROR, &Body::from("")));
    }

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
