//! Coupons: all parts by one call or none, and what changes of one holds for all of its codes.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::batches::{AT_ONCE, LEASE_OVER_S, lines, progress, read};
use super::offers::usd;

const COUPONS: &str = "/api/v1/coupons";

async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    app
}

/// A coupon of three codes that make PY free, with more of its fields over it.
fn acme(more: Value) -> Value {
    let mut body = json!({
        "id": "acme", "title": "Acme 2027", "note": "renewal in May",
        "catalog": {"skus": ["PY"]},
        "offer": {"benefit": {"type": "percent", "value": "100"}},
        "codes": {"usage": "single_use", "codes": ["ACME-1", "acme-2", "ACME-3"]},
        "ends_at": "2100-01-01T00:00:00Z",
        "invoice": {
            "client": "Acme Ltd", "kind": "postpaid", "purchase_order": "PO 7", "number": "INV-12", "price": usd("120.00"),
            "issued_at": "2026-11-01T00:00:00Z", "paid_at": null,
        },
    });
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    body
}

async fn create(app: &TestApp, more: Value) -> Answer {
    app.staff().post(COUPONS, &acme(more)).await
}

async fn enter(client: &Client, code: &str) -> Answer {
    client.post("/api/v1/basket/vouchers", &json!({"code": code})).await
}

async fn coupon(app: &TestApp) -> Answer {
    read(app, "/api/v1/coupons/acme").await
}

#[tokio::test]
async fn one_call_makes_all_parts_and_a_code_of_it_buys_a_course_for_nothing() {
    let app = shop().await;
    let made = create(&app, json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(made.header("location"), "/api/v1/coupons/acme");
    let links = ["offer_url", "catalog_url", "batch_url", "codes_url"].map(|name| made[name].clone());
    let expected = json!(["/api/v1/offers/acme", "/api/v1/catalogs/acme", null, "/api/v1/coupons/acme/codes"]);
    assert_eq!(json!(links), expected);
    assert_eq!((&made["active"], &made["uses"], &made["created_by"]), (&json!(true), &json!(0), &json!("staff")));
    assert_eq!(made["invoice"], acme(json!({}))["invoice"]);
    assert_eq!(coupon(&app).await.json, made.json);
    let listed = read(&app, COUPONS).await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["title"]), (&json!("acme"), &json!("Acme 2027")));

    let catalog = read(&app, "/api/v1/catalogs/acme").await;
    assert_eq!((&catalog["skus"], &catalog["offers"]), (&json!(["PY"]), &json!(["acme"])));
    let offer = read(&app, "/api/v1/offers/acme").await;
    assert_eq!((&offer["condition"]["catalog"], &offer["automatic"]), (&json!("acme"), &json!(false)));
    assert_eq!((&offer["limits"]["max_uses"], &offer["uses"]["orders"]), (&Value::Null, &json!(0)));
    let voucher = read(&app, "/api/v1/vouchers/ACME-2").await;
    assert_eq!((&voucher["coupon"], &voucher["ends_at"]), (&json!("acme"), &json!("2100-01-01T00:00:00Z")));

    let ada = app.user("ada");
    ada.add("GO").await.expect(StatusCode::CREATED);
    enter(&ada, "ACME-1").await.problem(404, "unknown_voucher");
    ada.delete("/api/v1/basket").await.expect(StatusCode::OK);
    ada.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(enter(&ada, "ACME-1").await.expect(StatusCode::CREATED)["total"], usd("0.00"));
    let checkout = ada.checkout("one").await.expect(StatusCode::CREATED);
    app.settle().await;
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["status"], &order["fulfillment_status"]), (&json!("paid"), &json!("complete")));
    assert_eq!(app.enrolments("ada").await.len(), 1);
    let used = coupon(&app).await;
    assert_eq!(
        (&used["uses"], &used["codes"][0]["taken"], &used["codes"][1]["taken"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let csv = read(&app, "/api/v1/coupons/acme/codes").await;
    let expected = "code,offer,usage,max_uses,starts_at,ends_at,uses\r\n\
        ACME-1,acme,single_use,,,2100-01-01T00:00:00Z,1\r\n\
        ACME-2,acme,single_use,,,2100-01-01T00:00:00Z,0\r\n\
        ACME-3,acme,single_use,,,2100-01-01T00:00:00Z,0\r\n";
    assert_eq!((csv.text.as_str(), csv.header("content-type")), (expected, "text/csv; charset=utf-8; header=present"));
    app.staff().get("/api/v1/coupons/acme/codes?cursor=x").await.problem(400, "bad_cursor");
    app.staff().delete("/api/v1/vouchers/ACME-3").await.problem(409, "in_use");
    app.finish().await;
}

#[tokio::test]
async fn a_coupon_of_many_codes_is_a_batch_that_follows() {
    let app = shop().await;
    let codes = json!({"usage": "multi_use", "count": 1_000, "prefix": "acme", "max_uses": 2, "email_domains": ["example.com"]});
    let made = create(&app, json!({"codes": codes})).await.expect(StatusCode::CREATED);
    let url = made["batch_url"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made["codes"], &made["batch"]["state"], &made["batch"]["made"]),
        (&Value::Null, &json!("running"), &json!(AT_ONCE))
    );
    app.check().await;
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_000, 0));
    let (of_batch, _) = lines(&app, &url, 1_000).await;
    let of_coupon = read(&app, "/api/v1/coupons/acme/codes?limit=300").await;
    assert_eq!(of_coupon.text.lines().count(), 301);
    assert!(of_coupon.header("link").contains("/codes?limit=300&cursor="));
    let code = &of_batch[999][0];
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(enter(&ada, code).await.expect(StatusCode::CREATED)["total"], usd("0.00"));
    ada.checkout("one").await.expect(StatusCode::CREATED);
    assert_eq!(coupon(&app).await["uses"], 1);
    let more = json!({"codes": {"max_uses": 3, "email_domains": []}});
    let changed = app.staff().patch("/api/v1/coupons/acme", &more).await.expect(StatusCode::OK);
    assert_eq!(changed["batch"]["revision"], json!({"done": 540, "of": 1_000}));
    app.advance(LEASE_OVER_S).await;
    assert!(lines(&app, &url, 1_000).await.0.iter().all(|line| line[3] == "3"));
    app.finish().await;
}

#[tokio::test]
async fn a_deactivated_coupon_is_over_at_once_for_all_of_its_codes_and_can_begin_again() {
    let app = shop().await;
    let codes = json!({"usage": "single_use", "count": 1_000});
    let made = create(&app, json!({"codes": codes, "starts_at": "2026-01-01T00:00:00Z"})).await;
    let url = made.expect(StatusCode::CREATED)["batch_url"].as_str().unwrap().to_owned();
    app.advance(LEASE_OVER_S).await;
    let (all, _) = lines(&app, &url, 1_000).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    enter(&ada, &all[999][0]).await.expect(StatusCode::CREATED);
    let over = app.staff().post("/api/v1/coupons/acme/deactivate", &json!({})).await.expect(StatusCode::OK);
    assert_eq!(
        (&over["active"], &over["batch"]["state"], &over["version"]),
        (&json!(false), &json!("running"), &json!(2))
    );
    // The last codes are not reached yet, and open nothing all the same.
    let last = read(&app, &format!("/api/v1/vouchers/{}", all[999][0])).await;
    assert_eq!(last["ends_at"], "2100-01-01T00:00:00Z");
    enter(&app.user("bob"), &all[998][0]).await.problem(404, "unknown_voucher");
    let refused = ada.checkout("one").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    app.advance(LEASE_OVER_S).await;
    let now = over["offer"]["ends_at"].as_str().unwrap();
    assert!(lines(&app, &url, 1_000).await.0.iter().all(|line| line[5] == now));
    let again = json!({"ends_at": "2100-01-01T00:00:00Z"});
    let again = app.staff().patch("/api/v1/coupons/acme", &again).await.expect(StatusCode::OK);
    assert_eq!(again["active"], true);
    app.advance(LEASE_OVER_S).await;
    let bob = app.user("bob");
    bob.add("PY").await.expect(StatusCode::CREATED);
    assert_eq!(enter(&bob, &all[998][0]).await.expect(StatusCode::CREATED)["total"], usd("0.00"));
    app.finish().await;
}

#[tokio::test]
async fn what_is_told_of_a_coupon_and_its_limits_can_be_changed() {
    let app = shop().await;
    let future = json!({"starts_at": "2099-01-01T00:00:00Z", "codes": {"usage": "multi_use", "codes": ["A", "B"]}});
    let made = create(&app, future).await.expect(StatusCode::CREATED);
    assert_eq!(made["active"], false);
    let staff = app.staff();
    let path = "/api/v1/coupons/acme";
    let patch =
        json!({"title": "Acme", "note": null, "invoice": {"client": "Acme Inc", "paid_at": "2026-11-20T00:00:00Z"}});
    let told = staff.patch(path, &patch).await.expect(StatusCode::OK);
    let seen = ["title", "note", "version"].map(|name| told[name].clone());
    assert_eq!((json!(seen), &told["invoice"]["client"]), (json!(["Acme", null, 2]), &json!("Acme Inc")));
    assert_eq!((&told["invoice"]["kind"], &told["offer"]["version"]), (&json!("prepaid"), &made["offer"]["version"]));
    let patch = json!({"starts_at": null, "limits": {"max_uses_per_user": 1}, "codes": {"max_uses": 5}});
    let changed = staff.with("If-Match", "\"2\"").patch(path, &patch).await.expect(StatusCode::OK);
    let codes = changed["codes"].as_array().unwrap();
    assert!(codes.iter().all(|code| code["max_uses"] == 5 && code["starts_at"].is_null()), "{}", changed.text);
    assert_eq!((&changed["active"], &changed["offer"]["limits"]["max_uses_per_user"]), (&json!(true), &json!(1)));
    staff.with("If-Match", "\"2\"").patch(path, &json!({})).await.problem(412, "version_mismatch");
    for (patch, pointer) in [
        (json!({"starts_at": "2100-01-01T00:00:00Z"}), "/ends_at"),
        (json!({"codes": {"max_uses": 0}}), "/codes/max_uses"),
        (json!({"limits": {"max_uses": 0}}), "/offer/limits/max_uses"),
        (json!({"invoice": {"client": "A", "price": usd("-1.00")}}), "/invoice/price/amount"),
        (json!({"id": "other"}), "/id"),
    ] {
        let refused = staff.patch(path, &patch).await;
        refused.problem(422, "invalid_fields");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    // One code is used more often than a later limit allows: nothing is changed of the others either.
    for name in ["ada", "bob"] {
        let learner = app.user(name);
        learner.add("PY").await.expect(StatusCode::CREATED);
        enter(&learner, "B").await.expect(StatusCode::CREATED);
        learner.checkout("one").await.expect(StatusCode::CREATED);
    }
    staff.patch(path, &json!({"codes": {"max_uses": 1}})).await.problem(422, "invalid_fields");
    let after = coupon(&app).await;
    assert_eq!((&after["codes"][0]["max_uses"], &after["uses"]), (&json!(5), &json!(2)));
    // Its offer goes with the coupon only.
    staff.delete("/api/v1/offers/acme").await.problem(409, "in_use");
    let told = staff.patch(path, &json!({"title": "Over"})).await.expect(StatusCode::OK);
    assert_eq!((&told["active"], &told["title"]), (&json!(true), &json!("Over")));
    app.finish().await;
}

#[tokio::test]
async fn a_coupon_that_collides_makes_nothing() {
    let app = shop().await;
    let staff = app.staff();
    let offer = json!({"id": "other", "name": "Other", "benefit": {"type": "free"}});
    staff.post("/api/v1/offers", &offer).await.expect(StatusCode::CREATED);
    let code = json!({"code": "ACME-3", "usage": "single_use", "offer": "other"});
    staff.post("/api/v1/vouchers", &code).await.expect(StatusCode::CREATED);
    create(&app, json!({})).await.problem(409, "conflict");
    let nothing = ["/api/v1/coupons/acme", "/api/v1/offers/acme", "/api/v1/catalogs/acme", "/api/v1/vouchers/ACME-1"];
    for (path, code) in nothing.iter().zip(["unknown_coupon", "unknown_offer", "unknown_catalog", "unknown_voucher"]) {
        staff.get(path).await.problem(404, code);
    }
    staff.delete("/api/v1/vouchers/ACME-3").await.expect(StatusCode::NO_CONTENT);
    // Also one that needs no code, which lies elsewhere.
    let automatic =
        json!({"id": "spring", "name": "Spring", "automatic": true, "benefit": {"type": "percent", "value": "5"}});
    staff.post("/api/v1/offers", &automatic).await.expect(StatusCode::CREATED);
    create(&app, json!({"id": "spring"})).await.problem(409, "conflict");
    let other = create(&app, json!({"id": "other"})).await;
    other.problem(409, "conflict");
    assert_eq!(other["detail"], "another offer or catalog has this id");
    create(&app, json!({})).await.expect(StatusCode::CREATED);
    let again = create(&app, json!({})).await;
    again.problem(409, "conflict");
    assert_eq!(again["detail"], "another coupon has this id");
    // Two at once are one.
    let more = |n: u32| json!({"id": "twice", "codes": {"usage": "single_use", "codes": [format!("T-{n}")]}});
    let (one, two) = tokio::join!(create(&app, more(1)), create(&app, more(2)));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert!(statuses == [201, 409] || statuses == [409, 201], "{statuses:?}");
    app.finish().await;
}

#[tokio::test]
async fn the_rules_of_its_parts_are_those_of_each_made_alone() {
    let app = shop().await;
    let skus: Vec<String> = (0..201).map(|n| format!("S{n}")).collect();
    let named: Vec<String> = (0..51).map(|n| format!("C{n}")).collect();
    let free = json!({"type": "free"});
    for (more, pointer) in [
        (json!({"catalog": {"query": {}}}), "/catalog/query"),
        (json!({"catalog": {"query": {"org": ""}}}), "/catalog/query/org"),
        (json!({"catalog": {"skus": skus}}), "/catalog/skus"),
        (json!({"catalog": {"skus": ["PY"]}, "offer": {"benefit": free, "condition": {"skus": ["PY"]}}}), "/catalog"),
        (json!({"catalog": null, "offer": {"benefit": free, "condition": {"skus": []}}}), "/offer/condition/skus"),
        (
            json!({"catalog": null, "offer": {"benefit": free, "condition": {"catalog": "none"}}}),
            "/offer/condition/catalog",
        ),
        (json!({"offer": {"benefit": {"type": "percent", "value": "0"}}}), "/offer/benefit/value"),
        (json!({"offer": {"benefit": free, "limits": {"max_uses": 0}}}), "/offer/limits/max_uses"),
        (json!({"offer": {"benefit": free, "automatic": true}}), "/offer/automatic"),
        (json!({"codes": {"usage": "single_use"}}), "/codes/count"),
        (json!({"codes": {"usage": "single_use", "count": 1, "codes": ["A"]}}), "/codes/count"),
        (json!({"codes": {"usage": "single_use", "count": 100_001}}), "/codes/count"),
        (json!({"codes": {"usage": "single_use", "codes": []}}), "/codes/codes"),
        (json!({"codes": {"usage": "single_use", "codes": named}}), "/codes/codes"),
        (json!({"codes": {"usage": "single_use", "codes": ["A"], "prefix": "B"}}), "/codes/prefix"),
        (json!({"codes": {"usage": "single_use", "codes": ["A"], "max_uses": 2}}), "/codes/max_uses"),
        (json!({"starts_at": "2100-01-01T00:00:00Z"}), "/ends_at"),
        (json!({"invoice": {"client": "A", "price": usd("-1.00")}}), "/invoice/price/amount"),
        (json!({"invoice": {"client": " "}}), "/invoice/client"),
        (json!({"invoice": {"client": "A", "kind": "bribe"}}), "/invoice/kind"),
    ] {
        let refused = create(&app, more.clone()).await;
        refused.problem(422, "invalid_fields");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{more}: {}", refused.text);
    }
    // A catalog that is there may be named in place of one of its own.
    let catalog = json!({"id": "science", "title": "Science", "skus": ["PY"]});
    app.staff().post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
    let offer = json!({"benefit": free, "condition": {"catalog": "science"}});
    let made = create(&app, json!({"catalog": null, "offer": offer})).await.expect(StatusCode::CREATED);
    assert_eq!((&made["catalog_url"], &made["offer"]["condition"]["catalog"]), (&Value::Null, &json!("science")));
    assert_eq!(read(&app, "/api/v1/catalogs/science").await["offers"], json!(["acme"]));
    app.finish().await;
}

#[tokio::test]
async fn a_coupon_with_an_offer_that_gives_money_keeps_to_its_budget() {
    let app = shop().await;
    let offer =
        json!({"benefit": {"type": "absolute", "value": usd("30.00")}, "limits": {"max_discount": usd("50.00")}});
    let codes = json!({"usage": "multi_use", "codes": ["MONEY"]});
    create(&app, json!({"offer": offer, "codes": codes})).await.expect(StatusCode::CREATED);
    for (name, total) in [("ada", "19.90"), ("bob", "29.90")] {
        let learner = app.user(name);
        learner.add("PY").await.expect(StatusCode::CREATED);
        enter(&learner, "MONEY").await.expect(StatusCode::CREATED);
        assert_eq!(learner.checkout("one").await.expect(StatusCode::CREATED)["total"], usd(total));
    }
    let read = coupon(&app).await;
    assert_eq!((&read["uses"], &read["offer"]["uses"]["given"]), (&json!(2), &usd("50.00")));
    app.finish().await;
}
