//! What a line gives, given and taken back: places at the LMS, and enrolment codes.

use domain::fulfil_task::{Errand, LmsResult};
use domain::order::OrderFile;
use domain::part::Part;
use domain::product::Kind;
use domain::task::Task;
use lms::{EnrolRequest, EntitlementRequest, Lms, LmsError};

use crate::{App, WorkError, codes};

/// Does what a claimed task asks for.
pub(crate) async fn run(app: &App, file: &OrderFile, task: &Task, errand: Errand) -> Result<LmsResult, WorkError> {
    let line = file.line(task.line);
    let Some((line, part)) = line.and_then(|line| Some((line, line.part(task.part)?))) else { return Ok(incomplete()) };
    let name = match task.part {
        0 => format!("{}.{}", file.order.number, task.line),
        number => format!("{}.{}.{number}", file.order.number, task.line),
    };
    let lms = app.lms.with_request_id(&name);
    match (part.kind, errand) {
        (Kind::Seat | Kind::Entitlement, Errand::Grant) => Ok(grant(app, &lms, file, (task, &part)).await),
        (Kind::Seat | Kind::Entitlement, Errand::Revoke) => revoke(app, &lms, file, (task, &part)).await,
        (Kind::EnrollmentCode, Errand::Grant) => Box::pin(codes::issue(app, file, (task, line))).await,
        (Kind::EnrollmentCode, Errand::Revoke) => Box::pin(codes::withdraw(app, file, (task, line))).await,
        // A bundle is made of parts, and has no task of its own.
        (Kind::Bundle, Errand::Grant | Errand::Revoke) => Ok(incomplete()),
    }
}

async fn grant(app: &App, lms: &Lms, file: &OrderFile, (task, part): (&Task, &Part)) -> LmsResult {
    let now = app.clock.now();
    if part.kind == Kind::Seat {
        return match enrolment(file, part, true) {
            Some(request) => classify(lms.enrol(&request, now).await.map(|_| None)),
            None => incomplete(),
        };
    }
    match entitlement(file, part) {
        Some(request) => classify(grant_entitlement(lms, &request, task, now).await),
        None => incomplete(),
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
async fn revoke(app: &App, lms: &Lms, file: &OrderFile, (task, part): (&Task, &Part)) -> Result<LmsResult, WorkError> {
    let now = app.clock.now();
    let places = app.store.read_places(&file.order.owner).await?;
    if part.place().is_some_and(|place| places.contains(&place)) {
        return Ok(LmsResult::Done(None));
    }
    if part.kind == Kind::Seat {
        return Ok(match enrolment(file, part, false) {
            Some(request) => classify(lms.enrol(&request, now).await.map(|_| None)),
            None => incomplete(),
        });
    }
    Ok(match entitlement(file, part) {
        Some(request) => classify(revoke_entitlement(lms, &request, task, now).await.map(|()| None)),
        None => incomplete(),
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

fn enrolment(file: &OrderFile, part: &Part, active: bool) -> Option<EnrolRequest> {
    Some(EnrolRequest {
        username: file.order.username.clone(),
        course_key: part.course_key.clone()?,
        mode: part.mode.clone()?,
        credit_provider: part.credit_provider.clone(),
        order_number: file.order.number.clone(),
        placed_at: file.order.placed_at,
        active,
    })
}

fn entitlement(file: &OrderFile, part: &Part) -> Option<EntitlementRequest> {
    Some(EntitlementRequest {
        username: file.order.username.clone(),
        course_uuid: part.course_uuid.clone()?,
        mode: part.mode.clone()?,
        order_number: file.order.number.clone(),
    })
}

/// A line that lacks what the LMS needs: nothing will mend it but a human.
pub(crate) fn incomplete() -> LmsResult {
    LmsResult::Permanent("incomplete_product".to_owned(), None)
}

fn classify(result: Result<Option<String>, LmsError>) -> LmsResult {
    match result {
        Ok(grant) => LmsResult::Done(grant),
        Err(error) if error.retryable() => LmsResult::Transient(error.reason().to_owned(), Some(error.detail())),
        Err(error) => LmsResult::Permanent(error.reason().to_owned(), Some(error.detail())),
    }
}
