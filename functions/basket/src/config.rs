//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use aws_sdk_dynamodb::Client;
use domain::money::Currency;
use domain::percent::Percent;
use domain::text::Tenant;
use store::Store;
use web::{Clock, Entropy, Env, Http, HttpConfig, SdkConfig};

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
        let tax = env.list::<Percent>("BURSAR_TAX_PERCENT").map(|rates| rates.first().copied());
        let (((config, table), currency), tax) = env.finish(config.zip(table).zip(currency).zip(tax))?;
        let store = Store::new(Client::new(sdk), table, tenant);
        Ok(Self { http: Http::new(config, store.clone(), Clock::wall(), Entropy::system()?)?, store, currency, tax })
    }
}
