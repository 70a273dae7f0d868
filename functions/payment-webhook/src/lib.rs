//! Payment webhook: processors call here.
//!
//! Verified on the raw bytes, decided by the domain, committed in one transaction, and only then acknowledged (I8).
//! The webhook never fulfils: it owes the queue a message, in the same transaction.

mod config;
mod receive_event;

use axum::Router;
use axum::extract::FromRef;
use payments::Processor;
use store::{Queue, Store};
use web::Http;

/// What the handler works with.
#[derive(Clone)]
pub struct App {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The fulfilment queue.
    pub queue: Queue,
    /// The processors that may call.
    pub processors: Vec<Processor>,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

web::operations!(receive_event::receive_event,);

/// The function's routes.
pub fn router(app: App) -> Router {
    operations().with_state(app)
}
