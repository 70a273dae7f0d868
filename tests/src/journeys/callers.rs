//! Who is asking: users, machine clients, people whom a gateway names, and the schools that they belong to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{LOCATION, SET_COOKIE};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use local::dev_keys::{CLIENT_KEY, GATEWAY, Learner, OTHER_TENANT};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::shop::Shop;

/// It is as if it were not there, for every operation on it.
pub async fn another_users_order_does_not_exist(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let ada = shop.user("ada");
    let checkout = ada.order(&py).await;
    let path = format!("/api/v1/orders/{}", checkout.order_number());
    let eve = shop.user("eve");
    for part in ["", "/timeline", "/receipt"] {
        eve.get(&format!("{path}{part}")).await.problem(404, "unknown_order");
    }
    eve.post(&format!("{path}/cancel"), &json!({})).await.problem(404, "unknown_order");
    shop.anonymous().get(&path).await.problem(401, "unauthorized");
    assert_eq!(eve.get("/api/v1/orders").await.expect(StatusCode::OK)["items"], json!([]));
    let by_staff = shop.staff().get(&path).await.expect(StatusCode::OK);
    assert_eq!((&by_staff["number"], &by_staff["status"]), (&checkout["order_number"], &json!("pending_payment")));
}

/// Registers a machine client and asks for its token, as a form.
async fn machine(shop: &Shop, scopes: &[&str]) -> (Value, Value) {
    let body = json!({"name": "A worker", "username": shop.name("worker"), "scopes": scopes, "filters": []});
    let made = shop.staff().post("/api/v1/machine-clients", &body).await.expect(StatusCode::CREATED);
    (made["id"].clone(), made["client_secret"].clone())
}

/// Asks for a token at `endpoint`, by the client's secret in the form.
async fn ask(shop: &Shop, endpoint: &str, (id, secret): &(Value, Value)) -> Answer {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let credentials = [("client_id", text(id)), ("client_secret", text(secret))];
    let mut form = vec![("grant_type", "client_credentials".to_owned()), ("token_type", "jwt".to_owned())];
    form.extend(credentials);
    let client = shop.anonymous();
    client.send(client.request(Method::POST, endpoint).form(&form)).await
}

/// A form, which API Gateway hands on in base64, and a header are both good; the token opens what the client may.
pub async fn a_machine_client_gets_a_token_that_opens_what_it_may(shop: Shop) {
    let py = shop.sell("PY", "49.90", None).await;
    let checkout = shop.user("ada").order(&py).await;
    let path = format!("/api/v1/orders/{}", checkout.order_number());
    let credentials = machine(&shop, &["orders:read"]).await;
    let issued = ask(&shop, "/oauth2/access_token", &credentials).await.expect(StatusCode::OK);
    assert_eq!((&issued["token_type"], &issued["scope"]), (&json!("JWT"), &json!("orders:read")));
    let token = format!("JWT {}", issued["access_token"].as_str().expect("a token"));
    let worker = shop.anonymous().with("Authorization", &token);
    assert_eq!(worker.get(&path).await.expect(StatusCode::OK)["number"], checkout["order_number"]);
    worker.post(&format!("{path}/fulfill"), &json!({})).await.problem(403, "forbidden");
    worker.add(&py).await.problem(403, "forbidden");

    let (id, secret) = &credentials;
    let basic = STANDARD.encode(format!("{}:{}", id.as_str().expect("text"), secret.as_str().expect("text")));
    let by_header = shop.anonymous().with("Authorization", &format!("Basic {basic}"));
    let form = by_header.request(Method::POST, "/oauth2/access_token/").form(&[("grant_type", "client_credentials")]);
    assert_eq!(by_header.send(form).await.expect(StatusCode::OK)["token_type"], "Bearer");
    let wrong = ask(&shop, "/oauth2/access_token", &(id.clone(), json!("guessed"))).await;
    assert_eq!((wrong.status, &wrong["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
}

/// Whoever reads the documents finds the token endpoint, and the key that verifies what it issues.
pub async fn our_documents_lead_to_the_keys_that_sign_our_tokens(shop: Shop) {
    let nobody = shop.anonymous();
    let document = nobody.get("/.well-known/openid-configuration").await.expect(StatusCode::OK);
    for path in ["/oauth2/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/oauth2"] {
        assert_eq!(nobody.get(path).await.expect(StatusCode::OK).json, document.json, "{path}");
    }
    let at = |member: &str| document[member].as_str().expect("an address").to_owned();
    let credentials = machine(&shop, &["orders:read", "orders:fulfill"]).await;
    let issued = ask(&shop, &at("token_endpoint"), &credentials).await.expect(StatusCode::OK);
    let token = issued["access_token"].as_str().expect("a token");
    let keys = nobody.get(&at("jwks_uri")).await.expect(StatusCode::OK);
    let keys: JwkSet = serde_json::from_value(keys.json).expect("a key set");
    let kid = decode_header(token).expect("a header").kid.expect("a key's name");
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the key")).expect("a key");
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_aud = false;
    rules.set_issuer(&[at("issuer")]);
    let verified = decode::<Value>(token, &key, &rules).expect("a token that the key verifies");
    assert_eq!(verified.claims["preferred_username"], json!(shop.name("worker")));
}

/// It is no use to whoever still knows it, and other sessions of the user go on.
pub async fn a_logout_ends_the_session(shop: Shop) {
    let token = shop.token(&shop.learner("ada"));
    let log_in = async |id: &str| -> Client {
        let login = shop.session(id).post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK);
        shop.anonymous().with("Session-Id", login.header("session-id"))
    };
    let (here, there) = (log_in("here").await, log_in("there").await);
    let listed = here.get("/api/v1/sessions").await.expect(StatusCode::OK);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    let out = here.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    assert_eq!((out.header("session-id"), out.text.as_str()), ("", ""));
    here.get("/api/v1/orders").await.problem(401, "session_ended");
    here.post("/api/v1/logout", &json!({})).await.problem(401, "session_ended");
    let me = there.get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!(me["username"], json!(shop.name("ada")));
}

/// Who is believed with the gateway's proof and not without; the browser gets cookies and is sent on.
pub async fn a_gateway_hands_a_person_over(shop: Shop) {
    let (sub, username) = (shop.name("kc"), shop.name("grace"));
    let person = json!({"sub": sub, "preferred_username": username, "name": "Grace", "email": "grace@example.com"});
    let named = shop.anonymous().with("X-Userinfo", &STANDARD.encode(person.to_string()));
    let vouched = named.with("X-Gateway-Secret", GATEWAY.1[0]);
    let who = async |client: &Client| client.get("/api/v1/users/me").await.expect(StatusCode::OK)["username"].clone();
    assert_eq!((who(&named).await, who(&vouched).await), (Value::Null, json!(username)));
    let guessed = named.with("X-Gateway-Secret", "local-development-guess").get("/establish_session").await;
    assert!(guessed.status.is_client_error(), "{} {}", guessed.status, guessed.text);
    let sent_on = vouched.get("/establish_session?next=%2Forders%3Fpage%3D2").await.expect(StatusCode::FOUND);
    assert_eq!(sent_on.header(LOCATION.as_str()), "/orders?page=2");
    assert_eq!(sent_on.headers.get_all(SET_COOKIE).iter().count(), 2, "{sent_on:?}");
    vouched.get("/establish_session?next=https%3A%2F%2Fevil.example").await.problem(400, "bad_next");
}

/// One asks applications for a key and the other does not; a key or a token of the one is nothing to the other.
pub async fn two_schools_in_one_shop_are_apart(shop: Shop) {
    let here = shop.user("ada");
    let there = shop.signed_in(Learner { other_tenant: true, ..shop.learner("ada") });
    let me = here.get("/api/v1/users/me").await.expect(StatusCode::OK);
    assert_eq!((&me["tenant"], &me["username"]), (&json!("default"), &json!(shop.name("ada"))));
    there.get("/api/v1/products").await.problem(401, "client_key_required");
    let relabelled = CLIENT_KEY.replace("default", OTHER_TENANT);
    there.with("X-Client-Key", &relabelled).get("/api/v1/products").await.problem(401, "unknown_client_key");
}
