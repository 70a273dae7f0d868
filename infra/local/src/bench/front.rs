//! The front end's and the processor's side of a request.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use reqwest::{Request, RequestBuilder};
use serde_json::{Value, json};

use super::load::Job;
use crate::dev_keys::{TENANT, WEBHOOK_SECRETS};
use crate::stripe_sim::sign;

/// What a product costs, in cents of a US dollar.
pub(crate) const CENTS: i64 = 4990;

/// Sends requests to one cloud. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Front {
    http: reqwest::Client,
    base_url: String,
}

impl Front {
    /// A front end of the cloud at `base_url`.
    pub(crate) fn new(base_url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base_url: base_url.to_owned() })
    }

    /// A request under an id, by which its DynamoDB calls are recorded.
    pub(crate) fn request(&self, method: Method, path: &str, id: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url)).header("X-Request-Id", id)
    }

    /// Sends a request and reads the answer whole.
    pub(crate) async fn send(&self, request: Request) -> anyhow::Result<Bytes> {
        let url = request.url().clone();
        let answer = self.http.execute(request).await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        ensure!(status.is_success(), "{url}: {status} {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// One request as a job.
    pub(crate) fn job(&self, request: Request, id: String) -> Job {
        let front = self.clone();
        Box::pin(async move {
            front.send(request).await?;
            Ok(vec![id])
        })
    }
}

/// A payment that the processor tells of.
pub(crate) struct Payment {
    /// The order that it is for.
    pub(crate) order: String,
    session: String,
    cents: i64,
}

impl Payment {
    /// The payment that an answered checkout leads to.
    pub(crate) fn of(checkout: &[u8]) -> anyhow::Result<Self> {
        let placed: Value = serde_json::from_slice(checkout)?;
        let url = placed["payment"]["url"].as_str().context("a checkout without a payment page")?;
        let session = url.rsplit('/').next().unwrap_or_default().to_owned();
        let order = placed["order_number"].as_str().context("a checkout without an order")?.to_owned();
        let total = placed["total"]["amount"].as_str().context("a checkout without a total")?;
        Ok(Self { order, session, cents: total.replace('.', "").parse()? })
    }

    /// The event, as the processor signs and sends it.
    pub(crate) fn event(&self, front: &Front, id: &str, now: Timestamp) -> anyhow::Result<Request> {
        let body = self.body(now).to_string();
        let secrets = WEBHOOK_SECRETS.map(str::to_owned);
        let signature = sign(&secrets, now.as_second(), body.as_bytes());
        let request = front.request(Method::POST, &format!("/webhooks/{TENANT}/stripe"), id);
        let request = request.header("Content-Type", "application/json").header("Stripe-Signature", signature);
        Ok(request.body(body).build()?)
    }

    /// As `events/payment-webhook/checkout_session_completed.json`.
    fn body(&self, now: Timestamp) -> Value {
        let Self { order, session, cents } = self;
        let page = format!("https://shop.example/orders/{order}");
        json!({
            "id": format!("evt_{session}"), "object": "event", "api_version": "2026-10-28.endive",
            "created": now.as_second(), "livemode": false, "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null}, "type": "checkout.session.completed",
            "data": {"object": {
                "id": session, "object": "checkout.session", "adaptive_pricing": {"enabled": false},
                "amount_subtotal": cents, "amount_total": cents, "cancel_url": page, "client_reference_id": order,
                "created": now.as_second(), "currency": "usd", "customer": null, "livemode": false,
                "customer_details": {"email": "learner@example.com", "name": null},
                "customer_email": "learner@example.com", "expires_at": now.as_second().saturating_add(1800),
                "metadata": {"order_number": order}, "mode": "payment", "payment_intent": format!("pi_{session}"),
                "payment_method_types": ["card"], "payment_status": "paid", "status": "complete",
                "success_url": page, "ui_mode": "hosted", "url": null,
                "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            }},
        })
    }
}
