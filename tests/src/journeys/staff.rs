//! Staff at work: changes of what was seen, drafts, and long listings.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use crate::client::Client;
use crate::shop::Shop;

fn right(sku: &str, title: &str) -> Value {
    json!({"sku": sku, "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": title, "published": true})
}

/// Of two who saw the same version, the second is told and changes nothing.
pub async fn staff_change_the_version_that_they_saw(shop: Shop) {
    let (staff, nobody) = (shop.staff(), shop.anonymous());
    let sku = shop.name("PY");
    let made = staff.post("/api/v1/products", &right(&sku, "Python")).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/products/{sku}");
    assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
    let seen = staff.with("If-Match", made.header("etag"));
    let first = seen.patch(&path, &json!({"title": "Python, second edition"})).await.expect(StatusCode::OK);
    assert_eq!((first.header("etag"), &first["version"]), ("\"2\"", &json!(2)));
    seen.patch(&path, &json!({"title": "Python, mine"})).await.problem(412, "version_mismatch");
    seen.delete(&path).await.problem(412, "version_mismatch");
    let read = nobody.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&read["title"], read.header("etag")), (&json!("Python, second edition"), "\"2\""));
    staff.with("If-Match", "\"2\"").delete(&path).await.expect(StatusCode::NO_CONTENT);
    nobody.get(&path).await.problem(404, "unknown_product");
    assert_eq!(staff.get(&path).await.expect(StatusCode::OK)["published"], false);
}

/// Learners and visitors read what is published, and change nothing.
pub async fn only_staff_change_the_catalog(shop: Shop) {
    let sku = shop.name("DRAFT");
    let draft = json!({"sku": sku, "kind": "entitlement", "mode": "verified", "attributes": {"course_uuid": "6f1a2b3c"}, "title": "A draft", "published": false});
    let ada = shop.user("ada");
    ada.post("/api/v1/products", &draft).await.problem(403, "forbidden");
    shop.anonymous().post("/api/v1/products", &draft).await.problem(401, "unauthorized");
    let course = json!({"title": "Mine", "org": "Test", "seats": []});
    ada.put(&format!("/api/v1/courses/{}", Shop::course(&sku)), &course).await.problem(403, "forbidden");
    shop.staff().post("/api/v1/products", &draft).await.expect(StatusCode::CREATED);
    shop.staff().post("/api/v1/products", &draft).await.problem(409, "sku_taken");
    let path = format!("/api/v1/products/{sku}");
    ada.get(&path).await.problem(404, "unknown_product");
    ada.patch(&path, &json!({"published": true})).await.problem(403, "forbidden");
    ada.add(&sku).await.problem(404, "unknown_product");
    shop.staff().get(&path).await.expect(StatusCode::OK);
}

/// The SKUs of all pages of a listing, and how many pages there are.
async fn all_pages(client: &Client, path: &str) -> (Vec<String>, usize) {
    let (mut found, mut next) = (Vec::new(), path.to_owned());
    for pages in 1..1000 {
        let page = client.get(&next).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| item["sku"].as_str().expect("a SKU").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { return (found, pages) };
        next = format!("{path}&cursor={cursor}");
    }
    panic!("{path} never ends")
}

/// A listing of a catalog, in pages of every size, and the largest page at once.
pub async fn pages_have_no_gap_and_name_nothing_twice(shop: Shop) {
    let (staff, nobody) = (shop.staff(), shop.anonymous());
    let mut skus = BTreeSet::new();
    for number in 0..40 {
        let sku = shop.name(&format!("P{number:02}"));
        let title = format!("Number {number}: {}", "a long title ".repeat(18));
        staff.post("/api/v1/products", &right(&sku, &title)).await.expect(StatusCode::CREATED);
        skus.insert(sku);
    }
    let id = shop.name("all");
    let catalog = json!({"id": id, "title": "All of them", "skus": skus});
    staff.post("/api/v1/catalogs", &catalog).await.expect(StatusCode::CREATED);
    for limit in [7, 20, 39, 40, 100] {
        let path = format!("/api/v1/products?catalog={id}&limit={limit}");
        let (found, pages) = all_pages(&nobody, &path).await;
        assert_eq!((found.len(), BTreeSet::from_iter(found)), (40, skus.clone()), "limit={limit}");
        assert!(pages >= 40_usize.div_ceil(limit), "limit={limit}: {pages}");
    }
    nobody.get(&format!("/api/v1/products?catalog={id}&limit=101")).await.problem(422, "invalid_fields");
    nobody.get(&format!("/api/v1/products?catalog={id}&cursor=made-up")).await.problem(400, "bad_cursor");
}
