//! The hop before us: was it the identity-aware gateway?
//!
//! A gateway in front of the shop signs people in and tells us who they are in `X-Userinfo`. Anybody can send that
//! header, so it counts only together with the gateway's secret (research/mit-unified-ecommerce-xpro.md, section 3.4).
//! Without that proof the identity headers are taken off every request before a handler can see them, and counted.

use domain::secret::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// The header in which the gateway proves itself.
pub const X_GATEWAY_SECRET: HeaderName = HeaderName::from_static("x-gateway-secret");
/// The header in which it says who the person is: the base64 of a JSON object.
pub const X_USERINFO: HeaderName = HeaderName::from_static("x-userinfo");

/// Every header by which a gateway can pass an identity on.
const IDENTITY_HEADERS: [HeaderName; 5] = [
    X_USERINFO,
    HeaderName::from_static("x-id-token"),
    HeaderName::from_static("x-raw-id-token"),
    HeaderName::from_static("x-access-token"),
    HeaderName::from_static("x-refresh-token"),
];

/// A gateway that may say who people are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// What it proves itself by; during a rotation the old one is accepted too.
    pub secrets: Vec<Secret>,
    /// The issuer of its `sub`s, such as the Keycloak realm's URL.
    pub issuer: String,
}

/// What is known of the hop before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hop {
    /// It proved to be the gateway.
    Gateway,
    /// Anybody.
    Unproven,
}

/// The one `X-Userinfo` of an unproven hop, out of every handler's sight: a token of the same subject can still prove it.
#[derive(Clone, Debug)]
pub(crate) struct SetAside(pub(super) HeaderValue);

/// What was found of the hop before us.
#[derive(Debug)]
pub(crate) struct Screened {
    pub(crate) hop: Hop,
    pub(crate) set_aside: Option<SetAside>,
    /// How many identity headers were taken off the request.
    pub(crate) dropped: usize,
}

impl Hop {
    /// Judges the hop, and takes what it has no right to say off the request.
    pub(crate) fn screen(headers: &mut HeaderMap, gateway: Option<&GatewayConfig>) -> Screened {
        let proven = gateway.is_some_and(|gateway| gateway.proves(headers));
        headers.remove(X_GATEWAY_SECRET);
        if proven {
            return Screened { hop: Self::Gateway, set_aside: None, dropped: 0 };
        }
        let mut said = headers.get_all(X_USERINFO).iter();
        let only = said.next().filter(|_| gateway.is_some() && said.next().is_none());
        let set_aside = only.cloned().map(SetAside);
        let mut dropped = 0_usize;
        for name in IDENTITY_HEADERS {
            dropped = dropped.saturating_add(headers.get_all(&name).iter().count());
            headers.remove(name);
        }
        Screened { hop: Self::Unproven, set_aside, dropped }
    }
}

impl GatewayConfig {
    fn proves(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(X_GATEWAY_SECRET).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let matches = |secret: &Secret| bool::from(value.as_bytes().ct_eq(secret.expose().as_bytes()));
        // All are compared, so that the time does not tell which one it was.
        self.secrets.iter().fold(false, |found, secret| matches(secret) | found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screened(pairs: &[(&'static str, &str)]) -> (Hop, usize, HeaderMap) {
        let gateway = GatewayConfig {
            secrets: vec![Secret::new("the present secret"), Secret::new("the former secret")],
            issuer: "https://sso.example/realms/shop".to_owned(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let screened = Hop::screen(&mut headers, Some(&gateway));
        (screened.hop, screened.dropped, headers)
    }

    #[test]
    fn only_the_secret_proves_the_hop_and_it_goes_no_further() {
        for (name, pairs, wanted) in [
            ("present", &[("x-gateway-secret", "the present secret")][..], Hop::Gateway),
            ("former", &[("x-gateway-secret", "the former secret")], Hop::Gateway),
            ("none", &[], Hop::Unproven),
            ("empty", &[("x-gateway-secret", "")], Hop::Unproven),
            ("part", &[("x-gateway-secret", "the present")], Hop::Unproven),
            ("more", &[("x-gateway-secret", "the present secret ")], Hop::Unproven),
            ("two", &[("x-gateway-secret", "wrong"), ("x-gateway-secret", "the present secret")], Hop::Unproven),
        ] {
            let (hop, _, headers) = screened(&[pairs, &[("x-userinfo", "e30=")]].concat());
            assert_eq!(hop, wanted, "{name}");
            assert!(!headers.contains_key(X_GATEWAY_SECRET), "{name}");
            assert_eq!(headers.contains_key(X_USERINFO), hop == Hop::Gateway, "{name}");
        }
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let forged = [("x-userinfo", "a"), ("x-userinfo", "b"), ("x-id-token", "c"), ("x-refresh-token", "d")];
        let (hop, dropped, headers) = screened(&[&forged[..], &[("accept", "*/*")]].concat());
        assert_eq!((hop, dropped, headers.len()), (Hop::Unproven, 4, 1));
    }

    #[test]
    fn without_a_gateway_no_secret_is_good() {
        let mut headers = HeaderMap::new();
        headers.append(X_GATEWAY_SECRET, "".parse().unwrap());
        assert_eq!(Hop::screen(&mut headers, None).hop, Hop::Unproven);
    }
}
