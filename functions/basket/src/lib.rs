//! Basket: what a user or an anonymous session means to buy.
//!
//! Reading never writes. A change reads the basket and the products concerned together, is decided by the domain, and is
//! written on condition that nobody changed the basket meanwhile; if somebody did, it is decided anew, so that parallel
//! adds lose nothing.

mod body;
mod change;
mod config;
mod lines;
mod quote;
mod read_basket;

use axum::extract::FromRef;
use domain::money::Currency;
use domain::percent::Percent;
use store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Http;

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The currency in which an empty basket shows its nothing.
    pub currency: Currency,
    /// The tax on every line, if there is one.
    pub tax: Option<Percent>,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

/// The function's routes, with their part of the OpenAPI document.
#[must_use]
pub fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(read_basket::read_basket, lines::clear_basket))
        .routes(routes!(lines::add_line))
        .routes(routes!(lines::add_lines))
        .routes(routes!(lines::set_quantity, lines::remove_line))
        .routes(routes!(quote::read_quote))
        .with_state(app)
}
