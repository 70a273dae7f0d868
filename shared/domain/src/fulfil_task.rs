//! Working a fulfilment task: claim it, call the LMS, write what came of it (I3).
//!
//! Transient faults never count towards parking until a week has passed; the fifth permanent refusal parks.

use jiff::{SignedDuration, Timestamp};

use crate::backoff::{PATIENCE, next_try};
use crate::code_seed::CodeSeed;
use crate::id::{Ids, OutboxId};
use crate::journal::LogEntry;
use crate::order::OrderFile;
use crate::owner::Actor;
use crate::plan::{OutboxItem, Plan, Work, Write};
use crate::start_checkout::{first_look, log_detail};
use crate::task::{IllegalTaskEvent, Task, TaskEvent, TaskState};

/// How long a worker has for one line: longer than the LMS's time-out with its retries, shorter than a function's life.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Permanent refusals after which a human must look.
pub const MAX_REFUSALS: u32 = 5;

/// What the LMS made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LmsResult {
    /// Done, or done before; with the LMS's name for the grant where it has one.
    Done(Option<String>),
    /// Not now. The text is a code such as `lms_unavailable`.
    Transient(String, Option<String>),
    /// No. The text is a code such as `no_such_user`.
    Permanent(String, Option<String>),
}

/// What is to be done for a claimed task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Give the place.
    Grant,
    /// Take it back.
    Revoke,
}

/// The tasks of an order that a worker may take now.
#[must_use]
pub fn claimable(file: &OrderFile, now: Timestamp) -> Vec<&Task> {
    file.tasks.values().filter(|task| task.state.is_claimable(now)).collect()
}

/// Decides a claim; the message that led here is settled by it. `seed` is what codes are made of, of a line that gives
/// codes, unless an earlier claim brought one.
///
/// # Errors
/// [`IllegalTaskEvent`] if the task cannot be claimed.
pub fn claim(
    file: &OrderFile,
    task: &Task,
    (message, seed): (Option<&OutboxId>, Option<CodeSeed>),
    now: Timestamp,
) -> Result<(Task, Errand, Plan), IllegalTaskEvent> {
    let lease_until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let mut claimed = task.after(TaskEvent::Claim { lease_until }, now)?;
    claimed.seed = claimed.seed.or(seed);
    let errand = match claimed.state {
        TaskState::Revoking { .. } => Errand::Revoke,
        TaskState::Queued { .. }
        | TaskState::Granting { .. }
        | TaskState::Granted { .. }
        | TaskState::RetryAt { .. }
        | TaskState::Parked { .. }
        | TaskState::Revoked { .. } => Errand::Grant,
    };
    let number = &file.order.number;
    let mut plan = Plan::of(Write::SaveTask(number.clone(), claimed.clone()));
    plan.writes.extend(message.map(|id| Write::Settle(number.clone(), id.clone())));
    Ok((claimed, errand, plan))
}

/// Decides what is written after the LMS answered. `jitter` is any number.
///
/// # Errors
/// [`IllegalTaskEvent`] if the task is not claimed.
pub fn finish(
    file: &OrderFile,
    task: &Task,
    result: LmsResult,
    (now, jitter): (Timestamp, u64),
    ids: &mut Ids,
) -> Result<(Task, Plan), IllegalTaskEvent> {
    let mut task = task.clone();
    let revoking = matches!(task.state, TaskState::Revoking { .. });
    let (event, name, detail) = match result {
        LmsResult::Done(grant) => {
            task.grant = grant.or(task.grant);
            (TaskEvent::Succeed, if revoking { "access_revoked" } else { "enrolled" }, None)
        }
        LmsResult::Transient(reason, detail) => {
            task.delays = task.delays.saturating_add(1);
            let event = delay_or_park(&task, reason, task.delays, (now, jitter));
            (event, "fulfillment_delayed", detail)
        }
        LmsResult::Permanent(reason, detail) => {
            task.refusals = task.refusals.saturating_add(1);
            let event = if task.refusals >= MAX_REFUSALS {
                TaskEvent::Park { reason }
            } else {
                delay_or_park(&task, reason, task.refusals, (now, jitter))
            };
            (event, "fulfillment_refused", detail)
        }
    };
    let parked = matches!(event, TaskEvent::Park { .. });
    task.revoking = revoking && parked;
    let finished = task.after(event, now)?;
    let number = file.order.number.clone();
    let event = if parked { "fulfillment_parked" } else { name }.to_owned();
    let log = LogEntry { id: ids.make(), at: now, actor: Actor::System, event, line: Some(task.line), detail };
    let plan = Plan { writes: vec![Write::SaveTask(number.clone(), finished.clone()), Write::Log(number, log)] };
    Ok((finished, plan))
}

fn delay_or_park(task: &Task, reason: String, faults: u32, (now, jitter): (Timestamp, u64)) -> TaskEvent {
    let patience_ends = task.since.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    if now >= patience_ends {
        TaskEvent::Park { reason }
    } else {
        TaskEvent::Delay { until: next_try(now, faults, jitter), reason }
    }
}

/// Why a redrive is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedriveRefusal {
    /// Nothing of the order, or of the lines named, is left to be done.
    #[error("every line is fulfilled already, or being worked on")]
    AlreadyFulfilled,
    /// The order has no such line.
    #[error("the order has no such line")]
    NoSuchLine,
    /// Nothing can be granted for an order that is not paid.
    #[error("the order is not paid")]
    NotPaid,
}

/// Decides a redrive of the lines named, or of all that wait, are delayed or parked.
///
/// # Errors
/// [`RedriveRefusal`].
pub fn redrive(
    file: &OrderFile,
    lines: Option<&[u32]>,
    actor: Actor,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<Plan, RedriveRefusal> {
    if file.tasks.is_empty() {
        return Err(RedriveRefusal::NotPaid);
    }
    if lines.is_some_and(|lines| lines.iter().any(|line| file.tasks_of(*line).next().is_none())) {
        return Err(RedriveRefusal::NoSuchLine);
    }
    let due = first_look(now);
    let number = &file.order.number;
    let mut plan = Plan::default();
    for task in file.tasks.values().filter(|task| lines.is_none_or(|lines| lines.contains(&task.line))) {
        let event = if task.revoking { TaskEvent::Revoke { due: now } } else { TaskEvent::Redrive { due } };
        if let Ok(mut queued) = task.after(event, now) {
            (queued.delays, queued.refusals, queued.since, queued.revoking) = (0, 0, now, false);
            plan.push(Write::SaveTask(number.clone(), queued));
        }
    }
    if plan.writes.is_empty() {
        return Err(RedriveRefusal::AlreadyFulfilled);
    }
    let (id, order) = (ids.make(), number.clone());
    plan.push(Write::Owe(OutboxItem { id, order, work: Work::Fulfil, due, resent: 0 }));
    plan.push(log_detail(number, "fulfillment_redriven", actor, None, (now, ids)));
    Ok(plan)
}
