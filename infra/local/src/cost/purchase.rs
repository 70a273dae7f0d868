//! One purchase on the local cloud, by somebody who comes for the first time: three pages without a name, a basket, a
//! sign-in, a checkout, the payment, the processor's webhooks, the queue, the place, and three looks at the order.
//!
//! The front end stands on a site of its own, so its browser asks for leave (CORS) before each new kind of call.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use web::{Clock, Entropy, Until};

use super::lines::Lines;
use super::usage::{Arrivals, Usage, count, owners};
use crate::cloud::{Cloud, CloudConfig};
use crate::data::DataPlace;
use crate::dev_keys::{FRONT_END, Learner, token};
use crate::functions;
use crate::meter::Meter;
use crate::template::Route;

/// When it happens; any moment will do, but always the same.
const NOW: &str = "2026-11-20T12:00:00Z";
const SKU: &str = "PY101-VERIFIED";

/// What a purchase used, and what one run of the janitor uses that finds nothing to do, for one tenant.
pub(super) struct Used {
    pub(super) purchase: Usage,
    pub(super) idle_run: Usage,
}

/// Makes the purchase. `lines` are where this thread's log goes.
pub(super) async fn make(routes: Vec<Route>, lines: &Lines) -> anyhow::Result<Used> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let cloud = Cloud::open(CloudConfig {
        data: DataPlace::Memory,
        base_url: format!("http://{}", listener.local_addr()?),
        clock: Clock::fixed(NOW.parse::<Timestamp>()?),
        entropy: Entropy::seeded(1),
        redelivery_s: 0,
    })
    .await?;
    let arrivals = Arrivals::at(routes.clone());
    let service = arrivals.counted(cloud.router()).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, service).await });
    let mut front = Front { cloud: &cloud, http: Client::builder().no_proxy().build()?, known: BTreeSet::new() };
    front.sell().await?;
    cloud.settle().await?;
    lines.take();
    let idle_run = idle_run(&cloud, lines).await?;
    cloud.ledger.clear();
    arrivals.take();
    front.buy().await?;
    let mut purchase = Usage { log: lines.take(), ..Usage::default() };
    count(&mut purchase, &arrivals.take(), &cloud.ledger.costs(), &owners(&functions::document(), &routes)?)?;
    Ok(Used { purchase, idle_run })
}

/// One run of the janitor that finds nothing to do.
async fn idle_run(cloud: &Cloud, lines: &Lines) -> anyhow::Result<Usage> {
    let meter = Meter::default();
    let app = cloud.janitor();
    meter.scope(janitor::handle(std::slice::from_ref(&app), &Until::never())).await?;
    let mut usage = Usage { log: lines.take(), ..Usage::default() };
    usage.invoked("janitor", &meter.cost())?;
    ensure!(usage.read_units > 0.into(), "the janitor's reads are not counted");
    Ok(usage)
}

/// The shop's front end in the buyer's browser.
struct Front<'a> {
    cloud: &'a Cloud,
    http: Client,
    /// What the browser need not ask for again.
    known: BTreeSet<(Method, String)>,
}

impl Front<'_> {
    async fn sell(&self) -> anyhow::Result<()> {
        let staff = Learner { username: "staff".to_owned(), staff: true, ..Learner::default() };
        let token = token(&staff, self.cloud.clock.issuer_now())?;
        let seat = json!({"sku": SKU, "mode": "verified", "price": {"amount": "49.90", "currency": "USD"}});
        let body = json!({"title": "Introduction to Python", "org": "Bursar", "seats": [seat]});
        let request = self.http.put(format!("{}/api/v1/courses/course-v1:Bursar+PY101+2026", self.cloud.base_url));
        read(request.header("Authorization", format!("JWT {token}")).json(&body).send().await?).await?;
        Ok(())
    }

    async fn buy(&mut self) -> anyhow::Result<()> {
        for page in ["/api/v1/products", "/api/v1/products?q=python", "/api/v1/products/PY101-VERIFIED"] {
            self.call(Method::GET, page, None, None).await?;
        }
        let anonymous = "SID:ANON:test:1";
        self.call(Method::POST, "/api/v1/basket/lines", Some(anonymous), Some(json!({"sku": SKU}))).await?;
        let learner = Learner { username: "ada".to_owned(), ..Learner::default() };
        let body = json!({"token": token(&learner, self.cloud.clock.issuer_now())?});
        let login = self.send(Method::POST, "/api/v1/login", Some(anonymous), Some(body)).await?;
        let session = login.headers().get("session-id").context("the sign-in names no session")?.to_str()?.to_owned();
        read(login).await?;
        let session = Some(session.as_str());
        let return_url = format!("{FRONT_END}/orders/{{order_number}}");
        let body = json!({"processor": "stripe", "return_url": return_url});
        let order = self.call(Method::POST, "/api/v1/checkout", session, Some(body)).await?;
        let order_page = format!("/api/v1/orders/{}", text(&order["order_number"])?);
        let pay = self.http.post(text(&order["payment"]["url"])?).json(&json!({"outcome": "succeed"}));
        read(pay.send().await?).await?;
        self.call(Method::GET, &order_page, session, None).await?;
        self.cloud.stripe.deliver().await;
        self.call(Method::GET, &order_page, session, None).await?;
        self.cloud.settle().await?;
        let order = self.call(Method::GET, &order_page, session, None).await?;
        ensure!(order["fulfillment_status"] == "complete", "the purchase did not end well: {order}");
        Ok(())
    }

    /// Calls the API as a browser does.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        read(self.send(method, path, session, body).await?).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        session: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.cloud.base_url);
        // Only a plain GET needs no leave.
        if (session.is_some() || method != Method::GET) && self.known.insert((method.clone(), path.to_owned())) {
            let preflight = self.http.request(Method::OPTIONS, &url).header("Origin", FRONT_END);
            let preflight = preflight.header("Access-Control-Request-Method", method.as_str());
            let asked = "content-type,idempotency-key,session-id";
            let answer = preflight.header("Access-Control-Request-Headers", asked).send().await?;
            ensure!(answer.headers().contains_key("access-control-allow-origin"), "{method} {path} gets no leave");
        }
        let mut request = self.http.request(method, url).header("Origin", FRONT_END);
        if let Some(session) = session {
            request = request.header("Session-Id", session);
        }
        if path == "/api/v1/checkout" {
            request = request.header("Idempotency-Key", "one-purchase");
        }
        Ok(match body {
            Some(body) => request.json(&body),
            None => request,
        }
        .send()
        .await?)
    }
}

async fn read(response: Response) -> anyhow::Result<Value> {
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().await?;
    ensure!(status.is_success(), "{url}: {status} {body}");
    Ok(serde_json::from_str(&body).unwrap_or_default())
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().context("an answer without what was expected")
}
