//! Junk: thousands of requests made of nonsense by a fixed seed. Whatever comes, no answer is a 5xx, every refusal is a
//! problem, and what is refused writes nothing.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::forms::is_oauths;
use super::{Ask, World, places, with};

/// Requests of each operation.
const ROUNDS: usize = 60;
/// Requests between two looks at the table.
const GROUP: usize = 20;

/// Pieces of text that break things.
const SNIPPETS: [&str; 28] = [
    "",
    " ",
    "\u{0}",
    "null",
    "0",
    "-1",
    "1e999",
    "a",
    "PY",
    "LTD",
    "HID",
    "stripe",
    "USD",
    "seat",
    "verified",
    "../..",
    "'\"`;--",
    "\u{202e}",
    "🎓",
    "e\u{301}",
    "course-v1:Test+PY+1",
    "ord_01m810rwd80000000000000007",
    "sci",
    "https://shop.example/{order_number}",
    "2026-01-01T00:00:00Z",
    "__proto__",
    "%00",
    "49.90",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(&SNIPPETS[..]).prop_map(str::to_owned),
        2 => proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => (1_usize..3000).prop_map(|length| "x".repeat(length)),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        (-3_i64..200).prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => number(),
        4 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// How a request is spoiled.
#[derive(Clone, Debug)]
enum Junk {
    /// A field of the body is something else; the place is chosen by the number.
    Field(usize, Value),
    /// The body has one more field.
    Extra(String, Value),
    /// The body is something else.
    Body(Value),
    /// The body is bytes.
    Bytes(Vec<u8>),
    /// A path parameter is something else.
    Name(String),
    /// The query is something else.
    Query(Vec<(usize, String)>),
    /// One more header.
    Header(usize, Vec<u8>),
}

fn junk() -> impl Strategy<Value = Junk> {
    let visible = proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..40);
    prop_oneof![
        6 => (any::<usize>(), value()).prop_map(|(place, value)| Junk::Field(place, value)),
        1 => (text(), value()).prop_map(|(name, value)| Junk::Extra(name, value)),
        1 => value().prop_map(Junk::Body),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Junk::Bytes),
        2 => text().prop_map(Junk::Name),
        2 => proptest::collection::vec((any::<usize>(), text()), 1..4).prop_map(Junk::Query),
        2 => (any::<usize>(), visible).prop_map(|(name, value)| Junk::Header(name, value)),
    ]
}

const HEADERS: [&str; 16] = [
    "if-match",
    "if-none-match",
    "idempotency-key",
    "session-id",
    "cookie",
    "x-csrf-token",
    "origin",
    "accept",
    "content-type",
    "x-request-id",
    "content-length",
    "stripe-signature",
    "authorization",
    "x-client-key",
    "x-userinfo",
    "x-forwarded-for",
];
const PARAMETERS: [&str; 11] =
    ["q", "kind", "course", "catalog", "limit", "cursor", "user", "status", "sku", "code", "next"];
const FORM: [&str; 6] = ["grant_type", "token_type", "scope", "client_id", "client_secret", "x"];

fn pick<T: Clone>(from: &[T], by: usize) -> T {
    from[by % from.len()].clone()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The form with some of its parameters, or others, of these values.
fn spoilt_form(form: &str, pairs: &[(usize, String)]) -> String {
    let junk: Vec<_> = pairs.iter().map(|(name, value)| (pick(&FORM, *name), encoded(value))).collect();
    let named = |part: &&str| junk.iter().any(|(name, _)| part.starts_with(name));
    let kept = form.split('&').filter(|part| !named(part)).map(str::to_owned);
    kept.chain(junk.iter().map(|(name, value)| format!("{name}={value}"))).collect::<Vec<_>>().join("&")
}

/// The request with its junk in it. A webhook's body stays signed, so that it is read at all.
fn spoil(ask: Ask, body: Option<&Value>, pattern: &str, junk: Junk) -> Ask {
    let signed = pattern.starts_with("/webhooks") && !matches!(junk, Junk::Header(..));
    let spoiled = match (junk, body) {
        (Junk::Field(place, value), Some(body)) => {
            let places = places(body);
            ask.json(&with(body, &pick(&places, place), value))
        }
        (Junk::Extra(name, value), Some(body)) => {
            let mut body = body.clone();
            body.as_object_mut().unwrap().insert(name, value);
            ask.json(&body)
        }
        (Junk::Body(value) | Junk::Field(_, value) | Junk::Extra(_, value), _) => ask.json(&value),
        (Junk::Bytes(bytes), _) => ask.body(bytes),
        (Junk::Name(name), _) => {
            let parts =
                pattern.split('/').map(|part| if part.starts_with('{') { encoded(&name) } else { part.to_owned() });
            let path = parts.collect::<Vec<_>>().join("/");
            ask.path(path)
        }
        (Junk::Query(pairs), _) if pattern == "/oauth2/access_token" => {
            let form = spoilt_form(&String::from_utf8_lossy(&ask.body), &pairs);
            ask.body(form)
        }
        (Junk::Query(pairs), _) => {
            let pairs = pairs.iter().map(|(name, value)| format!("{}={}", pick(&PARAMETERS, *name), encoded(value)));
            let path = ask.path.split('?').next().unwrap().to_owned();
            ask.path(format!("{path}?{}", pairs.collect::<Vec<_>>().join("&")))
        }
        (Junk::Header(name, value), _) => {
            let name = pick(&HEADERS, name);
            let mut ask = ask.without(name);
            ask.headers.push((name.to_owned(), value));
            ask
        }
    };
    if signed { spoiled.signed() } else { spoiled }
}

#[tokio::test]
async fn no_junk_is_a_5xx_and_what_is_refused_writes_nothing() {
    let mut runner = TestRunner::deterministic();
    let strategy = junk();
    let world = World::new().await;
    let (mut refused, mut taken) = (0, 0);
    for (operation, sample) in world.cases() {
        // Orders and products that a lucky request ends are not needed by the others: each is asked for by name.
        for _ in 0..ROUNDS / GROUP {
            let before = world.table().await;
            let mut all_refused = true;
            for _ in 0..GROUP {
                let junk = strategy.new_tree(&mut runner).unwrap().current();
                let ask = spoil(world.ask(&operation, &sample), sample.body.as_ref(), &operation.path, junk.clone());
                let answer = world.send(&ask).await;
                assert!(!answer.status.is_server_error(), "{} {junk:?}\n{ask}\n{}", operation.id, answer.text);
                let oauths = operation.id == "issue_token" && is_oauths(&answer);
                if oauths {
                    refused += 1;
                } else if answer.status.is_client_error() {
                    answer.problem(answer.status.as_u16(), answer["code"].as_str().unwrap_or_default());
                    refused += 1;
                } else {
                    all_refused = false;
                    taken += 1;
                }
            }
            if all_refused {
                World::unchanged(&before, &world.table().await, &operation.id);
            }
        }
    }
    // Both happen: else the junk would be too good, or too bad to get anywhere.
    assert!(refused > 500 && taken > 500, "{refused} refused, {taken} taken");
    world.finish().await;
}
