//! A cloud in memory, served on a free loopback port, with products to sell. Nothing runs by itself: no webhook is
//! delivered, no message worked and nothing swept unless a measured operation does it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::catalog::{ProductDraft, StockDraft, save_product};
use domain::money::Money;
use domain::plan::Plan;
use domain::product::Kind;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use web::{Clock, Entropy};

use super::front::{CENTS, Front};
use super::load::{self, CLIENTS, Job};
use crate::cloud::{Cloud, CloudConfig};
use crate::data::DataPlace;
use crate::dev_keys::{Learner, token};

/// Products of one seeding transaction, which takes 100 writes: each is a row, and two more for the words of its title.
const SEEDED_TOGETHER: u32 = 33;

/// A cloud under load.
pub(crate) struct Shop {
    /// The cloud.
    pub(crate) cloud: Cloud,
    /// Its callers.
    pub(crate) front: Front,
    products: u32,
    drawn: AtomicU32,
    _server: JoinSet<()>,
}

impl Shop {
    /// Opens and serves a cloud that sells `products` products.
    pub(crate) async fn open(products: u32) -> anyhow::Result<Self> {
        Self::open_in(DataPlace::Memory, products).await
    }

    /// As [`Shop::open`], with its data elsewhere.
    pub(crate) async fn open_in(data: DataPlace, products: u32) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let cloud = Cloud::open(CloudConfig {
            data,
            base_url: format!("http://{}", listener.local_addr()?),
            clock: Clock::wall(),
            entropy: Entropy::system()?,
            redelivery_s: 1,
        })
        .await?;
        let mut server = JoinSet::new();
        let service = cloud.service();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the measured server ended");
            }
        });
        let front = Front::new(&cloud.base_url)?;
        let shop = Self { cloud, front, products, drawn: AtomicU32::new(0), _server: server };
        shop.seed().await?;
        Ok(shop)
    }

    /// Writes the products through the store, many in each transaction.
    async fn seed(&self) -> anyhow::Result<()> {
        let now = self.cloud.clock.now();
        let mut jobs: Vec<Job> = Vec::new();
        for first in (0..self.products).step_by(usize::try_from(SEEDED_TOGETHER)?) {
            let store = self.cloud.store.clone();
            let last = first.saturating_add(SEEDED_TOGETHER).min(self.products);
            jobs.push(Box::pin(async move {
                let mut plan = Plan::default();
                for number in first..last {
                    plan.writes.extend(product(number, now)?.writes);
                }
                store.commit(&plan).await?;
                Ok(Vec::new())
            }));
        }
        load::run(jobs, CLIENTS).await?;
        Ok(())
    }

    /// A number that was not given before, from 0 up.
    pub(crate) fn draw(&self) -> u32 {
        self.drawn.fetch_add(1, Ordering::Relaxed)
    }

    /// The SKU of a product; numbers beyond the last begin anew.
    pub(crate) fn sku(&self, number: u32) -> String {
        sku(number.checked_rem(self.products).unwrap_or(0))
    }

    /// A learner's `Authorization`.
    pub(crate) fn sign_in(&self, username: &str) -> anyhow::Result<String> {
        let learner = Learner { username: username.to_owned(), ..Learner::default() };
        Ok(format!("JWT {}", token(&learner, self.cloud.clock.issuer_now())?))
    }
}

fn sku(number: u32) -> String {
    format!("BENCH-{number:06}")
}

fn product(number: u32, now: Timestamp) -> anyhow::Result<Plan> {
    Ok(save_product(None, draft(number)?, &[], now)?.1)
}

/// A published seat with one price and no limit, and a title of two words.
pub(super) fn draft(number: u32) -> anyhow::Result<ProductDraft> {
    Ok(ProductDraft {
        sku: sku(number).parse()?,
        kind: Kind::Seat,
        title: format!("Statistics {number:06}").parse()?,
        course_key: Some(format!("course-v1:Bench+S{number:06}+2026").parse()?),
        mode: Some("verified".parse()?),
        attributes: BTreeMap::new(),
        contains: Vec::new(),
        blocked_countries: Default::default(),
        published: true,
        stock: Some(vec![StockDraft {
            price: Money::from_minor(CENTS, "USD".parse()?)?,
            quantity: None,
            valid_from: None,
            valid_to: None,
        }]),
    })
}
