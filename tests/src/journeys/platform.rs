//! The learning platform's part: it is down for a while, somebody asks for another try, and what its courses are called.

use http::StatusCode;
use reqwest::Method;
use serde_json::json;

use crate::shop::Shop;

/// The platform does not answer about one learner, until told otherwise.
async fn goes_down(shop: &Shop, name: &str) {
    let all = json!({"target": "lms", "status": 503, "times": 1_000_000, "operation": shop.name(name)});
    shop.fault(&all).await;
}

/// The platform answers again.
async fn comes_back(shop: &Shop, name: &str) {
    shop.fault(&json!({"target": "lms", "times": 0, "operation": shop.name(name)})).await;
}

/// What every order shows that was paid and waits for the platform.
const WAITS: [(&str, &str); 3] = [
    ("/money_status", "paid"),
    ("/lines/0/fulfillment/state", "retry_at"),
    ("/lines/0/fulfillment/reason", "lms_unavailable"),
];

/// Paid is never silent: the learner sees that the place is on its way, and nobody has to ask for it.
pub async fn an_order_waits_for_the_platform_and_is_granted_when_it_is_back(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    goes_down(&shop, "ada").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    let order = shop.order_is(&ada, &checkout, &WAITS).await;
    assert!(order["lines"][0]["fulfillment"]["next_attempt_at"].is_string(), "{}", order.text);
    assert_eq!(shop.enrolments("ada").await.len(), 0);
    comes_back(&shop, "ada").await;
    let done = [("/fulfillment_status", "complete")];
    shop.order_is_later(&ada, &checkout, &done).await;
    assert_eq!(shop.enrolments("ada").await.len(), 1);
}

/// Staff is not enough, and neither is being the learner.
pub async fn only_the_fulfilment_permission_drives_an_order_anew(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    let service = shop.service("orders:fulfill");
    let path = format!("/api/v1/orders/{}/fulfill", checkout.order_number());
    service.post(&path, &json!({})).await.problem(409, "conflict");
    goes_down(&shop, "ada").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    shop.order_is(&ada, &checkout, &WAITS).await;
    comes_back(&shop, "ada").await;
    ada.post(&path, &json!({})).await.problem(403, "forbidden");
    shop.staff().post(&path, &json!({})).await.problem(403, "forbidden");
    shop.service("orders:read").post(&path, &json!({})).await.problem(403, "forbidden");
    shop.anonymous().post(&path, &json!({})).await.problem(401, "unauthorized");
    service.post(&path, &json!({"lines": ["NO"]})).await.problem(422, "invalid_fields");
    service.post(&path, &json!({"lines": [py]})).await.expect(StatusCode::ACCEPTED);
    shop.granted(&ada, &checkout).await;
    assert_eq!(shop.enrolments("ada").await.len(), 1);
    service.post(&path, &json!({})).await.problem(409, "already_fulfilled");
}

/// A key has `:` and `+` in it, and clients write them in every way that a URL allows.
pub async fn a_course_is_known_by_its_key_however_a_path_spells_it(shop: Shop) {
    let sku = shop.name("NEW");
    let key = Shop::course(&sku);
    let spellings = [key.clone(), format!("course-v1%3ATest%2B{sku}%2B1"), format!("course%2Dv1:Test%2b{sku}+%31")];
    for spelling in spellings {
        save_and_read(&shop, &sku, &key, &spelling).await;
    }
    let unknown = format!("/api/v1/courses/{}", Shop::course("NO"));
    shop.anonymous().get(&unknown).await.problem(404, "unknown_course");
}

/// An older key has `/` in it, which a path must escape; an HTTP API undoes that before a function sees it.
pub async fn a_course_with_an_older_key_is_known_by_it(shop: Shop) {
    let sku = shop.name("OLD");
    let key = format!("Test/{sku}/1");
    for spelling in [format!("Test%2F{sku}%2F1"), format!("Test%2f{sku}%2f%31")] {
        save_and_read(&shop, &sku, &key, &spelling).await;
    }
}

/// Saves a course under its key as a path spells it, reads it there, and finds it by the key.
async fn save_and_read(shop: &Shop, sku: &str, key: &str, spelling: &str) {
    let nobody = shop.anonymous();
    let path = format!("/api/v1/courses/{spelling}");
    let price = json!({"amount": "10.00", "currency": "USD"});
    let body = json!({"title": key, "org": "Test", "seats": [{"sku": sku, "mode": "verified", "price": price}]});
    let saved = shop.staff().put(&path, &body).await;
    assert!(saved.status.is_success(), "{path}: {} {}", saved.status, saved.text);
    let read = nobody.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&read["course_key"], &read["title"]), (&json!(key), &json!(key)), "{path}");
    let listed = nobody.request(Method::GET, "/api/v1/products").query(&[("course", key)]);
    assert_eq!(nobody.send(listed).await.expect(StatusCode::OK)["items"][0]["sku"], json!(sku), "{key}");
}
