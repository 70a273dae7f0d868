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

use std::fs;
use std::path::Path;

use local::template::Stack;

/// The stages, by their names in `samconfig.toml` and in the template.
const STAGES: [(&str, &str); 3] = [("default", "dev"), ("staging", "staging"), ("prod", "prod")];

/// The template as it is deployed to a stage.
fn stack(config: &str) -> Stack {
    Stack::of(config).unwrap()
}

/// The template with values of our own for some parameters.
fn stack_with(given: &[(&str, &str)]) -> Stack {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stack::parse(&fs::read_to_string(root().join("infra/template.yaml")).unwrap(), &given).unwrap()
}

/// A deployment of a stage that sends traces.
fn sending_traces(stage: &str) -> Stack {
    stack_with(&[("Stage", stage), ("OtlpEndpoint", "https://otlp.example:4318")])
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
