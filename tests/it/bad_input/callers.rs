//! Callers who may not: without a token, with a bad one, without the role, or with a session that is none.

use serde_json::json;

use super::{Who, World};

#[tokio::test]
async fn an_operation_that_needs_a_token_is_closed_without_one() {
    let world = World::new().await;
    let before = world.table().await;
    let mut closed = 0;
    for (operation, sample) in world.cases().iter().filter(|(operation, _)| operation.roles().is_some()) {
        let ask = world.ask(operation, sample).without("authorization");
        let answer = world.refused(&ask, 401, "unauthorized").await;
        assert_eq!(answer.headers["www-authenticate"], "JWT realm=\"api\"");
        world.refused(&ask.clone().with("session-id", "SID:ANON:test:1"), 401, "unauthorized").await;
        world.refused(&ask.clone().with("authorization", "Basic YTpi"), 401, "unauthorized").await;
        closed += 1;
    }
    assert_eq!(closed, 63);
    World::unchanged(&before, &world.table().await, "a caller without a token");
    world.finish().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_needed() {
    let world = World::new().await;
    let good = world.authorization(Who::Ada).unwrap();
    let (body, signature) = good.rsplit_once('.').unwrap();
    let bad = [
        "JWT ".to_owned(),
        "Bearer".to_owned(),
        "JWT a.b.c".to_owned(),
        format!("{body}."),
        format!("{body}.{}", signature.chars().rev().collect::<String>()),
        format!("JWT {}", "a".repeat(9000)),
        // {"alg":"none"}
        format!("JWT eyJhbGciOiJub25lIn0.{}.", body.rsplit_once('.').unwrap().1),
    ];
    // Nobody is asked for here, or by OAuth's client: see `forms`.
    let nobody_asks = ["read_openapi", "read_health", "receive_event", "read_jwks", "read_discovery", "issue_token"];
    for (operation, sample) in world.cases().iter().filter(|(one, _)| !nobody_asks.contains(&one.id.as_str())) {
        let ask = world.ask(operation, sample).without("authorization");
        for token in &bad {
            world.refused(&ask.clone().with("authorization", token), 401, "unauthorized").await;
        }
        let twice = ask.clone().with("authorization", &good).with("authorization", &good);
        world.refused(&twice, 401, "unauthorized").await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_token_without_the_role_is_not_enough() {
    let world = World::new().await;
    let before = world.table().await;
    let mut tried = [0, 0];
    for (operation, sample) in world.cases() {
        let roles = operation.roles().unwrap_or_default();
        let others = match roles.as_slice() {
            [] => continue,
            [role] if role == "staff" => [Who::Ada, Who::Service],
            [role] if role == "orders:fulfill" => [Who::Ada, Who::Staff],
            _ => panic!("{roles:?}"),
        };
        for who in others {
            let ask = world.ask(&operation, &sample).without("authorization");
            let ask = ask.with("authorization", &world.authorization(who).unwrap());
            world.refused(&ask, 403, "forbidden").await;
            // The role comes first: what is sent is not even looked at.
            world.refused(&ask.clone().body("{"), 403, "forbidden").await;
        }
        // A session says nothing of its user, whose record is read with what the request is about.
        let session = world.ask(&operation, &sample).without("authorization").with("session-id", &world.session_id);
        world.refused(&session, 403, "forbidden").await;
        tried[usize::from(roles[0] != "staff")] += 1;
    }
    assert_eq!(tried, [50, 1]);
    World::unchanged(&before, &world.table().await, "a caller without the role");
    world.finish().await;
}

#[tokio::test]
async fn a_session_id_that_is_none_is_refused() {
    let world = World::new().await;
    let before = world.table().await;
    let long = "a".repeat(129);
    let unknown = format!("SID:AUTH:test:{}-{}", "1".repeat(32), "2".repeat(32));
    for (operation, sample) in
        world.cases().iter().filter(|(one, _)| ["read_basket", "add_line"].contains(&one.id.as_str()))
    {
        let ask = world.ask(operation, sample).without("authorization");
        for (session, status, code) in [
            ("", 400, "bad_request"),
            ("1", 400, "bad_request"),
            ("SID:ANON:test", 400, "bad_request"),
            ("SID:ANON::1", 400, "bad_request"),
            ("SID:ANON:test:", 400, "bad_request"),
            ("SID:ANON:test:a:x", 400, "bad_request"),
            ("SID:ANON:test:a:", 400, "bad_request"),
            ("SID:ANON:test:a:1:2:3", 400, "bad_request"),
            ("SID:ANON:te st:1", 400, "bad_request"),
            ("SID:ANON:test:schlüssel", 400, "bad_request"),
            ("sid:anon:test:1", 400, "bad_request"),
            (&format!("SID:ANON:test:{long}"), 400, "bad_request"),
            ("SID:ANON:elsewhere:1", 403, "forbidden"),
            ("SID:AUTH:elsewhere:1", 403, "forbidden"),
            ("SID:AUTH:test:1", 401, "session_ended"),
            (&unknown, 401, "session_ended"),
            (&world.session_id.replace(":test:", ":shop:"), 401, "session_ended"),
        ] {
            world.refused(&ask.clone().with("session-id", session), status, code).await;
        }
        let twice = ask.clone().with("session-id", "SID:ANON:test:1").with("session-id", "SID:ANON:test:2");
        world.refused(&twice, 400, "bad_request").await;
    }
    World::unchanged(&before, &world.table().await, "a bad session");
    world.finish().await;
}

/// Clients of the replaced system put a thread and a count behind the id, as hexadecimal groups.
#[tokio::test]
async fn a_thread_and_a_count_are_no_part_of_a_session() {
    let world = World::new().await;
    let owner = async |session: &str| {
        let basket = world.app.anonymous().with("session-id", session).get("/api/v1/basket").await;
        basket.expect(http::StatusCode::OK)["owner"].as_str().unwrap().to_owned()
    };
    let own = owner("SID:ANON:test:a").await;
    for (session, same) in [
        ("SID:ANON:test:a:b", true),
        ("SID:ANON:test:a:1f:0", true),
        // An id is never cut.
        ("SID:ANON:test:a-b", false),
        ("SID:ANON:test:ab", false),
        ("SID:ANON:shop:a", false),
    ] {
        assert_eq!(owner(session).await == own, same, "{session}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_write_that_rests_on_the_cookie_alone_needs_its_token_and_a_known_origin() {
    let world = World::new().await;
    let lines = super::Ask {
        method: "POST".to_owned(),
        path: "/api/v1/basket/lines".to_owned(),
        headers: Vec::new(),
        body: json!({"sku": "PY"}).to_string().into_bytes(),
    };
    let lines = lines.with("content-type", "application/json").with("host", "shop.local");
    let strange = lines.clone().with("origin", "https://evil.example");
    world.refused(&strange, 403, "csrf_failed").await;
    let cookie = lines.clone().with("cookie", "bursar_session=00112233445566778899aabbccddeeff");
    let before = world.table().await;
    world.refused(&cookie, 403, "csrf_failed").await;
    world.refused(&cookie.clone().with("x-csrf-token", "00"), 403, "csrf_failed").await;
    world.refused(&cookie.clone().with("x-csrf-token", ""), 403, "csrf_failed").await;
    World::unchanged(&before, &world.table().await, "a forged request");
    world.finish().await;
}
