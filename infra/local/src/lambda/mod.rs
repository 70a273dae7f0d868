//! Running function binaries as Lambda does: the very file that is deployed, as a process that asks for its events.
//!
//! The [Runtime API] is served on loopback, one for each instance. A process is given one event at a time, as on AWS,
//! and ends with its [`Instance`]. What is not here: freezing between events, extensions, SnapStart.
//!
//! [Runtime API]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

mod api;
mod environment;
mod instance;
mod process;

pub use api::{Answer, Report};
pub use environment::Launch;
pub use instance::{Instance, InvokeError, StartError};
