//! Working the lines of an order: claim, call the LMS, write what came of it.

use domain::fulfil_task::{LmsResult, claim, claimable, finish};
use domain::id::OutboxId;
use domain::order::{OrderFile, OrderState};
use domain::plan::{Plan, Write};
use domain::product::Kind;
use domain::task::{Task, TaskState};
use lms::LmsError;
use web::{Until, metrics};

use crate::{App, WorkError, codes, errand};

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
    let tasks = claimable(file, app.clock.now());
    let all = tasks.len();
    if tasks.is_empty() && file.outbox.iter().any(|item| item.id == *message) {
        let settle = Plan::of(Write::Settle(file.order.number.clone(), message.clone()));
        app.store.commit(&settle).await?;
    }
    let (mut message, mut silence) = (Some(message), None);
    for (done, task) in from_turn(tasks).into_iter().enumerate() {
        if done > 0 && until.is_over() {
            tracing::warn!(left = all.saturating_sub(done), "out of time: lines are left to the janitor");
            break;
        }
        let worked = work_task(app, file, task, message, silence.clone()).await?;
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

/// Works one task, or writes the `silence` of the LMS that another has met; nothing if another worker claimed it
/// first, else what came of it.
async fn work_task(
    app: &App,
    file: &OrderFile,
    task: &Task,
    message: Option<&OutboxId>,
    silence: Option<LmsResult>,
) -> Result<Option<LmsResult>, WorkError> {
    let kind = file.line(task.line).map(|line| line.kind);
    let seed = if kind == Some(Kind::EnrollmentCode) { Some(codes::seed(app)?) } else { None };
    let claimed = claim(file, task, (message, seed), app.clock.now());
    let (task, errand, plan) = claimed.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let result = match silence {
        // Codes are made without the LMS.
        Some(silence) if kind != Some(Kind::EnrollmentCode) => silence,
        Some(_) | None => errand::run(app, file, &task, errand).await?,
    };
    let now = app.clock.now();
    let jitter = app.entropy.jitter();
    let finished = finish(file, &task, result.clone(), (now, jitter), &mut app.entropy.ids(now));
    let (task, plan) = finished.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        Ok(()) => {
            tracing::info!(line = task.line, part = task.part, state = task.state.name(), "line worked");
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn with_each_try_another_line_is_the_first() {
        let check = |delays: [u32; 3], order: [u32; 3]| {
            let task =
                |(line, delays)| Task { delays, ..Task::new(line, 0, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH) };
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
