//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use aws_sdk_dynamodb::Client;
use lms::{Lms, LmsConfig};
use store::Store;
use web::{Clock, Entropy, Env, Http, HttpConfig};

use crate::App;

impl App {
    /// Builds the function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub async fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::process();
        let config = HttpConfig::from_env(&mut env);
        let table = env.required("BURSAR_TABLE");
        let lms = LmsConfig::configured(|name| env.required(name));
        let ((config, table), lms) = env.finish(config.zip(table).zip(lms))?;
        let store = Store::new(Client::new(&web::aws::sdk_config().await), table, config.tenant.clone());
        Ok(Self { http: Http::new(config, Clock::wall(), Entropy::system()?), store, lms: Lms::new(lms)? })
    }
}
