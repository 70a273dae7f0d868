//! The whole cloud in one process: the functions' own routers over an embedded DynamoDB engine and an SQS engine, with
//! simulators of Stripe and Open edX at the wire, faults on order, a clock that can be moved, and a shop front.
//!
//! Nothing here stands in for code of ours: the SDK, the processor's client and the LMS's client send the same bytes as
//! on AWS. Everything under `/_local/` exists here only.

pub mod aws;
pub mod bench;
pub mod cloud;
pub mod control;
pub mod cost;
pub mod data;
pub mod demo;
pub mod dev_keys;
pub mod document;
pub mod endpoint;
pub mod faults;
pub mod functions;
pub mod lambda;
pub mod lambda_bench;
pub mod lms_sim;
pub mod loopback;
pub mod meter;
pub mod options;
pub mod page;
pub mod parameter_store;
pub mod parameters;
pub mod recorder;
pub mod sample_events;
pub mod serve;
pub mod simulators;
pub mod stripe_sim;
pub mod template;
pub(crate) mod tenants;
pub mod trigger;

pub use cloud::{Cloud, CloudConfig};
pub use data::DataPlace;
