//! `cargo run -p local`: the whole cloud on a laptop.

use std::process::ExitCode;

use clap::Parser;
use local::options::{Command, Options};
use web::Env;
use web::telemetry::{Output, Telemetry};

/// What is logged unless `RUST_LOG` says otherwise: the engine would complain of what a client cancels.
const QUIET: &str = "warn,dynoxide::server=error";

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return local::options::explain(&error),
    };
    let env = Env::process().or([("RUST_LOG", QUIET)]);
    Telemetry::of(&env).to(Output::stderr()).init();
    if let Err(error) = Telemetry::configure(&env) {
        local::demo::complain(&error.into());
        return ExitCode::FAILURE;
    }
    let done = match options.command {
        Some(Command::Bench(options)) => local::bench::run(&options).await,
        Some(Command::BatchBench(options)) => local::bench::batch(&options).await,
        Some(Command::LambdaBench(options)) => local::lambda_bench::run(&options).await,
        Some(Command::Cost) => local::cost::run().await,
        Some(Command::Parameters(options)) => local::parameters::print(&options),
        Some(Command::Event(options)) => local::sample_events::print(&options, web::Clock::wall().now()),
        None if options.serve.simulators => local::simulators::serve(&options.serve).await,
        None => local::serve::serve(&options.serve).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            local::demo::complain(&error);
            ExitCode::FAILURE
        }
    }
}
