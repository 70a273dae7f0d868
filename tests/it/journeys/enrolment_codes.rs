//! Enrolment codes: bought by one, each redeemed by another for a place, and withdrawn when the money goes back.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::{buy, number};

/// A product that sells codes for PY.
pub(crate) async fn sell_codes(app: &TestApp) {
    let body = json!({
        "sku": "PY-CODES", "kind": "enrollment_code", "title": "Places in PY for a team", "published": true,
        "contains": ["PY"], "stock": [{"price": {"amount": "40", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &body).await.expect(StatusCode::CREATED);
}

async fn buy_codes(app: &TestApp, who: &Client, quantity: u32) -> Answer {
    let line = json!({"sku": "PY-CODES", "quantity": quantity});
    who.post("/api/v1/basket/lines", &line).await.expect(StatusCode::CREATED);
    let checkout = who.checkout(&format!("codes-{quantity}")).await.expect(StatusCode::CREATED);
    who.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    checkout
}

/// The codes of an order with their standing.
pub(crate) async fn codes(who: &Client, order: &str) -> Vec<(String, String)> {
    let answer = who.get(&format!("/api/v1/orders/{order}/codes")).await.expect(StatusCode::OK);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = answer["items"].as_array().expect("codes").iter();
    items.map(|item| (text(&item["code"]), text(&item["status"]))).collect()
}

fn count(codes: &[(String, String)], status: &str) -> usize {
    codes.iter().filter(|(_, has)| has == status).count()
}

/// A learner puts the course and the code into the basket and checks out, with nothing to pay.
async fn redeem(learner: &Client, code: &str) -> Answer {
    learner.add("PY").await.expect(StatusCode::CREATED);
    let entered = learner.post("/api/v1/basket/vouchers", &json!({"code": code})).await;
    if entered.status != StatusCode::CREATED {
        return entered;
    }
    learner.checkout("redeem").await
}

#[tokio::test]
async fn codes_are_bought_shown_to_the_buyer_and_redeemed_by_others() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let checkout = buy_codes(&app, &manager, 3).await;
    let order = manager.read_order(&checkout).await;
    assert_eq!(
        (&order["fulfillment_status"], &order["totals"]["total"]["amount"]),
        (&json!("complete"), &json!("120.00"))
    );
    assert_eq!(app.enrolments("manager").await.len(), 0);
    let number = number(&checkout);
    let all = codes(&manager, &number).await;
    assert_eq!((all.len(), count(&all, "available")), (3, 3));
    assert_eq!(codes(&app.staff(), &number).await, all);
    // Nobody else sees them, and an order without codes has none.
    let ada = app.user("ada");
    ada.get(&format!("/api/v1/orders/{number}/codes")).await.problem(404, "unknown_order");
    app.anonymous().get(&format!("/api/v1/orders/{number}/codes")).await.problem(401, "unauthorized");
    let redeemed = redeem(&ada, &all[0].0.to_lowercase()).await.expect(StatusCode::CREATED);
    assert_eq!((&redeemed["status"], &redeemed["payment"]["kind"]), (&json!("paid"), &json!("none")));
    app.settle().await;
    assert_eq!(ada.read_order(&redeemed).await["fulfillment_status"], "complete");
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(codes(&ada, &super::number(&redeemed)).await, []);
    assert_eq!(count(&codes(&manager, &number).await, "used"), 1);
    redeem(&app.user("bob"), &all[0].0).await.problem(404, "unknown_voucher");
    // It opens nothing else.
    app.sell("GO", "10", "USD", None).await;
    let eve = app.user("eve");
    eve.add("GO").await.expect(StatusCode::CREATED);
    eve.post("/api/v1/basket/vouchers", &json!({"code": all[1].0})).await.problem(404, "unknown_voucher");
    // What was sold is not removed, but can be ended.
    let path = format!("/api/v1/vouchers/{}", all[2].0);
    app.staff().delete(&path).await.problem(409, "in_use");
    let mut ended = app.staff().get(&path).await.expect(StatusCode::OK).json;
    let offer = format!("/api/v1/offers/{}", ended["offer"].as_str().expect("an offer"));
    app.staff().delete(&offer).await.problem(409, "in_use");
    let fields = ["code", "usage", "offer", "max_uses", "starts_at", "ends_at", "email_domains"];
    ended.as_object_mut().expect("a voucher").retain(|name, _| fields.contains(&name.as_str()));
    ended["ends_at"] = json!("2020-01-01T00:00:00Z");
    app.staff().put(&path, &ended).await.expect(StatusCode::OK);
    assert_eq!(count(&codes(&manager, &number).await, "withdrawn"), 1);
    // Codes can be bought again, and by who has the course.
    buy_codes(&app, &manager, 2).await;
    buy_codes(&app, &ada, 1).await;
    app.finish().await;
}

#[tokio::test]
async fn a_refund_withdraws_the_codes_and_leaves_who_was_enrolled() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let checkout = buy_codes(&app, &manager, 3).await;
    let all = codes(&manager, &number(&checkout)).await;
    let ada = app.user("ada");
    redeem(&ada, &all[0].0).await.expect(StatusCode::CREATED);
    app.settle().await;
    // Bob has the code in the basket while the money goes back.
    let bob = app.user("bob");
    bob.add("PY").await.expect(StatusCode::CREATED);
    bob.post("/api/v1/basket/vouchers", &json!({"code": all[1].0})).await.expect(StatusCode::CREATED);
    app.advance(1).await;
    let path = format!("/api/v1/orders/{}/refunds", number(&checkout));
    let body = json!({"reason": "wrong course"});
    app.staff().with("Idempotency-Key", "back").post(&path, &body).await.expect(StatusCode::CREATED);
    app.settle().await;
    let order = manager.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("refunded"), &json!("revoked")));
    let now = codes(&manager, &number(&checkout)).await;
    assert_eq!((count(&now, "used"), count(&now, "withdrawn")), (1, 2));
    bob.checkout("late").await.problem(409, "voucher_used_up");
    redeem(&app.user("eve"), &all[2].0).await.problem(404, "unknown_voucher");
    assert_eq!(app.enrolments("ada").await[0]["is_active"], true);
    app.finish().await;
}

#[tokio::test]
async fn a_hundred_codes_are_made_without_the_platform() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let line = json!({"sku": "PY-CODES", "quantity": 100});
    manager.post("/api/v1/basket/lines", &line).await.expect(StatusCode::CREATED);
    let checkout = manager.checkout("many").await.expect(StatusCode::CREATED);
    manager.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    super::lms_is_down(&app);
    app.settle().await;
    let all = codes(&manager, &number(&checkout)).await;
    assert_eq!((all.len(), count(&all, "available")), (100, 100));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_who_redeem_one_code_at_once_one_is_enrolled() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let checkout = buy_codes(&app, &manager, 1).await;
    let code = codes(&manager, &number(&checkout)).await.remove(0).0;
    let mut learners = Vec::new();
    for n in 0..20 {
        let learner = app.user(&format!("learner-{n}"));
        learner.add("PY").await.expect(StatusCode::CREATED);
        learner.post("/api/v1/basket/vouchers", &json!({"code": code})).await.expect(StatusCode::CREATED);
        learners.push(learner);
    }
    let mut under_way = JoinSet::new();
    for learner in learners {
        under_way.spawn(async move { learner.checkout("race").await });
    }
    let answers = under_way.join_all().await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(won, 1);
    assert!(answers.iter().all(|answer| answer.status.is_success() || answer["code"] == "voucher_used_up"));
    app.finish().await;
}

#[tokio::test]
async fn who_bought_codes_is_no_first_time_buyer() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let first = json!({"automatic": true, "condition": {"skus": ["PY"], "first_purchase": true}});
    super::offers::offer(&app, "newcomer", super::offers::percent("50"), first).await;
    let (ada, manager) = (app.user("ada"), app.user("manager"));
    ada.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(ada.get("/api/v1/basket").await["total"]["amount"], "24.95");
    buy(&app, &manager, "PY-CODES").await;
    manager.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(manager.get("/api/v1/basket").await["total"]["amount"], "49.90");
    app.finish().await;
}

#[tokio::test]
async fn an_approved_refund_withdraws_the_codes_before_the_money_has_gone_back() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let checkout = buy_codes(&app, &manager, 3).await;
    super::fault(&app, json!({"target": "stripe", "status": 503, "times": 1000, "operation": "POST /v1/refunds"}))
        .await;
    let path = format!("/api/v1/orders/{}/refunds", number(&checkout));
    let asked = manager.with("Idempotency-Key", "ask").post(&path, &json!({"reason": "no need"})).await;
    let id = asked.expect(StatusCode::CREATED)["id"].as_str().expect("an id").to_owned();
    assert_eq!(count(&codes(&manager, &number(&checkout)).await, "available"), 3);
    app.advance(1).await;
    app.staff().post(&format!("/api/v1/refunds/{id}/approve"), &json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    let order = manager.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("paid"), &json!("revoked")));
    assert_eq!(count(&codes(&manager, &number(&checkout)).await, "withdrawn"), 3);
    app.cloud.faults.clear(None);
    app.advance(7 * 3600).await;
    assert_eq!(manager.read_order(&checkout).await["money_status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn a_part_of_the_price_leaves_the_codes() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let checkout = buy_codes(&app, &manager, 2).await;
    let path = format!("/api/v1/orders/{}/refunds", number(&checkout));
    let part = json!({"reason": "a gesture", "lines": ["PY-CODES"], "amount": {"amount": "10.00", "currency": "USD"}});
    app.staff().with("Idempotency-Key", "part").post(&path, &part).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(count(&codes(&manager, &number(&checkout)).await, "available"), 2);
    app.finish().await;
}

#[tokio::test]
async fn an_offer_for_everything_does_not_sell_codes() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    sell_codes(&app).await;
    let all = json!({"id": "scholar", "name": "Scholarship", "benefit": {"type": "free"}});
    app.staff().post("/api/v1/offers", &all).await.expect(StatusCode::CREATED);
    let code = json!({"code": "SCHOLAR", "usage": "single_use", "offer": "scholar"});
    app.staff().post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
    let ada = app.user("ada");
    ada.post("/api/v1/basket/lines", &json!({"sku": "PY-CODES", "quantity": 100})).await.expect(StatusCode::CREATED);
    ada.post("/api/v1/basket/vouchers", &json!({"code": "SCHOLAR"})).await.problem(404, "unknown_voucher");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let basket = ada.post("/api/v1/basket/vouchers", &json!({"code": "SCHOLAR"})).await.expect(StatusCode::CREATED);
    assert_eq!(basket["total"]["amount"], "4000.00");
    app.finish().await;
}

#[tokio::test]
async fn a_code_that_was_withdrawn_does_not_come_back_with_a_late_payment() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "1.00", "USD", None).await;
    sell_codes(&app).await;
    let manager = app.user("manager");
    let bought = buy_codes(&app, &manager, 1).await;
    let code = codes(&manager, &number(&bought)).await.remove(0).0;
    let ada = app.user("ada");
    ada.add("GO").await.expect(StatusCode::CREATED);
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.post("/api/v1/basket/vouchers", &json!({"code": code})).await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("late").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"]["amount"], "1.00");
    app.advance(super::SESSION_OVER_S + 600).await;
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    let path = format!("/api/v1/orders/{}/refunds", number(&bought));
    let staff = app.staff().with("Idempotency-Key", "back");
    staff.post(&path, &json!({"reason": "no need"})).await.expect(StatusCode::CREATED);
    app.settle().await;
    let payment = super::pay_aside(&app, &checkout, "100").await;
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    assert_eq!(super::given_back(&app, &payment).await, [100]);
    assert_eq!(app.enrolments("ada").await, [] as [Value; 0]);
    app.finish().await;
}
