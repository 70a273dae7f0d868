//! A shop as it is seen from outside: the address of its API, that of the simulators it talks to, and the development
//! keys. It may be the local cloud, one deployed to an emulator, or one on AWS.
//!
//! What happens behind the answers takes its time, so it is looked for until it is there. Every name ends in a mark of this
//! visit, so that a shop with data in it will do.

use std::time::Duration;

use http::StatusCode;
use local::dev_keys::{Learner, STRIPE_KEY, token};
use local::stripe_sim::sign;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use web::{Clock, Entropy};

use crate::client::{Answer, Client};

/// How long a purchase may take until the place is granted, also when every function has to be started first.
const SOON: Duration = Duration::from_secs(60);
/// How long what waits for the janitor may take: it comes each minute, and a line is tried again after 30 seconds.
const LATER: Duration = Duration::from_mins(4);
/// How long to wait between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A shop, for one journey.
#[derive(Clone, Debug)]
pub struct Shop {
    api: Client,
    simulators: Client,
    clock: Clock,
    mark: String,
}

impl Shop {
    /// The shop at `api` with its simulators at `simulators`; tokens and signatures are made in the time of `clock`.
    #[must_use]
    pub fn new(api: &str, simulators: &str, clock: &Clock) -> Self {
        let mark = Entropy::system().expect("randomness").hex(4);
        let client = |url: &str| Client::new(url.trim_end_matches('/'));
        Self { api: client(api), simulators: client(simulators), clock: clock.clone(), mark }
    }

    /// A name that nobody else has.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.mark)
    }

    /// The mark itself: letters and digits.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Where the API is.
    #[must_use]
    pub fn api_url(&self) -> &str {
        self.api.base_url()
    }

    /// A client without credentials.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        self.api.clone()
    }

    /// A client signed in as the learner [`Shop::name`] of `name`.
    #[must_use]
    pub fn user(&self, name: &str) -> Client {
        self.signed_in(self.learner(name))
    }

    /// A client signed in as staff.
    #[must_use]
    pub fn staff(&self) -> Client {
        self.signed_in(Learner { staff: true, ..self.learner("staff") })
    }

    /// A client whose token permits `scope`.
    #[must_use]
    pub fn service(&self, scope: &str) -> Client {
        self.signed_in(Learner { scopes: [scope.to_owned()].into(), ..self.learner("service") })
    }

    /// A learner of this name.
    #[must_use]
    pub fn learner(&self, name: &str) -> Learner {
        Learner { username: self.name(name), ..Learner::default() }
    }

    /// A token as the learning platform issues it.
    #[must_use]
    pub fn token(&self, learner: &Learner) -> String {
        token(learner, self.clock.issuer_now()).expect("a token")
    }

    /// A client with a learner's token.
    #[must_use]
    pub fn signed_in(&self, learner: Learner) -> Client {
        self.api.with("Authorization", &format!("JWT {}", self.token(&learner)))
    }

    /// An anonymous client with a session of a trusted application.
    #[must_use]
    pub fn session(&self, id: &str) -> Client {
        self.api.with("Session-Id", &format!("SID:ANON:test:{}", self.name(id)))
    }

    /// The key of the course that [`Shop::sell`] makes for a SKU.
    #[must_use]
    pub fn course(sku: &str) -> String {
        format!("course-v1:Test+{sku}+1")
    }

    /// Puts a course with one published seat on sale, in US dollars; its SKU.
    pub async fn sell(&self, name: &str, amount: &str, quantity: Option<u32>) -> String {
        let sku = self.name(name);
        let price = json!({"amount": amount, "currency": "USD"});
        let seat = json!({"sku": sku, "mode": "verified", "quantity": quantity, "price": price});
        let body = json!({"title": format!("Course {sku}"), "org": "Test", "seats": [seat]});
        let path = format!("/api/v1/courses/{}", Self::course(&sku));
        self.staff().put(&path, &body).await.expect(StatusCode::CREATED);
        sku
    }

    /// Looks until `holds`; `what` says what is waited for.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < SOON, "not within {SOON:?}: {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at an order until these members have these values; the order then.
    pub async fn order_is(&self, reader: &Client, checkout: &Answer, wanted: &[(&str, &str)]) -> Answer {
        Self::order_comes_to(reader, checkout, wanted, SOON).await
    }

    /// As [`Shop::order_is`], for what the janitor has a hand in.
    pub async fn order_is_later(&self, reader: &Client, checkout: &Answer, wanted: &[(&str, &str)]) -> Answer {
        Self::order_comes_to(reader, checkout, wanted, LATER).await
    }

    async fn order_comes_to(reader: &Client, checkout: &Answer, wanted: &[(&str, &str)], within: Duration) -> Answer {
        let began = Instant::now();
        loop {
            let order = reader.read_order(checkout).await;
            if wanted.iter().all(|(pointer, value)| order.json.pointer(pointer) == Some(&json!(value))) {
                return order;
            }
            assert!(began.elapsed() < within, "not within {within:?}: {wanted:?} of {}", order.text);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks until an order is paid and everything in it is granted; the order then.
    pub async fn granted(&self, reader: &Client, checkout: &Answer) -> Answer {
        self.order_is(reader, checkout, &[("/status", "paid"), ("/fulfillment_status", "complete")]).await
    }

    /// Buys a product, until the place is granted: the checkout, and the payment's name at the processor.
    pub async fn buy(&self, learner: &Client, sku: &str) -> (Answer, String) {
        let checkout = learner.order(sku).await;
        let paid = learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        self.granted(learner, &checkout).await;
        (checkout, paid["payment_intent"].as_str().expect("a payment").to_owned())
    }

    /// The names of the events in an order's timeline, as staff sees it.
    pub async fn timeline(&self, checkout: &Answer) -> Vec<String> {
        let path = format!("/api/v1/orders/{}/timeline", checkout.order_number());
        let answer = self.staff().get(&path).await.expect(StatusCode::OK);
        let items = answer["items"].as_array().expect("items");
        items.iter().map(|item| item["event"].as_str().expect("an event").to_owned()).collect()
    }

    /// How many units of a product can be bought.
    pub async fn available(&self, sku: &str) -> Value {
        let product = self.api.get(&format!("/api/v1/products/{sku}")).await.expect(StatusCode::OK);
        product["quantity_available"].clone()
    }

    /// What the learning platform granted to the learner [`Shop::name`] of `name`.
    pub async fn enrolments(&self, name: &str) -> Vec<Value> {
        let path = format!("/_local/lms/enrollments?username={}", self.name(name));
        let answer = self.simulators.get(&path).await.expect(StatusCode::OK);
        answer["enrollments"].as_array().expect("a list").clone()
    }

    /// Places a fault at the simulators.
    pub async fn fault(&self, fault: &Value) {
        self.simulators.put("/_local/faults", fault).await.expect(StatusCode::OK);
    }

    /// POST to the processor's own API.
    pub async fn stripe_post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let client = self.stripe();
        let request = client.request(Method::POST, &format!("/_local/stripe/v1/{path}"));
        client.send(request.form(form)).await.expect(StatusCode::OK)
    }

    /// GET from the processor's own API.
    pub async fn stripe_get(&self, path: &str) -> Answer {
        self.stripe().get(&format!("/_local/stripe/v1/{path}")).await.expect(StatusCode::OK)
    }

    fn stripe(&self) -> Client {
        self.simulators.with("Authorization", &format!("Bearer {STRIPE_KEY}"))
    }

    /// Delivers an event to a tenant as the processor would: signed with `secret` over its raw bytes, `late_s` seconds ago.
    pub async fn deliver(&self, tenant: &str, event: &Value, secret: &str, late_s: i64) -> Answer {
        let body = event.to_string();
        let at = self.clock.now().as_second().saturating_sub(late_s);
        let signature = sign(&[secret.to_owned()], at, body.as_bytes());
        let client = self.api.with("stripe-signature", &signature).with("content-type", "application/json");
        client.send(client.request(Method::POST, &format!("/webhooks/{tenant}/stripe")).body(body)).await
    }
}
