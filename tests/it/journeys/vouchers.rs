//! Codes: entered, used within their limits whoever races for them, and given back when nothing was bought (I5).

mod attacks;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::number;
use super::offers::{offer, percent, shown, usd};

/// A code of a usage that opens an offer of 20 percent off everything.
async fn code(app: &TestApp, code: &str, usage: &str, more: Value) {
    let there = app.staff().get("/api/v1/offers/fifth").await;
    if there.status == StatusCode::NOT_FOUND {
        offer(app, "fifth", percent("20"), json!({})).await;
    }
    let mut body = json!({"code": code, "usage": usage, "offer": "fifth"});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
}

async fn enter(client: &Client, code: &str) -> Answer {
    client.post("/api/v1/basket/vouchers", &json!({"code": code})).await
}

async fn voucher(app: &TestApp, code: &str) -> Answer {
    app.staff().get(&format!("/api/v1/vouchers/{code}")).await.expect(StatusCode::OK)
}

/// A learner with PY and the code in the basket.
async fn with_code(app: &TestApp, name: &str, code: &str) -> Client {
    let learner = app.user(name);
    learner.add("PY").await.expect(StatusCode::CREATED);
    enter(&learner, code).await.expect(StatusCode::CREATED);
    learner
}

/// Everybody checks out at once.
async fn at_once(learners: Vec<Client>) -> Vec<(Client, Answer)> {
    let mut under_way = JoinSet::new();
    for (i, learner) in learners.into_iter().enumerate() {
        under_way.spawn(async move {
            let answer = learner.checkout(&format!("key-{i}")).await;
            (learner, answer)
        });
    }
    under_way.join_all().await
}

#[tokio::test]
async fn a_code_is_entered_in_any_case_used_and_listed_with_its_order() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "SUMMER", "single_use", json!({})).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let basket = enter(&ada, " summer ").await.expect(StatusCode::CREATED);
    assert_eq!((&basket["vouchers"], &basket["total"]), (&json!(["SUMMER"]), &usd("39.92")));
    let applied = json!([{"offer": "fifth", "voucher": "SUMMER", "amount": usd("9.98")}]);
    assert_eq!(shown(&ada).await, (json!("39.92"), applied));
    let out = ada.delete("/api/v1/basket/vouchers/summer").await.expect(StatusCode::OK);
    assert_eq!((&out["vouchers"], &out["total"]), (&json!([]), &usd("49.90")));
    ada.delete("/api/v1/basket/vouchers/summer").await.problem(404, "unknown_voucher");
    enter(&ada, "SUMMER").await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], usd("39.92"));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let read = voucher(&app, "summer").await;
    let uses = json!([{"order_number": number(&checkout), "username": "ada", "at": read["uses"][0]["at"]}]);
    assert_eq!((&read["taken"], &read["uses"]), (&json!(1), &uses));
    app.staff().delete("/api/v1/vouchers/summer").await.problem(409, "in_use");
    // Used up, unknown and everything else is told alike, but to staff.
    let bob = app.user("bob");
    bob.add("PY").await.expect(StatusCode::CREATED);
    let (used_up, unknown) = (enter(&bob, "SUMMER").await, enter(&bob, "NOSUCH").await);
    used_up.problem(404, "unknown_voucher");
    assert_eq!((&used_up["detail"], &used_up["title"]), (&unknown["detail"], &unknown["title"]));
    app.staff().add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(enter(&app.staff(), "SUMMER").await["detail"], "it is used up");
    app.finish().await;
}

#[tokio::test]
async fn a_code_is_for_its_time_its_people_and_its_products() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    let condition = json!({"condition": {"skus": ["GO"]}});
    offer(&app, "go-only", percent("10"), condition).await;
    let body = json!({"code": "GO", "usage": "multi_use", "offer": "go-only"});
    app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    code(&app, "OVER", "multi_use", json!({"ends_at": "2020-01-01T00:00:00Z"})).await;
    code(&app, "SOON", "multi_use", json!({"starts_at": "2100-01-01T00:00:00Z"})).await;
    code(&app, "OTHERS", "multi_use", json!({"email_domains": ["other.example"]})).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    for code in ["GO", "OVER", "SOON", "OTHERS"] {
        enter(&ada, code).await.problem(404, "unknown_voucher");
    }
    assert_eq!(ada.get("/api/v1/basket").await["vouchers"], json!([]));
    let quote = ada.get("/api/v1/quote?sku=GO&code=go&code=over&code=nosuch").await.expect(StatusCode::OK);
    assert_eq!((&quote["total"], &quote["rejected_codes"]), (&usd("9.00"), &json!(["OVER", "NOSUCH"])));
    ada.add("GO").await.expect(StatusCode::CREATED);
    enter(&ada, "GO").await.expect(StatusCode::CREATED);
    // A code whose product is taken out takes nothing off, and says so.
    let left = ada.delete("/api/v1/basket/lines/GO").await.expect(StatusCode::OK);
    assert_eq!((&left["total"], &left["messages"][0]["code"]), (&usd("49.90"), &json!("voucher_not_applied")));
    assert_eq!(ada.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("49.90"));
    assert_eq!(voucher(&app, "GO").await["taken"], 0);
    app.finish().await;
}

#[tokio::test]
async fn guesses_are_slowed_down() {
    let app = TestApp::start().await;
    let ada = app.user("ada");
    for _ in 0..10 {
        enter(&ada, "GUESS").await.problem(404, "unknown_voucher");
    }
    enter(&ada, "GUESS").await.problem(429, "too_many_requests");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_check_out_at_once_with_a_code_of_fifty_uses_fifty_get_it() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "FIFTY", "multi_use", json!({"max_uses": 50})).await;
    let mut learners = Vec::new();
    for i in 0..200 {
        learners.push(with_code(&app, &format!("learner-{i}"), "FIFTY").await);
    }
    let answers = at_once(learners).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
    assert_eq!((won.len(), lost.len()), (50, 150));
    assert!(won.iter().all(|(_, checkout)| checkout["total"] == usd("39.92")));
    for (_, answer) in &lost {
        answer.problem(409, "voucher_used_up");
    }
    assert_eq!(voucher(&app, "FIFTY").await["taken"], 50);
    app.check().await;
    // The code is gone from a loser's basket, who may go on at the full price.
    let (loser, _) = &lost[0];
    assert_eq!(loser.get("/api/v1/basket").await["vouchers"], json!([]));
    assert_eq!(loser.checkout("again").await.expect(StatusCode::CREATED)["total"], usd("49.90"));
    // Abandoned checkouts give everything back.
    app.advance(super::SESSION_OVER_S).await;
    let read = voucher(&app, "FIFTY").await;
    assert_eq!((&read["taken"], &read["uses"]), (&json!(0), &json!([])));
    app.finish().await;
}

/// ACIDRain (Warszawski and Bailis, SIGMOD 2017), voucher: one code, redeemed by parallel sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acidrain_voucher_a_single_use_code_in_ten_sessions_is_used_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "ONCE", "single_use", json!({})).await;
    let mut learners = Vec::new();
    for i in 0..10 {
        learners.push(with_code(&app, &format!("learner-{i}"), "ONCE").await);
    }
    let answers = at_once(learners).await;
    let won: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == StatusCode::CREATED).collect();
    assert_eq!(won.len(), 1);
    let (winner, checkout) = won[0];
    winner.pay(checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(voucher(&app, "ONCE").await["taken"], 1);
    app.finish().await;
}

/// ACIDRain, cart: what is added while a checkout is under way is not had for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acidrain_cart_a_product_added_during_the_checkout_is_paid_or_not_in_the_order() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    for round in 0..5 {
        let learner = app.user(&format!("learner-{round}"));
        learner.add("PY").await.expect(StatusCode::CREATED);
        let (checkout, added) = tokio::join!(learner.checkout("one"), learner.add("GO"));
        let added = added.expect(StatusCode::CREATED);
        // If the basket grew between the price and the order, nothing is ordered, and the learner is told.
        let checkout = match checkout.status {
            StatusCode::CONFLICT => learner.checkout("two").await.expect(StatusCode::CREATED),
            _ => checkout.expect(StatusCode::CREATED),
        };
        let order = learner.read_order(&checkout).await;
        let lines = order["lines"].as_array().unwrap();
        let total = if lines.len() == 2 { "59.90" } else { "49.90" };
        assert_eq!(order["totals"]["total"], usd(total), "{}", added.text);
        learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        assert_eq!(app.enrolments(&format!("learner-{round}")).await.len(), lines.len());
    }
    app.finish().await;
}

/// ACIDRain, inventory: parallel checkouts of the last units, each with a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acidrain_inventory_three_seats_and_five_uses_for_ten_sessions_are_three_orders() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    code(&app, "FIVE", "multi_use", json!({"max_uses": 5})).await;
    let mut learners = Vec::new();
    for i in 0..10 {
        learners.push(with_code(&app, &format!("learner-{i}"), "FIVE").await);
    }
    let answers = at_once(learners).await;
    let won = answers.iter().filter(|(_, answer)| answer.status == StatusCode::CREATED).count();
    assert_eq!((won, voucher(&app, "FIVE").await["taken"].clone()), (3, json!(3)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_once_per_customer_code_in_twenty_tabs_is_used_once_and_not_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    code(&app, "MINE", "once_per_customer", json!({})).await;
    let ada = with_code(&app, "ada", "MINE").await;
    let answers = at_once(vec![ada.clone(); 20]).await;
    for (_, answer) in &answers {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(answer["order_number"], answers[0].1["order_number"]);
    }
    assert_eq!(voucher(&app, "MINE").await["taken"], 1);
    ada.pay(&answers[0].1, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    ada.add("GO").await.expect(StatusCode::CREATED);
    enter(&ada, "MINE").await.problem(404, "unknown_voucher");
    let bob = with_code(&app, "bob", "MINE").await;
    assert_eq!(bob.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("39.92"));
    app.finish().await;
}

#[tokio::test]
async fn a_code_of_one_customer_is_that_customers_until_nothing_was_bought_with_it() {
    let app = TestApp::start().await;
    for sku in ["PY", "GO", "ML"] {
        app.sell(sku, "10.00", "USD", None).await;
    }
    code(&app, "OURS", "multi_use_per_customer", json!({"max_uses": 2})).await;
    let (ada, bob) = (with_code(&app, "ada", "OURS").await, with_code(&app, "bob", "OURS").await);
    let abandoned = ada.checkout("one").await.expect(StatusCode::CREATED);
    bob.checkout("one").await.problem(409, "voucher_used_up");
    ada.post(&format!("/api/v1/orders/{}/cancel", number(&abandoned)), &json!({})).await.expect(StatusCode::OK);
    enter(&bob, "OURS").await.expect(StatusCode::CREATED);
    for (i, sku) in ["PY", "GO"].into_iter().enumerate() {
        bob.add(sku).await;
        enter(&bob, "OURS").await.expect(StatusCode::CREATED);
        let checkout = bob.checkout(&format!("key-{i}")).await.expect(StatusCode::CREATED);
        assert_eq!(checkout["total"], usd("8.00"));
        bob.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
    }
    bob.add("ML").await.expect(StatusCode::CREATED);
    enter(&bob, "OURS").await.problem(404, "unknown_voucher");
    ada.checkout("two").await.problem(409, "voucher_used_up");
    app.finish().await;
}

#[tokio::test]
async fn a_code_that_is_withdrawn_while_it_lies_in_a_basket_is_told_at_the_checkout() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "GONE", "multi_use", json!({})).await;
    code(&app, "LESS", "multi_use", json!({})).await;
    let ada = with_code(&app, "ada", "GONE").await;
    app.staff().delete("/api/v1/vouchers/GONE").await.expect(StatusCode::NO_CONTENT);
    let refused = ada.checkout("one").await;
    refused.problem(409, "voucher_used_up");
    assert!(refused["detail"].as_str().unwrap().starts_with("GONE "), "{}", refused.text);
    assert_eq!(ada.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("49.90"));

    // An offer that was edited since takes off what it takes off now, and the learner is told first.
    let bob = with_code(&app, "bob", "LESS").await;
    let body = json!({"id": "fifth", "name": "Less", "benefit": percent("10")});
    app.staff().put("/api/v1/offers/fifth", &body).await.expect(StatusCode::OK);
    bob.checkout("one").await.problem(409, "price_changed");
    assert_eq!(bob.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("44.91"));
    app.finish().await;
}

#[tokio::test]
async fn a_code_entered_by_a_visitor_is_kept_at_the_login_and_judged_at_the_checkout() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    code(&app, "HELLO", "once_per_customer", json!({})).await;
    let visitor = app.session("visit");
    visitor.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(enter(&visitor, "HELLO").await.expect(StatusCode::CREATED)["total"], usd("39.92"));
    let login = super::sign_in::log_in(&app, &visitor, "ada").await.expect(StatusCode::OK);
    assert_eq!(login["messages"], json!([]));
    let ada = app.user("ada");
    assert_eq!(shown(&ada).await.0, "39.92");
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], usd("39.92"));
    app.finish().await;
}

#[tokio::test]
async fn a_checkout_that_replaces_another_takes_its_uses_over() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    code(&app, "LAST", "single_use", json!({})).await;
    let ada = with_code(&app, "ada", "LAST").await;
    let first = ada.checkout("one").await.expect(StatusCode::CREATED);
    // The one use is held by this very basket's order: it is still the basket's.
    ada.add("GO").await.expect(StatusCode::CREATED);
    assert_eq!(shown(&ada).await.0, "47.92");
    let second = ada.checkout("two").await.expect(StatusCode::CREATED);
    assert_eq!(second["total"], usd("47.92"));
    assert_eq!(ada.read_order(&first).await["status"], "cancelled");
    let read = voucher(&app, "LAST").await;
    assert_eq!((&read["taken"], &read["uses"][0]["order_number"]), (&json!(1), &second["order_number"]));
    assert_eq!(read["uses"].as_array().map(Vec::len), Some(1));
    ada.pay(&second, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    app.finish().await;
}

#[tokio::test]
async fn codes_are_made_found_by_prefix_changed_and_expired() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    for name in ["AB-1", "AB-2", "AC-1"] {
        code(&app, name, "multi_use", json!({"max_uses": 5})).await;
    }
    let staff = app.staff();
    let listed = staff.get("/api/v1/vouchers?prefix=ab").await.expect(StatusCode::OK);
    let codes: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["code"].clone()).collect();
    assert_eq!(codes, ["AB-1", "AB-2"]);
    let first = staff.get("/api/v1/vouchers?limit=2").await.expect(StatusCode::OK);
    let cursor = first["next_cursor"].as_str().expect("more");
    let second = staff.get(&format!("/api/v1/vouchers?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(second["items"][0]["code"], "AC-1");
    let ada = with_code(&app, "ada", "AB-1").await;
    ada.checkout("one").await.expect(StatusCode::CREATED);
    let good = json!({"code": "AB-1", "usage": "multi_use", "offer": "fifth"});
    let put = async |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        staff.put("/api/v1/vouchers/AB-1", &body).await
    };
    put("usage", json!("single_use")).await.problem(422, "invalid_fields");
    put("max_uses", json!(0)).await.problem(422, "invalid_fields");
    put("offer", json!("none")).await.problem(422, "invalid_fields");
    put("email_domains", json!(["a", "*.b"])).await.problem(422, "invalid_fields");
    put("ends_at", json!("2020-01-01T00:00:00Z")).await.expect(StatusCode::OK);
    let bob = app.user("bob");
    bob.add("PY").await.expect(StatusCode::CREATED);
    enter(&bob, "AB-1").await.problem(404, "unknown_voucher");
    assert_eq!(voucher(&app, "AB-1").await["taken"], 1);
    staff.post("/api/v1/vouchers", &good).await.problem(409, "conflict");
    offer(&app, "auto", percent("1"), json!({"automatic": true})).await;
    put("offer", json!("auto")).await.problem(422, "invalid_fields");
    app.finish().await;
}
