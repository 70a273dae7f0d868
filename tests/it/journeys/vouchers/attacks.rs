//! What an attack on the codes found: terms that are gone, budgets that are spent, totals that were not shown.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::super::offers::{offer, percent, shown, usd};
use super::super::{SESSION_OVER_S, pay_aside};
use super::{code, enter, voucher, with_code};

/// Checks out as the shop front does: with the total that was shown.
async fn check_out(client: &Client, key: &'static str, total: &str) -> Answer {
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/o", "total": usd(total)});
    let request = client.request(Method::POST, "/api/v1/checkout").header("Idempotency-Key", key);
    client.send(request.json(&body)).await
}

#[tokio::test]
async fn a_code_whose_budget_is_partly_spent_takes_off_what_is_left_of_it() {
    let app = TestApp::start().await;
    app.sell("PY", "60.00", "USD", None).await;
    offer(&app, "half", percent("50"), json!({"limits": {"max_discount": usd("50.00")}})).await;
    let body = json!({"code": "HALF", "usage": "multi_use", "offer": "half"});
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    let (ada, bob) = (with_code(&app, "ada", "HALF").await, with_code(&app, "bob", "HALF").await);
    assert_eq!(ada.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("30.00"));
    let eve = with_code(&app, "eve", "HALF").await;
    assert_eq!(shown(&eve).await.0, "40.00");
    // Bob was shown more than is left by now: he is told, and then gets what is left.
    bob.checkout("one").await.problem(409, "price_changed");
    assert_eq!(bob.checkout("two").await.expect(StatusCode::CREATED)["total"], usd("40.00"));
    eve.checkout("one").await.problem(409, "voucher_used_up");
    app.advance(SESSION_OVER_S).await;
    app.finish().await;
}

#[tokio::test]
async fn an_offer_and_a_code_that_were_removed_and_made_again_are_others() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "AGAIN", "multi_use", json!({})).await;
    let ada = with_code(&app, "ada", "AGAIN").await;
    let staff = app.staff();
    staff.delete("/api/v1/offers/fifth").await.expect(StatusCode::NO_CONTENT);
    app.cloud.clock.advance(jiff::SignedDuration::from_secs(1));
    offer(&app, "fifth", percent("1"), json!({})).await;
    ada.checkout("one").await.problem(409, "price_changed");
    assert_eq!(ada.checkout("two").await.expect(StatusCode::CREATED)["total"], usd("49.40"));

    let bob = with_code(&app, "bob", "AGAIN").await;
    app.advance(SESSION_OVER_S).await;
    staff.delete("/api/v1/vouchers/AGAIN").await.expect(StatusCode::NO_CONTENT);
    code(&app, "AGAIN", "multi_use", json!({"email_domains": ["other.example"]})).await;
    bob.checkout("one").await.problem(409, "voucher_used_up");
    assert_eq!(voucher(&app, "AGAIN").await["taken"], 0);
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_was_begun_is_no_answer_to_another_total() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let first = ada.order("PY").await;
    offer(&app, "tenth", percent("10"), json!({"automatic": true})).await;
    assert_eq!(shown(&ada).await.0, "44.91");
    let second = check_out(&ada, "two", "44.91").await.expect(StatusCode::CREATED);
    assert_ne!(second["order_number"], first["order_number"]);
    assert_eq!((&second["total"], &ada.read_order(&first).await["status"]), (&usd("44.91"), &json!("cancelled")));
    app.advance(SESSION_OVER_S).await;
    app.finish().await;
}

#[tokio::test]
async fn a_late_payment_with_a_code_that_was_removed_is_paid_back_and_makes_no_code() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "LATE", "multi_use", json!({})).await;
    let ada = with_code(&app, "ada", "LATE").await;
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    app.advance(SESSION_OVER_S).await;
    app.staff().delete("/api/v1/vouchers/LATE").await.expect(StatusCode::NO_CONTENT);
    pay_aside(&app, &checkout, "3992").await;
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["status"], "expired");
    app.staff().get("/api/v1/vouchers/LATE").await.problem(404, "unknown_voucher");
    code(&app, "LATE", "multi_use", json!({})).await;
    app.finish().await;
}

#[tokio::test]
async fn a_code_that_lapses_in_the_basket_is_told_and_one_that_waits_for_more_stays() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    let ends = app.cloud.clock.now() + jiff::SignedDuration::from_mins(5);
    code(&app, "SHORT", "multi_use", json!({"ends_at": ends.to_string()})).await;
    offer(&app, "pair", percent("5"), json!({"condition": {"min_quantity": 2}})).await;
    let body = json!({"code": "PAIR", "usage": "multi_use", "offer": "pair"});
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    let ada = with_code(&app, "ada", "SHORT").await;
    ada.add("GO").await.expect(StatusCode::CREATED);
    enter(&ada, "PAIR").await.expect(StatusCode::CREATED);
    ada.delete("/api/v1/basket/lines/GO").await.expect(StatusCode::OK);
    app.cloud.clock.advance(jiff::SignedDuration::from_mins(5));
    let refused = ada.checkout("one").await;
    refused.problem(409, "voucher_used_up");
    assert!(refused["detail"].as_str().unwrap().starts_with("SHORT "), "{}", refused.text);
    assert_eq!(ada.get("/api/v1/basket").await["vouchers"], json!(["PAIR"]));
    assert_eq!(ada.checkout("two").await.expect(StatusCode::CREATED)["total"], usd("49.90"));
    app.advance(SESSION_OVER_S).await;
    app.finish().await;
}

#[tokio::test]
async fn quotes_are_no_way_to_guess_codes() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let nobody = app.anonymous();
    let many = "&code=A".repeat(6);
    nobody.get(&format!("/api/v1/quote?sku=PY{many}")).await.problem(422, "invalid_fields");
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..12 {
        answers.push(nobody.get("/api/v1/quote?sku=PY&code=GUESS").await.json["code"].clone());
    }
    assert!(answers.contains(&json!("too_many_requests")), "{answers:?}");
    nobody.get("/api/v1/quote?sku=PY").await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn a_use_that_the_baskets_own_order_gave_back_can_be_had_again() {
    let app = TestApp::start().await;
    app.sell("PY", "50.00", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    offer(&app, "only", percent("20"), json!({"limits": {"max_uses": 1}})).await;
    let body = json!({"code": "ONLY", "usage": "multi_use", "offer": "only"});
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    let ada = with_code(&app, "ada", "ONLY").await;
    ada.checkout("one").await.expect(StatusCode::CREATED);
    // Entered again while the order has the one use: what the basket keeps says that none is left.
    ada.add("GO").await.expect(StatusCode::CREATED);
    enter(&ada, "ONLY").await.expect(StatusCode::CREATED);
    app.advance(SESSION_OVER_S).await;
    assert_eq!(ada.checkout("two").await.expect(StatusCode::CREATED)["total"], usd("48.00"));
    app.advance(SESSION_OVER_S).await;
    app.finish().await;
}
