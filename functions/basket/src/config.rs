//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use aws_sdk_dynamodb::Client;
use domain::money::Currency;
use domain::text::Tenant;
use store::Store;
use web::{Clock, Entropy, Env, Http, HttpConfig, SdkConfig, places};

use crate::App;

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let config = HttpConfig::from_env(&mut env, &tenant);
        let table = env.required("BURSAR_TABLE");
        let currency = env.parsed::<Currency>("BURSAR_CURRENCY");
        let places = places(&mut env);
        let (((config, table), currency), places) = env.finish(config.zip(table).zip(currency).zip(places))?;
        let store = Store::new(Client::new(sdk), table, tenant);
        Ok(Self { http: Http::new(config, store.clone(), Clock::wall(), Entropy::system()?)?, store, currency, places })
    }
}
