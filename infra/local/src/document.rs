//! What the functions' OpenAPI documents have in common, said once: who may call, what a refusal looks like, and the
//! conditional headers.
//!
//! An operation names its own responses and, where it is not for everybody, who may call it. An operation that can
//! answer 412 takes `If-Match`, one that can answer 304 takes `If-None-Match`.

mod security;

use http::{Method, StatusCode};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required};

/// The media type of every refusal.
const PROBLEM: &str = "application/problem+json";

/// The document with everything that all operations share.
#[must_use]
pub fn complete(mut document: OpenApi) -> OpenApi {
    security::declare(document.components.get_or_insert_default());
    // What holds where an operation says nothing else: it is for everybody, and reads.
    document.security = Some(security::anybody(&Method::GET));
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            protect(&method, operation);
            describe(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::POST, post),
        (Method::PUT, put),
        (Method::PATCH, patch),
        (Method::DELETE, delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Says by which credentials an operation is called.
fn protect(method: &Method, operation: &mut Operation) {
    match &operation.security {
        Some(needed) => operation.security = Some(security::ways(needed, method)),
        None if method.is_safe() => {}
        None => operation.security = Some(security::anybody(method)),
    }
}

/// Describes every response of an operation, and the headers that go with its conditions.
fn describe(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            describe_response(status, response);
        }
    }
    let conditions = [(StatusCode::PRECONDITION_FAILED, "If-Match"), (StatusCode::NOT_MODIFIED, "If-None-Match")];
    let answers = |status: &StatusCode| responses.contains_key(status.as_str());
    let asked = conditions.iter().filter(|(status, _)| answers(status));
    let headers: Vec<_> = asked.map(|(_, name)| RefOr::T(condition(name))).collect();
    responses.insert("default".to_owned(), RefOr::T(problem("Any other refusal.")));
    if !headers.is_empty() {
        operation.parameters.get_or_insert_default().extend(headers);
    }
}

fn describe_response(status: &str, response: &mut Response) {
    let status = status.parse::<StatusCode>().ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("The answer.");
    if response.description.is_empty() {
        reason.clone_into(&mut response.description);
    }
    let refusal = status.is_some_and(|status| status.is_client_error() || status.is_server_error());
    if refusal && response.content.is_empty() {
        response.content = problem(reason).content;
    }
}

fn problem(description: &str) -> Response {
    let details = Content::builder().schema(Some(Ref::from_schema_name("ProblemDetails"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM, details).build()
}

/// An optional header that holds a version as an entity tag.
fn condition(header: &str) -> Parameter {
    let tag = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(header)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("An `ETag` that was read before."))
        .schema(Some(tag))
        .build()
}
