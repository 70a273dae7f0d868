//! The parameters of a shop that talks to our simulators: every setting and secret that a function reads, as it stands in
//! the parameter store of a deployment. The local cloud is configured by the same list.

use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use web::identity::signing::SigningKeys;

use crate::options::ParametersOptions;
use crate::{demo, dev_keys, lms_sim, stripe_sim};

/// One setting or secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Who reads it, such as `stripe`.
    pub group: &'static str,
    /// The variable, with `__<TENANT>` if it is one tenant's.
    pub name: &'static str,
    /// The value, in one line.
    pub value: String,
}

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// The origin that the simulators are served at.
    pub simulators: &'a str,
    /// The origin that the shop is reached at.
    pub public: &'a str,
}

/// Prints the parameters, one `group/NAME=value` a line, with a new signing key.
///
/// # Errors
/// If no key can be made.
pub fn print(options: &ParametersOptions) -> anyhow::Result<()> {
    let addresses = Addresses { simulators: &options.simulators_url, public: &options.public_url };
    for Parameter { group, name, value } in list(addresses, &signing_keys()?)? {
        demo::say(&format!("{group}/{name}={value}\n"));
    }
    Ok(())
}

/// Every parameter, with the private keys of our own tokens as [`signing_keys`] writes them.
///
/// # Errors
/// If `signing` is not what it should be.
pub fn list(addresses: Addresses<'_>, signing: &str) -> anyhow::Result<Vec<Parameter>> {
    let public = addresses.public.trim_end_matches('/');
    let simulators = addresses.simulators.trim_end_matches('/');
    let jwks = json!(signing.parse::<SigningKeys>()?.jwks());
    let own = |audience: &str| json!({"issuer": format!("{public}/oauth2"), "audience": [audience], "jwks": jwks});
    let groups = [
        ("shop", shop()),
        ("identity", identity(public, own)),
        ("session", session(public, signing)),
        ("stripe", stripe(simulators)),
        ("lms", lms(simulators)),
    ];
    let of_group = |(group, parameters): (&'static str, Vec<(&'static str, String)>)| {
        parameters.into_iter().map(move |(name, value)| Parameter { group, name, value })
    };
    Ok(groups.into_iter().flat_map(of_group).collect())
}

/// The value of `BURSAR_SIGNING_KEYS` with one RSA key, made once in a process: that takes a while.
///
/// # Errors
/// If no key can be made.
pub fn signing_keys() -> anyhow::Result<String> {
    static KEYS: Mutex<Option<String>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(keys) = &*keys {
        return Ok(keys.clone());
    }
    let pair = KeyPair::generate(KeySize::Rsa2048).context("no key can be made")?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).context("a key cannot be written")?;
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    let made = json!([{"kid": "local-1", "pem": pem, "from": "2026-01-01T00:00:00Z"}]).to_string();
    *keys = Some(made.clone());
    Ok(made)
}

fn shop() -> Vec<(&'static str, String)> {
    let tenants = format!("{},{}", dev_keys::TENANT, dev_keys::OTHER_TENANT);
    let account = json!({
        "holder": "Local School", "number": "DE02 1203 0000 0000 2020 51", "bank": "BYLADEM1001",
        "instructions": "One transfer for each order.", "currency": "USD",
    });
    vec![
        ("BURSAR_TENANTS", tenants),
        ("BURSAR_CURRENCY", "USD".to_owned()),
        ("BURSAR_BANK_TRANSFER", account.to_string()),
        // Of somebody of whom no country is known, no tax is taken.
        ("BURSAR_TAX_RATES", "DE=19,CH=8.1".to_owned()),
        ("BURSAR_TAX_INCLUDED__NORTHWIND", "true".to_owned()),
        ("BURSAR_BLOCKED_COUNTRIES", "KP".to_owned()),
        ("BURSAR_COUNTRY_HEADER", "CloudFront-Viewer-Country".to_owned()),
    ]
}

fn identity(public: &str, own: impl Fn(&str) -> Value) -> Vec<(&'static str, String)> {
    let issuers = |issuer, audience, secret, tenant| {
        json!([{"issuer": issuer, "audience": [audience], "secret": secret}, own(tenant)]).to_string()
    };
    let selling = issuers(dev_keys::ISSUER, dev_keys::AUDIENCE, dev_keys::JWT_SECRET, dev_keys::TENANT);
    let (other, secret) = (dev_keys::OTHER_TENANT, dev_keys::OTHER_JWT_SECRET);
    let others = issuers(dev_keys::OTHER_ISSUER, other, secret, other);
    let gateway = json!({"secrets": dev_keys::GATEWAY.1, "issuer": dev_keys::GATEWAY_ISSUER});
    vec![
        ("BURSAR_KEY_SECRET", dev_keys::KEY_SECRET.to_owned()),
        ("BURSAR_ISSUERS", selling),
        ("BURSAR_ISSUERS__NORTHWIND", others),
        ("BURSAR_GATEWAY", gateway.to_string()),
        ("BURSAR_CLIENT_KEYS", "optional".to_owned()),
        ("BURSAR_CLIENT_KEYS__NORTHWIND", "required".to_owned()),
        ("BURSAR_ALLOWED_ORIGINS", dev_keys::FRONT_END.to_owned()),
        ("BURSAR_SESSION_REALMS", dev_keys::SESSION_REALMS.join(",")),
        ("BURSAR_SESSION_REALMS__NORTHWIND", other.to_owned()),
        ("BURSAR_SECURE_COOKIES", public.starts_with("https:").to_string()),
    ]
}

fn session(public: &str, signing: &str) -> Vec<(&'static str, String)> {
    vec![
        ("BURSAR_SIGNING_KEYS", signing.to_owned()),
        ("BURSAR_PUBLIC_URL", public.to_owned()),
        ("BURSAR_TOKEN_AUDIENCE", dev_keys::TENANT.to_owned()),
        ("BURSAR_TOKEN_AUDIENCE__NORTHWIND", dev_keys::OTHER_TENANT.to_owned()),
        ("BURSAR_NEXT_ORIGINS", dev_keys::FRONT_END.to_owned()),
    ]
}

/// The second school has an account of its own, which the simulator does not know: what is signed for the one is not
/// taken by the other.
fn stripe(simulators: &str) -> Vec<(&'static str, String)> {
    vec![
        ("BURSAR_STRIPE_API", format!("{simulators}{}", stripe_sim::MOUNT)),
        ("BURSAR_STRIPE_SECRET_KEY", dev_keys::STRIPE_KEY.to_owned()),
        ("BURSAR_STRIPE_SECRET_KEY__NORTHWIND", dev_keys::OTHER_STRIPE_KEY.to_owned()),
        ("BURSAR_STRIPE_PUBLISHABLE_KEY", dev_keys::STRIPE_PUBLISHABLE_KEY.to_owned()),
        ("BURSAR_STRIPE_WEBHOOK_SECRETS", dev_keys::WEBHOOK_SECRETS.join(",")),
        ("BURSAR_STRIPE_WEBHOOK_SECRETS__NORTHWIND", dev_keys::OTHER_WEBHOOK_SECRET.to_owned()),
        ("BURSAR_STRIPE_LIVEMODE", "false".to_owned()),
    ]
}

fn lms(simulators: &str) -> Vec<(&'static str, String)> {
    let (id, secret) = dev_keys::LMS_CLIENT;
    vec![
        ("BURSAR_LMS_URL", format!("{simulators}{}", lms_sim::MOUNT)),
        ("BURSAR_LMS_CLIENT_ID", id.to_owned()),
        ("BURSAR_LMS_CLIENT_SECRET", secret.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use domain::text::Tenant;
    use web::{Env, HttpConfig};

    use super::*;

    const WHERE: Addresses<'_> = Addresses { simulators: "http://127.0.0.1:8090/", public: "https://shop.example/" };

    #[test]
    fn every_parameter_is_one_line_that_a_parameter_store_takes() {
        for Parameter { name, value, .. } in list(WHERE, &signing_keys().unwrap()).unwrap() {
            assert!((1..=4096).contains(&value.len()) && !value.contains('\n'), "{name}");
        }
    }

    #[test]
    fn the_settings_of_the_two_schools_differ() {
        let found = list(WHERE, &signing_keys().unwrap()).unwrap();
        let env = Env::of(found.into_iter().map(|parameter| (parameter.name, parameter.value)));
        let of = |name: &str| {
            let tenant: Tenant = name.parse().unwrap();
            let mut env = env.of_tenant(&tenant);
            let http = HttpConfig::from_env(&mut env, &tenant);
            let stripe = env.required("BURSAR_STRIPE_WEBHOOK_SECRETS").unwrap();
            let http = env.finish(http).unwrap();
            (http.issuers[0].issuer.clone(), http.issuers[1].issuer.clone(), http.secure_cookies, stripe)
        };
        let own = "https://shop.example/oauth2".to_owned();
        let secrets = dev_keys::WEBHOOK_SECRETS.join(",");
        assert_eq!(of("default"), (dev_keys::ISSUER.to_owned(), own.clone(), true, secrets));
        let secret = dev_keys::OTHER_WEBHOOK_SECRET.to_owned();
        assert_eq!(of("northwind"), (dev_keys::OTHER_ISSUER.to_owned(), own, true, secret));
    }
}
