//! The template is held to the code: what it allows, where it routes, what it makes and watches, and what it costs.
//!
//! Everything is read as a stage of `samconfig.toml` deploys it. Whether AWS takes it is for `sam validate`, cfn-lint and the
//! emulator to say.

mod alarms;
mod cost;
mod policy;
mod reach;
mod resources;
mod routes;
mod source;
mod symbols;
mod used;

use std::path::Path;

use local::template::Stack;

/// The stages, by their names in `samconfig.toml` and in the template.
const STAGES: [(&str, &str); 3] = [("default", "dev"), ("staging", "staging"), ("prod", "prod")];

/// The template as it is deployed to a stage.
fn stack(config: &str) -> Stack {
    Stack::of(config).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
