//! One deployment, several schools: a whole function for each, and the choice between them.
//!
//! A request is given to the tenant that it names: by its webhook path, its client key, the issuer of its token (where
//! schools share one, the host tells them apart), the realm of its `Session-Id`, the host that it was sent to, and last the
//! issuer of its token cookies. One that names none goes to the first. Naming opens nothing: everything is verified by the
//! tenant's own router, whose store, issuers, keys and processors are that tenant's alone, so that no handler can reach
//! another tenant's data (I9).

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use domain::text::Tenant;
use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use tower::{ServiceExt, service_fn};

use crate::aws::{SdkConfig, sdk_config};
use crate::config::{ConfigError, Env};
use crate::context::Http;
use crate::identity::authorization::Authorization;
use crate::identity::issuers::issuer_of;
use crate::identity::session_id::SessionId;
use crate::identity::{PresentedKey, SESSION_ID, X_CLIENT_KEY, cookies};
use crate::telemetry::Telemetry;

/// Builds something for each of `BURSAR_TENANTS`, from the environment ([`Env::load`]) as that tenant sees it
/// ([`Env::of_tenant`]), with the AWS configuration that all clients share.
///
/// # Errors
/// If AWS's variables are not set, the parameters cannot be read, telemetry's are malformed, the list is missing or malformed, or whatever `build` fails with.
pub async fn for_each_tenant<T, E: From<ConfigError>>(
    build: impl AsyncFn(Env, Tenant, &SdkConfig) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let sdk = sdk_config(&Env::process())?;
    let loaded = Env::load(&sdk).await?;
    Telemetry::configure(&loaded)?;
    let mut env = loaded.clone();
    let tenants = env.list::<Tenant>("BURSAR_TENANTS");
    let tenants = env.finish(tenants)?;
    if tenants.is_empty() {
        return Err(ConfigError::of("BURSAR_TENANTS is not set").into());
    }
    let mut built = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        built.push(build(loaded.of_tenant(&tenant), tenant, &sdk).await?);
    }
    Ok(built)
}

/// One router that gives each request to the tenant that it names.
pub fn choose_tenant(sites: Vec<(Http, Router)>) -> Router {
    let mut sites = sites;
    if sites.len() == 1
        && let Some((_, only)) = sites.pop()
    {
        return only;
    }
    Router::new().fallback_service(service_fn(move |request: Request| {
        let site = named(&request, &sites).or_else(|| sites.first()).map(|(_, router)| router.clone());
        async move {
            match site {
                Some(router) => router.oneshot(request).await,
                None => Ok::<_, Infallible>(axum::response::IntoResponse::into_response(crate::Problem::new(
                    crate::Code::NotFound,
                ))),
            }
        }
    }))
}

fn named<'a>(request: &Request, sites: &'a [(Http, Router)]) -> Option<&'a (Http, Router)> {
    let tenant = tenant_of_path(request.uri().path()).or_else(|| tenant_of_key(request.headers()));
    if let Some(tenant) = tenant {
        return sites.iter().find(|(http, _)| *http.tenant() == tenant);
    }
    let of_realm = |realm: String| sites.iter().find(|(http, _)| http.knows_realm(&realm));
    let by_host = || host(request).and_then(of_realm);
    if let Some(issuer) = issuer(request.headers())
        && let Some(first) = sites.iter().find(|(http, _)| http.issuers().knows(&issuer))
    {
        // Schools of one LMS have one issuer; then it depends on where the request went.
        return by_host().filter(|(http, _)| http.issuers().knows(&issuer)).or(Some(first));
    }
    // A cookie goes to every host of its domain: it names a school only where nothing else does.
    let by_cookie = || {
        let issuer = issuer_of(&cookies::jwt(request.headers())?)?;
        sites.iter().find(|(http, _)| http.issuers().knows(&issuer))
    };
    realm(request.headers()).and_then(of_realm).or_else(by_host).or_else(by_cookie)
}

fn tenant_of_path(path: &str) -> Option<Tenant> {
    path.strip_prefix("/webhooks/")?.split('/').next()?.parse().ok()
}

fn tenant_of_key(headers: &HeaderMap) -> Option<Tenant> {
    let text = headers.get(X_CLIENT_KEY)?.to_str().ok()?;
    PresentedKey::parse(text).map(|key| key.tenant)
}

fn issuer(headers: &HeaderMap) -> Option<String> {
    Authorization::parse(headers).ok()?.and_then(|shown| issuer_of(shown.token))
}

/// The host without its port: a realm too, where each school has a name of its own.
fn host(request: &Request) -> Option<String> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority: Authority = header.or_else(|| request.uri().authority().map(Authority::as_str))?.parse().ok()?;
    Some(authority.host().to_owned())
}

fn realm(headers: &HeaderMap) -> Option<String> {
    SessionId::parse(headers.get(SESSION_ID)?.to_str().ok()?).ok().map(|id| id.realm)
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use jiff::Timestamp;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::run::site;
    use crate::testing::{ISSUER, NOW, body_text, config, http_of, request, send};

    /// A site of one tenant that answers its name.
    async fn school(tenant: &str, issuer: &str, realm: &str) -> (Http, Router) {
        let mut config = config();
        config.tenant = tenant.parse().unwrap();
        config.session_realms = vec![realm.to_owned()];
        for known in &mut config.issuers {
            issuer.clone_into(&mut known.issuer);
        }
        let http = http_of(config, Clock::fixed(Timestamp::from_second(NOW).unwrap())).await;
        let name = http.tenant().to_string();
        let answer = move || async move { name };
        (http, Router::new().route("/name", get(answer.clone())).route("/webhooks/{tenant}/stripe", post(answer)))
    }

    #[tokio::test]
    async fn a_request_goes_to_the_school_that_it_names_and_else_to_the_first() {
        let other = "https://lms.west.example/oauth2";
        let shop = site([school("default", ISSUER, "api.example").await, school("west", other, "west.example").await]);
        let token = |issuer: &str| {
            let claims = json!({"iss": issuer, "preferred_username": "ada"});
            format!("JWT {}", encode(&Header::default(), &claims, &EncodingKey::from_secret(b"anybody")).unwrap())
        };
        let key = |tenant: &str| format!("ck_{tenant}_01jz0000000000000000000001_{}", "0a".repeat(32));
        let (ours, theirs) = (token(ISSUER), token(other));
        for (name, headers, wanted) in [
            ("nothing", vec![], "default"),
            ("its key", vec![("x-client-key", key("west"))], "west"),
            ("its key before another's token", vec![("x-client-key", key("west")), ("authorization", ours)], "west"),
            (
                "an unknown school's key",
                vec![("x-client-key", key("east")), ("authorization", theirs.clone())],
                "default",
            ),
            ("no key", vec![("x-client-key", "west".to_owned())], "default"),
            ("its issuer", vec![("authorization", theirs.clone())], "west"),
            ("an unknown issuer", vec![("authorization", token("https://evil.example"))], "default"),
            ("its realm", vec![("session-id", "SID:ANON:west.example:7".to_owned())], "west"),
            ("its host", vec![("host", "west.example:8443".to_owned())], "west"),
            ("an unknown host", vec![("host", "east.example".to_owned())], "default"),
            (
                "its host, with a browser's session",
                vec![("host", "west.example".to_owned()), ("session-id", "SID:AUTH:browser:7".to_owned())],
                "west",
            ),
            (
                "another's issuer at its host",
                vec![("host", "west.example".to_owned()), ("authorization", token(ISSUER))],
                "default",
            ),
        ] {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = send(&shop, request("GET", "/name", &headers, "")).await;
            assert_eq!(body_text(answer).await, wanted, "{name}");
        }
        for (path, wanted) in [("/webhooks/west/stripe", "west"), ("/webhooks/east/stripe", "default")] {
            let headers = [("authorization", theirs.as_str()), ("x-client-key", &key("default"))];
            assert_eq!(body_text(send(&shop, request("POST", path, &headers, "")).await).await, wanted, "{path}");
        }
    }
}
