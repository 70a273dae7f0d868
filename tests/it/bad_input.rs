//! Bad input, for every operation of every function: the right problem, nothing written, and never a 5xx.
//!
//! The operations are those of the OpenAPI document, and each has a [`samples::Sample`]: a request that succeeds, from
//! which the bad ones are made. Requests go to the router itself, so that they can be as broken as bytes can be.

mod bodies;
mod callers;
mod forms;
mod junk;
mod names;
mod samples;
mod values;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use local::dev_keys::{Learner, token};
use local::stripe_sim::sign;
use serde_json::{Value, json};
use tests::{Answer, Client, NOW, TestApp};
use tower::ServiceExt;

use crate::openapi::{Operation, operations};
use samples::Sample;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    /// Owns the orders.
    Ada,
    /// Owns a basket.
    Eve,
    Staff,
    Service,
}

impl Who {
    fn learner(self) -> Option<Learner> {
        let learner = |name: &str| Learner { username: name.to_owned(), ..Learner::default() };
        match self {
            Self::Nobody => None,
            Self::Ada => Some(learner("ada")),
            Self::Eve => Some(learner("eve")),
            Self::Staff => Some(Learner { staff: true, ..learner("staff") }),
            Self::Service => Some(Learner { scopes: ["orders:fulfill".to_owned()].into(), ..learner("service") }),
        }
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Signs Ada in; the session's name, and the `Session-Id` that opens it.
async fn sign_in(app: &TestApp) -> (String, String) {
    let ada = token(&Who::Ada.learner().unwrap(), app.cloud.clock.issuer_now()).unwrap();
    let login = app.session("ada").post("/api/v1/login", &json!({"token": ada})).await.expect(StatusCode::OK);
    let session_id = login.headers["session-id"].to_str().unwrap().to_owned();
    (login["session"]["id"].as_str().unwrap().to_owned(), session_id)
}

/// Has Ada ask for a refund of an order, of the whole or of its line; its id.
async fn request(ada: &Client, checkout: &Answer, amount: &str) -> String {
    let path = format!("/api/v1/orders/{}/refunds", checkout["order_number"].as_str().unwrap());
    let lines = if amount == "1.00" { Value::Null } else { json!([1]) };
    let body = json!({"lines": lines, "amount": {"amount": amount, "currency": "USD"}, "reason": "too hard"});
    let made = ada.with("Idempotency-Key", amount).post(&path, &body).await.expect(StatusCode::CREATED);
    made["id"].as_str().unwrap().to_owned()
}

/// Has Bob choose to transfer; the order, and the refund of a wrong amount that came for it.
async fn transfer(app: &TestApp) -> [String; 2] {
    let bob = app.user("bob");
    bob.add("PAST").await.expect(StatusCode::CREATED);
    let body = json!({"processor": "bank_transfer", "return_url": "https://shop.example/"});
    let made = bob.with("Idempotency-Key", "transfer").post("/api/v1/checkout", &body).await;
    let order = made.expect(StatusCode::CREATED).order_number();
    let wrong = json!({"amount": {"amount": "1.00", "currency": "USD"}, "reference": "WRONG"});
    let staff = app.staff().with("Idempotency-Key", "transfer");
    let came = staff.post(&format!("/api/v1/orders/{order}/payments"), &wrong).await.expect(StatusCode::CREATED);
    let refund = came["order"]["refunds"][0]["id"].as_str().unwrap().to_owned();
    [order, refund]
}

/// Has staff register a client; its id.
async fn register(app: &TestApp, kind: &str, body: Value) -> String {
    let made = app.staff().post(&format!("/api/v1/{kind}"), &body).await.expect(StatusCode::CREATED);
    made["id"].as_str().unwrap().to_owned()
}

/// A shop with something of everything in it.
struct World {
    app: TestApp,
    router: Router,
    /// Ada's order that waits for payment.
    pending: String,
    /// Ada's order that is paid, and whose course is closed at the LMS.
    paid: String,
    /// Bob's order that waits for a transfer.
    transfer: String,
    /// A refund that staff are to pay back by hand.
    by_hand: String,
    /// Two refunds that Ada asked for, of another order.
    refunds: [String; 2],
    /// Ada's session, as she names it to end it.
    session: String,
    /// The `Session-Id` that opens it.
    session_id: String,
    /// The id of a batch of codes.
    batch: String,
    /// The id of a client key.
    client_key: String,
    /// The id of a machine client.
    machine_client: String,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.sell("PY", "49.90", "USD", None).await;
        app.sell("LTD", "20.00", "USD", Some(3)).await;
        app.sell("PAST", "30.00", "USD", None).await;
        let staff = app.staff();
        let shut = json!({"title": "Shut", "org": "Test", "seats": [
            {"sku": "SHUT", "mode": "verified", "price": {"amount": "5.00", "currency": "USD"}},
        ]});
        staff.put("/api/v1/courses/course-v1:Test+SHUT+closed", &shut).await.expect(StatusCode::CREATED);
        let catalog = json!({"id": "sci", "title": "Science", "skus": ["PY", "LTD"]});
        staff.post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
        let offer = json!({"id": "deal", "name": "Deal", "benefit": {"type": "percent", "value": "10"}});
        staff.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
        let code = json!({"code": "DEAL", "usage": "multi_use", "offer": "deal"});
        staff.post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
        let codes = json!({"count": 2, "usage": "multi_use", "offer": "deal"});
        let keyed = staff.with("Idempotency-Key", "world");
        let batch = keyed.post("/api/v1/vouchers/batches", &codes).await.expect(StatusCode::ACCEPTED);
        let batch = batch["id"].as_str().unwrap().to_owned();
        staff.post("/api/v1/coupons", &samples::coupon("acme")).await.expect(StatusCode::CREATED);
        let ada = app.user("ada");
        let paid = ada.order("SHUT").await;
        ada.pay(&paid, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        let past = ada.order("PAST").await;
        ada.pay(&past, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        let refunds = [request(&ada, &past, "1.00").await, request(&ada, &past, "2.00").await];
        let pending = ada.order("LTD").await;
        app.user("eve").add("PY").await.expect(StatusCode::CREATED);
        // First sight writes a user's record: nobody is to be new to what is tried here.
        for known in [app.user("bob"), app.service()] {
            known.get("/api/v1/users/me").await.expect(StatusCode::OK);
        }
        let (session, session_id) = sign_in(&app).await;
        let client_key = register(&app, "client-keys", json!({"name": "Front end", "may": ["read"]})).await;
        let worker = json!({"name": "Worker", "username": "worker", "scopes": ["orders:fulfill"]});
        let machine_client = register(&app, "machine-clients", worker).await;
        let number = |checkout: &Answer| checkout["order_number"].as_str().unwrap().to_owned();
        let (pending, paid, router) = (number(&pending), number(&paid), app.cloud.router());
        let [transfer, by_hand] = transfer(&app).await;
        Self {
            app,
            router,
            pending,
            paid,
            transfer,
            by_hand,
            refunds,
            session,
            session_id,
            batch,
            client_key,
            machine_client,
        }
    }

    fn token(&self, who: Who) -> String {
        token(&who.learner().unwrap(), self.app.cloud.clock.issuer_now()).unwrap()
    }

    fn authorization(&self, who: Who) -> Option<String> {
        who.learner().map(|_| format!("JWT {}", self.token(who)))
    }

    /// The sample of an operation as a request.
    fn ask(&self, operation: &Operation, sample: &Sample) -> Ask {
        let mut ask = Ask {
            method: operation.method.clone(),
            path: sample.path.clone(),
            headers: Vec::new(),
            body: sample.form.clone().unwrap_or_default().into_bytes(),
        };
        if let Some(body) = &sample.body {
            ask = ask.json(body).with("content-type", "application/json");
        } else if sample.form.is_some() {
            ask = ask.with("content-type", "application/x-www-form-urlencoded");
        }
        if let Some(authorization) = self.authorization(sample.who) {
            ask = ask.with("authorization", &authorization);
        }
        for (name, value) in &sample.headers {
            ask = ask.with(name, value);
        }
        if operation.id == "receive_event" { ask.signed() } else { ask }
    }

    async fn send(&self, ask: &Ask) -> Answer {
        let mut request = Request::builder().method(ask.method.as_str()).uri(&ask.path);
        for (name, value) in &ask.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        let request = request.body(Body::from(ask.body.clone())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// Sends a request that is to be refused.
    async fn refused(&self, ask: &Ask, status: u16, code: &str) -> Answer {
        let answer = self.send(ask).await;
        let told = (answer.status.as_u16(), answer.json["code"].as_str());
        assert_eq!(told, (status, Some(code)), "{ask}\n{}", answer.text);
        answer.problem(status, code);
        answer
    }

    /// Every row of the table but the throttles' counts: a refused request is counted too, as that is what they are for.
    async fn table(&self) -> BTreeMap<String, String> {
        let mut rows = BTreeMap::new();
        let mut pages = self.app.cloud.dynamodb.scan().table_name("bursar").into_paginator().items().send();
        while let Some(row) = pages.next().await {
            let row = row.unwrap();
            let key = format!("{} {}", shown(&row["pk"]), shown(&row["sk"]));
            if !key.ends_with("S(\"RATE\")") {
                rows.insert(key, shown(&AttributeValue::M(row)));
            }
        }
        assert!(rows.len() > 20, "the table is not read whole: {rows:?}");
        rows
    }

    /// Checks that the table is as it was.
    #[track_caller]
    fn unchanged(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, by: &str) {
        let changed: Vec<_> = after.iter().filter(|(key, row)| before.get(*key) != Some(row)).collect();
        let gone: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).collect();
        assert!(changed.is_empty() && gone.is_empty(), "{by} wrote {changed:#?}, removed {gone:#?}");
    }

    /// The operations that have a sample, with it.
    fn cases(&self) -> Vec<(Operation, Sample)> {
        let mut samples = samples::all(self);
        let known = operations().into_iter();
        known.filter_map(|operation| samples.remove(operation.id.as_str()).map(|sample| (operation, sample))).collect()
    }

    async fn finish(self) {
        self.app.finish().await;
    }
}

impl Ask {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    /// With the signature of the processor over its body.
    fn signed(self) -> Self {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let secrets = [local::dev_keys::WEBHOOK_SECRETS[0].to_owned()];
        let signature = sign(&secrets, now.as_second(), &self.body);
        self.without("stripe-signature").with("stripe-signature", &signature)
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {}", self.method, self.path)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "authorization") {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{}", body.chars().take(500).collect::<String>())
    }
}

/// A row's value as text, its maps by key.
fn shown(value: &AttributeValue) -> String {
    if let Ok(map) = value.as_m() {
        let members: BTreeMap<_, _> = map.iter().map(|(name, member)| (name, shown(member))).collect();
        return format!("{members:?}");
    }
    match value.as_l() {
        Ok(list) => format!("{:?}", list.iter().map(shown).collect::<Vec<_>>()),
        Err(other) => format!("{other:?}"),
    }
}

/// Every place in a JSON value, by pointer, the whole first; what is below `attributes` is free.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        if at.ends_with("/attributes") {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    walk(member, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{index}"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// The value with what is at `pointer` replaced, or added.
fn with(value: &Value, pointer: &str, new: Value) -> Value {
    let mut value = value.clone();
    match value.pointer_mut(pointer) {
        Some(place) => *place = new,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent:?}"));
            parent.as_object_mut().unwrap().insert(name.to_owned(), new);
        }
    }
    value
}

#[tokio::test]
async fn every_operation_has_a_sample_that_succeeds() {
    let world = World::new().await;
    let mut samples = samples::all(&world);
    let known = operations();
    let missing: Vec<_> = known.iter().filter(|known| !samples.contains_key(known.id.as_str())).collect();
    assert!(missing.is_empty(), "without a case: {:?}", missing.iter().map(|one| &one.id).collect::<Vec<_>>());
    for id in samples::IN_ORDER {
        let operation = known.iter().find(|known| known.id == id).unwrap_or_else(|| panic!("{id} is not offered"));
        let sample = samples.remove(id).unwrap();
        let answer = world.send(&world.ask(operation, &sample)).await;
        let sends_on = id == "establish_session" && answer.status.is_redirection();
        assert!(answer.status.is_success() || sends_on, "{id}: {}", answer.text);
        let documented = &operation.said["responses"][answer.status.as_str()];
        assert!(documented.is_object(), "{id} answers {}, which its document does not name", answer.status);
    }
    assert!(samples.is_empty(), "not tried: {:?}", samples.keys());
    world.finish().await;
}
