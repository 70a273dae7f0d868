//! How much goes back: by line, by amount, of nothing, in any currency.

use http::StatusCode;
use serde_json::json;
use tests::TestApp;

use super::{ask, buy_all, decide, is_active, so, stands, usd};
use crate::journeys::offers::{offer, uses};
use crate::journeys::{buy, given_back, happened, number};

#[tokio::test]
async fn one_line_goes_back_and_the_other_stays() {
    let app = TestApp::start().await;
    app.sell("PY", "30.01", "USD", None).await;
    app.sell("GO", "20.00", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy_all(&app, &ada, &["PY", "GO"]).await;
    let staff = app.staff();
    ask(&staff, &checkout, "bad", json!({"lines": ["RS"]})).await.problem(422, "invalid_fields");
    let more = json!({"lines": ["PY"], "amount": usd("30.02")});
    ask(&staff, &checkout, "much", more).await.problem(422, "invalid_fields");
    let part = json!({"lines": [1], "amount": usd("10.00")});
    ask(&staff, &checkout, "part", part).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "complete", &["succeeded"]));
    let rest = ask(&staff, &checkout, "rest", json!({"lines": ["PY"]})).await.expect(StatusCode::CREATED);
    assert_eq!(rest["lines"], json!([{"line": 1, "amount": usd("20.01")}]));
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "partial", &["succeeded", "succeeded"]));
    let order = ada.read_order(&checkout).await;
    let states = [0, 1].map(|line| order["lines"][line]["fulfillment"]["state"].clone());
    assert_eq!(states, ["revoked", "granted"]);
    assert_eq!(given_back(&app, &payment).await.iter().sum::<i64>(), 3_001);
    ask(&staff, &checkout, "again", json!({"lines": ["PY"]})).await.problem(409, "nothing_to_refund");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("GO").await.problem(409, "already_purchased");
    app.finish().await;
}

#[tokio::test]
async fn parts_by_amount_add_up_to_the_whole_and_no_further() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let staff = app.staff();
    for (amount, money) in [("10.00", "partially_refunded"), ("0.01", "partially_refunded"), ("39.89", "refunded")] {
        ask(&staff, &checkout, amount, json!({"amount": usd(amount)})).await.expect(StatusCode::CREATED);
        app.settle().await;
        let order = ada.read_order(&checkout).await;
        assert_eq!((&order["money_status"], is_active(&app, "ada").await), (&json!(money), vec![money != "refunded"]));
        if money != "refunded" {
            let much = ask(&staff, &checkout, "much", json!({"amount": usd("39.91")})).await;
            assert_eq!(much["errors"][0]["pointer"], "/amount", "{}", much.text);
        }
        app.check().await;
    }
    ask(&staff, &checkout, "more", json!({"amount": usd("0.01")})).await.problem(409, "nothing_to_refund");
    for wrong in [usd("0.00"), usd("-1.00"), json!({"amount": "1.00", "currency": "EUR"})] {
        let refused = ask(&staff, &checkout, "wrong", json!({"amount": wrong})).await;
        assert_eq!((refused.status.as_u16(), &refused["errors"][0]["pointer"]), (422, &json!("/amount")));
    }
    assert_eq!(given_back(&app, &payment).await.iter().sum::<i64>(), 4_990);
    app.finish().await;
}

#[tokio::test]
async fn two_refunds_at_once_take_the_rest_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let staff = app.staff();
    let amount = |amount: &str| json!({"amount": usd(amount)});
    let (a, b, c) = tokio::join!(
        ask(&staff, &checkout, "a", amount("30.00")),
        ask(&staff, &checkout, "b", amount("30.00")),
        ask(&staff, &checkout, "c", amount("30.00")),
    );
    let mut statuses = [&a, &b, &c].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422]);
    // The same request twice is one refund.
    let (a, b) = tokio::join!(ask(&staff, &checkout, "same", json!({})), ask(&staff, &checkout, "same", json!({})));
    assert_eq!((a.status.as_u16(), b.status.as_u16(), &a["id"]), (201, 201, &b["id"]));
    app.settle().await;
    let mut back = given_back(&app, &payment).await;
    back.sort_unstable();
    assert_eq!(back, [1_990, 3_000]);
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded", "succeeded"]));
    app.finish().await;
}

#[tokio::test]
async fn a_free_order_is_refunded_at_once_and_nobody_is_asked() {
    let app = TestApp::start().await;
    app.sell("FREE", "0.00", "USD", None).await;
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let (first, second) = (ada.order("FREE").await, bob.order("FREE").await);
    app.settle().await;
    let refund = ask(&app.staff(), &first, "one", json!({})).await.expect(StatusCode::CREATED);
    assert_eq!((&refund["state"], &refund["amount"]), (&json!("succeeded"), &usd("0.00")));
    ask(&app.staff(), &first, "two", json!({})).await.problem(409, "nothing_to_refund");
    let asked = ask(&bob, &second, "one", json!({})).await.expect(StatusCode::CREATED);
    ask(&bob, &second, "two", json!({})).await.problem(409, "refund_pending");
    let approved = decide(&app, &asked, "approve", json!({})).await.expect(StatusCode::OK);
    assert_eq!(approved["state"], "succeeded");
    app.settle().await;
    for (learner, client, checkout) in [("ada", &ada, &first), ("bob", &bob, &second)] {
        let order = client.read_order(checkout).await;
        assert_eq!((&order["fulfillment_status"], is_active(&app, learner).await), (&json!("revoked"), vec![false]));
        assert_eq!(happened(&app, checkout, "refund_completed").await, 1);
        client.add("FREE").await.expect(StatusCode::CREATED);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_free_line_of_a_paid_order_goes_by_itself() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("FREE", "0.00", "USD", None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy_all(&app, &ada, &["FREE", "PY"]).await;
    ask(&app.staff(), &checkout, "one", json!({"lines": ["FREE"]})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("paid", "partial", &["succeeded"]));
    assert_eq!(given_back(&app, &payment).await, Vec::<i64>::new());
    app.finish().await;
}

/// A price in some currency goes back by a third of its units and then the rest.
async fn check(amount: &str, part: &str, currency: &str, units: [i64; 2]) {
    let app = TestApp::start().await;
    app.sell("PY", amount, currency, None).await;
    let ada = app.user("ada");
    let (checkout, payment) = buy(&app, &ada, "PY").await;
    let money = |amount: &str| json!({"amount": amount, "currency": currency});
    let staff = app.staff();
    ask(&staff, &checkout, "usd", json!({"amount": usd("1.00")})).await.problem(422, "invalid_fields");
    ask(&staff, &checkout, "part", json!({"amount": money(part)})).await.expect(StatusCode::CREATED);
    app.settle().await;
    ask(&staff, &checkout, "rest", json!({"lines": ["PY"]})).await.expect(StatusCode::CREATED);
    app.settle().await;
    let mut back = given_back(&app, &payment).await;
    back.sort_unstable();
    assert_eq!(back, units);
    let file = app.cloud.store.read_order(&number(&checkout).parse().expect("a number")).await.expect("a table");
    let left = file.expect("an order").balance(domain::ledger::Account::Sale).expect("a sum");
    assert_eq!((left.minor(), left.currency().code()), (0, currency));
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded", "succeeded"]));
    app.finish().await;
}

#[tokio::test]
async fn yen_go_back_whole() {
    check("5000", "1667", "JPY", [1_667, 3_333]).await;
}

#[tokio::test]
async fn dinars_go_back_in_thousandths() {
    check("12.500", "4.160", "KWD", [4_160, 8_340]).await;
}

/// A bundle in yen that an offer made cheaper, with a seat beside it: the bundle goes back whole, the seat in two parts.
#[tokio::test]
async fn what_an_offer_left_of_a_bundle_in_yen_goes_back_and_no_more() {
    let app = TestApp::start().await;
    let yen = |amount: &str| json!({"amount": amount, "currency": "JPY"});
    for sku in ["PY", "GO", "ML"] {
        app.sell(sku, "3333", "JPY", None).await;
    }
    let bundle = json!({
        "sku": "BOTH", "kind": "bundle", "title": "Both", "published": true, "contains": ["PY", "GO"],
        "stock": [{"price": yen("5001")}],
    });
    app.staff().post("/api/v1/products", &bundle).await.expect(StatusCode::CREATED);
    let third = json!({"type": "percent", "value": "33.3333"});
    offer(&app, "third", third, json!({"automatic": true, "limits": {"max_discount": yen("2777")}})).await;
    let ada = app.user("ada");
    // 1667 + 1111 = 2778, of which the offer has 2777: 3335 and 2222 are left.
    let (checkout, payment) = buy_all(&app, &ada, &["BOTH", "ML"]).await;
    assert_eq!(checkout["total"], yen("5557"));
    let staff = app.staff();
    ask(&staff, &checkout, "more", json!({"lines": ["BOTH"], "amount": yen("3336")}))
        .await
        .problem(422, "invalid_fields");
    ask(&staff, &checkout, "bundle", json!({"lines": ["BOTH"]})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("partially_refunded", "partial", &["succeeded"]));
    ask(&staff, &checkout, "half", json!({"lines": ["ML"], "amount": yen("1111")})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(is_active(&app, "ada").await.iter().filter(|active| **active).count(), 1);
    ask(&staff, &checkout, "rest", json!({})).await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(stands(&ada, &checkout).await, so("refunded", "revoked", &["succeeded"; 3]));
    let mut back = given_back(&app, &payment).await;
    back.sort_unstable();
    assert_eq!(back, [1_111, 1_111, 3_335]);
    assert!(!is_active(&app, "ada").await.contains(&true));
    // An order that was paid keeps its use of the budget.
    assert_eq!(uses(&app, "third").await["given"], yen("2777"));
    app.finish().await;
}

#[tokio::test]
async fn a_part_that_the_processor_cannot_pay_is_refused() {
    let app = TestApp::start().await;
    app.sell("PY", "12.500", "KWD", None).await;
    let (checkout, _) = buy(&app, &app.user("ada"), "PY").await;
    let odd = json!({"amount": {"amount": "4.165", "currency": "KWD"}});
    ask(&app.staff(), &checkout, "odd", odd).await.problem(422, "amount_not_payable");
    app.finish().await;
}
