//! The token endpoint: who gets a token, in which form, and what everybody else is told.

use std::collections::BTreeMap;

use domain::throttle::Throttle;
use expect_test::expect;
use http::StatusCode;
use local::dev_keys::{MACHINE_CLIENT, OTHER_CLIENT_KEY};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

use super::{Machine, TOKEN_PATH, by_token, header, part_of, post_form};

/// The answer is a refusal of OAuth's, and no problem.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer["error"].as_str()), (status, Some(error)), "{}", answer.text);
    assert!(answer["error_description"].is_string(), "{}", answer.text);
    assert_eq!(header(answer, "content-type"), "application/json");
    assert_eq!((header(answer, "cache-control"), header(answer, "pragma")), ("no-store", "no-cache"));
    let challenge = if status == 401 { "Basic realm=\"oauth2\"" } else { "" };
    assert_eq!(header(answer, "www-authenticate"), challenge);
}

#[tokio::test]
async fn a_registered_clients_token_fulfils_an_order() {
    let app = TestApp::start().await;
    app.sell("PY", "49.90", "USD", None).await;
    let ada = app.user("ada");
    let checkout = ada.order("PY").await;
    ada.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    app.cloud.stripe.deliver().await;

    let machine = Machine::register(&app, &["orders:fulfill"], &[]).await;
    let fulfil = format!("/api/v1/orders/{}/fulfill", super::super::number(&checkout));
    machine.client(&app).await.post(&fulfil, &json!({})).await.expect(StatusCode::ACCEPTED);
    app.settle().await;
    assert_eq!(app.enrolments("ada").await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_token_says_what_open_edxs_say() {
    let app = TestApp::start().await;
    let machine = Machine::register(&app, &["orders:read", "orders:fulfill"], &["content_org:Test", "user:me"]).await;
    let issued = machine.ask(&app, &[("token_type", "JWT"), ("scope", "orders:read")]).await.expect(StatusCode::OK);
    assert_eq!((header(&issued, "cache-control"), header(&issued, "pragma")), ("no-store", "no-cache"));
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!(
        issued.json,
        json!({"access_token": token, "token_type": "JWT", "expires_in": 3600, "scope": "orders:read"})
    );
    let mut claims = part_of(token, 1);
    assert_eq!(claims["iss"], format!("{}/oauth2", app.cloud.base_url));
    assert_eq!(claims["client_id"], machine.id);
    let worker = app.staff().get("/api/v1/users/worker").await;
    worker.problem(404, "unknown_user");
    by_token(&app, &issued).get("/api/v1/users/me").await.expect(StatusCode::OK);
    let worker = app.staff().get("/api/v1/users/worker").await.expect(StatusCode::OK);
    assert_eq!(claims["sub"], worker["id"]);
    for differs in ["iss", "client_id", "sub", "jti"] {
        assert!(claims.as_object_mut().unwrap().remove(differs).is_some_and(|value| value.is_string()), "{differs}");
    }
    expect![[r#"
        {
          "aud": "default",
          "email_verified": false,
          "exp": 1795179600,
          "filters": [
            "content_org:Test",
            "user:me"
          ],
          "grant_type": "client-credentials",
          "iat": 1795176000,
          "is_restricted": true,
          "preferred_username": "worker",
          "scopes": [
            "orders:read"
          ],
          "tenant": "default",
          "version": "1.2.0"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&claims).unwrap());
    let again = machine.ask(&app, &[]).await.expect(StatusCode::OK);
    assert_ne!(part_of(again["access_token"].as_str().unwrap(), 1)["jti"], part_of(token, 1)["jti"]);
    app.finish().await;
}

#[tokio::test]
async fn clients_of_one_username_do_not_shut_each_other_out() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        let machine = Machine::register(&app, &["orders:read"], &[]).await;
        let me = machine.client(&app).await.get("/api/v1/users/me").await.expect(StatusCode::OK);
        assert_eq!((&me["username"], &me["permissions"]), (&json!("worker"), &json!(["orders:read"])));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_client_proves_itself_by_header_or_form_at_either_path() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let machine = Machine::register(&app, &["orders:read"], &[]).await;
    let (id, secret) = (machine.id.as_str(), machine.secret.as_str());
    let grant = ("grant_type", "client_credentials");
    for (path, basic, form, kind) in [
        (TOKEN_PATH, None, vec![grant, ("client_id", id), ("client_secret", secret)], "Bearer"),
        (TOKEN_PATH, Some(secret), vec![grant], "Bearer"),
        (TOKEN_PATH, Some(secret), vec![grant, ("client_id", id), ("token_type", "bearer")], "Bearer"),
        ("/oauth2/access_token/", Some(secret), vec![grant, ("token_type", "Jwt")], "JWT"),
        ("/oauth2/access_token/?client_id=other", Some(secret), vec![grant, ("token_type", "jwt")], "JWT"),
    ] {
        let mut request = nobody.request(Method::POST, path).form(&form);
        if let Some(secret) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        let issued = nobody.send(request).await.expect(StatusCode::OK);
        assert_eq!(issued["token_type"], kind, "{path} {form:?}");
        for scheme in ["JWT", "Bearer", "bearer"] {
            let client =
                nobody.with("Authorization", &format!("{scheme} {}", issued["access_token"].as_str().unwrap()));
            assert_eq!(client.get("/api/v1/users/me").await.expect(StatusCode::OK)["username"], "worker");
        }
    }
    // The development client is one like any other.
    let local = Machine { id: MACHINE_CLIENT.0.to_owned(), secret: MACHINE_CLIENT.1.to_owned() };
    assert_eq!(local.ask(&app, &[]).await.expect(StatusCode::OK)["scope"], "orders:fulfill orders:read");
    app.finish().await;
}

#[tokio::test]
async fn unknown_wrong_and_revoked_are_one_and_the_same() {
    let app = TestApp::start().await;
    let good = Machine::register(&app, &["orders:read"], &[]).await;
    let gone = Machine::register(&app, &["orders:read"], &[]).await;
    app.staff().delete(&gone.path()).await.expect(StatusCode::NO_CONTENT);
    let machine = |id: &str, secret: &str| Machine { id: id.to_owned(), secret: secret.to_owned() };
    let mut answers = Vec::new();
    app.cloud.ledger.clear();
    for bad in [
        machine("mcl_01m810rwd80000000000000007", &good.secret),
        machine(&good.id, &gone.secret),
        machine(&good.id, &good.secret.to_uppercase()),
        machine(&good.id, &good.secret[..63]),
        machine(&gone.id, &gone.secret),
    ] {
        let answer = bad.ask(&app, &[("scope", "orders:unheard")]).await;
        refused(&answer, 401, "invalid_client");
        let told = answer
            .headers
            .iter()
            .filter(|(name, _)| !["x-request-id", "date", "ratelimit-remaining"].contains(&name.as_str()));
        answers.push((
            answer.text.clone(),
            BTreeMap::from_iter(told.map(|(name, value)| (name.to_string(), value.clone()))),
        ));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    let costs = app.cloud.ledger.costs().remove("issue_token").unwrap();
    assert!(costs.windows(2).all(|pair| pair[0].calls == pair[1].calls), "{costs:?}");
    for odd in [machine("nobody", &good.secret), machine(&good.id.replace("mcl_", "cli_"), &good.secret)] {
        refused(&odd.ask(&app, &[]).await, 401, "invalid_client");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_request_that_is_not_oauths_is_refused_in_oauths_words() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let machine = Machine::register(&app, &["orders:read"], &[]).await;
    let good = format!("grant_type=client_credentials&client_id={}&client_secret={}", machine.id, machine.secret);
    let form = "application/x-www-form-urlencoded";
    let big = format!("{good}&x={}", "a".repeat(300 * 1024));
    for (content_type, body, status, error) in [
        (form, "", 400, "invalid_request"),
        (form, good.strip_prefix("grant_type=client_credentials&").unwrap(), 400, "invalid_request"),
        (form, &good.replace("client_credentials", "password"), 400, "unsupported_grant_type"),
        (form, &good.replace("client_credentials", "authorization_code"), 400, "unsupported_grant_type"),
        (form, &format!("{good}&grant_type=client_credentials"), 400, "invalid_request"),
        (form, &format!("{good}&token_type=saml"), 400, "invalid_request"),
        (form, &format!("{good}&scope=orders:fulfill"), 400, "invalid_scope"),
        (form, &format!("{good}&scope=orders:read+staff"), 400, "invalid_scope"),
        (form, &big, 400, "invalid_request"),
        (form, "grant_type=client_credentials", 401, "invalid_client"),
        ("application/json", r#"{"grant_type":"client_credentials"}"#, 400, "invalid_request"),
        ("multipart/form-data; boundary=x", &good, 400, "invalid_request"),
    ] {
        let request = nobody.request(Method::POST, TOKEN_PATH).header("content-type", content_type);
        refused(&nobody.send(request.body(body.to_owned())).await, status, error);
    }
    let post = async |headers: &[(&str, &str)]| {
        let request = nobody.request(Method::POST, TOKEN_PATH).header("content-type", form);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        nobody.send(request.body(good.clone())).await
    };
    for wrong in ["Basic", "Basic x", "Basic bWNsXzE6eA==", "Digest x", "JWT a.b.c"] {
        refused(&post(&[("authorization", wrong)]).await, 401, "invalid_client");
    }
    refused(&post(&[("authorization", "Basic eA=="), ("authorization", "Bearer x")]).await, 401, "invalid_client");
    refused(&post(&[("session-id", "SID:ANON:test:7")]).await, 400, "invalid_request");
    post(&[("x-client-key", "ck_default_1_2")]).await.problem(401, "unknown_client_key");
    nobody.get(TOKEN_PATH).await.problem(405, "method_not_allowed");
    post(&[]).await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn so_many_requests_a_minute_are_served_and_the_next_waits_for_the_window() {
    let app = TestApp::start().await;
    let machine = Machine::register(&app, &["orders:read"], &[]).await;
    let wrong = Machine { id: machine.id.clone(), secret: "guess".to_owned() };
    let limit = Throttle::TOKEN.limit;
    app.advance(20).await;
    for call in 1..=limit {
        // Good and bad requests count alike.
        let (asking, status) = if call % 2 == 0 { (&machine, 200) } else { (&wrong, 401) };
        let answer = asking.ask(&app, &[]).await;
        let rate = ["limit", "remaining", "reset"].map(|name| header(&answer, &format!("ratelimit-{name}")).to_owned());
        assert_eq!(
            (answer.status.as_u16(), rate),
            (status, [limit.to_string(), (limit - call).to_string(), "40".to_owned()])
        );
    }
    for asking in [&machine, &wrong] {
        let answer = asking.ask(&app, &[]).await;
        answer.problem(429, "too_many_requests");
        assert_eq!((header(&answer, "retry-after"), header(&answer, "ratelimit-remaining")), ("40", "0"));
    }
    app.advance(39).await;
    machine.ask(&app, &[]).await.problem(429, "too_many_requests");
    app.advance(1).await;
    machine.ask(&app, &[]).await.expect(StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn a_rotated_secret_and_the_one_before_open_until_the_grace_ends() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let first = Machine::register(&app, &["orders:read"], &[]).await;
    let rotate = async |grace: Value| {
        let answer = staff.post(&format!("{}/rotate", first.path()), &grace).await.expect(StatusCode::OK);
        assert_eq!(header(&answer, "cache-control"), "no-store");
        (Machine::of(&answer), answer)
    };
    let (second, answer) = rotate(json!({"grace_s": 600})).await;
    assert_eq!((&answer["grace_until"], &answer["version"]), (&json!("2026-11-20T12:10:00Z"), &json!(2)));
    let open = async |machine: &Machine| machine.ask(&app, &[]).await.status == StatusCode::OK;
    app.advance(599).await;
    assert!(open(&first).await && open(&second).await);
    app.advance(1).await;
    assert!(!open(&first).await && open(&second).await);
    // A day is what nobody names; a grace of nothing ends at once.
    let (third, answer) = rotate(json!({})).await;
    assert_eq!(answer["grace_until"], "2026-11-21T12:10:00Z");
    assert!(open(&second).await && open(&third).await);
    let (fourth, answer) = rotate(json!({"grace_s": 0})).await;
    assert_eq!(answer["grace_until"], Value::Null);
    assert!(!open(&second).await && !open(&third).await && open(&fourth).await);

    let issued = fourth.ask(&app, &[]).await.expect(StatusCode::OK);
    staff.delete(&first.path()).await.expect(StatusCode::NO_CONTENT);
    refused(&fourth.ask(&app, &[]).await, 401, "invalid_client");
    // What was issued before is good until it expires.
    by_token(&app, &issued).get("/api/v1/users/me").await.expect(StatusCode::OK);
    staff.post(&format!("{}/rotate", first.path()), &json!({})).await.problem(409, "conflict");
    app.finish().await;
}

#[tokio::test]
async fn the_documents_lead_to_what_is_there() {
    let app = TestApp::start().await;
    let nobody = app.anonymous();
    let base = &app.cloud.base_url;
    let expected = json!({
        "issuer": format!("{base}/oauth2"),
        "token_endpoint": format!("{base}/oauth2/access_token"),
        "jwks_uri": format!("{base}/oauth2/jwks"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["orders:fulfill", "orders:read"],
    });
    for path in [
        "/.well-known/openid-configuration",
        "/oauth2/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/oauth2",
    ] {
        let document = nobody.get(path).await.expect(StatusCode::OK);
        assert_eq!(document.json, expected, "{path}");
        assert_eq!(header(&document, "cache-control"), "public, max-age=300");
    }
    let keys = nobody.get(expected["jwks_uri"].as_str().unwrap()).await.expect(StatusCode::OK);
    assert_eq!(header(&keys, "cache-control"), "public, max-age=300");
    assert!(keys.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("x-client-key")));
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{}", keys.text) };
    let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"], "a private part would be another name");
    let machine = Machine::register(&app, &["orders:read"], &[]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", &machine.id), ("client_secret", &machine.secret)];
    let endpoint = expected["token_endpoint"].as_str().unwrap();
    let issued = nobody.send(nobody.request(Method::POST, endpoint).form(&form)).await.expect(StatusCode::OK);
    assert_eq!(part_of(issued["access_token"].as_str().unwrap(), 0)["kid"], key["kid"]);
    app.finish().await;
}

#[tokio::test]
async fn a_machine_client_of_one_tenant_is_unknown_to_the_other() {
    let app = TestApp::start().await;
    let machine = Machine::register(&app, &["orders:read"], &[]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", &machine.id), ("client_secret", &machine.secret)];
    let other = app.anonymous().with("X-Client-Key", OTHER_CLIENT_KEY);
    refused(&post_form(&other, &form).await, 401, "invalid_client");
    let token = machine.client(&app).await;
    token.with("X-Client-Key", OTHER_CLIENT_KEY).get("/api/v1/basket").await.problem(401, "unauthorized");
    app.finish().await;
}
