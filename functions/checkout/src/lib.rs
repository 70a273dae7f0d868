//! Checkout: from a basket to an order with a payment session; orders, receipts, cancellation, redrive, refunds.
//!
//! A checkout is two transactions around one call of the processor: the order with its holds before, the session after.
//! A crash between them is healed by the next call with the same `Idempotency-Key`, which finds the order and asks the
//! processor again with the same key of its own.

mod after_conflict;
mod body;
mod cancel_order;
mod config;
mod confirm_refund;
mod confirm_transfer;
mod create_refund;
mod decide_refund;
mod end_session;
mod import_orders;
mod line_name;
mod list_orders;
mod list_refunds;
mod manual_orders;
mod open_session;
mod order_name;
mod order_view;
mod processors;
mod read_codes;
mod read_order;
mod receipt;
mod redrive;
mod refund_view;
mod results;
mod start_checkout;
mod timeline;

use axum::Router;
use axum::extract::FromRef;
use domain::course_key::CourseKey;
use domain::id::OrderNumber;
use domain::order::{Order, OrderFile, OrderLine};
use domain::places::Places;
use jiff::SignedDuration;
use payments::Processor;
use payments::transfer::BankTransfer;
use store::{Queue, Store};
use web::{Claim, Code, Http, Problem, Role, User, telemetry};

use crate::order_name::OrderName;

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    /// The HTTP contract.
    pub http: Http,
    /// The table.
    pub store: Store,
    /// The fulfilment queue: a free order is fulfilled at once.
    pub queue: Queue,
    /// The processors that a learner can choose.
    pub processors: Vec<Processor>,
    /// The account for transfers, if the shop takes them.
    pub bank_transfer: Option<BankTransfer>,
    /// The sites to which a processor may send the browser back, such as `https://shop.example`; none is any site.
    pub return_origins: Vec<String>,
    /// What is taxed and sold where.
    pub places: Places,
    /// How long after the payment a learner may ask for a refund.
    pub refund_window: SignedDuration,
}

impl FromRef<App> for Http {
    fn from_ref(app: &App) -> Self {
        app.http.clone()
    }
}

web::operations!(
    start_checkout::start_checkout,
    list_orders::list_orders,
    read_order::read_order,
    read_codes::read_codes,
    timeline::read_timeline,
    receipt::read_receipt,
    cancel_order::cancel_order,
    redrive::fulfill_order,
    manual_orders::create_manual_orders,
    import_orders::import_orders,
    confirm_transfer::confirm_transfer,
    create_refund::create_refund,
    list_refunds::list_refunds,
    decide_refund::approve_refund,
    decide_refund::deny_refund,
    confirm_refund::confirm_refund,
    processors::list_processors,
);

/// The function's routes.
pub fn router(app: App) -> Router {
    operations().with_state(app)
}

impl App {
    /// The caller, and the order if the caller may see it.
    async fn order_for<P: Role + AsRef<User>>(
        &self,
        who: Claim<P>,
        number: &OrderNumber,
    ) -> Result<(P, OrderFile), Problem> {
        telemetry::concerns(number);
        let (caller, file) = who.with(self.store.read_order(number)).await?;
        let file = seen(file, caller.as_ref())?;
        Ok((caller, file))
    }

    /// The same by whichever of its numbers the order is named.
    async fn order_named<P: Role + AsRef<User>>(
        &self,
        who: Claim<P>,
        name: &OrderName,
    ) -> Result<(P, OrderFile), Problem> {
        let legacy = match name {
            OrderName::Number(number) => return self.order_for(who, number).await,
            OrderName::Legacy(legacy) => legacy,
        };
        let (caller, file) = who.with(Box::pin(self.store.read_imported_order(legacy))).await?;
        let file = seen(file, caller.as_ref())?;
        telemetry::concerns(&file.order.number);
        Ok((caller, file))
    }

    /// The order as it is now, if the user may see it.
    async fn order_again(&self, number: &OrderNumber, user: &User) -> Result<OrderFile, Problem> {
        seen(self.store.read_order(number).await?, user)
    }
}

/// The order, if the user may see it. Another user's order is one that does not exist (I9).
fn seen(file: Option<OrderFile>, user: &User) -> Result<OrderFile, Problem> {
    let seen = file.filter(|file| may_see(&file.order, user));
    seen.ok_or_else(|| Problem::new(Code::UnknownOrder))
}

/// A user sees their own orders, staff all; a restricted application those that its filters allow.
fn may_see(order: &Order, user: &User) -> bool {
    if user.grant.restricted { is_within(order, user) } else { user.staff || order.owner == user.id }
}

/// Whether the user administers the shop, and does so with a token that is not restricted.
fn is_staff(user: &User) -> bool {
    user.staff && !user.grant.restricted
}

/// Whether an order is within the limits of a service's token: all of it, and what is of no organisation is not within the
/// limits of one.
fn is_within(order: &Order, service: &User) -> bool {
    let grant = &service.grant;
    let of = |key: &Option<CourseKey>| match key {
        Some(key) => grant.allows_org(key.org()),
        None => !grant.limits_organisations(),
    };
    let org = |line: &OrderLine| match line.parts.as_slice() {
        [] => of(&line.course_key),
        parts => parts.iter().all(|part| of(&part.course_key)),
    };
    !grant.is_limited_otherwise()
        && grant.allows_user(&service.username, &order.username)
        && order.lines.iter().all(org)
}
