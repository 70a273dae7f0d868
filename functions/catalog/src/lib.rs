//! Catalog: anonymous reads of products and courses, staff writes of products, stock, courses and named groups.
//!
//! Reading costs one round trip whatever the size of the catalog; nothing scans. An edit carries the version that it was
//! made on, and never disturbs units that are held or sold.

mod batch_body;
mod batch_codes;
mod batches;
mod body;
mod catalogs;
mod config;
mod coupon_body;
mod coupons;
mod courses;
mod edit_product;
mod health;
mod listing;
mod offer_body;
mod offers;
mod openapi;
mod read_product;
mod save_course;
mod set_stock;
mod vouchers;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use domain::plan::Plan;
use lms::Lms;
use store::Store;
use web::{Code, Http, Problem};

/// Where a course with an older key, `Org/Course/Run`, is after a gateway that decodes paths. It is no address of its own.
const OLDER_COURSE: &str = "/api/v1/courses/{org}/{course}/{run}";

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The learning platform, to which course modes are pushed.
    pub lms: Lms,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

web::operations!(
    listing::list_products,
    edit_product::create_product,
    read_product::read_product,
    edit_product::replace_product,
    edit_product::change_product,
    edit_product::delete_product,
    set_stock::set_stock,
    courses::list_courses,
    courses::read_course,
    save_course::save_course,
    catalogs::list_catalogs,
    catalogs::create_catalog,
    catalogs::read_catalog,
    catalogs::replace_catalog,
    catalogs::delete_catalog,
    offers::list_offers,
    offers::create_offer,
    offers::read_offer,
    offers::replace_offer,
    offers::delete_offer,
    coupons::list_coupons,
    coupons::create_coupon,
    coupons::read_coupon,
    coupons::list_coupon_codes,
    coupons::change_coupon,
    coupons::deactivate_coupon,
    batches::list_batches,
    batches::create_batch,
    batches::read_batch,
    batches::change_batch,
    batch_codes::list_batch_codes,
    vouchers::list_vouchers,
    vouchers::create_voucher,
    vouchers::read_voucher,
    vouchers::list_voucher_uses,
    vouchers::replace_voucher,
    vouchers::delete_voucher,
    openapi::read_openapi,
    health::read_health,
);

/// Commits what staff edited; `refused` is the code of the answer if it is not as it was read any more.
pub(crate) async fn commit(app: &App, plan: Plan, refused: Code) -> Result<(), Problem> {
    let done = app.store.commit(&plan).await;
    done.map_err(|error| if error.is_conflict() { Problem::new(refused) } else { error.into() })
}

/// The function's routes.
pub fn router(app: App) -> Router {
    operations().route(OLDER_COURSE, get(courses::read_course).put(save_course::save_course)).with_state(app)
}
