//! Taking the journeys one after the other and some side by side, and telling how they went.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use futures::{FutureExt, StreamExt, stream};
use http::Method;
use local::demo::say;
use serde_json::json;
use tokio::time::Instant;
use web::Clock;

use crate::client::Client;
use crate::journeys::{ALL, Journey};
use crate::shop::Shop;

/// A journey that takes longer will not end.
const LONGEST: Duration = Duration::from_mins(10);
/// How often the janitor is called where no schedule does so.
const JANITOR_EVERY: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// Where the journey under way failed.
    static FAILED_AT: Rc<RefCell<Option<String>>>;
}

/// Journeys through a deployed shop, black box: what passed, as a table.
#[derive(Clone, Debug, Parser)]
#[command(name = "journeys", about, version)]
pub struct Options {
    /// Where the API is.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub api: Option<String>,
    /// Where the simulators are that the shop talks to, as `local --simulators` serves them.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    pub simulators: Option<String>,
    /// Take this journey; may be repeated. Without it, all.
    #[arg(long, value_name = "NAME", value_parser = known)]
    pub only: Vec<String>,
    /// Leave this journey out, and say why in the table; may be repeated.
    #[arg(long, value_name = "NAME=REASON", value_parser = reason)]
    pub skip: Vec<(String, String)>,
    /// How many are under way at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub jobs: u8,
    /// Invoke the janitor's function by this URL every ten seconds, where no schedule does so.
    #[arg(long, value_name = "URL")]
    pub janitor: Option<String>,
    /// Name the journeys.
    #[arg(long)]
    pub list: bool,
}

/// How a journey ended.
struct Outcome {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// Takes the journeys that are asked for; fails if one of them did.
pub async fn run(options: &Options) -> ExitCode {
    let wanted = |journey: &&Journey| options.only.is_empty() || options.only.iter().any(|name| name == journey.name);
    let (Some(api), Some(simulators)) = (&options.api, &options.simulators) else {
        ALL.iter().filter(wanted).for_each(|journey| say(&format!("{}\n", journey.name)));
        return ExitCode::SUCCESS;
    };
    panic::set_hook(Box::new(|info| note(&info.to_string())));
    let skipped = |journey: &&Journey| !options.skip.iter().any(|(name, _)| name == journey.name);
    let under_way = ALL.iter().filter(wanted).filter(skipped).map(|journey| {
        let shop = Shop::new(api, simulators, &Clock::wall());
        take(journey, shop)
    });
    let outcomes = stream::iter(under_way).buffer_unordered(options.jobs.into()).inspect(row).collect::<Vec<_>>();
    let outcomes = tokio::select! {
        outcomes = outcomes => outcomes,
        () = call_janitor(options.janitor.as_deref()) => Vec::new(),
    };
    for (name, why) in &options.skip {
        say(&format!("{name:<NAME$} skipped          {why}\n"));
    }
    conclude(&outcomes, options.skip.len())
}

/// Takes one journey, to its end or to its failure.
async fn take(journey: &'static Journey, shop: Shop) -> Outcome {
    let (began, failed_at) = (Instant::now(), Rc::new(RefCell::new(None)));
    let taken = AssertUnwindSafe(tokio::time::timeout(LONGEST, (journey.run)(shop))).catch_unwind();
    let failure = match FAILED_AT.scope(Rc::clone(&failed_at), taken).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(format!("it was not over after {LONGEST:?}")),
        Err(_) => Some(failed_at.take().unwrap_or_else(|| "it failed beside its own task, see above".to_owned())),
    };
    Outcome { name: journey.name, took: began.elapsed(), failure }
}

/// Keeps what a panic says, and where it was.
fn note(failure: &str) {
    let kept = FAILED_AT.try_with(|at| *at.borrow_mut() = Some(failure.to_owned()));
    if kept.is_err() {
        say(&format!("{failure}\n"));
    }
}

/// How wide the names are in the table.
const NAME: usize = 75;

fn row(Outcome { name, took, failure }: &Outcome) {
    let how = if failure.is_none() { "ok" } else { "FAILED" };
    say(&format!("{name:<NAME$} {how:<7} {:>6} s\n", format!("{}.{}", took.as_secs(), took.subsec_millis() / 100)));
}

fn conclude(outcomes: &[Outcome], skipped: usize) -> ExitCode {
    let failures: Vec<_> = outcomes.iter().filter_map(|one| Some((one.name, one.failure.as_deref()?))).collect();
    for (name, failure) in &failures {
        say(&format!("\n{name}\n  {}\n", failure.replace('\n', "\n  ")));
    }
    let ok = outcomes.len().saturating_sub(failures.len());
    say(&format!("\n{ok} of {} journeys ok, {skipped} skipped\n", outcomes.len()));
    if failures.is_empty() && ok > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Invokes the janitor's function for ever, or never.
async fn call_janitor(url: Option<&str>) {
    let Some(url) = url else { return std::future::pending().await };
    let client = Client::new("");
    loop {
        let answer = client.send(client.request(Method::POST, url).json(&json!({}))).await;
        if !answer.status.is_success() {
            say(&format!("the janitor answered {}: {}\n", answer.status, answer.text));
        }
        tokio::time::sleep(JANITOR_EVERY).await;
    }
}

fn known(name: &str) -> Result<String, String> {
    let found = ALL.iter().any(|journey| journey.name == name);
    found.then(|| name.to_owned()).ok_or_else(|| "there is no such journey; see --list".to_owned())
}

fn reason(text: &str) -> Result<(String, String), String> {
    let (name, why) = text.split_once('=').filter(|(_, why)| !why.is_empty()).ok_or("NAME=REASON")?;
    Ok((known(name)?, why.to_owned()))
}
