//! The functions' binaries, built once in a run of the tests, with the profile that the tests were built with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

static BINARIES: LazyLock<BTreeMap<String, PathBuf>> = LazyLock::new(build);

/// The binary of a function, such as `payment-webhook`. The first call builds all of them; calls made meanwhile wait.
///
/// # Panics
/// If it cannot be built, or there is no such function.
#[must_use]
pub fn binary(function: &str) -> &'static Path {
    BINARIES.get(function).unwrap_or_else(|| panic!("no binary is named {function}"))
}

/// Every binary of a function, by its name.
fn build() -> BTreeMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--bins", "--offline", "--message-format=json"]);
    // With this package, so that features of dependencies are those that the tests were built with: nothing is built twice.
    cargo.args(["--package", env!("CARGO_PKG_NAME")]);
    for function in functions() {
        cargo.args(["--package", &function]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo");
    let messages = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "the functions cannot be built:\n{messages}");
    messages.lines().filter_map(executable).collect()
}

/// The names of the packages in `functions/`.
fn functions() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = std::fs::read_dir(folder).expect("functions/");
    entries.filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
}

/// The binary that a line of cargo's tells of.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let file = message["executable"].as_str()?;
    Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(file)))
}
