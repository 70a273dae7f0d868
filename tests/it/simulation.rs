//! The simulation: learners, staff and outside systems do what they like, by a seed, while the wire loses, repeats,
//! delays and refuses; processes die between any two effects. The invariants hold after every step, and once everything
//! is well again, nothing is left undone.
//!
//! What is sold is limited in every way at once: seats, bundles and codes by their number, automatic offers by uses and by
//! money, codes by each of their usages. [`reached`] makes sure that the seeds lead to all of it.
//!
//! The seed of a failing run is in the test's message: give it to [`run`] alone to see that run again.

mod reached;

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::Books;
use domain::order::{OrderFile, OrderState};
use domain::product::Kind;
use domain::task::{Task, TaskState};
use http::StatusCode;
use local::dev_keys::STRIPE_KEY;
use local::faults::{Fault, Target};
use reached::Reached;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

/// Seeds that are always run.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];
/// Steps of one run.
const STEPS: u32 = 100;
/// What is sold: one place, as many as wanted, two for nothing, a bundle that is liked, and codes for others.
const SKUS: [&str; 6] = ["LAST", "MANY", "FREE", "BOTH", "BOTH", "TEAM"];
const LEARNERS: [&str; 5] = ["ada", "bob", "cy", "dee", "eli"];
/// Codes that were made by hand: one use, one for each customer, and two in all.
const CODES: [&str; 3] = ["ONCE", "EACH", "PAIR"];

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
    /// Enrolment codes that a buyer was shown.
    sold: Vec<String>,
    /// The total that each learner was shown last.
    shown: BTreeMap<&'static str, Value>,
    /// What was told to those who came too late.
    refused: BTreeSet<String>,
    story: Vec<String>,
}

impl World {
    fn learner(&mut self) -> (&'static str, Client) {
        let name = self.choices.of(&LEARNERS);
        (name, self.app.user(name))
    }

    async fn step(&mut self) -> String {
        match self.choices.below(20) {
            0 | 1 => self.add().await,
            2 => {
                let (name, learner) = self.learner();
                let code = self.choices.of(&CODES);
                format!("{name} enters {code}: {}", self.enter(name, &learner, code).await)
            }
            3 | 4 => self.check_out().await,
            5 | 6 => self.pay().await,
            7..=9 => self.cancel_or_refund().await,
            10 => {
                let seconds = self.choices.of(&[10_i64, 61, 600, 2500]);
                self.app.cloud.clock.advance(jiff::SignedDuration::from_secs(seconds));
                format!("{seconds} s pass")
            }
            11 | 12 => self.misbehave(),
            13 => {
                self.app.cloud.faults.clear(None);
                "all is well".to_owned()
            }
            14 => format!("janitor: {:?}", self.app.cloud.sweep().await.is_ok()),
            15 => format!("webhooks and queue: {:?}", self.app.cloud.step().await.is_ok()),
            16 | 17 => self.redeem().await,
            _ => self.buy().await,
        }
    }

    async fn add(&mut self) -> String {
        let (name, learner) = self.learner();
        let sku = self.choices.of(&SKUS);
        self.add_as(name, &learner, sku).await
    }

    async fn add_as(&mut self, name: &'static str, learner: &Client, sku: &str) -> String {
        let line = json!({"sku": sku, "quantity": if sku == "TEAM" { 2 } else { 1 }});
        let answer = learner.post("/api/v1/basket/lines", &line).await;
        self.see(name, &answer);
        format!("{name} adds {sku}: {}", answer.status)
    }

    async fn enter(&mut self, name: &'static str, learner: &Client, code: &str) -> StatusCode {
        let answer = learner.post("/api/v1/basket/vouchers", &json!({"code": code})).await;
        self.see(name, &answer);
        answer.status
    }

    /// The learner looks at the basket in an answer.
    fn see(&mut self, name: &'static str, basket: &Answer) {
        if basket.status.is_success() {
            self.shown.insert(name, basket["total"].clone());
        }
    }

    async fn check_out(&mut self) -> String {
        let (name, learner) = self.learner();
        self.check_out_as(name, &learner).await
    }

    async fn check_out_as(&mut self, name: &'static str, learner: &Client) -> String {
        let key = format!("key-{}", self.choices.below(20));
        let mut body = json!({"processor": "stripe", "return_url": "https://shop.example/o"});
        if let Some(shown) = self.shown.get(name).filter(|_| key != "key-0") {
            body["total"] = shown.clone();
        }
        let answer = learner.with("Idempotency-Key", &key).post("/api/v1/checkout", &body).await;
        let basket = learner.get("/api/v1/basket").await;
        self.see(name, &basket);
        let said = format!("{name} checks out with {key}: {} {}", answer.status, answer["code"]);
        if let Some(code) = answer["code"].as_str() {
            self.refused.insert(code.to_owned());
        }
        if answer.status.is_success() {
            self.checkouts.push((name, answer));
        }
        said
    }

    /// Somebody means it: product, perhaps codes, checkout, and the money.
    async fn buy(&mut self) -> String {
        let added = self.add().await;
        let name = LEARNERS.into_iter().find(|name| added.starts_with(name)).unwrap();
        let learner = self.app.user(name);
        let mut said = added;
        for code in CODES {
            if self.choices.below(2) == 0 {
                said.push_str(&format!("; {code}: {}", self.enter(name, &learner, code).await));
            }
        }
        said.push_str(&format!("; {}", self.check_out_as(name, &learner).await));
        if self.choices.below(3) > 0 {
            said.push_str(&format!("; {}", self.pay_last().await));
        }
        said
    }

    /// Who bought codes looks at them, and somebody redeems one. While there are none, some are bought.
    async fn redeem(&mut self) -> String {
        let (name, learner) = self.learner();
        let numbers: Vec<_> = self.checkouts.iter().map(|(name, checkout)| (*name, checkout.order_number())).collect();
        for (owner, number) in numbers {
            let shown = self.app.user(owner).get(&format!("/api/v1/orders/{number}/codes")).await;
            let codes = shown["items"].as_array().cloned().unwrap_or_default();
            self.sold.extend(codes.iter().filter_map(|item| item["code"].as_str()).map(str::to_owned));
        }
        self.sold.sort();
        self.sold.dedup();
        let emptied = learner.delete("/api/v1/basket").await.status;
        if self.sold.is_empty() {
            let added = self.add_as(name, &learner, "TEAM").await;
            let checked_out = self.check_out_as(name, &learner).await;
            return format!("{emptied}; {added}; {checked_out}; {}", self.pay_last().await);
        }
        let code = self.choices.of(&self.sold);
        let added = self.add_as(name, &learner, "MANY").await;
        let entered = self.enter(name, &learner, &code).await;
        format!("{emptied}; {added}; {code}: {entered}; {}", self.check_out_as(name, &learner).await)
    }

    async fn pay_last(&mut self) -> String {
        let Some((name, checkout)) = self.checkouts.last().cloned() else { return "nobody pays".to_owned() };
        self.pay_for(name, &checkout).await
    }

    async fn pay(&mut self) -> String {
        if self.checkouts.is_empty() {
            return "nobody pays".to_owned();
        }
        let (name, checkout) = self.choices.of(&self.checkouts);
        self.pay_for(name, &checkout).await
    }

    async fn pay_for(&mut self, name: &str, checkout: &Answer) -> String {
        if checkout["payment"]["kind"] != "redirect" {
            return "nothing to pay".to_owned();
        }
        let outcome = self.choices.of(&["succeed", "succeed", "succeed", "decline", "abandon", "processing"]);
        let answer = self.app.user(name).pay(checkout, outcome).await;
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
        let order = self.app.staff().get(&format!("/api/v1/orders/{number}")).await;
        if order["status"] == "paid" && self.choices.below(3) > 0 {
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
    async fn end(self) -> Reached {
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
        reached::by(&books, self.refused)
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

/// The courses that an order gives: each errand of each line by itself, and codes none.
fn paid_courses(file: &OrderFile) -> Vec<String> {
    if !matches!(file.order.state, OrderState::Paid { .. }) {
        return Vec::new();
    }
    let mut courses = Vec::new();
    for line in file.order.lines.iter().filter(|line| line.kind != Kind::EnrollmentCode) {
        let granted = |task: &&Task| matches!(task.state, TaskState::Granted { .. });
        let parts = file.tasks_of(line.number).filter(granted).filter_map(|task| line.part(task.part));
        courses.extend(parts.filter_map(|part| part.course_key).map(|key| key.to_string()));
    }
    courses
}

/// What is on sale, and what lowers its price.
async fn open_shop(app: &TestApp) {
    app.sell("LAST", "20.00", "USD", Some(1)).await;
    app.sell("MANY", "9.99", "USD", None).await;
    app.sell("MORE", "9.99", "USD", None).await;
    app.sell("FREE", "0.00", "USD", Some(2)).await;
    let (staff, usd) = (app.staff(), |amount: &str| json!({"amount": amount, "currency": "USD"}));
    let percent = |value: &str| json!({"type": "percent", "value": value});
    let code = |code: &str, usage: &str, offer: &str| json!({"code": code, "usage": usage, "offer": offer});
    let mut pair = code("PAIR", "multi_use", "fifth");
    pair["max_uses"] = json!(2);
    for (path, body) in [
        (
            "products",
            json!({
                "sku": "BOTH", "kind": "bundle", "title": "Both", "published": true, "contains": ["MANY", "MORE"],
                "stock": [{"price": usd("15.00"), "quantity": 3}],
            }),
        ),
        (
            "products",
            json!({
                "sku": "TEAM", "kind": "enrollment_code", "title": "Team", "published": true, "contains": ["MANY"],
                "stock": [{"price": usd("8.00"), "quantity": 7}],
            }),
        ),
        (
            "offers",
            json!({
                "id": "early", "name": "Early", "benefit": percent("30"), "automatic": true, "limits": {"max_uses": 3},
                "condition": {"skus": ["LAST", "MANY"]},
            }),
        ),
        (
            "offers",
            json!({
                "id": "fund", "name": "Fund", "benefit": percent("20"), "automatic": true,
                "limits": {"max_discount": usd("7.00"), "max_uses_per_user": 2}, "condition": {"skus": ["BOTH", "TEAM"]},
            }),
        ),
        ("offers", json!({"id": "half", "name": "Half", "benefit": percent("50"), "priority": 1})),
        ("offers", json!({"id": "tenth", "name": "Tenth", "benefit": percent("10")})),
        ("offers", json!({"id": "fifth", "name": "Fifth", "benefit": percent("20")})),
        ("vouchers", code("ONCE", "single_use", "half")),
        ("vouchers", code("EACH", "once_per_customer", "tenth")),
        ("vouchers", pair),
    ] {
        staff.post(&format!("/api/v1/{path}"), &body).await.expect(StatusCode::CREATED);
    }
}

/// One run.
async fn run(seed: u64) -> Reached {
    let app = TestApp::start_seeded(seed).await;
    open_shop(&app).await;
    let (checkouts, sold, shown, refused) = (Vec::new(), Vec::new(), BTreeMap::new(), BTreeSet::new());
    let story = vec![format!("seed {seed}")];
    let mut world = World { app, choices: Choices(seed), checkouts, sold, shown, refused, story };
    for _ in 0..STEPS {
        let happened = world.step().await;
        world.story.push(happened);
        world.check().await;
    }
    world.end().await
}

#[tokio::test]
async fn whatever_happens_the_invariants_hold_and_nothing_is_left_undone() {
    let mut reached = Reached::new();
    for seed in SEEDS {
        for (what, often) in run(seed).await {
            *reached.entry(what).or_default() += often;
        }
    }
    reached::is_all(&reached);
}
