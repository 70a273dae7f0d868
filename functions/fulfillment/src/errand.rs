//! What a line gives, given and taken back: places at the LMS, and enrolment codes.

use domain::fulfil_task::{Errand, LmsResult};
use domain::id::OrderNumber;
use domain::order::OrderFile;
use domain::part::Part;
use domain::product::Kind;
use domain::task::Task;
use lms::{EnrolRequest, EntitlementRef, EntitlementRequest, Lms, LmsError};

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
    let Some(request) = entitlement(file, part) else { return Ok(incomplete()) };
    let listed = match lms.list_entitlements(&request, now).await {
        Ok(listed) => listed,
        Err(error) => return Ok(classify(Err(error))),
    };
    let mut unpaid: Vec<EntitlementRef> = Vec::new();
    for (order, reference) in listed {
        let known = task.grant.as_deref() == Some(reference.as_str());
        if known || is_unpaid(app, file, &request, &order).await? {
            unpaid.push(reference);
        }
    }
    // The platform has it under the number of the shop that it was bought in: somebody must look.
    if unpaid.is_empty() && file.order.imported_as.is_some() {
        return Ok(LmsResult::Permanent("no_such_entitlement".to_owned(), None));
    }
    Ok(classify(revoke_entitlements(lms, &unpaid, now).await.map(|()| None)))
}

/// Whether an entitlement was given for an order of this learner's that gives no right to the course any more. The platform
/// gives one for each order, so one that was refunded while another order gave the same place left its own behind. An order
/// may give the course in another mode, and is paid for that.
async fn is_unpaid(app: &App, file: &OrderFile, request: &EntitlementRequest, order: &str) -> Result<bool, WorkError> {
    let legacy = file.order.imported_as.as_ref().map(ToString::to_string);
    if order == file.order.number.as_str() || legacy.as_deref() == Some(order) {
        return Ok(!gives_course(file, &request.course_uuid));
    }
    let Ok(number) = order.parse::<OrderNumber>() else { return Ok(false) };
    let other = app.store.read_order(&number).await?;
    Ok(other.is_some_and(|other| other.order.owner == file.order.owner && !gives_course(&other, &request.course_uuid)))
}

/// Whether an order still gives, or is to give, a right to a course.
fn gives_course(file: &OrderFile, course_uuid: &str) -> bool {
    let course = |task: &Task| file.line(task.line)?.part(task.part)?.course_uuid;
    let same = |task: &Task| course(task).is_some_and(|uuid| uuid.eq_ignore_ascii_case(course_uuid));
    file.tasks.values().any(|task| task.gives() && same(task))
}

async fn revoke_entitlements(lms: &Lms, which: &[EntitlementRef], now: jiff::Timestamp) -> Result<(), LmsError> {
    for reference in which {
        lms.revoke_entitlement(reference, now).await?;
    }
    Ok(())
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
