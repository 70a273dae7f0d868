//! Refunds that learners ask for and staff decide on: the money goes back once and to the unit, and a place is taken back
//! when nothing is left of its price and no other line gives it (I2, I4).

mod amounts;
mod trouble;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{buy, given_back, happened, number};

const DAY_S: i64 = 24 * 3600;

/// Asks for a refund of an order.
async fn ask(who: &Client, checkout: &Answer, key: &str, what: Value) -> Answer {
    let mut body = json!({"reason": "too hard"});
    body.as_object_mut().expect("a body").extend(what.as_object().expect("fields").clone());
    let path = format!("/api/v1/orders/{}/refunds", number(checkout));
    who.with("Idempotency-Key", key).post(&path, &body).await
}

/// Approves or denies a refund.
async fn decide(app: &TestApp, refund: &Answer, verdict: &str, body: Value) -> Answer {
    let id = refund["id"].as_str().expect("an id");
    app.staff().post(&format!("/api/v1/refunds/{id}/{verdict}"), &body).await
}

/// Where an order stands: money, fulfilment, and the states of its refunds by name.
async fn stands(learner: &Client, checkout: &Answer) -> (Value, Value, Vec<Value>) {
    let order = learner.read_order(checkout).await;
    let refunds = order["refunds"].as_array().expect("refunds").iter();
    let mut states: Vec<Value> = refunds.map(|refund| refund["state"].clone()).collect();
    states.sort_by_key(Value::to_string);
    (order["money_status"].clone(), order["fulfillment_status"].clone(), states)
}

fn so(money: &str, fulfilment: &str, refunds: &[&str]) -> (Value, Value, Vec<Value>) {
    (json!(money), json!(fulfilment), refunds.iter().map(|state| json!(state)).collect())
}

async fn is_active(app: &TestApp, learner: &str) -> Vec<bool> {
    app.enrolments(learner).await.iter().map(|place| place["is_active"] == true).collect()
}

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// Buys several products in one order.
async fn buy_all(app: &TestApp, learner: &Client, skus: &[&str]) -> (Answer, String) {
    let (last, first) = skus.split_last().expect("a product");
    for sku in first {
        learner.add(sku).await.expect(StatusCode::CREATED);
    }
    buy(app, learner, last).await
}

#[tokio::test]
async fn staff_refund_an_order_whole_and_the_place_goes_with_the_money() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let refund = ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    let shown = (&refund["state"], &refund["amount"], &refund["lines"], &refund["revoke"], &refund["note"]);
    assert_eq!(shown, (&json!("approved"), &usd("49.90"), &json!([]), &json!(true), &json!("too hard")));
    assert_eq!((&refund["order"], &refund["asked_by"]), (&json!(number(&checkout)), &json!("staff")));
    assert_eq!(stands(&ada, &checkout).await, so("paid", "complete", &["approved"]));
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"]));
    assert_eq!((given_back(&app, &payment).await, is_active(&app, "ada").await), (vec![4_990], vec![false]));
    for event in ["refund_approved", "refund_paid", "access_revoked"] {
        assert_eq!(happened(&app, &checkout, event).await, 1, "{event}");
    }
    // What staff wrote is not the learner's to read.
    assert_eq!(ada.read_order(&checkout).await["refunds"][0]["note"], Value::Null);
    ask(&app.staff(), &checkout, "two", json!({})).await.problem(409, "nothing_to_refund");
    ada.add("PY").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_request_that_was_denied_is_made_again_and_approved() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let first = ask(&ada, &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!((&first["state"], &first["note"]), (&json!("requested"), &json!("too hard")));
    ask(&ada, &checkout, "two", json!({})).await.problem(409, "refund_pending");
    ask(&app.staff(), &checkout, "staff", json!({})).await.problem(409, "refund_pending");
    let denied = decide(&app, &first, "deny", json!({"reason": "watched it all"})).await.expect(StatusCode::OK);
    assert_eq!(denied["state"], "denied");
    assert_eq!(decide(&app, &first, "deny", json!({})).await.expect(StatusCode::OK).json, denied.json);
    decide(&app, &first, "approve", json!({})).await.problem(409, "refund_denied");

    let second = ask(&ada, &checkout, "three", json!({})).await.expect(StatusCode::CREATED);
    let approved = decide(&app, &second, "approve", json!({})).await.expect(StatusCode::OK);
    assert_eq!(approved["state"], "approved");
    decide(&app, &second, "approve", json!({})).await.expect(StatusCode::OK);
    decide(&app, &second, "deny", json!({})).await.problem(409, "refund_approved");
    app.settle().await;
    decide(&app, &second, "approve", json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["denied", "succeeded"]));
    assert_eq!(given_back(&app, &payment).await, [4_990]);
    assert_eq!(
        (happened(&app, &checkout, "refund_requested").await, happened(&app, &checkout, "refund_denied").await),
        (2, 1)
    );
    assert_eq!(happened(&app, &checkout, "refund_approved").await, 1);
    // Why it was denied is for staff.
    let path = format!("/api/v1/orders/{}/timeline", number(&checkout));
    assert!(app.staff().get(&path).await.text.contains("watched it all"));
    assert!(!ada.get(&path).await.text.contains("watched it all"));
    app.finish().await;
}

#[tokio::test]
async fn two_verdicts_at_once_are_one() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let asked = ask(&ada, &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    let (yes, no) = tokio::join!(decide(&app, &asked, "approve", json!({})), decide(&app, &asked, "deny", json!({})));
    let mut statuses = [yes.status.as_u16(), no.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    app.settle().await;
    let back = if yes.status == StatusCode::OK { vec![4_990] } else { vec![] };
    assert_eq!(given_back(&app, &payment).await, back);
    app.finish().await;
}

#[tokio::test]
async fn a_key_stands_for_one_refund() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let part = json!({"amount": usd("10.00")});
    let first = ask(&app.staff(), &checkout, "key", part.clone()).await.expect(StatusCode::CREATED);
    let again = ask(&app.staff(), &checkout, "key", part).await.expect(StatusCode::CREATED);
    assert_eq!((&again.json, again.header("idempotent-replayed")), (&first.json, "true"));
    let other = json!({"amount": usd("10.01")});
    ask(&app.staff(), &checkout, "key", other).await.problem(422, "idempotency_key_reused");
    let path = format!("/api/v1/orders/{}/refunds", number(&checkout));
    app.staff().post(&path, &json!({"reason": "x"})).await.problem(400, "missing_idempotency_key");
    // Another's key of the same text is another key.
    ask(&ada, &checkout, "key", json!({"amount": usd("10.00")})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(given_back(&app, &payment).await, [1_000]);
    app.finish().await;
}

#[tokio::test]
async fn staff_refund_without_taking_the_place_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let (checkout, _) = buy(&app, &ada, "PY").await;
    let asked = ask(&ada, &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    let approved = decide(&app, &asked, "approve", json!({"revoke": false})).await.expect(StatusCode::OK);
    assert_eq!(approved["revoke"], false);
    let (other, _) = buy(&app, &bob, "PY").await;
    ask(&bob, &other, "one", json!({"revoke": false})).await.problem(422, "invalid_fields");
    ask(&app.staff(), &other, "two", json!({"revoke": false})).await.expect(StatusCode::CREATED);
    app.settle().await;
    for (learner, client, checkout) in [("ada", &ada, &checkout), ("bob", &bob, &other)] {
        assert_eq!(stands(client, checkout).await, so("refunded", "complete", &["succeeded"]));
        assert_eq!(is_active(&app, learner).await, [true]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_learner_can_ask_for_two_weeks_and_staff_refund_always() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    app.advance(14 * DAY_S + 1).await;
    let ada = app.user("ada");
    ask(&ada, &checkout, "late", json!({})).await.problem(409, "refund_window_over");
    ask(&app.staff(), &checkout, "staff", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(given_back(&app, &payment).await, [4_990]);
    app.finish().await;
}

#[tokio::test]
async fn only_ones_own_paid_order_is_refunded() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (ada, eve) = (app.user("ada"), app.user("eve"));
    let waits = ada.order("PY").await;
    ask(&ada, &waits, "one", json!({})).await.problem(409, "not_refundable");
    ask(&app.staff(), &waits, "one", json!({})).await.problem(409, "not_refundable");
    ask(&eve, &waits, "one", json!({})).await.problem(404, "unknown_order");
    ada.pay(&waits, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    ask(&eve, &waits, "two", json!({})).await.problem(404, "unknown_order");
    let asked = ask(&ada, &waits, "two", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/refunds/{}/approve", asked["id"].as_str().expect("an id"));
    ada.post(&path, &json!({})).await.problem(403, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn staff_list_what_waits_and_what_became_of_the_rest() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let mut asked = Vec::new();
    for learner in ["ada", "bob", "cy"] {
        let learner = app.user(learner);
        let (checkout, _) = buy(&app, &learner, "PY").await;
        app.advance(1).await;
        asked.push(ask(&learner, &checkout, "one", json!({})).await.expect(StatusCode::CREATED));
    }
    let staff = app.staff();
    let ids = |page: &Answer| -> Vec<Value> {
        page["items"].as_array().expect("items").iter().map(|refund| refund["id"].clone()).collect()
    };
    let first = staff.get("/api/v1/refunds?limit=2").await.expect(StatusCode::OK);
    assert_eq!(ids(&first), [&asked[2]["id"], &asked[1]["id"]].map(Clone::clone));
    assert_eq!(first["items"][0], asked[2].json);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = staff.get(&format!("/api/v1/refunds?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(ids(&second), [asked[0]["id"].clone()]);
    decide(&app, &asked[0], "deny", json!({})).await.expect(StatusCode::OK);
    decide(&app, &asked[1], "approve", json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    for (state, index) in [("requested", 2), ("denied", 0), ("succeeded", 1)] {
        let page = staff.get(&format!("/api/v1/refunds?status={state}")).await.expect(StatusCode::OK);
        assert_eq!(ids(&page), [asked[index]["id"].clone()], "{state}");
    }
    staff.get("/api/v1/refunds?status=paid").await.problem(422, "invalid_fields");
    staff.get(&format!("/api/v1/refunds?status=denied&cursor={cursor}")).await.problem(400, "bad_cursor");
    app.user("ada").get("/api/v1/refunds").await.problem(403, "forbidden");
    app.finish().await;
}
