//! Races for everything that is limited beside seats, several of them at once; and what abandoned checkouts give back.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::super::enrolment_codes::codes;
use super::super::offers::{offer, percent, usd, uses};
use super::super::{SESSION_OVER_S, available, number};
use super::check_out_at_once;

/// Puts a bundle of PY and GO, or codes for PY, on sale: so many and no more.
async fn sell(app: &TestApp, sku: &str, kind: &str, contains: &[&str], quantity: u32) {
    let body = json!({
        "sku": sku, "kind": kind, "title": sku, "published": true, "contains": contains,
        "stock": [{"price": usd("30.00"), "quantity": quantity}],
    });
    app.staff().post("/api/v1/products", &body).await.expect(StatusCode::CREATED);
}

/// Learners, each with a product in their basket, several of it, and a code.
async fn shoppers(app: &TestApp, names: &str, count: usize, line: &Value, code: Option<&str>) -> Vec<Client> {
    let mut shoppers = Vec::new();
    for i in 0..count {
        let shopper = app.user(&format!("{names}-{i}"));
        shopper.post("/api/v1/basket/lines", line).await.expect(StatusCode::CREATED);
        if let Some(code) = code {
            enter(&shopper, code).await;
        }
        shoppers.push(shopper);
    }
    shoppers
}

async fn enter(shopper: &Client, code: &str) {
    shopper.post("/api/v1/basket/vouchers", &json!({"code": code})).await.expect(StatusCode::CREATED);
}

/// Those who got an order, and the others, who were all told the same.
fn won(answers: Vec<(Client, Answer)>, code: &str) -> (Vec<(Client, Answer)>, Vec<Client>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
    lost.iter().for_each(|(_, answer)| answer.problem(409, code));
    (won, lost.into_iter().map(|(loser, _)| loser).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_who_race_for_five_bundles_five_get_every_place_in_one() {
    let app = TestApp::start().await;
    for sku in ["PY", "GO"] {
        app.sell(sku, "20.00", "USD", None).await;
    }
    sell(&app, "BOTH", "bundle", &["PY", "GO"], 5).await;
    let racers = shoppers(&app, "learner", 30, &json!({"sku": "BOTH"}), None).await;
    let (won, lost) = won(check_out_at_once(racers, false).await, "out_of_stock");
    assert_eq!((won.len(), lost.len()), (5, 25));
    app.check().await;
    for (winner, checkout) in &won {
        winner.pay(checkout, "succeed").await.expect(StatusCode::OK);
    }
    app.settle().await;
    for (winner, checkout) in &won {
        let order = winner.read_order(checkout).await;
        assert_eq!(order["fulfillment_status"], "complete");
        assert_eq!(order["lines"][0]["parts"].as_array().map(Vec::len), Some(2));
    }
    let mut places = 0;
    for i in 0..30 {
        places += app.enrolments(&format!("learner-{i}")).await.len();
    }
    assert_eq!((places, available(&app, "BOTH").await), (10, json!(0)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twelve_who_want_three_of_twenty_codes_each_six_get_them_and_two_are_left() {
    let app = TestApp::start().await;
    app.sell("PY", "40.00", "USD", None).await;
    sell(&app, "CODES", "enrollment_code", &["PY"], 20).await;
    let racers = shoppers(&app, "school", 12, &json!({"sku": "CODES", "quantity": 3}), None).await;
    let (won, lost) = won(check_out_at_once(racers, false).await, "out_of_stock");
    assert_eq!((won.len(), lost.len(), available(&app, "CODES").await), (6, 6, json!(2)));
    for (winner, checkout) in &won {
        winner.pay(checkout, "succeed").await.expect(StatusCode::OK);
    }
    app.settle().await;
    let mut sold = Vec::new();
    for (winner, checkout) in &won {
        sold.extend(codes(winner, &number(checkout)).await.into_iter().map(|(code, _)| code));
    }
    sold.sort();
    sold.dedup();
    assert_eq!(sold.len(), 18);
    // Who wants less can have what is left.
    let less = json!({"quantity": 2});
    lost[0].patch("/api/v1/basket/lines/CODES", &less).await.expect(StatusCode::OK);
    lost[0].checkout("less").await.expect(StatusCode::CREATED);
    // Each code is raced for by two; each gives one place.
    let mut racers = Vec::new();
    for (i, code) in sold.iter().enumerate() {
        for of in ["a", "b"] {
            racers.extend(shoppers(&app, &format!("{of}{i}"), 1, &json!({"sku": "PY"}), Some(code)).await);
        }
    }
    let (won, lost) = self::won(check_out_at_once(racers, false).await, "voucher_used_up");
    assert_eq!((won.len(), lost.len()), (18, 18));
    assert!(won.iter().all(|(_, checkout)| checkout["status"] == "paid" && checkout["total"] == usd("0.00")));
    app.advance(SESSION_OVER_S).await;
    assert_eq!(available(&app, "CODES").await, 2);
    app.finish().await;
}

/// A course of ten seats; a code of ten uses whose offer gives 50 dollars in all, 5 to each; an offer without a code for
/// ten, once each; and a code that each customer has once.
async fn limited(app: &TestApp) {
    app.sell("PY", "50.00", "USD", Some(10)).await;
    let budget = json!({"limits": {"max_discount": usd("50.00")}, "priority": 3});
    offer(app, "budget", percent("10"), budget).await;
    let first = json!({"automatic": true, "limits": {"max_uses": 10, "max_uses_per_user": 1}, "priority": 2});
    offer(app, "first-ten", percent("20"), first).await;
    offer(app, "each", percent("50"), json!({"priority": 1})).await;
    for body in [
        json!({"code": "TEN", "usage": "multi_use", "offer": "budget", "max_uses": 10}),
        json!({"code": "EACH", "usage": "once_per_customer", "offer": "each"}),
    ] {
        app.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    }
}

/// What is taken: seats left, uses of the automatic offer, money of the budget, and uses of the two codes.
async fn taken(app: &TestApp) -> [Value; 5] {
    let voucher = async |code: &str| app.staff().get(&format!("/api/v1/vouchers/{code}")).await["taken"].clone();
    let (budget, first) = (uses(app, "budget").await, uses(app, "first-ten").await);
    let given = budget["given"]["amount"].clone();
    [available(app, "PY").await, first["orders"].clone(), given, voucher("TEN").await, voucher("EACH").await]
}

/// Learners check out at once with both codes: 50.00 − 10 % − 20 % − 50 % = 18.00.
async fn at_once(app: &TestApp, names: &str, count: usize) -> Vec<(Client, Answer)> {
    let racers = shoppers(app, names, count, &json!({"sku": "PY"}), Some("TEN")).await;
    for racer in &racers {
        enter(racer, "EACH").await;
    }
    check_out_at_once(racers, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_checkouts_give_seats_codes_and_budgets_back_however_they_end() {
    let app = TestApp::start().await;
    limited(&app).await;
    let full = [json!(0), json!(10), json!("50.00"), json!(10), json!(10)];
    let none = [json!(10), json!(0), json!("0.00"), json!(0), json!(0)];
    assert_eq!(taken(&app).await, none);
    for round in 0..2 {
        let names = format!("round-{round}");
        let answers = at_once(&app, &names, 14).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
        assert_eq!((won.len(), lost.len()), (10, 4));
        assert!(won.iter().all(|(_, checkout)| checkout["total"] == usd("18.00")));
        for (_, answer) in &lost {
            // All of it is gone at once; which is told first is all the same.
            let told = answer["code"].as_str();
            assert!(matches!(told, Some("out_of_stock" | "voucher_used_up" | "price_changed")), "{}", answer.text);
            assert_eq!(answer.status, StatusCode::CONFLICT);
        }
        assert_eq!(taken(&app).await, full);
        app.check().await;
        // Three say so, three try a card that is declined, and four close the window.
        let mut ends = JoinSet::new();
        for (i, (learner, checkout)) in won.into_iter().enumerate() {
            ends.spawn(async move {
                let cancel = format!("/api/v1/orders/{}/cancel", number(&checkout));
                match i {
                    0..3 => learner.post(&cancel, &json!({})).await.status,
                    3..6 => learner.pay(&checkout, "decline").await.status,
                    _ => StatusCode::OK,
                }
            });
        }
        assert_eq!(ends.join_all().await, [StatusCode::OK; 10]);
        app.settle().await;
        assert_eq!(taken(&app).await, [json!(3), json!(7), json!("35.00"), json!(7), json!(7)]);
        app.advance(SESSION_OVER_S).await;
        assert_eq!(taken(&app).await, none);
    }
    app.finish().await;
}
