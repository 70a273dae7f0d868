//! Races: many want what few can have, and one learner clicks faster than the network (I5).

mod limited;

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::json;
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

/// Learners with a product in their basket.
async fn shoppers(app: &TestApp, sku: &str, count: usize) -> Vec<Client> {
    let mut shoppers = Vec::new();
    for i in 0..count {
        let shopper = app.user(&format!("learner-{i}"));
        shopper.add(sku).await.expect(StatusCode::CREATED);
        shoppers.push(shopper);
    }
    shoppers
}

/// Has everyone check out at once with a key of their own; who with which answer.
async fn check_out_at_once(shoppers: Vec<Client>, same_key: bool) -> Vec<(Client, Answer)> {
    let mut under_way = JoinSet::new();
    for (i, shopper) in shoppers.into_iter().enumerate() {
        let key = if same_key { "key".to_owned() } else { format!("key-{i}") };
        under_way.spawn(async move {
            let answer = shopper.checkout(&key).await;
            (shopper, answer)
        });
    }
    under_way.join_all().await
}

/// How many answers were of which kind: a status, and the problem's code with it.
fn ended(answers: &[(Client, Answer)]) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for (_, answer) in answers {
        let code = answer["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        *ends.entry(format!("{}{code}", answer.status.as_u16())).or_default() += 1;
    }
    ends
}

/// The most who are followed after a race; the others are counted.
const FOLLOWED: usize = 20;
/// What a checkout calls one after the other, whoever wins: basket, transaction, and then the processor and the session's
/// row; or, when it was refused, the products that say why.
const CALLS: u32 = 4;

/// Has `racers` learners race for `seats` places; the winners pay and are enrolled, the others got nothing. Nobody was
/// made to try again: each had an answer after the calls of an undisturbed checkout.
async fn race(racers: usize, seats: u32) {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(seats)).await;
    let answers = check_out_at_once(shoppers(&app, "PY", racers).await, false).await;
    let ends = [("201", seats as usize), ("409 out_of_stock", racers - seats as usize)];
    assert_eq!(ended(&answers), ends.map(|(end, count)| (end.to_owned(), count)).into());
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
    let costs = app.cloud.ledger.costs().remove("start_checkout").expect("checkouts");
    assert!(costs.iter().all(|cost| cost.sequential <= CALLS), "{costs:#?}");
    assert_eq!(super::available(&app, "PY").await, json!(0));
    app.check().await;
    for (winner, checkout) in &won {
        winner.pay(checkout, "succeed").await.expect(StatusCode::OK);
    }
    app.settle().await;
    for (winner, checkout) in &won {
        assert_eq!(winner.read_order(checkout).await["fulfillment_status"], "complete");
    }
    for (loser, _) in lost.iter().take(FOLLOWED) {
        assert_eq!(loser.get("/api/v1/orders").await["items"], json!([]));
        assert_eq!(loser.get("/api/v1/basket").await["status"], "open");
        loser.checkout("again").await.problem(409, "out_of_stock");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_learners_who_race_for_a_hundred_seats_a_hundred_get_one() {
    race(500, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_learners_who_race_for_the_last_seat_one_gets_it() {
    race(2, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_clicks_at_once_for_the_last_seat_are_one_order() {
    for same_key in [true, false] {
        let app = TestApp::start().await;
        app.sell("PY", "49.90", "USD", Some(1)).await;
        let ada = shoppers(&app, "PY", 1).await.remove(0);
        let answers = check_out_at_once(vec![ada.clone(); 5], same_key).await;
        for (_, answer) in &answers {
            assert_eq!(answer.status, StatusCode::CREATED, "same key: {same_key}, {}", answer.text);
            assert_eq!(answer.json, answers[0].1.json);
        }
        let orders = ada.get("/api/v1/orders").await;
        assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
        ada.pay(&answers[0].1, "succeed").await.expect(StatusCode::OK);
        app.settle().await;
        assert_eq!(ada.read_order(&answers[0].1).await["fulfillment_status"], "complete");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_clicks_at_once_with_one_key_for_a_free_course_are_one_order() {
    let app = TestApp::start().await;
    app.sell("FREE", "0", "USD", Some(1)).await;
    let ada = shoppers(&app, "FREE", 1).await.remove(0);
    let answers = check_out_at_once(vec![ada.clone(); 5], true).await;
    for (_, answer) in &answers {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(answer.json, answers[0].1.json);
    }
    app.settle().await;
    assert_eq!(app.enrolments("learner-0").await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_products_added_at_once_are_all_in_the_basket() {
    let app = TestApp::start().await;
    let ada = app.user("ada");
    for i in 0..10 {
        app.sell(&format!("C{i}"), "1.00", "USD", None).await;
    }
    let mut under_way = JoinSet::new();
    for i in 0..10 {
        let ada = ada.clone();
        under_way.spawn(async move { ada.add(&format!("C{i}")).await.status });
    }
    assert_eq!(under_way.join_all().await, [StatusCode::CREATED; 10]);
    let basket = ada.get("/api/v1/basket").await;
    assert_eq!((&basket["total"]["amount"], &basket["version"]), (&json!("10.00"), &json!(10)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_races_a_payment_leaves_one_of_both() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(1)).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    let cancel = format!("/api/v1/orders/{}/cancel", super::number(&checkout));
    let nothing = json!({});
    let (paid, cancelled) = tokio::join!(ada.pay(&checkout, "succeed"), ada.post(&cancel, &nothing));
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    let ends = (paid.status.as_u16(), cancelled.status.as_u16(), order["status"].as_str().expect("a status"));
    assert!(matches!(ends, (200, 409, "paid") | (409, 200, "cancelled")), "{ends:?}");
    app.finish().await;
}
