//! Deciding on a learner's request for a refund: approve it, or deny it. What was decided stays decided.

use jiff::Timestamp;

use crate::id::Ids;
use crate::money::MoneyError;
use crate::order::OrderFile;
use crate::owner::Actor;
use crate::plan::{Plan, Write};
use crate::refund::{Refund, RefundEvent, RefundState};
use crate::refundable::{Claims, left};
use crate::request_refund::{said, set_off};
use crate::start_checkout::log_detail;
use crate::text::Note;

/// What staff decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It shall be paid.
    Approve {
        /// Whether places are taken back, if not as it was asked for.
        revoke: Option<bool>,
    },
    /// It shall not.
    Deny {
        /// Why, for staff.
        why: Option<Note>,
    },
}

/// Why a verdict is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerdictRefusal {
    /// It was approved before.
    #[error("the refund was approved")]
    Approved,
    /// It was denied before.
    #[error("the refund was denied")]
    Denied,
    /// Less is left than was asked for: money went back at the processor since.
    #[error("less is left than was asked for; deny it, and refund what is left")]
    NothingLeft,
    /// The rows do not add up to a representable sum.
    #[error("the order's amounts cannot be added up")]
    Money(#[from] MoneyError),
}

/// Decides a verdict: the refund as it is then, and what is written; nothing if the same was decided before.
///
/// # Errors
/// [`VerdictRefusal`].
pub fn decide(
    file: &OrderFile,
    refund: &Refund,
    verdict: &Verdict,
    by: Actor,
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Refund, Plan), VerdictRefusal> {
    match (refund.state, verdict) {
        (RefundState::Requested, Verdict::Approve { revoke }) => approve(file, refund, *revoke, by, (now, ids)),
        (RefundState::Requested, Verdict::Deny { why }) => deny(file, refund, why.as_ref(), by, (now, ids)),
        (RefundState::Denied, Verdict::Approve { .. }) => Err(VerdictRefusal::Denied),
        (RefundState::Denied, Verdict::Deny { .. })
        | (
            RefundState::Approved
            | RefundState::Submitted
            | RefundState::Succeeded
            | RefundState::Failed
            | RefundState::Unknown,
            Verdict::Approve { .. },
        ) => Ok((refund.clone(), Plan::default())),
        (
            RefundState::Approved
            | RefundState::Submitted
            | RefundState::Succeeded
            | RefundState::Failed
            | RefundState::Unknown,
            Verdict::Deny { .. },
        ) => Err(VerdictRefusal::Approved),
    }
}

fn approve(
    file: &OrderFile,
    refund: &Refund,
    revoke: Option<bool>,
    by: Actor,
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Refund, Plan), VerdictRefusal> {
    let rest = left(file, Claims::Approved, Some(refund))?.minus(refund.amount)?;
    if rest.is_negative() {
        return Err(VerdictRefusal::NothingLeft);
    }
    let mut after = refund.after(RefundEvent::Approve).map_err(|_| VerdictRefusal::Approved)?;
    after.revoke = revoke.unwrap_or(refund.revoke);
    let number = &file.order.number;
    let mut plan = Plan::of(Write::SaveOrder(Box::new(file.order.touched())));
    plan.push(log_detail(number, "refund_approved", by, Some(said(&after)), (now, ids)));
    plan.writes.extend(set_off(file, &mut after, now, ids));
    plan.push(Write::SaveRefund(number.clone(), Box::new(after.clone())));
    Ok((after, plan))
}

fn deny(
    file: &OrderFile,
    refund: &Refund,
    why: Option<&Note>,
    by: Actor,
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Refund, Plan), VerdictRefusal> {
    let number = &file.order.number;
    let detail = why.map_or_else(|| said(refund), |why| format!("{}: {why}", said(refund)));
    let after = refund.after(RefundEvent::Deny).map_err(|_| VerdictRefusal::Approved)?;
    let plan = Plan {
        writes: vec![
            Write::SaveOrder(Box::new(file.order.touched())),
            Write::SaveRefund(number.clone(), Box::new(after.clone())),
            log_detail(number, "refund_denied", by, Some(detail), (now, ids)),
        ],
    };
    Ok((after, plan))
}
