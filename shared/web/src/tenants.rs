//! One deployment, several schools: a whole function for each, and the choice between them.
//!
//! A request is given to the tenant that it names, by its webhook path, its client key, the issuer of its token, the realm
//! of its `Session-Id` or the host that it was sent to, in this order; one that names none goes to the first. Naming opens nothing: everything is
//! verified by the tenant's own router, whose store, issuers, keys and processors are that tenant's alone, so that no
//! handler can reach another tenant's data (I9).

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use domain::text::Tenant;
use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use tower::{ServiceExt, service_fn};

use crate::config::{ConfigError, Env};
use crate::context::Http;
use crate::identity::authorization::Authorization;
use crate::identity::issuers::issuer_of;
use crate::identity::session_id::SessionId;
use crate::identity::{PresentedKey, SESSION_ID, X_CLIENT_KEY, cookies};

/// Builds something for each of `BURSAR_TENANTS`, from the environment as that tenant sees it ([`Env::of_tenant`]).
///
/// # Errors
/// If the list is missing or malformed, or whatever `build` fails with.
pub async fn for_each_tenant<T, E: From<ConfigError>>(
    build: impl AsyncFn(Env, Tenant) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut env = Env::process();
    let tenants = env.list::<Tenant>("BURSAR_TENANTS");
    let tenants = env.finish(tenants)?;
    if tenants.is_empty() {
        return Err(ConfigError::of("BURSAR_TENANTS is not set").into());
    }
    let mut built = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        built.push(build(Env::process().of_tenant(&tenant), tenant).await?);
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
                None => Ok::<_, Infallible>(axum::response::IntoResponse::into_response(
                    crate::Problem::new(crate::Code::NotFound),
                )),
            }
        }
    }))
}

fn named<'a>(request: &Request, sites: &'a [(Http, Router)]) -> Option<&'a (Http, Router)> {
    let tenant = tenant_of_path(request.uri().path()).or_else(|| tenant_of_key(request.headers()));
    if let Some(tenant) = tenant {
        return sites.iter().find(|(http, _)| *http.tenant() == tenant);
    }
    let issuer = issuer(request.headers());
    let by_issuer = issuer.and_then(|issuer| sites.iter().find(|(http, _)| http.issuers().knows(&issuer)));
    by_issuer.or_else(|| {
        let realm = realm(request.headers()).or_else(|| host(request))?;
        sites.iter().find(|(http, _)| http.knows_realm(&realm))
    })
}

fn tenant_of_path(path: &str) -> Option<Tenant> {
    path.strip_prefix("/webhooks/")?.split('/').next()?.parse().ok()
}

fn tenant_of_key(headers: &HeaderMap) -> Option<Tenant> {
    let text = headers.get(X_CLIENT_KEY)?.to_str().ok()?;
    PresentedKey::parse(text).map(|key| key.tenant)
}

fn issuer(headers: &HeaderMap) -> Option<String> {
    match Authorization::parse(headers).ok()? {
        Some(shown) => issuer_of(shown.token),
        None => issuer_of(&cookies::jwt(headers)?),
    }
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
