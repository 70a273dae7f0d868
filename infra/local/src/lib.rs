//! The whole cloud in one process: simulators at the wire, faults on order, and the shop front.

pub mod faults;
pub mod lms_sim;
pub mod page;
pub mod stripe_sim;
