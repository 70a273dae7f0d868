//! The one place that knows the table: key layout, rows, conditional transactions, and the queue that the table wakes.
//!
//! [`Store::commit`] executes a [`domain::plan::Plan`] as one transaction and reports a failed condition by the write's
//! name. Every read of a request is one round trip (DESIGN section 6); nothing on a request's path scans.

mod batches;
mod commit;
mod encode;
mod error;
mod keys;
mod load;
mod queue;
mod rate;
mod row;
mod search;
mod sweep;
mod table;

use aws_sdk_dynamodb::Client;
use domain::text::Tenant;

pub use batches::{WorkedBatch, work_batches};
pub use commit::CommitError;
pub use error::StoreError;
pub use load::{
    BasketView, CallerKeys, CallerRows, OrderSummaries, Page, PlacesView, Position, ProductFilter, SignInView,
    WantedPlace,
};
pub use queue::{Message, Queue, QueueError, SentWork};
pub use sweep::{SweepReport, sweep};
pub use table::create_table;

/// The table, seen by one tenant.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    tenant: Tenant,
}

impl Store {
    /// The rows of `tenant` in the table named `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, tenant: Tenant) -> Self {
        Self { client, table: table.into(), tenant }
    }

    /// The same table, seen by another tenant.
    #[must_use]
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self { tenant, ..self.clone() }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}
