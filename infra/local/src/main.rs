//! `cargo run -p local`: the whole cloud on a laptop.

use std::process::ExitCode;

use clap::Parser;
use local::options::{Command, Options};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return local::options::explain(&error),
    };
    let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| EnvFilter::new("warn,dynoxide::server=error"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match options.command {
        Some(Command::Bench) => local::bench::run().await,
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
