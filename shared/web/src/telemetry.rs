//! Logs: one JSON object a line on standard output, which Lambda carries to `CloudWatch`.
//!
//! `RUST_LOG` sets the level; `info` if it is not set. No personal data, token or query string is ever logged.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Starts logging. A second call changes nothing.
pub fn init() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let format = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false).with_target(false);
    // The error says that a logger is set already, which is what we want.
    let _already_set = format.with_env_filter(filter).try_init();
}
