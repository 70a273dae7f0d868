//! A shop with two tenants and something of everything in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use local::dev_keys::{Learner, OTHER_CLIENT_KEY, token};
use serde_json::json;
use tests::{Answer, Client, TestApp};

use super::callers::{self, log_in};
use super::tokens::{by, claims, token_of, with};

/// The shop under test.
pub(super) struct Shop {
    pub(super) app: TestApp,
    /// A caller without credentials, from whom all others are made.
    pub(super) nobody: Client,
    pub(super) ada: Client,
    pub(super) staff: Client,
    pub(super) objects: Objects,
    /// The callers whose credentials are the same for every request.
    pub(super) lasting: BTreeMap<&'static str, Client>,
    count: AtomicU32,
}

/// What is asked for.
pub(super) struct Objects {
    /// Ada's order, which is paid, and whose line is parked.
    pub(super) order: String,
    /// A refund of it that ada asked for.
    pub(super) refund: String,
    /// An order of a bystander's, who chose to transfer.
    pub(super) transfer: String,
    /// A session of ada's, by the id that opens nothing.
    pub(super) session: String,
    /// A batch of codes.
    pub(super) batch: String,
    /// A client key, by its id.
    pub(super) client_key: String,
    /// A machine client, by its id.
    pub(super) machine_client: String,
    /// The id and the secret of the machine client that asks for tokens.
    pub(super) worker: (String, String),
}

/// A text of an answer.
#[track_caller]
pub(super) fn text(answer: &Answer, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", answer.text)).to_owned()
}

impl Shop {
    pub(super) async fn open() -> Self {
        let app = TestApp::start().await;
        let nobody = app.anonymous();
        let ada = by(&nobody, &claims(&app, "ada"));
        let staff = by(&nobody, &with(&claims(&app, "staff"), &json!({"administrator": true})));
        for sku in ["PY", "EDIT"] {
            app.sell(sku, "49.90", "USD", None).await;
        }
        course(&staff, "course-v1:Test+SHUT+closed", "SHUT").await;
        let catalog = json!({"id": "sci", "title": "Science", "skus": ["PY"]});
        staff.post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
        let offer = json!({"id": "tenth", "name": "A tenth", "benefit": {"type": "percent", "value": "10"}});
        staff.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
        let code = json!({"code": "TENTH", "usage": "multi_use", "offer": "tenth"});
        staff.post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
        let boss = Learner { username: "boss".to_owned(), staff: true, other_tenant: true, ..Learner::default() };
        let boss = token(&boss, app.cloud.clock.issuer_now()).expect("a token");
        let boss = nobody.with("Authorization", &format!("JWT {boss}")).with("X-Client-Key", OTHER_CLIENT_KEY);
        course(&boss, "course-v1:Test+PY+1", "PY").await;
        boss.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
        boss.post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
        by(&nobody, &claims(&app, "bystander")).get("/api/v1/basket").await.expect(StatusCode::OK);
        let objects = objects(&app, &ada, &staff).await;
        let (lasting, count) = (BTreeMap::new(), AtomicU32::new(0));
        let mut shop = Self { app, nobody, ada, staff, objects, lasting, count };
        shop.lasting = callers::lasting(&shop).await;
        shop
    }

    /// A text that was not used before.
    pub(super) fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Every row of the table, but for the counts of throttles.
    pub(super) async fn table(&self) -> BTreeMap<String, HashMap<String, AttributeValue>> {
        let mut rows = BTreeMap::new();
        let mut pages = self.app.cloud.dynamodb.scan().table_name("bursar").into_paginator().items().send();
        while let Some(row) = pages.next().await {
            let row = row.expect("a row");
            if row["sk"] != AttributeValue::S("RATE".to_owned()) {
                rows.insert(format!("{:?} {:?}", row["pk"], row["sk"]), row);
            }
        }
        assert!(rows.len() > 20, "the table is not read whole");
        rows
    }
}

/// Puts a course with one seat on sale.
async fn course(staff: &Client, key: &str, sku: &str) {
    let seat = json!({"sku": sku, "mode": "verified", "price": {"amount": "5.00", "currency": "USD"}});
    let body = json!({"title": sku, "org": "Test", "seats": [seat]});
    staff.put(&format!("/api/v1/courses/{key}"), &body).await.expect(StatusCode::CREATED);
}

async fn objects(app: &TestApp, ada: &Client, staff: &Client) -> Objects {
    let checkout = ada.order("SHUT").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let path = format!("/api/v1/orders/{}/refunds", text(&checkout, "order_number"));
    let part = json!({"lines": ["SHUT"], "amount": {"amount": "0.01", "currency": "USD"}, "reason": "too hard"});
    let refund = ada.with("Idempotency-Key", "asked").post(&path, &part).await.expect(StatusCode::CREATED);
    let codes = json!({"count": 2, "usage": "single_use", "offer": "tenth"});
    let keyed = staff.with("Idempotency-Key", "batch");
    let batch = keyed.post("/api/v1/vouchers/batches", &codes).await.expect(StatusCode::ACCEPTED);
    staff.post("/api/v1/coupons", &super::requests::coupon("acme")).await.expect(StatusCode::CREATED);
    let bystander = by(&app.anonymous(), &claims(app, "bystander"));
    bystander.add("PY").await.expect(StatusCode::CREATED);
    let body = json!({"processor": "bank_transfer", "return_url": "https://shop.example/"});
    let transfer = bystander.with("Idempotency-Key", "transfer").post("/api/v1/checkout", &body).await;
    let login = log_in(&app.anonymous(), "long", &token_of(&claims(app, "ada"))).await;
    let worker = json!({
        "name": "Worker", "username": "worker", "scopes": ["orders:fulfill", "orders:read"],
        "filters": ["content_org:Test"],
    });
    let asking = staff.post("/api/v1/machine-clients", &worker).await.expect(StatusCode::CREATED);
    let other = staff.post("/api/v1/machine-clients", &worker).await.expect(StatusCode::CREATED);
    let key = json!({"name": "Front", "may": ["read"]});
    let key = staff.post("/api/v1/client-keys", &key).await.expect(StatusCode::CREATED);
    Objects {
        order: text(&checkout, "order_number"),
        refund: text(&refund, "id"),
        batch: text(&batch, "id"),
        transfer: text(&transfer.expect(StatusCode::CREATED), "order_number"),
        session: login["session"]["id"].as_str().expect("an id").to_owned(),
        client_key: text(&key, "id"),
        machine_client: text(&other, "id"),
        worker: (text(&asking, "id"), text(&asking, "client_secret")),
    }
}
