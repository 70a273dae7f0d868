//! The rotation of the keys that sign our tokens: what was signed by the old key stays good, as long as it is published.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use local::dev_keys::{KEY_SECRET, MACHINE_CLIENT};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::TestApp;
use tower::ServiceExt;
use web::identity::ClientKeyPolicy;
use web::identity::issuers::{Audience, IssuerConfig, KeySource};
use web::identity::signing::SigningKeys;
use web::{Http, HttpConfig, Secret};

use super::part_of;

fn pem() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}

/// The session function of the same shop, deployed with these keys.
fn deployed(app: &TestApp, keys: &[&Value]) -> Router {
    let signing: SigningKeys = json!(keys).to_string().parse().unwrap();
    let own = IssuerConfig {
        issuer: "https://shop.example/oauth2".to_owned(),
        audience: Audience::Required(vec!["default".to_owned()]),
        keys: KeySource { jwks: Some(signing.jwks()), ..KeySource::default() },
    };
    let config = HttpConfig {
        tenant: "default".parse().unwrap(),
        key_secret: Secret::new(KEY_SECRET),
        issuers: vec![own],
        gateway: None,
        client_keys: ClientKeyPolicy::Optional,
        allowed_origins: Vec::new(),
        session_realms: Vec::new(),
        secure_cookies: true,
        country_header: None,
    };
    let store = app.cloud.store.clone();
    let http = Http::new(config, store.clone(), app.cloud.clock.clone(), app.cloud.http().entropy().clone()).unwrap();
    let function = session::App {
        http: http.clone(),
        store,
        signing: Arc::new(signing),
        base_url: "https://shop.example".to_owned(),
        audience: "default".to_owned(),
        next_origins: Vec::new(),
    };
    web::contract(session::router(function), &http)
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A new token, and the `kid` of the key that signed it.
async fn issue(router: &Router) -> (String, String) {
    let (id, secret) = MACHINE_CLIENT;
    let form = format!("grant_type=client_credentials&token_type=jwt&client_id={id}&client_secret={secret}");
    let request = Request::post("/oauth2/access_token").header("content-type", "application/x-www-form-urlencoded");
    let (status, issued) = send(router, request.body(Body::from(form)).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{issued}");
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let kid = part_of(&token, 0)["kid"].as_str().unwrap().to_owned();
    (token, kid)
}

async fn is_good(router: &Router, token: &str) -> bool {
    let request = Request::get("/api/v1/users/me").header("authorization", format!("JWT {token}"));
    let (status, me) = send(router, request.body(Body::empty()).unwrap()).await;
    match status {
        StatusCode::OK => me["username"] == "local-worker",
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}: {me}"),
    }
}

async fn published(router: &Router) -> Vec<String> {
    let (_, keys) = send(router, Request::get("/oauth2/jwks").body(Body::empty()).unwrap()).await;
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys["keys"].as_array().unwrap().iter().map(kid).collect()
}

#[tokio::test]
async fn a_token_of_the_old_key_stays_good_until_the_key_is_taken_away() {
    let app = TestApp::start().await;
    let old = json!({"kid": "old", "pem": pem(), "from": "2026-01-01T00:00:00Z"});
    let new = json!({"kid": "new", "pem": pem(), "from": "2026-11-20T13:00:00Z"});

    let before = deployed(&app, &[&old]);
    let (first, kid) = issue(&before).await;
    assert_eq!((kid.as_str(), published(&before).await), ("old", vec!["old".to_owned()]));

    // The new key is published an hour before it signs.
    let during = deployed(&app, &[&new, &old]);
    assert_eq!(published(&during).await, ["old", "new"]);
    let (second, kid) = issue(&during).await;
    assert_eq!(kid, "old");
    app.advance(3600).await;
    let (third, kid) = issue(&during).await;
    assert_eq!(kid, "new");
    for token in [&first, &second, &third] {
        assert!(is_good(&during, token).await);
    }
    // Who has not yet read the new set refuses the new key, and keeps to the old.
    assert!(is_good(&before, &second).await && !is_good(&before, &third).await);

    let after = deployed(&app, &[&new]);
    assert_eq!(published(&after).await, ["new"]);
    assert!(is_good(&after, &third).await && !is_good(&after, &first).await);
    app.finish().await;
}
