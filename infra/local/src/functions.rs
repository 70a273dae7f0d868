//! The functions, wired as their `main.rs` wires them on AWS, but to the local cloud's clients.

use std::sync::Arc;

use axum::Router;
use domain::money::Currency;
use domain::places::Places;
use jiff::SignedDuration;
use payments::Processor;
use payments::transfer::BankTransfer;
use store::{Queue, Store};
use utoipa::{OpenApi, openapi};
use web::Http;
use web::identity::signing::SigningKeys;

/// What all functions of one tenant are built from.
#[derive(Clone)]
pub struct Parts {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The queue.
    pub queue: Queue,
    /// The processors.
    pub processors: Vec<Processor>,
    /// The account for transfers, if the shop takes them.
    pub bank_transfer: Option<BankTransfer>,
    /// The learning platform.
    pub lms: lms::Lms,
    /// The currency of an empty basket.
    pub currency: Currency,
    /// What is taxed and sold where.
    pub places: Places,
    /// Where the functions are reached.
    pub base_url: String,
    /// The keys of our own tokens.
    pub signing: Arc<SigningKeys>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bursar",
        description = "Serverless commerce for learning platforms.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(web::ProblemDetails))
)]
struct Document;

/// The OpenAPI document of every function.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let mut document = Document::openapi();
    for part in [
        catalog::document(),
        basket::document(),
        checkout::document(),
        payment_webhook::document(),
        session::document(),
    ] {
        document.merge(part);
    }
    crate::document::complete(document)
}

/// The routes of every function.
pub fn routes(parts: &Parts) -> Router {
    let Parts { http, store, queue, processors, bank_transfer, lms, currency, places, base_url, signing } =
        parts.clone();
    let catalog = catalog::App { http: http.clone(), store: store.clone(), lms };
    let basket = basket::App { http: http.clone(), store: store.clone(), currency, places: places.clone() };
    let checkout = checkout::App {
        http: http.clone(),
        store: store.clone(),
        queue: queue.clone(),
        processors: processors.clone(),
        bank_transfer,
        return_origins: Vec::new(),
        places,
        refund_window: SignedDuration::from_hours(14 * 24),
    };
    let session = session::App {
        http: http.clone(),
        store: store.clone(),
        signing,
        base_url,
        audience: http.tenant().to_string(),
        next_origins: http.allowed_origins().to_vec(),
    };
    let webhook = payment_webhook::App { http, store, queue, processors };
    Router::new()
        .merge(catalog::router(catalog))
        .merge(basket::router(basket))
        .merge(checkout::router(checkout))
        .merge(payment_webhook::router(webhook))
        .merge(session::router(session))
}

/// The fulfilment function.
#[must_use]
pub fn fulfillment(parts: &Parts) -> fulfillment::App {
    fulfillment::App {
        store: parts.store.clone(),
        lms: parts.lms.clone(),
        processors: parts.processors.clone(),
        clock: parts.http.clock().clone(),
        entropy: parts.http.entropy().clone(),
    }
}

/// The janitor function.
#[must_use]
pub fn janitor(parts: &Parts) -> janitor::App {
    janitor::App {
        store: parts.store.clone(),
        queue: parts.queue.clone(),
        clock: parts.http.clock().clone(),
        entropy: parts.http.entropy().clone(),
    }
}
