//! Batches of codes: made, listed and changed whole, whatever happens on the way (I5).

mod trouble;

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::offers::{offer, percent, usd};

/// Past the time for which a batch is left to who works it.
pub(super) const LEASE_OVER_S: i64 = 4;
/// How many codes are made before the request is answered.
pub(super) const AT_ONCE: u64 = 540;

/// A shop that sells PY, with an offer of 20 percent off everything that a code opens.
pub(super) async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    offer(&app, "fifth", percent("20"), json!({})).await;
    app
}

pub(super) async fn ask(client: &Client, key: &str, count: u64, more: Value) -> Answer {
    let mut body = json!({"count": count, "usage": "single_use", "offer": "fifth"});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    client.with("Idempotency-Key", key).post("/api/v1/vouchers/batches", &body).await
}

/// Asks for a batch: its address.
pub(super) async fn batch(app: &TestApp, count: u64, more: Value) -> String {
    let made = ask(&app.staff(), &format!("key-{count}-{more}"), count, more).await.expect(StatusCode::ACCEPTED);
    made.header("location").to_owned()
}

pub(super) async fn read(app: &TestApp, url: &str) -> Answer {
    app.staff().get(url).await.expect(StatusCode::OK)
}

/// What is to be known of a batch's progress.
pub(super) async fn progress(app: &TestApp, url: &str) -> (Value, u64, u64) {
    let batch = read(app, url).await;
    (batch["state"].clone(), batch["made"].as_u64().unwrap(), batch["refused"].as_u64().unwrap())
}

/// The lines of a batch's file, page after page, and how many pages there were.
pub(super) async fn lines(app: &TestApp, url: &str, limit: u32) -> (Vec<Vec<String>>, u32) {
    let (mut file, mut pages) = (String::new(), 0);
    let mut next = Some(format!("{url}/codes?limit={limit}"));
    while let Some(path) = next {
        let page = read(app, &path).await;
        let header = if pages == 0 { "present" } else { "absent" };
        assert_eq!(page.header("content-type"), format!("text/csv; charset=utf-8; header={header}"));
        file.push_str(&page.text);
        pages += 1;
        let link = page.header("link").strip_suffix(">; rel=\"next\"");
        next = link.and_then(|link| link.strip_prefix('<')).map(str::to_owned);
    }
    let mut lines = file.split("\r\n");
    assert_eq!(lines.next(), Some("code,offer,usage,max_uses,starts_at,ends_at,uses"));
    let mut lines: Vec<Vec<String>> = lines.map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(lines.pop(), Some(vec![String::new()]), "the last line ends");
    (lines, pages)
}

pub(super) async fn codes(app: &TestApp, url: &str) -> Vec<String> {
    lines(app, url, 10_000).await.0.into_iter().map(|line| line[0].clone()).collect()
}

#[tokio::test]
async fn a_small_batch_is_done_when_it_is_answered_and_its_codes_are_vouchers_like_others() {
    let app = shop().await;
    let body = json!({"prefix": "summer", "ends_at": "2100-01-01T00:00:00Z", "email_domains": ["example.com"]});
    let made = ask(&app.staff(), "one", 1, body).await.expect(StatusCode::ACCEPTED);
    let url = made.header("location").to_owned();
    let seen = ["state", "count", "made", "prefix", "usage", "offer", "created_by", "failure", "revision", "version"];
    let seen: Vec<_> = seen.iter().map(|name| made[name].clone()).collect();
    let expected = json!(["done", 1, 1, "SUMMER", "single_use", "fifth", "staff", null, null, 1]);
    assert_eq!((json!(seen), &made["codes_url"]), (expected, &json!(format!("{url}/codes"))));
    assert_eq!(read(&app, &url).await.json, made.json);
    assert_eq!(read(&app, "/api/v1/vouchers/batches").await["items"], json!([made.json]));
    assert!(!made.text.contains("seed"), "who has the seed has the codes");

    let (lines, _) = lines(&app, &url, 10).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let code = line[0].clone();
    assert!(code.starts_with("SUMMER-") && code.len() == 23, "{code}");
    assert_eq!(line[1..], ["fifth", "single_use", "", "", "2100-01-01T00:00:00Z", "0"]);
    let voucher = read(&app, &format!("/api/v1/vouchers/{}", code.to_lowercase())).await;
    assert_eq!((&voucher["batch"], &voucher["email_domains"]), (&made["id"], &json!(["example.com"])));
    let found = read(&app, "/api/v1/vouchers?prefix=summer-").await;
    assert_eq!(found["items"][0]["code"], json!(code));

    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.post("/api/v1/basket/vouchers", &json!({"code": code})).await.expect(StatusCode::CREATED);
    assert_eq!(ada.checkout("one").await.expect(StatusCode::CREATED)["total"], usd("39.92"));
    assert_eq!(super::batches::lines(&app, &url, 1).await.0[0][6], "1");
    // A code that nobody made by hand is not taken away by hand: the batch would not be what it says.
    let other = batch(&app, 1, json!({})).await;
    let unused = codes(&app, &other).await.remove(0);
    app.staff().delete(&format!("/api/v1/vouchers/{unused}")).await.problem(409, "in_use");
    app.finish().await;
}

#[tokio::test]
async fn the_pages_of_the_file_are_exactly_the_codes_of_the_batch() {
    let app = shop().await;
    // A namesake of the same prefix, and codes that only begin so, are none of it.
    let other = batch(&app, 100, json!({"prefix": "A"})).await;
    let url = batch(&app, 250, json!({"prefix": "A"})).await;
    let by_hand = json!({"code": "A-1", "usage": "single_use", "offer": "fifth"});
    app.staff().post("/api/v1/vouchers", &by_hand).await.expect(StatusCode::CREATED);
    for (limit, expected) in [(10_000, 1), (250, 1), (249, 2), (100, 3), (7, 36)] {
        let (lines, pages) = lines(&app, &url, limit).await;
        let distinct: BTreeSet<_> = lines.iter().map(|line| &line[0]).collect();
        assert_eq!((lines.len(), distinct.len(), pages), (250, 250, expected), "{limit}");
    }
    let (mine, others) = (codes(&app, &url).await, codes(&app, &other).await);
    assert!(others.len() == 100 && others.iter().all(|code| !mine.contains(code)));
    for code in [&mine[0], &mine[89], &mine[90], &mine[249]] {
        read(&app, &format!("/api/v1/vouchers/{code}")).await;
    }
    // A cursor is of one batch, and a limit has its bounds.
    let link = read(&app, &format!("{url}/codes?limit=1")).await.header("link").to_owned();
    let cursor = link.split("cursor=").nth(1).unwrap().split('>').next().unwrap();
    app.staff().get(&format!("{other}/codes?cursor={cursor}")).await.problem(400, "bad_cursor");
    for limit in ["0", "10001", "-1", "x"] {
        app.staff().get(&format!("{url}/codes?limit={limit}")).await.problem(422, "invalid_fields");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_large_batch_goes_on_after_the_answer_and_shows_how_far_it_is() {
    let app = shop().await;
    let url = batch(&app, 1_000, json!({})).await;
    assert_eq!(progress(&app, &url).await, (json!("running"), AT_ONCE, 0));
    assert_eq!(codes(&app, &url).await.len(), 540);
    app.check().await;
    // Who asked for it may still be at it.
    app.settle().await;
    assert_eq!(progress(&app, &url).await, (json!("running"), AT_ONCE, 0));
    app.advance(LEASE_OVER_S).await;
    assert_eq!(progress(&app, &url).await, (json!("done"), 1_000, 0));
    let all: BTreeSet<_> = codes(&app, &url).await.into_iter().collect();
    assert_eq!(all.len(), 1_000);
    app.finish().await;
}

#[tokio::test]
async fn the_same_key_makes_one_batch_and_another_body_is_refused() {
    let app = shop().await;
    let staff = app.staff();
    let (first, second) = tokio::join!(ask(&staff, "key", 3, json!({})), ask(&staff, "key", 3, json!({})));
    let (first, second) = (first.expect(StatusCode::ACCEPTED), second.expect(StatusCode::ACCEPTED));
    let again = ask(&staff, "key", 3, json!({})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&first["id"], &second["id"]), (&again["id"], &again["id"]));
    assert_eq!((again.header("idempotent-replayed"), &again["state"]), ("true", &json!("done")));
    ask(&staff, "key", 4, json!({})).await.problem(422, "idempotency_key_reused");
    let body = json!({"count": 1, "usage": "single_use", "offer": "fifth"});
    staff.post("/api/v1/vouchers/batches", &body).await.problem(400, "missing_idempotency_key");
    // Another clerk's key is another key.
    let other = ask(&app.user("bob").with("Authorization", &clerk(&app)), "key", 3, json!({})).await;
    assert_ne!(other.expect(StatusCode::ACCEPTED)["id"], first["id"]);
    assert_eq!(read(&app, "/api/v1/vouchers/batches").await["items"].as_array().map(Vec::len), Some(2));
    app.finish().await;
}

/// The token of a member of staff who is not the usual one.
fn clerk(app: &TestApp) -> String {
    let clerk = local::dev_keys::Learner { username: "clerk".to_owned(), staff: true, ..Default::default() };
    format!("JWT {}", local::dev_keys::token(&clerk, app.cloud.clock.issuer_now()).expect("a token"))
}

#[tokio::test]
async fn a_batch_keeps_to_the_rules_of_codes_that_are_made_by_hand() {
    let app = shop().await;
    offer(&app, "everybody", percent("1"), json!({"automatic": true})).await;
    let domains: Vec<String> = (0..51).map(|n| format!("d{n}.example")).collect();
    for (count, more, pointer) in [
        (0, json!({}), "/count"),
        (100_001, json!({}), "/count"),
        (1, json!({"offer": "nothing"}), "/offer"),
        (1, json!({"offer": "everybody"}), "/offer"),
        (1, json!({"max_uses": 2}), "/max_uses"),
        (1, json!({"usage": "multi_use", "max_uses": 0}), "/max_uses"),
        (1, json!({"usage": "often"}), "/usage"),
        (1, json!({"prefix": "-A"}), "/prefix"),
        (1, json!({"prefix": "A".repeat(33)}), "/prefix"),
        (1, json!({"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"}), "/ends_at"),
        (1, json!({"email_domains": domains}), "/email_domains"),
        (1, json!({"seed": "ab"}), "/seed"),
    ] {
        let refused = ask(&app.staff(), "key", count, more.clone()).await;
        refused.problem(422, "invalid_fields");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{more}: {}", refused.text);
    }
    assert_eq!(read(&app, "/api/v1/vouchers/batches").await["items"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn a_change_goes_through_all_codes_and_leaves_what_it_does_not_name() {
    let app = shop().await;
    let terms = json!({"usage": "multi_use", "max_uses": 5, "ends_at": "2100-01-01T00:00:00Z"});
    let url = batch(&app, 200, terms).await;
    let all = codes(&app, &url).await;
    // One is edited by hand, one is used twice.
    let path = format!("/api/v1/vouchers/{}", all[7]);
    let body = json!({"code": all[7], "usage": "multi_use", "offer": "fifth", "max_uses": 2, "ends_at": "2099-01-01T00:00:00Z"});
    app.staff().put(&path, &body).await.expect(StatusCode::OK);
    for name in ["ada", "bob"] {
        let learner = app.user(name);
        learner.add("PY").await.expect(StatusCode::CREATED);
        learner.post("/api/v1/basket/vouchers", &json!({"code": all[150]})).await.expect(StatusCode::CREATED);
        learner.checkout("one").await.expect(StatusCode::CREATED);
    }
    let staff = app.staff();
    let changed = staff.patch(&url, &json!({"max_uses": 1})).await.expect(StatusCode::ACCEPTED);
    let seen = ["state", "made", "refused", "max_uses", "ends_at", "version"].map(|name| changed[name].clone());
    assert_eq!(json!(seen), json!(["done", 200, 1, 1, "2100-01-01T00:00:00Z", 2]));
    for (place, line) in lines(&app, &url, 1_000).await.0.iter().enumerate() {
        let max_uses = if place == 150 { "5" } else { "1" };
        let ends_at = if place == 7 { "2099-01-01T00:00:00Z" } else { "2100-01-01T00:00:00Z" };
        assert_eq!([&line[3], &line[5]], [max_uses, ends_at], "{place}");
    }
    app.check().await;
    // What is refused for all, and at another version, changes nothing.
    staff.patch(&url, &json!({"max_uses": 0})).await.problem(422, "invalid_fields");
    staff.patch(&url, &json!({"starts_at": "2100-01-01T00:00:00Z"})).await.problem(422, "invalid_fields");
    staff.with("If-Match", "\"1\"").patch(&url, &json!({})).await.problem(412, "version_mismatch");
    let opened = staff.patch(&url, &json!({"max_uses": null})).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&opened["max_uses"], &opened["refused"]), (&Value::Null, &json!(0)));
    app.finish().await;
}

#[tokio::test]
async fn an_expired_batch_opens_nothing_any_more() {
    let app = shop().await;
    let url = batch(&app, 100, json!({})).await;
    let all = codes(&app, &url).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.post("/api/v1/basket/vouchers", &json!({"code": all[0]})).await.expect(StatusCode::CREATED);
    let now = app.cloud.clock.now().to_string();
    app.staff().patch(&url, &json!({"ends_at": now})).await.expect(StatusCode::ACCEPTED);
    // It lay in a basket already.
    ada.checkout("one").await.problem(409, "voucher_used_up");
    ada.post("/api/v1/basket/vouchers", &json!({"code": all[99]})).await.problem(404, "unknown_voucher");
    assert!(lines(&app, &url, 100).await.0.iter().all(|line| line[5] == now));
    app.finish().await;
}
