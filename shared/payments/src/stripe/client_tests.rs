//! The client against a recorder on loopback that plays given answers.

mod traces;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::payment::{Fact, Flow, NextStep, RefundStanding, SessionEnd};
use domain::text::ProcessorRef;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::tests::{refund_request, request};
use super::signature::sign;
use super::*;
use crate::{Processor, ProcessorError, Secret, WebhookRefusal};

const SESSION: &str = "cs_test_1";

/// What the recorder saw of one call.
#[derive(Debug)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().unwrap())
    }
}

/// An answer to play: status, the header `Stripe-Should-Retry`, body.
type Answer = (u16, Option<&'static str>, String);

#[derive(Clone, Default)]
struct Recorder {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    async fn play(State(recorder): State<Self>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let body = String::from_utf8(body.to_vec()).unwrap();
        recorder.seen.lock().unwrap().push(Seen { line: format!("{method} {uri}"), headers, body });
        let (status, should_retry, body) = recorder.answers.lock().unwrap().pop_front().expect("one call too many");
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        if let Some(value) = should_retry {
            response.headers_mut().insert("stripe-should-retry", value.parse().unwrap());
        }
        response
    }

    fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }
}

fn config(api_base: String) -> StripeConfig {
    let secret = |text| Secret::new(text);
    StripeConfig {
        api_base,
        secret_key: secret("sk_test_1"),
        webhook_secrets: vec![secret("whsec_new"), secret("whsec_old")],
        livemode: false,
        publishable_key: "pk_test_1".to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the recorder runs beside the test")]
async fn stripe(answers: Vec<Answer>) -> (Processor, Recorder) {
    let recorder = Recorder::default();
    recorder.answers.lock().unwrap().extend(answers);
    let app = Router::new().fallback(Recorder::play).with_state(recorder.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/_local/stripe/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Processor::Stripe(Client::new(config(base)).unwrap()), recorder)
}

fn ok(body: &Value) -> Answer {
    (200, None, body.to_string())
}

fn open() -> Value {
    json!({"id": SESSION, "object": "checkout.session", "status": "open", "url": "https://pay.example/1"})
}

fn refusal(code: &str) -> Answer {
    (400, None, json!({"error": {"type": "invalid_request_error", "code": code}}).to_string())
}

fn reference(text: &str) -> ProcessorRef {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_session_is_opened_on_the_hosted_page() {
    let (stripe, recorder) = stripe(vec![ok(&open())]).await;
    let opened = stripe.with_request_id("req-1").open_session(&request(Flow::HostedPage)).await.unwrap();
    assert_eq!(opened.reference, reference(SESSION));
    assert_eq!(opened.next, NextStep::Redirect { url: "https://pay.example/1".to_owned() });
    // What is kept does not open the payment.
    assert_eq!(opened.raw, open().to_string().replace("https://pay.example/1", "[redacted]"));

    let seen = recorder.seen.lock().unwrap();
    assert_eq!(seen[0].line, "POST /_local/stripe/v1/checkout/sessions");
    assert!(seen[0].body.starts_with("mode=payment&client_reference_id=ord_01m810rwd80000000000000007&"));
    for (header, value) in [
        ("authorization", "Bearer sk_test_1"),
        ("stripe-version", "2026-10-28.endive"),
        ("idempotency-key", "co:ord_01m810rwd80000000000000007:pay_01m810rwd80000000000000008"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-request-id", "req-1"),
    ] {
        assert_eq!(seen[0].header(header), value, "{header}");
    }
}

#[tokio::test]
async fn a_payment_on_our_page_gets_a_client_secret() {
    let intent = json!({"id": "pi_1", "client_secret": "pi_1_secret_2", "status": "requires_payment_method"});
    let (stripe, recorder) = stripe(vec![ok(&intent)]).await;
    let opened = stripe.open_session(&request(Flow::ClientSecret)).await.unwrap();
    assert_eq!(opened.reference, reference("pi_1"));
    assert_eq!(opened.next, NextStep::ClientSecret { client_secret: "pi_1_secret_2".to_owned() });
    assert_eq!(recorder.lines(), ["POST /_local/stripe/v1/payment_intents"]);
    assert_eq!(recorder.seen.lock().unwrap()[0].header("x-request-id"), "-");
}

#[tokio::test]
async fn a_call_is_repeated_with_the_same_key_and_body() {
    let fault = || (500, None, String::new());
    let (stripe, recorder) = stripe(vec![fault(), (409, None, String::new()), ok(&open())]).await;
    let opened = stripe.open_session(&request(Flow::HostedPage)).await.unwrap();
    assert_eq!(opened.reference, reference(SESSION));
    let seen = recorder.seen.lock().unwrap();
    let sent: Vec<_> = seen.iter().map(|seen| (seen.header("idempotency-key"), &seen.body)).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|call| call == &sent[0]));
}

#[tokio::test]
async fn a_call_is_repeated_only_where_that_may_help() {
    let with = |status, should_retry| vec![(status, should_retry, "{}".to_owned()); 3];
    for (status, should_retry, calls, error) in [
        (503, None, 3, "processor failed with status 503"),
        (409, None, 3, "idempotency key is taken (in flight: true)"),
        (503, Some("false"), 1, "processor failed with status 503"),
        (429, None, 1, "processor limits the rate of calls"),
        (429, Some("true"), 3, "processor limits the rate of calls"),
        (402, None, 1, "payment declined: http_402"),
        (400, None, 1, "processor refuses the request: http_400 (status 400)"),
        (302, None, 1, "processor's answer cannot be read (status 302)"),
    ] {
        let (stripe, recorder) = stripe(with(status, should_retry)).await;
        let failed = stripe.open_session(&request(Flow::HostedPage)).await.unwrap_err();
        assert_eq!((failed.to_string().as_str(), recorder.lines().len()), (error, calls), "{status} {should_retry:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_stripes_leaves_the_outcome_unknown() {
    for body in ["<html>", "{}", r#"{"id":"cs_1"}"#, r#"{"id":"","url":"x"}"#, &" ".repeat(300 * 1024)] {
        let (stripe, _) = stripe(vec![(200, None, body.to_owned())]).await;
        let failed = stripe.open_session(&request(Flow::HostedPage)).await.unwrap_err();
        assert!(matches!(failed, ProcessorError::BadAnswer { status: 200 }), "{failed:?}");
        assert!(failed.outcome_unknown());
    }
}

#[tokio::test]
async fn no_answer_leaves_the_outcome_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let stripe = Client::new(config(base)).unwrap();
    let failed = stripe.retrieve(&reference("pi_1")).await.unwrap_err();
    assert!(matches!(failed, ProcessorError::Unreachable(_)), "{failed:?}");
    assert_eq!((failed.retryable(), failed.outcome_unknown()), (true, true));
}

#[tokio::test]
async fn what_cannot_be_charged_makes_no_call() {
    let (stripe, recorder) = stripe(vec![]).await;
    let mut franc = request(Flow::HostedPage);
    franc.total = domain::money::Money::parse("49", "CHF".parse().unwrap()).unwrap();
    let failed = stripe.open_session(&franc).await.unwrap_err();
    assert!(matches!(failed, ProcessorError::NotPayable(_)), "{failed:?}");
    assert_eq!(recorder.lines(), [""; 0]);
}

#[tokio::test]
async fn a_session_is_ended_or_found_paid() {
    let session = |status: &str| ok(&json!({"id": SESSION, "status": status}));
    let intent = |status: &str| ok(&json!({"id": "pi_1", "status": status}));
    let (closed, paid, refused) =
        ("Ok(Closed)", "Ok(Paid)", "Err(\"processor refuses the request: gone (status 400)\")");
    for (flow, answers, expected) in [
        (Flow::HostedPage, vec![session("expired")], closed),
        (Flow::HostedPage, vec![refusal("gone"), session("complete")], paid),
        (Flow::HostedPage, vec![refusal("gone"), session("expired")], closed),
        (Flow::HostedPage, vec![refusal("gone"), session("open")], refused),
        (Flow::HostedPage, vec![refusal("gone"), refusal("other")], refused),
        (Flow::HostedPage, vec![session("open")], "Err(\"processor's answer cannot be read (status 200)\")"),
        (Flow::ClientSecret, vec![intent("canceled")], closed),
        (Flow::ClientSecret, vec![refusal("gone"), intent("succeeded")], paid),
        (Flow::ClientSecret, vec![refusal("gone"), intent("processing")], paid),
        (Flow::ClientSecret, vec![refusal("gone"), intent("canceled")], closed),
        (Flow::ClientSecret, vec![refusal("gone"), intent("requires_action")], refused),
    ] {
        let case = format!("{flow:?} {answers:?}");
        let (stripe, _) = stripe(answers).await;
        let named = if flow == Flow::HostedPage { SESSION } else { "pi_1" };
        let ended: Result<SessionEnd, _> = stripe.end_session(&reference(named), flow).await.map_err(|e| e.to_string());
        assert_eq!(format!("{ended:?}"), expected, "{case}");
    }
}

#[tokio::test]
async fn ending_asks_once_with_a_key_and_looks_after_a_refusal() {
    let (stripe, recorder) = stripe(vec![refusal("gone"), ok(&json!({"id": SESSION, "status": "complete"}))]).await;
    assert_eq!(stripe.end_session(&reference(SESSION), Flow::HostedPage).await.unwrap(), SessionEnd::Paid);
    let lines = [
        "POST /_local/stripe/v1/checkout/sessions/cs_test_1/expire",
        "GET /_local/stripe/v1/checkout/sessions/cs_test_1",
    ];
    assert_eq!(recorder.lines(), lines);
    let seen = recorder.seen.lock().unwrap();
    assert_eq!((seen[0].header("idempotency-key"), seen[1].header("idempotency-key")), ("end:cs_test_1", "-"));
}

#[tokio::test]
async fn a_session_or_payment_tells_how_it_stands() {
    let session = |change: Value| {
        let mut object = json!({"id": SESSION, "status": "complete", "payment_status": "paid", "amount_total": 4900,
            "currency": "usd", "payment_intent": {"id": "pi_1", "status": "succeeded"}});
        object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        object
    };
    let unpaid = |intent: Value| session(json!({"payment_status": "unpaid", "payment_intent": intent}));
    let error = json!({"code": "card_declined", "decline_code": "lost_card"});
    for (named, answer, expected) in [
        (SESSION, session(json!({})), "Captured { amount: 49.00 USD } pi_1"),
        (SESSION, session(json!({"payment_intent": "pi_2"})), "Captured { amount: 49.00 USD } pi_2"),
        (SESSION, unpaid(json!("pi_1")), "Processing pi_1"),
        (SESSION, unpaid(json!({"id": "pi_1", "status": "processing"})), "Processing pi_1"),
        (
            SESSION,
            unpaid(json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error})),
            "Failed { reason: \"lost_card\" } pi_1",
        ),
        (SESSION, unpaid(json!({"id": "pi_1", "status": "canceled"})), "Failed { reason: \"canceled\" } pi_1"),
        (SESSION, session(json!({"status": "open", "payment_intent": null})), "Irrelevant -"),
        (SESSION, session(json!({"status": "expired", "payment_intent": null})), "SessionExpired -"),
        (
            "pi_1",
            json!({"id": "pi_1", "status": "succeeded", "amount_received": 4900, "currency": "jpy"}),
            "Captured { amount: 4900 JPY } pi_1",
        ),
        ("pi_1", json!({"id": "pi_1", "status": "processing"}), "Processing pi_1"),
        ("pi_1", json!({"id": "pi_1", "status": "requires_payment_method"}), "Irrelevant pi_1"),
        (
            "pi_1",
            json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}),
            "Declined { reason: \"lost_card\" } pi_1",
        ),
        ("pi_1", json!({"id": "pi_1", "status": "new_in_2027"}), "Irrelevant pi_1"),
        (
            "pi_1",
            json!({"id": "pi_1", "status": "canceled", "cancellation_reason": "abandoned"}),
            "Failed { reason: \"abandoned\" } pi_1",
        ),
    ] {
        let (stripe, _) = stripe(vec![ok(&answer)]).await;
        let told = stripe.retrieve(&reference(named)).await.unwrap();
        let payment = told.payment.as_ref().map_or("-", ProcessorRef::as_str);
        assert_eq!(format!("{:?} {payment}", told.fact), expected, "{answer}");
        assert_eq!(told.raw, answer.to_string());
    }
}

#[tokio::test]
async fn an_unreadable_amount_is_told_apart_when_asking_too() {
    let answer = json!({"id": "pi_1", "status": "succeeded", "amount_received": 4900, "currency": "isk"});
    let (stripe, _) = stripe(vec![ok(&answer)]).await;
    let failed = stripe.retrieve(&reference("pi_1")).await.unwrap_err();
    let ProcessorError::UnreadableAmount(amount) = failed else { panic!("{failed:?}") };
    assert_eq!(amount.to_string(), "4900 units of isk");
}

#[tokio::test]
async fn a_reference_cannot_leave_its_place_in_the_path() {
    let (stripe, recorder) = stripe(vec![ok(&json!({"id": "pi_1"}))]).await;
    stripe.retrieve(&reference("pi_1/cancel?x=1#y")).await.unwrap();
    assert_eq!(recorder.lines(), ["GET /_local/stripe/v1/payment_intents/pi_1%2Fcancel%3Fx%3D1%23y"]);
}

#[tokio::test]
async fn a_refund_tells_how_it_stands() {
    for (status, expected) in [
        ("pending", RefundStanding::Pending),
        ("requires_action", RefundStanding::Pending),
        ("succeeded", RefundStanding::Succeeded),
        ("failed", RefundStanding::Failed),
        ("canceled", RefundStanding::Failed),
        ("new_in_2027", RefundStanding::Pending),
    ] {
        let (stripe, recorder) = stripe(vec![ok(&json!({"id": "re_1", "status": status}))]).await;
        let answer = stripe.refund(&refund_request()).await.unwrap();
        assert_eq!((answer.reference, answer.standing), (reference("re_1"), expected), "{status}");
        let seen = recorder.seen.lock().unwrap();
        assert_eq!(seen[0].line, "POST /_local/stripe/v1/refunds");
        assert_eq!(seen[0].header("idempotency-key"), "rf:ref_01m810rwd80000000000000009");
    }
}

#[tokio::test]
async fn a_payment_refunded_before_counts_as_refunded() {
    let (stripe, _) = stripe(vec![refusal("charge_already_refunded")]).await;
    let answer = stripe.refund(&refund_request()).await.unwrap();
    assert_eq!((answer.reference, answer.standing), (reference("pi_1"), RefundStanding::Succeeded));
    assert!(answer.raw.contains("charge_already_refunded"));
}

#[test]
fn a_webhook_is_verified_before_it_is_read() {
    let stripe = Processor::Stripe(Client::new(config("http://127.0.0.1:9".to_owned())).unwrap());
    let sample = include_str!("../../../../events/payment-webhook/checkout_session_completed.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let body = sample["body"].as_str().unwrap().as_bytes();
    let at = "1795327065";
    let now = [Timestamp::from_second(1_795_327_065).unwrap()];
    let headers = |values: &[String]| -> HeaderMap {
        let name = || reqwest::header::HeaderName::from_static("stripe-signature");
        values.iter().map(|value| (name(), value.parse().unwrap())).collect()
    };
    let appended = |first: &str, second: &str| {
        let mut headers = headers(&[first.to_owned()]);
        headers.append("stripe-signature", second.parse().unwrap());
        headers
    };
    let good = sign("whsec_old", at, body);
    let event = stripe.verify(&headers(std::slice::from_ref(&good)), body, &now).unwrap();
    assert!(matches!(event.fact, Fact::Captured { .. }), "{event:?}");

    assert_eq!(stripe.verify(&headers(&[]), body, &now), Err(WebhookRefusal::NoSignature));
    assert_eq!(stripe.verify(&appended(&good, &good), body, &now), Err(WebhookRefusal::NoSignature));
    let forged = sign("whsec_other", at, b"not even json");
    assert_eq!(stripe.verify(&headers(&[forged]), b"not even json", &now), Err(WebhookRefusal::WrongSignature));
    let signed = sign("whsec_new", at, b"not json");
    assert_eq!(stripe.verify(&headers(&[signed]), b"not json", &now), Err(WebhookRefusal::Malformed("not an event")));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let with = |key: &str, secrets: &[&str]| {
        let webhook_secrets = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        let config =
            StripeConfig { secret_key: Secret::new(key), webhook_secrets, ..config("http://127.0.0.1".to_owned()) };
        Client::new(config).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with("sk_1", &["whsec_1"]), Ok(()));
    for key in ["", "sk\n1"] {
        assert_eq!(with(key, &["whsec_1"]), Err("BURSAR_STRIPE_SECRET_KEY is not usable".to_owned()));
    }
    for secrets in [&[][..], &["whsec_1", ""]] {
        let refused = "BURSAR_STRIPE_WEBHOOK_SECRETS has no secret, or an empty one";
        assert_eq!(with("sk_1", secrets), Err(refused.to_owned()));
    }
    for api_base in ["", "api.stripe.com", "file:///v1"] {
        let refused = Client::new(config(api_base.to_owned())).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(refused, Err("BURSAR_STRIPE_API must be an http or https URL".to_owned()));
    }
}

#[test]
fn a_client_does_not_print_its_keys() {
    let printed = format!("{:?}", Client::new(config("https://api.stripe.com".to_owned())).unwrap());
    assert!(!printed.contains("sk_test") && !printed.contains("whsec"), "{printed}");
}
