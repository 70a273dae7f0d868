//! Checkouts that come twice, all at once, or after the price has changed.

use http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::shop::Shop;

/// Has everyone check out at once, with a key each; who with which answer.
async fn at_once(shoppers: impl IntoIterator<Item = (Client, String)>) -> Vec<(Client, Answer)> {
    let mut under_way = JoinSet::new();
    for (shopper, key) in shoppers {
        under_way.spawn(async move {
            let answer = shopper.checkout(&key).await;
            (shopper, answer)
        });
    }
    under_way.join_all().await
}

/// Whoever comes second, or again, is given the order of the first.
pub async fn two_tabs_with_one_key_make_one_order(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(3)).await;
    let ada = shop.user("ada");
    ada.add(&py).await.expect(StatusCode::CREATED);
    let answers = at_once([(ada.clone(), "one".to_owned()), (ada.clone(), "one".to_owned())]).await;
    let first = &answers[0].1;
    for (_, answer) in &answers {
        assert_eq!((answer.status, &answer.json), (StatusCode::CREATED, &first.json), "{}", answer.text);
    }
    let again = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!((&again.json, again.header("idempotent-replayed")), (&first.json, "true"));
    assert_eq!(shop.available(&py).await, json!(2));
    let other = json!({"processor": "stripe", "return_url": "https://shop.example/elsewhere"});
    ada.with("Idempotency-Key", "one").post("/api/v1/checkout", &other).await.problem(422, "idempotency_key_reused");
    let orders = ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
    ada.pay(first, "succeed").await.expect(StatusCode::OK);
    shop.granted(&ada, first).await;
    assert_eq!(shop.enrolments("ada").await.len(), 1);
}

/// Nobody is charged for a seat that there is not, and none is left over.
pub async fn of_twenty_learners_who_race_for_five_seats_five_get_one(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(5)).await;
    let mut racers = Vec::new();
    for number in 0..20 {
        let racer = shop.user(&format!("racer{number}"));
        racer.add(&py).await.expect(StatusCode::CREATED);
        racers.push((racer, format!("key-{number}")));
    }
    let answers = at_once(racers).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
    assert_eq!((won.len(), lost.len()), (5, 15));
    for (_, answer) in &lost {
        answer.problem(409, "out_of_stock");
    }
    assert_eq!(shop.available(&py).await, json!(0));
    for (winner, checkout) in &won {
        winner.pay(checkout, "succeed").await.expect(StatusCode::OK);
    }
    for (winner, checkout) in &won {
        shop.granted(winner, checkout).await;
    }
    for (loser, _) in &lost {
        assert_eq!(loser.get("/api/v1/orders").await["items"], json!([]));
        assert_eq!(loser.get("/api/v1/basket").await["status"], "open");
        loser.checkout("again").await.problem(409, "out_of_stock");
    }
}

/// The learner sees the new price first, and pays what was shown.
pub async fn a_price_that_changed_is_shown_before_it_is_charged(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    ada.add(&py).await.expect(StatusCode::CREATED);
    let dearer = json!({"price": {"amount": "59.90", "currency": "USD"}});
    shop.staff().put(&format!("/api/v1/products/{py}/stock"), &dearer).await.expect(StatusCode::OK);
    ada.checkout("one").await.problem(409, "basket_changed");
    let basket = ada.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&basket["status"], &basket["total"]["amount"]), (&json!("open"), &json!("59.90")));
    assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    let quote = shop.anonymous().get(&format!("/api/v1/quote?sku={py}")).await.expect(StatusCode::OK);
    let checkout = ada.checkout("two").await.expect(StatusCode::CREATED);
    assert_eq!((&checkout["total"], &quote["total"]), (&basket["total"], &basket["total"]));
}
