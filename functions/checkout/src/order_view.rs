//! An order as it is read.

use domain::order::{FulfillmentStatus, Manual, MoneyStatus, Order, OrderFile, OrderLine, OrderState};
use domain::part::Part;
use domain::task::{Task, TaskState};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Code, MoneyBody, Problem, User};

use crate::body::PaymentView;
use crate::is_staff;
use crate::refund_view::RefundView;

/// How a line stands with the LMS.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FulfillmentView {
    /// `none` before payment, then `queued`, `granting`, `granted`, `retry_at`, `parked`, `revoking`, `revoked`.
    state: &'static str,
    /// Why it is delayed or parked, as a code.
    reason: Option<String>,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
}

impl FulfillmentView {
    /// Of several tasks, that which is least done: a bundle is there when all of it is.
    fn of<'a>(tasks: impl Iterator<Item = &'a Task>) -> Self {
        let Some(task) = tasks.min_by_key(|task| (done(&task.state), task.state.due())) else {
            return Self { state: "none", reason: None, next_attempt_at: None };
        };
        let (reason, next_attempt_at) = match &task.state {
            TaskState::RetryAt { at, reason } => (Some(reason.clone()), Some(*at)),
            TaskState::Parked { reason } => (Some(reason.clone()), None),
            TaskState::Queued { .. }
            | TaskState::Granting { .. }
            | TaskState::Granted { .. }
            | TaskState::Revoking { .. }
            | TaskState::Revoked { .. } => (None, None),
        };
        Self { state: task.state.name(), reason, next_attempt_at }
    }
}

/// How much of a task is done: the more the later.
fn done(state: &TaskState) -> u8 {
    match state {
        TaskState::Parked { .. } => 0,
        TaskState::RetryAt { .. } => 1,
        TaskState::Queued { .. } => 2,
        TaskState::Granting { .. } => 3,
        TaskState::Revoking { .. } => 4,
        TaskState::Granted { .. } => 5,
        TaskState::Revoked { .. } => 6,
    }
}

/// A part of a bundle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPartView)]
pub(crate) struct PartView {
    sku: String,
    title: String,
    course_key: Option<String>,
    mode: Option<String>,
    fulfillment: FulfillmentView,
}

impl PartView {
    fn of(part: &Part, task: Option<&Task>) -> Self {
        Self {
            sku: part.sku.to_string(),
            title: part.title.to_string(),
            course_key: part.course_key.as_ref().map(ToString::to_string),
            mode: part.mode.as_ref().map(ToString::to_string),
            fulfillment: FulfillmentView::of(task.into_iter()),
        }
    }
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLineView)]
pub(crate) struct LineView {
    /// 1 for the first.
    line: u32,
    sku: String,
    /// `seat`, `entitlement`, `enrollment_code` or `bundle`.
    kind: &'static str,
    title: String,
    course_key: Option<String>,
    mode: Option<String>,
    quantity: u32,
    unit_price: MoneyBody,
    discount: MoneyBody,
    tax: Option<MoneyBody>,
    /// The tax's rate in percent.
    tax_rate: Option<String>,
    total: MoneyBody,
    /// Of a bundle, that of the part which is least done.
    fulfillment: FulfillmentView,
    /// What a bundle gives, each with its own standing.
    parts: Vec<PartView>,
}

impl LineView {
    fn of(line: &OrderLine, file: &OrderFile) -> Self {
        let parts = line.errands().into_iter().filter(|number| *number > 0);
        let part = |number| Some((line.part(number)?, file.tasks.get(&(line.number, number))));
        Self {
            line: line.number,
            sku: line.sku.to_string(),
            kind: line.kind.name(),
            title: line.title.to_string(),
            course_key: line.course_key.as_ref().map(ToString::to_string),
            mode: line.mode.as_ref().map(ToString::to_string),
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            discount: line.discount.into(),
            tax: line.tax.map(|tax| tax.amount.into()),
            tax_rate: line.tax.map(|tax| tax.rate.to_string()),
            total: line.total.into(),
            fulfillment: FulfillmentView::of(file.tasks_of(line.number)),
            parts: parts.filter_map(part).map(|(part, task)| PartView::of(&part, task)).collect(),
        }
    }
}

/// Sums of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Totals {
    pub(crate) subtotal: MoneyBody,
    pub(crate) discount: MoneyBody,
    pub(crate) tax: MoneyBody,
    /// Whether prices have the tax in them; otherwise it came on top.
    pub(crate) tax_included: bool,
    pub(crate) total: MoneyBody,
    pub(crate) currency: &'static str,
}

impl Totals {
    pub(crate) fn of(order: &Order) -> Result<Self, Problem> {
        let pricing = order.pricing().map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            subtotal: pricing.subtotal.into(),
            discount: pricing.discount.into(),
            tax: pricing.tax.into(),
            tax_included: pricing.is_tax_included(),
            total: pricing.total.into(),
            currency: pricing.currency().code(),
        })
    }
}

/// A payment attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptView {
    id: String,
    processor: &'static str,
    /// `created`, `session_open`, `processing`, `succeeded`, `failed`, `expired` or `unknown`.
    state: domain_state::AttemptStateName,
    /// The processor's code of the last decline.
    last_decline: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

mod domain_state {
    //! The attempt's state as the domain names it, with a schema of plain text.

    use domain::attempt::AttemptState;
    use serde::Serialize;
    use utoipa::ToSchema;

    /// A state's name.
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(transparent)]
    #[schema(value_type = String)]
    pub(crate) struct AttemptStateName(pub(crate) AttemptState);
}

/// That staff placed an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManualView {
    /// Who, as `users/{username}` names them by `id`; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ManualView {
    fn of(manual: &Manual, reader: &User) -> Self {
        let said = Some(manual).filter(|_| is_staff(reader));
        Self { by: said.map(|manual| manual.by.to_string()), reason: said.map(|manual| manual.reason.to_string()) }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderView {
    number: String,
    /// `pending_payment`, `paid`, `cancelled` or `expired`.
    status: &'static str,
    /// `unpaid`, `paid`, `partially_refunded`, `refunded` or `overpaid`.
    money_status: &'static str,
    /// `none`, `partial`, `complete`, `parked` or `revoked`.
    fulfillment_status: &'static str,
    lines: Vec<LineView>,
    totals: Totals,
    payments: Vec<AttemptView>,
    refunds: Vec<RefundView>,
    /// How it can be paid now; null unless it waits for payment.
    payment: Option<PaymentView>,
    /// That staff placed it for the learner, who pays nothing; left out of any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    manual: Option<ManualView>,
    /// What it was called in the shop that it was imported from; left out of any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    imported_as: Option<String>,
    /// Until when it waits for the money; null if it does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pay_by: Option<Timestamp>,
    /// The buyer's countries that were known, the profile's first: what the tax rests on. To staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_countries: Option<Vec<String>>,
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
}

impl OrderView {
    /// The order as `reader` may see it: nobody but its owner is shown how to pay it.
    pub(crate) fn of(file: &OrderFile, reader: &User) -> Result<Self, Problem> {
        let order = &file.order;
        let owner = order.owner == reader.id;
        let line = |line: &OrderLine| LineView::of(line, file);
        let payment = PaymentView::of_order(file);
        Ok(Self {
            number: order.number.to_string(),
            status: order.state.name(),
            money_status: money_status(file.money_status()),
            fulfillment_status: fulfillment_status(file.fulfillment_status()),
            lines: order.lines.iter().map(line).collect(),
            totals: Totals::of(order)?,
            payments: file.attempts.iter().map(attempt).collect(),
            refunds: file.refunds.iter().map(|refund| RefundView::of(&order.number, refund, reader)).collect(),
            payment: (owner && payment.says_how()).then_some(payment),
            manual: order.manual.as_ref().map(|manual| ManualView::of(manual, reader)),
            imported_as: order.imported_as.as_ref().map(ToString::to_string),
            pay_by: match order.state {
                OrderState::PendingPayment { pay_by } => Some(pay_by),
                OrderState::Paid { .. } | OrderState::Cancelled { .. } | OrderState::Expired { .. } => None,
            },
            tax_countries: reader.staff.then(|| order.at.countries().map(ToString::to_string).collect()),
            placed_at: order.placed_at,
        })
    }
}

fn attempt(attempt: &domain::attempt::Attempt) -> AttemptView {
    AttemptView {
        id: attempt.id.to_string(),
        processor: attempt.processor.name(),
        state: domain_state::AttemptStateName(attempt.state),
        last_decline: attempt.last_decline.clone(),
        created_at: attempt.created_at,
    }
}

fn money_status(status: MoneyStatus) -> &'static str {
    match status {
        MoneyStatus::Unpaid => "unpaid",
        MoneyStatus::Paid => "paid",
        MoneyStatus::PartiallyRefunded => "partially_refunded",
        MoneyStatus::Refunded => "refunded",
        MoneyStatus::Overpaid => "overpaid",
    }
}

fn fulfillment_status(status: FulfillmentStatus) -> &'static str {
    match status {
        FulfillmentStatus::None => "none",
        FulfillmentStatus::Partial => "partial",
        FulfillmentStatus::Complete => "complete",
        FulfillmentStatus::Parked => "parked",
        FulfillmentStatus::Revoked => "revoked",
    }
}

/// The name of an order's state as a filter takes it.
pub(crate) fn state_name(text: &str) -> Result<&'static str, Problem> {
    let known = ["pending_payment", "paid", "cancelled", "expired"];
    let found = known.into_iter().find(|name| *name == text);
    found.ok_or_else(|| {
        Problem::new(Code::InvalidFields).error("/status", "must be pending_payment, paid, cancelled or expired")
    })
}
