//! The benchmark.

/// Runs it.
///
/// # Errors
/// If the cloud fails.
pub async fn run() -> anyhow::Result<()> {
    Ok(())
}
