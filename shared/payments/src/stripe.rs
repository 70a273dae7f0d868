//! Stripe: hosted Checkout Sessions and PaymentIntents, refunds, and webhooks.
//!
//! Wire formats are those of API version `2026-10-28.endive`. Statuses are open enums and unknown fields are ignored,
//! since the shape of an event follows the endpoint's version, not ours.

mod client;
mod event;
mod fact;
mod form;
mod signature;
mod transport;
mod wire;

#[cfg(test)]
mod client_tests;

pub use client::{Client, ConfigError, StripeConfig};
pub use signature::verify_signature;
