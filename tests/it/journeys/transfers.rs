//! Bank transfers: an order waits for days, staff confirm what came, and that is decided on as a processor's capture is.

mod refunds;
mod trouble;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{available, happened, number};

const DAY_S: i64 = 24 * 3600;

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// Puts a product in the basket and chooses to transfer.
async fn order(learner: &Client, sku: &str) -> Answer {
    learner.add(sku).await.expect(StatusCode::CREATED);
    choose(learner, &format!("key-{sku}")).await.expect(StatusCode::CREATED)
}

/// Checks out by transfer.
async fn choose(learner: &Client, key: &str) -> Answer {
    let body = json!({"processor": "bank_transfer", "return_url": "https://shop.example/orders/{order_number}"});
    learner.with("Idempotency-Key", key).post("/api/v1/checkout", &body).await
}

/// Staff say that a transfer came, under a key of its own.
async fn confirm(app: &TestApp, checkout: &Answer, amount: &str, reference: &str) -> Answer {
    let key = format!("{reference} {}", number(checkout));
    confirm_by(&app.staff(), &key, checkout, &json!({"amount": usd(amount), "reference": reference})).await
}

async fn confirm_by(staff: &Client, key: &str, checkout: &Answer, body: &Value) -> Answer {
    let path = format!("/api/v1/orders/{}/payments", number(checkout));
    staff.with("Idempotency-Key", key).post(&path, body).await
}

/// Status, money, fulfilment.
async fn stands(app: &TestApp, checkout: &Answer) -> [String; 3] {
    let order = app.staff().read_order(checkout).await;
    ["status", "money_status", "fulfillment_status"].map(|name| order[name].as_str().unwrap_or_default().to_owned())
}

async fn active(app: &TestApp, learner: &str) -> Vec<bool> {
    app.enrolments(learner).await.iter().map(|place| place["is_active"] == true).collect()
}

#[tokio::test]
async fn a_transfer_that_staff_confirm_pays_the_order_and_says_who_did_it() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let processors = app.anonymous().get("/api/v1/payments/processors").await.expect(StatusCode::OK);
    let shown = json!({"processor": "bank_transfer", "publishable_key": null, "flows": [], "currencies": ["USD"]});
    assert_eq!(processors["items"][1], shown);
    let ada = app.user("ada");
    let checkout = order(&ada, "PY").await;
    let account = json!({
        "holder": "Local School", "number": "DE02 1203 0000 0000 2020 51", "bank": "BYLADEM1001",
        "instructions": "One transfer for each order.", "reference": number(&checkout),
    });
    let payment = &checkout["payment"];
    let said = (&checkout["status"], &payment["processor"], &payment["kind"], &payment["transfer"]);
    assert_eq!(said, (&json!("pending_payment"), &json!("bank_transfer"), &json!("none"), &account));
    // The same key, another key and the order itself tell the same.
    let again = choose(&ada, "key-PY").await.expect(StatusCode::CREATED);
    let other = choose(&ada, "another").await.expect(StatusCode::CREATED);
    assert_eq!((&again.json, &other["order_number"]), (&checkout.json, &checkout["order_number"]));
    assert_eq!(ada.read_order(&checkout).await["payment"]["transfer"], account);
    assert_eq!(app.staff().read_order(&checkout).await["payment"], Value::Null);

    // It waits for days, with its place.
    app.advance(13 * DAY_S).await;
    assert_eq!((stands(&app, &checkout).await[0].as_str(), available(&app, "PY").await), ("pending_payment", json!(1)));
    let body = json!({"amount": usd("49.90"), "reference": "2026-12/0017", "received_at": "2026-12-02T00:00:00Z"});
    let paid = confirm_by(&app.staff(), "one", &checkout, &body).await.expect(StatusCode::CREATED);
    assert_eq!((&paid["outcome"], &paid["order"]["status"]), (&json!("paid"), &json!("paid")));
    app.settle().await;
    assert_eq!(stands(&app, &checkout).await, ["paid", "paid", "complete"]);
    assert_eq!((active(&app, "ada").await, available(&app, "PY").await), (vec![true], json!(1)));
    assert_eq!(ada.read_order(&checkout).await["payment"], Value::Null);
    let basket = ada.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&basket["status"], &basket["lines"]), (&json!("open"), &json!([])));

    let me = app.staff().get("/api/v1/users/staff").await.expect(StatusCode::OK)["id"].clone();
    let path = format!("/api/v1/orders/{}/timeline", number(&checkout));
    let timeline = app.staff().get(&path).await.expect(StatusCode::OK);
    let entry = timeline["items"].as_array().expect("items").iter().find(|item| item["event"] == "order_paid");
    let entry = entry.expect("an entry");
    let who = (&entry["actor"], &entry["by"], &entry["detail"]);
    assert_eq!(who, (&json!("staff"), &me, &json!("transfer_received 2026-12/0017")));
    assert!(!ada.get(&path).await.text.contains("2026-12/0017"));
    let receipt = ada.get(&format!("/api/v1/orders/{}/receipt", number(&checkout))).await.expect(StatusCode::OK);
    assert_eq!(
        (&receipt["processor"], &receipt["payment_reference"]),
        (&json!("bank_transfer"), &json!("2026-12/0017"))
    );
    app.finish().await;
}

#[tokio::test]
async fn what_is_said_again_is_counted_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = order(&app.user("ada"), "PY").await;
    let staff = app.staff();
    let body = json!({"amount": usd("49.90"), "reference": "ab-1"});
    let first = confirm_by(&staff, "one", &checkout, &body).await.expect(StatusCode::CREATED);
    app.settle().await;
    let again = confirm_by(&staff, "one", &checkout, &body).await.expect(StatusCode::CREATED);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    // Under another key, and however it is typed.
    for reference in ["ab-1", "AB-1"] {
        let body = json!({"amount": usd("49.90"), "reference": reference});
        let said = confirm_by(&staff, "two", &checkout, &body).await.expect(StatusCode::CREATED);
        assert_eq!(said["outcome"], "paid");
    }
    let other = json!({"amount": usd("49.00"), "reference": "AB-1"});
    confirm_by(&staff, "one", &checkout, &other).await.problem(422, "idempotency_key_reused");
    confirm_by(&staff, "three", &checkout, &other).await.problem(409, "reference_used");
    app.settle().await;
    assert_eq!(
        super::counts(&app, &checkout).await,
        super::Counts { succeeded: 1, ledger: 1, tasks: 1, events: 1, refunds: 0 }
    );
    assert_eq!(happened(&app, &checkout, "order_paid").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_same_at_once_is_counted_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let checkout = order(&app.user("ada"), "PY").await;
    let (staff, body) = (app.staff(), json!({"amount": usd("49.90"), "reference": "ab-1"}));
    let by = |key| confirm_by(&staff, key, &checkout, &body);
    let answers = tokio::join!(by("one"), by("one"), by("two"));
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.expect(StatusCode::CREATED)["outcome"], "paid");
    }
    app.settle().await;
    assert_eq!(
        super::counts(&app, &checkout).await,
        super::Counts { succeeded: 1, ledger: 1, tasks: 1, events: 1, refunds: 0 }
    );
    app.finish().await;
}
