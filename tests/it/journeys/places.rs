//! Where a buyer is: taxed by the profile's country or the request's, and not sold what is blocked in either.

use http::StatusCode;
use local::dev_keys::{Learner, OTHER_CLIENT_KEY, token};
use serde_json::{Value, json};
use tests::{Client, TestApp};

use super::bundles::bundle;
use super::{number, stripe_get};

const SEEN_FROM: &str = "CloudFront-Viewer-Country";

/// A learner whose profile names a country.
fn of(app: &TestApp, username: &str, country: &str) -> Client {
    let country = Some(country.to_owned());
    let learner = Learner { username: username.to_owned(), country, ..Learner::default() };
    let token = token(&learner, app.cloud.clock.issuer_now()).expect("a token");
    app.anonymous().with("Authorization", &format!("JWT {token}"))
}

/// The tax of a basket with PY in it, and its total.
async fn taxed(client: &Client) -> (Value, Value, Value) {
    let basket = client.get("/api/v1/basket").await.expect(StatusCode::OK);
    let tax = basket["lines"][0]["tax"].clone();
    (tax["rate"].clone(), basket["tax"]["amount"].clone(), basket["total"]["amount"].clone())
}

#[tokio::test]
async fn a_tax_is_that_of_the_first_country_that_has_one() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    let ada = of(&app, "ada", "de");
    let cases = [
        (ada.clone(), (json!("19"), json!("1.90"), json!("11.90"))),
        // The profile counts first, and where it has no rate the request does.
        (of(&app, "bob", "DE").with(SEEN_FROM, "CH"), (json!("19"), json!("1.90"), json!("11.90"))),
        (of(&app, "eve", "US").with(SEEN_FROM, "CH"), (json!("8.1"), json!("0.81"), json!("10.81"))),
        (app.user("tom").with(SEEN_FROM, "CH"), (json!("8.1"), json!("0.81"), json!("10.81"))),
        (app.session("anna").with(SEEN_FROM, "DE"), (json!("19"), json!("1.90"), json!("11.90"))),
        (app.user("joe").with(SEEN_FROM, "FR"), (Value::Null, json!("0.00"), json!("10.00"))),
        (app.user("jim").with(SEEN_FROM, "XX"), (Value::Null, json!("0.00"), json!("10.00"))),
    ];
    for (client, expected) in cases {
        client.add("PY").await.expect(StatusCode::CREATED);
        assert_eq!(taxed(&client).await, expected);
    }
    // What a profile said once is known when a token does not say it.
    assert_eq!(taxed(&app.user("ada")).await.0, "19");
    let quote = ada.get("/api/v1/quote?sku=PY").await.expect(StatusCode::OK);
    assert_eq!(quote["total"]["amount"], "11.90");
    app.finish().await;
}

#[tokio::test]
async fn what_is_charged_is_the_price_with_the_tax_and_the_order_keeps_both() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    super::offers::offer(&app, "tenth", super::offers::percent("10"), json!({"automatic": true})).await;
    let ada = of(&app, "ada", "DE");
    let checkout = ada.order("PY").await;
    assert_eq!(checkout["total"]["amount"], "10.71");
    let paid = ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.settle().await;
    let intent = paid["payment_intent"].as_str().expect("a payment");
    assert_eq!(stripe_get(&app, &format!("payment_intents/{intent}")).await["amount"], 1_071);
    let order = ada.read_order(&checkout).await;
    assert_eq!((&order["lines"][0]["tax_rate"], order.json.get("tax_countries")), (&json!("19"), None));
    assert_eq!(app.staff().read_order(&checkout).await["tax_countries"], json!(["DE"]));
    let totals = &order["totals"];
    assert_eq!((&totals["tax"]["amount"], &totals["total"]["amount"]), (&json!("1.71"), &json!("10.71")));
    let file = app.cloud.store.read_order(&number(&checkout).parse().expect("a number")).await;
    let order = file.expect("a table").expect("an order").order;
    let tax = order.lines[0].tax.expect("a tax");
    assert_eq!((tax.rate.to_string(), tax.base.to_string()), ("19".to_owned(), "9.00 USD".to_owned()));
    assert_eq!(order.at.profile.map(String::from), Some("DE".to_owned()));
    app.finish().await;
}

#[tokio::test]
async fn a_price_that_moves_with_the_buyer_is_shown_before_it_is_charged() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    let body = json!({"processor": "stripe", "return_url": "https://shop.example/{order_number}",
        "total": {"amount": "10.00", "currency": "USD"}});
    let abroad = ada.with(SEEN_FROM, "DE").with("Idempotency-Key", "one");
    abroad.post("/api/v1/checkout", &body).await.problem(409, "price_changed");
    app.finish().await;
}

#[tokio::test]
async fn a_school_whose_prices_have_the_tax_in_them_asks_for_no_more() {
    let app = TestApp::start().await;
    let learner = |username: &str, staff| {
        let learner = Learner { username: username.to_owned(), staff, other_tenant: true, ..Learner::default() };
        let token = token(&learner, app.cloud.clock.issuer_now()).expect("a token");
        app.anonymous().with("Authorization", &format!("JWT {token}")).with("X-Client-Key", OTHER_CLIENT_KEY)
    };
    let seat = json!({"sku": "PY", "mode": "verified", "price": {"amount": "11.90", "currency": "EUR"}});
    let course = json!({"title": "Python", "org": "North", "seats": [seat]});
    learner("boss", true).put("/api/v1/courses/course-v1:North+PY+1", &course).await.expect(StatusCode::CREATED);
    let ada = learner("ada", false).with(SEEN_FROM, "DE");
    let basket = ada.add("PY").await.expect(StatusCode::CREATED);
    let tax = &basket["lines"][0]["tax"];
    assert_eq!((&tax["base"]["amount"], &tax["amount"]["amount"]), (&json!("10.00"), &json!("1.90")));
    assert_eq!((&tax["included"], &basket["total"]["amount"]), (&json!(true), &json!("11.90")));
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_sold_to_a_blocked_country_by_either_signal() {
    let app = TestApp::start().await;
    for sku in ["PY", "GO", "ML"] {
        app.sell(sku, "10.00", "USD", None).await;
    }
    bundle(&app, "BOTH", "15", &["PY", "GO"]).await;
    let blocked = json!({"blocked_countries": ["IR"]});
    app.staff().patch("/api/v1/products/GO", &blocked).await.expect(StatusCode::OK);
    let read = app.anonymous().get("/api/v1/products/GO").await.expect(StatusCode::OK);
    assert_eq!(read["blocked_countries"], json!(["IR"]));
    let line = json!({"lines": [{"sku": "ML"}, {"sku": "GO"}]});
    for client in
        [of(&app, "ada", "IR"), app.user("bob").with(SEEN_FROM, "ir"), of(&app, "eve", "US").with(SEEN_FROM, "IR")]
    {
        client.add("GO").await.problem(451, "blocked_country");
        // A bundle goes where all of it goes.
        client.add("BOTH").await.problem(451, "blocked_country");
        client.post("/api/v1/basket/lines/batch", &line).await.problem(451, "blocked_country");
        assert_eq!(client.get("/api/v1/basket").await["lines"], json!([]));
        client.add("PY").await.expect(StatusCode::CREATED);
    }
    for client in [of(&app, "kim", "KP"), app.session("anna").with(SEEN_FROM, "KP")] {
        client.add("PY").await.problem(451, "blocked_country");
    }
    // Two headers say nothing, and what is no country neither.
    for odd in ["KP, KP", "K", "KPX"] {
        app.user("odd").with(SEEN_FROM, odd).add("PY").await.expect(StatusCode::CREATED);
    }
    app.finish().await;
}

#[tokio::test]
async fn what_got_into_a_basket_elsewhere_is_stopped_at_the_checkout() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", Some(1)).await;
    app.sell("FREE", "0", "USD", None).await;
    for sku in ["PY", "FREE"] {
        let ada = app.user("ada");
        ada.delete("/api/v1/basket").await.expect(StatusCode::OK);
        ada.add(sku).await.expect(StatusCode::CREATED);
        let there = ada.with(SEEN_FROM, "KP");
        there.checkout(&format!("there-{sku}")).await.problem(451, "blocked_country");
        there
            .patch(&format!("/api/v1/basket/lines/{sku}"), &json!({"quantity": 1}))
            .await
            .problem(451, "blocked_country");
        assert_eq!(there.get("/api/v1/basket").await["lines"][0]["sku"], sku);
        assert_eq!(ada.get("/api/v1/orders").await["items"], json!([]));
    }
    // Nor is an order that was begun elsewhere to be paid from there.
    let ada = app.user("ada");
    ada.add("PY").await.expect(StatusCode::CREATED);
    ada.checkout("here").await.expect(StatusCode::CREATED);
    ada.with(SEEN_FROM, "KP").checkout("from-there").await.problem(451, "blocked_country");
    app.advance(super::SESSION_OVER_S + 600).await;
    ada.with(SEEN_FROM, "KP").delete("/api/v1/basket/lines/FREE").await.expect(StatusCode::OK);
    assert_eq!(super::available(&app, "PY").await, json!(1));
    app.finish().await;
}

#[tokio::test]
async fn a_country_that_is_none_is_refused_where_staff_name_it() {
    let app = TestApp::start().await;
    app.sell("PY", "10.00", "USD", None).await;
    for bad in [json!(["Iran"]), json!(["XX"]), json!([1]), json!("IR")] {
        let answer = app.staff().patch("/api/v1/products/PY", &json!({"blocked_countries": bad})).await;
        answer.problem(422, "invalid_fields");
    }
    app.finish().await;
}
