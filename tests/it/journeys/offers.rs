//! Offers that need no code: shown, quoted, ordered and charged alike, within their limits (I5, I7).

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{number, stripe_get};

/// Makes an offer of a benefit, with more of its fields over it.
pub(super) async fn offer(app: &TestApp, id: &str, benefit: Value, more: Value) {
    let mut body = json!({"id": id, "name": id, "benefit": benefit});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    app.staff().post("/api/v1/offers", &body).await.expect(StatusCode::CREATED);
}

pub(super) fn percent(value: &str) -> Value {
    json!({"type": "percent", "value": value})
}

pub(super) fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// The basket's total, and the offers applied to its first line.
pub(super) async fn shown(client: &Client) -> (Value, Value) {
    let basket = client.get("/api/v1/basket").await.expect(StatusCode::OK);
    (basket["total"]["amount"].clone(), basket["lines"][0]["applied"].clone())
}

/// The uses of an offer, as staff read them.
pub(super) async fn uses(app: &TestApp, id: &str) -> Value {
    app.staff().get(&format!("/api/v1/offers/{id}")).await.expect(StatusCode::OK)["uses"].clone()
}

#[tokio::test]
async fn the_price_is_the_same_in_quote_basket_checkout_order_and_at_the_processor() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "19.99", "USD", None).await;
    let condition = json!({"condition": {"skus": ["PY"]}, "automatic": true, "limits": {"max_uses": 10}});
    offer(&app, "spring", percent("15"), condition).await;
    let applied = json!([{"offer": "spring", "voucher": null, "amount": usd("7.49")}]);
    let quote = app.anonymous().get("/api/v1/quote?sku=PY&sku=GO").await.expect(StatusCode::OK);
    assert_eq!((&quote["total"], &quote["lines"][0]["applied"]), (&usd("62.40"), &applied));
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let added = ada.add("GO").await.expect(StatusCode::CREATED);
    assert_eq!((&added["total"], &added["discount"]), (&usd("62.40"), &usd("7.49")));
    assert_eq!(shown(&ada).await, (json!("62.40"), applied));
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], usd("62.40"));
    assert_eq!(uses(&app, "spring").await, json!({"orders": 1, "given": null}));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], &order["totals"]["total"]), (&json!("paid"), &usd("62.40")));
    let paid = stripe_get(&app, "events?type=checkout.session.completed").await;
    assert_eq!(paid["data"][0]["data"]["object"]["amount_total"], 6_240);
    assert_eq!(uses(&app, "spring").await, json!({"orders": 1, "given": null}));
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_ends_unpaid_gives_its_use_back_and_one_that_is_declined_keeps_it() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    offer(&app, "first-two", percent("50"), json!({"automatic": true, "limits": {"max_uses": 2}})).await;
    let (ada, bob, eve) = (app.user("ada"), app.user("bob"), app.user("eve"));
    let first = ada.order("PY").await;
    let second = bob.order("PY").await;
    eve.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(shown(&eve).await.0, "49.90");
    // Whose own order has the use sees the price of that order.
    assert_eq!(shown(&ada).await.0, "24.95");
    ada.pay(&first, "decline").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(shown(&eve).await.0, "49.90");
    bob.post(&format!("/api/v1/orders/{}/cancel", number(&second)), &json!({})).await.expect(StatusCode::OK);
    assert_eq!(shown(&eve).await.0, "24.95");
    assert_eq!(uses(&app, "first-two").await["orders"], 1);
    app.advance(super::SESSION_OVER_S).await;
    assert_eq!(ada.read_order(&first).await["status"], "expired");
    assert_eq!(uses(&app, "first-two").await["orders"], 0);
    app.finish().await;
}

#[tokio::test]
async fn a_late_payment_is_taken_while_there_are_uses_and_given_back_when_there_are_none() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    offer(&app, "one", percent("50"), json!({"automatic": true, "limits": {"max_uses": 1}})).await;
    for others in [false, true] {
        let late = app.user(if others { "late-2" } else { "late-1" });
        if others {
            let body = json!({"id": "one", "name": "one", "benefit": percent("50"), "automatic": true, "limits": {"max_uses": 2}});
            app.staff().put("/api/v1/offers/one", &body).await.expect(StatusCode::OK);
        }
        let checkout = late.order("PY").await;
        assert_eq!(checkout["total"]["amount"], "24.95");
        app.advance(super::SESSION_OVER_S).await;
        if others {
            let other = app.user("other");
            let theirs = other.order("PY").await;
            assert_eq!(theirs["total"]["amount"], "24.95");
        }
        super::pay_aside(&app, &checkout, "2495").await;
        app.settle().await;
        let order = late.read_order(&checkout).await;
        let ends = if others { ("expired", "unpaid") } else { ("paid", "paid") };
        assert_eq!((order["status"].as_str().unwrap(), order["money_status"].as_str().unwrap()), ends);
    }
    app.finish().await;
}

#[tokio::test]
async fn an_offer_that_was_edited_after_it_was_shown_is_explained_and_not_charged() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    offer(&app, "sale", percent("20"), json!({"automatic": true})).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(shown(&ada).await.0, "39.92");
    let body = json!({"id": "sale", "name": "sale", "benefit": percent("10"), "automatic": true});
    app.staff().put("/api/v1/offers/sale", &body).await.expect(StatusCode::OK);
    let check_out = |key: &'static str, total: Value| {
        let body = json!({"processor": "stripe", "return_url": "https://shop.example/o", "total": total});
        let request = ada.request(http::Method::POST, "/api/v1/checkout").header("Idempotency-Key", key).json(&body);
        let ada = ada.clone();
        async move { ada.send(request).await }
    };
    let refused: Answer = check_out("one", usd("39.92")).await;
    refused.problem(409, "price_changed");
    assert!(refused["detail"].as_str().unwrap().contains("44.91 USD"), "{}", refused.text);
    assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    let taken = check_out("two", usd("44.91")).await.expect(StatusCode::CREATED);
    assert_eq!(taken["total"], usd("44.91"));
    app.staff().delete("/api/v1/offers/sale").await.expect(StatusCode::NO_CONTENT);
    // What was ordered stays as it was shown.
    assert_eq!(ada.read_order(&taken).await["totals"]["total"], usd("44.91"));
    ada.pay(&taken, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&taken).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_budget_of_money_is_given_to_the_unit_and_no_further() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    let limits = json!({"automatic": true, "limits": {"max_discount": usd("7.00")}});
    offer(&app, "budget", percent("30"), limits).await;
    for (name, total) in [("a", "7.00"), ("b", "7.00"), ("c", "9.00"), ("d", "10.00")] {
        let learner = app.user(name);
        let checkout = learner.order("PY").await;
        assert_eq!(checkout["total"]["amount"], total, "{name}");
        learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    }
    app.settle().await;
    assert_eq!(uses(&app, "budget").await, json!({"orders": 3, "given": usd("7.00")}));
    app.finish().await;
}

#[tokio::test]
async fn a_first_purchase_and_a_limit_for_each_user_are_kept() {
    let app = TestApp::start().await;
    for sku in ["PY", "GO", "ML"] {
        app.sell(sku, "10.00", "USD", None).await;
    }
    let welcome = json!({"automatic": true, "condition": {"first_purchase": true}});
    offer(&app, "welcome", percent("50"), welcome).await;
    let twice = json!({"automatic": true, "limits": {"max_uses_per_user": 2}});
    offer(&app, "twice", json!({"type": "absolute", "value": usd("1")}), twice).await;
    let ada = app.user("ada");
    for (sku, total) in [("PY", "4.50"), ("GO", "9.00"), ("ML", "10.00")] {
        let checkout = ada.order(sku).await;
        assert_eq!(checkout["total"]["amount"], total, "{sku}");
        ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_offer_follows_its_catalog_and_a_catalog_in_use_stays() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    let staff = app.staff();
    let catalog = |query: Value| json!({"id": "sci", "title": "Science", "query": query});
    let pattern = |pattern: &str| json!({"key_pattern": pattern, "mode": "verified"});
    staff.post("/api/v1/catalogs", &catalog(pattern("*+PY+*"))).await.expect(StatusCode::CREATED);
    let more = json!({"automatic": true, "condition": {"catalog": "sci"}});
    offer(&app, "science", percent("10"), more).await;
    let quoted =
        async |sku: &str| app.anonymous().get(&format!("/api/v1/quote?sku={sku}")).await["total"]["amount"].clone();
    assert_eq!((quoted("PY").await, quoted("GO").await), (json!("9.00"), json!("10.00")));
    let listed = app.anonymous().get("/api/v1/products?catalog=sci").await.expect(StatusCode::OK);
    assert_eq!(listed["items"].as_array().unwrap().iter().map(|p| p["sku"].clone()).collect::<Vec<_>>(), ["PY"]);
    staff.put("/api/v1/catalogs/sci", &catalog(pattern("*+GO+*"))).await.expect(StatusCode::OK);
    assert_eq!((quoted("PY").await, quoted("GO").await), (json!("10.00"), json!("9.00")));
    let read = staff.get("/api/v1/catalogs/sci").await.expect(StatusCode::OK);
    assert_eq!((&read["offers"], &read["version"]), (&json!(["science"]), &json!(2)));
    staff.delete("/api/v1/catalogs/sci").await.problem(409, "in_use");
    staff.delete("/api/v1/offers/science").await.expect(StatusCode::NO_CONTENT);
    staff.delete("/api/v1/catalogs/sci").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(quoted("GO").await, "10.00");
    app.finish().await;
}

#[tokio::test]
async fn a_course_that_an_offer_makes_free_is_paid_at_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let more = json!({"automatic": true, "limits": {"max_uses": 1}, "condition": {"email_domains": ["example.com"]}});
    offer(&app, "gift", json!({"type": "free"}), more).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    assert_eq!((&checkout["status"], &checkout["payment"]["kind"]), (&json!("paid"), &json!("none")));
    app.settle().await;
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(uses(&app, "gift").await["orders"], 1);
    app.finish().await;
}

#[tokio::test]
async fn an_offer_that_makes_no_sense_is_refused_field_by_field() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let good = json!({"id": "it", "name": "It", "benefit": percent("10")});
    let check = async |field: &str, value: Value, pointer: &str| {
        let mut body = good.clone();
        body[field] = value;
        let refused = staff.post("/api/v1/offers", &body).await;
        refused.problem(422, "invalid_fields");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{}", refused.text);
    };
    check("benefit", percent("0"), "/benefit/value").await;
    check("benefit", percent("101"), "/benefit/value").await;
    check("benefit", json!({"type": "percent"}), "/benefit/value").await;
    check("benefit", json!({"type": "free", "value": "1"}), "/benefit/value").await;
    check("benefit", percent("1.23456"), "/benefit/value").await;
    check("benefit", json!({"type": "absolute", "value": usd("0")}), "/benefit/value").await;
    check("benefit", json!({"type": "fixed_price", "value": usd("-1")}), "/benefit/value").await;
    check("limits", json!({"max_uses": 0}), "/limits/max_uses").await;
    check("condition", json!({"catalog": "none"}), "/condition/catalog").await;
    check("condition", json!({"skus": []}), "/condition/skus").await;
    check("condition", json!({"whole": true}), "/condition/whole").await;
    check("condition", json!({"min_quantity": 0}), "/condition/min_quantity").await;
    check("condition", json!({"email_domains": ["*.example"]}), "/condition/email_domains/0").await;
    staff.post("/api/v1/offers", &good).await.expect(StatusCode::CREATED);
    staff.post("/api/v1/offers", &good).await.problem(409, "conflict");
    let mut other = good.clone();
    other["automatic"] = json!(true);
    staff.put("/api/v1/offers/it", &other).await.problem(422, "invalid_fields");
    app.user("ada").get("/api/v1/offers").await.problem(403, "forbidden");
    staff.get("/api/v1/offers/none").await.problem(404, "unknown_offer");
    app.finish().await;
}
