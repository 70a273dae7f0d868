//! What this crate's own tests share: a fixed world, requests and answers.

use std::sync::{Arc, OnceLock, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use dynoxide::Database;
use http_body_util::BodyExt;
use jiff::Timestamp;
use store::{Store, create_table};
use tokio::net::TcpListener;
use tower::ServiceExt;
use tracing::Dispatch;

use crate::clock::Clock;
use crate::config::{Env, Secret};
use crate::context::{Http, HttpConfig};
use crate::entropy::Entropy;
use crate::identity::issuers::{Audience, IssuerConfig, KeySource};
use crate::identity::{ClientKeyPolicy, GatewayConfig};
use crate::telemetry::{Output, Telemetry};

/// The moment at which tests begin: 2026-06-01T12:00:00Z.
pub(crate) const NOW: i64 = 1_780_315_200;

pub(crate) const JWT_SECRET: &str = "the LMS and we know this, nobody else";
pub(crate) const GATEWAY_SECRET: &str = "the gateway and we know this";
pub(crate) const ISSUER: &str = "https://lms.example/oauth2";
pub(crate) const AUDIENCE: &str = "bursar";

pub(crate) fn config() -> HttpConfig {
    HttpConfig {
        tenant: "default".parse().unwrap(),
        key_secret: Secret::new("only we know this"),
        issuers: vec![IssuerConfig {
            issuer: ISSUER.to_owned(),
            audience: Audience::Required(vec![AUDIENCE.to_owned()]),
            keys: KeySource { secret: Some(Secret::new(JWT_SECRET)), ..KeySource::default() },
        }],
        gateway: Some(GatewayConfig {
            secrets: vec![Secret::new(GATEWAY_SECRET)],
            issuer: "https://sso.example/realms/shop".to_owned(),
        }),
        client_keys: ClientKeyPolicy::Optional,
        allowed_origins: vec!["https://shop.example".parse().unwrap()],
        session_realms: vec!["api.example".to_owned()],
        secure_cookies: true,
        country_header: None,
    }
}

/// A contract with a table of its own, on the embedded engine.
pub(crate) async fn http() -> Http {
    http_at(Clock::fixed(Timestamp::from_second(NOW).unwrap())).await
}

pub(crate) async fn http_at(clock: Clock) -> Http {
    http_of(config(), clock).await
}

pub(crate) async fn http_of(config: HttpConfig, clock: Clock) -> Http {
    let store = Store::new(table().await, "bursar", config.tenant.clone());
    Http::new(config, store, clock, Entropy::seeded(1)).unwrap()
}

async fn table() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the engine ends with the test's runtime")]
    tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    create_table(&client, "bursar").await.unwrap();
    client
}

pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let builder = http::Request::builder().method(method).uri(uri);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Body::from(body.to_owned())).unwrap()
}

pub(crate) async fn send(app: &Router, request: Request) -> Response {
    app.clone().oneshot(request).await.unwrap()
}

pub(crate) async fn get(app: &Router, uri: &str) -> Response {
    send(app, request("GET", uri, &[], "")).await
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

pub(crate) async fn body_text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// What is logged, in the format of production, while `work` runs on this thread.
pub(crate) async fn captured_log<T>(work: impl Future<Output = T>) -> String {
    captured(Env::of([("", "")]), work).await
}

/// What is written, with telemetry as the environment says, while `work` runs on this thread.
pub(crate) async fn captured<T>(env: Env, work: impl Future<Output = T>) -> String {
    // With a single dispatcher in the process, `tracing` would ask the wrong one when another test's thread comes first.
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
    let buffer = Arc::default();
    let clock = Clock::fixed(Timestamp::from_second(NOW).unwrap());
    let telemetry = Telemetry::of(&env).to(Output::buffer(&buffer)).at(clock);
    let listening = tracing::dispatcher::set_default(&telemetry.dispatch());
    work.await;
    drop(listening);
    let bytes = buffer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).unwrap()
}
