//! Every sample event of `events/` runs through the binary of the function that it is for, under the Lambda Runtime API,
//! as the template deploys it.
//!
//! The samples are what the outside world sends, byte for byte, so what belongs to one moment or one deployment is put in
//! here: tokens and signatures made anew (`local::sample_events`), and what this test made for what the samples name.
//! `events/README.md` says how a sample is answered.

mod gateway;
mod kept_in_step;
mod processor;
mod queue;

use std::fs;
use std::path::{Path, PathBuf};

use http::StatusCode;
use local::sample_events::renew;
use serde_json::{Value, json};
use tests::deployment::{Deployment, HttpAnswer};

/// The order that the samples name.
const ORDER: &str = "ord_01m810rwd80000000000000007";

/// The refund that they name.
const REFUND: &str = "ref_01m810rwd8000000000000000a";

struct Sample {
    name: String,
    text: String,
}

/// The samples of a function, by name.
fn samples(function: &str) -> Vec<Sample> {
    let folder = events().join(function);
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let read = |path: PathBuf| Sample {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    let mut samples: Vec<_> = json.map(read).collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!samples.is_empty(), "{} holds no samples", folder.display());
    samples
}

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events")
}

impl Sample {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The status that the name tells: `cancel_order.409.json` is answered 409; none for a success.
    fn status(&self) -> Option<u16> {
        self.name.rsplit('.').nth(1).and_then(|part| part.parse().ok())
    }

    /// The sample with these names in place of its own, and fit for the moment.
    fn renewed(&self, deployment: &Deployment, names: &[(&str, &str)]) -> String {
        renew(&self.text, names, deployment.app.cloud.clock.now()).unwrap()
    }

    /// It is answered as its name tells, and a refusal says why.
    #[track_caller]
    fn check(&self, answer: &HttpAnswer) {
        match self.status() {
            Some(expected) => assert_eq!(answer.status, expected, "{}: {}", self.name, answer.text),
            None => assert!((200..300).contains(&answer.status), "{} is answered {answer:?}", self.name),
        }
        let refused = answer.status >= 400;
        let reason = [&answer.json["code"], &answer.json["error"]].into_iter().any(Value::is_string);
        assert_eq!(refused, reason, "{}: {}", self.name, answer.text);
    }
}

/// A deployed shop that sells what the samples ask for.
async fn shop() -> Deployment {
    let deployment = Deployment::open().await;
    stock(&deployment).await;
    deployment
}

/// Puts what the samples ask for on sale.
async fn stock(deployment: &Deployment) {
    let seat = |sku: &str, mode: &str, amount: &str| json!({"sku": sku, "mode": mode, "price": {"amount": amount, "currency": "USD"}});
    let seats = [seat("rust-101-verified", "verified", "49.90"), seat("rust-101-audit", "audit", "0")];
    let course = json!({"title": "Introduction to Rust", "org": "Bursar", "seats": seats});
    let path = "/api/v1/courses/course-v1:Bursar+RUST101+2026";
    deployment.app.staff().put(path, &course).await.expect(StatusCode::CREATED);
}

/// The number of a new order of `learner`, which waits for payment.
async fn order_of(deployment: &Deployment, learner: &str) -> String {
    let checkout = deployment.app.user(learner).order("rust-101-verified").await;
    checkout["order_number"].as_str().unwrap().to_owned()
}

/// The number of a new order of `learner`, which is paid. The message that the webhook sent is left on the queue.
async fn paid_order_of(deployment: &Deployment, learner: &str) -> String {
    let learner = deployment.app.user(learner);
    let checkout = learner.order("rust-101-verified").await;
    learner.pay(&checkout, "succeed").await.expect(StatusCode::OK);
    deployment.app.cloud.stripe.deliver().await;
    assert_eq!(learner.read_order(&checkout).await["status"], "paid");
    checkout["order_number"].as_str().unwrap().to_owned()
}
