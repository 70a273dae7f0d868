//! The derived permissions against what really happens: the calls that each function makes in a few journeys are allowed to
//! it by the template. What the derivation overlooks would show here.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use http::StatusCode;
use local::recorder::Recorded;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::policy::granted_to;
use super::reach::Grant;

/// Sends requests that say which function they are for, in their id.
struct Caller<'a> {
    client: Client,
    sent: &'a std::cell::Cell<u32>,
}

impl Caller<'_> {
    async fn send(&self, function: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.sent.set(self.sent.get() + 1);
        let number = self.sent.get();
        let client = self.client.with("x-request-id", &format!("{function}-{number}"));
        let client = client.with("idempotency-key", &format!("key-{number}"));
        let request = client.request(method, path);
        let answer = client.send(match body {
            Some(body) => request.json(&body),
            None => request,
        });
        let answer = answer.await;
        assert!(answer.status.is_success(), "{function} {path}: {}", answer.text);
        answer
    }

    async fn get(&self, function: &str, path: &str) -> Answer {
        self.send(function, Method::GET, path, None).await
    }

    async fn post(&self, function: &str, path: &str, body: Value) -> Answer {
        self.send(function, Method::POST, path, Some(body)).await
    }
}

/// What a call needs.
fn needed(call: &Recorded) -> BTreeSet<Grant> {
    let on_table = |action: &str| (format!("dynamodb:{action}"), "${Table.Arn}".to_owned());
    match call {
        Recorded::Get(_) => [on_table("GetItem")].into(),
        Recorded::BatchGet(_) => [on_table("BatchGetItem")].into(),
        Recorded::Put(_) => [on_table("PutItem")].into(),
        Recorded::Update(_) => [on_table("UpdateItem")].into(),
        Recorded::Delete(_) => [on_table("DeleteItem")].into(),
        Recorded::Query(query) => {
            let (action, table) = on_table("Query");
            let index = query.index_name().map(|index| format!("{table}/index/{index}"));
            [(action, index.unwrap_or(table))].into()
        }
        Recorded::Transact(transaction) => {
            let kind = |item: &TransactWriteItem| match item {
                TransactWriteItem { put: Some(_), .. } => "PutItem",
                TransactWriteItem { update: Some(_), .. } => "UpdateItem",
                TransactWriteItem { delete: Some(_), .. } => "DeleteItem",
                _ => "ConditionCheckItem",
            };
            transaction.transact_items().iter().map(|item| on_table(kind(item))).collect()
        }
        Recorded::Other(call) => panic!("nobody has said what {call} needs"),
    }
}

/// The function of a request, by its id: ours say it, the queue's are orders and refunds, and all others are webhooks.
fn function(id: &str) -> &str {
    match id.rsplit_once('-') {
        Some((function, _)) if ["basket", "catalog", "checkout", "session"].contains(&function) => function,
        _ if id.starts_with("ord_") || id.starts_with("ref_") => "fulfillment",
        _ => "payment-webhook",
    }
}

async fn journeys(app: &TestApp) {
    let sent = std::cell::Cell::new(0);
    let caller = |client: Client| Caller { client, sent: &sent };
    let (staff, ada, anonymous) = (caller(app.staff()), caller(app.user("ada")), caller(app.session("1")));
    let seat = json!({"sku": "GO", "mode": "verified", "quantity": 3, "price": {"amount": "10.00", "currency": "USD"}});
    let course = json!({"title": "Go for all", "org": "Test", "seats": [seat]});
    staff.send("catalog", Method::PUT, "/api/v1/courses/course-v1:Test+GO+1", Some(course)).await;
    staff.send("catalog", Method::PATCH, "/api/v1/products/GO", Some(json!({"title": "Rust for all"}))).await;
    staff.post("catalog", "/api/v1/catalogs", json!({"id": "sci", "title": "Science", "skus": ["GO"]})).await;
    for path in ["products", "products?q=rust", "products?catalog=sci", "products/GO", "courses", "catalogs"] {
        staff.get("catalog", &format!("/api/v1/{path}")).await;
    }
    anonymous.post("basket", "/api/v1/basket/lines", json!({"sku": "GO"})).await;
    let token = app_token(app);
    anonymous.post("session", "/api/v1/login", json!({"token": token})).await;
    staff.get("session", "/api/v1/client-keys").await;
    staff.get("session", "/api/v1/users/ada").await;
    ada.get("basket", "/api/v1/basket").await;
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/orders/{order_number}"});
    let first = ada.post("checkout", "/api/v1/checkout", body.clone()).await;
    let number = first["order_number"].as_str().unwrap();
    ada.post("checkout", &format!("/api/v1/orders/{number}/cancel"), json!({})).await;
    let second = ada.post("checkout", "/api/v1/checkout", body).await;
    app.user("ada").pay(&second, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    for path in ["orders", "orders?status=paid"] {
        staff.get("checkout", &format!("/api/v1/{path}{}", if path == "orders" { "?user=ada" } else { "" })).await;
    }
    ada.send("basket", Method::DELETE, "/api/v1/basket", None).await;
}

fn app_token(app: &TestApp) -> String {
    let learner = local::dev_keys::Learner { username: "ada".to_owned(), ..Default::default() };
    local::dev_keys::token(&learner, app.cloud.clock.issuer_now()).unwrap()
}

#[tokio::test]
async fn what_functions_do_is_allowed_to_them() {
    let app = TestApp::start().await;
    app.cloud.recorder.start();
    journeys(&app).await;
    let recorded = app.cloud.recorder.stop();
    let (mut wrong, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (id, calls) in &recorded {
        let function = function(id);
        for grant in calls.iter().flat_map(needed) {
            if !granted_to(function).contains(&grant) {
                wrong.insert(format!("{function}: {} on {} is not allowed", grant.0, grant.1));
            }
            seen.insert((function, grant.0));
        }
    }
    assert_eq!(wrong, BTreeSet::new());
    let functions: BTreeSet<&str> = seen.iter().map(|(function, _)| *function).collect();
    assert_eq!(functions, ["basket", "catalog", "checkout", "fulfillment", "payment-webhook", "session"].into());
    assert!(seen.contains(&("fulfillment", "dynamodb:DeleteItem".to_owned())), "{seen:?}");
    app.finish().await;
}
