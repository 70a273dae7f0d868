//! The pure rules of Bursar: money, pricing, baskets, orders, payments, fulfilment.
//!
//! Nothing here is async, reads a clock, draws entropy, or knows HTTP, SQL or the AWS SDK. Every operation is a function
//! `(state, command, now, ids) -> Plan | Refusal`; the `store` crate executes a [`plan::Plan`] as one DynamoDB
//! transaction. Times and ids arrive as arguments, so every branch can be reached by a test without I/O.
//!
//! Start with [`plan`] (what a decision looks like), then [`start_checkout`] and [`record_payment`] (the purchase).

pub mod attempt;
pub mod audit;
pub mod backoff;
pub mod basket;
pub mod batch;
pub mod cancel_order;
pub mod catalog;
pub mod change_basket;
pub mod client_key;
pub mod client_secret;
pub mod code_seed;
pub mod confirm_refund;
pub mod confirm_transfer;
pub mod contain;
pub mod coupon;
pub mod course;
pub mod course_key;
pub mod decide_refund;
pub mod due;
pub mod edit_user;
pub mod enrolment_codes;
pub mod entitlement;
pub mod fulfil_task;
pub mod id;
pub mod idempotency;
pub mod import_order;
pub mod journal;
pub mod ledger;
pub mod machine_client;
pub mod manual_order;
pub mod money;
pub mod offer;
pub mod open_session;
pub mod order;
mod order_file;
pub mod owned;
pub mod owner;
pub mod part;
pub mod payment;
pub mod percent;
pub mod places;
pub mod plan;
pub mod pricing;
pub mod product;
pub mod promotion;
pub mod quantity;
pub mod record_payment;
pub mod refresh_basket;
pub mod refund;
pub mod refundable;
pub mod request_refund;
pub mod secret;
pub mod selection;
pub mod sign_in;
pub mod sign_out;
pub mod start_checkout;
pub mod stock;
pub mod submit_refund;
pub mod task;
pub mod text;
pub mod throttle;
pub mod user;
pub mod user_session;
pub mod uses;
pub mod voucher;
mod voucher_code;
