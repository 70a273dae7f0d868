//! Requests for a token that are none. Who asks is an OAuth library: a refusal is RFC 6749's (section 5.2), and no problem
//! details, for the same bad input that all other operations refuse in theirs.

use local::dev_keys::MACHINE_CLIENT;
use tests::Answer;

use super::{Ask, Who, World};

/// The sample of a request for a token.
fn token_request(world: &World) -> Ask {
    let cases = world.cases();
    let (operation, sample) = cases.iter().find(|(operation, _)| operation.id == "issue_token").unwrap();
    world.ask(operation, sample)
}

/// Sends a request for a token that is to be refused.
async fn refused(world: &World, ask: &Ask, error: &str) {
    let answer = world.send(ask).await;
    assert_eq!(answer["error"], error, "{ask}\n{}", answer.text);
    assert!(is_oauths(&answer), "{ask}\n{}", answer.text);
}

/// Whether an answer is a refusal in OAuth's words, with all that goes with it.
pub(super) fn is_oauths(answer: &Answer) -> bool {
    let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let (status, challenge) = match answer["error"].as_str() {
        Some("invalid_client") => (401, Some("Basic realm=\"oauth2\"")),
        Some("invalid_request" | "invalid_scope" | "unsupported_grant_type") => (400, None),
        Some(_) | None => return false,
    };
    answer.status == status
        && header("www-authenticate") == challenge
        && header("content-type") == Some("application/json")
        && header("cache-control") == Some("no-store")
        && answer["error_description"].is_string()
        && answer.json.as_object().is_some_and(|members| members.len() == 2)
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_refused_as_oauth_has_it() {
    let world = World::new().await;
    let ask = token_request(&world);
    let before = world.table().await;
    let form = String::from_utf8(ask.body.clone()).unwrap();
    let bodies: [&[u8]; 8] =
        [b"", b"{", b"\0", b"\xff\xfe", b"%", b"grant_type", b"=client_credentials", &[b' '; 256 * 1024 + 1]];
    for body in bodies {
        refused(&world, &ask.clone().body(body), "invalid_request").await;
    }
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", "json", ""] {
        let ask = ask.clone().without("content-type");
        refused(&world, &ask.clone().with("content-type", kind), "invalid_request").await;
        refused(&world, &ask, "invalid_request").await;
    }
    for part in form.split('&') {
        refused(&world, &ask.clone().body(format!("{form}&{part}")), "invalid_request").await;
    }
    World::unchanged(&before, &world.table().await, "a form that cannot be read");
    world.finish().await;
}

#[tokio::test]
async fn a_client_that_is_not_known_is_refused_as_oauth_has_it() {
    let world = World::new().await;
    let ask = token_request(&world);
    let before = world.table().await;
    let form = String::from_utf8(ask.body.clone()).unwrap();
    let (id, secret) = MACHINE_CLIENT;
    let long = "a".repeat(5000);
    for other in ["nobody", "mcl_01jz0000000000000000000009", &world.machine_client, &world.client_key, "%00", &long] {
        refused(&world, &ask.clone().body(form.replace(id, other)), "invalid_client").await;
    }
    for other in ["", "secret", &secret[1..], &secret.to_uppercase(), "%00", &long] {
        refused(&world, &ask.clone().body(form.replace(secret, other)), "invalid_client").await;
    }
    // Nobody else's credentials are a client's.
    let user = world.authorization(Who::Ada).unwrap();
    for header in [&user, "Basic", "Basic YTpi", "JWT a.b.c", "Bearer", ""] {
        refused(&world, &ask.clone().with("authorization", header), "invalid_client").await;
    }
    World::unchanged(&before, &world.table().await, "a client that is not known");
    world.finish().await;
}
