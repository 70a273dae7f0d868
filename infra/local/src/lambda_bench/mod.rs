//! What the functions' binaries cost: start-up, latency, CPU, memory and size, measured through the Lambda Runtime API
//! beside bare functions that were built in the same run.
//!
//! `bare` is an empty axum function. `bare-calls` reads the parameter store at start as often as the measured function
//! does, and makes as many calls for a request; it is started and called in turns with it, so that whatever else the
//! machine does falls on both. The engines, the simulators and the Runtime API run in this process and on its cores, which
//! the latencies show; CPU and memory are the function's own.
//!
//! It asserts nothing: figures of a machine are for humans.

mod artefacts;
mod case;
mod event;
mod figures;
pub(crate) mod process;
mod rig;
mod table;

pub use case::FUNCTIONS;

use crate::demo::say;
use crate::options::LambdaBenchOptions;
use artefacts::Artefacts;
use case::Case;
use rig::Rig;

/// Builds the functions, or those that are named, measures each, and prints a table line by line.
///
/// # Errors
/// If they cannot be built, or one does not start or does not answer as it should.
pub async fn run(options: &LambdaBenchOptions) -> anyhow::Result<()> {
    let chosen = |function: &&str| options.functions.is_empty() || options.functions.iter().any(|one| one == function);
    let artefacts = Artefacts::build(FUNCTIONS.into_iter().filter(chosen))?;
    let rig = Rig::open(artefacts).await?;
    say(&table::heading());
    say(&table::empty_line(&rig.measure_empty().await?));
    for case in Case::ALL.into_iter().filter(|case| chosen(&case.function())) {
        say(&table::line(&rig.measure(case).await?));
    }
    say(&table::legend());
    Ok(())
}
