//! The demo catalog: put through the API, as staff would.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::dev_keys::{Learner, token};

/// Key, title, organisation, and seats as (SKU, mode, price, currency, quantity).
type DemoCourse = (&'static str, &'static str, &'static str, &'static [DemoSeat]);
type DemoSeat = (&'static str, &'static str, &'static str, &'static str, Option<u32>);

const COURSES: [DemoCourse; 5] = [
    (
        "course-v1:Bursar+PY101+2026",
        "Introduction to Python",
        "Bursar",
        &[("PY101-VERIFIED", "verified", "49.90", "USD", None), ("PY101-AUDIT", "audit", "0", "USD", None)],
    ),
    (
        "course-v1:Bursar+ML201+2026",
        "Machine Learning in Practice",
        "Bursar",
        &[("ML201-VERIFIED", "verified", "129.00", "USD", Some(100))],
    ),
    (
        "course-v1:Bursar+STAT110+2026",
        "Probability and Statistics",
        "Bursar",
        &[("STAT110-PRO", "professional", "240.00", "USD", Some(2))],
    ),
    (
        "course-v1:Kyoto+HIST5+2026",
        "Art and Cities of Kyoto",
        "Kyoto",
        &[("HIST5-VERIFIED", "verified", "5000", "JPY", None)],
    ),
    (
        "course-v1:Kuwait+ENG7+2026",
        "Desert Engineering",
        "Kuwait",
        &[("ENG7-VERIFIED", "verified", "12.500", "KWD", None)],
    ),
];

/// Puts the demo courses in that are not there yet.
pub(super) async fn put(cloud: &Cloud) -> anyhow::Result<()> {
    let staff = Learner { username: "demo-staff".to_owned(), staff: true, ..Learner::default() };
    let token = token(&staff, cloud.clock.issuer_now())?;
    let http = reqwest::Client::new();
    for (key, title, org, seats) in COURSES {
        let url = format!("{}/api/v1/courses/{key}", cloud.base_url);
        if http.get(&url).send().await?.status().is_success() {
            continue;
        }
        let seats: Vec<Value> = seats.iter().map(seat).collect();
        let body = json!({"title": title, "org": org, "start": "2026-12-01T00:00:00Z", "seats": seats});
        let answer = http.put(&url).header("Authorization", format!("JWT {token}")).json(&body).send().await?;
        let (status, text) = (answer.status(), answer.text().await.context("no answer")?);
        ensure!(status.is_success(), "demo course {key}: {status} {text}");
    }
    for body in products() {
        let url = format!("{}/api/v1/products/{}", cloud.base_url, body["sku"].as_str().unwrap_or_default());
        if http.get(&url).send().await?.status().is_success() {
            continue;
        }
        let answer = http.put(&url).header("Authorization", format!("JWT {token}")).json(&body).send().await?;
        let (status, text) = (answer.status(), answer.text().await.context("no answer")?);
        ensure!(status.is_success(), "demo product {}: {status} {text}", body["sku"]);
    }
    Ok(())
}

/// What is made of the courses: a bundle of two, and codes for a team.
fn products() -> [Value; 2] {
    let product = |sku: &str, kind: &str, title: &str, price: &str, contains: &[&str]| {
        let stock = json!([{"price": {"amount": price, "currency": "USD"}}]);
        json!({"sku": sku, "kind": kind, "title": title, "published": true, "contains": contains, "stock": stock})
    };
    [
        product("DATA-PROGRAM", "bundle", "Data Science Program", "159.00", &["PY101-VERIFIED", "ML201-VERIFIED"]),
        product("PY101-TEAM", "enrollment_code", "Introduction to Python for a team", "44.90", &["PY101-VERIFIED"]),
    ]
}

fn seat((sku, mode, price, currency, quantity): &DemoSeat) -> Value {
    json!({"sku": sku, "mode": mode, "price": {"amount": price, "currency": currency}, "quantity": quantity})
}
