//! Confirming that staff paid a refund back by themselves: then it counts, and places go with it, as when a processor says
//! that it paid (ADR 28).

use jiff::Timestamp;

use crate::confirm_transfer::said_by;
use crate::id::Ids;
use crate::order::OrderFile;
use crate::owner::UserId;
use crate::payment::{RefundAnswer, RefundStanding};
use crate::plan::{Plan, Write};
use crate::refund::{Refund, RefundState};
use crate::submit_refund::{RefundResult, finish};
use crate::text::ProcessorRef;

/// Why a refund is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmRefusal {
    /// A processor pays it, and says so itself.
    #[error("the processor pays it back")]
    ByProcessor,
    /// It waits to be decided.
    #[error("a request for this waits to be decided")]
    NotApproved,
    /// It was denied.
    #[error("the refund was denied")]
    Denied,
}

/// Decides a confirmation: the refund as it is then, and what is written; nothing if it was confirmed before.
/// `reference` is what the bank calls the transfer back; without it the refund's own id stands for it.
///
/// # Errors
/// [`ConfirmRefusal`].
pub fn decide(
    file: &OrderFile,
    refund: &Refund,
    (by, reference): (&UserId, Option<ProcessorRef>),
    (now, ids): (Timestamp, &mut Ids),
) -> Result<(Refund, Plan), ConfirmRefusal> {
    if !refund.by_hand {
        return Err(ConfirmRefusal::ByProcessor);
    }
    match refund.state {
        RefundState::Succeeded => return Ok((refund.clone(), Plan::default())),
        RefundState::Requested => return Err(ConfirmRefusal::NotApproved),
        RefundState::Denied | RefundState::Failed => return Err(ConfirmRefusal::Denied),
        RefundState::Approved | RefundState::Submitted | RefundState::Unknown => {}
    }
    let reference = reference.or_else(|| refund.id.as_str().parse().ok()).ok_or(ConfirmRefusal::Denied)?;
    let raw = reference.to_string();
    let answer = RefundAnswer { reference, standing: RefundStanding::Succeeded, raw };
    let decided = finish(file, refund, RefundResult::Answered(answer), None, (now, 0, ids));
    let plan = said_by(decided.map_err(|_| ConfirmRefusal::Denied)?, by);
    let saved =
        plan.writes.iter().find_map(|write| if let Write::SaveRefund(_, refund) = write { Some(refund) } else { None });
    let saved = saved.map(|refund| refund.as_ref().clone());
    Ok((saved.unwrap_or_else(|| refund.clone()), plan))
}
