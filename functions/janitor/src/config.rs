//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use domain::text::Tenant;
use store::{Queue, Store};
use web::{Clock, Entropy, Env, SdkConfig};

use crate::App;

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let table = env.required("BURSAR_TABLE");
        let queue = env.url("BURSAR_QUEUE_URL");
        let (table, queue) = env.finish(table.zip(queue))?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), table, tenant),
            queue: Queue::new(aws_sdk_sqs::Client::new(sdk), queue),
            clock: Clock::wall(),
            entropy: Entropy::system()?,
        })
    }
}
