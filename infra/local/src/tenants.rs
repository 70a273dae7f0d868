//! The local cloud's two schools on one table: one that sells, and one that serves applications with a client key only.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use domain::client_key::{self, Allowance, NewClientKey};
use domain::client_secret::StoredSecret;
use domain::machine_client::{self, NewMachineClient};
use domain::plan::Plan;
use domain::text::Tenant;
use lms::{Lms, LmsConfig};
use payments::Processor;
use payments::stripe::StripeConfig;
use store::{Queue, Store};
use web::identity::issuers::{Audience, IssuerConfig, KeySource};
use web::identity::signing::SigningKeys;
use web::identity::{ClientKeyPolicy, GatewayConfig, PresentedKey, machine_secret_digest};
use web::{Http, HttpConfig, Secret};

use crate::cloud::{CloudConfig, TABLE};
use crate::functions::Parts;
use crate::{dev_keys, lms_sim, stripe_sim};

/// The tenants of a cloud, each with its functions' parts.
#[derive(Clone)]
pub(crate) struct Tenants([Parts; 2]);

impl Tenants {
    /// Builds both tenants on the table, and registers their development clients.
    pub(crate) async fn open(config: &CloudConfig, dynamodb: &Client, queue: &Queue) -> anyhow::Result<Self> {
        let [selling, other] = dev_keys::tenants()?;
        let signing = signing_keys()?;
        let build = |tenant: Tenant, processors: Vec<Processor>| -> anyhow::Result<Parts> {
            let store = Store::new(dynamodb.clone(), TABLE, tenant.clone());
            let contract = http_config(tenant, &config.base_url, &signing)?;
            Ok(Parts {
                http: Http::new(contract, store.clone(), config.clock.clone(), config.entropy.clone())?,
                store,
                queue: queue.clone(),
                processors,
                lms: lms_client(&config.base_url)?,
                currency: "USD".parse()?,
                base_url: config.base_url.clone(),
                signing: Arc::clone(&signing),
            })
        };
        let selling = build(selling, vec![Processor::Stripe(stripe_client(&config.base_url)?)])?;
        let other = build(other, Vec::new())?;
        register_key(&selling, dev_keys::CLIENT_KEY).await?;
        register_key(&other, dev_keys::OTHER_CLIENT_KEY).await?;
        register_machine(&selling).await?;
        Ok(Self([selling, other]))
    }

    /// The tenant that sells.
    pub(crate) fn selling(&self) -> &Parts {
        let [selling, _] = &self.0;
        selling
    }

    /// Both, the one that sells first.
    pub(crate) fn all(&self) -> &[Parts] {
        &self.0
    }
}

/// The keys of our own tokens, made once in a process: an RSA key takes a while.
fn signing_keys() -> anyhow::Result<Arc<SigningKeys>> {
    static KEYS: Mutex<Option<Arc<SigningKeys>>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(keys) = &*keys {
        return Ok(Arc::clone(keys));
    }
    let made = Arc::new(SigningKeys::generate("local-1")?);
    *keys = Some(Arc::clone(&made));
    Ok(made)
}

fn http_config(tenant: Tenant, base_url: &str, signing: &SigningKeys) -> anyhow::Result<HttpConfig> {
    let selling = tenant.as_str() == dev_keys::TENANT;
    let (issuer, audience, secret) = match selling {
        true => (dev_keys::ISSUER, dev_keys::AUDIENCE, dev_keys::JWT_SECRET),
        false => (dev_keys::OTHER_ISSUER, dev_keys::OTHER_TENANT, dev_keys::OTHER_JWT_SECRET),
    };
    let lms = IssuerConfig {
        issuer: issuer.to_owned(),
        audience: Audience::Required(vec![audience.to_owned()]),
        keys: KeySource { secret: Some(Secret::new(secret)), ..KeySource::default() },
    };
    let own = IssuerConfig {
        issuer: format!("{base_url}/oauth2"),
        audience: Audience::Required(vec![tenant.to_string()]),
        keys: KeySource { jwks: Some(signing.jwks()), ..KeySource::default() },
    };
    let gateway = GatewayConfig {
        secrets: dev_keys::GATEWAY.1.map(Secret::new).to_vec(),
        issuer: dev_keys::GATEWAY_ISSUER.to_owned(),
    };
    Ok(HttpConfig {
        key_secret: Secret::new(dev_keys::KEY_SECRET),
        issuers: vec![lms, own],
        gateway: Some(gateway),
        client_keys: if selling { ClientKeyPolicy::Optional } else { ClientKeyPolicy::Required },
        allowed_origins: vec![dev_keys::FRONT_END.parse()?],
        session_realms: if selling {
            dev_keys::SESSION_REALMS.map(str::to_owned).to_vec()
        } else {
            vec![tenant.to_string()]
        },
        secure_cookies: false,
        tenant,
    })
}

fn stripe_client(base_url: &str) -> anyhow::Result<payments::stripe::Client> {
    let secrets = dev_keys::WEBHOOK_SECRETS.iter().map(|secret| payments::Secret::new(*secret)).collect();
    Ok(payments::stripe::Client::new(StripeConfig {
        api_base: format!("{base_url}{}", stripe_sim::MOUNT),
        secret_key: payments::Secret::new(dev_keys::STRIPE_KEY),
        webhook_secrets: secrets,
        publishable_key: dev_keys::STRIPE_PUBLISHABLE_KEY.to_owned(),
        livemode: false,
    })?)
}

fn lms_client(base_url: &str) -> anyhow::Result<Lms> {
    Ok(Lms::new(LmsConfig {
        base_url: format!("{base_url}{}", lms_sim::MOUNT),
        oauth_client_id: dev_keys::LMS_CLIENT.0.to_owned(),
        oauth_client_secret: lms::Secret::new(dev_keys::LMS_CLIENT.1),
    })?)
}

/// Registers a front end's key, unless it is there.
async fn register_key(parts: &Parts, text: &str) -> anyhow::Result<()> {
    let key = PresentedKey::parse(text).context("a development key cannot be parsed")?;
    let new = NewClientKey {
        id: key.id.clone(),
        name: "Local front end".parse()?,
        secret: StoredSecret::from_digest(key.digest(&parts.http)),
        may: BTreeSet::from([Allowance::Read, Allowance::Write, Allowance::Sessions]),
        by: parts.http.user_id(&"local".parse()?),
    };
    put(parts, client_key::issue(new, parts.http.now()).1).await
}

/// Registers the machine client, unless it is there.
async fn register_machine(parts: &Parts) -> anyhow::Result<()> {
    let (id, secret) = dev_keys::MACHINE_CLIENT;
    let new = NewMachineClient {
        id: id.parse()?,
        name: "Local fulfilment worker".parse()?,
        username: "local-worker".parse()?,
        secret: StoredSecret::from_digest(machine_secret_digest(id, secret, &parts.http)),
        scopes: BTreeSet::from(["orders:fulfill".parse()?, "orders:read".parse()?]),
        filters: BTreeSet::new(),
        by: parts.http.user_id(&"local".parse()?),
    };
    put(parts, machine_client::issue(new, parts.http.now())?.1).await
}

async fn put(parts: &Parts, plan: Plan) -> anyhow::Result<()> {
    match parts.store.commit(&plan).await {
        Err(error) if !error.is_conflict() => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
