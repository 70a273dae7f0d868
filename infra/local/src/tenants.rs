//! The local cloud's two schools on one table: one that sells, and one that serves applications with a client key only.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use domain::client_key::{self, Allowance, NewClientKey};
use domain::client_secret::StoredSecret;
use domain::machine_client::{self, NewMachineClient};
use domain::money::Currency;
use domain::plan::Plan;
use domain::text::Tenant;
use lms::{Lms, LmsConfig};
use payments::transfer::BankTransfer;
use store::{Queue, Store};
use web::identity::signing::SigningKeys;
use web::identity::{PresentedKey, machine_secret_digest};
use web::{Env, Http, HttpConfig, places};

use crate::cloud::{CloudConfig, TABLE};
use crate::dev_keys;
use crate::functions::Parts;
use crate::parameters::{self, Addresses};

/// The tenants of a cloud, each with its functions' parts.
#[derive(Clone)]
pub(crate) struct Tenants([Parts; 2]);

impl Tenants {
    /// Builds both tenants on the table, and registers their development clients.
    pub(crate) async fn open(config: &CloudConfig, dynamodb: &Client, queue: &Queue) -> anyhow::Result<Self> {
        let env = env(&config.base_url)?;
        let build = |tenant: Tenant| parts(env.of_tenant(&tenant), tenant, config, dynamodb, queue);
        let [selling, other] = dev_keys::tenants()?;
        // The second school takes no payments: the simulator knows one account, and it is the first one's.
        let none = Parts { processors: Vec::new(), bank_transfer: None, ..build(other)? };
        let (selling, other) = (build(selling)?, none);
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

/// The environment that the functions of a deployment would read from the parameter store.
fn env(base_url: &str) -> anyhow::Result<Env> {
    let addresses = Addresses { simulators: base_url, public: base_url };
    let list = parameters::list(addresses, &parameters::signing_keys()?)?;
    Ok(Env::of(list.into_iter().map(|parameter| (parameter.name, parameter.value))))
}

fn parts(
    mut env: Env,
    tenant: Tenant,
    config: &CloudConfig,
    dynamodb: &Client,
    queue: &Queue,
) -> anyhow::Result<Parts> {
    let contract = HttpConfig::from_env(&mut env, &tenant);
    let processors = payments::configured(|name| env.required(name))?;
    let lms = LmsConfig::configured(|name| env.required(name));
    let bank_transfer = env.optional_json::<BankTransfer>("BURSAR_BANK_TRANSFER");
    let rest = env.parsed::<Currency>("BURSAR_CURRENCY").zip(env.parsed::<SigningKeys>("BURSAR_SIGNING_KEYS"));
    let places = places(&mut env);
    let (((((contract, processors), lms), (currency, signing)), places), bank_transfer) =
        env.finish(contract.zip(processors).zip(lms).zip(rest).zip(places).zip(bank_transfer))?;
    let store = Store::new(dynamodb.clone(), TABLE, tenant);
    Ok(Parts {
        http: Http::new(contract, store.clone(), config.clock.clone(), config.entropy.clone())?,
        store,
        queue: queue.clone(),
        processors,
        bank_transfer,
        lms: Lms::new(lms)?,
        currency,
        places,
        base_url: config.base_url.clone(),
        signing: Arc::new(signing),
    })
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
