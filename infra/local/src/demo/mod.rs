//! The demo: courses to sell, offers, and one purchase made at start, each step printed with its duration.

mod courses;
mod offers;
mod purchase;

use std::io::Write;

use crate::cloud::Cloud;

/// Puts demo data in, unless it is there, and makes the demo purchase.
///
/// # Errors
/// If a step fails; the error says which.
pub async fn open(cloud: &Cloud) -> anyhow::Result<()> {
    courses::put(cloud).await?;
    offers::put(cloud).await?;
    purchase::make(cloud).await
}

/// Prints to standard output. What cannot be printed is not worth stopping for.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints an error with its causes as one line on standard error.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr().lock(), "local: {error:#}");
}
