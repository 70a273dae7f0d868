//! Keys by URL, from a real server on loopback that counts its calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// What the server answers from now on.
#[derive(Clone)]
enum Answer {
    Keys(Value),
    Text(String),
    /// Keys as well, which must not be taken.
    Status(StatusCode),
    /// A redirect to `/elsewhere`, where good keys lie.
    Redirect,
    /// Hangs up in the middle.
    BrokenOff,
}

struct Server {
    url: String,
    hits: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let (hits, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(answer)));
        let (count, says) = (hits.clone(), answer.clone());
        let keys = async move || {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = says.lock().unwrap().clone();
            answer.into_response()
        };
        let elsewhere = async || axum::Json(rsa_keys());
        let router = Router::new().route("/jwks.json", get(keys)).route("/elsewhere", get(elsewhere));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, hits, answer, _tasks: tasks }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// The RSA issuer, with its keys at this server.
    fn issuers(&self) -> Issuers {
        self.issuers_with(KeySource::default())
    }

    fn issuers_with(&self, keys: KeySource) -> Issuers {
        let keys = KeySource { jwks_url: Some(self.url.parse().unwrap()), ..keys };
        Issuers::new(vec![issuer(RS, bursar(), keys)]).unwrap()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Keys(keys) => axum::Json(keys).into_response(),
            Self::Text(text) => text.into_response(),
            Self::Status(status) => (status, axum::Json(set(&[public(Some("first"), &FOREIGN)]))).into_response(),
            Self::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
            Self::BrokenOff => ([(header::CONTENT_LENGTH, "1000")], r#"{"keys":["#).into_response(),
        }
    }
}

fn one(kid: Option<&str>, pair: &KeyPair) -> Answer {
    Answer::Keys(set(&[public(kid, pair)]))
}

fn of(kid: Option<&str>, pair: &KeyPair) -> String {
    let head = kid.map_or(json!({"alg": "RS256"}), |kid| json!({"alg": "RS256", "kid": kid}));
    token(&head, &claims(RS, &json!({"iat": NOW - 1_000_000, "exp": NOW + 1_000_000})), rs256(pair))
}

async fn ask(issuers: &Issuers, token: &str, clock: &Clock) -> Result<(), TokenFault> {
    issuers.verify(token, clock).await.map(|_| ())
}

const SIGNATURE: Result<(), TokenFault> = Err(TokenFault::Signature);
const UNAVAILABLE: Result<(), TokenFault> = Err(TokenFault::KeysUnavailable);

#[tokio::test]
async fn the_first_token_fetches_and_an_hour_is_kept() {
    let server = Server::start(one(Some("first"), &FIRST)).await;
    let (issuers, clock, token) = (server.issuers(), clock(), of(Some("first"), &FIRST));
    assert_eq!(server.hits(), 0, "building fetches nothing");
    for (minutes, hits) in [(0, 1), (0, 1), (59, 1), (2, 2), (58, 2), (3, 3)] {
        clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!((ask(&issuers, &token, &clock).await, server.hits()), (Ok(()), hits));
    }
}

#[tokio::test]
async fn what_needs_no_key_of_the_url_fetches_nothing() {
    let server = Server::start(Answer::Status(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let jwks = serde_json::from_value(set(&[public(Some("first"), &FIRST)])).unwrap();
    let issuers =
        server.issuers_with(KeySource { secret: Some(Secret::new(SECRET)), jwks: Some(jwks), ..KeySource::default() });
    for (token, wanted) in [
        (signed(RS, "HS256", HS256), Ok(())),
        (signed(RS, "HS256", By::Nothing), SIGNATURE),
        (of(Some("first"), &FIRST), Ok(())),
        (of(None, &FIRST), Ok(())),
        (of(Some("first"), &FOREIGN), SIGNATURE),
        (signed(RS, "RS384", By::Nothing), Err(TokenFault::Refused)),
        (signed("https://evil.example", "RS256", rs256(&FOREIGN)), Err(TokenFault::UnknownIssuer)),
    ] {
        assert_eq!((ask(&issuers, &token, &clock()).await, server.hits()), (wanted, 0), "{token}");
    }
    assert_eq!((ask(&issuers, &of(Some("new"), &SECOND), &clock()).await, server.hits()), (UNAVAILABLE, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_at_once_share_one_fetch() {
    let server = Server::start(one(Some("first"), &FIRST)).await;
    let (issuers, clock) = (Arc::new(server.issuers()), clock());
    let all = async |kid: &'static str, pair: &KeyPair| {
        let mut requests = JoinSet::new();
        for _ in 0..50 {
            let (issuers, clock, token) = (issuers.clone(), clock.clone(), of(Some(kid), pair));
            requests.spawn(async move { ask(&issuers, &token, &clock).await });
        }
        requests.join_all().await
    };
    assert_eq!((all("first", &FIRST).await, server.hits()), (vec![Ok(()); 50], 1));
    server.answers(one(Some("second"), &SECOND));
    clock.advance(SignedDuration::from_mins(2));
    assert_eq!((all("second", &SECOND).await, server.hits()), (vec![Ok(()); 50], 2));
    clock.advance(SignedDuration::from_mins(2));
    assert_eq!((all("third", &FOREIGN).await, server.hits()), (vec![SIGNATURE; 50], 3));
    server.answers(Answer::Status(StatusCode::BAD_GATEWAY));
    clock.advance(SignedDuration::from_mins(61));
    assert_eq!((all("second", &SECOND).await, server.hits()), (vec![Ok(()); 50], 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_at_once_share_one_failure() {
    let server = Server::start(Answer::Status(StatusCode::BAD_GATEWAY)).await;
    let (issuers, clock) = (Arc::new(server.issuers()), clock());
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (issuers, clock, token) = (issuers.clone(), clock.clone(), of(None, &FIRST));
        requests.spawn(async move { ask(&issuers, &token, &clock).await });
    }
    assert_eq!((requests.join_all().await, server.hits()), (vec![UNAVAILABLE; 50], 1));
}

#[tokio::test]
async fn an_unknown_kid_fetches_once_a_minute_whatever_comes_of_it() {
    let server = Server::start(one(Some("first"), &FIRST)).await;
    let (issuers, clock) = (server.issuers(), clock());
    assert_eq!(ask(&issuers, &of(Some("first"), &FIRST), &clock).await, Ok(()));
    let unknown = [of(Some("x"), &FOREIGN), of(Some("y"), &FOREIGN), of(None, &FOREIGN)];
    for (seconds, answer, hits) in [
        (0, one(Some("first"), &FIRST), 1),
        (59, one(Some("first"), &FIRST), 1),
        (1, one(Some("first"), &FIRST), 2),
        (30, one(Some("first"), &FIRST), 2),
        (31, Answer::Status(StatusCode::SERVICE_UNAVAILABLE), 3),
        (30, Answer::Status(StatusCode::SERVICE_UNAVAILABLE), 3),
        (31, one(Some("first"), &FIRST), 4),
    ] {
        server.answers(answer);
        clock.advance(SignedDuration::from_secs(seconds));
        for token in &unknown {
            assert_eq!((ask(&issuers, token, &clock).await, server.hits()), (SIGNATURE, hits));
        }
        assert_eq!(ask(&issuers, &of(Some("first"), &FIRST), &clock).await, Ok(()));
    }
    clock.advance(SignedDuration::from_mins(2));
    let tampered = of(Some("first"), &FOREIGN);
    assert_eq!((ask(&issuers, &tampered, &clock).await, server.hits()), (SIGNATURE, 4), "its key is known");
}

#[tokio::test]
async fn rotation_is_noticed_with_and_without_a_kid() {
    for (old, new) in [(Some("first"), Some("second")), (Some("first"), None), (None, None)] {
        let server = Server::start(one(old, &FIRST)).await;
        let (issuers, clock) = (server.issuers(), clock());
        assert_eq!(ask(&issuers, &of(old, &FIRST), &clock).await, Ok(()));
        server.answers(Answer::Keys(rsa_keys()));
        clock.advance(SignedDuration::from_mins(5));
        assert_eq!((ask(&issuers, &of(new, &SECOND), &clock).await, server.hits()), (Ok(()), 2), "{old:?}, {new:?}");
        assert_eq!((ask(&issuers, &of(Some("first"), &FIRST), &clock).await, server.hits()), (Ok(()), 2));
        server.answers(one(Some("second"), &SECOND));
        clock.advance(SignedDuration::from_mins(61));
        assert_eq!(ask(&issuers, &of(Some("first"), &FIRST), &clock).await, SIGNATURE, "it was withdrawn");
    }
}

#[tokio::test]
async fn the_last_good_set_is_kept_while_the_url_fails() {
    let server = Server::start(one(Some("first"), &FIRST)).await;
    let (issuers, clock, token) = (server.issuers(), clock(), of(Some("first"), &FIRST));
    assert_eq!(ask(&issuers, &token, &clock).await, Ok(()));
    let mut hits = 1;
    for answer in [
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Status(StatusCode::NOT_FOUND),
        Answer::Status(StatusCode::ACCEPTED),
        Answer::Text("<html>".to_owned()),
        Answer::Text(r#"{"keys":7}"#.to_owned()),
        Answer::Text(String::new()),
        Answer::BrokenOff,
        Answer::Redirect,
        Answer::Text(huge()),
    ] {
        server.answers(answer);
        clock.advance(SignedDuration::from_hours(2));
        for _ in 0..3 {
            assert_eq!(ask(&issuers, &token, &clock).await, Ok(()));
        }
        hits += 1;
        assert_eq!(server.hits(), hits, "an old set is asked for once a minute");
    }
    server.answers(Answer::Keys(rsa_keys()));
    clock.advance(SignedDuration::from_mins(1));
    assert_eq!(ask(&issuers, &of(Some("second"), &SECOND), &clock).await, Ok(()));
}

/// Good keys, and then more than is read of an answer.
fn huge() -> String {
    let mut keys = rsa_keys();
    keys["filler"] = json!("x".repeat(64 * 1024));
    keys.to_string()
}

#[tokio::test]
async fn without_any_set_the_fault_is_passing() {
    for answer in [
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Redirect,
        Answer::Text(huge()),
        Answer::BrokenOff,
        Answer::Text("[]".to_owned()),
    ] {
        let server = Server::start(answer).await;
        let (issuers, clock, token) = (server.issuers(), clock(), of(Some("first"), &FIRST));
        for (seconds, hits) in [(0, 1), (0, 1), (4, 1), (1, 2), (1, 2)] {
            clock.advance(SignedDuration::from_secs(seconds));
            assert_eq!((ask(&issuers, &token, &clock).await, server.hits()), (UNAVAILABLE, hits));
        }
        server.answers(Answer::Keys(rsa_keys()));
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(ask(&issuers, &token, &clock).await, Ok(()));
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_a_passing_fault() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", unused.local_addr().unwrap());
    drop(unused);
    let keys = KeySource { jwks_url: Some(url.parse().unwrap()), ..KeySource::default() };
    let issuers = Issuers::new(vec![issuer(RS, bursar(), keys)]).unwrap();
    assert_eq!(ask(&issuers, &of(None, &FIRST), &clock()).await, UNAVAILABLE);
}

#[tokio::test]
async fn keys_that_cannot_be_read_do_not_spoil_the_set() {
    let keys = set(&[json!(7), json!({"kty": "RSA", "use": 7}), json!({"kty": "new"}), public(Some("first"), &FIRST)]);
    let server = Server::start(Answer::Keys(keys)).await;
    assert_eq!(ask(&server.issuers(), &of(Some("first"), &FIRST), &clock()).await, Ok(()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_a_set_for_longer() {
    let server = Server::start(one(Some("first"), &FIRST)).await;
    let issuers = server.issuers();
    assert_eq!(ask(&issuers, &of(Some("first"), &FIRST), &clock()).await, Ok(()));
    server.answers(one(Some("second"), &SECOND));
    let earlier = Clock::fixed(Timestamp::from_second(NOW - 86_400).unwrap());
    assert_eq!(ask(&issuers, &of(Some("second"), &SECOND), &earlier).await, Ok(()));
}

#[tokio::test]
async fn an_empty_set_is_an_answer() {
    let server = Server::start(Answer::Keys(set(&[]))).await;
    let (issuers, clock) = (server.issuers(), clock());
    assert_eq!(ask(&issuers, &of(None, &FIRST), &clock).await, SIGNATURE);
    assert_eq!(server.hits(), 1);
}
