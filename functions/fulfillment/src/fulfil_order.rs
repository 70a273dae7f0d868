//! Working the lines of an order: claim, call the LMS, write what came of it.

use domain::fulfil_task::{Errand, LmsResult, claim, claimable, finish};
use domain::id::OutboxId;
use domain::order::{OrderFile, OrderLine, OrderState};
use domain::plan::{Plan, Write};
use domain::product::Kind;
use domain::task::{Task, TaskState};
use lms::{EnrolRequest, EntitlementRequest, Lms, LmsError};
use web::{Until, metrics};

use crate::{App, WorkError};

/// Works every line that may be worked now, until the time is over. A line that another worker has is his.
///
/// Once the LMS does not answer in time, the lines that are left are delayed as if they had been tried: each would
/// wait as long. What is not reached in time stays due, and the janitor sends for it.
pub(crate) async fn fulfil_order(
    app: &App,
    file: &OrderFile,
    message: &OutboxId,
    until: &Until,
) -> Result<(), WorkError> {
    let lines = claimable(file, app.clock.now());
    if lines.is_empty() && file.outbox.iter().any(|item| item.id == *message) {
        let settle = Plan::of(Write::Settle(file.order.number.clone(), message.clone()));
        app.store.commit(&settle).await?;
    }
    let tasks = lines.iter().filter_map(|number| file.tasks.get(number)).collect();
    let (mut message, mut silence) = (Some(message), None);
    for (done, task) in from_turn(tasks).into_iter().enumerate() {
        if done > 0 && until.is_over() {
            tracing::warn!(left = lines.len().saturating_sub(done), "out of time: lines are left to the janitor");
            break;
        }
        let Some(line) = file.line(task.line) else { continue };
        let worked = work_line(app, file, (task, line), message, silence.clone()).await?;
        if let Some(result) = worked {
            message = None;
            silence = silence.or(Some(result).filter(is_silence));
        }
    }
    Ok(())
}

/// With each try another line is the first, so that one at which the LMS never answers does not hold up the others.
fn from_turn(mut tasks: Vec<&Task>) -> Vec<&Task> {
    let tries = tasks.iter().map(|task| task.delays).max().and_then(|delays| usize::try_from(delays).ok());
    let turn = tries.and_then(|tries| tries.checked_rem(tasks.len())).unwrap_or(0);
    tasks.rotate_left(turn);
    tasks
}

fn is_silence(result: &LmsResult) -> bool {
    matches!(result, LmsResult::Transient(reason, _) if reason == LmsError::Timeout.reason())
}

/// Works one line, or writes the `silence` of the LMS that another line has met; nothing if another worker claimed it
/// first, else what came of it.
async fn work_line(
    app: &App,
    file: &OrderFile,
    (task, line): (&Task, &OrderLine),
    message: Option<&OutboxId>,
    silence: Option<LmsResult>,
) -> Result<Option<LmsResult>, WorkError> {
    let claimed = claim(file, task, message, app.clock.now());
    let (task, errand, plan) = claimed.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let lms = app.lms.with_request_id(&format!("{}.{}", file.order.number, line.number));
    let result = match (silence, errand) {
        (Some(silence), Errand::Grant | Errand::Revoke) => silence,
        (None, Errand::Grant) => grant(app, &lms, file, (&task, line)).await,
        (None, Errand::Revoke) => revoke(app, &lms, file, (&task, line)).await?,
    };
    let now = app.clock.now();
    let jitter = app.entropy.jitter();
    let finished = finish(file, &task, result.clone(), (now, jitter), &mut app.entropy.ids(now));
    let (task, plan) = finished.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        Ok(()) => {
            tracing::info!(line = task.line, state = task.state.name(), "line worked");
            count(file, &task);
            Ok(Some(result))
        }
        // The lease ended meanwhile and another worker took over: what he writes stands.
        Err(store::CommitError::Refused(_)) => {
            tracing::info!(line = task.line, "line worked by another");
            Ok(Some(result))
        }
        Err(error) => Err(error.into()),
    }
}

fn count(file: &OrderFile, task: &Task) {
    if let (TaskState::Granted { at }, OrderState::Paid { at: paid }) = (&task.state, file.order.state) {
        metrics::line_granted(at.duration_since(paid));
    }
    if matches!(task.state, TaskState::Parked { .. }) {
        metrics::line_parked();
    }
}

async fn grant(app: &App, lms: &Lms, file: &OrderFile, (task, line): (&Task, &OrderLine)) -> LmsResult {
    let now = app.clock.now();
    match line.kind {
        Kind::Seat => match enrolment(file, line, true) {
            Some(request) => classify(lms.enrol(&request, now).await.map(|_| None)),
            None => incomplete(),
        },
        Kind::Entitlement => match entitlement(file, line) {
            Some(request) => classify(grant_entitlement(lms, &request, task, now).await),
            None => incomplete(),
        },
        Kind::EnrollmentCode | Kind::Bundle => incomplete(),
    }
}

/// The LMS makes a second entitlement of a second request, so after a lost answer it is asked first.
async fn grant_entitlement(
    lms: &Lms,
    request: &EntitlementRequest,
    task: &Task,
    now: jiff::Timestamp,
) -> Result<Option<String>, LmsError> {
    if task.version > FIRST_CLAIM
        && let Some(found) = lms.find_entitlement(request, now).await?
    {
        return Ok(Some(found.as_str().to_owned()));
    }
    let granted = lms.grant_entitlement(request, now).await?;
    Ok(Some(granted.as_str().to_owned()))
}

/// A task's version when it is claimed for the first time.
const FIRST_CLAIM: u64 = 2;

/// Takes a place back, unless another paid line of the learner's still gives it (I4).
async fn revoke(
    app: &App,
    lms: &Lms,
    file: &OrderFile,
    (task, line): (&Task, &OrderLine),
) -> Result<LmsResult, WorkError> {
    let now = app.clock.now();
    let places = app.store.read_places(&file.order.owner).await?;
    if line.place().is_some_and(|place| places.contains(&place)) {
        return Ok(LmsResult::Done(None));
    }
    Ok(match line.kind {
        Kind::Seat => match enrolment(file, line, false) {
            Some(request) => classify(lms.enrol(&request, now).await.map(|_| None)),
            None => incomplete(),
        },
        Kind::Entitlement => match entitlement(file, line) {
            Some(request) => classify(revoke_entitlement(lms, &request, task, now).await.map(|()| None)),
            None => incomplete(),
        },
        Kind::EnrollmentCode | Kind::Bundle => incomplete(),
    })
}

/// Takes an entitlement back: the one that we know of, or one that a grant whose answer was lost has made.
async fn revoke_entitlement(
    lms: &Lms,
    request: &EntitlementRequest,
    task: &Task,
    now: jiff::Timestamp,
) -> Result<(), LmsError> {
    let known = task.grant.as_deref().and_then(|grant| grant.parse().ok());
    let found = match known {
        Some(reference) => Some(reference),
        None => lms.find_entitlement(request, now).await?,
    };
    match found {
        Some(reference) => lms.revoke_entitlement(&reference, now).await,
        None => Ok(()),
    }
}

fn enrolment(file: &OrderFile, line: &OrderLine, active: bool) -> Option<EnrolRequest> {
    Some(EnrolRequest {
        username: file.order.username.clone(),
        course_key: line.course_key.clone()?,
        mode: line.mode.clone()?,
        order_number: file.order.number.clone(),
        placed_at: file.order.placed_at,
        active,
    })
}

fn entitlement(file: &OrderFile, line: &OrderLine) -> Option<EntitlementRequest> {
    Some(EntitlementRequest {
        username: file.order.username.clone(),
        course_uuid: line.course_uuid.clone()?,
        mode: line.mode.clone()?,
        order_number: file.order.number.clone(),
    })
}

/// A line that lacks what the LMS needs: nothing will mend it but a human.
fn incomplete() -> LmsResult {
    LmsResult::Permanent("incomplete_product".to_owned(), None)
}

fn classify(result: Result<Option<String>, LmsError>) -> LmsResult {
    match result {
        Ok(grant) => LmsResult::Done(grant),
        Err(error) if error.retryable() => LmsResult::Transient(error.reason().to_owned(), Some(error.detail())),
        Err(error) => LmsResult::Permanent(error.reason().to_owned(), Some(error.detail())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn with_each_try_another_line_is_the_first() {
        let check = |delays: [u32; 3], order: [u32; 3]| {
            let task =
                |(line, delays)| Task { delays, ..Task::new(line, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH) };
            let tasks: Vec<Task> = (1..).zip(delays).map(task).collect();
            let lines: Vec<u32> = from_turn(tasks.iter().collect()).iter().map(|task| task.line).collect();
            assert_eq!(lines, order, "{delays:?}");
        };
        check([0, 0, 0], [1, 2, 3]);
        check([1, 1, 1], [2, 3, 1]);
        check([2, 1, 0], [3, 1, 2]);
        check([3, 3, 3], [1, 2, 3]);
        assert!(from_turn(Vec::new()).is_empty());
    }
}
