//! The platform as our client meets it: over its router, without a network.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;
use web::Clock;

use super::*;
use crate::faults::{Fault, Target};
use crate::stripe_sim::ids::random_hex;

const COURSE: &str = "course-v1:Org+Course+2026";

fn sim_at(data_file: Option<PathBuf>) -> (LmsSim, Clock, Faults) {
    let (clock, faults) = (Clock::fixed(Timestamp::from_second(1_795_327_065).unwrap()), Faults::default());
    let config = LmsSimConfig {
        data_file,
        clock: clock.clone(),
        faults: faults.clone(),
        client_id: "bursar".to_owned(),
        client_secret: "hush".to_owned(),
        on_call: Arc::new(|_, _| {}),
    };
    (LmsSim::open(config).unwrap(), clock, faults)
}

async fn send(sim: &LmsSim, method: &str, uri: &str, auth: &str, body: String) -> (u16, Value) {
    let request = Request::builder().method(method).uri(uri).header("authorization", auth);
    let answer = sim.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn token(sim: &LmsSim) -> String {
    let form = "grant_type=client_credentials&token_type=jwt&client_id=bursar&client_secret=hush";
    let (status, body) = send(sim, "POST", "/oauth2/access_token", "", form.to_owned()).await;
    assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("JWT"), &json!(3600)));
    format!("JWT {}", body["access_token"].as_str().unwrap())
}

async fn enroll(sim: &LmsSim, user: &str, course: &str, more: Value) -> (u16, Value) {
    let mut body = json!({ "user": user, "course_details": { "course_id": course } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let auth = token(sim).await;
    send(sim, "POST", "/api/enrollment/v1/enrollment", &auth, body.to_string()).await
}

#[tokio::test]
async fn enrolling_twice_answers_the_same_place() {
    let (sim, _, _) = sim_at(None);
    let order = json!({ "mode": "verified", "enrollment_attributes": [
        { "namespace": "order", "name": "order_number", "value": "ord_1" }] });
    let first = enroll(&sim, "ada", COURSE, order.clone()).await;
    assert_eq!((first.0, &first.1["mode"], &first.1["is_active"]), (200, &json!("verified"), &json!(true)));
    assert_eq!(enroll(&sim, "ada", COURSE, order).await, first);
    let (_, granted) = send(&sim, "GET", "/enrollments?username=ada", "", String::new()).await;
    assert_eq!(granted["enrollments"].as_array().unwrap().len(), 1);
    assert_eq!(granted["enrollments"][0]["attributes"][0]["value"], "ord_1");
    let (_, other) = send(&sim, "GET", "/enrollments?username=bob", "", String::new()).await;
    assert_eq!(other, json!({ "enrollments": [], "entitlements": [] }));
}

#[tokio::test]
async fn every_refusal_of_the_table_has_its_status() {
    let (sim, _, _) = sim_at(None);
    sim.add_course("course-v1:Org+Few+1", &["audit"]);
    let cases = [
        ("missing-ada", COURSE, json!({}), 406),
        ("ada", "course-v1:Org+Course+closed", json!({}), 400),
        ("ada", "course-v1:Org+Course+unknown", json!({}), 400),
        ("ada", "course-v1:Org+Course+embargo", json!({}), 403),
        ("ada", "not a key", json!({}), 400),
        ("ada", "course-v1:Org+Few+1", json!({ "mode": "verified" }), 400),
        ("ada", COURSE, json!({ "is_active": "yes" }), 400),
        ("ada", COURSE, json!({ "enrollment_attributes": [{ "namespace": "order" }] }), 400),
        ("ada", "course-v1:Org+Course+closed", json!({ "force_enrollment": true }), 200),
    ];
    for (user, course, more, status) in cases {
        let (answered, body) = enroll(&sim, user, course, more.clone()).await;
        assert_eq!(answered, status, "{user} {course} {more}: {body}");
    }
}

#[tokio::test]
async fn a_place_is_deactivated_only_in_its_own_mode() {
    let (sim, _, _) = sim_at(None);
    enroll(&sim, "ada", COURSE, json!({ "mode": "verified" })).await;
    let (status, body) = enroll(&sim, "ada", COURSE, json!({ "mode": "audit", "is_active": false })).await;
    let said = "Enrollment mode mismatch: active mode=verified, requested mode=audit. Won't deactivate.";
    assert_eq!((status, &body["message"]), (400, &json!(said)));
    let (status, body) = enroll(&sim, "ada", COURSE, json!({ "mode": "verified", "is_active": false })).await;
    assert_eq!((status, &body["is_active"]), (200, &json!(false)));
}

#[tokio::test]
async fn a_token_ends_after_an_hour_and_a_wrong_one_never_works() {
    let (sim, clock, _) = sim_at(None);
    let uri = format!("/api/enrollment/v1/enrollment/ada,{COURSE}");
    let auth = token(&sim).await;
    assert_eq!(send(&sim, "GET", &uri, &auth, String::new()).await, (200, Value::Null));
    assert_eq!(send(&sim, "GET", &uri, "JWT guess", String::new()).await.0, 401);
    assert_eq!(send(&sim, "GET", &uri, &auth.replace("JWT", "Bearer"), String::new()).await.0, 401);
    clock.advance(SignedDuration::from_secs(3600));
    let (status, body) = send(&sim, "GET", &uri, &auth, String::new()).await;
    assert_eq!((status, &body["detail"]), (401, &json!("Token has expired.")));
    let form = "grant_type=client_credentials&client_id=bursar&client_secret=wrong".to_owned();
    let refused = send(&sim, "POST", "/oauth2/access_token/", "", form).await;
    assert_eq!(refused, (401, json!({ "error": "invalid_client" })));
}

#[tokio::test]
async fn published_modes_replace_the_old_ones_and_a_refused_course_keeps_none() {
    let (sim, _, _) = sim_at(None);
    let auth = token(&sim).await;
    let body = json!({ "id": COURSE, "name": "Course", "verification_deadline": null, "modes": [
        { "name": "verified", "currency": "usd", "price": 49, "sku": "ABC", "bulk_sku": null, "expires": null }] });
    let uri = format!("/api/commerce/v1/courses/{COURSE}/");
    assert_eq!(send(&sim, "PUT", &uri, &auth, body.to_string()).await, (200, body.clone()));
    assert_eq!(send(&sim, "GET", &uri, &auth, String::new()).await, (200, body));
    assert_eq!(enroll(&sim, "ada", COURSE, json!({ "mode": "honor" })).await.0, 400);
    let uri = "/api/commerce/v1/courses/course-v1:Org+refused+1/";
    assert_eq!(send(&sim, "PUT", uri, &auth, r#"{"modes":[]}"#.to_owned()).await.0, 400);
    assert_eq!(send(&sim, "GET", uri, &auth, String::new()).await.0, 404);
}

#[tokio::test]
async fn a_repeated_grant_makes_a_second_entitlement_and_both_survive_a_restart() {
    let path = std::env::temp_dir().join(format!("bursar-lms-{}.json", random_hex(8)));
    let (sim, _, _) = sim_at(Some(path.clone()));
    let auth = token(&sim).await;
    let body = json!({ "user": "ada", "course_uuid": "c1", "mode": "verified", "order_number": "ord_1" }).to_string();
    let uri = "/api/entitlements/v1/entitlements/";
    let (status, first) = send(&sim, "POST", uri, &auth, body.clone()).await;
    assert_eq!(status, 201);
    let (reopened, _, _) = sim_at(Some(path.clone()));
    let (_, second) = send(&reopened, "POST", uri, &auth, body).await;
    assert_ne!(first["uuid"], second["uuid"]);
    let (_, page) = send(&reopened, "GET", &format!("{uri}?user=ada"), &auth, String::new()).await;
    assert_eq!((page["count"].as_u64(), &page["results"][0]["uuid"]), (Some(2), &second["uuid"]));
    let gone = format!("{uri}{}/", first["uuid"].as_str().unwrap());
    assert_eq!(send(&reopened, "DELETE", &gone, &auth, String::new()).await.0, 204);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_a_timeout_has_none() {
    let (sim, _, faults) = sim_at(None);
    let only = |fault: Fault| Fault { operation: Some("enrollment/v1".to_owned()), ..fault };
    faults.add(only(Fault { timeout: true, ..Fault::of(Target::Lms) }));
    assert_eq!(enroll(&sim, "ada", COURSE, json!({})).await.0, 504);
    assert_eq!(sim.read(|state, _| state.enrollments.len()), 0);
    faults.add(only(Fault { drop: true, ..Fault::of(Target::Lms) }));
    assert_eq!(enroll(&sim, "ada", COURSE, json!({})).await.0, 504);
    assert_eq!(sim.read(|state, _| state.enrollments.len()), 1);
    faults.add(only(Fault { status: Some(429), ..Fault::of(Target::Lms) }));
    assert_eq!(enroll(&sim, "ada", COURSE, json!({})).await.0, 429);
    assert_eq!(enroll(&sim, "ada", COURSE, json!({})).await.0, 200);
}

#[tokio::test]
async fn a_fault_can_be_for_one_learner() {
    let (sim, _, faults) = sim_at(None);
    let of_ada = Some("enrollment of ada".to_owned());
    faults.add(Fault { status: Some(503), times: 9, operation: of_ada, ..Fault::of(Target::Lms) });
    assert_eq!(enroll(&sim, "ada", COURSE, json!({})).await.0, 503);
    assert_eq!(enroll(&sim, "bob", COURSE, json!({})).await.0, 200);
    assert_eq!(faults.list()[0].times, 8);
}
