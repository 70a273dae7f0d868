//! What the functions' OpenAPI documents have in common, said once: who may call, what a refusal looks like, and the
//! conditional headers.
//!
//! An operation names its own responses and, where it is not for everybody, who may call it. An operation that can
//! answer 412 takes `If-Match`, one that can answer 304 takes `If-None-Match`.

use http::StatusCode;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required};

/// The media type of every refusal.
const PROBLEM: &str = "application/problem+json";
/// The security scheme of users and services.
const JWT: &str = "jwt";
/// The security scheme of anonymous sessions.
const SESSION: &str = "session";

/// The document with everything that all operations share.
#[must_use]
pub fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(JWT, jwt());
    components.add_security_scheme(SESSION, session());
    let nobody = Vec::<String>::new;
    document.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new(JWT, nobody()),
        SecurityRequirement::new(SESSION, nobody()),
    ]);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            describe(operation);
        }
    }
    document
}

fn jwt() -> SecurityScheme {
    let text = "A JSON web token of the LMS, after `JWT` or `Bearer`. `staff` is the claim `administrator`; other roles \
                are scopes.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(text)).build())
}

fn session() -> SecurityScheme {
    let text = "An anonymous session, `SID:ANON:<realm>:<id>`, named by a trusted application.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Session-Id", text)))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten()
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
