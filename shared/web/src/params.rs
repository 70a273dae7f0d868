//! Query strings and path parameters, with problems for answers.
//!
//! A repeated query key (`?sku=a&sku=b`) fills a `Vec`. A path parameter that cannot be what the route names is a 404:
//! no such thing can exist. API Gateway's HTTP APIs hand a path on decoded, so what may hold a slash is a [`Joined`].

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::extract::rejection::PathRejection;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::field_path::field_error;
use crate::problem::Problem;

/// The query string as a `T`. A parameter that does not fit is `invalid_fields` (422) with the pointer `/name`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_html_form::Deserializer::from_bytes(query.as_bytes());
        serde_path_to_error::deserialize(reader).map(Self).map_err(|error| {
            let field = field_error(&error);
            Problem::field(field.pointer, field.detail)
        })
    }
}

/// The route's path parameters as a `T`, percent-decoded. One that does not fit is `not_found` (404).
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(refused(&rejection)),
        }
    }
}

/// The route's path parameters put together with `/` between them, as a `T`: a name that a caller wrote as `a%2Fb` reaches
/// one segment, or after a gateway that decodes as many as it has slashes, for which the router needs a route as well. One
/// that does not fit is `not_found` (404).
#[derive(Clone, Copy, Debug)]
pub struct Joined<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Joined<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(segments) = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let segments: Vec<String> = segments.into_iter().map(|(_, segment)| segment).collect();
        segments.join("/").parse().map(Self).map_err(|_| Problem::new(Code::NotFound))
    }
}

fn refused(rejection: &PathRejection) -> Problem {
    // 500 is axum's word for a handler whose type does not fit its route: our mistake, not the caller's.
    if rejection.status() == StatusCode::INTERNAL_SERVER_ERROR {
        return Problem::internal(rejection);
    }
    Problem::new(Code::NotFound)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use domain::course_key::CourseKey;
    use domain::text::Sku;
    use serde::Deserialize;

    use super::*;
    use crate::page::Limit;
    use crate::testing::{body_text, get as fetch};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[serde(default)]
        sku: Vec<Sku>,
        #[serde(default)]
        limit: Limit,
    }

    fn app() -> Router {
        let list = async |Query(asked): Query<Asked>| format!("{} of {}", asked.sku.len(), asked.limit.get());
        let read = async |Path(sku): Path<Sku>| sku.to_string();
        Router::new().route("/list", get(list)).route("/read/{sku}", get(read))
    }

    #[tokio::test]
    async fn a_name_with_slashes_is_read_from_one_segment_or_from_many() {
        let read = async |Joined(key): Joined<CourseKey>| key.to_string();
        let app = Router::new().route("/read/{key}", get(read)).route("/read/{org}/{course}/{run}", get(read));
        for (uri, status, said) in [
            ("/read/Org%2FCourse%2fRun", 200, "Org/Course/Run"),
            ("/read/Org/Course/R%75n", 200, "Org/Course/Run"),
            ("/read/course-v1:Org+Course+Run", 200, "course-v1:Org+Course+Run"),
            ("/read/Org/Course", 404, ""),
            ("/read/Org%2FCourse", 404, "\"not_found\""),
            ("/read/course-v1:Org+Course+Run/a/b", 404, "\"not_found\""),
        ] {
            let response = fetch(&app, uri).await;
            assert_eq!(response.status().as_u16(), status, "{uri}");
            assert!(body_text(response).await.contains(said), "{uri}");
        }
    }

    #[tokio::test]
    async fn a_query_is_read_by_name_and_refused_by_pointer() {
        for (uri, status, said) in [
            ("/list", 200, "0 of 20"),
            ("/list?sku=a&limit=5&sku=b", 200, "2 of 5"),
            ("/list?limit=0", 422, r#"{"pointer":"/limit","detail":"limit must be 1 to 100"}"#),
            ("/list?limit=101", 422, "\"/limit\""),
            ("/list?limit=-1", 422, "\"/limit\""),
            ("/list?limit=ten", 422, "\"/limit\""),
            ("/list?sku=a&sku=a%20b", 422, "\"/sku"),
            ("/list?page=2", 422, "unknown field `page`"),
            ("/read/a.b", 200, "a.b"),
            ("/read/a%20b", 404, "\"not_found\""),
            ("/read/%ff", 404, "\"not_found\""),
        ] {
            let response = fetch(&app(), uri).await;
            assert_eq!(response.status().as_u16(), status, "{uri}");
            let body = body_text(response).await;
            assert!(body.contains(said), "{uri}: {body}");
        }
    }
}
