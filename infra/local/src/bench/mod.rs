//! The benchmark: what operations cost, beside the same DynamoDB calls made bare in the same run, and whether they stay
//! as fast when there is much data.
//!
//! It asserts nothing: figures of a machine are for humans. Everything runs in this process and on its cores: our HTTP
//! server, the clients that load it, the embedded engine, the simulators. An operation's figures are those that its
//! caller sees, with the caller's own work, the HTTP exchange, and the calls to processor, queue and LMS in them; the
//! bare figures are of the DynamoDB calls and nothing else.

mod bare;
mod batch;
mod compare;
pub(crate) mod front;
pub(crate) mod load;
mod offers;
mod operation;
mod scale;
pub(crate) mod shop;
mod table;
mod tokens;

pub use batch::run as batch;

use crate::demo::say;
use crate::options::BenchOptions;
use operation::Operation;

/// Measures everything, or what offers cost, and prints a table line by line.
///
/// # Errors
/// If the cloud fails, or a request is not answered as it should be.
pub async fn run(options: &BenchOptions) -> anyhow::Result<()> {
    if !options.offers {
        operations().await?;
    }
    say(&table::pricing(&offers::pricing().await?));
    say(&table::checkouts(&offers::checkouts().await?));
    say(&table::round_trips(&offers::round_trips().await?));
    Ok(())
}

async fn operations() -> anyhow::Result<()> {
    say(&table::operations_heading());
    for operation in Operation::ALL {
        say(&table::operation_line(&compare::compare(operation).await?));
    }
    say(&table::verification(&tokens::measure().await?));
    let catalog = scale::catalog().await?;
    say(&table::growth_heading());
    for growth in catalog {
        say(&table::growth_line(&growth));
    }
    say(&table::growth_line(&scale::history().await?));
    Ok(())
}
