//! Baskets: whose they are, that parallel changes lose nothing, how long they are kept, and that every place that shows
//! a price shows the same.

use std::collections::BTreeSet;

use http::StatusCode;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

const DAY: i64 = 24 * 3600;

fn skus(basket: &Answer) -> Vec<&str> {
    basket["lines"].as_array().unwrap().iter().map(|line| line["sku"].as_str().unwrap()).collect()
}

async fn sell(app: &TestApp, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("S{number}")).collect();
    for name in &names {
        app.sell(name, "10.00", "USD", None).await;
    }
    names
}

#[tokio::test]
async fn a_session_that_an_application_names_has_a_basket_of_its_own() {
    let app = TestApp::start().await;
    sell(&app, 2).await;
    let (one, two) = (app.session("1"), app.session("2"));
    let empty = one.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&empty["id"], &empty["version"], &empty["lines"]), (&Value::Null, &json!(0), &json!([])));
    one.add("S0").await.expect(StatusCode::CREATED);
    two.add("S1").await.expect(StatusCode::CREATED);
    assert_eq!(skus(&one.get("/api/v1/basket").await), ["S0"]);
    assert_eq!(skus(&two.get("/api/v1/basket").await), ["S1"]);
    let elsewhere = app.anonymous().with("session-id", "SID:ANON:shop:1").get("/api/v1/basket").await;
    assert_eq!(elsewhere["lines"], json!([]));
    let owner = one.get("/api/v1/basket").await["owner"].as_str().unwrap().to_owned();
    assert!(owner.starts_with("anon_"), "{owner}");
    one.checkout("a").await.problem(401, "unauthorized");
    app.finish().await;
}

/// A browser: it keeps the cookies that an answer sets, and reads the token among them.
fn browser(app: &TestApp, first: &Answer) -> (Client, String) {
    let pairs: Vec<&str> = first
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let token = pairs.iter().find_map(|pair| pair.strip_prefix("bursar_csrf=")).unwrap().to_owned();
    (app.anonymous().with("cookie", &pairs.join("; ")), token)
}

#[tokio::test]
async fn a_browsers_first_write_starts_a_session_that_its_cookie_and_token_carry_on() {
    let app = TestApp::start().await;
    sell(&app, 2).await;
    let nobody = app.anonymous();
    let read = nobody.get("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!(read.headers.get("set-cookie"), None, "reading starts no session");
    let first = nobody.add("S0").await.expect(StatusCode::CREATED);
    let session = first
        .headers
        .get_all("set-cookie")
        .iter()
        .find(|cookie| cookie.to_str().unwrap().starts_with("bursar_session="));
    let attributes: BTreeSet<&str> = session.unwrap().to_str().unwrap().split("; ").skip(1).collect();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax"].into());
    let (page, token) = browser(&app, &first);
    assert_eq!(first.headers["x-csrf-token"], token);
    assert_eq!(skus(&page.get("/api/v1/basket").await), ["S0"]);
    page.add("S1").await.problem(403, "csrf_failed");
    page.with("x-csrf-token", &"0".repeat(64)).add("S1").await.problem(403, "csrf_failed");
    let good = page.with("x-csrf-token", &token);
    good.with("origin", "https://evil.example").add("S1").await.problem(403, "csrf_failed");
    let added = good.with("origin", &app.cloud.base_url).add("S1").await.expect(StatusCode::CREATED);
    assert_eq!(added.headers.get("set-cookie"), None, "the session goes on");
    assert_eq!(skus(&page.get("/api/v1/basket").await), ["S0", "S1"]);
    good.patch("/api/v1/basket/lines/S0", &json!({"quantity": 0})).await.expect(StatusCode::OK);
    good.delete("/api/v1/basket/lines/S1").await.expect(StatusCode::OK);
    assert_eq!(page.get("/api/v1/basket").await["lines"], json!([]));
    // Another visitor's first write is another session.
    let (other, _) = browser(&app, &nobody.add("S0").await.expect(StatusCode::CREATED));
    assert_eq!(skus(&other.get("/api/v1/basket").await), ["S0"]);
    app.finish().await;
}

#[tokio::test]
async fn a_users_basket_is_the_same_wherever_she_signs_in() {
    let app = TestApp::start().await;
    sell(&app, 1).await;
    app.user("ada").add("S0").await.expect(StatusCode::CREATED);
    assert_eq!(skus(&app.user("ada").with("session-id", "SID:ANON:test:1").get("/api/v1/basket").await), ["S0"]);
    assert_eq!(app.session("1").get("/api/v1/basket").await["lines"], json!([]));
    assert_eq!(app.user("Ada").get("/api/v1/basket").await["lines"], json!([]), "names differ by case");
    app.finish().await;
}

/// Sends requests all at once, as far as two cores go; their answers.
async fn at_once(requests: Vec<impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut running: Vec<_> = requests.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        running.retain_mut(|request| match request.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn parallel_adds_of_different_products_lose_nothing() {
    let app = TestApp::start().await;
    let names = sell(&app, 20).await;
    for client in [app.user("ada"), app.session("1")] {
        let clients: Vec<Client> = names.iter().map(|_| client.clone()).collect();
        let adds = names.iter().zip(&clients).map(|(sku, client)| client.add(sku)).collect();
        let answers = at_once(adds).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED), "{answers:#?}");
        let basket = client.get("/api/v1/basket").await;
        let found: BTreeSet<&str> = skus(&basket).into_iter().collect();
        assert_eq!(found, names.iter().map(String::as_str).collect());
        assert_eq!((&basket["version"], &basket["total"]["amount"]), (&json!(20), &json!("200.00")));
        let versions: BTreeSet<u64> = answers.iter().map(|answer| answer["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, (1..=20).collect(), "each add made one version");
    }
    app.finish().await;
}

#[tokio::test]
async fn fifty_parallel_adds_are_all_counted() {
    let app = TestApp::start().await;
    let names = sell(&app, 5).await;
    let ada = app.user("ada");
    let adds = (0..50).map(|number| ada.add(&names[number % names.len()])).collect();
    let answers = at_once(adds).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED), "{answers:#?}");
    let basket = ada.get("/api/v1/basket").await;
    assert_eq!(basket["version"], 50, "no add was lost");
    let lines = basket["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line["quantity"] == 1), "a seat stays at one: {lines:#?}");
    app.finish().await;
}

#[tokio::test]
async fn parallel_adds_and_removals_leave_what_was_asked_for() {
    let app = TestApp::start().await;
    let names = sell(&app, 12).await;
    let ada = app.user("ada");
    let half = json!({"lines": names[..6].iter().map(|sku| json!({"sku": sku})).collect::<Vec<_>>()});
    ada.post("/api/v1/basket/lines/batch", &half).await.expect(StatusCode::CREATED);
    let change = async |number: usize| {
        let path = format!("/api/v1/basket/lines/{}", names[number]);
        if number < 6 { ada.delete(&path).await } else { ada.add(&names[number]).await }
    };
    let answers = at_once((0..12).map(change).collect()).await;
    assert!(answers.iter().all(|answer| answer.status.is_success()), "{answers:#?}");
    let basket = ada.get("/api/v1/basket").await;
    let found: BTreeSet<&str> = skus(&basket).into_iter().collect();
    assert_eq!(found, names[6..].iter().map(String::as_str).collect());
    app.finish().await;
}

#[tokio::test]
async fn a_batch_is_all_or_none() {
    let app = TestApp::start().await;
    sell(&app, 3).await;
    app.sell("EUR", "10.00", "EUR", None).await;
    app.sell("GONE", "10.00", "USD", Some(0)).await;
    let ada = app.user("ada");
    let batch = |skus: &[&str]| json!({"lines": skus.iter().map(|sku| json!({"sku": sku})).collect::<Vec<_>>()});
    ada.add("S0").await.expect(StatusCode::CREATED);
    for (skus, status, code) in [
        (["S1", "NOTHING", "S2"], 404, "unknown_product"),
        (["S1", "S2", "EUR"], 409, "currency_mismatch"),
        (["GONE", "S1", "S2"], 409, "out_of_stock"),
    ] {
        ada.post("/api/v1/basket/lines/batch", &batch(&skus)).await.problem(status, code);
        let basket = ada.get("/api/v1/basket").await;
        assert_eq!((self::skus(&basket), &basket["version"]), (vec!["S0"], &json!(1)), "{skus:?}");
    }
    let added = ada.post("/api/v1/basket/lines/batch", &batch(&["S2", "S1", "S2"])).await.expect(StatusCode::CREATED);
    assert_eq!((self::skus(&added), &added["version"]), (vec!["S0", "S2", "S1"], &json!(2)));
    app.finish().await;
}

#[tokio::test]
async fn a_basket_holds_twenty_products() {
    let app = TestApp::start().await;
    let names = sell(&app, 21).await;
    let ada = app.user("ada");
    for sku in &names[..20] {
        ada.add(sku).await.expect(StatusCode::CREATED);
    }
    ada.add("S20").await.problem(409, "basket_full");
    ada.add("S0").await.expect(StatusCode::CREATED);
    ada.delete("/api/v1/basket/lines/S0").await.expect(StatusCode::OK);
    ada.add("S20").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_change_is_made_to_the_version_that_was_seen_or_not_at_all() {
    let app = TestApp::start().await;
    sell(&app, 3).await;
    let ada = app.user("ada");
    let at = |version: &str| ada.with("if-match", version);
    at("\"0\"").add("S0").await.expect(StatusCode::CREATED);
    at("\"0\"").add("S1").await.problem(412, "version_mismatch");
    at("\"1\"").add("S1").await.expect(StatusCode::CREATED);
    at("*").add("S2").await.expect(StatusCode::CREATED);
    at("\"2\"").delete("/api/v1/basket/lines/S0").await.problem(412, "version_mismatch");
    at("\"2\"").patch("/api/v1/basket/lines/S0", &json!({"quantity": 0})).await.problem(412, "version_mismatch");
    at("\"2\"").delete("/api/v1/basket").await.problem(412, "version_mismatch");
    assert_eq!(skus(&ada.get("/api/v1/basket").await), ["S0", "S1", "S2"]);
    at("\"3\", \"9\"").delete("/api/v1/basket/lines/S0").await.expect(StatusCode::OK);
    let emptied = at("\"4\"").delete("/api/v1/basket").await.expect(StatusCode::OK);
    assert_eq!((&emptied["lines"], &emptied["version"]), (&json!([]), &json!(5)));
    app.finish().await;
}

#[tokio::test]
async fn of_two_who_saw_the_same_version_one_is_told() {
    let app = TestApp::start().await;
    let names = sell(&app, 10).await;
    let ada = app.user("ada").with("if-match", "\"0\"");
    let answers = at_once(names.iter().map(|sku| ada.add(sku)).collect()).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!((made.len(), refused.len()), (1, 9));
    refused.iter().for_each(|answer| answer.problem(412, "version_mismatch"));
    app.finish().await;
}

#[tokio::test]
async fn a_basket_is_kept_as_long_as_it_was_promised() {
    for (kept, user) in [(30 * DAY, false), (90 * DAY, true)] {
        let app = TestApp::start().await;
        sell(&app, 2).await;
        let shopper = || if user { app.user("ada") } else { app.session("1") };
        shopper().add("S0").await.expect(StatusCode::CREATED);
        app.advance(kept - 1).await;
        assert_eq!(skus(&shopper().get("/api/v1/basket").await), ["S0"]);
        // Each change begins the time anew.
        shopper().add("S1").await.expect(StatusCode::CREATED);
        app.advance(kept - 1).await;
        assert_eq!(skus(&shopper().get("/api/v1/basket").await), ["S0", "S1"]);
        app.advance(1).await;
        let gone = shopper().get("/api/v1/basket").await.expect(StatusCode::OK);
        assert_eq!((&gone["lines"], &gone["total"]["amount"]), (&json!([]), &json!("0.00")));
        shopper().delete("/api/v1/basket/lines/S0").await.problem(404, "unknown_product");
        let fresh = shopper().add("S1").await.expect(StatusCode::CREATED);
        assert_eq!((skus(&fresh), &fresh["version"]), (vec!["S1"], &json!(3)), "versions go on");
        app.finish().await;
    }
}

#[tokio::test]
async fn what_a_learner_has_is_not_sold_again() {
    let app = TestApp::start().await;
    sell(&app, 2).await;
    let ada = app.user("ada");
    let checkout = ada.order("S0").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    ada.add("S0").await.problem(409, "already_purchased");
    let both = json!({"lines": [{"sku": "S1"}, {"sku": "S0"}]});
    ada.post("/api/v1/basket/lines/batch", &both).await.problem(409, "already_purchased");
    assert_eq!(ada.get("/api/v1/basket").await["lines"], json!([]));
    app.user("bob").add("S0").await.expect(StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_seat_stays_at_one_however_often_it_is_wanted() {
    let app = TestApp::start().await;
    sell(&app, 1).await;
    let ada = app.user("ada");
    let many = json!({"sku": "S0", "quantity": 7});
    let added = ada.post("/api/v1/basket/lines", &many).await.expect(StatusCode::CREATED);
    assert_eq!((&added["lines"][0]["quantity"], &added["total"]["amount"]), (&json!(1), &json!("10.00")));
    let set = ada.patch("/api/v1/basket/lines/S0", &json!({"quantity": 100})).await.expect(StatusCode::OK);
    assert_eq!(set["lines"][0]["quantity"], 1);
    let quote = app.anonymous().get("/api/v1/quote?sku=S0&sku=S0&sku=S0").await.expect(StatusCode::OK);
    assert_eq!((&quote["lines"][0]["quantity"], &quote["total"]["amount"]), (&json!(1), &json!("10.00")));
    let zero = ada.patch("/api/v1/basket/lines/S0", &json!({"quantity": 0})).await.expect(StatusCode::OK);
    assert_eq!(zero["lines"], json!([]));
    ada.patch("/api/v1/basket/lines/S0", &json!({"quantity": 1})).await.problem(404, "unknown_product");
    app.finish().await;
}

#[tokio::test]
async fn quote_basket_checkout_and_order_show_the_same_amounts() {
    const CURRENCIES: [(&str, u32); 5] = [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3)];
    let mut runner = TestRunner::deterministic();
    // Minor units; those of three decimals are charged in tens.
    let prices = || {
        proptest::collection::vec(100_u64..90_000_000, 1..9).prop_map(|minor| minor.into_iter().map(|m| m / 10 * 10))
    };
    for (currency, decimals) in CURRENCIES {
        let app = TestApp::start().await;
        for case in 0..3 {
            let minor: Vec<u64> = prices().new_tree(&mut runner).unwrap().current().collect();
            let sum: u64 = minor.iter().sum();
            let names: Vec<String> = (0..minor.len()).map(|number| format!("C{case}-{number}")).collect();
            for (sku, price) in names.iter().zip(&minor) {
                app.sell(sku, &amount(*price, decimals), currency, None).await;
            }
            let total = json!({"amount": amount(sum, decimals), "currency": currency});
            let query: Vec<String> = names.iter().map(|sku| format!("sku={sku}")).collect();
            let quote = app.anonymous().get(&format!("/api/v1/quote?{}", query.join("&"))).await.expect(StatusCode::OK);
            assert_eq!((&quote["total"], &quote["subtotal"]), (&total, &total), "{minor:?}");
            let learner = app.user(&format!("learner-{case}"));
            let lines: Vec<Value> = names.iter().map(|sku| json!({"sku": sku, "quantity": 3})).collect();
            let basket =
                learner.post("/api/v1/basket/lines/batch", &json!({"lines": lines})).await.expect(StatusCode::CREATED);
            assert_eq!(basket["lines"], quote["lines"]);
            for sum in ["subtotal", "discount", "tax", "total", "currency"] {
                assert_eq!(basket[sum], quote[sum], "{sum} of {minor:?}");
            }
            // Eight digits of its units are the most that the processor takes.
            let units = if decimals == 3 { sum / 10 * 10 } else { sum };
            let answer = learner.checkout("a").await;
            if units > 99_999_999 {
                answer.problem(422, "amount_not_payable");
                continue;
            }
            let checkout = answer.expect(StatusCode::CREATED);
            assert_eq!(checkout["total"], total);
            let order = learner.read_order(&checkout).await;
            assert_eq!(order["totals"]["total"], total);
            let each = |of: &Answer| {
                of["lines"].as_array().unwrap().iter().map(|line| line["total"].clone()).collect::<Vec<_>>()
            };
            assert_eq!(each(&order), each(&basket));
        }
        app.finish().await;
    }
}

/// Minor units as a decimal.
fn amount(minor: u64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    match decimals {
        0 => minor.to_string(),
        _ => format!("{}.{:0width$}", minor / unit, minor % unit, width = decimals as usize),
    }
}
