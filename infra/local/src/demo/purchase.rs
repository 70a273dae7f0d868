//! One purchase over HTTP, as a browser would make it: browse, basket, checkout, pay, webhook, queue, enrolled.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::say;
use crate::cloud::Cloud;
use crate::dev_keys::{Learner, token};

/// What the demo learner buys.
const SKU: &str = "PY101-VERIFIED";
/// How often the demo looks for the enrolment before it gives up: ten seconds in all.
const LOOKS: u32 = 200;

struct Demo<'a> {
    cloud: &'a Cloud,
    http: Client,
    token: String,
    username: String,
    began: Timestamp,
}

/// Makes the purchase, and prints each step with the time that it took.
pub(super) async fn make(cloud: &Cloud) -> anyhow::Result<()> {
    let username = format!("demo-{}", cloud.http().entropy().hex(3));
    let learner = Learner { username: username.clone(), ..Learner::default() };
    let token = token(&learner, cloud.clock.issuer_now())?;
    let mut demo = Demo { cloud, http: Client::new(), token, username, began: cloud.clock.issuer_now() };
    say(&format!("A demo purchase by {}:\n", demo.username));
    let found = demo.call(demo.get("/api/v1/products?q=python")).await?;
    demo.step("browse", &format!("{} products found for \"python\"", found["items"].as_array().map_or(0, Vec::len)));
    let basket = demo.call(demo.post("/api/v1/basket/lines").json(&json!({"sku": SKU}))).await?;
    demo.step("basket", &format!("{SKU} for {} {}", text(&basket["total"]["amount"]), text(&basket["currency"])));
    let order = demo.call(demo.checkout(&basket)).await?;
    let number = text(&order["order_number"]).to_owned();
    demo.step("checkout", &format!("order {number}, to be paid at {}", text(&order["payment"]["url"])));
    let pay = demo.http.post(text(&order["payment"]["url"])).json(&json!({"outcome": "succeed"}));
    demo.call(pay).await?;
    demo.step("pay", "the card is charged on the processor's page");
    demo.wait(&number, "status", "paid").await?;
    demo.step("webhook", "the processor's signed event is committed: the order is paid");
    demo.wait(&number, "fulfillment_status", "complete").await?;
    demo.step("queue", "the message is worked: the place is granted");
    let url = format!("/_local/lms/enrollments?username={}", demo.username);
    let granted = demo.call(demo.get(&url)).await?;
    let enrolment = &granted["enrollments"][0];
    ensure!(enrolment["is_active"] == json!(true), "the LMS does not know of the enrolment: {granted}");
    demo.step("enrolled", &format!("in {} as {}", text(&enrolment["course_id"]), text(&enrolment["mode"])));
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Demo<'_> {
    fn get(&self, path: &str) -> RequestBuilder {
        self.signed(self.http.get(format!("{}{path}", self.cloud.base_url)))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.signed(self.http.post(format!("{}{path}", self.cloud.base_url)))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("Authorization", format!("JWT {}", self.token))
    }

    fn checkout(&self, basket: &Value) -> RequestBuilder {
        let return_url = format!("{}/#/orders/{{order_number}}", self.cloud.base_url);
        let body = json!({"processor": "stripe", "return_url": return_url, "basket_version": basket["version"]});
        self.post("/api/v1/checkout").header("Idempotency-Key", self.cloud.http().entropy().hex(16)).json(&body)
    }

    async fn call(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.send().await?;
        let (status, url) = (answer.status(), answer.url().clone());
        let body = answer.text().await?;
        ensure!(status.is_success(), "{url}: {status} {body}");
        serde_json::from_str(&body).with_context(|| format!("{url} did not answer JSON"))
    }

    /// Looks at the order until a field has the value that is waited for.
    async fn wait(&self, number: &str, field: &str, value: &str) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            let order = self.call(self.get(&format!("/api/v1/orders/{number}"))).await?;
            if order[field] == json!(value) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("order {number} has not come to {field} = {value}")
    }

    fn step(&mut self, name: &str, what: &str) {
        let now = self.cloud.clock.issuer_now();
        let took = now.duration_since(self.began).as_millis();
        self.began = now;
        say(&format!("  {name:<9} {took:>5} ms  {what}\n"));
    }
}
