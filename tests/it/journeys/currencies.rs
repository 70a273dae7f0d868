//! Currencies without decimals and with three: the amount that is charged is the amount that was shown (I7).

use http::StatusCode;
use serde_json::{Value, json};
use tests::TestApp;

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
