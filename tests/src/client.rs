//! An HTTP client that remembers who it is, and answers that know how to be checked.

use std::ops::Index;

use http::{HeaderMap, StatusCode};
use local::loopback::Loopback;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A caller of the API.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    headers: HeaderMap,
}

/// An answer: status, headers, and the body as JSON (null if it is empty or not JSON).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON.
    pub json: Value,
}

impl Client {
    pub(crate) fn new(base_url: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let http = http.dns_resolver(Loopback::resolver()).build().expect("an HTTP client");
        Self { http, base_url: base_url.to_owned(), headers: HeaderMap::new() }
    }

    /// Where it sends its requests.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same client with one more header on every request.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.parse().expect("a header value"));
        client
    }

    /// A request to a path of the API, or to a whole URL.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base_url) };
        self.http.request(method, url).headers(self.headers.clone())
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, json }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Adds a product to the basket.
    pub async fn add(&self, sku: &str) -> Answer {
        self.post("/api/v1/basket/lines", &json!({"sku": sku})).await
    }

    /// Checks out with an idempotency key.
    pub async fn checkout(&self, key: &str) -> Answer {
        let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
        self.with("Idempotency-Key", key).post("/api/v1/checkout", &body).await
    }

    /// Puts a product in the basket and checks out; the checkout's answer.
    pub async fn order(&self, sku: &str) -> Answer {
        self.add(sku).await.expect(StatusCode::CREATED);
        self.checkout(&format!("key-{sku}")).await.expect(StatusCode::CREATED)
    }

    /// Pays a checkout on its hosted page with an outcome such as `succeed` or `decline`.
    pub async fn pay(&self, checkout: &Answer, outcome: &str) -> Answer {
        let url = checkout["payment"]["url"].as_str().expect("a payment page").to_owned();
        self.post(&url, &json!({"outcome": outcome})).await
    }

    /// Reads an order.
    pub async fn read_order(&self, checkout: &Answer) -> Answer {
        self.get(&format!("/api/v1/orders/{}", checkout.order_number())).await.expect(StatusCode::OK)
    }
}

impl Answer {
    /// The answer, if it has this status; else the test fails.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A header as text; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }

    /// The order's number in a checkout's answer.
    #[must_use]
    pub fn order_number(&self) -> String {
        self.json["order_number"].as_str().expect("an order number").to_owned()
    }

    /// The problem's code, if the answer is the problem that it should be.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        let kind = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"));
        assert!(self.json["request_id"].is_string(), "{}", self.text);
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.json[member]
    }
}
