//! The demo's offers: one that needs no code, and a code to type.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::dev_keys::{Learner, token};

/// Puts the demo offers in that are not there yet.
pub(super) async fn put(cloud: &Cloud) -> anyhow::Result<()> {
    let early = json!({
        "id": "early-bird", "name": "Early bird", "automatic": true, "condition": {"skus": ["ML201-VERIFIED"]},
        "benefit": {"type": "percent", "value": "20"}, "limits": {"max_uses": 50},
    });
    let welcome = json!({"id": "welcome", "name": "Welcome", "benefit": {"type": "percent", "value": "10"}});
    let code = json!({"code": "WELCOME10", "usage": "once_per_customer", "offer": "welcome"});
    for (path, body) in [("offers/early-bird", early), ("offers/welcome", welcome), ("vouchers/WELCOME10", code)] {
        put_one(cloud, path, &body).await?;
    }
    Ok(())
}

async fn put_one(cloud: &Cloud, path: &str, body: &Value) -> anyhow::Result<()> {
    let staff = Learner { username: "demo-staff".to_owned(), staff: true, ..Learner::default() };
    let header = format!("JWT {}", token(&staff, cloud.clock.issuer_now())?);
    let (http, url) = (Client::new(), format!("{}/api/v1/{path}", cloud.base_url));
    if http.get(&url).header("Authorization", &header).send().await?.status() != StatusCode::NOT_FOUND {
        return Ok(());
    }
    let answer = http.put(&url).header("Authorization", &header).json(body).send().await?;
    let (status, text) = (answer.status(), answer.text().await.context("no answer")?);
    ensure!(status.is_success(), "demo {path}: {status} {text}");
    Ok(())
}
