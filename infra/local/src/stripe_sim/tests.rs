//! The processor as our adapter, a browser and our webhook meet it.

use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::ids::random_hex;
use super::*;
use crate::faults::{Fault, Target};

const NOW: i64 = 1_795_327_065;

struct World {
    sim: StripeSim,
    clock: Clock,
    faults: Faults,
}

fn world_at(data_file: Option<PathBuf>) -> World {
    let (clock, faults) = (Clock::fixed(Timestamp::from_second(NOW).unwrap()), Faults::default());
    let sim = StripeSim::open(StripeSimConfig {
        data_file,
        clock: clock.clone(),
        faults: faults.clone(),
        base_url: "http://127.0.0.1:1/".to_owned(),
        webhook_url: String::new(),
        webhook_secrets: vec!["whsec_test".to_owned()],
        secret_key: "sk_test_local".to_owned(),
        on_call: Arc::new(|_, _| {}),
    });
    World { sim: sim.unwrap(), clock, faults }
}

struct Seen {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl World {
    async fn send(&self, request: Request<Body>) -> Seen {
        let answer = self.sim.router().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Seen { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn call(&self, method: &str, uri: &str, form: &str, key: Option<&str>) -> Seen {
        let mut request = Request::builder().method(method).uri(uri).header("authorization", "Bearer sk_test_local");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn post(&self, uri: &str, form: &str) -> Seen {
        self.call("POST", uri, form, None).await
    }

    async fn pay(&self, id: &str, outcome: &str) -> Seen {
        let request = Request::post(format!("/pay/{id}")).header("content-type", "application/json");
        self.send(request.body(Body::from(json!({ "outcome": outcome }).to_string())).unwrap()).await
    }

    async fn session(&self) -> String {
        let seen = self.post("/v1/checkout/sessions", &session_form(NOW + 1800)).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        seen.body["id"].as_str().unwrap().to_owned()
    }

    async fn paid_intent(&self) -> String {
        let id = self.session().await;
        self.pay(&id, "succeed").await.body["payment_intent"].as_str().unwrap().to_owned()
    }

    fn events(&self) -> Vec<String> {
        self.sim.read(|state, _| state.events.iter().map(|event| event.kind.clone()).collect())
    }
}

fn session_form(expires_at: i64) -> String {
    format!(
        "mode=payment&client_reference_id=ord_1&success_url=http%3A%2F%2Fshop%2Fr%3Fs%3D%7BCHECKOUT_SESSION_ID%7D\
         &cancel_url=http%3A%2F%2Fshop%2Fbasket&expires_at={expires_at}&metadata[order]=ord_1\
         &payment_intent_data[metadata][order]=ord_1&line_items[0][quantity]=2\
         &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=2450\
         &line_items[0][price_data][product_data][name]=Rust+%3Cb%3E"
    )
}

#[tokio::test]
async fn a_decline_leaves_the_session_open_and_the_next_try_pays_it() {
    let world = world_at(None);
    let id = world.session().await;
    let declined = world.pay(&id, "decline").await;
    assert_eq!((declined.status, &declined.body["status"]), (200, &json!("open")));
    let paid = world.pay(&id, "succeed").await;
    assert_eq!(paid.body["redirect_url"], format!("http://shop/r?s={id}"));
    assert_eq!((&paid.body["status"], &paid.body["payment_status"]), (&json!("complete"), &json!("paid")));
    let kinds =
        ["payment_intent.payment_failed", "payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"];
    assert_eq!(world.events(), kinds);
    let again = world.pay(&id, "succeed").await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("payment_not_open")));
    assert_eq!(world.pay("cs_test_none", "succeed").await.status, 404);
    let uri = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge");
    let intent = world.call("GET", &uri, "", None).await.body["payment_intent"].clone();
    assert_eq!((&intent["amount_received"], &intent["metadata"]["order"]), (&json!(4900), &json!("ord_1")));
    assert_eq!(intent["latest_charge"]["metadata"]["order"], "ord_1");
}

#[tokio::test]
async fn a_browser_is_sent_on_and_sees_names_escaped() {
    let world = world_at(None);
    let id = world.session().await;
    let answer =
        world.sim.router().oneshot(Request::get(format!("/pay/{id}")).body(Body::empty()).unwrap()).await.unwrap();
    let html = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(html.contains("Rust &lt;b&gt;") && html.contains("Pay 49.00 USD"), "{html}");
    let form = |outcome: &str| {
        let request = Request::post(format!("/pay/{id}")).header("accept", "text/html");
        request.body(Body::from(format!("outcome={outcome}"))).unwrap()
    };
    for (outcome, location) in [
        ("abandon", "http://shop/basket".to_owned()),
        ("decline", "?declined=1".to_owned()),
        ("succeed", format!("http://shop/r?s={id}")),
    ] {
        let seen = world.send(form(outcome)).await;
        assert_eq!((seen.status, seen.headers["location"].to_str().unwrap()), (303, location.as_str()));
    }
}

#[tokio::test]
async fn the_same_key_replays_the_first_answer_and_other_parameters_are_refused() {
    let world = world_at(None);
    let send = |form: &'static str| world.call("POST", "/v1/payment_intents", form, Some("co:1"));
    let first = send("amount=4900&currency=usd").await;
    let second = send("currency=usd&amount=4900").await;
    assert_eq!((second.status, &second.body), (200, &first.body));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert!(first.headers["request-id"].to_str().unwrap().starts_with("req_"));
    let other = send("amount=5000&currency=usd").await;
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &json!("idempotency_error")));
    world.clock.advance(SignedDuration::from_hours(24));
    assert_ne!(send("amount=4900&currency=usd").await.body["id"], first.body["id"]);
}

#[tokio::test]
async fn an_unusable_call_is_refused_in_stripes_words() {
    let world = world_at(None);
    let bad_key =
        Request::get("/v1/events").header("authorization", "Bearer sk_test_other").body(Body::empty()).unwrap();
    assert_eq!(world.send(bad_key).await.status, 401);
    for (form, code) in [
        ("amount=49&currency=usd", "amount_too_small"),
        ("amount=4900&currency=zzz", "invalid_currency"),
        ("amount=4900", "parameter_missing"),
        ("amount=4900&currency=usd&metdata[a]=b", "parameter_unknown"),
        ("amount=4.9&currency=usd", "parameter_invalid_integer"),
    ] {
        let seen = world.post("/v1/payment_intents", form).await;
        assert_eq!((seen.status, &seen.body["error"]["code"]), (400, &json!(code)), "{form}");
    }
    for expires_at in [NOW + 1799, NOW + 86_401] {
        let seen = world.post("/v1/checkout/sessions", &session_form(expires_at)).await;
        assert_eq!((seen.status, &seen.body["error"]["param"]), (400, &json!("expires_at")));
    }
    let seen = world.call("GET", "/v1/payment_intents/pi_none", "", None).await;
    assert_eq!((seen.status, &seen.body["error"]["code"]), (404, &json!("resource_missing")));
}

#[tokio::test]
async fn refunds_add_up_and_never_pass_the_charge() {
    let world = world_at(None);
    let intent = world.paid_intent().await;
    let refund = async |amount: &str| world.post("/v1/refunds", &format!("payment_intent={intent}{amount}")).await;
    assert_eq!(refund("&amount=1000").await.body["status"], "succeeded");
    let seen = refund("&amount=3901").await;
    assert_eq!((seen.status, &seen.body["error"]["param"]), (400, &json!("amount")));
    assert_eq!(refund("").await.body["amount"], 3900);
    let seen = refund("").await;
    assert_eq!((seen.status, &seen.body["error"]["code"]), (400, &json!("charge_already_refunded")));
    let last = world.sim.read(|state, _| state.events.iter().rfind(|one| one.kind == "charge.refunded").cloned());
    assert_eq!(last.unwrap().body["data"]["object"]["amount_refunded"], 4900);
    let listed = world.call("GET", &format!("/v1/refunds?payment_intent={intent}"), "", None).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_session_expires_by_the_clock_or_by_a_call_and_cannot_be_paid_then() {
    let world = world_at(None);
    let (by_clock, by_call) = (world.session().await, world.session().await);
    let expire = format!("/v1/checkout/sessions/{by_call}/expire");
    assert_eq!(world.post(&expire, "").await.body["status"], "expired");
    assert_eq!(world.post(&expire, "").await.status, 400);
    assert_eq!(world.sim.expire_due(), 0);
    world.clock.advance(SignedDuration::from_secs(1800));
    assert_eq!(world.sim.expire_due(), 1);
    assert_eq!(world.events(), ["checkout.session.expired", "checkout.session.expired"]);
    assert_eq!(world.pay(&by_clock, "succeed").await.status, 409);
}

#[tokio::test]
async fn a_bank_debit_completes_unpaid_and_settles_later() {
    let world = world_at(None);
    let id = world.session().await;
    assert_eq!(world.pay(&id, "async_succeed").await.status, 409);
    assert_eq!(world.pay(&id, "processing").await.body["payment_status"], "unpaid");
    assert_eq!(world.pay(&id, "async_succeed").await.body["payment_status"], "paid");
    assert_eq!(world.events().last().unwrap(), "checkout.session.async_payment_succeeded");
    assert_eq!(world.pay(&id, "async_fail").await.status, 409);
}

#[tokio::test]
async fn an_intent_is_confirmed_declined_and_canceled_by_the_api() {
    let world = world_at(None);
    let made =
        world.post("/v1/payment_intents", "amount=900&currency=jpy&automatic_payment_methods[enabled]=true").await;
    let path = format!("/v1/payment_intents/{}", made.body["id"].as_str().unwrap());
    let declined = world.post(&format!("{path}/confirm"), "payment_method=pm_card_chargeDeclined").await;
    assert_eq!((declined.status, &declined.body["error"]["code"]), (402, &json!("card_declined")));
    assert_eq!(declined.body["error"]["payment_intent"]["status"], "requires_payment_method");
    let paid = world.post(&format!("{path}/confirm"), "payment_method=pm_card_visa").await;
    assert_eq!(paid.body["status"], "succeeded");
    let seen = world.post(&format!("{path}/cancel"), "").await;
    assert_eq!(seen.body["error"]["code"], "payment_intent_unexpected_state");
}

#[tokio::test]
async fn a_disputed_charge_is_not_refunded() {
    let world = world_at(None);
    let intent = world.paid_intent().await;
    let request = Request::post(format!("/_dispute/{intent}")).body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.body["status"], "needs_response");
    assert_eq!(world.events().last().unwrap(), "charge.dispute.created");
    let seen = world.post("/v1/refunds", &format!("payment_intent={intent}")).await;
    assert_eq!(seen.body["error"]["code"], "charge_disputed");
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let path = std::env::temp_dir().join(format!("bursar-stripe-{}.json", random_hex(8)));
    let world = world_at(Some(path.clone()));
    let first = world.call("POST", "/v1/payment_intents", "amount=4900&currency=usd", Some("k")).await;
    let id = world.session().await;
    world.pay(&id, "succeed").await;
    let reopened = world_at(Some(path.clone()));
    assert_eq!(reopened.sim.pending(), 3);
    let second = reopened.call("POST", "/v1/payment_intents", "amount=4900&currency=usd", Some("k")).await;
    assert_eq!(second.body, first.body);
    let session = reopened.call("GET", &format!("/v1/checkout/sessions/{id}"), "", None).await;
    assert_eq!(session.body["payment_status"], "paid");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_a_timeout_has_none() {
    let world = world_at(None);
    let intents = || world.sim.read(|state, _| state.intents.len());
    for (fault, status, made) in [
        (Fault { timeout: true, ..Fault::of(Target::Stripe) }, 504, 0),
        (Fault { status: Some(503), ..Fault::of(Target::Stripe) }, 503, 0),
        (Fault { drop: true, ..Fault::of(Target::Stripe) }, 504, 1),
    ] {
        world.faults.add(fault);
        assert_eq!(world.post("/v1/payment_intents", "amount=4900&currency=usd").await.status, status);
        assert_eq!(intents(), made);
    }
}

/// A receiver that answers with the statuses it was given, then 200, and keeps what it was sent.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<Vec<u16>>>,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn receive(Extract(receiver): Extract<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = headers["stripe-signature"].to_str().unwrap().to_owned();
    let seconds: i64 = header[2..12].parse().unwrap();
    assert_eq!(header, sign(&["whsec_test".to_owned()], seconds, &body));
    receiver.got.lock().unwrap().push((header, serde_json::from_slice(&body).unwrap()));
    let next = receiver.answers.lock().unwrap().pop();
    StatusCode::from_u16(next.unwrap_or(200)).unwrap()
}

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "the receiver runs beside the test and ends with its runtime")]
    async fn listen(&self, sim: &StripeSim) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        sim.set_webhook_url(&format!("http://{}/hook", listener.local_addr().unwrap()));
        let router = Router::new().route("/hook", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    fn kinds(&self) -> Vec<String> {
        self.got.lock().unwrap().drain(..).map(|(_, body)| body["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_retried_on_the_clock_until_accepted() {
    let (world, receiver) = (world_at(None), Receiver::default());
    receiver.listen(&world.sim).await;
    receiver.answers.lock().unwrap().push(500);
    world.session().await;
    world.clock.advance(SignedDuration::from_secs(1800));
    assert_eq!((world.sim.expire_due(), world.sim.deliver().await, world.sim.pending()), (1, 1, 0));
    world.clock.advance(SignedDuration::from_secs(59));
    assert_eq!(world.sim.deliver().await, 0);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!((world.sim.pending(), world.sim.deliver().await), (1, 1));
    assert_eq!((world.sim.next_due(), receiver.kinds().len()), (None, 2));
}

#[tokio::test]
async fn deliveries_are_lost_doubled_reversed_and_late_on_order() {
    let (world, receiver) = (world_at(None), Receiver::default());
    receiver.listen(&world.sim).await;
    let webhook = |kind: &str| Fault { operation: Some(format!("webhook {kind}")), ..Fault::of(Target::Stripe) };
    world.faults.add(Fault { drop: true, ..webhook("charge.succeeded") });
    world.faults.add(Fault { duplicate: true, reorder: true, ..Fault::of(Target::Stripe) });
    world.faults.add(Fault { delay_ms: 90_000, ..webhook("checkout.session") });
    let id = world.session().await;
    world.pay(&id, "succeed").await;
    assert_eq!(world.sim.deliver().await, 2);
    assert_eq!(receiver.kinds(), ["payment_intent.succeeded"; 2]);
    world.clock.advance(SignedDuration::from_secs(90));
    assert_eq!((world.sim.deliver().await, receiver.kinds()), (1, vec!["checkout.session.completed".to_owned()]));
}

#[tokio::test]
async fn what_is_queued_wakes_the_waiting_loop_at_once() {
    let world = world_at(None);
    let id = world.session().await;
    world.pay(&id, "decline").await;
    world.sim.queued().await;
    assert_eq!(world.sim.pending(), 1);
}
