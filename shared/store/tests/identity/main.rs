//! The rows of who is calling, on the embedded engine: what is read together, in how many calls, and which conditions
//! hold.

// True of every build of this file. It is how clippy learns that helpers outside `#[test]` are test code too.
#![cfg(test)]

mod caller;
mod clients;
mod rates;
mod sign_in;
mod table;
