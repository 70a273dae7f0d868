//! Where a request comes from: what an anonymous caller is counted by.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::HeaderName;
use http::request::Parts;
use lambda_http::request::RequestContext;

use super::hop::Hop;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a caller is counted by. Not logged, and kept as a keyed digest only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(String);

impl ClientAddress {
    /// As API Gateway saw it, or the local server. The gateway before us knows better, and is believed if it proved
    /// itself; then the last entry is its own: the ones before are the client's to invent.
    pub(super) fn of(parts: &Parts, hop: Hop) -> Self {
        let forwarded = parts.headers.get(X_FORWARDED_FOR).and_then(|value| value.to_str().ok());
        let forwarded = forwarded.filter(|_| hop == Hop::Gateway).and_then(|list| list.rsplit(',').next());
        let address = forwarded.map(|address| address.trim().to_owned()).or_else(|| peer(parts));
        Self(address.unwrap_or_else(|| "unknown".to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn peer(parts: &Parts) -> Option<String> {
    if let Some(RequestContext::ApiGatewayV2(context)) = parts.extensions.get::<RequestContext>() {
        return context.http.source_ip.clone();
    }
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string())
}
