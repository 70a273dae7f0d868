//! The operations that are measured, each as the requests that a front end, or the processor, would send.

use anyhow::ensure;
use http::Method;
use reqwest::{Request, RequestBuilder};
use serde_json::{Value, json};

use super::front::Payment;
use super::load::{self, CLIENTS, Job};
use super::shop::Shop;

/// Learners whose baskets are read.
const READERS: u32 = 50;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// An anonymous reader reads a product.
    ReadProduct,
    /// An anonymous reader lists the first 20 products.
    ListProducts,
    /// A learner reads a basket of two lines.
    ReadBasket,
    /// A learner adds a product to a basket of one line.
    AddLine,
    /// A learner checks out a basket of one line; a session is opened at the processor.
    Checkout,
    /// The processor's event of a payment, delivered for the first time.
    Webhook,
    /// All of it by one learner: product, basket, checkout, event, and the line's fulfilment at the LMS.
    Purchase,
}

impl Operation {
    /// In the order in which they are measured.
    pub(super) const ALL: [Self; 7] = [
        Self::ReadProduct,
        Self::ListProducts,
        Self::ReadBasket,
        Self::AddLine,
        Self::Checkout,
        Self::Webhook,
        Self::Purchase,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReadProduct => "product read",
            Self::ListProducts => "product list of 20",
            Self::ReadBasket => "basket read",
            Self::AddLine => "basket add",
            Self::Checkout => "checkout",
            Self::Webhook => "webhook",
            Self::Purchase => "whole purchase",
        }
    }

    /// The names under which its requests are metered.
    pub(super) fn metered_as(self) -> &'static [&'static str] {
        match self {
            Self::ReadProduct => &["read_product"],
            Self::ListProducts => &["list_products"],
            Self::ReadBasket => &["read_basket"],
            Self::AddLine => &["add_line"],
            Self::Checkout => &["start_checkout"],
            Self::Webhook => &["receive_event"],
            Self::Purchase => &["read_product", "add_line", "start_checkout", "receive_event", "fulfill"],
        }
    }

    /// How many of it make one round: some tenths of a second's work.
    pub(super) fn round(self) -> usize {
        match self {
            Self::ReadProduct | Self::ReadBasket => 1000,
            Self::AddLine | Self::ListProducts => 400,
            Self::Checkout | Self::Webhook => 160,
            Self::Purchase => 80,
        }
    }

    /// Brings about what must have happened before, and makes `count` jobs.
    pub(super) async fn prepare(self, shop: &Shop, count: usize) -> anyhow::Result<Vec<Job>> {
        let mut before = Vec::new();
        let mut learners = Vec::with_capacity(count);
        for _ in 0..count {
            let learner = Learner::new(shop, self)?;
            before.extend(learner.basket_before(shop, self)?);
            learners.push(learner);
        }
        load::run(before, CLIENTS).await?;
        if self == Self::Webhook {
            return events(shop, learners).await;
        }
        learners.into_iter().map(|learner| learner.job(shop, self)).collect()
    }
}

/// Checks the learners' baskets out, and makes jobs of the events of their payments.
async fn events(shop: &Shop, learners: Vec<Learner>) -> anyhow::Result<Vec<Job>> {
    let mut checkouts: Vec<Job<(String, Payment)>> = Vec::with_capacity(learners.len());
    for learner in learners {
        let (front, checkout) = (shop.front.clone(), learner.checkout(shop)?);
        checkouts.push(Box::pin(async move { Ok((learner.id, Payment::of(&front.send(checkout).await?)?)) }));
    }
    let (_, payments) = load::run(checkouts, CLIENTS).await?;
    let now = shop.cloud.clock.now();
    let job = |(id, payment): (String, Payment)| Ok(shop.front.job(payment.event(&shop.front, &id, now)?, id));
    payments.into_iter().map(job).collect()
}

/// One user of an operation.
struct Learner {
    number: u32,
    /// By which the requests are recorded.
    id: String,
    token: String,
}

impl Learner {
    fn new(shop: &Shop, operation: Operation) -> anyhow::Result<Self> {
        let number = shop.draw();
        let name = if operation == Operation::ReadBasket {
            format!("reader-{}", number.checked_rem(READERS).unwrap_or(0))
        } else {
            format!("learner-{number}")
        };
        Ok(Self { number, id: format!("bench-{number}"), token: shop.sign_in(&name)? })
    }

    /// What is put in the basket before the operation.
    fn basket_before(&self, shop: &Shop, operation: Operation) -> anyhow::Result<Option<Job>> {
        let lines = match operation {
            Operation::ReadBasket if self.number < READERS => 2,
            Operation::AddLine | Operation::Checkout | Operation::Webhook => 1,
            Operation::ReadProduct | Operation::ListProducts | Operation::ReadBasket | Operation::Purchase => {
                return Ok(None);
            }
        };
        let line = |offset: u32| json!({"sku": shop.sku(self.number.saturating_add(offset))});
        let body = json!({"lines": (0..lines).map(line).collect::<Vec<Value>>()});
        let fill = self.request(shop, Method::POST, "/api/v1/basket/lines/batch");
        Ok(Some(shop.front.job(fill.json(&body).build()?, self.id.clone())))
    }

    fn job(self, shop: &Shop, operation: Operation) -> anyhow::Result<Job> {
        let request = match operation {
            Operation::ReadProduct => self.read_product(shop)?,
            Operation::ListProducts => {
                shop.front.request(Method::GET, "/api/v1/products?limit=20", &self.id).build()?
            }
            Operation::ReadBasket => self.request(shop, Method::GET, "/api/v1/basket").build()?,
            Operation::AddLine => self.add_line(shop, self.number.saturating_add(1))?,
            Operation::Checkout => self.checkout(shop)?,
            Operation::Webhook | Operation::Purchase => return self.purchase(shop),
        };
        Ok(shop.front.job(request, self.id))
    }

    fn request(&self, shop: &Shop, method: Method, path: &str) -> RequestBuilder {
        shop.front.request(method, path, &self.id).header("Authorization", &self.token)
    }

    fn read_product(&self, shop: &Shop) -> anyhow::Result<Request> {
        let path = format!("/api/v1/products/{}", shop.sku(self.number));
        Ok(shop.front.request(Method::GET, &path, &self.id).build()?)
    }

    fn add_line(&self, shop: &Shop, product: u32) -> anyhow::Result<Request> {
        let body = json!({"sku": shop.sku(product)});
        Ok(self.request(shop, Method::POST, "/api/v1/basket/lines").json(&body).build()?)
    }

    fn checkout(&self, shop: &Shop) -> anyhow::Result<Request> {
        let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
        let request = self.request(shop, Method::POST, "/api/v1/checkout").header("Idempotency-Key", &self.id);
        Ok(request.json(&body).build()?)
    }

    /// The steps of a purchase, one after the other. At the end it works one message, which can be another client's:
    /// as many are worked as are sent.
    fn purchase(self, shop: &Shop) -> anyhow::Result<Job> {
        let read = self.read_product(shop)?;
        let add = self.add_line(shop, self.number)?;
        let checkout = self.checkout(shop)?;
        let (front, cloud) = (shop.front.clone(), shop.cloud.clone());
        Ok(Box::pin(async move {
            front.send(read).await?;
            front.send(add).await?;
            let payment = Payment::of(&front.send(checkout).await?)?;
            front.send(payment.event(&front, &self.id, cloud.clock.now())?).await?;
            let worked = cloud.trigger.pump(&cloud.fulfillment(), &cloud.ledger, 1).await?;
            ensure!(worked == 1, "a paid order of which the queue was not told");
            Ok(vec![self.id, payment.order])
        }))
    }
}
