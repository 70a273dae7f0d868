//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::data::DataPlace;

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
}

/// Things to do other than serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Measure the operations against the same bare DynamoDB calls, and print a table.
    Bench,
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

fn place(text: &str) -> Result<DataPlace, String> {
    match text {
        "" => Err("a folder's name, or memory".to_owned()),
        "memory" => Ok(DataPlace::Memory),
        folder => Ok(DataPlace::Folder(PathBuf::from(folder))),
    }
}
