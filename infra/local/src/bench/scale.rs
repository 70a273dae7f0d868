//! Whether operations stay as fast when there is much data: many products, a long history.
//!
//! Both clouds are open while either is measured, and their rounds alternate: what the memory of the process costs, and
//! what else the machine does, falls on both, and what is left is the amount of data.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use anyhow::{Context, ensure};
use domain::id::{Ids, OrderNumber};
use domain::order::Order;
use domain::owner::UserId;
use domain::plan::{Plan, Write};
use http::Method;
use serde_json::json;
use store::OrderSummaries;

use super::compare::{both, median};
use super::front::Payment;
use super::load::{self, CLIENTS, Job, Sample};
use super::shop::Shop;
use crate::demo::say;

/// Few and many products.
const PRODUCTS: (u32, u32) = (100, 100_000);
/// The orders of a learner with a long history.
const ORDERS: usize = 10_000;
/// The most writes of one transaction.
const TOGETHER: usize = 100;
/// Measured rounds, and one before them to warm up.
const ROUNDS: u32 = 9;
/// Requests of one round.
const ROUND: u32 = 500;
/// Additions to each learner's basket, and one before them to warm up.
const ADDITIONS: u32 = 500;

/// One operation on little and on much data.
pub(super) struct Growth {
    /// What is done, and how much data there is.
    pub(super) name: String,
    /// On little data.
    pub(super) little: Sample,
    /// On much data.
    pub(super) much: Sample,
    /// How many times as long it takes on much data.
    pub(super) ratio: f64,
}

/// Listing and reading products when there are few and when there are many.
pub(super) async fn catalog() -> anyhow::Result<[Growth; 2]> {
    let few = Shop::open(PRODUCTS.0).await?;
    let began = few.cloud.clock.issuer_now();
    let many = Shop::open(PRODUCTS.1).await?;
    let took = few.cloud.clock.issuer_now().duration_since(began).as_secs();
    say(&format!("\n{} products written in {took} s.\n", PRODUCTS.1));
    let list = |shop: &Shop| get(shop, "/api/v1/products?limit=20".to_owned());
    let read = |shop: &Shop| get(shop, format!("/api/v1/products/{}", shop.sku(shop.draw().wrapping_mul(7919))));
    let of = format!("with {} / {} products", PRODUCTS.0, PRODUCTS.1);
    Ok([
        grow(format!("list of 20 {of}"), (&few, &many), list).await?,
        grow(format!("product read {of}"), (&few, &many), read).await?,
    ])
}

fn get(shop: &Shop, path: String) -> anyhow::Result<Job> {
    Ok(shop.front.job(shop.front.request(Method::GET, &path, "bench").build()?, String::new()))
}

async fn grow(
    name: String,
    (few, many): (&Shop, &Shop),
    job: impl Fn(&Shop) -> anyhow::Result<Job>,
) -> anyhow::Result<Growth> {
    let mut growth = Growth { name, little: Sample::default(), much: Sample::default(), ratio: 0.0 };
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let jobs = |shop: &Shop| (0..ROUND).map(|_| job(shop)).collect::<anyhow::Result<Vec<Job>>>();
        let (little, much) = both(jobs(few)?, jobs(many)?, round % 2 == 0).await?;
        if round > 0 {
            ratios.push(much.seconds() / little.seconds());
            growth.little.add(little);
            growth.much.add(much);
        }
    }
    growth.ratio = median(ratios);
    Ok(growth)
}

/// Adding to the basket of a learner without orders and of one with many. Each has one basket, so one client adds to
/// one after the other.
pub(super) async fn history() -> anyhow::Result<Growth> {
    let shop = Shop::open(PRODUCTS.0).await?;
    let learners = ["newcomer", "veteran"];
    write_orders(&shop, learners[1]).await?;
    let name = format!("basket add with 0 / {ORDERS} orders, 1 client");
    let mut growth = Growth { name, little: Sample::default(), much: Sample::default(), ratio: 0.0 };
    let mut ratios = Vec::new();
    for round in 0..=ADDITIONS {
        let mut samples = [Sample::default(), Sample::default()];
        let turn = usize::from(round % 2 == 0);
        for who in [turn, 1 - turn] {
            samples[who] = load::run(vec![add(&shop, learners[who])?], 1).await?.0;
        }
        let [little, much] = samples;
        if round > 0 {
            ratios.push(much.seconds() / little.seconds());
            growth.little.add(little);
            growth.much.add(much);
        }
    }
    growth.ratio = median(ratios);
    Ok(growth)
}

/// Adds a product that is in the basket already, after the first time: the same row is read and written each time.
fn add(shop: &Shop, username: &str) -> anyhow::Result<Job> {
    let request = shop.front.request(Method::POST, "/api/v1/basket/lines", "bench");
    let request = request.header("Authorization", shop.sign_in(username)?).json(&json!({"sku": shop.sku(0)}));
    Ok(shop.front.job(request.build()?, String::new()))
}

/// Gives a learner many orders: copies of one that was made by a checkout, under numbers of their own.
async fn write_orders(shop: &Shop, username: &str) -> anyhow::Result<()> {
    let template = place_order(shop).await?;
    let owner: UserId = shop.cloud.http().user_id(&username.parse()?);
    let now = shop.cloud.clock.now();
    let mut ids: Ids = shop.cloud.http().ids(now);
    let mut jobs: Vec<Job> = Vec::new();
    for _ in 0..ORDERS.div_ceil(TOGETHER) {
        let mut plan = Plan::default();
        for _ in 0..TOGETHER {
            let number: OrderNumber = ids.make();
            plan.push(Write::CreateOrder(Box::new(Order { number, owner: owner.clone(), ..template.clone() })));
        }
        let store = shop.cloud.store.clone();
        jobs.push(Box::pin(async move {
            store.commit(&plan).await?;
            Ok(Vec::new())
        }));
    }
    load::run(jobs, CLIENTS).await?;
    let seen = shop.cloud.store.list_orders(&OrderSummaries::Of(owner), 100, None).await?;
    ensure!(seen.items.len() == 100 && seen.next.is_some(), "the orders are not the learner's");
    Ok(())
}

/// An order that another learner placed.
async fn place_order(shop: &Shop) -> anyhow::Result<Order> {
    let token = shop.sign_in("first")?;
    let add = shop.front.request(Method::POST, "/api/v1/basket/lines", "bench").header("Authorization", &token);
    shop.front.send(add.json(&json!({"sku": shop.sku(0)})).build()?).await?;
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
    let checkout = shop.front.request(Method::POST, "/api/v1/checkout", "bench").header("Authorization", &token);
    let checkout = checkout.header("Idempotency-Key", "first").json(&body).build()?;
    let payment = Payment::of(&shop.front.send(checkout).await?)?;
    let file = shop.cloud.store.read_order(&payment.order.parse()?).await?;
    Ok(file.context("the order is not there")?.order)
}
