//! What offers and codes cost: the CPU of pricing, checkouts with one code that all want, and round trips.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use std::sync::Arc;

use anyhow::ensure;
use domain::basket::price_products;
use domain::catalog::save_product;
use domain::offer::{Condition, Limits, Offer};
use domain::pricing::Reduction;
use domain::product::Product;
use domain::promotion::Promotions;
use domain::quantity::Quantity;
use domain::selection::Selection;
use domain::uses::Level;
use http::Method;
use jiff::Timestamp;
use reqwest::{Request, RequestBuilder};
use serde_json::{Value, json};

use super::compare::{WireCost, wire_cost};
use super::front::Payment;
use super::load::{self, Job, Sample};
use super::shop::{Shop, draft};
use crate::dev_keys::{Learner, token};
use crate::recorder::Recorded;

/// Lines of the basket that is priced: the most that there can be.
const LINES: u32 = 20;
/// Active offers.
const OFFERS: [u32; 4] = [0, 1, 10, 100];
/// Of so many offers one is exclusive, and has to be priced by itself.
const EXCLUSIVE: u32 = 10;
/// Pricings of one job, and jobs: what a job takes is long beside reading the clock.
const PRICINGS: (u32, usize) = (20, 50);
/// Clients that check out at once.
const AT_ONCE: [usize; 3] = [1, 16, 64];
/// Checkouts that are measured with each number of clients.
const CHECKOUTS: u32 = 160;
/// Purchases whose round trips are counted.
const PURCHASES: u32 = 20;
/// The code that all want.
const CODE: &str = "HOT";
/// The operations whose round trips are budgeted, and the name of each in the ledger.
const BUDGETED: [&str; 5] = ["read_basket", "add_line", "add_voucher", "start_checkout", "receive_event"];

/// Pricing with so many offers.
pub(super) struct Priced {
    /// Active offers.
    pub(super) offers: u32,
    /// CPU of one pricing, in microseconds.
    pub(super) micros: f64,
}

/// Checkouts of so many clients at once.
pub(super) struct Hot {
    /// Clients at once.
    pub(super) clients: usize,
    /// What they took without a code.
    pub(super) plain: Sample,
    /// What they took with the one code in every basket.
    pub(super) hot: Sample,
    /// Of the transactions that were sent with the code, the share in percent that collided and was sent again.
    pub(super) collided: f64,
}

/// Prices a basket of 20 lines with more and more offers, one after the other on one core: nothing waits.
pub(super) async fn pricing() -> anyhow::Result<Vec<Priced>> {
    let now = Timestamp::UNIX_EPOCH;
    let products = (0..LINES).map(|number| Ok(save_product(None, draft(number)?, &[], now)?.0));
    let products: Arc<Vec<Product>> = Arc::new(products.collect::<anyhow::Result<_>>()?);
    let mut found = Vec::new();
    for offers in OFFERS {
        let active: Arc<Vec<Offer>> = Arc::new((0..offers).map(offer).collect::<anyhow::Result<_>>()?);
        let job = || -> Job<()> {
            let (products, active) = (Arc::clone(&products), Arc::clone(&active));
            Box::pin(async move {
                for _ in 0..PRICINGS.0 {
                    let promotions = Promotions { automatic: &active, ..Promotions::default() };
                    let lines = products.iter().map(|product| (product, Quantity::ONE));
                    let priced = price_products(lines, promotions, None, now)?;
                    ensure!(priced.reservations.is_empty() == active.is_empty(), "offers that take nothing off");
                }
                Ok(())
            })
        };
        let (sample, _) = load::run((0..PRICINGS.1).map(|_| job()).collect(), 1).await?;
        found.push(Priced { offers, micros: 1_000_000.0 / (sample.rate() * f64::from(PRICINGS.0)) });
    }
    Ok(found)
}

/// An automatic offer for every product: 1 percent.
fn offer(number: u32) -> anyhow::Result<Offer> {
    let id = format!("offer-{number}");
    Ok(Offer {
        id: id.parse()?,
        name: id.parse()?,
        condition: Condition {
            products: Selection::All,
            min_quantity: Some(1),
            min_value: None,
            whole: false,
            first_purchase: false,
            users: Default::default(),
            email_domains: Default::default(),
        },
        benefit: Reduction::Percent("1".parse()?),
        limits: Limits::default(),
        starts_at: None,
        ends_at: None,
        priority: 0,
        exclusive: number % EXCLUSIVE == EXCLUSIVE - 1,
        automatic: true,
        version: 1,
        updated_at: Timestamp::UNIX_EPOCH,
        level: Level::default(),
    })
}

/// Checkouts by more and more clients at once: as many without a code as with the same one.
pub(super) async fn checkouts() -> anyhow::Result<Vec<Hot>> {
    let mut found = Vec::new();
    for clients in AT_ONCE {
        let (plain, _) = check_out(clients, false).await?;
        let (hot, collided) = check_out(clients, true).await?;
        found.push(Hot { clients, plain, hot, collided });
    }
    Ok(found)
}

/// Checkouts on a shop of their own: a first half to warm up, and to count what is sent, and then the measured ones.
async fn check_out(clients: usize, code: bool) -> anyhow::Result<(Sample, f64)> {
    let shop = Shop::open(LINES).await?;
    if code {
        promote(&shop).await?;
    }
    let mut jobs = Vec::new();
    for _ in 0..CHECKOUTS.saturating_mul(2) {
        let buyer = Buyer::new(&shop)?;
        let requests = if code { vec![buyer.add(&shop)?, buyer.enter(&shop)?] } else { vec![buyer.add(&shop)?] };
        for request in requests {
            shop.front.send(request).await?;
        }
        jobs.push(shop.front.job(buyer.check_out(&shop)?, buyer.id));
    }
    let measured = jobs.split_off(jobs.len() / 2);
    shop.cloud.recorder.start();
    load::run(jobs, clients).await?;
    let sent = shop.cloud.recorder.stop();
    let collided = sent.values().map(|calls| repeated(calls)).sum::<usize>() as f64;
    let all = sent.values().flatten().filter(|call| matches!(call, Recorded::Transact(_))).count() as f64;
    Ok((load::run(measured, clients).await?.0, 100.0 * collided / all))
}

/// How many of a request's transactions are the one before once more: all writes to the same rows.
fn repeated(calls: &[Recorded]) -> usize {
    let transactions = calls.iter().filter_map(|call| match call {
        Recorded::Transact(call) => Some(&call.transact_items),
        Recorded::Get(_)
        | Recorded::BatchGet(_)
        | Recorded::Query(_)
        | Recorded::Put(_)
        | Recorded::Update(_)
        | Recorded::Delete(_)
        | Recorded::Other(_) => None,
    });
    let transactions: Vec<_> = transactions.collect();
    transactions.windows(2).filter(|pair| pair.first() == pair.last()).count()
}

/// Purchases with the code and automatic offers, one after the other; the round trips of each operation.
pub(super) async fn round_trips() -> anyhow::Result<Vec<(&'static str, WireCost)>> {
    let shop = Shop::open(LINES).await?;
    promote(&shop).await?;
    for _ in 0..PURCHASES {
        let buyer = Buyer::new(&shop)?;
        // Who is met first is written down once: not in what is counted.
        shop.front.send(buyer.read(&shop)?).await?;
        shop.cloud.ledger.clear();
        for request in [buyer.add(&shop)?, buyer.enter(&shop)?, buyer.read(&shop)?] {
            shop.front.send(request).await?;
        }
        let payment = Payment::of(&shop.front.send(buyer.check_out(&shop)?).await?)?;
        shop.front.send(payment.event(&shop.front, &buyer.id, shop.cloud.clock.now())?).await?;
    }
    Ok(BUDGETED.map(|name| (name, wire_cost(&shop.cloud.ledger, &[name]))).into_iter().collect())
}

/// Puts two automatic offers and the code on sale, all counted.
async fn promote(shop: &Shop) -> anyhow::Result<()> {
    let staff = Learner { username: "staff".to_owned(), staff: true, ..Learner::default() };
    let token = format!("JWT {}", token(&staff, shop.cloud.clock.issuer_now())?);
    let offer = |id: &str, automatic: bool| {
        let benefit = json!({"type": "percent", "value": "10"});
        let limits = json!({"max_uses": 1_000_000});
        json!({"id": id, "name": id, "benefit": benefit, "automatic": automatic, "limits": limits})
    };
    let code = json!({"code": CODE, "usage": "multi_use", "offer": "opened"});
    for (path, body) in [
        ("/api/v1/offers", offer("auto-1", true)),
        ("/api/v1/offers", offer("auto-2", true)),
        ("/api/v1/offers", offer("opened", false)),
        ("/api/v1/vouchers", code),
    ] {
        let request = shop.front.request(Method::POST, path, "promote").header("Authorization", &token);
        shop.front.send(request.json(&body).build()?).await?;
    }
    Ok(())
}

/// A learner who buys once.
struct Buyer {
    id: String,
    token: String,
}

impl Buyer {
    fn new(shop: &Shop) -> anyhow::Result<Self> {
        let id = format!("buyer-{}", shop.draw());
        Ok(Self { token: shop.sign_in(&id)?, id })
    }

    fn request(&self, shop: &Shop, method: Method, path: &str) -> RequestBuilder {
        shop.front.request(method, path, &self.id).header("Authorization", &self.token)
    }

    fn post(&self, shop: &Shop, path: &str, body: &Value) -> anyhow::Result<Request> {
        let request = self.request(shop, Method::POST, path).header("Idempotency-Key", &self.id);
        Ok(request.json(body).build()?)
    }

    fn read(&self, shop: &Shop) -> anyhow::Result<Request> {
        Ok(self.request(shop, Method::GET, "/api/v1/basket").build()?)
    }

    fn add(&self, shop: &Shop) -> anyhow::Result<Request> {
        self.post(shop, "/api/v1/basket/lines", &json!({"sku": shop.sku(0)}))
    }

    fn enter(&self, shop: &Shop) -> anyhow::Result<Request> {
        self.post(shop, "/api/v1/basket/vouchers", &json!({"code": CODE}))
    }

    fn check_out(&self, shop: &Shop) -> anyhow::Result<Request> {
        let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
        self.post(shop, "/api/v1/checkout", &body)
    }
}
