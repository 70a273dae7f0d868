//! Values that have the right type and are still none: prices, currencies, names, times, counts, addresses.

use http::StatusCode;
use local::dev_keys::{Learner, token};
use serde_json::{Value, json};

use super::{Who, World, with};

/// Where a price stands in each operation that takes one.
const PRICES: [(&str, &str); 5] = [
    ("create_product", "/stock/0/price"),
    ("replace_product", "/stock/0/price"),
    ("change_product", "/stock/0/price"),
    ("set_stock", "/price"),
    ("save_course", "/seats/0/price"),
];

/// A sample with one value changed, and what the answer is.
struct Case<'a> {
    operation: &'a str,
    place: &'a str,
    value: Value,
    code: &'a str,
    /// Where the answer says that the fault is.
    pointer: &'a str,
}

/// Has each case refused with 422, and checks that nothing is written.
async fn check(cases: &[Case<'_>]) {
    // On the heap: the tests' own futures hold many values, and their stack is small.
    let world = Box::pin(World::new()).await;
    let before = world.table().await;
    let known = world.cases();
    for Case { operation, place, value, code, pointer } in cases {
        let (found, sample) = known.iter().find(|(known, _)| known.id == *operation).unwrap();
        let body = with(sample.body.as_ref().unwrap(), place, value.clone());
        let answer = world.refused(&world.ask(found, sample).json(&body), 422, code).await;
        let said = answer["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(said, *pointer, "{operation} {place} {value}: {}", answer.text);
    }
    World::unchanged(&before, &world.table().await, "a bad value");
    world.finish().await;
}

/// Values of one field that are all refused as invalid fields, at the field itself.
async fn check_field(operation: &str, place: &str, values: &[Value]) {
    let case = |value: &Value| Case { operation, place, value: value.clone(), code: "invalid_fields", pointer: place };
    // A test checks many fields, one after the other: they are not to be on its stack side by side.
    Box::pin(check(&values.iter().map(case).collect::<Vec<_>>())).await;
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}

#[tokio::test]
async fn an_amount_that_is_not_money_is_refused() {
    let unreadable = [
        "",
        " ",
        "1.005",
        "1e3",
        "NaN",
        "Infinity",
        "-Infinity",
        "0x10",
        "1,00",
        "９.９",
        "+1",
        ".5",
        "5.",
        "--1",
        "1 ",
        "1\u{0}",
        "99999999999999999999",
        "٤٩",
    ];
    let uncharged = ["-0.01", "-1", "1000000.00", "9999999999999.99"];
    let mut cases = Vec::new();
    for (operation, place) in PRICES {
        let amount: &str = format!("{place}/amount").leak();
        let case = |value: &str, pointer| Case {
            operation,
            place: amount,
            value: json!(value),
            code: "invalid_fields",
            pointer,
        };
        cases.extend(unreadable.iter().map(|text| case(text, place)));
        cases.extend(uncharged.iter().map(|text| case(text, amount)));
    }
    check(&cases).await;
}

#[tokio::test]
async fn a_currency_that_is_none_or_is_not_proven_is_refused() {
    let mut cases = Vec::new();
    for (operation, place) in PRICES {
        let currency: &str = format!("{place}/currency").leak();
        for text in ["", "usd", "ZZZ", "US", "USDX", "U\u{0}D", "ＵＳＤ", "$"] {
            cases.push(Case { operation, place: currency, value: json!(text), code: "invalid_fields", pointer: place });
        }
        for text in ["CHF", "INR", "BRL"] {
            let (code, pointer) = ("unsupported_currency", currency);
            cases.push(Case { operation, place: currency, value: json!(text), code, pointer });
        }
        let yen = json!({"amount": "49.90", "currency": "JPY"});
        cases.push(Case { operation, place, value: yen, code: "invalid_fields", pointer: place });
        // Its thousandths are charged in tens.
        let dinar = json!({"amount": "1.235", "currency": "KWD"});
        let amount: &str = format!("{place}/amount").leak();
        cases.push(Case { operation, place, value: dinar, code: "invalid_fields", pointer: amount });
    }
    check(&cases).await;
}

#[tokio::test]
async fn a_name_out_of_bounds_is_refused() {
    let long = "a".repeat(65);
    let skus = ["", " ", "a b", "a/b", "ü", "a#b", "-a", "_a", "\u{0}", "PY\u{0}", "a\nb", "🎓", "..", &long];
    check_field("create_product", "/sku", &texts(&skus)).await;
    check_field("add_line", "/sku", &texts(&skus)).await;
    check_field("save_course", "/seats/0/sku", &texts(&skus)).await;
    let titles = ["", "   ", "a\u{0}b", "a\nb", "\u{7f}", "\u{85}", &"é".repeat(256)];
    for (operation, place) in [
        ("create_product", "/title"),
        ("change_product", "/title"),
        ("save_course", "/title"),
        ("save_course", "/seats/0/title"),
        ("create_catalog", "/title"),
    ] {
        check_field(operation, place, &texts(&titles)).await;
    }
    check_field("save_course", "/org", &texts(&["", "   ", "a\u{0}", &"é".repeat(256)])).await;
    let keys = [
        "",
        "nope",
        "course-v1:a+b",
        "course-v1:a+b+c d",
        "a/b/c/d",
        "course-v1:a+b+\u{0}",
        "course-v1:a+b+#",
        "../../etc",
    ];
    check_field("create_product", "/course_key", &texts(&keys)).await;
    check_field("create_product", "/mode", &texts(&["", "Verified", "a b", "é", &"a".repeat(41)])).await;
    check_field("create_product", "/kind", &texts(&["", "Seat", "seats", "course"])).await;
    check_field("create_catalog", "/id", &texts(&["", "Sci", "a b", "é", "a/b", &long])).await;
    let names = ["", "   ", "a\u{0}b", "a\nb", "\u{7f}", "\u{85}", &"é".repeat(101)];
    check_field("create_client_key", "/name", &texts(&names)).await;
    check_field("create_machine_client", "/name", &texts(&names)).await;
    check_field("create_machine_client", "/username", &texts(&["", "a\u{0}b", "a\nb", &"é".repeat(128)])).await;
}

#[tokio::test]
async fn a_permission_that_is_none_is_refused() {
    check_field("create_client_key", "/may/0", &texts(&["", "READ", "Read", "all", "*", "read "])).await;
    check_field("create_client_key", "/may", &[json!([]), Value::Null, json!({"read": true})]).await;
    let scopes =
        ["", "orders", "orders:", ":read", "Orders:read", "orders:read:all", "orders: read", "orders:*", "ö:ö"];
    check_field("create_machine_client", "/scopes/0", &texts(&scopes)).await;
    let filters = ["", "user", "user:", ":me", "User:me", "us er:me", "user:m e", "user:é", "user:\u{0}"];
    check_field("create_machine_client", "/filters/0", &texts(&filters)).await;
    let many = |name: &str| json!((0..21).map(|n| format!("{name}:{}", "a".repeat(n + 1))).collect::<Vec<_>>());
    check_field("create_machine_client", "/scopes", &[many("orders")]).await;
    let long: Vec<_> = (0..20).map(|n| format!("content_org:{n}{}", "a".repeat(200))).collect();
    check_field("create_machine_client", "/filters", &[many("user"), json!(long)]).await;
    check_field("change_user", "/active", &[json!("yes"), json!(0)]).await;
}

#[tokio::test]
async fn a_token_that_is_none_starts_no_session() {
    let world = World::new().await;
    let before = world.table().await;
    let cases = world.cases();
    let (login, sample) = cases.iter().find(|(known, _)| known.id == "login").unwrap();
    let good = world.token(Who::Ada);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let long = "a".repeat(9000);
    for bad in ["", " ", "a.b.c", "..", "\u{0}", signed, &format!("JWT {good}"), &format!("{good} "), &long] {
        let ask = world.ask(login, sample).json(&json!({"token": bad}));
        world.refused(&ask, 401, "unauthorized").await;
    }
    World::unchanged(&before, &world.table().await, "a bad login");
    world.finish().await;
}

#[tokio::test]
async fn a_count_or_a_time_out_of_bounds_is_refused() {
    let counts = [json!(-1), json!(1.5), json!(4_294_967_296_u64), json!(10_000_001), json!("5"), json!(1e18)];
    check_field("create_product", "/stock/0/quantity", &counts).await;
    check_field("set_stock", "/quantity", &counts).await;
    let units = [json!(0), json!(101), json!(-1), json!(4_294_967_297_u64), json!(1.0)];
    check_field("add_line", "/quantity", &units).await;
    check_field("set_quantity", "/quantity", &units[1..]).await;
    check_field("start_checkout", "/basket_version", &[json!(-1), json!(0.5), json!(1e20), json!("1")]).await;
    let graces = [json!(-1), json!(1.5), json!(2_592_001), json!(4_294_967_297_u64), json!("5"), json!(1e18)];
    check_field("rotate_client_key", "/grace_s", &graces).await;
    check_field("rotate_machine_client", "/grace_s", &graces).await;
    let times = ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "99999-01-01T00:00:00Z"];
    check_field("set_stock", "/valid_from", &texts(&times)).await;
    check_field("save_course", "/start", &texts(&times)).await;
}

#[tokio::test]
async fn fields_that_do_not_fit_each_other_are_refused() {
    let invalid = |operation, place, value, pointer| Case { operation, place, value, code: "invalid_fields", pointer };
    let window = json!({"price": {"amount": "1", "currency": "USD"}});
    let euros = json!({"price": {"amount": "1", "currency": "EUR"}, "valid_from": "2027-01-01T00:00:00Z"});
    let many: Vec<Value> =
        (0..21).map(|day| with(&window, "/valid_to", json!(format!("2027-01-{:02}T00:00:00Z", day + 1)))).collect();
    let line = json!({"sku": "PY"});
    let skus: Vec<String> = (0..1001).map(|number| format!("S{number}")).collect();
    check(&[
        invalid("create_product", "/course_key", Value::Null, "/course_key"),
        invalid("create_product", "/mode", Value::Null, "/mode"),
        invalid("create_product", "/kind", json!("entitlement"), "/attributes/course_uuid"),
        invalid("create_product", "/stock", json!([window, window]), "/stock"),
        invalid("create_product", "/stock", json!([window, euros]), "/stock"),
        invalid("create_product", "/stock", json!(many), "/stock"),
        invalid("create_product", "/stock/0/valid_to", json!("2025-01-01T00:00:00Z"), "/stock"),
        invalid("replace_product", "/sku", json!("OTHER"), "/sku"),
        invalid("set_stock", "/stock", json!([window]), "/stock"),
        invalid("set_stock", "/price", Value::Null, "/price"),
        invalid("save_course", "/end", json!("2026-11-01T00:00:00Z"), "/end"),
        invalid("save_course", "/seats/0/sku", json!("LTD"), "/seats"),
        invalid("replace_catalog", "/id", json!("other"), "/id"),
        invalid("replace_catalog", "/skus", json!(skus), "/skus"),
        invalid("add_lines", "/lines", json!([]), "/lines"),
        invalid("add_lines", "/lines", json!(vec![line; 21]), "/lines"),
        invalid("fulfill_order", "/lines", json!([99]), "/lines/0"),
        invalid("fulfill_order", "/lines", json!(["SHUT", "PY"]), "/lines/1"),
        invalid("create_refund", "/lines", json!(["SHUT", 2]), "/lines/1"),
        invalid("create_refund", "/lines", json!([]), "/lines"),
        invalid("create_refund", "/amount/amount", json!("5.01"), "/amount"),
        invalid("create_refund", "/amount/amount", json!("0"), "/amount"),
        invalid("create_refund", "/amount/amount", json!("-1.00"), "/amount"),
        invalid("create_refund", "/amount/amount", json!("1.001"), "/amount"),
        invalid("create_refund", "/amount/currency", json!("EUR"), "/amount"),
        invalid("create_refund", "/reason", json!(" "), "/reason"),
        invalid("create_refund", "/reason", json!("a".repeat(501)), "/reason"),
        invalid("deny_refund", "/reason", json!("a\u{7}"), "/reason"),
        invalid("create_manual_orders", "/reason", json!(" "), "/reason"),
        invalid("create_manual_orders", "/enrollments", json!([]), "/enrollments"),
        invalid("create_manual_orders", "/enrollments/0/username", json!(""), "/enrollments/0/username"),
        invalid("create_manual_orders", "/enrollments/0/email", json!("@example.com"), "/enrollments/0/email"),
        invalid("create_manual_orders", "/enrollments/0/sku", json!("a b"), "/enrollments/0/sku"),
        invalid("confirm_transfer", "/amount/amount", json!("0.00"), "/amount/amount"),
        invalid("confirm_transfer", "/amount/amount", json!("1.001"), "/amount"),
        invalid("confirm_transfer", "/reference", json!("a b"), "/reference"),
        invalid("confirm_transfer", "/received_at", json!("2026-13-01T00:00:00Z"), "/received_at"),
        invalid("confirm_refund", "/reference", json!("a#b"), "/reference"),
        invalid("import_orders", "/orders", json!([]), "/orders"),
        invalid("import_orders", "/orders/0/number", json!("a/b"), "/orders/0/number"),
        invalid("import_orders", "/orders/0/voucher", json!("a b"), "/orders/0/voucher"),
        invalid("import_orders", "/orders/0/payment", json!(""), "/orders/0/payment"),
        invalid("import_orders", "/orders/0/placed_at", json!("2019"), "/orders/0/placed_at"),
    ])
    .await;
}

#[tokio::test]
async fn attributes_too_deep_too_long_or_out_of_all_reason_are_refused() {
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let big = json!({"text": "x".repeat(8 * 1024)});
    let bad = [
        big,
        json!({"deep": deep}),
        json!({"number": 1e200}),
        json!({"number": -1e300}),
        json!({"number": 1e-200}),
        json!({"nested": [{"number": 5e-324}]}),
        json!({"": 1}),
        json!({"nested": {"": 1}}),
        json!({"x".repeat(256): 1}),
    ];
    for operation in ["create_product", "replace_product", "change_product"] {
        check_field(operation, "/attributes", &bad).await;
    }
    check_field("save_course", "/seats/0/attributes", &bad).await;
}

#[tokio::test]
async fn a_way_to_pay_that_is_none_is_refused() {
    let unknown = |value: &str| (json!(value), "unknown_processor", "/processor");
    let address = |value: &str| (json!(value), "bad_return_url", "/return_url");
    let values = [
        unknown(""),
        unknown("paypal"),
        unknown("Stripe"),
        unknown("none"),
        unknown("stripe\u{0}"),
        address(""),
        address("/orders"),
        address("//shop.example/orders"),
        address("javascript:alert(1)"),
        address("ftp://shop.example"),
        address("https://"),
        address("https:///orders"),
        address("https://ada@evil.example/"),
        address("https://{order_number}.evil.example/"),
        address("https://shop.example/\n"),
        address("https://shop.example/\u{0}"),
        address("https://shop.example/a b"),
        address("https://shop.example/{other}"),
        address("https://shop.example/ü"),
        address("https://shop.example/#a b"),
        address("https://shop.example/<script>"),
        (json!("card"), "invalid_fields", "/flow"),
    ];
    let case =
        |(value, code, place): (Value, _, _)| Case { operation: "start_checkout", place, value, code, pointer: place };
    check(&values.into_iter().map(case).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_query_that_names_nothing_is_refused() {
    let world = World::new().await;
    let nobody = world.app.anonymous();
    let long = "a".repeat(201);
    for (path, pointer) in [
        ("products?kind=seats", "/kind"),
        ("products?course=nope", "/course"),
        ("products?catalog=Sci", "/catalog"),
        (&format!("products?q={long}"), "/q"),
        ("quote", "/sku"),
        ("quote?sku=a%20b", "/sku"),
        (&format!("quote?{}", vec!["sku=PY"; 21].join("&")), "/sku"),
        ("quote?sku=PY&code=a%20b", "/code"),
        ("quote?sku=PY&code=", "/code"),
    ] {
        let answer = nobody.get(&format!("/api/v1/{path}")).await;
        answer.problem(422, "invalid_fields");
        let said = answer["errors"][0]["pointer"].as_str().unwrap();
        assert!(said.starts_with(pointer), "{path}: {said}");
    }
    nobody.get("/api/v1/products?catalog=nothing").await.problem(404, "unknown_catalog");
    nobody.get("/api/v1/quote?sku=PY&sku=NOTHING").await.problem(404, "unknown_product");
    world.app.user("ada").get("/api/v1/orders?status=lost").await.problem(422, "invalid_fields");
    world.app.staff().get("/api/v1/orders?user=").await.problem(422, "invalid_fields");
    world.finish().await;
}

/// An address comes with the token, so it is nothing that the learner could mend.
#[tokio::test]
async fn an_address_that_no_processor_takes_stops_no_checkout() {
    let world = World::new().await;
    let long = format!("{}@example.com", "a".repeat(900));
    let addresses = [
        "",
        "ada",
        "@",
        "ada@",
        "a b@example.com",
        "ada@example.com\n",
        "ada@example.com, eve@example.com",
        "ä@ö.example",
        &long,
    ];
    for (number, address) in addresses.into_iter().enumerate() {
        let learner =
            Learner { username: format!("learner-{number}"), email: Some(address.to_owned()), ..Learner::default() };
        let token = token(&learner, world.app.cloud.clock.issuer_now()).unwrap();
        let client = world.app.anonymous().with("authorization", &format!("JWT {token}"));
        client.add("PY").await.expect(StatusCode::CREATED);
        let checkout = client.checkout("a").await;
        assert_eq!(checkout.status, StatusCode::CREATED, "{address:?}: {}", checkout.text);
    }
    world.finish().await;
}

/// What looks odd and is text all the same is kept as it is.
#[tokio::test]
async fn odd_text_is_kept_as_it_came() {
    let world = World::new().await;
    let odd = [
        "עברית \u{202e}gnp",
        "e\u{301}\u{301}\u{301}",
        "👩‍👩‍👧‍👦",
        "\u{feff}a",
        "'; DROP TABLE--",
        "<script>",
        "{{7*7}}",
        "%s%n",
        "ﷺ",
        "𝔘𝔫𝔦",
    ];
    let staff = world.app.staff();
    for (number, text) in odd.into_iter().enumerate() {
        let attributes = json!({"course_uuid": "6f1a2b3c", "__proto__": {text: text}, "big": 9_007_199_254_740_993_i64, "small": 0.1, "smaller": 1e-50, "null": null});
        let body = json!({"sku": format!("ODD{number}"), "kind": "entitlement", "mode": "verified", "title": text, "attributes": attributes, "published": true});
        staff.post("/api/v1/products", &body).await.expect(StatusCode::CREATED);
        let read = world.app.anonymous().get(&format!("/api/v1/products/ODD{number}")).await.expect(StatusCode::OK);
        assert_eq!((&read["title"], &read["attributes"]), (&json!(text), &attributes));
        let query = [("q", text)];
        let search = world.app.anonymous();
        let found = search.send(search.request(reqwest::Method::GET, "/api/v1/products").query(&query)).await;
        found.expect(StatusCode::OK);
    }
    world.finish().await;
}
