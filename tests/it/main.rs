//! The one test binary: each module is a subject.

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

mod bad_input;
mod baskets;
mod budget;
mod catalog;
mod crashes;
mod events;
mod journeys;
mod matrix;
mod openapi;
mod purchase;
mod simulation;
mod tidy;
