//! A refund as it is read.

use domain::id::OrderNumber;
use domain::owner::Actor;
use domain::refund::{Refund, RefundedLine};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use web::{MoneyBody, User};

use crate::is_staff;

/// The part of a refund that is one line's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundLineView {
    /// 1 for the order's first line.
    line: u32,
    amount: MoneyBody,
}

impl From<&RefundedLine> for RefundLineView {
    fn from(part: &RefundedLine) -> Self {
        Self { line: part.line, amount: part.amount.into() }
    }
}

/// Money that goes back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundView {
    id: String,
    /// The order's number.
    order: String,
    /// `requested`, `approved`, `denied`, `submitted`, `succeeded`, `failed` or `unknown`.
    state: &'static str,
    /// `asked`, `second_payment`, `late_payment`, `wrong_amount` or `at_processor`.
    reason: &'static str,
    /// Why it was asked for: the learner's own words to the learner, anybody's to staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// `learner`, `staff` or `system`.
    asked_by: &'static str,
    amount: MoneyBody,
    /// The lines that it is for; none is the order as a whole.
    lines: Vec<RefundLineView>,
    /// Whether places are taken back of which nothing of the price is left.
    revoke: bool,
    /// Whether staff pay it back by themselves, and confirm it then.
    by_hand: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl RefundView {
    /// The refund as `reader` may see it, who may see its order.
    pub(crate) fn of(order: &OrderNumber, refund: &Refund, reader: &User) -> Self {
        let own = refund.asked_by == Actor::Learner && !reader.grant.restricted;
        let note = refund.note.as_ref().filter(|_| own || is_staff(reader));
        Self {
            id: refund.id.to_string(),
            order: order.to_string(),
            state: refund.state.name(),
            reason: refund.reason.name(),
            note: note.map(ToString::to_string),
            asked_by: actor(&refund.asked_by),
            amount: refund.amount.into(),
            lines: refund.lines.iter().map(RefundLineView::from).collect(),
            revoke: refund.revoke,
            by_hand: refund.by_hand,
            created_at: refund.created_at,
        }
    }
}

/// Who did something, without saying which of them.
pub(crate) fn actor(actor: &Actor) -> &'static str {
    match actor {
        Actor::Learner => "learner",
        Actor::Staff(_) => "staff",
        Actor::Service => "service",
        Actor::Processor => "processor",
        Actor::System => "system",
    }
}
