//! `TestApp`: the local cloud with data, clock and ids of its own, and clients that speak HTTP to it.
//!
//! Nothing runs by itself: webhooks are delivered, the queue is worked and the janitor sweeps only in
//! [`TestApp::settle`] and [`TestApp::advance`], so a test decides what happens in which order, and never sleeps. The
//! clock stands at [`NOW`] until it is moved. A test ends with [`TestApp::finish`], which settles the cloud and fails
//! if a queue still holds work or an invariant is broken.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails here and now")]

pub mod binaries;
mod client;
pub mod deployment;
pub mod journeys;
pub mod runner;
mod shop;

use std::path::Path;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use local::dev_keys::{Learner, token};
use local::trigger::Depth;
use local::{Cloud, CloudConfig, DataPlace};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::{Clock, Entropy};

pub use client::{Answer, Client};
pub use shop::Shop;

/// When every test begins: 2026-11-20T12:00:00Z.
pub const NOW: &str = "2026-11-20T12:00:00Z";

/// A local cloud under test.
pub struct TestApp {
    /// The cloud itself, for faults, the clock, the simulators and the store.
    pub cloud: Cloud,
    /// Has no credentials. All others are made of it, and share its connections.
    nobody: Client,
    server: JoinHandle<()>,
    finished: bool,
}

impl TestApp {
    /// A cloud in memory.
    pub async fn start() -> Self {
        Self::open(DataPlace::Memory, fixed(), None).await
    }

    /// A cloud in memory whose ids, codes and jitter follow from `seed`: the same requests lead to the same data.
    pub async fn start_seeded(seed: u64) -> Self {
        Self::open(DataPlace::Memory, fixed(), Some(seed)).await
    }

    /// A cloud in memory whose clock begins at the machine's time and goes with it.
    pub async fn start_by_the_wall() -> Self {
        Self::open(DataPlace::Memory, Clock::wall(), None).await
    }

    /// A cloud in memory by this clock.
    pub async fn start_by(clock: Clock) -> Self {
        Self::open(DataPlace::Memory, clock, None).await
    }

    /// A cloud whose data lives in `folder`: start it again on the same folder to see what survived.
    pub async fn start_in(folder: &Path) -> Self {
        Self::open(DataPlace::Folder(folder.to_owned()), fixed(), None).await
    }

    async fn open(data: DataPlace, clock: Clock, seed: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seed = seed.unwrap_or(u64::from(address.port()));
        let cloud = Cloud::open(CloudConfig {
            data,
            base_url: format!("http://{address}"),
            clock,
            entropy: Entropy::seeded(seed),
            redelivery_s: 0,
        })
        .await
        .expect("a cloud");
        let service = cloud.service();
        #[expect(clippy::disallowed_methods, reason = "the server runs beside the test, and is stopped at its end")]
        let server = tokio::spawn(async move {
            axum::serve(listener, service).await.expect("served");
        });
        Self { nobody: Client::new(&cloud.base_url), cloud, server, finished: false }
    }

    /// A client signed in as a learner.
    pub fn user(&self, username: &str) -> Client {
        self.signed_in(&Learner { username: username.to_owned(), ..Learner::default() })
    }

    /// A client signed in as staff.
    pub fn staff(&self) -> Client {
        self.signed_in(&Learner { username: "staff".to_owned(), staff: true, ..Learner::default() })
    }

    /// A client with the permission to fulfil, and no other.
    pub fn service(&self) -> Client {
        let scopes = ["orders:fulfill".to_owned()].into();
        self.signed_in(&Learner { username: "service".to_owned(), scopes, ..Learner::default() })
    }

    fn signed_in(&self, learner: &Learner) -> Client {
        let token = token(learner, self.cloud.clock.issuer_now()).expect("a token");
        self.anonymous().with("Authorization", &format!("JWT {token}"))
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        self.nobody.clone()
    }

    /// An anonymous client with a session of a trusted application.
    pub fn session(&self, id: &str) -> Client {
        self.anonymous().with("Session-Id", &format!("SID:ANON:test:{id}"))
    }

    /// Puts a course with one published seat on sale; its key is `course-v1:Test+<sku>+1`.
    pub async fn sell(&self, sku: &str, amount: &str, currency: &str, quantity: Option<u32>) {
        let seat = json!({
            "sku": sku, "mode": "verified", "quantity": quantity,
            "price": {"amount": amount, "currency": currency},
        });
        let body = json!({"title": format!("Course {sku}"), "org": "Test", "seats": [seat]});
        self.staff().put(&format!("/api/v1/courses/course-v1:Test+{sku}+1"), &body).await.expect(StatusCode::CREATED);
    }

    /// Delivers webhooks, works the queue and sweeps until nothing is left to do now.
    pub async fn settle(&self) {
        self.cloud.settle().await.expect("a settled cloud");
    }

    /// Moves the clock, and does what became due.
    pub async fn advance(&self, seconds: i64) {
        self.advance_by(SignedDuration::from_secs(seconds)).await;
    }

    /// As [`TestApp::advance`], by any duration.
    pub async fn advance_by(&self, duration: SignedDuration) {
        self.cloud.clock.advance(duration);
        self.settle().await;
    }

    /// What the LMS granted to a learner.
    pub async fn enrolments(&self, username: &str) -> Vec<Value> {
        let path = format!("/_local/lms/enrollments?username={username}");
        let answer = self.anonymous().get(&path).await.expect(StatusCode::OK);
        answer["enrollments"].as_array().cloned().unwrap_or_default()
    }

    /// Checks that no invariant is broken at this moment.
    pub async fn check(&self) {
        let violations = self.cloud.audit().await.expect("an audit");
        assert!(violations.is_empty(), "invariants are broken: {violations:#?}");
    }

    /// Settles the cloud and checks that nothing is left: no message, no dead letter, no broken invariant.
    pub async fn finish(self) {
        self.finish_with_dead(0).await;
    }

    /// As [`TestApp::finish`], for a test that leaves dead letters on purpose.
    pub async fn finish_with_dead(self, dead: u32) {
        let depth = self.wind_up().await;
        assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, dead), "messages are left");
    }

    /// As [`TestApp::finish`], for a test whose worker died with messages in its hands: the queue hides those from
    /// everyone for three minutes of its own clock, which no test waits for.
    pub async fn finish_after_crash(self) {
        let depth = self.wind_up().await;
        assert_eq!((depth.visible, depth.dead), (0, 0), "messages are left");
    }

    async fn wind_up(mut self) -> Depth {
        self.cloud.faults.clear(None);
        self.settle().await;
        self.check().await;
        self.finished = true;
        self.cloud.trigger.depth().await.expect("the queue's depth")
    }

    /// Ends the cloud as `kill -9` would: messages in the queue and everything else that is only in memory are gone.
    pub fn kill(mut self) {
        self.cloud.abandon().expect("a free folder");
        self.finished = true;
    }
}

/// A clock that stands at [`NOW`].
fn fixed() -> Clock {
    let at: Timestamp = NOW.parse().expect("a moment");
    Clock::fixed(at)
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
        if !self.finished && !std::thread::panicking() {
            panic!("a test must end with finish()");
        }
    }
}
