//! The processor's part: events that come again, events that are not its own, and money that is given back there.

use http::StatusCode;
use local::dev_keys::{OTHER_TENANT, TENANT, WEBHOOK_SECRETS};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::shop::Shop;

/// The processor's own event about an order's checkout.
async fn completed(shop: &Shop, checkout: &Answer) -> Value {
    let session = checkout["payment"]["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a payment page");
    let list = shop.stripe_get("events?type=checkout.session.completed&limit=100").await;
    let events = list["data"].as_array().expect("a list");
    events.iter().find(|event| event["data"]["object"]["id"] == json!(session)).expect("the event").clone()
}

/// At least once is what the processor promises: the second time is accepted, and changes nothing.
pub async fn an_event_that_comes_again_changes_nothing(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(5)).await;
    let ada = shop.user("ada");
    let (checkout, _) = shop.buy(&ada, &py).await;
    let (before, happened) = (ada.read_order(&checkout).await, shop.timeline(&checkout).await);
    let event = completed(&shop, &checkout).await;
    // Also with the secret that is being rotated out.
    for secret in [WEBHOOK_SECRETS[0], WEBHOOK_SECRETS[0], WEBHOOK_SECRETS[1]] {
        shop.deliver(TENANT, &event, secret, 0).await.expect(StatusCode::OK);
    }
    assert_eq!(ada.read_order(&checkout).await.json, before.json);
    assert_eq!(shop.timeline(&checkout).await, happened);
    assert_eq!((shop.enrolments("ada").await.len(), shop.available(&py).await), (1, json!(4)));
}

/// A guess, an old signature, another school's address: refused, and the order is not paid.
pub async fn an_event_that_the_processor_did_not_sign_is_refused(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    let event = json!({
        "id": shop.name("evt"), "object": "event", "type": "payment_intent.succeeded", "livemode": false,
        "created": 1_795_176_000, "data": {"object": {
            "id": shop.name("pi"), "object": "payment_intent", "amount": 4990, "amount_received": 4990,
            "currency": "usd", "metadata": {"order_number": checkout.order_number()},
        }},
    });
    let good = WEBHOOK_SECRETS[0];
    shop.deliver(TENANT, &event, "whsec_guess", 0).await.problem(400, "bad_webhook");
    shop.deliver(TENANT, &event, good, 3600).await.problem(400, "bad_webhook");
    shop.deliver(TENANT, &event, good, -3600).await.problem(400, "bad_webhook");
    shop.anonymous().post(&format!("/webhooks/{TENANT}/stripe"), &event).await.problem(400, "bad_webhook");
    shop.anonymous().post(&format!("/webhooks/{TENANT}/paypal"), &event).await.problem(404, "not_found");
    // The other school has another account, or none.
    let other = shop.deliver(OTHER_TENANT, &event, good, 0).await;
    assert!(["bad_webhook", "not_found"].map(|code| json!(code)).contains(&other["code"]), "{}", other.text);
    shop.deliver("nobody", &event, good, 0).await.problem(404, "not_found");
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["money_status"]), (&json!("pending_payment"), &json!("unpaid")));
    assert_eq!(shop.enrolments("ada").await, [] as [Value; 0]);
    // Signed as the processor does, it is taken.
    shop.deliver(TENANT, &event, good, 0).await.expect(StatusCode::OK);
    shop.granted(&ada, &checkout).await;
}

/// All of it, in two parts: the place is kept until the last of it is back, and can be bought again.
pub async fn a_refund_in_the_dashboard_takes_the_place_back(shop: Shop) {
    let py = shop.sell("PY", "49.90", Some(2)).await;
    let ada = shop.user("ada");
    let (checkout, payment) = shop.buy(&ada, &py).await;
    shop.stripe_post("refunds", &[("payment_intent", &payment), ("amount", "990")]).await;
    let order = shop.order_is(&ada, &checkout, &[("/money_status", "partially_refunded")]).await;
    assert_eq!(order["fulfillment_status"], "complete");
    assert_eq!(shop.enrolments("ada").await[0]["is_active"], true);
    shop.stripe_post("refunds", &[("payment_intent", &payment)]).await;
    let over = [("/status", "paid"), ("/money_status", "refunded"), ("/fulfillment_status", "revoked")];
    let order = shop.order_is(&ada, &checkout, &over).await;
    assert_eq!(order["lines"][0]["fulfillment"]["state"], "revoked");
    assert_eq!(shop.enrolments("ada").await[0]["is_active"], false);
    ada.add(&py).await.expect(StatusCode::CREATED);
    let again = ada.checkout("again").await.expect(StatusCode::CREATED);
    ada.pay(&again, "succeed").await.expect(StatusCode::OK);
    shop.granted(&ada, &again).await;
    let places = shop.enrolments("ada").await;
    assert_eq!((places.len(), &places[0]["is_active"]), (1, &json!(true)));
}
