//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::data::DataPlace;
use crate::lambda_bench::FUNCTIONS;

/// The whole Bursar cloud in one process.
#[derive(Clone, Debug, Parser)]
#[command(name = "local", about, version)]
pub struct Options {
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Where the data lives: a folder, or `memory`.
    #[arg(long, value_name = "DIR|memory", default_value = ".bursar", value_parser = place)]
    pub data: DataPlace,
    /// Start without demo data and demo purchase.
    #[arg(long)]
    pub no_demo: bool,
    /// Serve the simulators of Stripe and Open edX only, for a shop that is deployed elsewhere.
    #[arg(long)]
    pub simulators: bool,
    /// Where the simulated processor sends its webhooks; with --simulators.
    #[arg(long, value_name = "URL", requires = "simulators")]
    pub webhook_url: Option<String>,
}

/// Things to do other than serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Measure the operations against the same bare DynamoDB calls, and print a table.
    Bench(BenchOptions),
    /// Make one batch of codes, and print how fast it goes and what memory it takes.
    BatchBench(BatchBenchOptions),
    /// Measure each function's binary through the Lambda Runtime API, beside an empty one, and print a table.
    LambdaBench(LambdaBenchOptions),
    /// Price a purchase and an idle month at list prices, and fail if it has grown.
    Cost,
    /// Print the parameters of a deployment that talks to the simulators, as `group/NAME=value` lines.
    Parameters(ParametersOptions),
    /// Print a sample event of `events/` with tokens and a signature that are good now, by the development keys.
    Event(EventOptions),
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// Only what offers and codes cost.
    #[arg(long)]
    pub offers: bool,
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct LambdaBenchOptions {
    /// These functions only.
    #[arg(value_name = "FUNCTION", value_parser = PossibleValuesParser::new(FUNCTIONS))]
    pub functions: Vec<String>,
}

/// What to make.
#[derive(Clone, Debug, Args)]
pub struct BatchBenchOptions {
    /// How many codes.
    #[arg(value_name = "CODES", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub codes: u32,
    /// Where the data lives: an empty folder, or `memory`, which then grows with it.
    #[arg(long, value_name = "DIR|memory", default_value = "memory", value_parser = place)]
    pub data: DataPlace,
}

/// A sample event to send.
#[derive(Clone, Debug, Args)]
pub struct EventOptions {
    /// The file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What to put in the place of what the sample names, such as an order of yours.
    #[arg(long, value_name = "OLD=NEW", value_parser = replacement)]
    pub put: Vec<(String, String)>,
}

/// Where things are.
#[derive(Clone, Debug, Args)]
pub struct ParametersOptions {
    /// The origin that the simulators are served at, as the functions reach it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8090")]
    pub simulators_url: String,
    /// The origin that the shop is reached at.
    #[arg(long, value_name = "URL")]
    pub public_url: String,
}

/// Answers a command line that asks for help, or says in one line what is wrong with it.
#[must_use]
pub fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        crate::demo::say(&error.to_string());
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    crate::demo::complain(&anyhow::anyhow!("{line} (see --help)"));
    ExitCode::from(2)
}

fn replacement(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once('=').filter(|(old, _)| !old.is_empty()).ok_or("as in ord_1=ord_2")?;
    Ok((old.to_owned(), new.to_owned()))
}

fn place(text: &str) -> Result<DataPlace, String> {
    match text {
        "" => Err("a folder's name, or memory".to_owned()),
        "memory" => Ok(DataPlace::Memory),
        folder => Ok(DataPlace::Folder(PathBuf::from(folder))),
    }
}
