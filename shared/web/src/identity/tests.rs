//! Tokens, sessions and forged requests, each as a table of cases over HTTP.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;
use crate::digest::Keyed;
use crate::testing::{AUDIENCE, ISSUER, JWT_SECRET, NOW, body_text, header, http, http_at, request, send};
use crate::{Http, Problem};

/// Every kind of caller, over HTTP; answers who it was.
fn app(http: &Http) -> Router {
    async fn owner(who: Claim<Caller>) -> Result<String, Problem> {
        Ok(who.alone().await?.owner().map_or("nobody".to_owned(), |owner| owner.key().to_owned()))
    }
    async fn user<P: Role + AsRef<User>>(who: Claim<P>) -> Result<String, Problem> {
        let user = who.alone().await?;
        let user = user.as_ref();
        Ok(format!("{} {} staff={}", user.username, user.id, user.staff))
    }
    async fn own(who: Claim<OwnerForWrite>) -> Result<impl IntoResponse, Problem> {
        let it = who.alone().await?;
        Ok((StatusCode::CREATED, it.minted, it.owner.key().to_owned()))
    }
    let router = Router::new()
        .route("/any", get(owner).post(owner))
        .route("/user", get(user::<SignedIn>))
        .route("/staff", get(user::<Staff>))
        .route("/fulfil", get(user::<Fulfiller>))
        .route("/own", post(own));
    crate::contract(router.with_state(http.clone()), http)
}

fn claims(change: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": NOW - 60, "exp": NOW + 3600,
        "preferred_username": "ada", "sub": "0123", "email": "ada@example.com",
    });
    for (name, value) in change.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        if value == "absent" {
            claims.remove(name)
        } else {
            claims.insert(name.clone(), value.clone())
        };
    }
    claims
}

fn token(change: Value) -> String {
    encode(&Header::new(Algorithm::HS256), &claims(change), &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap()
}

/// A token with any header, signed by HMAC-SHA256 with `secret` whatever the header says.
fn forged(head: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(&claims(json!({}))));
    let signature = URL_SAFE_NO_PAD.encode(Keyed::new(secret).sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

async fn ask(http: &Http, uri: &str, authorization: &str) -> (u16, String) {
    let response = send(&app(http), request("GET", uri, &[("authorization", authorization)], "")).await;
    let status = response.status().as_u16();
    let challenged = header(&response, "www-authenticate") == Some("JWT realm=\"api\"");
    assert_eq!(challenged, status == 401, "{uri}");
    (status, body_text(response).await)
}

#[track_caller]
fn expect(uri: &str, name: &str, (status, body): (u16, String), wanted: u16) {
    assert_eq!(status, wanted, "{name} at {uri}: {body}");
}

#[tokio::test]
async fn good_tokens_are_taken() {
    let http = http().await;
    for (name, change) in [
        ("plain", json!({})),
        ("list of audiences", json!({"aud": ["other", AUDIENCE]})),
        ("fractions of a second", json!({"exp": 1_780_315_200.5 + 60.0, "iat": 1_780_315_199.25})),
        ("expired within the leeway", json!({"exp": NOW - 9})),
        ("issued ahead within the leeway", json!({"iat": NOW + 9})),
        ("older claim for the name", json!({"preferred_username": null, "username": "ada"})),
        (
            "nulls",
            json!({"email": null, "name": null, "administrator": null, "scopes": null, "scope": null, "nbf": null}),
        ),
        ("unknown claims", json!({"version": "1.2.0", "filters": ["user:me"]})),
    ] {
        let token = token(change);
        let (status, body) = ask(&http, "/user", &format!("JWT {token}")).await;
        assert_eq!((status, body.starts_with("ada usr_")), (200, true), "{name}: {body}");
    }
    for scheme in ["JWT", "jwt", "Jwt", "Bearer", "BEARER"] {
        expect("/user", scheme, ask(&http, "/user", &format!("{scheme} {}", token(json!({})))).await, 200);
    }
}

#[tokio::test]
async fn bad_tokens_are_refused_also_where_none_is_needed() {
    let http = http().await;
    let good = token(json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let admin = URL_SAFE_NO_PAD.encode(claims(json!({"administrator": true})).to_string());
    let hs512 =
        encode(&Header::new(Algorithm::HS512), &claims(json!({})), &EncodingKey::from_secret(JWT_SECRET.as_bytes()));
    let cases = [
        ("expired", token(json!({"exp": NOW - 11}))),
        ("no exp", token(json!({"exp": "absent"}))),
        ("null exp", token(json!({"exp": null}))),
        ("exp as text", token(json!({"exp": "9999999999"}))),
        ("no iat", token(json!({"iat": "absent"}))),
        ("issued in the future", token(json!({"iat": NOW + 11}))),
        ("not yet good", token(json!({"nbf": NOW + 11}))),
        ("other issuer", token(json!({"iss": "https://evil.example"}))),
        ("no issuer", token(json!({"iss": "absent"}))),
        ("list of issuers", token(json!({"iss": ["https://evil.example", ISSUER]}))),
        ("other audience", token(json!({"aud": "ecommerce"}))),
        ("other audiences", token(json!({"aud": ["ecommerce", "credentials"]}))),
        ("no audience", token(json!({"aud": "absent"}))),
        ("no name", token(json!({"preferred_username": null, "sub": 7}))),
        ("empty name", token(json!({"preferred_username": ""}))),
        ("administrator as text", token(json!({"administrator": "true"}))),
        ("algorithm none", format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))),
        ("none, signed", forged(&json!({"alg": "none"}), JWT_SECRET.as_bytes())),
        ("HMAC passed off as RS256", forged(&json!({"alg": "RS256"}), JWT_SECRET.as_bytes())),
        ("no algorithm", forged(&json!({"typ": "JWT"}), JWT_SECRET.as_bytes())),
        ("HS512", hs512.unwrap()),
        ("other secret", forged(&json!({"alg": "HS256"}), b"guess")),
        ("empty secret", forged(&json!({"alg": "HS256"}), b"")),
        ("changed claims", format!("{head}.{admin}.{signature}")),
        ("cut signature", good[..good.len() - 1].to_owned()),
        ("no signature", signed.to_owned()),
        ("empty signature", format!("{signed}.")),
        ("a fourth part", format!("{good}.x")),
        ("too long", token(json!({"filler": "x".repeat(8192)}))),
        ("two spaces", format!(" {good}")),
        ("nothing", String::new()),
    ];
    for (name, token) in cases {
        for scheme in ["JWT", "Bearer"] {
            for uri in ["/any", "/user"] {
                expect(uri, name, ask(&http, uri, &format!("{scheme} {token}")).await, 401);
            }
        }
    }
    expect("/any", "a bare scheme", ask(&http, "/any", "JWT").await, 401);
}

#[tokio::test]
async fn a_forged_token_of_the_right_secret_is_the_control_of_these_cases() {
    let token = forged(&json!({"alg": "HS256"}), JWT_SECRET.as_bytes());
    expect("/user", "control", ask(&http().await, "/user", &format!("JWT {token}")).await, 200);
}

#[tokio::test]
async fn another_scheme_is_nobody_and_two_headers_are_refused() {
    let http = http().await;
    assert_eq!(ask(&http, "/any", "Basic YTpi").await, (200, "nobody".to_owned()));
    expect("/user", "another scheme", ask(&http, "/user", "Basic YTpi").await, 401);
    let good = format!("JWT {}", token(json!({})));
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(send(&app(&http), request("GET", "/any", &twice, "")).await.status().as_u16(), 401);
}

#[tokio::test]
async fn a_token_outlives_a_move_of_our_clock_and_may_come_from_it() {
    let clock = Clock::fixed(Timestamp::from_second(NOW).unwrap());
    let http = http_at(clock.clone()).await;
    clock.advance(SignedDuration::from_hours(24));
    let day = 86_400;
    for (name, change, wanted) in [
        ("made before the move", json!({}), 200),
        ("made by our clock", json!({"iat": NOW + day, "exp": NOW + day + 60}), 200),
        ("expired by both", json!({"exp": NOW - 60}), 401),
        ("from the future of both", json!({"iat": NOW + day + 60, "exp": NOW + day + 120}), 401),
    ] {
        expect("/user", name, ask(&http, "/user", &format!("JWT {}", token(change))).await, wanted);
    }
}

#[tokio::test]
async fn permissions_come_from_the_claims_and_staff_does_not_fulfil() {
    let http = http().await;
    for (name, change, staff, fulfil) in [
        ("learner", json!({}), 403, 403),
        ("not an administrator", json!({"administrator": false}), 403, 403),
        ("administrator", json!({"administrator": true}), 200, 403),
        ("restricted administrator", json!({"administrator": true, "is_restricted": true}), 403, 403),
        ("scope in a list", json!({"scopes": ["read", "orders:fulfill"]}), 403, 200),
        ("scope in a text", json!({"scope": "read orders:fulfill"}), 403, 200),
        ("part of the scope", json!({"scope": "orders:fulfill:x"}), 403, 403),
        ("scope in one item", json!({"scopes": ["read orders:fulfill"]}), 403, 403),
    ] {
        // Each is another user: who was staff once stays staff until a token says otherwise.
        let mut change = change;
        let name_and_sub = json!(name.replace(' ', "-"));
        change["preferred_username"] = name_and_sub.clone();
        change["sub"] = name_and_sub;
        let authorization = format!("JWT {}", token(change));
        expect("/staff", name, ask(&http, "/staff", &authorization).await, staff);
        expect("/fulfil", name, ask(&http, "/fulfil", &authorization).await, fulfil);
    }
    for uri in ["/user", "/staff", "/fulfil"] {
        assert_eq!(send(&app(&http), request("GET", uri, &[], "")).await.status().as_u16(), 401, "{uri}");
    }
}

#[tokio::test]
async fn a_user_has_the_same_id_each_time_and_another_user_another() {
    let http = http().await;
    let mut ids = Vec::new();
    for name in ["ada", "ada", "Ada", "ada|x"] {
        ids.push(ask(&http, "/any", &format!("JWT {}", token(json!({"preferred_username": name})))).await.1);
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0] != ids[2] && ids[0] != ids[3], "{ids:?}");
    let digest = Keyed::new(b"only we know this").digest(&["user|default|ada"]);
    assert_eq!(ids[0], format!("usr_{}", hex::encode(&digest[..16])));
}

#[tokio::test]
async fn a_session_header_is_taken_whole_or_refused() {
    let http = http().await;
    let uuid = "82d7ac3f-135c-4b12-a296-ff3c4701307d";
    let long = format!("SID:ANON:api.example:{}", "a".repeat(129));
    for (value, wanted) in [
        (format!("SID:ANON:api.example:{uuid}"), 200),
        ("SID:ANON:api.example:923-thread1".to_owned(), 200),
        ("SID:ANON:api.example:7:1a:2".to_owned(), 200),
        ("SID:ANON:api.example:7:x".to_owned(), 400),
        ("SID:ANON:api.example:".to_owned(), 400),
        ("SID:ANON:api.example".to_owned(), 400),
        ("SID:ANON:api.example:a b".to_owned(), 400),
        ("sid:anon:api.example:7".to_owned(), 400),
        ("SID:ROOT:api.example:7".to_owned(), 400),
        (String::new(), 400),
        (long, 400),
        ("SID:ANON:other.example:7".to_owned(), 403),
        ("SID:ANON::7".to_owned(), 400),
        ("SID:AUTH:other.example:7".to_owned(), 403),
        ("SID:AUTH:api.example:7".to_owned(), 401),
    ] {
        let response = send(&app(&http), request("POST", "/any", &[("session-id", &value)], "")).await;
        assert_eq!(response.status().as_u16(), wanted, "{value}");
    }
    let mut keys = Vec::new();
    for id in [uuid, uuid, "82d7ac3f-135c-4b12", "82d7ac3f-135c-4b12-a296-ff3c4701307e"] {
        let value = format!("SID:ANON:api.example:{id}");
        keys.push(body_text(send(&app(&http), request("GET", "/any", &[("session-id", &value)], "")).await).await);
    }
    assert!(keys[0] == keys[1] && keys[0] != keys[2] && keys[0] != keys[3], "{keys:?}");
    assert!(keys[0].starts_with("anon_"), "{keys:?}");
}

/// The owner, the cookie header to send back, and the CSRF token of a session that was minted.
async fn minted(http: &Http) -> (String, String, String) {
    let response = send(&app(http), request("POST", "/own", &[("origin", "https://shop.example")], "")).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let token = header(&response, "x-csrf-token").unwrap().to_owned();
    let set: Vec<_> = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
    let [session, csrf] = set.as_slice() else { panic!("{set:?}") };
    let common = "SameSite=Lax; Path=/; Max-Age=2592000; Secure";
    let (session, attributes) = session.split_once("; ").unwrap();
    assert_eq!(attributes, format!("HttpOnly; {common}"));
    assert_eq!(csrf, &format!("bursar_csrf={token}; {common}"));
    assert_eq!(session.len(), "bursar_session=".len() + 32);
    let cookies = format!("theme=dark; {session}; bursar_csrf={token}");
    (body_text(response).await, cookies, token)
}

#[tokio::test]
async fn the_first_write_starts_a_session_and_later_requests_keep_it() {
    let http = http().await;
    let (owner, cookies, token) = minted(&http).await;
    let read = send(&app(&http), request("GET", "/any", &[("cookie", &cookies)], "")).await;
    assert_eq!(body_text(read).await, owner);
    let headers = [("cookie", cookies.as_str()), ("x-csrf-token", token.as_str())];
    let write = send(&app(&http), request("POST", "/own", &headers, "")).await;
    assert_eq!(header(&write, "set-cookie"), None);
    assert_eq!(body_text(write).await, owner);
    assert_ne!(minted(&http).await.0, owner);
}

#[tokio::test]
async fn reading_mints_nothing_and_foreign_cookies_are_no_session() {
    let http = http().await;
    for cookie in ["", "bursar_session=", "bursar_session=../../etc", "bursar_sessions=0", "xbursar_session=0"] {
        let response = send(&app(&http), request("GET", "/any", &[("cookie", cookie)], "")).await;
        assert_eq!(header(&response, "set-cookie"), None, "{cookie}");
        assert_eq!(body_text(response).await, "nobody", "{cookie}");
    }
}

#[tokio::test]
async fn a_write_on_the_cookie_alone_must_show_that_it_is_not_forged() {
    let http = http().await;
    let (_, cookies, token) = minted(&http).await;
    let (_, _, others) = minted(&http).await;
    let own = "https://api.example";
    for (name, csrf, origin, host, wanted) in [
        ("token alone", Some(&token), None, None, 200),
        ("token from an allowed site", Some(&token), Some("https://shop.example"), None, 200),
        ("token from our own host", Some(&token), Some(own), Some("api.example"), 200),
        ("token from our own host without TLS", Some(&token), Some("http://api.example"), Some("api.example"), 403),
        ("token from another host", Some(&token), Some(own), Some("api.example.evil"), 403),
        ("token from a foreign site", Some(&token), Some("https://evil.example"), None, 403),
        ("token from an opaque origin", Some(&token), Some("null"), None, 403),
        ("nothing", None, None, None, 403),
        ("allowed site alone", None, Some("https://shop.example"), None, 403),
        ("another session's token", Some(&others), None, None, 403),
        ("empty token", Some(&String::new()), None, None, 403),
    ] {
        let mut headers = vec![("cookie", cookies.as_str())];
        headers.extend(csrf.map(|value| ("x-csrf-token", value.as_str())));
        headers.extend(origin.map(|value| ("origin", value)));
        headers.extend(host.map(|value| ("host", value)));
        let response = send(&app(&http), request("POST", "/any", &headers, "")).await;
        let status = response.status().as_u16();
        let body = body_text(response).await;
        assert_eq!((status, body.contains("csrf_failed")), (wanted, wanted == 403), "{name}: {body}");
    }
}

#[tokio::test]
async fn what_a_browser_does_not_send_by_itself_needs_no_csrf_token() {
    let http = http().await;
    let (_, cookies, _) = minted(&http).await;
    let authorization = format!("JWT {}", token(json!({})));
    for extra in [("authorization", authorization.as_str()), ("session-id", "SID:ANON:api.example:7")] {
        let response = send(&app(&http), request("POST", "/own", &[("cookie", &cookies), extra], "")).await;
        assert_eq!((response.status().as_u16(), header(&response, "set-cookie")), (201, None), "{extra:?}");
    }
}

#[tokio::test]
async fn a_foreign_site_cannot_replace_a_visitors_session() {
    let response = send(&app(&http().await), request("POST", "/own", &[("origin", "https://evil.example")], "")).await;
    assert_eq!((response.status().as_u16(), header(&response, "set-cookie")), (403, None));
}
