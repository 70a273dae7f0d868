//! Bodies that cannot be what an operation takes, whatever it is: not JSON, not said to be, too large, of other fields
//! and types, or with text that is too long.

use http::StatusCode;
use serde_json::{Value, json};

use super::samples::Sample;
use super::{Ask, World, places, with};
use crate::openapi::Operation;

/// Has every operation that takes JSON refuse what `bad` makes of its sample, and checks that nothing is written.
async fn sweep(bad: impl AsyncFn(&World, &Operation, &Sample)) {
    let world = World::new().await;
    let before = world.table().await;
    let mut tried = 0;
    for (operation, sample) in world.cases().iter().filter(|(operation, _)| operation.takes_json()) {
        bad(&world, operation, sample).await;
        World::unchanged(&before, &world.table().await, &operation.id);
        tried += 1;
    }
    assert_eq!(tried, 34);
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    sweep(async |world, operation, sample| {
        let ask = world.ask(operation, sample);
        let deep = format!("{{\"a\":{}", "[".repeat(5000));
        let bodies: [&[u8]; 10] = [
            b"{",
            b"[1,",
            b"nul",
            b"{\"a\":1}}",
            b"\0",
            b"\xff\xfe",
            b"{\"a\":\"\x01\"}",
            b"{'a':1}",
            b"\xef\xbb\xbf{}",
            deep.as_bytes(),
        ];
        for body in bodies {
            world.refused(&ask.clone().body(body), 400, "malformed_json").await;
        }
        // Whose body may be left out takes no body as none.
        if operation.said["requestBody"]["required"] == json!(true) {
            world.refused(&ask.clone().body(""), 400, "malformed_json").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_of_another_type_is_not_read() {
    sweep(async |world, operation, sample| {
        let ask = world.ask(operation, sample).without("content-type");
        world.refused(&ask, 415, "unsupported_media_type").await;
        for kind in
            ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "json", "a/b/c"]
        {
            world.refused(&ask.clone().with("content-type", kind), 415, "unsupported_media_type").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let world = World::new().await;
    let before = world.table().await;
    for (operation, sample) in world.cases().iter().filter(|(operation, _)| operation.said["requestBody"].is_object()) {
        // It refuses in words of its own: see `forms`.
        if operation.id == "issue_token" {
            continue;
        }
        let mut ask = world.ask(operation, sample);
        ask.body.extend(vec![b' '; 256 * 1024]);
        let signed = if operation.id == "receive_event" { ask.signed() } else { ask };
        world.refused(&signed, 413, "payload_too_large").await;
    }
    World::unchanged(&before, &world.table().await, "a large body");
    world.finish().await;
}

/// Sends a body whose fault is at `place`, and checks that the answer says so.
async fn refuse_field(world: &World, ask: &Ask, body: &Value, place: &str) {
    let answer = world.refused(&ask.clone().json(body), 422, "invalid_fields").await;
    let pointer = answer["errors"][0]["pointer"].as_str().unwrap_or_else(|| panic!("no pointer: {}", answer.text));
    assert!(pointer.starts_with(place), "{pointer} is not below {place}: {ask}\n{body}");
}

#[tokio::test]
async fn a_field_that_is_not_known_is_named() {
    sweep(async |world, operation, sample| {
        let (ask, body) = (world.ask(operation, sample), sample.body.as_ref().unwrap());
        let objects = places(body).into_iter().filter(|place| !place.ends_with("/attributes"));
        for place in objects.filter(|place| body.pointer(place).unwrap().is_object()) {
            for name in ["unexpected", "__proto__", "constructor", "Sku", "", "\u{0}", "🎓"] {
                let place = format!("{place}/{name}");
                refuse_field(world, &ask, &with(body, &place, json!({"polluted": true})), &place).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_field_of_another_type_is_named() {
    sweep(async |world, operation, sample| {
        let (ask, body) = (world.ask(operation, sample), sample.body.as_ref().unwrap());
        for place in places(body) {
            for other in others(body.pointer(&place).unwrap()) {
                refuse_field(world, &ask, &with(body, &place, other), &place).await;
            }
        }
    })
    .await;
}

/// Values that are not of the same JSON type, and numbers that are no counts.
fn others(value: &Value) -> Vec<Value> {
    let all = [json!("x"), json!(-1), json!(1.5), json!(1e300), json!(true), json!([]), json!({})];
    let differs = |other: &Value| match (value, other) {
        (Value::Number(_), Value::Number(_)) => true,
        _ => std::mem::discriminant(value) != std::mem::discriminant(other),
    };
    all.into_iter().filter(differs).collect()
}

#[tokio::test]
async fn text_that_is_too_long_is_refused() {
    sweep(async |world, operation, sample| {
        let (ask, body) = (world.ask(operation, sample), sample.body.as_ref().unwrap());
        let texts = places(body).into_iter().filter(|place| body.pointer(place).unwrap().is_string());
        for place in texts {
            for long in ["x".repeat(600), "9".repeat(600), "🎓".repeat(10_000)] {
                let answer = world.send(&ask.clone().json(&with(body, &place, json!(long)))).await;
                let code = match place.as_str() {
                    "/processor" => "unknown_processor",
                    "/return_url" => "bad_return_url",
                    // It is a credential before it is text.
                    "/token" => {
                        answer.problem(401, "unauthorized");
                        continue;
                    }
                    // It is looked for and not kept: an issuer that is not linked is passed over, whatever it is called.
                    "/unlink/0" => {
                        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
                        continue;
                    }
                    _ => "invalid_fields",
                };
                answer.problem(422, code);
                // Money is one value, and is judged as a whole.
                let money = place.strip_suffix("/amount").or(place.strip_suffix("/currency"));
                assert_eq!(answer["errors"][0]["pointer"], money.unwrap_or(&place), "{}", answer.text);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_not_the_processors_is_refused_without_a_reason() {
    let world = World::new().await;
    let before = world.table().await;
    let cases = world.cases();
    let (operation, sample) = cases.iter().find(|(operation, _)| operation.id == "receive_event").unwrap();
    let ask = world.ask(operation, sample);
    let bodies: [&[u8]; 7] = [b"", b"{", b"[]", b"null", b"\0", b"\xff", b"{\"id\":7}"];
    let mut bad: Vec<Ask> = bodies.into_iter().map(|body| ask.clone().body(body).signed()).collect();
    bad.push(ask.clone().without("stripe-signature"));
    bad.push(ask.clone().body("{}"));
    for signature in
        ["", "t=1,v1=00", "t=x", "v1=", "t=1795176000", &"v1=a,".repeat(1000), "t=99999999999999999999,v1=00"]
    {
        bad.push(ask.clone().without("stripe-signature").with("stripe-signature", signature));
    }
    for ask in bad {
        let answer = world.refused(&ask, 400, "bad_webhook").await;
        assert_eq!(answer.json.get("detail"), None, "{}", answer.text);
    }
    World::unchanged(&before, &world.table().await, "a bad webhook");
    world.finish().await;
}
