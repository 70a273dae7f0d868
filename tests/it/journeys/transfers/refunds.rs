//! Refunds of orders that were paid by transfer: staff pay back by themselves, and say when they did.

use super::super::{given_back, pay_aside};
use super::*;

async fn paid(app: &TestApp, learner: &str, sku: &str, amount: &str) -> Answer {
    let checkout = order(&app.user(learner), sku).await;
    confirm(app, &checkout, amount, &format!("IN-{learner}-{sku}")).await.expect(StatusCode::CREATED);
    app.settle().await;
    checkout
}

async fn ask(who: &Client, checkout: &Answer, key: &str, more: Value) -> Answer {
    let mut body = json!({"reason": "too hard"});
    body.as_object_mut().expect("a body").extend(more.as_object().expect("fields").clone());
    let path = format!("/api/v1/orders/{}/refunds", number(checkout));
    who.with("Idempotency-Key", key).post(&path, &body).await
}

async fn act(who: &Client, refund: &Answer, verb: &str, body: Value) -> Answer {
    who.post(&format!("/api/v1/refunds/{}/{verb}", refund["id"].as_str().expect("an id")), &body).await
}

#[tokio::test]
async fn an_approved_refund_waits_for_staff_and_takes_the_place_when_it_is_paid() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (ada, staff) = (app.user("ada"), app.staff());
    let checkout = paid(&app, "ada", "PY", "49.90").await;
    let asked = ask(&ada, &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!((&asked["state"], &asked["by_hand"]), (&json!("requested"), &json!(true)));
    act(&staff, &asked, "confirm", json!({})).await.problem(409, "refund_pending");
    act(&ada, &asked, "confirm", json!({})).await.problem(403, "forbidden");
    let approved = act(&staff, &asked, "approve", json!({})).await.expect(StatusCode::OK);
    assert_eq!(approved["state"], "approved");
    app.settle().await;
    app.advance(DAY_S).await;
    // Nothing went back yet, and so the learner keeps the place.
    assert_eq!(
        (stands(&app, &checkout).await, active(&app, "ada").await),
        (["paid", "paid", "complete"].map(str::to_owned), vec![true])
    );
    let listed = staff.get("/api/v1/refunds?status=approved").await.expect(StatusCode::OK);
    assert_eq!(listed["items"][0]["id"], asked["id"]);
    act(&staff, &asked, "deny", json!({})).await.problem(409, "refund_approved");
    ask(&staff, &checkout, "two", json!({})).await.problem(409, "nothing_to_refund");

    let done = act(&staff, &asked, "confirm", json!({"reference": "OUT-1"})).await.expect(StatusCode::OK);
    assert_eq!(done["state"], "succeeded");
    assert_eq!(act(&staff, &asked, "confirm", json!({})).await.expect(StatusCode::OK).json, done.json);
    app.settle().await;
    assert_eq!(
        (stands(&app, &checkout).await, active(&app, "ada").await),
        (["paid", "refunded", "revoked"].map(str::to_owned), vec![false])
    );
    assert_eq!(happened(&app, &checkout, "refund_paid").await, 1);
    app.finish().await;
}

#[tokio::test]
async fn two_who_confirm_a_refund_at_once_pay_it_back_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let staff = app.staff();
    let checkout = paid(&app, "ada", "PY", "49.90").await;
    let part = ask(&staff, &checkout, "one", json!({"amount": usd("9.90")})).await.expect(StatusCode::CREATED);
    let (left, right) =
        tokio::join!(act(&staff, &part, "confirm", json!({})), act(&staff, &part, "confirm", json!({})));
    assert_eq!(
        (left.expect(StatusCode::OK)["state"].clone(), right.expect(StatusCode::OK)["state"].clone()),
        (json!("succeeded"), json!("succeeded"))
    );
    app.settle().await;
    assert_eq!(stands(&app, &checkout).await, ["paid", "partially_refunded", "complete"]);
    let rest = ask(&staff, &checkout, "two", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(rest["amount"], usd("40.00"));
    act(&staff, &rest, "confirm", json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(stands(&app, &checkout).await, ["paid", "refunded", "revoked"]);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_that_a_processor_pays_is_not_confirmed_by_hand() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (checkout, _) = super::super::buy(&app, &app.user("ada"), "PY").await;
    let refund = ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(refund["by_hand"], false);
    act(&app.staff(), &refund, "confirm", json!({})).await.problem(409, "refund_by_processor");
    app.settle().await;
    act(&app.staff(), &refund, "confirm", json!({})).await.problem(409, "refund_by_processor");
    let none = "/api/v1/refunds/ref_01jz0000000000000000000001/confirm";
    app.staff().post(none, &json!({})).await.problem(404, "unknown_refund");
    app.finish().await;
}

#[tokio::test]
async fn a_denied_refund_is_not_paid() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = paid(&app, "ada", "PY", "49.90").await;
    let asked = ask(&app.user("ada"), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    act(&app.staff(), &asked, "deny", json!({})).await.expect(StatusCode::OK);
    act(&app.staff(), &asked, "confirm", json!({})).await.problem(409, "refund_denied");
    assert_eq!(stands(&app, &checkout).await, ["paid", "paid", "complete"]);
    app.finish().await;
}

#[tokio::test]
async fn what_a_processor_took_for_a_transferred_order_goes_back_there() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let checkout = order(&app.user("ada"), "PY").await;
    let payment = pay_aside(&app, &checkout, "4990").await;
    app.settle().await;
    assert_eq!(stands(&app, &checkout).await, ["paid", "paid", "complete"]);
    let second = confirm(&app, &checkout, "49.90", "IN").await.expect(StatusCode::CREATED);
    assert_eq!(second["outcome"], "second_payment");
    let refund = ask(&app.staff(), &checkout, "one", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(refund["by_hand"], false);
    app.settle().await;
    assert_eq!((given_back(&app, &payment).await, active(&app, "ada").await), (vec![4_990], vec![false]));
    let order = app.staff().read_order(&checkout).await;
    let by_hand = |refund: &&Value| refund["by_hand"] == true;
    let owed = order["refunds"].as_array().expect("refunds").iter().find(by_hand).expect("one by hand");
    assert_eq!((&owed["state"], &owed["reason"]), (&json!("approved"), &json!("second_payment")));
    app.finish().await;
}
