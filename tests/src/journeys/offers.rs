//! Codes and refunds: what is shown is charged, limits hold, and the place goes with the money.

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::shop::Shop;

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// A code that takes a fifth off one product, with so many uses; and the offer that it opens.
async fn code(shop: &Shop, sku: &str, name: &str, uses: u32) -> String {
    let offer = format!("{name}-{}", shop.mark()).to_lowercase();
    let benefit = json!({"type": "percent", "value": "20"});
    let body = json!({"id": offer, "name": offer, "condition": {"skus": [sku]}, "benefit": benefit, "limits": {"max_uses": 50}});
    shop.staff().post("/api/v1/offers", &body).await.expect(StatusCode::CREATED);
    let code = offer.to_uppercase();
    let body = json!({"code": code, "usage": "multi_use", "offer": offer, "max_uses": uses});
    shop.staff().post("/api/v1/vouchers", &body).await.expect(StatusCode::CREATED);
    code
}

async fn with_code(shop: &Shop, name: &str, sku: &str, code: &str) -> Client {
    let learner = shop.user(name);
    learner.add(sku).await.expect(StatusCode::CREATED);
    let basket = learner.post("/api/v1/basket/vouchers", &json!({"code": code})).await.expect(StatusCode::CREATED);
    assert_eq!(basket["total"], usd("40.00"));
    learner
}

/// What staff read of a code: how often it was used or is held.
async fn taken(shop: &Shop, code: &str) -> Value {
    shop.staff().get(&format!("/api/v1/vouchers/{code}")).await.expect(StatusCode::OK)["taken"].clone()
}

/// A code takes off what is shown; the money goes back when staff approve, and the place with it.
pub async fn a_code_is_used_and_its_learner_gets_the_money_back(shop: Shop) {
    let py = shop.sell("PY", "50.00", None).await;
    let code = code(&shop, &py, "back", 1).await;
    let ada = with_code(&shop, "ada", &py, &code).await;
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!((&checkout["total"], taken(&shop, &code).await), (&usd("40.00"), json!(1)));
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    shop.granted(&ada, &checkout).await;
    let path = format!("/api/v1/orders/{}/refunds", checkout.order_number());
    let asked = ada.with("Idempotency-Key", "back").post(&path, &json!({"reason": "not for me"})).await;
    let asked = asked.expect(StatusCode::CREATED);
    assert_eq!((&asked["state"], &asked["amount"]), (&json!("requested"), &usd("40.00")));
    let id = asked["id"].as_str().expect("an id");
    shop.user("eve").post(&format!("/api/v1/refunds/{id}/approve"), &json!({})).await.problem(403, "forbidden");
    shop.staff().post(&format!("/api/v1/refunds/{id}/approve"), &json!({})).await.expect(StatusCode::OK);
    let over = [("/money_status", "refunded"), ("/fulfillment_status", "revoked")];
    shop.order_is(&ada, &checkout, &over).await;
    assert_eq!(shop.enrolments("ada").await[0]["is_active"], false);
    // The code was used all the same.
    assert_eq!(taken(&shop, &code).await, 1);
}

/// Of many who check out at once with a code of few uses, so many get it; a cancelled order gives its use back.
pub async fn of_eight_learners_with_a_code_of_three_uses_three_get_it(shop: Shop) {
    let py = shop.sell("PY", "50.00", None).await;
    let code = code(&shop, &py, "three", 3).await;
    let mut learners = Vec::new();
    for i in 0..8 {
        learners.push(with_code(&shop, &format!("learner-{i}"), &py, &code).await);
    }
    let mut under_way = JoinSet::new();
    for learner in learners {
        under_way.spawn(async move {
            let answer = learner.checkout("one").await;
            (learner, answer)
        });
    }
    let answers: Vec<(Client, Answer)> = under_way.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, a)| a.status == StatusCode::CREATED);
    assert_eq!((won.len(), lost.len(), taken(&shop, &code).await), (3, 5, json!(3)));
    for (_, answer) in &lost {
        answer.problem(409, "voucher_used_up");
    }
    for (learner, checkout) in &won {
        assert_eq!(checkout["total"], usd("40.00"));
        let cancel = format!("/api/v1/orders/{}/cancel", checkout.order_number());
        learner.post(&cancel, &json!({})).await.expect(StatusCode::OK);
    }
    assert_eq!(taken(&shop, &code).await, 0);
    let (loser, _) = &lost[0];
    assert_eq!(loser.checkout("again").await.expect(StatusCode::CREATED)["total"], usd("50.00"));
}

/// An offer that needs no code is in the quote, the basket and the order, while its budget of money lasts.
pub async fn an_automatic_offer_gives_its_budget_to_the_unit(shop: Shop) {
    let py = shop.sell("PY", "10.00", None).await;
    let id = format!("auto-{}", shop.mark()).to_lowercase();
    let body = json!({
        "id": id, "name": id, "automatic": true, "condition": {"skus": [py]},
        "benefit": {"type": "percent", "value": "30"}, "limits": {"max_discount": usd("4.00")},
    });
    shop.staff().post("/api/v1/offers", &body).await.expect(StatusCode::CREATED);
    for (name, total) in [("ada", "7.00"), ("bob", "9.00"), ("eve", "10.00")] {
        let quote = shop.anonymous().get(&format!("/api/v1/quote?sku={py}")).await.expect(StatusCode::OK);
        assert_eq!(quote["total"], usd(total), "{name}");
        let learner = shop.user(name);
        learner.add(&py).await.expect(StatusCode::CREATED);
        assert_eq!(learner.checkout("one").await.expect(StatusCode::CREATED)["total"], usd(total), "{name}");
    }
    let read = shop.staff().get(&format!("/api/v1/offers/{id}")).await.expect(StatusCode::OK);
    assert_eq!(read["uses"], json!({"orders": 2, "given": usd("4.00")}));
    shop.staff().delete(&format!("/api/v1/offers/{id}")).await.expect(StatusCode::NO_CONTENT);
}
