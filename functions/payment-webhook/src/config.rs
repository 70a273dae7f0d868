//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use domain::text::Tenant;
use store::{Queue, Store};
use web::{Clock, Entropy, Env, Http, HttpConfig, SdkConfig};

use crate::App;

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let table = env.required("BURSAR_TABLE");
        let queue = env.url("BURSAR_QUEUE_URL");
        let processors = payments::configured(|name| env.required(name))?;
        let ((table, queue), processors) = env.finish(table.zip(queue).zip(processors))?;
        let entropy = Entropy::system()?;
        let config = HttpConfig::without_callers(tenant.clone(), &entropy);
        let store = Store::new(aws_sdk_dynamodb::Client::new(sdk), table, tenant);
        let queue = Queue::new(aws_sdk_sqs::Client::new(sdk), queue);
        Ok(Self { http: Http::new(config, store.clone(), Clock::wall(), entropy)?, store, queue, processors })
    }
}
