//! Every sample event of `events/` runs through the function that it is for.
//!
//! The samples are what the outside world sends, byte for byte, so what belongs to one deployment is put in here: a
//! token of the local cloud for the one whom the sample's token names, a signature of its own, and the order that this
//! test made for the one that the samples name. `events/README.md` says how a sample is answered.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lambda_events::event::sqs::SqsEvent;
use axum::response::Response;
use http::{Request, StatusCode};
use lambda_http::Body;
use local::dev_keys::{Learner, WEBHOOK_SECRETS, token};
use local::stripe_sim::sign;
use serde_json::{Value, json};
use tests::TestApp;
use tower::ServiceExt;

/// The order that the samples name.
const ORDER: &str = "ord_01m810rwd80000000000000007";
/// Its attempt to pay.
const ATTEMPT: &str = "pay_01m810rwd80000000000000008";
/// The attempt's session at the processor.
const SESSION: &str = "cs_test_a1B2c3D4e5F6g7H8i9J0";
/// Its payment there.
const PAYMENT: &str = "pi_3SWbVqFk2JmR8xLd0PqYt7Zn";

/// How the tokens of the samples begin: `{"alg":"HS256","typ":"JWT"}`.
const SAMPLE_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

struct Sample {
    name: String,
    text: String,
}

/// The samples of a function, by name.
fn samples(function: &str) -> Vec<Sample> {
    let folder = events().join(function);
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let read = |path: PathBuf| Sample {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    let mut samples: Vec<_> = json.map(read).collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!samples.is_empty(), "{} holds no samples", folder.display());
    samples
}

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events")
}

impl Sample {
    /// The status that the name tells: `cancel_order.409.json` is answered 409, `read_order.json` with a success.
    #[track_caller]
    fn check(&self, status: StatusCode, body: &str) {
        match self.name.rsplit('.').nth(1).and_then(|part| part.parse::<u16>().ok()) {
            Some(expected) => assert_eq!(status.as_u16(), expected, "{}: {body}", self.name),
            None => assert!(status.is_success(), "{} is answered {status}: {body}", self.name),
        }
    }
}

/// A shop that sells what the samples ask for, in which `ada` has the order that they name.
struct Shop {
    app: TestApp,
    order: String,
}

impl Shop {
    /// With everything on sale, but without an order.
    async fn open() -> TestApp {
        let app = TestApp::start().await;
        let seat = |sku: &str, mode: &str, amount: &str| json!({"sku": sku, "mode": mode, "price": {"amount": amount, "currency": "USD"}});
        let seats = [seat("rust-101-verified", "verified", "49.90"), seat("rust-101-audit", "audit", "0")];
        let course = json!({"title": "Introduction to Rust", "org": "Bursar", "seats": seats});
        let path = "/api/v1/courses/course-v1:Bursar+RUST101+2026";
        app.staff().put(path, &course).await.expect(StatusCode::CREATED);
        app
    }

    async fn with_order() -> Self {
        let app = Self::open().await;
        let checkout = app.user("ada").order("rust-101-verified").await;
        let order = checkout["order_number"].as_str().unwrap().to_owned();
        Self { app, order }
    }

    async fn paid() -> Self {
        let shop = Self::with_order().await;
        let ada = shop.app.user("ada");
        let checkout = ada.checkout("key-rust-101-verified").await.expect(StatusCode::CREATED);
        ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
        // The webhook is delivered, and the message that it sent is left on the queue.
        shop.app.cloud.stripe.deliver().await;
        shop
    }
}

/// Sends a gateway's event through the routers, as the function's runtime would.
async fn send(app: &TestApp, text: &str) -> (StatusCode, String) {
    let request = lambda_http::request::from_str(&with_own_tokens(app, text)).unwrap();
    answer(app, request).await
}

/// The event with the local cloud's token in place of each that it holds, in a header or in its body.
fn with_own_tokens(app: &TestApp, text: &str) -> String {
    let part_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut pieces = text.split(SAMPLE_TOKEN);
    let mut own = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(part_of_token);
        let claims = piece[..piece.len() - rest.len()].split('.').next().unwrap();
        own += &minted(app, claims);
        own += rest;
    }
    own
}

async fn answer(app: &TestApp, request: Request<Body>) -> (StatusCode, String) {
    let response: Response = app.cloud.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A token of the local cloud for the one whom the claims of a sample's token name.
fn minted(app: &TestApp, payload: &str) -> String {
    let claims: Value = serde_json::from_slice(&decoded(payload)).unwrap();
    let scopes = claims["scopes"].as_array().into_iter().flatten();
    let learner = Learner {
        username: claims["preferred_username"].as_str().unwrap().to_owned(),
        email: None,
        other_tenant: false,
        staff: claims["administrator"] == true,
        scopes: scopes.map(|scope| scope.as_str().unwrap().to_owned()).collect(),
    };
    token(&learner, app.cloud.clock.issuer_now()).unwrap()
}

/// Base64url without padding.
fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = text.bytes().map(|byte| ALPHABET.iter().position(|known| *known == byte).unwrap());
    let bits: Vec<bool> = digits.flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1 == 1)).collect();
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}

#[tokio::test]
async fn the_catalogs_events_are_answered() {
    for sample in samples("catalog") {
        // What makes a product needs a shop without it.
        let app = if sample.name.starts_with("create") { TestApp::start().await } else { Shop::open().await };
        let (status, body) = send(&app, &sample.text).await;
        sample.check(status, &body);
        app.finish().await;
    }
}

#[tokio::test]
async fn the_baskets_events_are_answered() {
    for sample in samples("basket") {
        let app = Shop::open().await;
        let (status, body) = send(&app, &sample.text).await;
        sample.check(status, &body);
        app.finish().await;
    }
}

#[tokio::test]
async fn the_sessions_events_are_answered() {
    for sample in samples("session") {
        let app = Shop::open().await;
        let (status, body) = send(&app, &sample.text).await;
        sample.check(status, &body);
        app.finish().await;
    }
}

#[tokio::test]
async fn the_checkouts_events_are_answered() {
    for sample in samples("checkout") {
        let shop = match sample.name.as_str() {
            name if name.starts_with("start_checkout") => {
                let app = Shop::open().await;
                app.user("ada").add("rust-101-verified").await.expect(StatusCode::CREATED);
                Shop { app, order: ORDER.to_owned() }
            }
            name if name.starts_with("fulfill_order") || name.starts_with("read_receipt") => Shop::paid().await,
            _ => Shop::with_order().await,
        };
        let (status, body) = send(&shop.app, &sample.text.replace(ORDER, &shop.order)).await;
        sample.check(status, &body);
        shop.app.finish().await;
    }
}

/// What the sample names at the processor, as it is called in this shop.
async fn in_this_shop(shop: &Shop, sample: &Sample) -> String {
    let order = shop.app.user("ada").get(&format!("/api/v1/orders/{}", shop.order)).await.expect(StatusCode::OK);
    let mut text =
        sample.text.replace(ORDER, &shop.order).replace(ATTEMPT, order["payments"][0]["id"].as_str().unwrap());
    if let Some(page) = order["payment"]["url"].as_str() {
        text = text.replace(SESSION, page.rsplit('/').next().unwrap());
    }
    let receipt = shop.app.user("ada").get(&format!("/api/v1/orders/{}/receipt", shop.order)).await;
    if let Some(payment) = receipt["payment_reference"].as_str() {
        text = text.replace(PAYMENT, payment);
    }
    text
}

#[tokio::test]
async fn the_processors_events_are_taken() {
    for sample in samples("payment-webhook") {
        // What is about a charge is about one that was made.
        let shop = if sample.name.starts_with("charge") { Shop::paid().await } else { Shop::with_order().await };
        let body = in_this_shop(&shop, &sample).await;
        let now = shop.app.cloud.clock.now().as_second();
        let send = async |secret: &str| {
            let signature = sign(&[secret.to_owned()], now, body.as_bytes());
            let request = Request::post("/webhooks/default/stripe").header("stripe-signature", signature);
            answer(&shop.app, request.body(Body::from(body.clone())).unwrap()).await
        };
        let (status, _) = send("whsec_of_somebody_else").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{} is believed from anyone", sample.name);
        for secret in WEBHOOK_SECRETS {
            let (status, said) = send(secret).await;
            sample.check(status, &said);
        }
        let order = shop.app.user("ada").get(&format!("/api/v1/orders/{}", shop.order)).await;
        let became = (order["status"].as_str().unwrap(), order["money_status"].as_str().unwrap());
        let expected = match sample.name.as_str() {
            "charge_refunded.json" => ("paid", "partially_refunded"),
            "charge_dispute_created.json" | "checkout_session_completed.json" => ("paid", "paid"),
            "checkout_session_expired.json" => ("expired", "unpaid"),
            _ => ("pending_payment", "unpaid"),
        };
        assert_eq!(became, expected, "{}", sample.name);
        shop.app.finish().await;
    }
}

#[tokio::test]
async fn the_queues_events_are_worked_or_left() {
    for sample in samples("fulfillment") {
        let shop = Shop::paid().await;
        let batch: SqsEvent = serde_json::from_str(&sample.text.replace(ORDER, &shop.order)).unwrap();
        let ids: Vec<_> = batch.records.iter().map(|record| record.message_id.clone().unwrap()).collect();
        let response = fulfillment::handle(&shop.app.cloud.fulfillment(), batch).await;
        let left: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        let expected = if sample.name.starts_with("poison") { ids } else { Vec::new() };
        assert_eq!(left, expected, "{}", sample.name);
        if sample.name == "fulfil_order.json" {
            assert_eq!(shop.app.enrolments("ada").await.len(), 1);
        }
        shop.app.finish().await;
    }
}
