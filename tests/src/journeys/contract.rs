//! The HTTP contract, as it arrives after everything that stands between a caller and the functions: an API gateway with
//! events of its own, and the runtime that reads them.

use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
};
use local::dev_keys::FRONT_END;
use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::Shop;

/// Each is a problem that says what to mend.
pub async fn what_cannot_be_read_is_refused_by_its_code(shop: Shop) {
    let ada = shop.user("ada");
    let lines = "/api/v1/basket/lines";
    let raw = async |kind: &str, body: &str| {
        let request = ada.request(Method::POST, lines).header("content-type", kind).body(body.to_owned());
        ada.send(request).await
    };
    for broken in ["{", "nul", "{'sku':1}", "\u{feff}{}", ""] {
        raw("application/json", broken).await.problem(400, "malformed_json");
    }
    raw("text/plain", "{}").await.problem(415, "unsupported_media_type");
    raw("application/octet-stream", "{}").await.problem(415, "unsupported_media_type");
    raw("application/json", &" ".repeat(256 * 1024 + 1)).await.problem(413, "payload_too_large");
    let unknown = raw("application/json; charset=utf-8", r#"{"sku":"X","größe":1}"#).await;
    unknown.problem(422, "invalid_fields");
    assert_eq!(unknown["errors"][0]["pointer"], "/größe");
    let wrong = ada.post(lines, &json!({"sku": "X", "quantity": "many"})).await;
    wrong.problem(422, "invalid_fields");
    assert_eq!(wrong["errors"][0]["pointer"], "/quantity");
    ada.get("/api/v1/products?limit=0").await.problem(422, "invalid_fields");
    ada.get("/api/v1/products?colour=red").await.problem(422, "invalid_fields");
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/"});
    ada.post("/api/v1/checkout", &body).await.problem(400, "missing_idempotency_key");
    ada.with("Authorization", "JWT e30.e30.e30").get("/api/v1/orders").await.problem(401, "unauthorized");
}

/// Also where no route of ours is, and the id is the caller's own if there is one.
pub async fn an_unknown_path_or_method_is_a_problem_with_its_request_id(shop: Shop) {
    let nobody = shop.anonymous();
    for path in ["/api/v1/products/a/b", "/api/v1/orders/a/b/c", "/oauth2/nothing", "/api/v1/basket/lines/a/b"] {
        nobody.get(path).await.problem(404, "not_found");
    }
    let wrong = nobody.put("/api/v1/basket/lines", &json!({})).await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "POST");
    assert_eq!(json!(wrong.header("x-request-id")), wrong["request_id"]);
    nobody.delete("/api/v1/login").await.problem(405, "method_not_allowed");
    let mine = shop.name("req");
    let answer = nobody.with("X-Request-Id", &mine).get("/api/v1/products/NO").await;
    answer.problem(404, "unknown_product");
    assert_eq!((&answer["request_id"], answer.header("x-request-id")), (&json!(mine), mine.as_str()));
}

/// A browser asks before it sends what a form could not.
pub async fn a_page_of_a_known_site_may_call_and_no_other_may(shop: Shop) {
    let nobody = shop.anonymous();
    let preflight = async |origin: &str| {
        let request = nobody.request(Method::OPTIONS, "/api/v1/checkout").header("origin", origin);
        let wanted = request.header("access-control-request-method", "POST");
        nobody.send(wanted.header("access-control-request-headers", "authorization,idempotency-key")).await
    };
    let known = preflight(FRONT_END).await;
    assert!(known.status.is_success(), "{} {}", known.status, known.text);
    assert_eq!(known.header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()), FRONT_END);
    assert_eq!(known.header(ACCESS_CONTROL_ALLOW_CREDENTIALS.as_str()), "true");
    assert!(known.header(ACCESS_CONTROL_ALLOW_METHODS.as_str()).contains("POST"), "{known:?}");
    assert!(known.header(ACCESS_CONTROL_ALLOW_HEADERS.as_str()).contains("idempotency-key"), "{known:?}");
    let unknown = preflight("https://evil.example").await;
    assert_eq!(unknown.header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()), "");
}

/// What needs no asking is sent, and the browser keeps the answer from pages of other sites.
pub async fn an_answer_names_the_known_site_that_may_read_it(shop: Shop) {
    let nobody = shop.anonymous();
    let shown = nobody.with("Origin", FRONT_END).get("/api/v1/products?limit=1").await.expect(StatusCode::OK);
    assert_eq!(shown.header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()), FRONT_END);
    assert!(shown.header("access-control-expose-headers").contains("x-request-id"), "{shown:?}");
    let other = nobody.with("Origin", "https://evil.example").get("/api/v1/products?limit=1").await;
    assert_eq!(other.header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()), "");
}

/// A reader that knows the version is told so in a few bytes.
pub async fn a_product_that_did_not_change_is_not_sent_again(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let path = format!("/api/v1/products/{py}");
    let nobody = shop.anonymous();
    let first = nobody.get(&path).await.expect(StatusCode::OK);
    let knows = nobody.with("If-None-Match", first.header("etag"));
    let again = knows.get(&path).await.expect(StatusCode::NOT_MODIFIED);
    assert_eq!((again.header("etag"), again.text.as_str()), (first.header("etag"), ""));
    shop.staff().patch(&path, &json!({"title": "Another title"})).await.expect(StatusCode::OK);
    let changed = knows.get(&path).await.expect(StatusCode::OK);
    assert_eq!(changed["title"], "Another title");
    assert!(changed.header("etag") != first.header("etag"), "{changed:?}");
}

/// The same status and headers.
pub async fn a_head_request_answers_as_a_get_without_a_body(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let nobody = shop.anonymous();
    let head = async |path: &str| nobody.send(nobody.request(Method::HEAD, path)).await;
    let path = format!("/api/v1/products/{py}");
    let (got, asked) = (nobody.get(&path).await.expect(StatusCode::OK), head(&path).await.expect(StatusCode::OK));
    for name in ["etag", "content-type", "cache-control"] {
        assert_eq!(asked.header(name), got.header(name), "{name}");
    }
    assert_eq!(asked.text, "");
    assert_eq!(head("/api/v1/products/NO").await.status, StatusCode::NOT_FOUND);
}

/// Letters with accents, spaces as `+` and as `%20`, and what has a meaning in a query.
pub async fn words_of_a_search_arrive_as_they_were_typed(shop: Shop) {
    let (staff, nobody) = (shop.staff(), shop.anonymous());
    let sku = shop.name("CAFE");
    let title = format!("Café & Crème = 100% of C++ {}", shop.mark());
    let body = json!({"sku": sku, "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": title, "published": true});
    let made = staff.post("/api/v1/products", &body).await.expect(StatusCode::CREATED);
    assert_eq!(made["title"], json!(title));
    let mark = shop.mark();
    let first = format!("/api/v1/products?q={mark}");
    shop.until("it is found", async || nobody.get(&first).await["items"][0]["sku"] == json!(sku)).await;
    for words in ["caf%C3%A9+cr%C3%A8me", "CAFE%20creme", "100%25%20%26", "c%2B%2B", "%3D+of"] {
        let found = nobody.get(&format!("/api/v1/products?q={words}+{mark}&limit=5")).await.expect(StatusCode::OK);
        assert_eq!(found["items"][0]["title"], json!(title), "{words}");
    }
    let none = nobody.get(&format!("/api/v1/products?q=tea%26q%3Dcafe+{mark}")).await.expect(StatusCode::OK);
    assert_eq!(none["items"], Value::Array(vec![]));
}
