//! Bundles: one line that gives several places, each with its own standing at the platform, and all taken back together.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};
use tokio::task::JoinSet;

use super::{buy, number};

/// A published bundle of products.
pub(crate) async fn bundle(app: &TestApp, sku: &str, amount: &str, contains: &[&str]) -> Answer {
    let body = json!({
        "sku": sku, "kind": "bundle", "title": "A program", "published": true, "contains": contains,
        "stock": [{"price": {"amount": amount, "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &body).await.expect(StatusCode::CREATED)
}

async fn sell_all(app: &TestApp, skus: &[&str]) {
    for sku in skus {
        app.sell(sku, "50", "USD", None).await;
    }
}

/// Whether a learner's places are active, by course.
async fn places(app: &TestApp, learner: &str) -> BTreeMap<String, bool> {
    let course = |place: &Value| {
        let key = place["course_id"].as_str().expect("a course");
        key.split('+').nth(1).expect("a name").to_owned()
    };
    app.enrolments(learner).await.iter().map(|place| (course(place), place["is_active"] == true)).collect()
}

fn active(places: &[(&str, bool)]) -> BTreeMap<String, bool> {
    places.iter().map(|(course, active)| ((*course).to_owned(), *active)).collect()
}

async fn refund(app: &TestApp, checkout: &Answer, key: &str, lines: Value) {
    let path = format!("/api/v1/orders/{}/refunds", number(checkout));
    let body = json!({"reason": "test", "lines": lines});
    app.staff().with("Idempotency-Key", key).post(&path, &body).await.expect(StatusCode::CREATED);
    app.settle().await;
}

/// The states of a bundle line's parts, and of the line.
async fn standing(learner: &Client, checkout: &Answer) -> (Value, Vec<Value>) {
    let order = learner.read_order(checkout).await;
    let line = &order["lines"][0];
    let parts = line["parts"].as_array().expect("parts").iter().map(|part| part["fulfillment"]["state"].clone());
    (line["fulfillment"]["state"].clone(), parts.collect())
}

#[tokio::test]
async fn a_bundle_is_one_line_that_gives_every_place_in_it() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO", "ML"]).await;
    let made = bundle(&app, "PROGRAM", "120", &["PY", "GO"]).await;
    let named: Vec<&Value> =
        made["contains"].as_array().expect("parts").iter().map(|part| &part["course_key"]).collect();
    assert_eq!(named, [&json!("course-v1:Test+PY+1"), &json!("course-v1:Test+GO+1")]);
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PROGRAM").await;
    let order = ada.read_order(&checkout).await;
    assert_eq!(
        (&order["fulfillment_status"], &order["totals"]["total"]["amount"]),
        (&json!("complete"), &json!("120.00"))
    );
    assert_eq!(standing(&ada, &checkout).await, (json!("granted"), vec![json!("granted"), json!("granted")]));
    assert_eq!(places(&app, "ada").await, active(&[("GO", true), ("PY", true)]));
    // What came with the bundle is owned like anything else.
    for sku in ["PROGRAM", "PY", "GO"] {
        ada.add(sku).await.problem(409, "already_purchased");
    }
    ada.add("ML").await.expect(StatusCode::CREATED);
    refund(&app, &checkout, "all", json!(["PROGRAM"])).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "revoked");
    assert_eq!(places(&app, "ada").await, active(&[("GO", false), ("PY", false)]));
    ada.add("PY").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_part_that_the_platform_delays_holds_up_no_other() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    bundle(&app, "PROGRAM", "120", &["PY", "GO"]).await;
    super::fault(&app, json!({"target": "lms", "status": 503, "operation": "POST /api/enrollment"})).await;
    let ada = app.user("ada");
    let (checkout, _) = buy(&app, &ada, "PROGRAM").await;
    assert_eq!(standing(&ada, &checkout).await, (json!("retry_at"), vec![json!("retry_at"), json!("granted")]));
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "partial");
    assert_eq!(places(&app, "ada").await, active(&[("GO", true)]));
    app.advance(60).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(super::happened(&app, &checkout, "enrolled").await, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_place_that_comes_twice_in_an_order_ends_with_the_last_line_that_pays_for_it() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO", "ML"]).await;
    bundle(&app, "ONE", "80", &["PY", "GO"]).await;
    bundle(&app, "TWO", "90", &["PY", "ML"]).await;
    let ada = app.user("ada");
    for sku in ["ONE", "TWO"] {
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    let (checkout, _) = buy(&app, &ada, "PY").await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    app.check().await;
    for (lines, left) in [
        (json!(["PY"]), [("GO", true), ("ML", true), ("PY", true)]),
        (json!(["ONE"]), [("GO", false), ("ML", true), ("PY", true)]),
        (json!(["TWO"]), [("GO", false), ("ML", false), ("PY", false)]),
    ] {
        refund(&app, &checkout, &lines.to_string(), lines.clone()).await;
        assert_eq!(places(&app, "ada").await, active(&left), "after {lines}");
        app.check().await;
    }
    app.finish().await;
}

#[tokio::test]
async fn lines_of_one_order_that_give_the_same_are_refunded_together() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    bundle(&app, "ONE", "80", &["PY", "GO"]).await;
    let ada = app.user("ada");
    ada.add("ONE").await.expect(StatusCode::CREATED);
    let (checkout, _) = buy(&app, &ada, "PY").await;
    refund(&app, &checkout, "all", json!(["ONE", "PY"])).await;
    assert_eq!(places(&app, "ada").await, active(&[("GO", false), ("PY", false)]));
    app.finish().await;
}

#[tokio::test]
async fn a_free_bundle_is_given_at_once_and_once() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    bundle(&app, "GIFT", "0", &["PY", "GO"]).await;
    let ada = app.user("ada");
    // One part of it is owned already.
    buy(&app, &ada, "PY").await;
    ada.add("GIFT").await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("gift").await.expect(StatusCode::CREATED);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    ada.add("GIFT").await.problem(409, "already_purchased");
    refund(&app, &checkout, "gift", Value::Null).await;
    assert_eq!(places(&app, "ada").await, active(&[("GO", false), ("PY", true)]));
    app.finish().await;
}

#[tokio::test]
async fn what_a_bundle_contains_is_checked() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    bundle(&app, "ONE", "80", &["PY", "GO"]).await;
    let many: Vec<String> = (0..16).map(|n| format!("S{n}")).collect();
    for (kind, contains) in [
        ("bundle", json!([])),
        ("bundle", json!(["PY"])),
        ("bundle", json!(["PY", "PY"])),
        ("bundle", json!(["PY", "NOSUCH"])),
        ("bundle", json!(["PY", "ONE"])),
        ("bundle", json!(many)),
        ("enrollment_code", json!([])),
        ("enrollment_code", json!(["PY", "GO"])),
        ("enrollment_code", json!(["ONE"])),
        ("seat", json!(["PY"])),
    ] {
        let body = json!({
            "sku": "NEW", "kind": kind, "title": "New", "course_key": "course-v1:Test+NEW+1", "mode": "verified",
            "contains": contains,
        });
        let answer = app.staff().post("/api/v1/products", &body).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer["errors"][0]["pointer"], "/contains", "{kind} {contains}");
    }
    // A part cannot become something that is no place.
    let body = json!({"sku": "PY", "kind": "bundle", "title": "PY", "contains": ["GO", "ML"]});
    let answer = app.staff().put("/api/v1/products/PY", &body).await;
    answer.problem(422, "invalid_fields");
    assert_eq!(answer["errors"][0]["pointer"], "/kind");
    app.finish().await;
}

#[tokio::test]
async fn a_basket_counts_the_places_of_a_bundle() {
    let app = TestApp::start().await;
    let skus: Vec<String> = (0..21).map(|n| format!("S{n:02}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    sell_all(&app, &skus).await;
    bundle(&app, "MOST", "100", &skus[..15]).await;
    let ada = app.user("ada");
    ada.add("MOST").await.expect(StatusCode::CREATED);
    for sku in &skus[15..20] {
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    ada.add("S20").await.problem(409, "basket_full");
    let checkout = ada.checkout("most").await.expect(StatusCode::CREATED);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    assert_eq!(places(&app, "ada").await.len(), 20);
    refund(&app, &checkout, "all", Value::Null).await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "revoked");
    app.finish().await;
}

#[tokio::test]
async fn an_edit_of_a_part_is_an_edit_of_what_contains_it() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    bundle(&app, "ONE", "80", &["PY", "GO"]).await;
    let ada = app.user("ada");
    ada.add("ONE").await.expect(StatusCode::CREATED);
    app.staff().patch("/api/v1/products/PY", &json!({"title": "Python"})).await.expect(StatusCode::OK);
    let course = json!({"title": "Go", "org": "Test", "seats": [
        {"sku": "GO", "mode": "professional", "price": {"amount": "50", "currency": "USD"}}]});
    app.staff().put("/api/v1/courses/course-v1:Test+GO+1", &course).await.expect(StatusCode::OK);
    let read = app.anonymous().get("/api/v1/products/ONE").await.expect(StatusCode::OK);
    let parts = read["contains"].as_array().expect("parts").iter();
    let parts: Vec<_> = parts.map(|part| (part["title"].clone(), part["mode"].clone())).collect();
    assert_eq!(parts, [(json!("Python"), json!("verified")), (json!("Go"), json!("professional"))]);
    assert_eq!(read["version"], 3);
    // What is bought is what it is now.
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let granted = app.enrolments("ada").await;
    let modes: Vec<&Value> = granted.iter().map(|place| &place["mode"]).collect();
    assert!(modes.contains(&&json!("professional")) && modes.len() == 2, "{modes:?}");
    // A part that is left out is edited alone.
    sell_all(&app, &["ML"]).await;
    let without = json!({"contains": ["GO", "ML"]});
    app.staff().patch("/api/v1/products/ONE", &without).await.expect(StatusCode::OK);
    app.staff().patch("/api/v1/products/PY", &json!({"title": "Snakes"})).await.expect(StatusCode::OK);
    assert_eq!(app.anonymous().get("/api/v1/products/ONE").await["version"], 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_stays_in_step_with_its_parts_whoever_edits_what_at_once() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO", "ML"]).await;
    bundle(&app, "ONE", "80", &["PY", "GO"]).await;
    let mut under_way = JoinSet::new();
    for n in 0..12 {
        let staff = app.staff();
        under_way.spawn(async move {
            let contains = if n % 2 == 0 { json!(["GO", "ML"]) } else { json!(["PY", "GO"]) };
            let title = json!({"title": format!("Title {n}")});
            let edited = staff.patch("/api/v1/products/PY", &title).await.status;
            (edited, staff.patch("/api/v1/products/ONE", &json!({"contains": contains})).await.status)
        });
    }
    let answers = under_way.join_all().await;
    let allowed = [StatusCode::OK, StatusCode::PRECONDITION_FAILED, StatusCode::CONFLICT];
    assert!(answers.iter().all(|(one, two)| allowed.contains(one) && allowed.contains(two)), "{answers:?}");
    for contains in [json!(["PY", "GO"]), json!(["GO", "PY"])] {
        app.staff().patch("/api/v1/products/ONE", &json!({"contains": contains})).await.expect(StatusCode::OK);
        app.staff().patch("/api/v1/products/PY", &json!({"title": contains.to_string()})).await.expect(StatusCode::OK);
        let read = app.anonymous().get("/api/v1/products/ONE").await;
        let parts = read["contains"].as_array().expect("parts").iter();
        let title: Vec<_> = parts.filter(|part| part["sku"] == "PY").map(|part| part["title"].clone()).collect();
        assert_eq!(title, [json!(contains.to_string())]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_bundle_that_grows_in_a_basket_is_not_sold_beyond_what_an_order_can_give() {
    let app = TestApp::start().await;
    let skus: Vec<String> = (0..30).map(|n| format!("S{n:02}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    sell_all(&app, &skus).await;
    let ada = app.user("ada");
    for (sku, first) in [("ONE", 0), ("TWO", 10), ("SIX", 20)] {
        bundle(&app, sku, "60", &skus[first..first + 6]).await;
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    for (sku, first) in [("ONE", 0), ("TWO", 10), ("SIX", 15)] {
        let more = json!({"contains": skus[first..first + 15]});
        app.staff().patch(&format!("/api/v1/products/{sku}"), &more).await.expect(StatusCode::OK);
    }
    ada.checkout("grown").await.problem(409, "basket_full");
    assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    for sku in ["ONE", "TWO"] {
        ada.delete(&format!("/api/v1/basket/lines/{sku}")).await.expect(StatusCode::OK);
    }
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(places(&app, "ada").await.len(), 15);
    app.finish().await;
}

#[tokio::test]
async fn a_product_does_not_contain_itself() {
    let app = TestApp::start().await;
    sell_all(&app, &["PY", "GO"]).await;
    let body = json!({"sku": "PY", "kind": "bundle", "title": "PY", "contains": ["PY", "GO"]});
    app.staff().put("/api/v1/products/PY", &body).await.problem(422, "invalid_fields");
    app.finish().await;
}

/// An entitlement to a course, and a bundle with it in it.
async fn rights(app: &TestApp) {
    let right = json!({
        "sku": "ANY", "kind": "entitlement", "title": "Any run", "mode": "verified", "published": true,
        "attributes": {"course_uuid": "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b"},
        "stock": [{"price": {"amount": "99", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &right).await.expect(StatusCode::CREATED);
    sell_all(app, &["GO"]).await;
    bundle(app, "BOTH", "120", &["ANY", "GO"]).await;
}

#[tokio::test]
async fn a_right_that_was_given_twice_is_taken_back_twice() {
    let app = TestApp::start().await;
    rights(&app).await;
    let ada = app.user("ada");
    let (alone, _) = buy(&app, &ada, "ANY").await;
    let (both, _) = buy(&app, &ada, "BOTH").await;
    assert_eq!(live(&app, "ada").await.len(), 2);
    refund(&app, &alone, "first", Value::Null).await;
    assert!(!live(&app, "ada").await.is_empty());
    refund(&app, &both, "second", Value::Null).await;
    assert_eq!(live(&app, "ada").await, [] as [String; 0]);
    app.finish().await;
}

/// The modes of a learner's rights that have not ended.
async fn live(app: &TestApp, learner: &str) -> Vec<String> {
    let path = format!("/_local/lms/enrollments?username={learner}");
    let answer = app.anonymous().get(&path).await.expect(StatusCode::OK);
    let all = answer["entitlements"].as_array().expect("a list").iter();
    let live = all.filter(|right| right["expired_at"].is_null());
    live.map(|right| right["mode"].as_str().expect("a mode").to_owned()).collect()
}

#[tokio::test]
async fn a_right_in_another_mode_that_is_paid_for_stays() {
    let app = TestApp::start().await;
    rights(&app).await;
    let better = json!({
        "sku": "PRO", "kind": "entitlement", "title": "Any run", "mode": "professional", "published": true,
        "attributes": {"course_uuid": "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b"},
        "stock": [{"price": {"amount": "199", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &better).await.expect(StatusCode::CREATED);
    // By an order of its own, and by another line of the same order.
    let ada = app.user("ada");
    let (first, _) = buy(&app, &ada, "ANY").await;
    buy(&app, &ada, "PRO").await;
    let bob = app.user("bob");
    bob.add("ANY").await.expect(StatusCode::CREATED);
    let (both, _) = buy(&app, &bob, "PRO").await;
    refund(&app, &first, "ada", Value::Null).await;
    refund(&app, &both, "bob", json!(["ANY"])).await;
    assert_eq!(
        (live(&app, "ada").await, live(&app, "bob").await),
        (vec!["professional".to_owned()], vec!["professional".to_owned()])
    );
    app.finish().await;
}
