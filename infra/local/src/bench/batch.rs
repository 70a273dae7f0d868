//! One large batch of codes: how fast its slices are, how its progress shows, and whether memory stays flat.
//!
//! It is worked as the janitor works it, with its rests; the table is the embedded engine, in this process. With the data
//! on disk, what memory grows by is ours.
#![expect(clippy::float_arithmetic, reason = "figures, not money")]

use anyhow::{Context, ensure};
use domain::id::BatchId;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, LINK};
use serde_json::{Value, json};

use super::shop::Shop;
use crate::demo::say;
use crate::dev_keys::{Learner, token};
use crate::lambda_bench::process::peak_memory;
use crate::options::BatchBenchOptions;

/// How many slices between two lines of the table.
const SLICES: u32 = 100;

/// Makes a batch, and prints a table line by line.
///
/// # Errors
/// If the cloud fails, or the codes are not as many as they should be.
pub async fn run(options: &BatchBenchOptions) -> anyhow::Result<()> {
    let shop = Shop::open_in(options.data.clone(), 1).await?;
    let clock = &shop.cloud.clock;
    let began = clock.issuer_now();
    let id = ask(&shop, options.codes).await?;
    say("| codes | transactions | s | codes/s | peak memory, MiB |\n|--:|--:|--:|--:|--:|\n");
    let mut batch = shop.cloud.store.read_batch(&id).await?.context("the batch is not there")?;
    let mut slices = usize::try_from(batch.made.div_ceil(domain::batch::SLICE))?;
    say(&line(batch.made, slices, took(&shop, began))?);
    while batch.is_open() {
        let worked = shop.cloud.store.work_batch(batch, SLICES, || clock.now(), || false).await?;
        slices = slices.saturating_add(worked.slices);
        batch = worked.batch;
        say(&line(batch.made, slices, took(&shop, began))?);
    }
    let began = clock.issuer_now();
    let (codes, pages) = read(&shop, &id).await?;
    ensure!(codes == usize::try_from(options.codes)?, "the file has {codes} codes");
    let s = took(&shop, began).as_secs_f64();
    say(&format!("\n{codes} codes read as CSV in {pages} pages in {s:.1} s; {:.1} MiB at most.\n", mib()?));
    Ok(())
}

fn took(shop: &Shop, began: Timestamp) -> SignedDuration {
    shop.cloud.clock.issuer_now().duration_since(began)
}

fn line(made: u32, slices: usize, took: SignedDuration) -> anyhow::Result<String> {
    let s = took.as_secs_f64();
    Ok(format!("| {made} | {slices} | {s:.1} | {:.0} | {:.1} |\n", f64::from(made) / s, mib()?))
}

/// The most memory that this process has had.
fn mib() -> anyhow::Result<f64> {
    let kib = u32::try_from(peak_memory(std::process::id())?)?;
    Ok(f64::from(kib) / 1024.0)
}

fn authorization(shop: &Shop) -> anyhow::Result<String> {
    let staff = Learner { username: "staff".to_owned(), staff: true, ..Learner::default() };
    Ok(format!("JWT {}", token(&staff, shop.cloud.clock.issuer_now())?))
}

/// Asks for the batch: its id.
async fn ask(shop: &Shop, count: u32) -> anyhow::Result<BatchId> {
    let post = |path: &str, body: &Value| {
        let request = shop.front.request(Method::POST, path, "bench").json(body);
        anyhow::Ok(request.header(AUTHORIZATION, authorization(shop)?).header("Idempotency-Key", "bench").build()?)
    };
    let offer = json!({"id": "bench", "name": "Bench", "benefit": {"type": "percent", "value": "10"}});
    shop.front.send(post("/api/v1/offers", &offer)?).await?;
    let body = json!({"prefix": "BENCH", "count": count, "usage": "single_use", "offer": "bench"});
    let made: Value = serde_json::from_slice(&shop.front.send(post("/api/v1/vouchers/batches", &body)?).await?)?;
    Ok(made["id"].as_str().context("a batch without an id")?.parse()?)
}

/// Reads the whole file as a client would: how many codes, and in how many pages.
async fn read(shop: &Shop, id: &BatchId) -> anyhow::Result<(usize, usize)> {
    let (mut lines, mut pages) = (0_usize, 0_usize);
    let mut next = Some(format!("/api/v1/vouchers/batches/{id}/codes?limit=10000"));
    while let Some(path) = next {
        let request = shop.front.request(Method::GET, &path, "bench").header(AUTHORIZATION, authorization(shop)?);
        let answer = request.send().await?.error_for_status()?;
        let link = answer.headers().get(LINK).map(|link| link.to_str()).transpose()?;
        let target = link.and_then(|link| link.strip_prefix('<')).and_then(|link| link.split('>').next());
        next = target.map(str::to_owned);
        lines = lines.saturating_add(answer.text().await?.lines().count());
        pages = pages.saturating_add(1);
    }
    // The first page has a header line.
    Ok((lines.saturating_sub(1), pages))
}
