//! Names of things: unknown, malformed and other people's ids, cursors, versions and idempotency keys.

use http::StatusCode;
use serde_json::{Value, json};

use super::samples::Sample;
use super::{Ask, Who, World};
use crate::openapi::Operation;

fn is(operation: &Operation, ids: &[&str]) -> bool {
    ids.contains(&operation.id.as_str())
}

fn parameters<'a>(operation: &'a Operation, place: &str) -> Vec<&'a str> {
    let all = operation.said["parameters"].as_array().into_iter().flatten();
    all.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap()).collect()
}

/// The path with `name` in place of its parameter.
fn named(operation: &Operation, parameter: &str, name: &str) -> String {
    operation.path.replace(&format!("{{{parameter}}}"), name)
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_under_its_own_code() {
    let world = World::new().await;
    let before = world.table().await;
    let mut tried = 0;
    for (operation, sample) in world.cases() {
        // These make what they do not find.
        let [parameter] = parameters(&operation, "path")[..] else { continue };
        if is(&operation, &["replace_product", "replace_catalog", "save_course", "replace_offer", "replace_voucher"]) {
            continue;
        }
        let kind = operation.path.split('/').nth(3).unwrap();
        let (name, code) = match (kind, parameter) {
            ("basket" | "products", "sku") => ("NOTHING", "unknown_product"),
            ("courses", "course_key") => ("course-v1:Test+NOTHING+1", "unknown_course"),
            ("offers", "id") => ("nothing", "unknown_offer"),
            ("basket" | "vouchers", "code") => ("NOTHING", "unknown_voucher"),
            ("catalogs", "id") => ("nothing", "unknown_catalog"),
            ("orders", "number") => ("ord_01m810rwd80000000000000007", "unknown_order"),
            ("vouchers", "id") => ("bat_01m810rwd80000000000000007", "unknown_batch"),
            ("coupons", "id") => ("nothing", "unknown_coupon"),
            ("refunds", "id") => ("ref_01m810rwd80000000000000007", "unknown_refund"),
            ("sessions", "id") => ("uses_00000000000000000000000000000007", "unknown_session"),
            ("client-keys", "id") => ("cli_01m810rwd80000000000000007", "unknown_client"),
            ("machine-clients", "id") => ("mcl_01m810rwd80000000000000007", "unknown_client"),
            ("users", "username") => ("nothing", "unknown_user"),
            other => panic!("{other:?} is new"),
        };
        world.refused(&world.ask(&operation, &sample).path(named(&operation, parameter, name)), 404, code).await;
        tried += 1;
    }
    assert_eq!(tried, 40);
    World::unchanged(&before, &world.table().await, "a request for nothing");
    world.finish().await;
}

/// Bad names of everything else.
const NAMES_OF_USERS: [&str; 7] = ["a%20b", "%2e%2e%2f", "..%2f..%2fetc", "%F0%9F%8E%93", "%25", "%", "'%22%3b--"];

#[tokio::test]
async fn a_name_that_nothing_can_have_is_not_found() {
    let world = World::new().await;
    let before = world.table().await;
    let long = "a".repeat(5000);
    let names = [
        "%00",
        "a%20b",
        "%ff",
        "%2e%2e%2f",
        "..%2f..%2fetc",
        "%F0%9F%8E%93",
        "__proto__%00",
        "a%0d%0ab",
        "%25",
        "%",
        "'%22%3b--",
        &long,
    ];
    for (operation, sample) in world.cases() {
        for parameter in parameters(&operation, "path") {
            for name in names {
                let path = operation.path.replace(&format!("{{{parameter}}}"), name);
                let path = path.replace("{tenant}", "default").replace("{processor}", "stripe");
                // Nearly anything can be the name of a user, who then is not known.
                let user = parameter == "username" && NAMES_OF_USERS.contains(&name);
                let code = if user { "unknown_user" } else { "not_found" };
                world.refused(&world.ask(&operation, &sample).path(path), 404, code).await;
            }
        }
    }
    for path in ["/api/v1/products/PY/", "/api/v1/nothing", "/api/v2/products", "//", "/api/v1/openapi.json/x"] {
        let ask = Ask { method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() };
        world.refused(&ask, 404, "not_found").await;
    }
    World::unchanged(&before, &world.table().await, "a name that nothing can have");
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_for_another_tenant_or_processor_is_not_found() {
    let world = World::new().await;
    let cases = world.cases();
    let (operation, sample) = cases.iter().find(|(one, _)| is(one, &["receive_event"])).unwrap();
    for path in
        ["/webhooks/other/stripe", "/webhooks/default/paypal", "/webhooks/default/none", "/webhooks/DEFAULT/stripe"]
    {
        world.refused(&world.ask(operation, sample).path(path), 404, "not_found").await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_take_is_refused() {
    let world = World::new().await;
    let cases = world.cases();
    for (operation, sample) in &cases {
        let taken: Vec<&str> = cases
            .iter()
            .filter(|(other, _)| other.path == operation.path)
            .map(|(other, _)| other.method.as_str())
            .collect();
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if !taken.contains(&method) {
                let ask = Ask { method: method.to_owned(), ..world.ask(operation, sample) };
                let answer = world.refused(&ask, 405, "method_not_allowed").await;
                let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
                assert!(taken.iter().all(|method| allowed.contains(method)), "{allowed}: {taken:?}");
            }
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn another_users_order_does_not_exist() {
    let world = World::new().await;
    let before = world.table().await;
    let eve = world.authorization(Who::Eve).unwrap();
    for (operation, sample) in world.cases() {
        if is(&operation, &["read_order", "read_timeline", "read_receipt", "cancel_order", "create_refund"]) {
            for number in [&world.paid, &world.pending] {
                let ask = world.ask(&operation, &sample).path(named(&operation, "number", number));
                let ask = ask.without("authorization").with("authorization", &eve);
                world.refused(&ask, 404, "unknown_order").await;
            }
        }
    }
    World::unchanged(&before, &world.table().await, "a stranger");
    let listed = world.app.user("eve").get("/api/v1/orders").await.expect(StatusCode::OK);
    assert_eq!(listed.json, json!({"items": [], "next_cursor": null}));
    world.app.user("eve").get("/api/v1/orders?user=ada").await.problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn another_users_session_does_not_exist() {
    let world = World::new().await;
    let before = world.table().await;
    let path = format!("/api/v1/sessions/{}", world.session);
    for other in [world.app.user("eve"), world.app.staff()] {
        other.delete(&path).await.problem(404, "unknown_session");
        let listed = other.get("/api/v1/sessions").await.expect(StatusCode::OK);
        assert_eq!(listed.json, json!({"items": [], "next_cursor": null}));
        other.delete("/api/v1/sessions").await.expect(StatusCode::NO_CONTENT);
    }
    World::unchanged(&before, &world.table().await, "a stranger");
    world.app.user("ada").delete(&path).await.expect(StatusCode::NO_CONTENT);
    world.app.user("ada").delete(&path).await.problem(404, "unknown_session");
    world.finish().await;
}

#[tokio::test]
async fn a_limit_is_1_to_100_and_no_other_parameter_is_taken() {
    let world = World::new().await;
    let mut tried = 0;
    // A file has pages of its own size.
    let is_file = |one: &Operation| is(one, &["list_batch_codes", "list_coupon_codes"]);
    let paged = |one: &Operation| parameters(one, "query").contains(&"limit") && !is_file(one);
    for (operation, sample) in world.cases().iter().filter(|(one, _)| paged(one)) {
        let ask = world.ask(operation, sample);
        let path = sample.path.split('?').next().unwrap();
        for limit in ["0", "101", "-1", "abc", "1.5", "99999999999999999999", "", "+5", "0x10", "%00", "5%20"] {
            refuse_query(&world, &ask, &format!("{path}?limit={limit}"), "/limit").await;
        }
        refuse_query(&world, &ask, &format!("{path}?limit=1&limit=2"), "/limit").await;
        for name in ["page", "__proto__", "Limit", "offset"] {
            refuse_query(&world, &ask, &format!("{path}?{name}=1"), &format!("/{name}")).await;
        }
        tried += 1;
    }
    assert_eq!(tried, 12);
    world.finish().await;
}

async fn refuse_query(world: &World, ask: &Ask, path: &str, pointer: &str) {
    let answer = world.refused(&ask.clone().path(path), 422, "invalid_fields").await;
    assert_eq!(answer["errors"][0]["pointer"], pointer, "{path}: {}", answer.text);
}

#[tokio::test]
async fn a_cursor_is_good_for_the_listing_and_the_user_that_it_was_issued_to() {
    let world = World::new().await;
    let first = |answer: tests::Answer| answer["next_cursor"].as_str().map(str::to_owned).expect("a next page");
    let nobody = world.app.anonymous();
    let staff = world.app.staff();
    staff.post("/api/v1/catalogs", &json!({"id": "zoo", "title": "Zoo"})).await.expect(StatusCode::CREATED);
    let cursors = [
        ("/api/v1/products?limit=1", first(nobody.get("/api/v1/products?limit=1").await)),
        ("/api/v1/products?kind=seat&limit=1", first(nobody.get("/api/v1/products?kind=seat&limit=1").await)),
        ("/api/v1/courses?limit=1", first(nobody.get("/api/v1/courses?limit=1").await)),
        ("/api/v1/catalogs?limit=1", first(staff.get("/api/v1/catalogs?limit=1").await)),
        ("/api/v1/client-keys?limit=1", first(staff.get("/api/v1/client-keys?limit=1").await)),
        ("/api/v1/machine-clients?limit=1", first(staff.get("/api/v1/machine-clients?limit=1").await)),
        ("/api/v1/refunds?limit=1", first(staff.get("/api/v1/refunds?limit=1").await)),
        ("/api/v1/orders?limit=1", first(world.app.user("ada").get("/api/v1/orders?limit=1").await)),
    ];
    let eve = world.app.user("eve");
    for (path, cursor) in &cursors {
        let own = if ["catalogs", "clients", "keys", "refunds"].iter().any(|kind| path.contains(kind)) {
            &staff
        } else if path.contains("orders") {
            &eve
        } else {
            &nobody
        };
        for (other, foreign) in &cursors {
            // Eve's list of orders has the same address as Ada's, and is another.
            if other != path || path.contains("orders") {
                own.get(&format!("{path}&cursor={foreign}")).await.problem(400, "bad_cursor");
            }
        }
        let (cut, swapped) = (&cursor[..cursor.len() - 1], cursor.replacen(|c: char| c.is_ascii_digit(), "x", 1));
        let long = "A".repeat(3000);
        for junk in
            ["", "null", "e30", "%00", "..%2f", cut, &format!("{cursor}A"), &format!("{cursor}="), &swapped, &long]
        {
            own.get(&format!("{path}&cursor={junk}")).await.problem(400, "bad_cursor");
        }
    }
    // Staff see unpublished products too: theirs is another listing.
    staff.get(&format!("{}&cursor={}", cursors[0].0, cursors[0].1)).await.problem(400, "bad_cursor");
    nobody.get(&format!("{}&cursor={}", cursors[0].0, cursors[0].1)).await.expect(StatusCode::OK);
    world.finish().await;
}

#[tokio::test]
async fn a_change_of_a_version_that_is_gone_is_refused() {
    let world = World::new().await;
    let before = world.table().await;
    let mut tried = 0;
    for (operation, sample) in world.cases().iter().filter(|(one, _)| parameters(one, "header").contains(&"If-Match")) {
        let ask = world.ask(operation, sample);
        for stale in ["\"999\"", "\"0\"", "W/\"1\"", "\"01\"", "\"x\"", "\"18446744073709551616\"", "\"7\", \"8\""] {
            world.refused(&ask.clone().with("if-match", stale), 412, "version_mismatch").await;
        }
        for malformed in ["1", "", "\"1", "\"1\",", "\"a b\"", "W/1"] {
            world.refused(&ask.clone().with("if-match", malformed), 400, "bad_request").await;
        }
        tried += 1;
    }
    assert_eq!(tried, 27);
    World::unchanged(&before, &world.table().await, "a stale change");
    world.finish().await;
}

#[tokio::test]
async fn the_version_of_another_object_is_no_version() {
    let world = World::new().await;
    let before = world.table().await;
    let new = json!({"sku": "NEW", "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": "New"});
    let staff = world.app.staff().with("if-match", "\"1\"");
    staff.put("/api/v1/products/NEW", &new).await.problem(412, "version_mismatch");
    staff.put("/api/v1/catalogs/new", &json!({"id": "new", "title": "New"})).await.problem(412, "version_mismatch");
    let course = json!({"title": "New", "org": "Test", "seats": []});
    staff.put("/api/v1/courses/course-v1:Test+NEW+1", &course).await.problem(412, "version_mismatch");
    let staff = world.app.staff();
    let taken = json!({"sku": "PY", "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": "New"});
    staff.post("/api/v1/products", &taken).await.problem(409, "sku_taken");
    staff.post("/api/v1/catalogs", &json!({"id": "sci", "title": "New"})).await.problem(409, "conflict");
    World::unchanged(&before, &world.table().await, "a creation of what is there");
    world.finish().await;
}

async fn checkout(world: &World) -> (Ask, Value) {
    let cases = world.cases();
    let (operation, sample): &(Operation, Sample) = cases.iter().find(|(one, _)| is(one, &["start_checkout"])).unwrap();
    (world.ask(operation, sample).without("idempotency-key"), sample.body.clone().unwrap())
}

#[tokio::test]
async fn a_checkout_needs_one_readable_idempotency_key() {
    let world = World::new().await;
    let before = world.table().await;
    let (ask, _) = checkout(&world).await;
    world.refused(&ask, 400, "missing_idempotency_key").await;
    for key in ["", "schlüssel", "a\tb", &"a".repeat(256)] {
        world.refused(&ask.clone().with("idempotency-key", key), 400, "bad_request").await;
    }
    let two = ask.clone().with("idempotency-key", "a").with("idempotency-key", "a");
    world.refused(&two, 400, "bad_request").await;
    World::unchanged(&before, &world.table().await, "a checkout without a key");
    world.finish().await;
}

#[tokio::test]
async fn a_key_stands_for_one_request_and_one_user() {
    let world = World::new().await;
    let (ask, body) = checkout(&world).await;
    let ask = ask.with("idempotency-key", "k#1 / é".replace('é', "e").as_str());
    let first = world.send(&ask).await.expect(StatusCode::CREATED);
    let before = world.table().await;
    for (place, value) in [
        ("/return_url", json!("https://shop.example/elsewhere")),
        ("/flow", json!("client_secret")),
        ("/basket_version", json!(1)),
    ] {
        let other = ask.clone().json(&super::with(&body, place, value));
        world.refused(&other, 422, "idempotency_key_reused").await;
    }
    let again = world.send(&ask).await.expect(StatusCode::CREATED);
    assert_eq!((&again.json, &again.headers["idempotent-replayed"]), (&first.json, &"true".parse().unwrap()));
    World::unchanged(&before, &world.table().await, "a key that was used");
    // Another user's key of the same text is another key: she has nothing to buy, and is not shown his order.
    let ada = ask.without("authorization").with("authorization", &world.authorization(Who::Staff).unwrap());
    world.refused(&ada, 409, "empty_basket").await;
    world.finish().await;
}

#[tokio::test]
async fn a_basket_version_that_is_gone_is_a_changed_basket() {
    let world = World::new().await;
    let before = world.table().await;
    let (ask, body) = checkout(&world).await;
    for (version, key) in [(0_u64, "a"), (2, "b"), (u64::MAX, "c")] {
        let ask = ask.clone().json(&super::with(&body, "/basket_version", json!(version))).with("idempotency-key", key);
        world.refused(&ask, 409, "basket_changed").await;
    }
    let stale = ask.clone().with("idempotency-key", "d").with("if-match", "\"9\"");
    world.refused(&stale, 412, "version_mismatch").await;
    World::unchanged(&before, &world.table().await, "a checkout of another basket");
    world.finish().await;
}
