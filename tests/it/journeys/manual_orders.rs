//! Orders that staff place: each item on its own, once for each learner and product, fulfilled as any other order, and
//! traceable to who did it.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::{available, buy, lms_is_down};

fn items(items: &[(&str, &str)]) -> Value {
    let item = |(username, sku): &(&str, &str)| json!({"username": username, "sku": sku});
    json!({"reason": "scholarship", "enrollments": items.iter().map(item).collect::<Vec<_>>()})
}

async fn give(staff: &Client, key: &str, body: &Value) -> Answer {
    staff.with("Idempotency-Key", key).post("/api/v1/orders/manual", body).await
}

/// Each item's status with its code, and the orders.
fn results(answer: &Answer) -> (Vec<String>, Vec<String>) {
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("no results: {}", answer.text));
    for (place, result) in results.iter().enumerate() {
        assert_eq!(result["index"], place);
        assert_eq!(result["order_number"].is_string(), result["code"].is_null(), "{result}");
    }
    let text = |result: &Value, name: &str| result[name].as_str().unwrap_or_default().to_owned();
    let said = |result: &Value| format!("{} {}", text(result, "status"), text(result, "code")).trim().to_owned();
    (results.iter().map(said).collect(), results.iter().map(|result| text(result, "order_number")).collect())
}

/// The entry of a timeline that says how the order came to be.
fn entry(timeline: &Answer) -> &Value {
    let items = timeline["items"].as_array().expect("items");
    items.iter().find(|item| item["event"] == "order_placed").expect("an entry")
}

async fn active(app: &TestApp, learner: &str) -> Vec<bool> {
    app.enrolments(learner).await.iter().map(|place| place["is_active"] == true).collect()
}

#[tokio::test]
async fn learners_are_enrolled_for_nothing_and_it_is_known_who_did_it_and_why() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(3)).await;
    let body = json!({"reason": "scholarship", "enrollments": [
        {"username": "ada", "email": "ada@school.example", "sku": "PY"},
        {"username": "unseen", "sku": "PY"},
    ]});
    let given = give(&app.staff(), "one", &body).await.expect(StatusCode::OK);
    let (said, orders) = results(&given);
    assert_eq!(said, ["created", "created"]);
    assert_ne!(orders[0], orders[1]);
    app.settle().await;
    assert_eq!((active(&app, "ada").await, active(&app, "unseen").await), (vec![true], vec![true]));
    assert_eq!(available(&app, "PY").await, json!(1));

    // The learner's own order, at its list price, of which all was taken off.
    let ada = app.user("ada");
    let listed = ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    assert_eq!((listed["items"].as_array().map(Vec::len), &listed["items"][0]["number"]), (Some(1), &json!(orders[0])));
    let path = format!("/api/v1/orders/{}", orders[0]);
    let order = ada.get(&path).await.expect(StatusCode::OK);
    let stands = (&order["status"], &order["fulfillment_status"], &order["totals"]["subtotal"]["amount"]);
    assert_eq!(stands, (&json!("paid"), &json!("complete"), &json!("49.90")));
    let line = (&order["lines"][0]["discount"]["amount"], &order["totals"]["total"]["amount"], &order["payments"]);
    assert_eq!(line, (&json!("49.90"), &json!("0.00"), &json!([])));
    assert_eq!(order["manual"], json!({}));
    app.user("eve").get(&path).await.problem(404, "unknown_order");

    // Who and why, for staff alone.
    let me = app.staff().get("/api/v1/users/staff").await.expect(StatusCode::OK)["id"].clone();
    let seen = app.staff().get(&path).await.expect(StatusCode::OK);
    assert_eq!(seen["manual"], json!({"by": me, "reason": "scholarship"}));
    let timeline = app.staff().get(&format!("{path}/timeline")).await.expect(StatusCode::OK);
    let placed = entry(&timeline);
    let placed = (&placed["event"], &placed["actor"], &placed["by"], &placed["detail"]);
    assert_eq!(placed, (&json!("order_placed"), &json!("staff"), &me, &json!("scholarship")));
    let own = ada.get(&format!("{path}/timeline")).await.expect(StatusCode::OK);
    assert_eq!((&entry(&own)["actor"], entry(&own).get("by")), (&json!("staff"), None));
    assert!(!own.text.contains("scholarship"));
    app.finish().await;
}

#[tokio::test]
async fn the_same_learner_and_product_again_is_the_order_that_is_there() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(5)).await;
    let staff = app.staff();
    let twice = items(&[("ada", "PY"), ("ada", "PY")]);
    let (said, orders) = results(&give(&staff, "one", &twice).await.expect(StatusCode::OK));
    assert_eq!((said, orders[0] == orders[1]), (vec!["created".to_owned(), "exists".to_owned()], true));
    let (said, again) = results(&give(&staff, "two", &items(&[("ada", "PY")])).await.expect(StatusCode::OK));
    assert_eq!((said, &again[0]), (vec!["exists".to_owned()], &orders[0]));
    app.settle().await;
    assert_eq!((active(&app, "ada").await, available(&app, "PY").await), (vec![true], json!(4)));
    app.user("ada").add("PY").await.problem(409, "already_purchased");
    app.finish().await;
}

#[tokio::test]
async fn a_key_leads_to_what_it_made_and_to_nothing_else() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let staff = app.staff();
    let body = items(&[("ada", "PY"), ("bob", "PY")]);
    let first = give(&staff, "one", &body).await.expect(StatusCode::OK);
    assert_eq!(first.headers.get("idempotent-replayed"), None);
    let again = give(&staff, "one", &body).await.expect(StatusCode::OK);
    assert_eq!((&again.json, &again.headers["idempotent-replayed"]), (&first.json, &"true".parse().unwrap()));
    give(&staff, "one", &items(&[("eve", "PY")])).await.problem(422, "idempotency_key_reused");
    give(&staff, "one", &items(&[("ada", "PY")])).await.problem(422, "idempotency_key_reused");
    staff.post("/api/v1/orders/manual", &body).await.problem(400, "missing_idempotency_key");
    app.settle().await;
    assert_eq!(active(&app, "eve").await, [] as [bool; 0]);
    app.finish().await;
}

#[tokio::test]
async fn items_succeed_and_fail_on_their_own() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    app.sell("GONE", "20.00", "USD", None).await;
    let staff = app.staff();
    staff.delete("/api/v1/products/GONE").await.expect(StatusCode::NO_CONTENT);
    let codes = json!({"sku": "CODES", "kind": "enrollment_code", "title": "Codes", "contains": ["PY"], "published": true,
        "stock": [{"price": {"amount": "9.00", "currency": "USD"}}]});
    staff.post("/api/v1/products", &codes).await.expect(StatusCode::CREATED);
    buy(&app, &app.user("ada"), "PY").await;
    let body = items(&[
        ("ada", "PY"),
        ("bob", "PY"),
        ("bob", "LTD"),
        ("eve", "LTD"),
        ("eve", "GONE"),
        ("eve", "CODES"),
        ("eve", "NONE"),
    ]);
    let some = give(&staff, "one", &body).await.expect(StatusCode::MULTI_STATUS);
    let (said, orders) = results(&some);
    let wanted = [
        "refused already_purchased",
        "created",
        "created",
        "refused out_of_stock",
        "refused not_available",
        "refused not_available",
        "refused unknown_product",
    ];
    assert_eq!(said, wanted);
    // The same again finds what was made, and tries the rest.
    let (said, again) = results(&give(&staff, "one", &body).await.expect(StatusCode::MULTI_STATUS));
    assert_eq!((said.as_slice(), again), (wanted.map(str::to_owned).as_slice(), orders));
    let none = give(&staff, "two", &items(&[("ada", "PY"), ("eve", "NONE")])).await;
    none.problem(422, "nothing_done");
    assert_eq!(results(&none).0, ["refused already_purchased", "refused unknown_product"]);
    app.settle().await;
    assert_eq!((active(&app, "bob").await.len(), active(&app, "eve").await.len()), (2, 0));
    app.finish().await;
}

#[tokio::test]
async fn too_many_items_or_none_are_refused_whole() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let names: Vec<String> = (0..26).map(|n| format!("learner-{n}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "PY")).collect();
    let staff = app.staff();
    give(&staff, "one", &items(&all)).await.problem(413, "too_many_items");
    let empty = give(&staff, "one", &items(&[])).await;
    empty.problem(422, "invalid_fields");
    assert_eq!(empty["errors"][0]["pointer"], "/enrollments");
    let bad = json!({"reason": "x", "enrollments": [{"username": "ada", "sku": "PY", "email": "nobody"}]});
    let bad = give(&staff, "one", &bad).await;
    bad.problem(422, "invalid_fields");
    assert_eq!(bad["errors"][0]["pointer"], "/enrollments/0/email");
    give(&app.user("ada"), "one", &items(&[("ada", "PY")])).await.problem(403, "forbidden");
    give(&app.anonymous(), "one", &items(&[("ada", "PY")])).await.problem(401, "unauthorized");
    assert_eq!(active(&app, "ada").await, [] as [bool; 0]);
    let (said, _) = results(&give(&staff, "one", &items(&all[..25])).await.expect(StatusCode::OK));
    assert_eq!(said, vec!["created"; 25]);
    app.settle().await;
    assert_eq!(active(&app, "learner-24").await, [true]);
    app.finish().await;
}

#[tokio::test]
async fn two_calls_at_once_enrol_once() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(4)).await;
    let staff = app.staff();
    let body = items(&[("ada", "PY"), ("bob", "PY")]);
    for (keys, wanted) in [(["one", "one"], ["created", "created"]), (["two", "three"], ["exists", "exists"])] {
        let (left, right) = tokio::join!(give(&staff, keys[0], &body), give(&staff, keys[1], &body));
        let (left, right) = (results(&left.expect(StatusCode::OK)), results(&right.expect(StatusCode::OK)));
        assert_eq!((left.0.as_slice(), &left.1), (wanted.map(str::to_owned).as_slice(), &right.1), "{keys:?}");
        assert_eq!(left.0, right.0);
    }
    // Two keys for learners whom nobody has enrolled yet.
    let body = items(&[("eve", "PY"), ("dan", "PY")]);
    let (left, right) = tokio::join!(give(&staff, "left", &body), give(&staff, "right", &body));
    let (left, right) = (results(&left.expect(StatusCode::OK)), results(&right.expect(StatusCode::OK)));
    assert_eq!(left.1, right.1);
    for (mine, other) in left.0.iter().zip(&right.0) {
        assert!(["created", "exists"].contains(&mine.as_str()) && mine != other, "{mine} and {other}");
    }
    app.settle().await;
    assert_eq!((active(&app, "eve").await, available(&app, "PY").await), (vec![true], json!(0)));
    app.finish().await;
}

#[tokio::test]
async fn the_last_unit_goes_to_one_of_two() {
    let app = TestApp::start().await;
    app.sell("LTD", "20.00", "USD", Some(1)).await;
    let bob = app.user("bob");
    bob.add("LTD").await.expect(StatusCode::CREATED);
    let staff = app.staff();
    let body = items(&[("ada", "LTD")]);
    let (given, bought) = tokio::join!(give(&staff, "one", &body), bob.checkout("one"));
    match given.status {
        StatusCode::OK => bought.problem(409, "out_of_stock"),
        _ => {
            given.problem(422, "nothing_done");
            assert_eq!(results(&given).0, ["refused out_of_stock"]);
            bought.expect(StatusCode::CREATED);
        }
    }
    assert_eq!(available(&app, "LTD").await, json!(0));
    app.settle().await;
    app.finish().await;
}

#[tokio::test]
async fn a_platform_that_is_down_is_asked_again() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    lms_is_down(&app);
    let (_, orders) = results(&give(&app.staff(), "one", &items(&[("ada", "PY")])).await.expect(StatusCode::OK));
    app.settle().await;
    let path = format!("/api/v1/orders/{}", orders[0]);
    assert_eq!(app.user("ada").get(&path).await["lines"][0]["fulfillment"]["state"], "retry_at");
    app.cloud.faults.clear(None);
    app.advance(120).await;
    assert_eq!(app.user("ada").get(&path).await["fulfillment_status"], "complete");
    app.finish().await;
}

#[tokio::test]
async fn a_place_that_was_given_is_taken_back_by_a_refund_of_nothing_and_given_anew() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", Some(2)).await;
    let staff = app.staff();
    let (_, orders) = results(&give(&staff, "one", &items(&[("ada", "PY")])).await.expect(StatusCode::OK));
    app.settle().await;
    let refunds = format!("/api/v1/orders/{}/refunds", orders[0]);
    let back = staff.with("Idempotency-Key", "back").post(&refunds, &json!({"reason": "left the school"})).await;
    assert_eq!(back.expect(StatusCode::CREATED)["state"], "succeeded");
    app.settle().await;
    assert_eq!(active(&app, "ada").await, [false]);
    let (said, again) = results(&give(&staff, "two", &items(&[("ada", "PY")])).await.expect(StatusCode::OK));
    assert_eq!((said, again == orders), (vec!["created".to_owned()], false));
    app.settle().await;
    assert_eq!(active(&app, "ada").await, [true]);
    app.finish().await;
}

#[tokio::test]
async fn what_a_learner_pays_for_meanwhile_is_theirs_twice_and_stays_when_one_goes() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let (ada, staff) = (app.user("ada"), app.staff());
    let checkout = ada.order("PY").await;
    let (said, _) = results(&give(&staff, "one", &items(&[("ada", "PY")])).await.expect(StatusCode::OK));
    assert_eq!(said, ["created"]);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    assert_eq!(ada.read_order(&checkout).await["fulfillment_status"], "complete");
    let refunds = format!("/api/v1/orders/{}/refunds", checkout.order_number());
    let back = staff.with("Idempotency-Key", "back").post(&refunds, &json!({"reason": "paid for nothing"})).await;
    back.expect(StatusCode::CREATED);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["money_status"], active(&app, "ada").await), (&json!("refunded"), vec![true]));
    app.finish().await;
}
