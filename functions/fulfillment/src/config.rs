//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use domain::text::Tenant;
use lms::{Lms, LmsConfig};
use store::Store;
use web::{Clock, Entropy, Env, SdkConfig};

use crate::App;

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let table = env.required("BURSAR_TABLE");
        let processors = payments::configured(|name| env.required(name))?;
        let lms = LmsConfig::configured(|name| env.required(name));
        let ((table, processors), lms) = env.finish(table.zip(processors).zip(lms))?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), table, tenant),
            lms: Lms::new(lms)?,
            processors,
            clock: Clock::wall(),
            entropy: Entropy::system()?,
        })
    }
}
