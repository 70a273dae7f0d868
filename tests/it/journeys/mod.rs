//! Journeys: what happens to a purchase when everything around it goes right, wrong, late, twice or not at all.
//!
//! Each file is a group; here is what they share: reading the order's own rows, and playing the processor's part where
//! its hosted page does not lead.

mod baskets;
mod batches;
pub(crate) mod bundles;
mod checkout;
mod clients;
mod coupons;
mod crashes;
mod currencies;
pub(crate) mod enrolment_codes;
mod entitlements;
mod faults;
mod free;
mod imports;
mod learning_platform;
mod manual_orders;
mod offers;
mod payments;
mod places;
mod races;
mod redrive;
mod refund_requests;
mod refunds;
mod sign_in;
mod sign_in_browser;
mod sign_in_gateway;
mod sign_in_races;
mod sign_in_sessions;
mod slow_platform;
mod surplus;
mod transfers;
mod vouchers;
mod watching;
mod webhooks;

use http::StatusCode;
use local::dev_keys::{STRIPE_KEY, WEBHOOK_SECRETS};
use local::faults::{Fault, Target};
use local::stripe_sim::sign;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// The time after which an abandoned payment session is over, and the order with it.
const SESSION_OVER_S: i64 = 35 * 60;
/// After this a message that nobody settled is sent again.
const RESEND_S: i64 = 30;

/// [`tests::NOW`] in seconds, as the processor writes it.
const CREATED: i64 = 1_795_176_000;

/// The order's number in a checkout's answer.
fn number(checkout: &Answer) -> String {
    checkout["order_number"].as_str().expect("an order number").to_owned()
}

/// How many rows of each kind an order has: attempts that succeeded, ledger entries, tasks, applied events, refunds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    succeeded: usize,
    ledger: usize,
    tasks: usize,
    events: usize,
    refunds: usize,
}

/// Counts an order's rows in the table itself.
async fn counts(app: &TestApp, checkout: &Answer) -> Counts {
    let number = number(checkout).parse().expect("an order number");
    let file = app.cloud.store.read_order(&number).await.expect("a table").expect("an order");
    Counts {
        succeeded: file.attempts.iter().filter(|attempt| !attempt.state.is_live() && attempt.payment.is_some()).count(),
        ledger: file.ledger.len(),
        tasks: file.tasks.len(),
        events: file.events.len(),
        refunds: file.refunds.len(),
    }
}

/// The names of the events in an order's timeline, as staff sees it.
async fn timeline(app: &TestApp, checkout: &Answer) -> Vec<String> {
    let path = format!("/api/v1/orders/{}/timeline", number(checkout));
    let answer = app.staff().get(&path).await.expect(StatusCode::OK);
    let items = answer["items"].as_array().expect("items");
    items.iter().map(|item| item["event"].as_str().expect("an event").to_owned()).collect()
}

/// How often an event stands in an order's timeline.
async fn happened(app: &TestApp, checkout: &Answer, event: &str) -> usize {
    timeline(app, checkout).await.iter().filter(|name| *name == event).count()
}

/// How many units of a product can be bought.
async fn available(app: &TestApp, sku: &str) -> Value {
    app.anonymous().get(&format!("/api/v1/products/{sku}")).await.expect(StatusCode::OK)["quantity_available"].clone()
}

/// Orders a fault, as `PUT /_local/faults` would.
async fn fault(app: &TestApp, fault: Value) {
    app.anonymous().put("/_local/faults", &fault).await.expect(StatusCode::OK);
}

/// The LMS is down, until faults are cleared.
fn lms_is_down(app: &TestApp) {
    app.cloud.faults.add(Fault { status: Some(503), times: u32::MAX, ..Fault::of(Target::Lms) });
}

/// A client of the processor's own API.
fn stripe(app: &TestApp) -> Client {
    app.anonymous().with("Authorization", &format!("Bearer {STRIPE_KEY}"))
}

/// POST to the processor's own API.
async fn stripe_post(app: &TestApp, path: &str, form: &[(&str, &str)]) -> Answer {
    let client = stripe(app);
    let path = format!("/_local/stripe/v1/{path}");
    client.send(client.request(Method::POST, &path).form(form)).await
}

/// GET from the processor's own API.
async fn stripe_get(app: &TestApp, path: &str) -> Answer {
    stripe(app).get(&format!("/_local/stripe/v1/{path}")).await.expect(StatusCode::OK)
}

/// Takes money for an order past its session, as a second tab or a mistaken clerk would: the processor then has the
/// charge, and owes its webhook. The payment's name.
pub(super) async fn pay_aside(app: &TestApp, checkout: &Answer, units: &str) -> String {
    let currency = checkout["total"]["currency"].as_str().expect("a currency").to_lowercase();
    let number = number(checkout);
    let form = [("amount", units), ("currency", &currency), ("metadata[order_number]", &number)];
    let intent = stripe_post(app, "payment_intents", &form).await.expect(StatusCode::OK);
    let id = intent["id"].as_str().expect("an id").to_owned();
    let confirm = format!("payment_intents/{id}/confirm");
    stripe_post(app, &confirm, &[("payment_method", "pm_card_visa")]).await.expect(StatusCode::OK);
    id
}

/// What the processor gave back of a payment, refund by refund.
pub(super) async fn given_back(app: &TestApp, payment: &str) -> Vec<i64> {
    let list = stripe_get(app, &format!("refunds?payment_intent={payment}")).await;
    list["data"].as_array().expect("a list").iter().map(|refund| refund["amount"].as_i64().expect("units")).collect()
}

/// A `payment_intent.succeeded` event for an order, of a payment that only this event knows.
fn captured(event: &str, checkout: &Answer, units: i64, currency: &str) -> Value {
    json!({
        "id": event, "object": "event", "type": "payment_intent.succeeded", "livemode": false,
        "created": CREATED, "data": {"object": {
            "id": format!("pi_of_{event}"), "object": "payment_intent", "amount": units, "amount_received": units,
            "currency": currency, "metadata": {"order_number": number(checkout)},
        }},
    })
}

/// Delivers an event as the processor would: signed over its raw bytes, at the present time.
async fn deliver(app: &TestApp, event: &Value) -> Answer {
    let body = event.to_string();
    let secrets = WEBHOOK_SECRETS.map(str::to_owned);
    let signature = sign(&secrets, app.cloud.clock.now().as_second(), body.as_bytes());
    let client = app.anonymous().with("stripe-signature", &signature);
    client.send(client.request(Method::POST, "/webhooks/default/stripe").body(body)).await
}

/// The hosted page answers that nothing can be paid there any more.
#[track_caller]
fn page_is_closed(answer: &Answer) {
    assert_eq!((answer.status, &answer["code"]), (StatusCode::CONFLICT, &json!("payment_not_open")));
}

/// Buys a product and settles: the paid order's checkout, and the payment's name.
async fn buy(app: &TestApp, learner: &Client, sku: &str) -> (Answer, String) {
    let checkout = learner.order(sku).await;
    let paid = learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(learner.read_order(&checkout).await["status"], "paid");
    (checkout, paid["payment_intent"].as_str().expect("a payment").to_owned())
}
