//! The cost of an operation is part of its contract (DESIGN, section 6): sequential round trips, by operation and by
//! whom they go to, counted at the wire.

use std::collections::BTreeMap;

use http::StatusCode;
use local::faults::{Fault, Target};
use local::meter::Cost;
use serde_json::json;
use tests::{Answer, Client, TestApp};

/// An app that has sold something, so that connections, tokens and queues are warm, and whose counts begin now. Ada is no
/// stranger: first sight writes a user's record, once.
async fn warm() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", Some(5)).await;
    let entitlement = json!({
        "sku": "ENT", "kind": "entitlement", "title": "Any run", "mode": "verified", "published": true,
        "attributes": {"course_uuid": "7e5ed26f-8a3f-4b5e-9f3c-0d2c1f1d2e3f"},
        "stock": [{"price": {"amount": "5", "currency": "USD"}}],
    });
    app.staff().post("/api/v1/products", &entitlement).await.expect(StatusCode::CREATED);
    let catalog = json!({"id": "sci", "title": "Science", "skus": ["PY", "GO"]});
    app.staff().post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
    buy(&app, &app.user("first"), "PY").await;
    app.user("ada").get("/api/v1/basket").await.expect(StatusCode::OK);
    app.cloud.ledger.clear();
    app
}

/// As [`warm`], with offers on sale and a code in the basket: limited in uses, in money, and for each user, so that every
/// counter is read and written. Ada has both products in the basket, and has used an offer before.
async fn promoted() -> (TestApp, Client) {
    let app = warm().await;
    let (staff, ada) = (app.staff(), app.user("ada"));
    let tenth = json!({"type": "percent", "value": "10"});
    let money = json!({"amount": "1000.00", "currency": "USD"});
    for (id, automatic) in [("auto-1", true), ("auto-2", true), ("opened", false)] {
        let limits = json!({"max_uses": 100, "max_uses_per_user": 9, "max_discount": money});
        let body = json!({"id": id, "name": id, "benefit": tenth, "automatic": automatic, "limits": limits});
        staff.post("/api/v1/offers", &body).await.expect(StatusCode::CREATED);
    }
    let code = json!({"code": "CODE", "usage": "once_per_customer", "offer": "opened"});
    staff.post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
    buy(&app, &ada, "ENT").await;
    app.cloud.ledger.clear();
    (app, ada)
}

/// What is left of 59.90 when three offers took 10 percent each: of 49.90 44.91, 40.42, 36.38; of 10.00 7.29.
const REDUCED: &str = "43.67";

#[tokio::test]
async fn offers_and_codes_make_no_basket_dearer_and_entering_a_code_is_three_round_trips() {
    let (app, ada) = promoted().await;
    ada.add("PY").await.expect(StatusCode::CREATED);
    check(&app, "add_line", &[("dynamodb", 2)]);
    ada.post("/api/v1/basket/vouchers", &json!({"code": "CODE"})).await.expect(StatusCode::CREATED);
    within(&app, "add_voucher", 3);
    let added = ada.add("GO").await.expect(StatusCode::CREATED);
    assert_eq!(added["total"]["amount"], REDUCED);
    check(&app, "add_line", &[("dynamodb", 2)]);
    assert_eq!(ada.get("/api/v1/basket").await.expect(StatusCode::OK)["total"]["amount"], REDUCED);
    check(&app, "read_basket", &[("dynamodb", 1)]);
    ada.patch("/api/v1/basket/lines/GO", &json!({"quantity": 1})).await.expect(StatusCode::OK);
    check(&app, "set_quantity", &[("dynamodb", 2)]);
    ada.delete("/api/v1/basket/lines/GO").await.expect(StatusCode::OK);
    check(&app, "remove_line", &[("dynamodb", 2)]);
    ada.delete("/api/v1/basket/vouchers/CODE").await.expect(StatusCode::OK);
    check(&app, "remove_voucher", &[("dynamodb", 2)]);
    let nobody = app.anonymous();
    nobody.get("/api/v1/quote?sku=PY&sku=GO").await.expect(StatusCode::OK);
    check(&app, "read_quote", &[("dynamodb", 1)]);
    let quote = nobody.get("/api/v1/quote?sku=PY&sku=GO&code=CODE").await.expect(StatusCode::OK);
    assert_eq!(quote["total"]["amount"], REDUCED);
    within(&app, "read_quote", 2);
    app.finish().await;
}

#[tokio::test]
async fn a_purchase_with_offers_and_a_code_makes_the_round_trips_of_one_without() {
    let (app, ada) = promoted().await;
    for sku in ["PY", "GO"] {
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    ada.post("/api/v1/basket/vouchers", &json!({"code": "CODE"})).await.expect(StatusCode::CREATED);
    app.cloud.ledger.clear();
    let checkout = ada.checkout("a").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"]["amount"], REDUCED);
    check(&app, "start_checkout", &[("dynamodb", 3), ("stripe", 1)]);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let all = costs(&app, "receive_event");
    let told: Vec<_> = all.iter().filter(|cost| cost.by_target.contains_key("sqs")).collect();
    let [first] = told[..] else { panic!("not one event led to a message: {all:#?}") };
    costs_exactly("receive_event", first, &[("dynamodb", 2), ("sqs", 1)]);
    check(&app, "fulfill", &[("dynamodb", 5), ("lms", 2)]);
    app.finish().await;
}

async fn buy(app: &TestApp, learner: &Client, sku: &str) -> Answer {
    let checkout = learner.order(sku).await;
    learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    checkout
}

fn costs(app: &TestApp, operation: &str) -> Vec<Cost> {
    app.cloud.ledger.costs().remove(operation).unwrap_or_else(|| panic!("{operation} was not called"))
}

/// Checks that an operation was called once, and made just these round trips; forgets what was counted.
#[track_caller]
fn check(app: &TestApp, operation: &str, trips: &[(&'static str, u32)]) {
    let [cost] = &costs(app, operation)[..] else { panic!("{operation} was not called once") };
    costs_exactly(operation, cost, trips);
    app.cloud.ledger.clear();
}

/// Checks that an operation was called once, and made at most so many round trips to the table and none to others. A call
/// that ends later than one beside it can make the next seem to be beside it too.
#[track_caller]
fn within(app: &TestApp, operation: &str, trips: u32) {
    let [cost] = &costs(app, operation)[..] else { panic!("{operation} was not called once") };
    let to: Vec<_> = cost.by_target.keys().copied().collect();
    assert!(to == ["dynamodb"] && cost.sequential <= trips, "{operation} made {:#?}", cost.calls);
    app.cloud.ledger.clear();
}

#[track_caller]
fn costs_exactly(operation: &str, cost: &Cost, trips: &[(&'static str, u32)]) {
    let trips: BTreeMap<_, _> = trips.iter().copied().collect();
    assert_eq!(cost.by_target, trips, "{operation} made {:#?}", cost.calls);
    assert_eq!(cost.sequential, trips.values().sum::<u32>(), "{operation} made {:#?}", cost.calls);
}

#[tokio::test]
async fn a_read_is_one_round_trip() {
    let app = warm().await;
    let (ada, staff) = (app.user("ada"), app.staff());
    let order = ada.order("PY").await["order_number"].as_str().unwrap().to_owned();
    app.session("1").add("GO").await.expect(StatusCode::CREATED);
    app.cloud.ledger.clear();
    let one = [("dynamodb", 1)];
    for (client, path, operation) in [
        (&app.anonymous(), "/api/v1/products/PY", "read_product"),
        (&staff, "/api/v1/products/GO", "read_product"),
        (&app.anonymous(), "/api/v1/courses/course-v1:Test+PY+1", "read_course"),
        (&ada, "/api/v1/basket", "read_basket"),
        (&app.session("1"), "/api/v1/basket", "read_basket"),
        (&app.anonymous(), "/api/v1/quote?sku=PY&sku=GO&sku=ENT", "read_quote"),
        (&ada, &format!("/api/v1/orders/{order}"), "read_order"),
        (&staff, &format!("/api/v1/orders/{order}"), "read_order"),
        (&ada, &format!("/api/v1/orders/{order}/timeline"), "read_timeline"),
        (&staff, "/api/v1/catalogs/sci", "read_catalog"),
    ] {
        client.get(path).await.expect(StatusCode::OK);
        check(&app, operation, &one);
    }
    // Who has no session has no basket: nothing is looked for.
    app.anonymous().get("/api/v1/basket").await.expect(StatusCode::OK);
    check(&app, "read_basket", &[]);
    app.finish().await;
}

#[tokio::test]
async fn a_page_of_a_list_is_one_round_trip_and_two_where_it_names_products() {
    let app = warm().await;
    let (nobody, ada, staff) = (app.anonymous(), app.user("ada"), app.staff());
    ada.order("PY").await;
    app.cloud.ledger.clear();
    for (client, path, operation, trips) in [
        (&nobody, "/api/v1/products", "list_products", 1),
        (&nobody, "/api/v1/products?limit=1", "list_products", 1),
        (&nobody, "/api/v1/products?kind=seat", "list_products", 1),
        (&nobody, "/api/v1/products?course=course-v1:Test%2BPY%2B1", "list_products", 1),
        (&nobody, "/api/v1/products?course=course-v1:Test%2BPY%2B1&kind=seat", "list_products", 1),
        (&staff, "/api/v1/products", "list_products", 1),
        (&ada, "/api/v1/orders", "list_orders", 1),
        (&ada, "/api/v1/orders?status=pending_payment", "list_orders", 1),
        (&staff, "/api/v1/orders?user=ada", "list_orders", 1),
        (&staff, "/api/v1/orders?status=paid", "list_orders", 1),
        (&staff, "/api/v1/catalogs", "list_catalogs", 1),
        // ADR 5: rows of words, catalogs and courses hold SKUs, and the products are read after them.
        (&nobody, "/api/v1/products?q=course", "list_products", 2),
        (&nobody, "/api/v1/products?catalog=sci", "list_products", 2),
        (&nobody, "/api/v1/courses", "list_courses", 2),
    ] {
        let page = client.get(path).await.expect(StatusCode::OK);
        assert!(!page["items"].as_array().unwrap().is_empty(), "{path} finds nothing");
        check(&app, operation, &[("dynamodb", trips)]);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_next_page_costs_what_the_first_one_did() {
    let app = warm().await;
    let first = app.anonymous().get("/api/v1/products?limit=2").await.expect(StatusCode::OK);
    app.cloud.ledger.clear();
    let cursor = first["next_cursor"].as_str().expect("a second page");
    app.anonymous().get(&format!("/api/v1/products?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    check(&app, "list_products", &[("dynamodb", 1)]);
    app.finish().await;
}

#[tokio::test]
async fn a_change_of_a_basket_is_two_round_trips() {
    let app = warm().await;
    let batch = json!({"lines": [{"sku": "PY"}, {"sku": "GO"}, {"sku": "ENT"}]});
    let two = [("dynamodb", 2)];
    for client in [app.user("ada"), app.session("1")] {
        client.add("PY").await.expect(StatusCode::CREATED);
        check(&app, "add_line", &two);
        client.add("GO").await.expect(StatusCode::CREATED);
        check(&app, "add_line", &two);
        client.post("/api/v1/basket/lines/batch", &batch).await.expect(StatusCode::CREATED);
        check(&app, "add_lines", &two);
        client.patch("/api/v1/basket/lines/GO", &json!({"quantity": 1})).await.expect(StatusCode::OK);
        check(&app, "set_quantity", &two);
        client.delete("/api/v1/basket/lines/GO").await.expect(StatusCode::OK);
        check(&app, "remove_line", &two);
        client.delete("/api/v1/basket").await.expect(StatusCode::OK);
        check(&app, "clear_basket", &two);
    }
    app.finish().await;
}

/// Who is met first is written down, in one round trip more; nothing of it is left to pay for with the next request.
#[tokio::test]
async fn a_users_first_request_is_one_round_trip_more() {
    let app = warm().await;
    for (client, trips) in [(app.user("eve"), 2), (app.user("eve"), 1), (app.anonymous(), 0)] {
        client.get("/api/v1/basket").await.expect(StatusCode::OK);
        let trips = (trips > 0).then_some(("dynamodb", trips));
        check(&app, "read_basket", trips.as_slice());
    }
    app.finish().await;
}

#[tokio::test]
async fn a_checkout_is_three_round_trips_and_the_processors_call() {
    let app = warm().await;
    let batch = json!({"lines": [{"sku": "PY"}, {"sku": "GO"}, {"sku": "ENT"}]});
    let ada = app.user("ada");
    ada.post("/api/v1/basket/lines/batch", &batch).await.expect(StatusCode::CREATED);
    let checkout = ada.checkout("a").await.expect(StatusCode::CREATED);
    check(&app, "start_checkout", &[("dynamodb", 3), ("stripe", 1)]);
    // The same key finds the order and its session.
    let again = ada.checkout("a").await.expect(StatusCode::CREATED);
    assert_eq!(again.json, checkout.json);
    check(&app, "start_checkout", &[("dynamodb", 2)]);
    app.finish().await;
}

#[tokio::test]
async fn a_free_order_is_two_round_trips_and_a_message() {
    let app = warm().await;
    app.sell("FREE", "0", "USD", None).await;
    app.cloud.ledger.clear();
    app.user("ada").order("FREE").await;
    check(&app, "start_checkout", &[("dynamodb", 2), ("sqs", 1)]);
    app.finish().await;
}

#[tokio::test]
async fn a_webhook_is_two_round_trips_and_a_message_and_a_duplicate_is_one() {
    let app = warm().await;
    let event = Some("webhook checkout.session.completed".to_owned());
    app.cloud.faults.add(Fault { duplicate: true, operation: event, ..Fault::of(Target::Stripe) });
    buy(&app, &app.user("ada"), "GO").await;
    let all = costs(&app, "receive_event");
    let (first, others): (Vec<_>, Vec<_>) = all.iter().partition(|cost| cost.by_target.contains_key("sqs"));
    let [first] = first[..] else { panic!("not one event led to a message: {all:#?}") };
    costs_exactly("receive_event", first, &[("dynamodb", 2), ("sqs", 1)]);
    let duplicates = others.iter().filter(|cost| cost.sequential == 1).count();
    assert!(duplicates >= 1, "no duplicate is among {all:#?}");
    // Events that tell nothing new, or nothing of ours, cost no more.
    assert!(others.iter().all(|cost| cost.sequential <= 2), "{all:#?}");
    app.finish().await;
}

#[tokio::test]
async fn a_line_is_fulfilled_by_three_round_trips_and_one_call() {
    for sku in ["PY", "ENT"] {
        let app = warm().await;
        buy(&app, &app.user("ada"), sku).await;
        check(&app, "fulfill", &[("dynamodb", 3), ("lms", 1)]);
        app.finish().await;
    }
}

#[tokio::test]
async fn each_line_more_is_two_round_trips_and_one_call_more() {
    let app = warm().await;
    let ada = app.user("ada");
    ada.add("GO").await.expect(StatusCode::CREATED);
    ada.add("ENT").await.expect(StatusCode::CREATED);
    buy(&app, &ada, "PY").await;
    // The order is read once for all.
    check(&app, "fulfill", &[("dynamodb", 7), ("lms", 3)]);
    app.finish().await;
}

#[tokio::test]
async fn a_refund_is_two_round_trips_to_ask_for_three_to_decide_on_and_one_to_list() {
    let app = warm().await;
    let (ada, staff) = (app.user("ada"), app.staff());
    staff.get("/api/v1/refunds").await.expect(StatusCode::OK);
    let checkout = buy(&app, &ada, "PY").await;
    app.cloud.ledger.clear();
    let path = format!("/api/v1/orders/{}/refunds", checkout["order_number"].as_str().unwrap());
    let part = |amount: &str| json!({"amount": {"amount": amount, "currency": "USD"}, "reason": "too hard"});
    for key in ["a", "b"] {
        let made = ada.with("Idempotency-Key", key).post(&path, &part("1.00")).await.expect(StatusCode::CREATED);
        check(&app, "create_refund", &[("dynamodb", 2)]);
        staff.get("/api/v1/refunds").await.expect(StatusCode::OK);
        check(&app, "list_refunds", &[("dynamodb", 1)]);
        let refund = format!("/api/v1/refunds/{}", made["id"].as_str().unwrap());
        // The way to the order, the order, the write; the caller's own row is read beside the first two, which may so
        // seem one.
        let (verdict, calls) = if key == "a" { ("deny", 4) } else { ("approve", 5) };
        staff.post(&format!("{refund}/{verdict}"), &json!({})).await.expect(StatusCode::OK);
        let [cost] = &costs(&app, &format!("{verdict}_refund"))[..] else { panic!("{verdict} was not called once") };
        assert_eq!(cost.calls.len(), calls, "{verdict} made {:#?}", cost.calls);
        assert!(cost.by_target["dynamodb"] <= 3, "{verdict} made {:#?}", cost.calls);
        app.cloud.ledger.clear();
    }
    app.settle().await;
    check(&app, "fulfill", &[("dynamodb", 2), ("stripe", 1)]);
    let all = json!({"reason": "too hard"});
    staff.with("Idempotency-Key", "c").post(&path, &all).await.expect(StatusCode::CREATED);
    check(&app, "create_refund", &[("dynamodb", 2), ("sqs", 1)]);
    app.settle().await;
    // The order is read again for the lines, and what else the learner owns before one is taken back. The platform's
    // simulator counts its calls to the order, and the meter of this message is the refund's.
    check(&app, "fulfill", &[("dynamodb", 6), ("stripe", 1)]);
    assert_eq!(app.enrolments("ada").await[0]["is_active"], false);
    app.finish().await;
}

#[tokio::test]
async fn history_makes_nothing_dearer() {
    let app = warm().await;
    let ada = app.user("ada");
    for number in 0..30 {
        let sku = format!("H{number}");
        app.sell(&sku, "1.00", "USD", None).await;
        ada.order(&sku).await;
        ada.delete("/api/v1/basket").await.expect(StatusCode::OK);
    }
    app.cloud.ledger.clear();
    ada.add("PY").await.expect(StatusCode::CREATED);
    check(&app, "add_line", &[("dynamodb", 2)]);
    ada.get("/api/v1/basket").await.expect(StatusCode::OK);
    check(&app, "read_basket", &[("dynamodb", 1)]);
    ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    check(&app, "list_orders", &[("dynamodb", 1)]);
    app.finish().await;
}

#[tokio::test]
async fn what_a_reader_has_already_is_not_sent_again() {
    let app = warm().await;
    let nobody = app.anonymous();
    let first = nobody.get("/api/v1/products/PY").await.expect(StatusCode::OK);
    assert_eq!(first.headers["etag"], "\"1\"");
    for tag in ["\"1\"", "W/\"1\"", "*", "\"7\", \"1\""] {
        let again = nobody.with("if-none-match", tag).get("/api/v1/products/PY").await.expect(StatusCode::NOT_MODIFIED);
        assert_eq!((again.text.as_str(), &again.headers["etag"]), ("", &first.headers["etag"]));
    }
    app.staff().patch("/api/v1/products/PY", &json!({"title": "New"})).await.expect(StatusCode::OK);
    let changed = nobody.with("if-none-match", "\"1\"").get("/api/v1/products/PY").await.expect(StatusCode::OK);
    assert_eq!((&changed["title"], &changed.headers["etag"]), (&json!("New"), &"\"2\"".parse().unwrap()));
    // What is left of a limited product changes without an edit, so a version does not vouch for it.
    let limited = nobody.with("if-none-match", "\"1\"").get("/api/v1/products/GO").await.expect(StatusCode::OK);
    assert_eq!((&limited.headers["etag"], &limited["quantity_available"]), (&"\"1\"".parse().unwrap(), &json!(5)));
    app.finish().await;
}

#[tokio::test]
async fn every_version_is_the_etag() {
    let app = warm().await;
    let (ada, staff) = (app.user("ada"), app.staff());
    ada.add("PY").await.expect(StatusCode::CREATED);
    for (client, path) in [
        (&ada, "/api/v1/basket"),
        (&app.anonymous(), "/api/v1/basket"),
        (&staff, "/api/v1/products/GO"),
        (&staff, "/api/v1/courses/course-v1:Test+GO+1"),
        (&staff, "/api/v1/catalogs/sci"),
    ] {
        let read = client.get(path).await.expect(StatusCode::OK);
        let version = read["version"].as_u64().unwrap();
        assert_eq!(read.headers["etag"], format!("\"{version}\""), "{path}");
    }
    let added = ada.with("if-match", "\"1\"").add("GO").await.expect(StatusCode::CREATED);
    assert_eq!((&added["version"], &added.headers["etag"]), (&json!(2), &"\"2\"".parse().unwrap()));
    app.finish().await;
}

#[tokio::test]
async fn an_order_of_staffs_is_two_round_trips_and_a_transfer_three() {
    let app = warm().await;
    let (ada, staff) = (app.user("ada"), app.staff().with("Idempotency-Key", "one"));
    staff.get("/api/v1/refunds").await.expect(StatusCode::OK);
    ada.add("PY").await.expect(StatusCode::CREATED);
    let choice = json!({"processor": "bank_transfer", "return_url": "https://shop.example/"});
    let order = ada.with("Idempotency-Key", "one").post("/api/v1/checkout", &choice).await.expect(StatusCode::CREATED);
    app.cloud.ledger.clear();
    let given = json!({"reason": "scholarship", "enrollments": [{"username": "grace", "sku": "PY"}]});
    staff.post("/api/v1/orders/manual", &given).await.expect(StatusCode::OK);
    check(&app, "create_manual_orders", &[("dynamodb", 2), ("sqs", 1)]);
    let came = json!({"amount": {"amount": "1.00", "currency": "USD"}, "reference": "R-1"});
    let path = format!("/api/v1/orders/{}/payments", order.order_number());
    let confirmed = staff.post(&path, &came).await.expect(StatusCode::CREATED);
    check(&app, "confirm_transfer", &[("dynamodb", 3)]);
    let refund = confirmed["order"]["refunds"][0]["id"].as_str().unwrap();
    staff.post(&format!("/api/v1/refunds/{refund}/confirm"), &json!({})).await.expect(StatusCode::OK);
    let [cost] = &costs(&app, "confirm_refund")[..] else { panic!("it was not called once") };
    assert!(cost.by_target["dynamodb"] <= 3, "it made {:#?}", cost.calls);
    app.finish().await;
}
