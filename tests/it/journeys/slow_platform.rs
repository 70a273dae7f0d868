//! The learning platform is slow, or does not answer at all: fulfilment ends in time, and loses nothing.

use std::net::SocketAddr;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use domain::secret::Secret;
use fulfillment::{NoneWorked, handle};
use http::StatusCode;
use jiff::SignedDuration;
use lms::{Lms, LmsConfig};
use local::dev_keys::LMS_CLIENT;
use local::lms_sim;
use serde_json::json;
use tests::{Answer, Client, TestApp};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::{Clock, Until};

/// A paid order of these products, not fulfilled yet.
async fn paid(learner: &Client, skus: &[&str]) -> Answer {
    for sku in skus {
        learner.add(sku).await.expect(StatusCode::CREATED);
    }
    let checkout = learner.checkout("one").await.expect(StatusCode::CREATED);
    learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    checkout
}

/// The states of an order's lines.
async fn lines(learner: &Client, checkout: &Answer) -> Vec<String> {
    let order = learner.read_order(checkout).await;
    let lines = order["lines"].as_array().expect("lines").iter();
    lines.map(|line| line["fulfillment"]["state"].as_str().expect("a state").to_owned()).collect()
}

/// A batch with a message for each order, named by the order's number.
fn batch(checkouts: &[&Answer]) -> SqsEvent {
    let mut batch = SqsEvent::default();
    for checkout in checkouts {
        let number = super::number(checkout);
        let mut record = SqsMessage::default();
        let outbox = "out_01m810rwd80000000000000009";
        let body = json!({"v": 1, "tenant": "default", "order": number, "outbox": outbox, "work": {"kind": "fulfil"}});
        record.body = Some(body.to_string());
        record.message_id = Some(number);
        batch.records.push(record);
    }
    batch
}

/// The way to the LMS, on which each enrolment takes so long by `clock`. It ends with the handle.
async fn slow(app: &TestApp, clock: &Clock, took: SignedDuration) -> (Lms, JoinHandle<()>) {
    let clock = clock.clone();
    let time_passes = from_fn(move |request: Request, next: Next| {
        if request.uri().path().contains("/enrollment") {
            clock.advance(took);
        }
        next.run(request)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}{}", listener.local_addr().expect("an address"), lms_sim::MOUNT);
    let router = app.cloud.router().layer(time_passes);
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let server = tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.expect("served");
    });
    let (id, secret) = LMS_CLIENT;
    let client = (id.to_owned(), Secret::new(secret.to_owned()));
    let config = LmsConfig { base_url, oauth_client_id: client.0, oauth_client_secret: client.1 };
    (Lms::new(config).expect("a client"), server)
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_asked_once_for_an_order() {
    let app = TestApp::start().await;
    for sku in ["A", "B", "C"] {
        app.sell(sku, "10.00", "USD", None).await;
    }
    let ada = app.user("ada");
    let checkout = paid(&ada, &["A", "B", "C"]).await;
    // The second enrolment would be made, if it were asked for.
    super::fault(&app, json!({"target": "lms", "status": 408, "times": 1, "operation": "/enrollment"})).await;
    app.cloud.step().await.expect("a step");
    assert_eq!(app.cloud.faults.list(), []);
    assert_eq!(app.enrolments("ada").await.len(), 0);
    let order = ada.read_order(&checkout).await;
    for line in order["lines"].as_array().expect("lines") {
        let fulfillment = &line["fulfillment"];
        assert_eq!((&fulfillment["state"], &fulfillment["reason"]), (&json!("retry_at"), &json!("lms_timeout")));
        let due: jiff::Timestamp =
            fulfillment["next_attempt_at"].as_str().expect("a moment").parse().expect("a moment");
        assert!((22..=30).contains(&due.duration_since(app.cloud.clock.now()).as_secs()), "{due}");
    }
    assert_eq!(super::happened(&app, &checkout, "fulfillment_delayed").await, 3);
    app.check().await;
    app.advance(60).await;
    assert_eq!(lines(&ada, &checkout).await, ["granted"; 3]);
    assert_eq!(super::happened(&app, &checkout, "fulfillment_delayed").await, 3);
    app.finish().await;
}

#[tokio::test]
async fn what_the_time_does_not_suffice_for_comes_again() {
    let app = TestApp::start().await;
    for sku in ["A", "B"] {
        app.sell(sku, "10.00", "USD", None).await;
    }
    let (ada, bob) = (app.user("ada"), app.user("bob"));
    let (first, second) = (paid(&ada, &["A", "B"]).await, paid(&bob, &["A"]).await);
    app.cloud.stripe.deliver().await;
    app.cloud.trigger.purge().await.expect("an empty queue");
    let clock = Clock::fixed(app.cloud.clock.now());
    let (lms, server) = slow(&app, &clock, SignedDuration::from_secs(6)).await;
    let mut functions = app.cloud.fulfillment();
    for function in &mut functions {
        function.lms = lms.clone();
    }
    let until = Until::new(clock.clone(), clock.now() + SignedDuration::from_secs(5));
    let response = handle(&functions, batch(&[&first, &second]), &until).await.expect("a message was worked");
    let left: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(left, [super::number(&second)]);
    assert_eq!(lines(&ada, &first).await, ["granted", "queued"]);
    assert_eq!(lines(&bob, &second).await, ["queued"]);
    app.check().await;

    // Now it is over before it begins.
    assert_eq!(handle(&functions, batch(&[&second]), &until).await, Err(NoneWorked));
    assert_eq!(lines(&bob, &second).await, ["queued"]);
    assert_eq!(handle(&functions, SqsEvent::default(), &until).await.map(|none| none.batch_item_failures), Ok(vec![]));
    server.abort();

    app.advance(super::RESEND_S).await;
    assert_eq!(lines(&ada, &first).await, ["granted"; 2]);
    assert_eq!(lines(&bob, &second).await, ["granted"]);
    app.finish().await;
}
