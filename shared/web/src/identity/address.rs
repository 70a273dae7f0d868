//! Where a request comes from: what an anonymous caller is counted by.

use std::net::{IpAddr, SocketAddr};

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
    /// As API Gateway saw it, or the local server. A gateway before us knows better, and is believed if it proved itself:
    /// the address that it wrote into `X-Forwarded-For` is the last one there, but for its own, which API Gateway adds.
    /// What stands before was the client's to invent.
    pub(super) fn of(parts: &Parts, hop: Hop) -> Self {
        let peer = peer(parts);
        let list = parts.headers.get(X_FORWARDED_FOR).and_then(|value| value.to_str().ok());
        let mut written =
            list.filter(|_| hop == Hop::Gateway).into_iter().flat_map(|list| list.rsplit(',').map(str::trim));
        let last = written.next();
        let told = if last == peer.as_deref() { written.next() } else { last };
        let told = told.filter(|address| !address.is_empty()).map(str::to_owned);
        Self(told.or(peer).map_or_else(|| "unknown".to_owned(), |address| household(&address)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one household or school has of an address: all of IPv4's, and the network of IPv6's, in which everybody has more
/// addresses than anyone could count.
fn household(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(long)) => {
            let [a, b, c, d, ..] = long.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

fn peer(parts: &Parts) -> Option<String> {
    if let Some(RequestContext::ApiGatewayV2(context)) = parts.extensions.get::<RequestContext>() {
        return context.http.source_ip.clone();
    }
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    #[test]
    fn only_a_proven_gateway_says_where_a_request_comes_from() {
        for (name, hop, forwarded, wanted) in [
            ("nobody says", Hop::Unproven, "", "192.0.2.1"),
            ("anybody says", Hop::Unproven, "203.0.113.7", "192.0.2.1"),
            ("the gateway says", Hop::Gateway, "203.0.113.7", "203.0.113.7"),
            ("and API Gateway adds the gateway", Hop::Gateway, "203.0.113.7, 192.0.2.1", "203.0.113.7"),
            ("after what the client made up", Hop::Gateway, "10.0.0.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
            ("the gateway says nothing", Hop::Gateway, "192.0.2.1", "192.0.2.1"),
            ("the gateway says nothing at all", Hop::Gateway, " , ", "192.0.2.1"),
            ("a client at the gateway's address", Hop::Gateway, "6.6.6.6, 192.0.2.1, 192.0.2.1", "192.0.2.1"),
            ("a client with many addresses", Hop::Gateway, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            let (mut parts, _) = request("GET", "/", &[("x-forwarded-for", forwarded)], "").into_parts();
            parts.extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711))));
            assert_eq!(ClientAddress::of(&parts, hop).as_str(), wanted, "{name}");
        }
    }
}
