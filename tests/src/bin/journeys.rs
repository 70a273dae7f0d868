//! `cargo run -p tests --bin journeys -- --api URL --simulators URL`: journeys through a deployed shop.

use std::process::ExitCode;

use clap::Parser;
use tests::runner::{Options, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(&Options::parse()).await
}
