//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use domain::text::Tenant;
use store::Store;
use web::identity::signing::SigningKeys;
use web::{Clock, Entropy, Env, Http, HttpConfig, Origin, SdkConfig};

use crate::App;

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let config = HttpConfig::from_env(&mut env, &tenant);
        let table = env.required("BURSAR_TABLE");
        let signing = env.parsed::<SigningKeys>("BURSAR_SIGNING_KEYS");
        let base_url = env.parsed::<Origin>("BURSAR_PUBLIC_URL").map(|origin| origin.to_string());
        let audience = env.required("BURSAR_TOKEN_AUDIENCE");
        let next_origins = env.list::<Origin>("BURSAR_NEXT_ORIGINS");
        let token = signing.zip(base_url).zip(audience);
        let (((config, table), ((signing, base_url), audience)), next_origins) =
            env.finish(config.zip(table).zip(token).zip(next_origins))?;
        let store = Store::new(Client::new(sdk), table, tenant);
        let http = Http::new(config, store.clone(), Clock::wall(), Entropy::system()?)?;
        Ok(Self { http, store, signing: Arc::new(signing), base_url, audience, next_origins })
    }
}
