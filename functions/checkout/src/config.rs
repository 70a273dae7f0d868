//! The function's wiring on AWS: every variable is read once, at start-up, and what is missing is named all at once.

use domain::text::Tenant;
use jiff::SignedDuration;
use payments::transfer::BankTransfer;
use store::{Queue, Store};
use web::{Clock, Entropy, Env, Http, HttpConfig, Origin, SdkConfig, places};

use crate::App;

/// How long a learner may ask for a refund if the shop says nothing: what consumers in the EU have for distance contracts.
const REFUND_WINDOW_DAYS: u16 = 14;

fn days(count: u16) -> SignedDuration {
    SignedDuration::from_hours(i64::from(count).saturating_mul(24))
}

impl App {
    /// Builds one tenant's function from its environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(mut env: Env, tenant: Tenant, sdk: &SdkConfig) -> anyhow::Result<Self> {
        let config = HttpConfig::from_env(&mut env, &tenant);
        let table = env.required("BURSAR_TABLE");
        let queue = env.url("BURSAR_QUEUE_URL");
        let processors = payments::configured(|name| env.required(name))?;
        let return_origins = env.list::<Origin>("BURSAR_RETURN_ORIGINS");
        let return_origins = return_origins.map(|sites| sites.iter().map(Origin::to_string).collect());
        let places = places(&mut env);
        let refund_window = env.parsed_or("BURSAR_REFUND_WINDOW_DAYS", REFUND_WINDOW_DAYS).map(days);
        let bank_transfer = env.optional_json::<BankTransfer>("BURSAR_BANK_TRANSFER");
        let rest = processors.zip(return_origins).zip(places).zip(refund_window).zip(bank_transfer);
        let (((config, table), queue), ((((processors, return_origins), places), refund_window), bank_transfer)) =
            env.finish(config.zip(table).zip(queue).zip(rest))?;
        let store = Store::new(aws_sdk_dynamodb::Client::new(sdk), table, tenant);
        let queue = Queue::new(aws_sdk_sqs::Client::new(sdk), queue);
        let http = Http::new(config, store.clone(), Clock::wall(), Entropy::system()?)?;
        Ok(Self { http, store, queue, processors, bank_transfer, return_origins, places, refund_window })
    }
}
