//! What is another user's: for eve, nothing of ada's is there, however she asks for it (I9).

use http::StatusCode;
use local::dev_keys::{CLIENT_KEY, OTHER_CLIENT_KEY};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

use super::callers::{browser, go_on, log_in, log_in_browser, split, userinfo, vouched};
use super::shop::text;
use super::tokens::{by, claims, token_of, with};

/// Two users, one of whom has something.
struct Two {
    app: TestApp,
    nobody: Client,
    ada: Client,
    eve: Client,
    /// Ada's orders, paid and pending.
    orders: [String; 2],
    /// Ada's session.
    login: Answer,
}

impl Two {
    async fn meet() -> Self {
        let app = TestApp::start().await;
        app.sell("PY", "49.90", "USD", None).await;
        app.sell("GO", "10.00", "USD", None).await;
        let nobody = app.anonymous();
        let [ada, eve] = ["ada", "eve"].map(|name| by(&nobody, &claims(&app, name)));
        let paid = ada.order("PY").await;
        ada.pay(&paid, "succeed").await.expect(StatusCode::OK);
        app.advance(1).await;
        let pending = ada.order("GO").await;
        let login = log_in_browser(&nobody, &token_of(&claims(&app, "ada"))).await;
        eve.add("PY").await.expect(StatusCode::CREATED);
        let orders = [text(&paid, "order_number"), text(&pending, "order_number")];
        Self { app, nobody, ada, eve, orders, login }
    }

    fn token(&self, name: &str) -> String {
        token_of(&claims(&self.app, name))
    }

    /// Ends the test; what ada and eve have is as it was.
    async fn part(self) {
        let mine = self.ada.get("/api/v1/orders").await.expect(StatusCode::OK);
        let states: Vec<_> = mine["items"].as_array().expect("items").iter().map(|order| &order["status"]).collect();
        assert_eq!(states, ["pending_payment", "paid"]);
        assert_eq!(name(&go_on(&self.nobody, &self.login)).await, "ada");
        let basket = self.eve.get("/api/v1/basket").await.expect(StatusCode::OK);
        assert_eq!((&basket["lines"][0]["sku"], &basket["lines"][1]), (&json!("PY"), &Value::Null));
        self.app.finish().await;
    }
}

/// Whom the shop takes a caller for.
async fn name(client: &Client) -> Value {
    client.get("/api/v1/users/me").await.expect(StatusCode::OK)["username"].clone()
}

/// What an answer tells, but for what differs from one request to the next.
fn told(answer: &Answer) -> (StatusCode, Value) {
    let mut json = answer.json.clone();
    if let Some(members) = json.as_object_mut() {
        members.remove("request_id");
    }
    (answer.status, json)
}

async fn ask(client: &Client, method: &str, path: &str) -> Answer {
    let request = client.request(method.parse().expect("a method"), path);
    client.send(if method == "PATCH" { request.json(&json!({"active": false})) } else { request }).await
}

/// The number with its last character changed.
fn beside(number: &str, last: char) -> String {
    format!("{}{last}", &number[..number.len() - 1])
}

#[tokio::test]
async fn what_is_anothers_is_told_from_nothing_by_no_answer() {
    let two = Two::meet().await;
    let session = two.login["session"]["id"].as_str().expect("an id").to_owned();
    let mut asked = Vec::new();
    for number in &two.orders {
        let none = beside(number, if number.ends_with('0') { '1' } else { '0' });
        for (method, what) in [("GET", ""), ("GET", "/timeline"), ("GET", "/receipt"), ("POST", "/cancel")] {
            let path = |number: &str| format!("/api/v1/orders/{number}{what}");
            asked.push((method, path(number), path(&none), (404, "unknown_order")));
        }
        let path = |number: &str| format!("/api/v1/orders/{number}/fulfill");
        asked.push(("POST", path(number), path(&none), (403, "forbidden")));
    }
    let path = |id: &str| format!("/api/v1/sessions/{id}");
    asked.push(("DELETE", path(&session), path(&format!("uses_{}", "0".repeat(32))), (404, "unknown_session")));
    asked.push(("GET", "/api/v1/users/ada".to_owned(), "/api/v1/users/nobody".to_owned(), (403, "forbidden")));
    asked.push(("PATCH", "/api/v1/users/ada".to_owned(), "/api/v1/users/nobody".to_owned(), (403, "forbidden")));
    let reading = with(
        &claims(&two.app, "eve"),
        &json!({"is_restricted": true, "scopes": ["orders:read"], "filters": ["user:me", "content_org:Test"]}),
    );
    for (client, restricted) in [(&two.eve, false), (&by(&two.nobody, &reading), true)] {
        for (method, hers, none, (status, code)) in &asked {
            let (hers, none) = (ask(client, method, hers).await, ask(client, method, none).await);
            assert_eq!(told(&hers), told(&none), "{method}");
            if !restricted || *method == "GET" {
                hers.problem(*status, code);
            }
        }
    }
    let page = two.eve.with("Accept", "text/html");
    page.get(&format!("/api/v1/orders/{}/receipt", two.orders[0])).await.problem(404, "unknown_order");
    two.part().await;
}

#[tokio::test]
async fn nothing_of_anothers_is_found_by_guessing() {
    let two = Two::meet().await;
    for number in &two.orders {
        let bare = number.trim_start_matches("ord_");
        let mut guesses: Vec<_> = "0123456789abcdefghjkmnpqrstvwxyz".chars().map(|last| beside(number, last)).collect();
        guesses.extend([number.to_uppercase(), bare.to_owned(), bare.to_uppercase(), format!("pay_{bare}")]);
        guesses.extend(["", "/", "%00", "%20", "%2F", "%23", "*", ".json"].map(|end| format!("{number}{end}")));
        guesses.extend(["ord_", "ord_*", "*", "%25", "..", "ord_%25", "me", "latest"].map(str::to_owned));
        for guess in guesses {
            let answer = two.eve.get(&format!("/api/v1/orders/{guess}")).await;
            // What a client tidies away leads to the list, which is her own.
            let empty = answer.json == json!({"items": [], "next_cursor": null});
            assert!(answer.status == StatusCode::NOT_FOUND || empty, "{guess}: {}", answer.text);
        }
    }
    for query in ["", "?limit=100", "?status=paid", "?status=pending_payment"] {
        let page = two.eve.get(&format!("/api/v1/orders{query}")).await.expect(StatusCode::OK);
        assert_eq!(page.json, json!({"items": [], "next_cursor": null}), "{query}");
    }
    for query in ["?user=ada", "?user=ada&status=paid", "?user=eve", "?user=nobody"] {
        two.eve.get(&format!("/api/v1/orders{query}")).await.problem(403, "forbidden");
    }
    two.part().await;
}

#[tokio::test]
async fn a_cursor_is_good_for_the_list_of_its_owner_only() {
    let two = Two::meet().await;
    let staff = by(&two.nobody, &with(&claims(&two.app, "staff"), &json!({"administrator": true})));
    staff.patch("/api/v1/products/GO", &json!({"published": false})).await.expect(StatusCode::OK);
    two.app.sell("RS", "10.00", "USD", None).await;
    let first = async |client: &Client, path: &str| text(&client.get(path).await.expect(StatusCode::OK), "next_cursor");
    let hers = first(&two.ada, "/api/v1/orders?limit=1").await;
    let of_ada = first(&staff, "/api/v1/orders?limit=1&user=ada").await;
    let open = first(&two.nobody, "/api/v1/products?limit=1").await;
    let hidden = first(&staff, "/api/v1/products?limit=1").await;
    staff.patch("/api/v1/products/GO", &json!({"published": true})).await.expect(StatusCode::OK);

    // Ada goes on, whichever way she comes.
    for ada in [&two.ada, &go_on(&two.nobody, &two.login)] {
        let rest = ada.get(&format!("/api/v1/orders?limit=1&cursor={hers}")).await.expect(StatusCode::OK);
        assert_eq!(rest["items"][0]["number"], two.orders[0]);
    }
    let northwind = two.nobody.with("X-Client-Key", OTHER_CLIENT_KEY);
    for (client, path, cursor, status, code) in [
        (&two.eve, "orders?limit=1", &hers, 400, "bad_cursor"),
        (&two.eve, "orders?limit=1&status=paid", &hers, 400, "bad_cursor"),
        (&two.eve, "orders?limit=1", &of_ada, 400, "bad_cursor"),
        (&two.eve, "orders?limit=1&user=ada", &of_ada, 403, "forbidden"),
        (&two.eve, "orders?limit=1&user=ada", &hers, 403, "forbidden"),
        (&two.eve, "products?limit=1", &hers, 400, "bad_cursor"),
        (&two.eve, "products?limit=1", &hidden, 400, "bad_cursor"),
        (&two.nobody, "products?limit=1", &hidden, 400, "bad_cursor"),
        (&two.nobody, "orders?limit=1", &hers, 401, "unauthorized"),
        (&northwind, "products?limit=1", &open, 400, "bad_cursor"),
        (&staff, "orders?limit=1", &hers, 400, "bad_cursor"),
    ] {
        client.get(&format!("/api/v1/{path}&cursor={cursor}")).await.problem(status, code);
    }
    two.part().await;
}

#[tokio::test]
async fn an_idempotency_key_is_its_users_own() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let nobody = app.anonymous();
    let [ada, eve, bob] = ["ada", "eve", "bob"].map(|name| by(&nobody, &claims(&app, name)));
    for client in [&ada, &eve] {
        client.add("PY").await.expect(StatusCode::CREATED);
    }
    let hers = ada.checkout("one").await.expect(StatusCode::CREATED);
    // Who has nothing to buy is not handed what ada bought.
    bob.checkout("one").await.problem(409, "empty_basket");
    let own = eve.checkout("one").await.expect(StatusCode::CREATED);
    assert_ne!((&own["order_number"], &own["payment"]), (&hers["order_number"], &hers["payment"]));
    assert_eq!(own.headers.get("idempotent-replayed"), None);
    for (client, first, other) in [(&ada, &hers, &eve), (&eve, &own, &ada)] {
        let again = client.checkout("one").await.expect(StatusCode::CREATED);
        assert_eq!((&again.json, &again.headers["idempotent-replayed"]), (&first.json, &"true".parse().unwrap()));
        let path = format!("/api/v1/orders/{}", text(first, "order_number"));
        client.get(&path).await.expect(StatusCode::OK);
        other.get(&path).await.problem(404, "unknown_order");
    }
    app.finish().await;
}

#[tokio::test]
async fn no_header_makes_somebody_of_somebody_else() {
    let two = Two::meet().await;
    let (token, said) = (two.token("ada"), userinfo("ada"));
    let (payload, signature) = token.rsplit_once('.').expect("three parts");
    let as_token = format!("JWT {token}");
    let half = [format!("edx-jwt-cookie-header-payload={payload}"), format!("edx-jwt-cookie-signature={signature}")];
    let others = format!("sessionid=1; user_id=1; username=ada; jwt={token}; edx-jwt-cookie={token}");
    let order = format!("/api/v1/orders/{}", two.orders[0]);
    let paths = ["/api/v1/users/me", "/api/v1/orders", "/api/v1/basket", "/api/v1/sessions", order.as_str()];
    let mut tricks = vec![("X-Client-Key", CLIENT_KEY), ("X-Tenant", "northwind"), ("X-CSRF-Token", &token)];
    tricks.extend(["X-Id-Token", "X-Raw-Id-Token", "X-Access-Token", "X-Refresh-Token"].map(|name| (name, &*token)));
    tricks
        .extend(["Proxy-Authorization", "X-Authorization", "X-Forwarded-Authorization"].map(|name| (name, &*as_token)));
    tricks.extend(
        ["X-User", "X-User-Id", "X-Username", "X-Remote-User", "Remote-User", "REMOTE_USER", "X-Forwarded-User"]
            .map(|name| (name, "ada")),
    );
    tricks.extend(
        ["X-Auth-Request-User", "X-Amzn-Oidc-Identity", "X-Consumer-Username", "From"].map(|name| (name, "ada")),
    );
    tricks.extend(["X-Userinfo", "X-User-Info", "X-Amzn-Oidc-Data"].map(|name| (name, &*said)));
    tricks.extend(["X-Forwarded-For", "X-Real-Ip", "True-Client-Ip"].map(|name| (name, "127.0.0.1")));
    tricks.extend(["X-Original-Url", "X-Rewrite-Url"].map(|name| (name, "/api/v1/users/ada")));
    tricks.extend(["X-Forwarded-Host", "X-Host"].map(|name| (name, "shop.example")));
    tricks.push(("Forwarded", "for=127.0.0.1;host=shop.example;proto=https"));
    tricks.extend(["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"].map(|name| (name, "DELETE")));
    tricks.extend(half.iter().chain([&others]).map(|cookies| ("Cookie", cookies.as_str())));
    for client in [&two.eve, &two.nobody] {
        for path in paths {
            let plain = told(&client.get(path).await);
            for (header, value) in &tricks {
                let tricked = client.request(Method::GET, path).header(*header, *value);
                assert_eq!(told(&client.send(tricked).await), plain, "{path} with {header}: {value}");
            }
            let guessed = vouched(client, &said).with("X-Gateway-Secret", "local-development");
            assert_eq!(told(&guessed.get(path).await), plain, "{path} with a guessed secret");
        }
    }
    two.part().await;
}

#[tokio::test]
async fn of_two_people_in_one_request_neither_is_guessed() {
    let two = Two::meet().await;
    let [ada, eve] = ["ada", "eve"].map(|name| two.token(name));
    let (by_ada, by_eve) = (format!("JWT {ada}"), format!("Bearer {eve}"));
    let orders = "/api/v1/orders";
    for headers in [
        vec![&by_ada, &by_eve],
        vec![&by_eve, &by_ada],
        vec![&by_ada, &by_ada],
        vec![&format!("{by_ada}, {by_eve}")],
        vec![&format!("Basic YTpi, {by_ada}")],
    ] {
        let request = two.nobody.request(Method::GET, orders);
        let request = headers.into_iter().fold(request, |request, value| request.header("Authorization", value));
        two.nobody.send(request).await.problem(401, "unauthorized");
    }
    vouched(&two.eve, &userinfo("ada")).get(orders).await.problem(401, "unauthorized");

    // A token that is sent on purpose counts before what a browser or an application adds.
    let eves = log_in(&two.nobody, "of-eve", &eve).await;
    for client in [
        go_on(&two.eve, &two.login),
        browser(&two.eve, &two.login, true),
        split(&two.eve, &ada, false).await,
        browser(&go_on(&two.nobody, &eves), &two.login, true),
        split(&go_on(&two.nobody, &eves), &ada, false).await,
        two.eve.with("Session-Id", "SID:ANON:test:of-ada"),
    ] {
        assert_eq!(name(&client).await, "eve");
        assert_eq!(client.get(orders).await.expect(StatusCode::OK)["items"], json!([]));
        assert_eq!(client.get("/api/v1/basket").await["lines"][0]["sku"], "PY");
    }
    // Cookies of two people are of nobody.
    let cookies = |client: &Client| {
        let request = client.request(Method::GET, "/").build().expect("a request");
        request.headers()["cookie"].to_str().expect("text").to_owned()
    };
    let both = format!(
        "{}; {}",
        cookies(&browser(&two.nobody, &two.login, false)),
        cookies(&split(&two.nobody, &eve, false).await)
    );
    let both = two.nobody.with("Cookie", &both);
    both.get(orders).await.problem(401, "unauthorized");
    assert_eq!(name(&both).await, Value::Null);
    two.part().await;
}

#[tokio::test]
async fn neither_an_anonymous_session_nor_an_application_is_a_user() {
    let two = Two::meet().await;
    let before = two.nobody.with("Session-Id", "SID:ANON:test:of-ada");
    let key = two.nobody.with("X-Client-Key", CLIENT_KEY);
    let listed = format!("SID:AUTH:test:{}", two.login["session"]["id"].as_str().expect("an id"));
    for nobody in [&before, &key, &key.with("Session-Id", "SID:ANON:test:of-ada")] {
        assert_eq!(name(nobody).await, Value::Null);
        assert_eq!(nobody.get("/api/v1/basket").await.expect(StatusCode::OK)["lines"], json!([]));
        for path in ["/api/v1/orders", "/api/v1/sessions", &format!("/api/v1/orders/{}", two.orders[0])] {
            nobody.get(path).await.problem(401, "unauthorized");
        }
        nobody.checkout("key").await.problem(401, "unauthorized");
    }
    // Nor is what names a session in a list the session.
    two.nobody.with("Session-Id", &listed).get("/api/v1/orders").await.problem(401, "session_ended");
    // Who signs in where ada was anonymous gets nothing of hers.
    let eve = go_on(&two.nobody, &log_in(&two.nobody, "of-ada", &two.token("eve")).await);
    assert_eq!(eve.get("/api/v1/orders").await.expect(StatusCode::OK)["items"], json!([]));
    assert_eq!(eve.get("/api/v1/sessions").await.expect(StatusCode::OK)["items"][1], Value::Null);
    two.part().await;
}
