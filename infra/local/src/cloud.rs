//! One local cloud: engines, simulators, functions, and the loops between them.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use domain::audit::{self, Violation};
use jiff::SignedDuration;
use store::{Queue, Store, create_table};
use web::{Clock, Entropy, Http, Until};

use crate::aws::Engines;
use crate::data::{DataPlace, Folder};
use crate::endpoint::Endpoint;
use crate::faults::{Faults, Target};
use crate::functions;
use crate::lms_sim::LmsSim;
use crate::meter::Ledger;
use crate::parameters::Addresses;
use crate::recorder::Recorder;
use crate::simulators::Simulators;
use crate::stripe_sim::StripeSim;
use crate::tenants::Tenants;
use crate::trigger::Trigger;
use crate::{aws, control, dev_keys, endpoint, page, parameters};

/// The table's name.
pub const TABLE: &str = "bursar";
/// The stage that the parameters of other processes are of.
const STAGE: &str = "dev";
/// How many messages the trigger takes at once, as the template sets it.
const BATCH: i32 = 10;
/// Rounds after which a cloud that still finds work to do is taken to run in circles.
const MAX_ROUNDS: u32 = 500;

/// How to make a cloud.
#[derive(Clone)]
pub struct CloudConfig {
    /// Where the data lives.
    pub data: DataPlace,
    /// The address that it will be served at, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// The clock.
    pub clock: Clock,
    /// The source of ids.
    pub entropy: Entropy,
    /// Seconds after which a message that failed comes again.
    pub redelivery_s: i32,
}

/// A local cloud. Clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    /// Where it is served.
    pub base_url: String,
    /// Its clock.
    pub clock: Clock,
    /// Faults on order.
    pub faults: Faults,
    /// What requests cost.
    pub ledger: Ledger,
    /// The DynamoDB calls of requests, for the benchmark.
    pub recorder: Recorder,
    /// The table, as the tenant that sells sees it.
    pub store: Store,
    /// What holds the data.
    pub engines: Engines,
    /// The way to it for processes beside this one.
    pub endpoint: Endpoint,
    /// A client of the table, for what the store does not offer.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queue and its trigger.
    pub trigger: Trigger,
    /// The payment processor.
    pub stripe: StripeSim,
    /// The learning platform.
    pub lms: LmsSim,
    tenants: Tenants,
    folder: Folder,
}

impl Cloud {
    /// Builds a cloud on its data. Nothing is served yet: see [`Cloud::router`].
    ///
    /// # Errors
    /// If the data cannot be opened or an engine does not start.
    pub async fn open(config: CloudConfig) -> anyhow::Result<Self> {
        let (faults, ledger) = (Faults::default(), Ledger::default());
        let folder = config.data.take()?;
        folder.restore(&config.clock)?;
        let engines = Engines::start(folder.database()?).await?;
        let endpoint = Endpoint::new(&engines, &faults)?;
        let recorder = Recorder::default();
        let dynamodb = aws::dynamodb(&engines.dynamodb, &faults, &recorder);
        create_table(&dynamodb, TABLE).await.context("the table cannot be made")?;
        let sqs = aws::sqs(&engines.sqs, &faults);
        let trigger = Trigger::create(sqs.clone(), config.redelivery_s).await?;
        let tenants = Tenants::open(&config, &dynamodb, &Queue::new(sqs, &trigger.url)).await?;
        let store = tenants.selling().store.clone();
        let CloudConfig { data, base_url, clock, .. } = config;
        let Simulators { stripe, lms } = Simulators::open(&data, &base_url, &clock, &faults, &ledger)?;
        stripe.set_webhook_url(&format!("{base_url}/webhooks/{}/stripe", dev_keys::TENANT));
        let parameters =
            parameters::list(Addresses { simulators: &base_url, public: &base_url }, &parameters::signing_keys()?)?;
        endpoint.parameters.put_all(STAGE, parameters);
        Ok(Self {
            base_url,
            clock,
            faults,
            ledger,
            recorder,
            store,
            engines,
            endpoint,
            dynamodb,
            trigger,
            stripe,
            lms,
            tenants,
            folder,
        })
    }

    /// Everything that is served: the functions, the simulators, the controls and the shop front.
    pub fn router(&self) -> Router {
        let document = functions::document();
        let mut controls = Some(control::router(self));
        let sites = self.tenants.all().iter().map(|parts| {
            let measured = control::measured(functions::routes(parts), &self.ledger, &document);
            (parts.http.clone(), measured.merge(controls.take().unwrap_or_default()))
        });
        web::site(sites)
            .merge(crate::faults::router(self.faults.clone(), &Target::ALL))
            .merge(page::router())
            .nest_service(endpoint::MOUNT, self.endpoint.router())
            .merge(Simulators { stripe: self.stripe.clone(), lms: self.lms.clone() }.router())
    }

    /// The router as a server takes it: requests know where they come from, as they do behind API Gateway.
    pub fn service(&self) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
        self.router().into_make_service_with_connect_info()
    }

    /// The fulfilment function of every tenant, as the trigger calls it.
    #[must_use]
    pub fn fulfillment(&self) -> Vec<fulfillment::App> {
        self.tenants.all().iter().map(functions::fulfillment).collect()
    }

    /// The janitor function of the tenant that sells.
    #[must_use]
    pub fn janitor(&self) -> janitor::App {
        functions::janitor(self.tenants.selling())
    }

    /// The seams to clock and ids.
    #[must_use]
    pub fn http(&self) -> &Http {
        &self.tenants.selling().http
    }

    /// Does what is to be done now, once: delivers webhooks, works the queue, sweeps what is due. How many things it did.
    ///
    /// # Errors
    /// If an engine fails.
    pub async fn step(&self) -> anyhow::Result<usize> {
        let delivered = self.stripe.deliver().await;
        let worked = self.trigger.pump(&self.fulfillment(), &self.ledger, BATCH).await?;
        Ok(delivered.saturating_add(worked))
    }

    /// Looks at what is due: expired sessions at the processor, and all that the janitor looks at.
    ///
    /// # Errors
    /// If the table fails.
    pub async fn sweep(&self) -> anyhow::Result<usize> {
        self.sweep_until(&Until::never()).await
    }

    /// As [`Cloud::sweep`], for a while.
    ///
    /// # Errors
    /// If the table fails.
    pub async fn sweep_until(&self, until: &Until) -> anyhow::Result<usize> {
        let expired = self.stripe.expire_due();
        let apps: Vec<_> = self.tenants.all().iter().map(functions::janitor).collect();
        let swept = janitor::handle(&apps, until).await?;
        let done = |swept: &janitor::Swept| [swept.report.messages, swept.report.expired, swept.slices];
        Ok(swept.iter().flat_map(done).fold(expired, usize::saturating_add))
    }

    /// Does everything that is to be done now, until nothing is left.
    ///
    /// # Errors
    /// If an engine fails, or the cloud runs in circles.
    pub async fn settle(&self) -> anyhow::Result<()> {
        for _ in 0..MAX_ROUNDS {
            if self.step().await?.saturating_add(self.sweep().await?) == 0 {
                return Ok(());
            }
        }
        anyhow::bail!("there was still work to do after {MAX_ROUNDS} rounds")
    }

    /// Moves the clock, remembers it for the next start, and does what became due.
    ///
    /// # Errors
    /// If the data folder cannot be written, or an engine fails.
    pub async fn advance(&self, by: SignedDuration) -> anyhow::Result<()> {
        self.clock.advance(by);
        self.folder.keep(&self.clock)?;
        self.settle().await
    }

    /// Lets go of the data folder as `kill -9` would, so that another cloud can be opened on it. What still runs of this
    /// one must not be used any more.
    ///
    /// # Errors
    /// If the folder's lock cannot be given back.
    pub fn abandon(&self) -> anyhow::Result<()> {
        self.folder.free()
    }

    /// Checks every invariant over the stored data.
    ///
    /// # Errors
    /// If the table fails.
    pub async fn audit(&self) -> anyhow::Result<Vec<Violation>> {
        Ok(audit::check(&self.store.read_books().await?))
    }
}
