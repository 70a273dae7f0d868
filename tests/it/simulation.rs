//! The simulation: learners, staff and outside systems do what they like, by a seed, while the wire loses, repeats,
//! delays and refuses; processes die between any two effects. The invariants hold after every step, and once everything
//! is well again, nothing is left undone.
//!
//! The seed of a failing run is in the test's message: give it to [`run`] alone to see that run again.

use std::collections::BTreeSet;

use domain::audit::Books;
use domain::order::{OrderFile, OrderState};
use domain::task::TaskState;
use local::dev_keys::STRIPE_KEY;
use local::faults::{Fault, Target};
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// Seeds that are always run.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];
/// Steps of one run.
const STEPS: u32 = 60;
/// What is sold: two places, as many as wanted, and for nothing.
const SKUS: [&str; 3] = ["LAST", "MANY", "FREE"];
const LEARNERS: [&str; 3] = ["ada", "bob", "cy"];

/// A sequence of choices that a seed decides: SplitMix64.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

struct World {
    app: TestApp,
    choices: Choices,
    /// Learner, and what a checkout answered.
    checkouts: Vec<(&'static str, Answer)>,
    story: Vec<String>,
}

impl World {
    fn learner(&mut self) -> (&'static str, Client) {
        let name = self.choices.of(&LEARNERS);
        (name, self.app.user(name))
    }

    async fn step(&mut self) -> String {
        match self.choices.below(12) {
            0 | 1 => {
                let (name, learner) = self.learner();
                let sku = self.choices.of(&SKUS);
                format!("{name} adds {sku}: {}", learner.add(sku).await.status)
            }
            2 | 3 => {
                let (name, learner) = self.learner();
                let key = format!("key-{}", self.choices.below(6));
                let answer = learner.checkout(&key).await;
                let said = format!("{name} checks out with {key}: {}", answer.status);
                if answer.status.is_success() {
                    self.checkouts.push((name, answer));
                }
                said
            }
            4 | 5 => self.pay().await,
            6 => self.cancel_or_refund().await,
            7 => {
                let seconds = self.choices.of(&[10_i64, 61, 600, 2500]);
                self.app.cloud.clock.advance(jiff::SignedDuration::from_secs(seconds));
                format!("{seconds} s pass")
            }
            8 => self.misbehave(),
            9 => {
                self.app.cloud.faults.clear(None);
                "all is well".to_owned()
            }
            10 => format!("janitor: {:?}", self.app.cloud.sweep().await.is_ok()),
            _ => format!("webhooks and queue: {:?}", self.app.cloud.step().await.is_ok()),
        }
    }

    async fn pay(&mut self) -> String {
        if self.checkouts.is_empty() {
            return "nobody pays".to_owned();
        }
        let (name, checkout) = self.choices.of(&self.checkouts);
        if checkout["payment"]["kind"] != "redirect" {
            return "nothing to pay".to_owned();
        }
        let outcome = self.choices.of(&["succeed", "succeed", "succeed", "decline", "abandon", "processing"]);
        let answer = self.app.user(name).pay(&checkout, outcome).await;
        format!("{name} pays {}: {outcome}: {}", checkout["order_number"], answer.status)
    }

    /// A learner asks, or staff refund or decide on what was asked, in any order.
    async fn refund(&mut self, name: &str, number: &str) -> String {
        let (staff, key) = (self.app.staff(), format!("refund-{}", self.choices.below(4)));
        let who = if self.choices.below(2) == 0 { self.app.user(name) } else { staff.clone() };
        let what = self.choices.of(&[
            json!({"reason": "all"}),
            json!({"reason": "a line", "lines": [1]}),
            json!({"reason": "a part", "amount": {"amount": "3.00", "currency": "USD"}}),
        ]);
        let path = format!("/api/v1/orders/{number}/refunds");
        let asked = who.with("Idempotency-Key", &key).post(&path, &what).await;
        let mut said = format!("{number} is to be refunded, {}: {}", what["reason"], asked.status);
        let list = staff.get("/api/v1/refunds").await;
        if let Some(id) = list["items"][0]["id"].as_str() {
            let verdict = self.choices.of(&["approve", "deny"]);
            let answer = staff.post(&format!("/api/v1/refunds/{id}/{verdict}"), &json!({})).await;
            said.push_str(&format!("; {verdict} {id}: {}", answer.status));
        }
        said
    }

    async fn cancel_or_refund(&mut self) -> String {
        if self.checkouts.is_empty() {
            return "nobody cancels".to_owned();
        }
        let (name, checkout) = self.choices.of(&self.checkouts);
        let number = checkout["order_number"].as_str().unwrap().to_owned();
        if self.choices.below(2) == 0 {
            return self.refund(name, &number).await;
        }
        if self.choices.below(2) == 0 {
            let answer = self.app.user(name).post(&format!("/api/v1/orders/{number}/cancel"), &json!({})).await;
            return format!("{name} cancels {number}: {}", answer.status);
        }
        let receipt = self.app.staff().get(&format!("/api/v1/orders/{number}/receipt")).await;
        let Some(payment) = receipt["payment_reference"].as_str() else { return "nothing to refund".to_owned() };
        let dashboard = self.app.anonymous().with("Authorization", &format!("Bearer {STRIPE_KEY}"));
        let form = dashboard.request(reqwest::Method::POST, "/_local/stripe/v1/refunds");
        let answer = dashboard.send(form.form(&[("payment_intent", payment)])).await;
        format!("{number} is refunded at the processor: {}", answer.status)
    }

    fn misbehave(&mut self) -> String {
        let faults = &self.app.cloud.faults;
        if self.choices.below(3) == 0 {
            let (calls, effect) = (self.choices.below(6), self.choices.below(2) == 0);
            faults.crash_after(u32::try_from(calls).unwrap(), effect);
            return format!("the next process dies after {calls} calls");
        }
        let target = self.choices.of(&[Target::Stripe, Target::Lms, Target::Dynamodb, Target::Sqs]);
        let mut fault = Fault { times: 1 + u32::try_from(self.choices.below(4)).unwrap(), ..Fault::of(target) };
        match self.choices.below(5) {
            0 => fault.status = Some(500),
            1 => fault.status = Some(if target == Target::Dynamodb { 409 } else { 429 }),
            2 => fault.drop = true,
            3 => fault.timeout = true,
            _ => fault.duplicate = true,
        }
        faults.add(fault.clone());
        format!("fault: {fault:?}")
    }

    /// The invariants, read over a wire that behaves.
    async fn check(&self) {
        let _ = self.app.cloud.faults.recover();
        self.app.cloud.faults.clear(Some(Target::Dynamodb));
        let violations = self.app.cloud.audit().await.expect("an audit");
        assert!(violations.is_empty(), "{violations:#?}\n{}", self.story.join("\n"));
    }

    /// Everything is well again, and a day passes: nothing may be left undone.
    async fn end(self) {
        self.app.cloud.faults.clear(None);
        let _ = self.app.cloud.faults.recover();
        for _ in 0..24 {
            self.app.advance(3600).await;
        }
        let books = self.app.cloud.store.read_books().await.unwrap();
        for file in &books.orders {
            assert!(file.outbox.is_empty(), "{}: messages are owed\n{}", file.order.number, self.story.join("\n"));
            let silent = file.tasks.values().filter(|task| task.state.due().is_some()).count();
            assert_eq!(silent, 0, "{}: lines wait\n{file:#?}\n{}", file.order.number, self.story.join("\n"));
        }
        self.places_are_those_that_are_paid(&books).await;
        self.app.finish_after_crash().await;
    }

    /// The LMS has an active enrolment for what is paid, and for nothing else.
    async fn places_are_those_that_are_paid(&self, books: &Books) {
        for learner in LEARNERS {
            let active = |place: &&Value| place["is_active"] == json!(true);
            let courses = |place: &Value| place["course_id"].as_str().unwrap().to_owned();
            let granted: BTreeSet<String> =
                self.app.enrolments(learner).await.iter().filter(active).map(courses).collect();
            let mine = books.orders.iter().filter(|file| file.order.username.as_str() == learner);
            let paid: BTreeSet<String> = mine.flat_map(paid_courses).collect();
            assert_eq!(granted, paid, "{learner}\n{}", self.story.join("\n"));
        }
    }
}

fn paid_courses(file: &OrderFile) -> Vec<String> {
    if !matches!(file.order.state, OrderState::Paid { .. }) {
        return Vec::new();
    }
    let granted = |number: u32| matches!(file.tasks[&(number, 0)].state, TaskState::Granted { .. });
    let lines = file.order.lines.iter().filter(|line| granted(line.number));
    lines.filter_map(|line| line.course_key.as_ref()).map(ToString::to_string).collect()
}

/// One run.
async fn run(seed: u64) {
    let app = TestApp::start().await;
    app.sell("LAST", "20.00", "USD", Some(2)).await;
    app.sell("MANY", "9.99", "USD", None).await;
    app.sell("FREE", "0.00", "USD", Some(2)).await;
    let mut world = World { app, choices: Choices(seed), checkouts: Vec::new(), story: vec![format!("seed {seed}")] };
    for _ in 0..STEPS {
        let happened = world.step().await;
        world.story.push(happened);
        world.check().await;
    }
    world.end().await;
}

#[tokio::test]
async fn whatever_happens_the_invariants_hold_and_nothing_is_left_undone() {
    for seed in SEEDS {
        run(seed).await;
    }
}
