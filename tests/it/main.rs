//! The one test binary: each module is a subject.

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

mod answers;
mod bad_input;
mod baskets;
mod black_box;
mod budget;
mod catalog;
mod crashes;
mod events;
mod janitor;
mod journeys;
mod matrix;
mod openapi;
mod simulation;
mod startup;
mod template;
mod tidy;
