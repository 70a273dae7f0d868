//! The callers of the policy, each with the credentials that a client of its kind sends.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use local::dev_keys::{CLIENT_KEY, GATEWAY, OTHER_CLIENT_KEY, OTHER_ISSUER, OTHER_JWT_SECRET, OTHER_TENANT};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client};

use super::shop::{Shop, text};
use super::tokens::{by, by_token, claims, signed, token_of, with};

/// A day, in seconds.
const DAY_S: i64 = 24 * 3600;

/// Signs in by a token from an anonymous session of an application.
pub(super) async fn log_in(client: &Client, session: &str, token: &str) -> Answer {
    let visitor = client.with("Session-Id", &format!("SID:ANON:test:{session}"));
    visitor.post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK)
}

/// Signs a browser in, which names no session of its own and is given cookies.
pub(super) async fn log_in_browser(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/login", &json!({"token": token})).await.expect(StatusCode::OK)
}

/// The application that goes on with the session of an answer.
pub(super) fn go_on(client: &Client, answer: &Answer) -> Client {
    client.with("Session-Id", answer.headers["session-id"].to_str().expect("text"))
}

/// The browser that goes on with the session of an answer; `csrf` says whether it sends the token against forgery.
pub(super) fn browser(client: &Client, answer: &Answer, csrf: bool) -> Client {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let ours = set.filter_map(|value| value.split(';').next()).find(|pair| pair.starts_with("bursar_session="));
    let browser = client.with("Cookie", ours.unwrap_or_else(|| panic!("no cookie: {answer:?}")));
    let token = answer.headers["x-csrf-token"].to_str().expect("text");
    if csrf { browser.with("X-CSRF-Token", token) } else { browser }
}

/// The browser that holds a token in Open edX's two cookies.
pub(super) async fn split(client: &Client, token: &str, csrf: bool) -> Client {
    let (payload, signature) = token.rsplit_once('.').expect("three parts");
    let cookies = format!("edx-jwt-cookie-header-payload={payload}; edx-jwt-cookie-signature={signature}");
    let browser = client.with("Cookie", &cookies);
    if !csrf {
        return browser;
    }
    let told = browser.get("/csrf/api/v1/token").await.expect(StatusCode::OK);
    browser.with("X-CSRFToken", &text(&told, "csrfToken"))
}

/// What a gateway says of somebody.
pub(super) fn userinfo(username: &str) -> String {
    STANDARD.encode(json!({"sub": format!("kc-{username}"), "preferred_username": username}).to_string())
}

/// A caller of whom the gateway says this.
pub(super) fn vouched(client: &Client, userinfo: &str) -> Client {
    client.with(GATEWAY.0, GATEWAY.1[0]).with("X-Userinfo", userinfo)
}

/// The callers whose credentials are the same for every request.
pub(super) async fn lasting(shop: &Shop) -> BTreeMap<&'static str, Client> {
    let nobody = &shop.nobody;
    let ada = claims(&shop.app, "ada");
    let token = token_of(&ada);
    let other_key = nobody.with("X-Client-Key", OTHER_CLIENT_KEY);
    let (named, _) = CLIENT_KEY.rsplit_once('_').expect("a secret");
    let wrong_key = format!("{named}_{}", "0".repeat(64));
    let mallory = by(nobody, &claims(&shop.app, "mallory"));
    mallory.get("/api/v1/basket").await.expect(StatusCode::OK);
    shop.staff.patch("/api/v1/users/mallory", &json!({"active": false})).await.expect(StatusCode::OK);
    let named = |name: &str| by_token(nobody, &own_token(shop, name));
    let northwinds = by_token(nobody, &own_token(shop, "northwind:ada"));
    BTreeMap::from([
        ("nobody", nobody.clone()),
        ("ada", shop.ada.clone()),
        ("ada:split", split(nobody, &token, false).await),
        ("ada:split+csrf", split(nobody, &token, true).await),
        ("ada:gateway", vouched(nobody, &userinfo("ada"))),
        ("eve", named("eve")),
        ("staff", shop.staff.clone()),
        ("service", named("service")),
        ("app", named("app")),
        ("app:reader", named("app:reader")),
        ("machine", by_token(nobody, &issued(shop).await)),
        ("deactivated", mallory),
        ("expired", by(nobody, &with(&ada, &json!({"exp": ada["exp"].as_i64().expect("a time") - DAY_S})))),
        ("forged", by_token(nobody, &signed(&ada, OTHER_JWT_SECRET))),
        ("audience", by(nobody, &with(&ada, &json!({"aud": "another-service"})))),
        ("key:unknown", shop.ada.with("X-Client-Key", &wrong_key)),
        ("key:relabelled", shop.ada.with("X-Client-Key", &OTHER_CLIENT_KEY.replace(OTHER_TENANT, "default"))),
        ("session:ended", ended(nobody, &token).await),
        ("realm:foreign", foreign(nobody, &token).await),
        ("userinfo:spoofed", nobody.with("X-Userinfo", &userinfo("ada"))),
        ("userinfo:malformed", vouched(nobody, "e30")),
        ("northwind:keyless", northwinds.clone()),
        ("northwind:key", other_key.clone()),
        ("northwind:ada", northwinds.with("X-Client-Key", OTHER_CLIENT_KEY)),
        ("northwind:default", by_token(&other_key, &token)),
    ])
}

/// A token that our own endpoint issued.
async fn issued(shop: &Shop) -> String {
    let (id, secret) = &shop.objects.worker;
    let form =
        [("grant_type", "client_credentials"), ("token_type", "jwt"), ("client_id", id), ("client_secret", secret)];
    let request = shop.nobody.request(Method::POST, "/oauth2/access_token").form(&form);
    text(&shop.nobody.send(request).await.expect(StatusCode::OK), "access_token")
}

async fn ended(nobody: &Client, token: &str) -> Client {
    let client = go_on(nobody, &log_in(nobody, "ended", token).await);
    client.post("/api/v1/logout", &json!({})).await.expect(StatusCode::NO_CONTENT);
    client
}

async fn foreign(nobody: &Client, token: &str) -> Client {
    let login = log_in(nobody, "foreign", token).await;
    let ours = login.headers["session-id"].to_str().expect("text");
    nobody.with("Session-Id", &ours.replace(":test:", ":elsewhere:"))
}

/// The token of a caller: the one that it goes by, or would sign in by.
pub(super) fn own_token(shop: &Shop, name: &str) -> String {
    let of = |username: &str| claims(&shop.app, username);
    let restricted = |username: &str, scopes: &[&str], filters: &[&str]| {
        with(&of(username), &json!({"is_restricted": true, "scopes": scopes, "filters": filters}))
    };
    let adas = ["user:me", "content_org:Test"];
    let claims = match name {
        "nobody" | "session" | "cookie" | "cookie+csrf" | "userinfo:spoofed" => of("newcomer"),
        "eve" => of("eve"),
        "staff" | "staff:session" => with(&of("staff"), &json!({"administrator": true})),
        "service" => restricted("service", &["orders:fulfill"], &[]),
        "machine" => restricted("worker", &["orders:fulfill", "orders:read"], &[]),
        "app" => restricted("ada", &[], &adas),
        "app:reader" => restricted("ada", &["orders:read"], &adas),
        "deactivated" => of("mallory"),
        northwinds if northwinds.starts_with("northwind:") => return of_northwind(&of("ada")),
        _ => of("ada"),
    };
    token_of(&claims)
}

/// The token of a user of the second tenant.
fn of_northwind(claims: &Value) -> String {
    signed(&with(claims, &json!({"iss": OTHER_ISSUER, "aud": OTHER_TENANT})), OTHER_JWT_SECRET)
}

impl Shop {
    /// A caller with credentials that no request has used up.
    pub(super) async fn caller(&self, name: &str) -> Client {
        if let Some(lasting) = self.lasting.get(name) {
            return lasting.clone();
        }
        let (nobody, id) = (&self.nobody, self.fresh("v"));
        match name {
            "session" => nobody.with("Session-Id", &format!("SID:ANON:test:{id}")),
            "cookie" | "cookie+csrf" => {
                let first = nobody.add("EDIT").await.expect(StatusCode::CREATED);
                browser(nobody, &first, name.ends_with("+csrf"))
            }
            "ada:session" | "staff:session" => go_on(nobody, &log_in(nobody, &id, &own_token(self, name)).await),
            "ada:cookie" | "ada:cookie+csrf" => {
                let login = log_in_browser(nobody, &own_token(self, name)).await;
                browser(nobody, &login, name.ends_with("+csrf"))
            }
            other => panic!("{other} is no caller"),
        }
    }
}
