//! The HTTP contract, once: identity, problem details, idempotency, paging, telemetry, and the seams to clock and entropy.

pub mod clock;

pub use clock::Clock;
