//! The simulators of Stripe and Open edX, which the local cloud has inside, by themselves: for a shop that is deployed
//! elsewhere, on an emulator of AWS or on AWS.
//!
//! They run by the machine's clock, which cannot be moved. Deliberately not here: anything of the shop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use web::{Clock, Json, Problem};

use crate::data::DataPlace;
use crate::faults::{Faults, Target};
use crate::lms_sim::{LmsSim, LmsSimConfig};
use crate::meter::Ledger;
use crate::options::ServeOptions;
use crate::stripe_sim::{OnCall, StripeSim, StripeSimConfig};
use crate::{control, demo, dev_keys, faults, lms_sim, serve, stripe_sim};

/// How often webhooks and sessions are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Both simulators. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct Simulators {
    /// The payment processor.
    pub stripe: StripeSim,
    /// The learning platform.
    pub lms: LmsSim,
}

impl Simulators {
    /// Opens them on their data, to be served at `base_url`. Webhooks wait until it is known where they go.
    ///
    /// # Errors
    /// If a data file cannot be read.
    pub fn open(
        data: &DataPlace,
        base_url: &str,
        clock: &Clock,
        faults: &Faults,
        ledger: &Ledger,
    ) -> anyhow::Result<Self> {
        let counted = |target: Target| -> OnCall {
            let ledger = ledger.clone();
            Arc::new(move |id, operation| ledger.arrived(target, id, operation))
        };
        let stripe = StripeSim::open(StripeSimConfig {
            data_file: data.file("stripe.json"),
            clock: clock.clone(),
            faults: faults.clone(),
            base_url: base_url.to_owned(),
            webhook_url: String::new(),
            webhook_secrets: dev_keys::WEBHOOK_SECRETS.iter().map(ToString::to_string).collect(),
            secret_key: dev_keys::STRIPE_KEY.to_owned(),
            on_call: counted(Target::Stripe),
        })?;
        let lms = LmsSim::open(LmsSimConfig {
            data_file: data.file("lms.json"),
            clock: clock.clone(),
            faults: faults.clone(),
            client_id: dev_keys::LMS_CLIENT.0.to_owned(),
            client_secret: dev_keys::LMS_CLIENT.1.to_owned(),
            on_call: counted(Target::Lms),
        })?;
        Ok(Self { stripe, lms })
    }

    /// Their APIs and pages.
    pub fn router(&self) -> Router {
        Router::new().nest(stripe_sim::MOUNT, self.stripe.router()).nest(lms_sim::MOUNT, self.lms.router())
    }

    /// Delivers webhooks and expires sessions until told to stop.
    async fn run(self, stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            if self.stripe.expire_due().saturating_add(self.stripe.deliver().await) == 0 {
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

/// Serves both until Ctrl-C or SIGTERM.
///
/// # Errors
/// If the port is in use, the data folder cannot be written, or the webhooks' address is none.
pub async fn serve(options: &ServeOptions) -> anyhow::Result<()> {
    let (listener, base_url) = serve::listen(options.port).await?;
    let data = match &options.data {
        DataPlace::Memory => DataPlace::Memory,
        // Not the local cloud's: its payments are for orders that this shop does not know.
        DataPlace::Folder(folder) => DataPlace::Folder(folder.join("simulators")),
    };
    let _kept = data.take()?;
    let (clock, faults) = (Clock::wall(), Faults::default());
    let simulators = Simulators::open(&data, &base_url, &clock, &faults, &Ledger::default())?;
    if let Some(url) = &options.webhook_url {
        simulators.stripe.set_webhook_url(url.parse::<Url>()?.as_str());
    }
    let router = simulators
        .router()
        .merge(control::sign_in(clock))
        .merge(faults::router(faults, &[Target::Stripe, Target::Lms]))
        .merge(webhook_url(&simulators.stripe));
    let ready = async {
        demo::say(&format!("Serving Stripe and Open edX on {base_url} (stop with Ctrl-C)\n"));
        Ok(())
    };
    serve::until_stopped(listener, router.into_make_service_with_connect_info(), |stop| simulators.run(stop), ready)
        .await
}

/// Where webhooks go; empty while nobody has said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookUrl {
    url: String,
}

/// `GET` and `PUT /_local/webhook-url`.
fn webhook_url(stripe: &StripeSim) -> Router {
    Router::new().route("/_local/webhook-url", get(read_webhook_url).put(set_webhook_url)).with_state(stripe.clone())
}

async fn read_webhook_url(State(stripe): State<StripeSim>) -> Json<WebhookUrl> {
    Json(WebhookUrl { url: stripe.webhook_url() })
}

async fn set_webhook_url(
    State(stripe): State<StripeSim>,
    Json(wanted): Json<WebhookUrl>,
) -> Result<Json<WebhookUrl>, Problem> {
    match wanted.url.parse::<Url>() {
        Ok(url) if ["http", "https"].contains(&url.scheme()) => {
            stripe.set_webhook_url(url.as_str());
            Ok(Json(WebhookUrl { url: stripe.webhook_url() }))
        }
        Ok(_) | Err(_) => Err(Problem::field("/url", "url must be an http or https URL")),
    }
}
