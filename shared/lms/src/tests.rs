//! The client against a small LMS on loopback that plays given answers.

mod tokens;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

const NOW: i64 = 1_795_327_065;
const ENROLMENT: &str = "/lms/api/enrollment/v1/enrollment";
const ENTITLEMENTS: &str = "/lms/api/entitlements/v1/entitlements/";

/// An answer to play: status and body. A 429 comes with `Retry-After: 17`.
type Answer = (u16, String);

/// What one call looked like: method and path, `Authorization`, body.
type Seen = (String, String, String);

#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Answers of the token endpoint; when they run out, tokens `t1`, `t2`, … of an hour.
    tokens: Arc<Mutex<VecDeque<Answer>>>,
    tokens_asked: Arc<Mutex<Vec<String>>>,
    request_ids: Arc<Mutex<Vec<String>>>,
    traces: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn play(State(server): State<Self>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let header = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let body = String::from_utf8(body.to_vec()).unwrap();
        server.request_ids.lock().unwrap().push(header("x-request-id"));
        let (status, text) = if uri.path() == "/lms/oauth2/access_token" {
            let mut asked = server.tokens_asked.lock().unwrap();
            asked.push(body);
            let fresh = (200, token(&format!("t{}", asked.len()), 3600));
            server.tokens.lock().unwrap().pop_front().unwrap_or(fresh)
        } else {
            server.traces.lock().unwrap().push(header("traceparent"));
            server.seen.lock().unwrap().push((format!("{method} {uri}"), header("authorization"), body));
            server.answers.lock().unwrap().pop_front().expect("one call too many")
        };
        let status = StatusCode::from_u16(status).unwrap();
        let mut response = (status, text).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("retry-after", "17".parse().unwrap());
        }
        response
    }

    fn authorizations(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.1.clone()).collect()
    }

    fn only_call(&self) -> (String, Value) {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        (seen[0].0.clone(), serde_json::from_str(&seen[0].2).unwrap_or(Value::Null))
    }
}

fn token(text: &str, life: i64) -> String {
    json!({"access_token": text, "token_type": "JWT", "expires_in": life, "scope": "read write"}).to_string()
}

fn config(base_url: String) -> LmsConfig {
    let oauth_client_secret = Secret::new("s3cret");
    LmsConfig { base_url, oauth_client_id: "bursar-worker".to_owned(), oauth_client_secret }
}

#[expect(clippy::disallowed_methods, reason = "the server runs beside the test")]
async fn lms(answers: Vec<Answer>, tokens: Vec<Answer>) -> (Lms, Server) {
    let server = Server::default();
    server.answers.lock().unwrap().extend(answers);
    server.tokens.lock().unwrap().extend(tokens);
    let app = Router::new().fallback(Server::play).with_state(server.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/lms/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Lms::new(config(base)).unwrap(), server)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn place(mode: &str, active: bool) -> EnrolRequest {
    EnrolRequest {
        username: "ada".parse().unwrap(),
        course_key: "course-v1:edX+DemoX+2026".parse().unwrap(),
        mode: mode.parse().unwrap(),
        credit_provider: None,
        order_number: "ord_01m810rwd80000000000000007".parse().unwrap(),
        placed_at: Timestamp::from_millisecond(1_795_327_065_250).unwrap(),
        active,
    }
}

fn right() -> EntitlementRequest {
    EntitlementRequest {
        username: "ada".parse().unwrap(),
        course_uuid: "8f0f9d2c-0000-4000-8000-000000000001".to_owned(),
        mode: "verified".parse().unwrap(),
        order_number: "ord_01m810rwd80000000000000007".parse().unwrap(),
    }
}

fn enrolment(mode: &str, active: bool) -> Answer {
    let body = json!({"created": "2026-11-22T10:00:00Z", "mode": mode, "is_active": active, "user": "ada",
        "course_details": {"course_id": "course-v1:edX+DemoX+2026", "course_modes": []}});
    (200, body.to_string())
}

fn message(status: u16, text: &str) -> Answer {
    (status, json!({ "message": text }).to_string())
}

/// `mode active status`, or the error with its reason and whether it passes by itself.
fn shown(result: Result<Enrolled, LmsError>) -> String {
    match result {
        Ok(enrolled) => format!("{} {} {}", enrolled.mode, enrolled.active, enrolled.status),
        Err(error) => format!("{error}; {} {}", error.reason(), error.retryable()),
    }
}

#[tokio::test]
async fn an_enrolment_is_asked_for_with_its_order() {
    let (lms, server) = lms(vec![enrolment("verified", true)], vec![]).await;
    let enrolled = lms.with_request_id("req-1").enrol(&place("verified", true), at(NOW)).await;
    assert_eq!(shown(enrolled), "verified true 200");
    let body = json!({
        "user": "ada", "mode": "verified", "is_active": true,
        "course_details": {"course_id": "course-v1:edX+DemoX+2026"},
        "enrollment_attributes": [
            {"namespace": "order", "name": "order_number", "value": "ord_01m810rwd80000000000000007"},
            {"namespace": "order", "name": "date_placed", "value": "2026-11-22T05:57:45Z"},
        ],
    });
    assert_eq!(server.only_call(), (format!("POST {ENROLMENT}"), body));
    assert_eq!(server.authorizations(), ["JWT t1"]);
    let form = "grant_type=client_credentials&client_id=bursar-worker&client_secret=s3cret&token_type=jwt";
    assert_eq!(*server.tokens_asked.lock().unwrap(), [form]);
    assert_eq!(*server.request_ids.lock().unwrap(), ["req-1", "req-1"]);
}

#[tokio::test]
async fn a_place_for_credit_names_who_gives_it() {
    let (lms, server) = lms(vec![enrolment("credit", true)], vec![]).await;
    let request = EnrolRequest { credit_provider: Some("asu".to_owned()), ..place("credit", true) };
    assert_eq!(shown(lms.enrol(&request, at(NOW)).await), "credit true 200");
    let (_, body) = server.only_call();
    let provider = json!({"namespace": "credit", "name": "provider_id", "value": "asu"});
    assert_eq!((&body["mode"], &body["enrollment_attributes"][2]), (&json!("credit"), &provider));
}

#[tokio::test]
async fn a_call_says_where_in_a_trace_it_comes_from() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // One more than one, or `tracing` asks the wrong one when another test's thread comes first.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (lms, server) = lms(vec![enrolment("verified", true)], vec![]).await;
    let span = tracing::info_span!("message");
    let request = place("verified", true);
    let (result, place) = async { (lms.enrol(&request, at(NOW)).await, trace::current()) }.instrument(span).await;
    result.unwrap();
    let (sent, place) = (server.traces.lock().unwrap()[0].clone(), place.unwrap().to_string());
    // The same trace, and a span of the call's own in it.
    assert_eq!(sent[..36], place[..36]);
    assert_ne!(sent[36..52], place[36..52]);
}

#[tokio::test]
async fn attributes_are_left_out_where_the_lms_would_refuse_them() {
    for request in [place("credit", true), place("verified", false)] {
        let (lms, server) = lms(vec![enrolment(request.mode.as_str(), request.active)], vec![]).await;
        lms.enrol(&request, at(NOW)).await.unwrap();
        assert_eq!(server.only_call().1.get("enrollment_attributes"), None);
    }
}

#[tokio::test]
async fn giving_succeeds_with_the_same_or_a_better_mode() {
    for (wanted, answer, expected) in [
        ("verified", enrolment("verified", true), "verified true 200"),
        ("verified", enrolment("masters", true), "masters true 200"),
        ("honor", enrolment("verified", true), "verified true 200"),
        ("verified", enrolment("audit", true), "lms shows mode audit (active: true); wrong_mode false"),
        ("masters", enrolment("credit", true), "lms shows mode credit (active: true); wrong_mode false"),
        ("verified", enrolment("verified", false), "lms shows mode verified (active: false); wrong_mode false"),
        ("verified", (200, "null".to_owned()), "lms answers unexpectedly with status 200; unexpected_answer false"),
        ("verified", (200, "<html>".to_owned()), "lms answers unexpectedly with status 200; unexpected_answer false"),
    ] {
        let case = format!("{wanted} {answer:?}");
        let (lms, _) = lms(vec![answer], vec![]).await;
        assert_eq!(shown(lms.enrol(&place(wanted, true), at(NOW)).await), expected, "{case}");
    }
}

#[tokio::test]
async fn taking_succeeds_when_the_learner_has_moved_on() {
    let mismatch = "Enrollment mode mismatch: active mode=masters, requested mode=verified. Won't deactivate.";
    for (answer, expected) in [
        (enrolment("verified", false), "verified false 200"),
        (message(400, mismatch), "masters true 400"),
        (message(400, "Enrollment mode mismatch"), "verified true 400"),
        (message(400, "User ada is not enrolled in course-v1:Test+PY+1"), "verified false 400"),
        (message(400, "No course found"), "lms refuses the request; enrollment_refused false"),
        (enrolment("verified", true), "lms shows mode verified (active: true); wrong_mode false"),
    ] {
        let case = format!("{answer:?}");
        let (lms, _) = lms(vec![answer], vec![]).await;
        assert_eq!(shown(lms.enrol(&place("verified", false), at(NOW)).await), expected, "{case}");
    }
    let (lms, _) = lms(vec![message(400, mismatch)], vec![]).await;
    let given = shown(lms.enrol(&place("verified", true), at(NOW)).await);
    assert_eq!(given, "lms refuses the request; enrollment_refused false");
}

#[tokio::test]
async fn every_status_is_classified() {
    let unexpected = |status: u16, passes: bool| {
        (status, format!("lms answers unexpectedly with status {status}; unexpected_answer {passes}"))
    };
    let failed = |status: u16| (status, format!("lms failed with status {status}; lms_unavailable true"));
    let told = |status: u16, text: &str| (status, text.to_owned());
    for (status, expected) in [
        unexpected(201, false),
        unexpected(204, false),
        unexpected(301, true),
        unexpected(302, true),
        told(400, "lms refuses the request; enrollment_refused false"),
        unexpected(402, false),
        told(403, "lms forbids it; forbidden false"),
        told(404, "lms finds no such object; not_found false"),
        unexpected(405, false),
        told(406, "lms knows no such user; no_such_user false"),
        told(408, "lms does not answer in time; lms_timeout true"),
        unexpected(409, false),
        unexpected(415, false),
        unexpected(422, false),
        told(429, "lms limits the rate of calls; lms_rate_limited true"),
        failed(500),
        failed(502),
        failed(503),
        failed(504),
        failed(599),
    ] {
        let (lms, server) = lms(vec![(status, String::new())], vec![]).await;
        assert_eq!(shown(lms.enrol(&place("verified", true), at(NOW)).await), expected);
        assert_eq!(server.authorizations().len(), 1, "{status} is not tried again here");
    }
}

#[tokio::test]
async fn a_refusal_keeps_the_lms_words_and_its_wait() {
    let (lms, _) =
        lms(vec![message(400, "Enrollment is\nclosed"), (403, "x".repeat(999)), (429, String::new())], vec![]).await;
    let mut refused = Vec::new();
    for _ in 0..3 {
        refused.push(lms.enrol(&place("verified", true), at(NOW)).await.unwrap_err());
    }
    assert!(
        matches!(&refused[0], LmsError::BadRequest { message } if message == "Enrollment is closed"),
        "{refused:?}"
    );
    assert!(matches!(&refused[1], LmsError::Forbidden { message } if *message == "x".repeat(300)), "{refused:?}");
    let wait = Some(Duration::from_secs(17));
    assert!(matches!(refused[2], LmsError::RateLimited { retry_after } if retry_after == wait), "{refused:?}");
}

#[tokio::test]
async fn an_lms_that_is_away_is_transient() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let away = Lms::new(config(base)).unwrap();
    let failed = away.enrol(&place("verified", true), at(NOW)).await;
    assert_eq!(shown(failed), "lms gives no access token; lms_unavailable true");
}

#[tokio::test]
async fn an_enrolment_is_read_back() {
    let course = "course-v1:edX+DemoX+2026".parse().unwrap();
    let answers = vec![enrolment("verified", false), (200, "null".to_owned()), (404, String::new())];
    let (lms, server) = lms(answers, vec![]).await;
    let read = async |user: &str| lms.enrolment(&user.parse().unwrap(), &course, at(NOW)).await;
    let found = read("ada").await.unwrap().unwrap();
    assert_eq!((found.mode.as_str(), found.active), ("verified", false));
    assert_eq!(read("../é,?#/").await.unwrap(), None);
    assert_eq!(read("bob").await.unwrap_err().reason(), "not_found");
    let paths: Vec<_> = server.seen.lock().unwrap().iter().map(|seen| seen.0.clone()).collect();
    let expected = ["ada", "..%2F%C3%A9%2C%3F%23%2F", "bob"];
    assert_eq!(paths, expected.map(|user| format!("GET {ENROLMENT}/{user},course-v1:edX+DemoX+2026")));
}

#[tokio::test]
async fn an_entitlement_is_given_and_taken_back() {
    let uuid = "3f1c6a2e-0000-4000-8000-000000000002";
    let (giving, server) = lms(vec![(201, json!({ "uuid": uuid }).to_string())], vec![]).await;
    let given = giving.grant_entitlement(&right(), at(NOW)).await.unwrap();
    assert_eq!(given.as_str(), uuid);
    let body = json!({"user": "ada", "course_uuid": "8f0f9d2c-0000-4000-8000-000000000001", "mode": "verified",
        "order_number": "ord_01m810rwd80000000000000007", "email_opt_in": false});
    assert_eq!(server.only_call(), (format!("POST {ENTITLEMENTS}"), body));

    let (taking, server) = lms(vec![(204, String::new()), (404, String::new())], vec![]).await;
    taking.revoke_entitlement(&given, at(NOW)).await.unwrap();
    assert_eq!(server.only_call().0, format!("DELETE {ENTITLEMENTS}{uuid}/"));
    assert_eq!(taking.revoke_entitlement(&given, at(NOW)).await.unwrap_err().reason(), "not_found");

    let (strange, _) = lms(vec![(201, json!({"uuid": "../x"}).to_string())], vec![]).await;
    assert_eq!(strange.grant_entitlement(&right(), at(NOW)).await.unwrap_err().reason(), "unexpected_answer");
}

#[tokio::test]
async fn an_entitlement_is_found_again_by_learner_course_and_order() {
    let listed = |uuid: &str, course: &str, order: &str, expired: Option<&str>| {
        let mut shown = json!({"uuid": uuid, "user": "ada", "course_uuid": course, "order_number": order});
        shown["expired_at"] = json!(expired);
        shown
    };
    let (course, order) = ("8f0f9d2c-0000-4000-8000-000000000001", "ord_01m810rwd80000000000000007");
    let others = vec![
        listed("aa", course, "EDX-1", None),
        listed("bb", "other", order, None),
        listed("cc", course, order, Some("2026-11-22T10:00:00Z")),
    ];
    let with = [others.clone(), vec![listed("dd", course, order, None)]].concat();
    let page = |results: Vec<Value>| (200, json!({"count": 4, "next": null, "results": results}).to_string());
    let (lms, server) = lms(vec![page(with), page(others), (200, "[]".to_owned()), (403, String::new())], vec![]).await;
    let find = async || lms.find_entitlement(&right(), at(NOW)).await;
    assert_eq!(find().await.unwrap().map(|found| found.to_string()), Some("dd".to_owned()));
    assert_eq!(find().await.unwrap(), None);
    assert_eq!(find().await.unwrap_err().reason(), "unexpected_answer");
    assert_eq!(find().await.unwrap_err().reason(), "forbidden");
    assert_eq!(server.seen.lock().unwrap()[0].0, format!("GET {ENTITLEMENTS}?user=ada&page_size=100"));
}

#[tokio::test]
async fn a_course_is_published_with_all_its_modes() {
    let mode = |mode: &str, price, sku: &str| CourseMode {
        mode: mode.parse().unwrap(),
        price: domain::money::Money::parse(price, "USD".parse().unwrap()).unwrap(),
        sku: sku.parse().unwrap(),
    };
    let course_key = "course-v1:edX+DemoX+2026".parse().unwrap();
    let modes = vec![mode("audit", "0", "A1"), mode("verified", "49.90", "V1")];
    let course = CourseModes { course_key: &course_key, title: "Demonstration", modes };
    let (lms, server) = lms(vec![(200, "{}".to_owned()), message(400, "bad deadline")], vec![]).await;
    lms.publish_course(&course, at(NOW)).await.unwrap();
    let body = json!({
        "id": "course-v1:edX+DemoX+2026", "name": "Demonstration", "verification_deadline": null,
        "modes": [
            {"name": "audit", "currency": "USD", "price": 0, "sku": "A1", "bulk_sku": null, "expires": null},
            {"name": "verified", "currency": "USD", "price": 50, "sku": "V1", "bulk_sku": null, "expires": null},
        ],
    });
    let call = server.only_call();
    assert_eq!(call, ("PUT /lms/api/commerce/v1/courses/course-v1:edX+DemoX+2026/".to_owned(), body));
    assert_eq!(lms.publish_course(&course, at(NOW)).await.unwrap_err().reason(), "enrollment_refused");
}

#[test]
fn a_client_does_not_print_its_secret() {
    let printed = format!("{:?}", Lms::new(config("http://127.0.0.1:9".to_owned())).unwrap());
    assert!(!printed.contains("s3cret"), "{printed}");
}
