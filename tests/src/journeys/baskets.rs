//! Baskets of visitors, and what becomes of them at the login.

use http::StatusCode;
use http::header::SET_COOKIE;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::shop::Shop;

/// The SKUs in the caller's basket.
async fn skus(client: &Client) -> Vec<String> {
    let basket = client.get("/api/v1/basket").await.expect(StatusCode::OK);
    let lines = basket["lines"].as_array().expect("lines");
    lines.iter().map(|line| line["sku"].as_str().expect("a SKU").to_owned()).collect()
}

/// An application names the session, and is told the one that goes on.
pub async fn a_visitors_basket_is_bought_after_the_login(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let rs = shop.sell("RS", "10.00", None).await;
    shop.user("ada").add(&rs).await.expect(StatusCode::CREATED);
    let visitor = shop.session("visit");
    visitor.add(&py).await.expect(StatusCode::CREATED);
    visitor.checkout("early").await.problem(401, "unauthorized");
    let token = shop.token(&shop.learner("ada"));
    let login = visitor.post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK);
    assert_eq!((&login["user"]["username"], &login["messages"]), (&json!(shop.name("ada")), &json!([])));
    let session = login.header("session-id");
    assert!(session.starts_with("SID:AUTH:test:"), "{session}");
    let ada = shop.anonymous().with("Session-Id", session);
    assert_eq!(skus(&ada).await, [rs, py]);
    assert_eq!(skus(&visitor).await, Vec::<String>::new());
    let checkout = ada.checkout("key").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"]["amount"], "59.90");
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    shop.granted(&ada, &checkout).await;
    assert_eq!(shop.enrolments("ada").await.len(), 2);
    // The order is hers, however she comes.
    assert_eq!(shop.user("ada").read_order(&checkout).await.json, ada.read_order(&checkout).await.json);
}

/// The browser that keeps the cookies of an answer.
fn browser(shop: &Shop, answer: &Answer) -> Client {
    let cookies = answer.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("text"));
    let pairs: Vec<_> = cookies.filter_map(|cookie| cookie.split(';').next()).collect();
    assert_eq!(pairs.len(), 2, "{answer:?}");
    shop.anonymous().with("Cookie", &pairs.join("; "))
}

/// A browser names nothing: it sends cookies, and with a write the token against forged requests.
pub async fn a_browser_keeps_its_basket_by_cookie_and_at_the_login(shop: Shop) {
    let py = shop.sell("PY", "10.00", None).await;
    let rs = shop.sell("RS", "10.00", None).await;
    let first = shop.anonymous().add(&py).await.expect(StatusCode::CREATED);
    let visitor = browser(&shop, &first);
    let cookie = first.headers.get_all(SET_COOKIE).iter().find_map(|cookie| cookie.to_str().ok()).expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(skus(&visitor).await, [py.as_str()]);
    visitor.add(&rs).await.problem(403, "csrf_failed");
    let visitor = visitor.with("X-CSRF-Token", first.header("x-csrf-token"));
    visitor.with("Origin", "https://evil.example").add(&rs).await.problem(403, "csrf_failed");
    let token = shop.token(&shop.learner("ada"));
    let login = visitor.post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK);
    assert_eq!(login["session"]["realm"], "browser");
    let ada = browser(&shop, &login);
    let told = ada.get("/csrf/api/v1/token").await.expect(StatusCode::OK);
    assert_eq!(told["csrfToken"], json!(login.header("x-csrf-token")));
    let ada = ada.with("X-CSRF-Token", login.header("x-csrf-token"));
    ada.add(&rs).await.expect(StatusCode::CREATED);
    assert_eq!(skus(&ada).await, [py, rs]);
    assert_eq!(skus(&shop.user("ada")).await, skus(&ada).await);
}

/// Parallel writes of one basket are put in a row, and lose nothing.
pub async fn products_added_at_once_are_all_in_the_basket(shop: Shop) {
    let ada = shop.user("ada");
    let (mut wanted, mut under_way) = (Vec::new(), JoinSet::new());
    for number in 0..6 {
        wanted.push(shop.sell(&format!("P{number}"), "10.00", None).await);
    }
    for sku in wanted.clone() {
        let ada = ada.clone();
        under_way.spawn(async move { ada.add(&sku).await.expect(StatusCode::CREATED) });
    }
    under_way.join_all().await;
    let mut found = skus(&ada).await;
    found.sort();
    assert_eq!(found, wanted);
    assert_eq!(ada.get("/api/v1/basket").await["total"]["amount"], "60.00");
}
