//! Basket: what a user or an anonymous session means to buy.
//!
//! Reading never writes. A change reads the basket and the products concerned together, is decided by the domain, and is
//! written on condition that nobody changed the basket meanwhile; if somebody did, it is decided anew, so that parallel
//! adds lose nothing.

mod body;
mod change;
mod config;
mod lines;
mod prices;
mod quote;
mod read_basket;
mod vouchers;

use axum::Router;
use axum::extract::FromRef;
use domain::money::Currency;
use domain::places::Places;
use store::Store;
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
    /// What is taxed and sold where.
    pub places: Places,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

web::operations!(
    read_basket::read_basket,
    lines::clear_basket,
    lines::add_line,
    lines::add_lines,
    lines::set_quantity,
    lines::remove_line,
    vouchers::add_voucher,
    vouchers::remove_voucher,
    quote::read_quote,
);

/// The function's routes.
pub fn router(app: App) -> Router {
    operations().with_state(app)
}
