//! What is asked of the functions: for each what it does most, and the steps of a purchase.

use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::Message;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Method;
use serde_json::json;

use super::event;
use crate::aws;
use crate::bench::front::Payment;
use crate::bench::load::{self, CLIENTS};
use crate::bench::shop::Shop;

/// Every function.
pub const FUNCTIONS: [&str; 7] =
    ["basket", "catalog", "checkout", "fulfillment", "janitor", "payment-webhook", "session"];

/// The most messages that one call receives.
const RECEIVED_TOGETHER: i32 = 10;

/// An event that a function is woken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    ReadProduct,
    ReadBasket,
    ReadOrder,
    StartCheckout,
    Payment,
    PaymentAgain,
    Grant,
    GrantedAlready,
    ReadMe,
    NothingDue,
}

impl Case {
    /// All, by function; the janitor first, since the others leave it work.
    pub(super) const ALL: [Self; 10] = [
        Self::NothingDue,
        Self::ReadProduct,
        Self::ReadBasket,
        Self::ReadOrder,
        Self::StartCheckout,
        Self::PaymentAgain,
        Self::Payment,
        Self::GrantedAlready,
        Self::Grant,
        Self::ReadMe,
    ];

    /// The function that is woken.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::ReadProduct => "catalog",
            Self::ReadBasket => "basket",
            Self::ReadOrder | Self::StartCheckout => "checkout",
            Self::Payment | Self::PaymentAgain => "payment-webhook",
            Self::Grant | Self::GrantedAlready => "fulfillment",
            Self::ReadMe => "session",
            Self::NothingDue => "janitor",
        }
    }

    /// What it does.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ReadProduct => "read a product",
            Self::ReadBasket => "read a basket",
            Self::ReadOrder => "read an order",
            Self::StartCheckout => "start a checkout",
            Self::Payment => "a payment",
            Self::PaymentAgain => "a payment again",
            Self::Grant => "grant a place",
            Self::GrantedAlready => "granted already",
            Self::ReadMe => "read oneself",
            Self::NothingDue => "nothing is due",
        }
    }

    /// Its calls to the processor and the learning platform, which the endpoint of AWS does not see.
    pub(super) const fn calls_outside(self) -> u32 {
        match self {
            Self::StartCheckout | Self::Grant => 1,
            Self::ReadProduct
            | Self::ReadBasket
            | Self::ReadOrder
            | Self::Payment
            | Self::PaymentAgain
            | Self::GrantedAlready
            | Self::ReadMe
            | Self::NothingDue => 0,
        }
    }

    /// `count` events, after all that must have happened before them.
    pub(super) async fn events(self, shop: &Arc<Shop>, count: usize) -> anyhow::Result<Vec<Bytes>> {
        let learner = Learner::new(shop)?;
        let one = match self {
            Self::ReadProduct => event::http_api(&learner.get(shop, &format!("/api/v1/products/{}", shop.sku(0)))?)?,
            Self::ReadBasket => {
                learner.fill_basket(shop).await?;
                event::http_api(&learner.get(shop, "/api/v1/basket")?)?
            }
            Self::ReadOrder => {
                let order = learner.order(shop).await?.order;
                event::http_api(&learner.get(shop, &format!("/api/v1/orders/{order}"))?)?
            }
            Self::ReadMe => event::http_api(&learner.get(shop, "/api/v1/users/me")?)?,
            Self::NothingDue => event::schedule(),
            Self::PaymentAgain => event::http_api(&learner.payment(shop).await?)?,
            Self::GrantedAlready => {
                shop.front.send(learner.payment(shop).await?).await?;
                event::batch_of_one(messages(shop, 1).await?.first().context("no message was sent")?)
            }
            Self::StartCheckout => {
                return many(shop, count, |learner, shop| Box::pin(learner.checkout_event(shop))).await;
            }
            Self::Payment => return many(shop, count, |learner, shop| Box::pin(learner.payment_event(shop))).await,
            Self::Grant => {
                many(shop, count, |learner, shop| Box::pin(learner.pay(shop))).await?;
                return Ok(messages(shop, count).await?.iter().map(event::batch_of_one).collect());
            }
        };
        Ok(vec![one; count])
    }
}

/// What as many learners do, several at once.
async fn many<T: Send + 'static>(
    shop: &Arc<Shop>,
    count: usize,
    each: fn(Learner, Arc<Shop>) -> BoxFuture<'static, anyhow::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut jobs: Vec<load::Job<T>> = Vec::with_capacity(count);
    for _ in 0..count {
        jobs.push(each(Learner::new(shop)?, Arc::clone(shop)));
    }
    Ok(load::run(jobs, CLIENTS).await?.1)
}

/// Takes messages off the queue.
async fn messages(shop: &Shop, count: usize) -> anyhow::Result<Vec<Message>> {
    let queue = aws::sqs(&shop.cloud.engines.sqs, &shop.cloud.faults);
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let receive = queue.receive_message().queue_url(&shop.cloud.trigger.url);
        let received = receive.max_number_of_messages(RECEIVED_TOGETHER).message_attribute_names("All").send().await?;
        let some = received.messages.unwrap_or_default();
        ensure!(!some.is_empty(), "the queue holds fewer messages than payments were made");
        found.extend(some);
    }
    shop.cloud.trigger.purge().await?;
    Ok(found)
}

/// Somebody who buys.
struct Learner {
    number: u32,
    id: String,
    token: String,
}

impl Learner {
    fn new(shop: &Shop) -> anyhow::Result<Self> {
        let number = shop.draw();
        Ok(Self { number, id: format!("lambda-bench-{number}"), token: shop.sign_in(&format!("learner-{number}"))? })
    }

    fn get(&self, shop: &Shop, path: &str) -> anyhow::Result<reqwest::Request> {
        Ok(self.request(shop, Method::GET, path).build()?)
    }

    fn request(&self, shop: &Shop, method: Method, path: &str) -> reqwest::RequestBuilder {
        shop.front.request(method, path, &self.id).header("Authorization", &self.token)
    }

    async fn fill_basket(&self, shop: &Shop) -> anyhow::Result<()> {
        let line = json!({"sku": shop.sku(self.number)});
        shop.front.send(self.request(shop, Method::POST, "/api/v1/basket/lines").json(&line).build()?).await?;
        Ok(())
    }

    fn checkout(&self, shop: &Shop) -> anyhow::Result<reqwest::Request> {
        let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
        let request = self.request(shop, Method::POST, "/api/v1/checkout").header("Idempotency-Key", &self.id);
        Ok(request.json(&body).build()?)
    }

    async fn order(&self, shop: &Shop) -> anyhow::Result<Payment> {
        self.fill_basket(shop).await?;
        Payment::of(&shop.front.send(self.checkout(shop)?).await?)
    }

    /// The processor's word that an order is paid.
    async fn payment(&self, shop: &Shop) -> anyhow::Result<reqwest::Request> {
        self.order(shop).await?.event(&shop.front, &self.id, shop.cloud.clock.now())
    }

    async fn checkout_event(self, shop: Arc<Shop>) -> anyhow::Result<Bytes> {
        self.fill_basket(&shop).await?;
        event::http_api(&self.checkout(&shop)?)
    }

    async fn payment_event(self, shop: Arc<Shop>) -> anyhow::Result<Bytes> {
        event::http_api(&self.payment(&shop).await?)
    }

    async fn pay(self, shop: Arc<Shop>) -> anyhow::Result<()> {
        shop.front.send(self.payment(&shop).await?).await?;
        Ok(())
    }
}
