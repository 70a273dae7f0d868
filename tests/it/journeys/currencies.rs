//! Currencies without decimals and with three: the amount that is charged is the amount that was shown (I7).

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

use super::offers::{offer, percent};
use super::stripe_get;

/// Sells a course at a price; checks what the processor charges and what the receipts show.
async fn check(amount: &str, currency: &str, units: i64) {
    let app = TestApp::start().await;
    app.sell("PY", amount, currency, None).await;
    let ada = app.user("ada");
    let money = json!({"amount": amount, "currency": currency});
    assert_eq!(ada.add("PY").await.expect(StatusCode::CREATED)["total"], money);
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], money);
    let url = checkout["payment"]["url"].as_str().expect("a page").to_owned();
    let session = url.rsplit('/').next().expect("a session");
    let session = super::stripe_get(&app, &format!("checkout/sessions/{session}")).await;
    let charged = (session["amount_total"].as_i64(), session["currency"].as_str().map(str::to_uppercase));
    assert_eq!(charged, (Some(units), Some(currency.to_owned())));

    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["money_status"], "paid");
    let path = format!("/api/v1/orders/{}/receipt", super::number(&checkout));
    let receipt = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&receipt["totals"]["total"], &receipt["lines"][0]["unit_price"]), (&money, &money));
    let page = ada.with("Accept", "text/html").get(&path).await.expect(StatusCode::OK);
    assert!(page.text.contains(&format!(">{amount} {currency}<")), "{}", page.text);
    assert_eq!(page.json, Value::Null);
    app.finish().await;
}

#[tokio::test]
async fn yen_are_charged_whole() {
    check("5000", "JPY", 5000).await;
}

#[tokio::test]
async fn dinars_are_charged_in_thousandths() {
    check("12.500", "KWD", 12_500).await;
}

#[tokio::test]
async fn dollars_are_charged_in_cents() {
    check("49.90", "USD", 4_990).await;
}

#[tokio::test]
async fn a_price_that_the_processor_cannot_charge_is_refused_when_it_is_set() {
    let app = TestApp::start().await;
    app.sell("PY", "12.500", "KWD", None).await;
    let set = |amount: &str, currency: &str| json!({"price": {"amount": amount, "currency": currency}});
    let staff = app.staff();
    let path = "/api/v1/products/PY/stock";
    staff.put(path, &set("12.505", "KWD")).await.problem(422, "invalid_fields");
    staff.put(path, &set("12.50", "ISK")).await.problem(422, "invalid_fields");
    staff.put(path, &set("12", "ISK")).await.problem(422, "unsupported_currency");
    staff.put(path, &set("12.510", "KWD")).await.expect(StatusCode::OK);
    app.finish().await;
}

/// A bundle, a seat, and seven codes: an offer without a code takes a share off all of it, one with a code takes an amount
/// off, and what is left is asked for to the unit.
async fn check_offers(price: &str, off: &str, currency: &str, units: i64) {
    let app = TestApp::start().await;
    let money = |amount: &str| json!({"amount": amount, "currency": currency});
    for sku in ["PY", "GO", "ML"] {
        app.sell(sku, price, currency, None).await;
    }
    for (sku, kind, contains) in [("BOTH", "bundle", json!(["GO", "ML"])), ("TEAM", "enrollment_code", json!(["PY"]))] {
        let body = json!({
            "sku": sku, "kind": kind, "title": sku, "published": true, "contains": contains,
            "stock": [{"price": money(price)}],
        });
        app.staff().post("/api/v1/products", &body).await.expect(StatusCode::CREATED);
    }
    // Enrolment codes are meant only where they are named.
    let all = json!({"skus": ["PY", "BOTH", "TEAM"]});
    offer(&app, "share", percent("15"), json!({"automatic": true, "priority": 1, "condition": all})).await;
    offer(&app, "amount", json!({"type": "absolute", "value": money(off)}), json!({"condition": all})).await;
    let code = json!({"code": "OFF", "usage": "multi_use", "offer": "amount"});
    app.staff().post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
    let ada = app.user("ada");
    for line in [json!({"sku": "PY"}), json!({"sku": "BOTH"}), json!({"sku": "TEAM", "quantity": 7})] {
        ada.post("/api/v1/basket/lines", &line).await.expect(StatusCode::CREATED);
    }
    let entered = ada.post("/api/v1/basket/vouchers", &json!({"code": "OFF"})).await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(entered["total"], checkout["total"]);
    let session =
        checkout["payment"]["url"].as_str().expect("a page").rsplit('/').next().expect("a session").to_owned();
    let asked = stripe_get(&app, &format!("checkout/sessions/{session}")).await;
    assert_eq!((&asked["amount_total"], &asked["amount_subtotal"]), (&json!(units), &json!(units)));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    assert_eq!(order["totals"]["total"], checkout["total"]);
    app.finish().await;
}

#[tokio::test]
async fn what_offers_leave_is_charged_to_the_unit_in_every_currency() {
    // 9 × 49.99 = 449.91; 15 % of each line, 7.50 + 7.50 + 52.49 = 67.49; less 10.01.
    check_offers("49.99", "10.01", "USD", 37_241).await;
    // 9 × 4999 = 44991; 750 + 750 + 5249 = 6749; less 1001.
    check_offers("4999", "1001", "JPY", 37_241).await;
    // 9 × 12.530 = 112.770; in tens 1.880 + 1.880 + 13.160 = 16.920; less 1.005, of which 1.000 can be paid.
    check_offers("12.530", "1.005", "KWD", 94_850).await;
}
