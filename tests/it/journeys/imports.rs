//! Orders of a shop that is given up: they keep their numbers and dates, are there once, and nothing happens because of
//! them.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// A paid order of ada's for one seat.
fn legacy(number: &str, more: Value) -> Value {
    let mut order = json!({
        "number": number, "username": "ada", "email": "ada@school.example", "placed_at": "2019-03-01T10:00:00Z",
        "paid_at": "2019-03-01T10:05:00Z", "payment": format!("pi-{number}"),
        "lines": [{"sku": "PY", "title": "Python, 2019", "course_key": "course-v1:Test+PY+1", "mode": "verified",
            "price": usd("49.90")}],
    });
    order.as_object_mut().expect("an order").extend(more.as_object().expect("fields").clone());
    order
}

async fn import(staff: &Client, orders: &[Value]) -> Answer {
    staff.post("/api/v1/orders/imports", &json!({"orders": orders})).await
}

/// Each order's status with its code, and the numbers here.
fn results(answer: &Answer) -> (Vec<String>, Vec<String>) {
    let results = answer["results"].as_array().unwrap_or_else(|| panic!("no results: {}", answer.text));
    let text = |result: &Value, name: &str| result[name].as_str().unwrap_or_default().to_owned();
    let said = |result: &Value| format!("{} {}", text(result, "status"), text(result, "code")).trim().to_owned();
    (results.iter().map(said).collect(), results.iter().map(|result| text(result, "order_number")).collect())
}

#[tokio::test]
async fn an_order_keeps_its_number_and_its_dates_and_nothing_happens() {
    let app = TestApp::start().await;
    app.sell("PY", "59.90", "USD", Some(1)).await;
    app.sell("NEW", "10.00", "USD", None).await;
    let (ada, staff) = (app.user("ada"), app.staff());
    super::buy(&app, &ada, "NEW").await;
    let (said, numbers) = results(&import(&staff, &[legacy("EDX-100001", json!({}))]).await.expect(StatusCode::OK));
    assert_eq!(said, ["imported"]);
    app.settle().await;
    app.advance(24 * 3600).await;
    // What was bought here alone is enrolled, and no stock of ours was sold.
    assert_eq!(app.enrolments("ada").await.len(), 1);
    assert_eq!(super::available(&app, "PY").await, json!(1));
    ada.add("PY").await.problem(409, "already_purchased");

    for (reader, path) in [(&ada, "EDX-100001"), (&staff, "EDX-100001"), (&ada, numbers[0].as_str())] {
        let order = reader.get(&format!("/api/v1/orders/{path}")).await.expect(StatusCode::OK);
        let names = (&order["number"], &order["imported_as"], &order["placed_at"]);
        assert_eq!(names, (&json!(numbers[0]), &json!("EDX-100001"), &json!("2019-03-01T10:00:00Z")));
        let stands =
            (&order["status"], &order["money_status"], &order["fulfillment_status"], &order["totals"]["total"]);
        assert_eq!(stands, (&json!("paid"), &json!("paid"), &json!("complete"), &usd("49.90")));
    }
    for what in ["", "/timeline", "/receipt"] {
        let path = format!("/api/v1/orders/EDX-100001{what}");
        ada.get(&path).await.expect(StatusCode::OK);
        app.user("eve").get(&path).await.problem(404, "unknown_order");
    }
    ada.get("/api/v1/orders/EDX-100002").await.problem(404, "unknown_order");
    let receipt = ada.get("/api/v1/orders/EDX-100001/receipt").await;
    assert_eq!(receipt["paid_at"], "2019-03-01T10:05:00Z");
    // The newest first, by when they were placed.
    let listed = ada.get("/api/v1/orders").await.expect(StatusCode::OK);
    assert_eq!(
        (listed["items"].as_array().map(Vec::len), &listed["items"][1]["number"]),
        (Some(2), &json!(numbers[0]))
    );
    let timeline = staff.get("/api/v1/orders/EDX-100001/timeline").await.expect(StatusCode::OK);
    let events =
        timeline["items"].as_array().expect("items").iter().map(|item| (item["event"].clone(), item["actor"].clone()));
    let wanted = [("order_placed", "learner"), ("order_paid", "system"), ("order_imported", "staff")];
    assert_eq!(events.collect::<Vec<_>>(), wanted.map(|(event, actor)| (json!(event), json!(actor))));
    app.finish().await;
}

#[tokio::test]
async fn the_same_again_and_at_once_is_the_same_order() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let orders = [legacy("EDX-1", json!({})), legacy("EDX-2", json!({"username": "bob"}))];
    let (left, right) = tokio::join!(import(&staff, &orders), import(&staff, &orders));
    let (left, right) = (results(&left.expect(StatusCode::OK)), results(&right.expect(StatusCode::OK)));
    assert_eq!(left.1, right.1);
    // Whatever it says now: what is there is left alone.
    let other = [legacy("EDX-1", json!({"placed_at": "2018-01-01T00:00:00Z", "username": "eve"}))];
    let (said, again) = results(&import(&staff, &other).await.expect(StatusCode::OK));
    assert_eq!((said, &again[0]), (vec!["exists".to_owned()], &left.1[0]));
    let listed = staff.get("/api/v1/orders?status=paid").await.expect(StatusCode::OK);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    app.finish().await;
}

#[tokio::test]
async fn what_went_back_is_counted_and_the_rest_is_paid_back_by_hand() {
    let app = TestApp::start().await;
    let (ada, staff) = (app.user("ada"), app.staff());
    let refund = |amount: &str| json!({"amount": usd(amount), "at": "2019-04-01T00:00:00Z"});
    let line = |more: Value| {
        let mut line = legacy("X", json!({}))["lines"][0].clone();
        line.as_object_mut().expect("a line").extend(more.as_object().expect("fields").clone());
        json!([line])
    };
    let whole = legacy(
        "WHOLE",
        json!({"refunds": [refund("9.90"), refund("40.00")],
        "lines": line(json!({"revoked_at": "2019-04-01T00:00:00Z"}))}),
    );
    let part = legacy("PART", json!({"refunds": [refund("9.90")], "lines": line(json!({"sku": "JS"}))}));
    let free = legacy("FREE", json!({"payment": null, "lines": line(json!({"sku": "GO", "discount": usd("49.90")}))}));
    let (said, _) = results(&import(&staff, &[whole, part, free]).await.expect(StatusCode::OK));
    assert_eq!(said, ["imported"; 3]);
    for (number, money, fulfilment) in
        [("WHOLE", "refunded", "revoked"), ("PART", "partially_refunded", "complete"), ("FREE", "unpaid", "complete")]
    {
        let order = ada.get(&format!("/api/v1/orders/{number}")).await.expect(StatusCode::OK);
        assert_eq!(
            (&order["money_status"], &order["fulfillment_status"]),
            (&json!(money), &json!(fulfilment)),
            "{number}"
        );
    }
    let part = ada.get("/api/v1/orders/PART").await;
    let path = format!("/api/v1/orders/{}/refunds", part["number"].as_str().expect("a number"));
    let rest = staff.with("Idempotency-Key", "one").post(&path, &json!({"reason": "closed"})).await;
    let rest = rest.expect(StatusCode::CREATED);
    let owed = (&rest["amount"], &rest["by_hand"], &rest["state"]);
    assert_eq!(owed, (&usd("40.00"), &json!(true), &json!("approved")));
    app.settle().await;
    let confirm = format!("/api/v1/refunds/{}/confirm", rest["id"].as_str().expect("an id"));
    staff.post(&confirm, &json!({})).await.expect(StatusCode::OK);
    app.settle().await;
    let part = ada.get("/api/v1/orders/PART").await;
    assert_eq!((&part["money_status"], &part["fulfillment_status"]), (&json!("refunded"), &json!("revoked")));
    app.finish().await;
}

#[tokio::test]
async fn a_redemption_counts_as_a_use_and_never_beyond_the_limit() {
    let app = TestApp::start().await;
    app.sell("PY", "59.90", "USD", None).await;
    let staff = app.staff();
    let offer = json!({"id": "spring", "name": "Spring", "benefit": {"type": "percent", "value": "10"},
        "limits": {"max_uses": 5}});
    staff.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
    let code = json!({"code": "SPRING19", "usage": "multi_use", "offer": "spring", "max_uses": 1,
        "starts_at": "2019-01-01T00:00:00Z"});
    staff.put("/api/v1/vouchers/SPRING19", &code).await.expect(StatusCode::CREATED);
    let redeemed = |number: &str, code: &str| {
        let mut order = legacy(number, json!({"voucher": code, "username": number}));
        order["lines"][0]["discount"] = usd("4.99");
        order
    };
    let orders = [redeemed("ONE", "spring19"), redeemed("TWO", "SPRING19"), redeemed("THREE", "NONE")];
    let (said, numbers) = results(&import(&staff, &orders).await.expect(StatusCode::MULTI_STATUS));
    assert_eq!(said, ["imported", "refused voucher_used_up", "refused unknown_voucher"]);
    let voucher = staff.get("/api/v1/vouchers/SPRING19").await.expect(StatusCode::OK);
    let uses = &voucher["uses"];
    let used = (&uses[0]["order_number"], &uses[0]["at"], uses.as_array().map(Vec::len));
    assert_eq!(used, (&json!(numbers[0]), &json!("2019-03-01T10:00:00Z"), Some(1)));
    // Nobody has one left.
    let bob = app.user("bob");
    bob.add("PY").await.expect(StatusCode::CREATED);
    bob.post("/api/v1/basket/vouchers", &json!({"code": "SPRING19"})).await.problem(404, "unknown_voucher");
    // Again is no second use.
    let (said, _) = results(&import(&staff, &orders[..1]).await.expect(StatusCode::OK));
    assert_eq!(said, ["exists"]);
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_have_been_is_refused_alone() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let refund = |amount: &str, at: &str| json!({"refunds": [{"amount": usd(amount), "at": at}]});
    let mut lines = Vec::new();
    for change in [json!({"discount": usd("50.00")}), json!({"price": usd("-1.00")}), json!({"course_key": null})] {
        let mut order = legacy("BAD", json!({}));
        order["lines"][0].as_object_mut().expect("a line").extend(change.as_object().expect("fields").clone());
        lines.push(order);
    }
    let twice = legacy("X", json!({}))["lines"][0].clone();
    let bad = [
        legacy("BAD", json!({"placed_at": "2019-03-02T00:00:00Z"})),
        legacy("BAD", json!({"paid_at": "2030-01-01T00:00:00Z"})),
        legacy("BAD", refund("1.00", "2019-02-01T00:00:00Z")),
        legacy("BAD", refund("49.91", "2019-04-01T00:00:00Z")),
        legacy("BAD", refund("0.00", "2019-04-01T00:00:00Z")),
        legacy("BAD", json!({"payment": null})),
        legacy("BAD", json!({"lines": []})),
        legacy("BAD", json!({"lines": [twice, twice]})),
    ];
    let all: Vec<Value> = bad.into_iter().chain(lines).collect();
    let none = import(&staff, &all).await;
    none.problem(422, "nothing_done");
    assert_eq!(results(&none).0, vec!["refused invalid_fields"; 11]);
    // A payment is of one order.
    let same =
        [legacy("ONE", json!({"payment": "pi-1"})), legacy("TWO", json!({"payment": "pi-1", "username": "bob"}))];
    let (said, _) = results(&import(&staff, &same).await.expect(StatusCode::MULTI_STATUS));
    assert_eq!(said, ["imported", "refused reference_used"]);
    staff.get("/api/v1/orders/TWO").await.problem(404, "unknown_order");

    let many: Vec<Value> = (0..26).map(|n| legacy(&format!("N{n}"), json!({}))).collect();
    import(&staff, &many).await.problem(413, "too_many_items");
    import(&staff, &[]).await.problem(422, "invalid_fields");
    import(&staff, &[legacy("a b", json!({}))]).await.problem(422, "invalid_fields");
    import(&app.user("ada"), &[legacy("ADA", json!({}))]).await.problem(403, "forbidden");
    app.finish().await;
}
