//! The catalog as staff keep it and as everyone reads it.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

fn skus(page: &Answer) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap().to_owned()).collect()
}

async fn search(client: &Client, query: &str) -> Vec<String> {
    let request = client.request(reqwest::Method::GET, "/api/v1/products").query(&[("q", query)]);
    skus(&client.send(request).await.expect(StatusCode::OK))
}

fn right(sku: &str, title: &str) -> Value {
    json!({"sku": sku, "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": title, "published": true})
}

fn seat(sku: &str) -> Value {
    json!({
        "sku": sku, "kind": "seat", "title": format!("Seat {sku}"), "course_key": format!("course-v1:Test+{sku}+1"),
        "mode": "verified", "published": true,
        "stock": [{"price": {"amount": "10.00", "currency": "USD"}}],
    })
}

#[tokio::test]
async fn staff_create_change_and_hide_a_product() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    let created = staff.post("/api/v1/products", &seat("PY")).await.expect(StatusCode::CREATED);
    assert_eq!(created.headers["location"], "/api/v1/products/PY");
    let read = nobody.get("/api/v1/products/PY").await.expect(StatusCode::OK);
    assert_eq!(
        read.json,
        json!({
            "sku": "PY", "kind": "seat", "title": "Seat PY", "course_key": "course-v1:Test+PY+1", "mode": "verified",
            "attributes": {}, "contains": [], "blocked_countries": [], "price": {"amount": "10.00", "currency": "USD"}, "quantity_available": null,
            "published": true, "version": 1,
        })
    );
    let patch = json!({"title": "Python", "attributes": {"level": 2}});
    let changed = staff.with("if-match", "\"1\"").patch("/api/v1/products/PY", &patch).await.expect(StatusCode::OK);
    assert_eq!((&changed["title"], &changed["version"]), (&json!("Python"), &json!(2)));
    assert_eq!((&changed["price"]["amount"], &changed["course_key"]), (&json!("10.00"), &json!("course-v1:Test+PY+1")));
    staff.with("if-match", "\"1\"").delete("/api/v1/products/PY").await.problem(412, "version_mismatch");
    staff.delete("/api/v1/products/PY").await.expect(StatusCode::NO_CONTENT);
    nobody.get("/api/v1/products/PY").await.problem(404, "unknown_product");
    assert_eq!(skus(&nobody.get("/api/v1/products").await), Vec::<String>::new());
    assert_eq!(search(&nobody, "python").await, Vec::<String>::new());
    let hidden = staff.get("/api/v1/products/PY").await.expect(StatusCode::OK);
    assert_eq!((&hidden["published"], &hidden["version"]), (&json!(false), &json!(3)));
    // Deleting what is hidden changes nothing.
    staff.delete("/api/v1/products/PY").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(staff.get("/api/v1/products/PY").await["version"], 3);
    staff.patch("/api/v1/products/PY", &json!({"published": true})).await.expect(StatusCode::OK);
    assert_eq!(search(&nobody, "python").await, ["PY"]);
    app.finish().await;
}

#[tokio::test]
async fn a_product_is_replaced_whole_and_keeps_its_prices_unless_they_are_sent() {
    let app = TestApp::start().await;
    let staff = app.staff();
    staff.put("/api/v1/products/PY", &seat("PY")).await.expect(StatusCode::CREATED);
    let mut other = seat("PY");
    other["title"] = json!("Other");
    other.as_object_mut().unwrap().remove("stock");
    let replaced = staff.put("/api/v1/products/PY", &other).await.expect(StatusCode::OK);
    assert_eq!((&replaced["title"], &replaced["price"]["amount"]), (&json!("Other"), &json!("10.00")));
    other["stock"] = json!([]);
    let unpriced = staff.put("/api/v1/products/PY", &other).await.expect(StatusCode::OK);
    assert_eq!((&unpriced["price"], &unpriced["quantity_available"]), (&Value::Null, &json!(0)));
    app.user("ada").add("PY").await.problem(409, "not_available");
    app.finish().await;
}

#[tokio::test]
async fn unpublished_products_are_staffs_alone() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    let mut draft = seat("DRAFT");
    draft["published"] = json!(false);
    staff.post("/api/v1/products", &draft).await.expect(StatusCode::CREATED);
    staff.post("/api/v1/products", &seat("OPEN")).await.expect(StatusCode::CREATED);
    let catalog = json!({"id": "both", "title": "Both", "skus": ["DRAFT", "OPEN"]});
    staff.post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
    for client in [&nobody, &app.user("ada"), &app.service()] {
        assert_eq!(all_pages(client, "/api/v1/products?limit=1").await, ["OPEN"]);
        assert_eq!(all_pages(client, "/api/v1/products?catalog=both&limit=1").await, ["OPEN"]);
        assert_eq!(all_pages(client, "/api/v1/products?course=course-v1:Test%2BDRAFT%2B1").await, Vec::<String>::new());
        client.get("/api/v1/products/DRAFT").await.problem(404, "unknown_product");
        client.get("/api/v1/quote?sku=DRAFT").await.problem(404, "unknown_product");
    }
    app.user("ada").add("DRAFT").await.problem(404, "unknown_product");
    assert_eq!(all_pages(&staff, "/api/v1/products?limit=1").await, ["OPEN", "DRAFT"]);
    assert_eq!(all_pages(&staff, "/api/v1/products?catalog=both&limit=1").await, ["DRAFT", "OPEN"]);
    let stock = &staff.get("/api/v1/products/DRAFT").await["stock"];
    assert_eq!(stock[0]["price"]["amount"], "10.00");
    assert_eq!(nobody.get("/api/v1/products/OPEN").await.json.get("stock"), None);
    app.finish().await;
}

#[tokio::test]
async fn scheduled_prices_take_effect_on_the_second() {
    let app = TestApp::start().await;
    let (staff, nobody, ada) = (app.staff(), app.anonymous(), app.user("ada"));
    staff.post("/api/v1/products", &seat("PY")).await.expect(StatusCode::CREATED);
    let price = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let windows = json!({"stock": [
        {"price": price("100.00")},
        {"price": price("80.00"), "valid_from": "2026-11-20T13:00:00Z", "valid_to": "2026-11-20T15:00:00Z"},
        {"price": price("50.00"), "valid_from": "2026-11-20T14:00:00Z", "valid_to": "2026-11-20T14:30:00Z", "quantity": 2},
    ]});
    staff.put("/api/v1/products/PY/stock", &windows).await.expect(StatusCode::OK);
    ada.add("PY").await.expect(StatusCode::CREATED);
    for (advance, amount, left) in [
        (0, "100.00", Value::Null),
        (3599, "100.00", Value::Null),
        (1, "80.00", Value::Null),
        (3600, "50.00", json!(2)),
        (1799, "50.00", json!(2)),
        (1, "80.00", Value::Null),
        (1800, "100.00", Value::Null),
    ] {
        app.advance(advance).await;
        let product = nobody.get("/api/v1/products/PY").await;
        assert_eq!((&product["price"], &product["quantity_available"]), (&price(amount), &left));
        // The basket was filled before, and follows the same schedule.
        assert_eq!(ada.get("/api/v1/basket").await["total"], price(amount));
        assert_eq!(nobody.get("/api/v1/quote?sku=PY").await["total"], price(amount));
    }
    let checkout = ada.checkout("a").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"], price("100.00"));
    app.finish().await;
}

#[tokio::test]
async fn what_is_left_goes_down_with_each_order_and_stays_when_the_price_changes() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    app.sell("PY", "10.00", "USD", Some(3)).await;
    let left = async || nobody.get("/api/v1/products/PY").await["quantity_available"].clone();
    assert_eq!(left().await, 3);
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    assert_eq!(left().await, 2);
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    app.user("bob").order("PY").await;
    assert_eq!(left().await, 1);
    let stock = json!({"price": {"amount": "12.00", "currency": "USD"}, "quantity": 4});
    let set = staff.put("/api/v1/products/PY/stock", &stock).await.expect(StatusCode::OK);
    assert_eq!((&set["stock"][0]["held"], &set["stock"][0]["sold"]), (&json!(1), &json!(1)));
    assert_eq!(left().await, 2);
    let fewer = json!({"price": {"amount": "12.00", "currency": "USD"}, "quantity": 1});
    staff.put("/api/v1/products/PY/stock", &fewer).await.problem(422, "invalid_fields");
    let none = json!({"price": {"amount": "12.00", "currency": "USD"}, "quantity": 2});
    staff.put("/api/v1/products/PY/stock", &none).await.expect(StatusCode::OK);
    assert_eq!(left().await, 0);
    app.user("eve").add("PY").await.problem(409, "out_of_stock");
    app.finish().await;
}

#[tokio::test]
async fn a_course_is_saved_with_its_seats_and_told_to_the_lms() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    let path = "/api/v1/courses/course-v1:Test+BIO+2026";
    let seat = |sku: &str, mode: &str, amount: &str| json!({"sku": sku, "mode": mode, "price": {"amount": amount, "currency": "USD"}});
    let mut course = json!({
        "title": "Biology", "org": "Test", "start": "2026-12-01T00:00:00Z", "end": null,
        "seats": [seat("BIO-V", "verified", "49.90"), seat("BIO-A", "audit", "0")],
    });
    staff.put(path, &course).await.expect(StatusCode::CREATED);
    let read = nobody.get(path).await.expect(StatusCode::OK);
    assert_eq!(
        (&read["title"], &read["org"], &read["start"]),
        (&json!("Biology"), &json!("Test"), &json!("2026-12-01T00:00:00Z"))
    );
    assert_eq!((&read["seats"][0]["sku"], &read["seats"][1]["sku"]), (&json!("BIO-V"), &json!("BIO-A")));
    assert_eq!(read["seats"][0]["price"], json!({"amount": "49.90", "currency": "USD"}));
    assert_eq!(modes(&app, "course-v1:Test+BIO+2026").await, ["verified 50 BIO-V", "audit 0 BIO-A"]);
    // A seat that is not named any more goes off sale, here and at the LMS.
    course["seats"] = json!([seat("BIO-A", "audit", "0")]);
    let saved = staff.with("if-match", "\"1\"").put(path, &course).await.expect(StatusCode::OK);
    assert_eq!((&saved["version"], saved.headers["etag"].to_str().unwrap()), (&json!(2), "\"2\""));
    assert_eq!(modes(&app, "course-v1:Test+BIO+2026").await, ["audit 0 BIO-A"]);
    nobody.get("/api/v1/products/BIO-V").await.problem(404, "unknown_product");
    assert_eq!(staff.get("/api/v1/products/BIO-V").await["published"], false);
    staff.with("if-match", "\"1\"").put(path, &course).await.problem(412, "version_mismatch");
    let listed = nobody.get("/api/v1/courses").await.expect(StatusCode::OK);
    assert_eq!(
        (&listed["items"][0]["course_key"], &listed["items"][0]["seats"][0]["sku"]),
        (&read["course_key"], &json!("BIO-A"))
    );
    app.finish().await;
}

/// The modes of a course at the LMS, as name, price and SKU.
async fn modes(app: &TestApp, key: &str) -> Vec<String> {
    let client = app.anonymous();
    let (id, secret) = local::dev_keys::LMS_CLIENT;
    let form =
        [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("token_type", "jwt")];
    let request = client.request(reqwest::Method::POST, "/_local/lms/oauth2/access_token").form(&form);
    let token = client.send(request).await.expect(StatusCode::OK)["access_token"].as_str().unwrap().to_owned();
    let lms = client.with("authorization", &format!("JWT {token}"));
    let course = lms.get(&format!("/_local/lms/api/commerce/v1/courses/{key}/")).await.expect(StatusCode::OK);
    let shown = |mode: &Value| {
        format!("{} {} {}", mode["name"].as_str().unwrap(), mode["price"], mode["sku"].as_str().unwrap())
    };
    course["modes"].as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test]
async fn a_course_that_the_lms_refuses_is_not_saved() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    let path = "/api/v1/courses/course-v1:Test+refused+1";
    let course = json!({"title": "No", "org": "Test", "seats": [
        {"sku": "NO", "mode": "verified", "price": {"amount": "1.00", "currency": "USD"}},
    ]});
    staff.put(path, &course).await.problem(502, "lms_refused");
    nobody.get(path).await.problem(404, "unknown_course");
    staff.get("/api/v1/products/NO").await.problem(404, "unknown_product");
    app.cloud.faults.add(local::faults::Fault {
        status: Some(503),
        times: 100,
        ..local::faults::Fault::of(local::faults::Target::Lms)
    });
    app.staff().put("/api/v1/courses/course-v1:Test+OK+1", &course).await.problem(503, "lms_unavailable");
    app.cloud.faults.clear(None);
    nobody.get("/api/v1/courses/course-v1:Test+OK+1").await.problem(404, "unknown_course");
    staff.get("/api/v1/products/NO").await.problem(404, "unknown_product");
    app.finish().await;
}

#[tokio::test]
async fn a_catalog_is_a_named_group_of_products() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    for sku in ["A", "B", "C"] {
        staff.post("/api/v1/products", &right(sku, "Thing")).await.expect(StatusCode::CREATED);
    }
    let group = |skus: &[&str]| json!({"id": "sci", "title": "Science", "skus": skus});
    staff.post("/api/v1/catalogs", &group(&["C", "A", "GONE"])).await.expect(StatusCode::CREATED);
    let read = staff.get("/api/v1/catalogs/sci").await.expect(StatusCode::OK);
    assert_eq!(
        read.json,
        json!({"id": "sci", "title": "Science", "skus": ["A", "C", "GONE"], "query": null, "offers": [], "version": 1})
    );
    assert_eq!(all_pages(&nobody, "/api/v1/products?catalog=sci").await, ["A", "C"]);
    assert_eq!(all_pages(&nobody, "/api/v1/products?catalog=sci&kind=seat").await, Vec::<String>::new());
    staff.with("if-match", "\"1\"").put("/api/v1/catalogs/sci", &group(&["B"])).await.expect(StatusCode::OK);
    assert_eq!(all_pages(&nobody, "/api/v1/products?catalog=sci").await, ["B"]);
    staff.with("if-match", "\"1\"").delete("/api/v1/catalogs/sci").await.problem(412, "version_mismatch");
    staff.with("if-match", "\"2\"").delete("/api/v1/catalogs/sci").await.expect(StatusCode::NO_CONTENT);
    staff.get("/api/v1/catalogs/sci").await.problem(404, "unknown_catalog");
    nobody.get("/api/v1/products?catalog=sci").await.problem(404, "unknown_catalog");
    nobody.get("/api/v1/products/B").await.expect(StatusCode::OK);
    for id in ["a", "b", "c"] {
        staff.put(&format!("/api/v1/catalogs/{id}"), &json!({"id": id, "title": id})).await.expect(StatusCode::CREATED);
    }
    let page = staff.get("/api/v1/catalogs?limit=2").await.expect(StatusCode::OK);
    assert_eq!((&page["items"][0]["id"], &page["items"][1]["id"]), (&json!("a"), &json!("b")));
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = staff.get(&format!("/api/v1/catalogs?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!((&page["items"][0]["id"], page["items"].as_array().unwrap().len()), (&json!("c"), 1));
    app.finish().await;
}

#[tokio::test]
async fn a_search_finds_the_beginnings_of_words_without_their_accents() {
    let app = TestApp::start().await;
    let (staff, nobody) = (app.staff(), app.anonymous());
    for (sku, title) in [
        ("INTRO", "Introducción a la Biología"),
        ("ADV", "Advanced Biology: Cells & Genes"),
        ("RUST", "Rust for Biologists"),
        ("BIO2", "Bio Biology Biochemistry"),
        ("CYR", "Введение в биологию"),
    ] {
        staff.post("/api/v1/products", &right(sku, title)).await.expect(StatusCode::CREATED);
    }
    for (query, found) in [
        ("introduccion", &["INTRO"][..]),
        ("INTRODUCCIÓN", &["INTRO"]),
        ("bio", &["ADV", "BIO2", "INTRO", "RUST"]),
        ("biology", &["ADV", "BIO2"]),
        ("biol", &["ADV", "BIO2", "INTRO", "RUST"]),
        ("bio rust", &["RUST"]),
        ("cells adv", &["ADV"]),
        ("ology", &[]),
        ("биол", &["CYR"]),
        ("biology rust", &[]),
        ("&", &[]),
        ("a", &[]),
    ] {
        let mut skus = search(&nobody, query).await;
        skus.sort();
        assert_eq!(skus, found, "{query}");
    }
    let paged: Vec<_> = all_pages(&nobody, "/api/v1/products?q=bio&limit=1").await;
    assert_eq!(paged.len(), 4, "a product with several such words is listed once: {paged:?}");
    assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), 4);
    // A new title is found, and the old one no more.
    staff.patch("/api/v1/products/ADV", &json!({"title": "Chemistry"})).await.expect(StatusCode::OK);
    assert_eq!(search(&nobody, "genes").await, Vec::<String>::new());
    assert_eq!(search(&nobody, "chem").await, ["ADV"]);
    assert_eq!(all_pages(&nobody, "/api/v1/products?q=bio&kind=seat").await, Vec::<String>::new());
    app.finish().await;
}

/// The SKUs of every page, by the cursor, until there is none.
async fn all_pages(client: &Client, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..1000 {
        let page = client.get(&next).await.expect(StatusCode::OK);
        found.extend(skus(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { return found };
        let joint = if path.contains('?') { '&' } else { '?' };
        next = format!("{path}{joint}cursor={cursor}");
    }
    panic!("{path} never ends")
}

#[tokio::test]
async fn pages_have_no_gap_and_name_nothing_twice() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let mut public = Vec::new();
    for number in 0..250 {
        let sku = format!("P{number:03}");
        let mut product = right(&sku, &format!("Paged number{number:03}"));
        product["published"] = json!(number % 10 != 0);
        staff.post("/api/v1/products", &product).await.expect(StatusCode::CREATED);
        if number % 10 != 0 {
            public.push(sku);
        }
    }
    let nobody = app.anonymous();
    let first = nobody.get("/api/v1/products?limit=100").await.expect(StatusCode::OK);
    assert_eq!(skus(&first).len(), 100);
    for path in [
        "/api/v1/products?limit=100",
        "/api/v1/products?limit=7",
        "/api/v1/products",
        "/api/v1/products?kind=entitlement&limit=100",
    ] {
        assert_eq!(all_pages(&nobody, path).await, public, "{path}");
    }
    assert_eq!(all_pages(&nobody, "/api/v1/products?q=paged&limit=100").await, public);
    let mut all = all_pages(&staff, "/api/v1/products?limit=100").await;
    all.sort();
    assert_eq!(all, (0..250).map(|number| format!("P{number:03}")).collect::<Vec<_>>());
    app.finish().await;
}

#[tokio::test]
async fn a_product_that_goes_off_sale_stops_the_checkout_and_is_named() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    app.sell("GO", "10.00", "USD", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.add("GO").await.expect(StatusCode::CREATED);
    app.staff().delete("/api/v1/products/PY").await.expect(StatusCode::NO_CONTENT);
    ada.checkout("a").await.problem(409, "basket_changed");
    let basket = ada.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!(
        (&basket["messages"][0]["code"], &basket["messages"][0]["sku"]),
        (&json!("not_available"), &json!("PY"))
    );
    assert_eq!((&basket["total"]["amount"], &basket["lines"][0]["total"]), (&json!("10.00"), &Value::Null));
    assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    // It stays so until the shopper takes it out.
    ada.checkout("b").await.problem(409, "basket_changed");
    ada.delete("/api/v1/basket/lines/PY").await.expect(StatusCode::OK);
    let checkout = ada.checkout("c").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"]["amount"], "10.00");
    app.finish().await;
}

#[tokio::test]
async fn a_new_price_is_shown_before_it_is_charged() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let stock = json!({"price": {"amount": "59.90", "currency": "USD"}});
    app.staff().put("/api/v1/products/PY/stock", &stock).await.expect(StatusCode::OK);
    ada.checkout("a").await.problem(409, "basket_changed");
    assert_eq!(ada.get("/api/v1/basket").await["total"]["amount"], "59.90");
    let checkout = ada.checkout("b").await.expect(StatusCode::CREATED);
    assert_eq!(checkout["total"]["amount"], "59.90");
    app.finish().await;
}
