//! Making a line's enrolment codes, and withdrawing them. Both can be done again from the start, whoever began.

use domain::code_seed::CodeSeed;
use domain::enrolment_codes::{CHUNK, codes, issue as issue_some, offer_for, origin, withdraw as withdraw_all};
use domain::fulfil_task::LmsResult;
use domain::offer::save_offer;
use domain::order::{OrderFile, OrderLine};
use domain::task::Task;
use domain::text::Slug;

use crate::errand::incomplete;
use crate::{App, WorkError};

/// How often a withdrawal is decided anew when a code was redeemed meanwhile.
const ROUNDS: u32 = 16;

/// What the codes of a line that is claimed for the first time are made of.
pub(crate) fn seed(app: &App) -> Result<CodeSeed, WorkError> {
    app.entropy.hex(32).parse().map_err(|error| WorkError::Contradiction(Box::new(error)))
}

/// Makes the codes that the line sells, and the offer that they open unless it is there.
pub(crate) async fn issue(
    app: &App,
    file: &OrderFile,
    (task, line): (&Task, &OrderLine),
) -> Result<LmsResult, WorkError> {
    let Some(seed) = &task.seed else { return Ok(incomplete()) };
    let Some(offer) = find_offer(app, line).await? else { return Ok(incomplete()) };
    for some in codes(line, seed).chunks(CHUNK) {
        match app.store.commit(&issue_some(&file.order, (line, task), &offer, some, app.clock.now())).await {
            Ok(()) => {}
            // Another worker has the line, and what is decided of it here will not be written.
            Err(error) if error.refused("check_task") => return Ok(LmsResult::Done(None)),
            // They are written together: the first one tells whose all are.
            Err(error) if error.refused("save_voucher") => {
                let there = app.store.read_vouchers(some.get(..1).unwrap_or_default()).await?;
                if there.first().and_then(|voucher| voucher.origin.as_ref()) != Some(&origin(&file.order, line)) {
                    return Ok(LmsResult::Permanent("code_taken".to_owned(), None));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(LmsResult::Done(None))
}

/// The offer that the line's codes open; none if the line does not say what its codes are for.
async fn find_offer(app: &App, line: &OrderLine) -> Result<Option<Slug>, WorkError> {
    let contradiction = |error| WorkError::Contradiction(Box::new(error));
    let Some(part) = line.parts.first() else { return Ok(None) };
    let draft = offer_for(part, app.clock.now()).map_err(contradiction)?;
    let id = draft.id.clone();
    if app.store.read_offer(&id).await?.is_some() {
        return Ok(Some(id));
    }
    let decided = save_offer(None, draft, app.clock.now());
    let (_, plan) = decided.map_err(|error| WorkError::Contradiction(Box::new(error)))?;
    match app.store.commit(&plan).await {
        // If another line was faster, it made the same.
        Err(error) if !error.is_conflict() => Err(error.into()),
        Ok(()) | Err(_) => Ok(Some(id)),
    }
}

/// Ends every code of the line. Who was enrolled by one stays so.
pub(crate) async fn withdraw(
    app: &App,
    file: &OrderFile,
    (task, line): (&Task, &OrderLine),
) -> Result<LmsResult, WorkError> {
    let Some(seed) = &task.seed else { return Ok(LmsResult::Done(None)) };
    for some in codes(line, seed).chunks(CHUNK) {
        withdraw_some(app, file, (line, some)).await?;
    }
    Ok(LmsResult::Done(None))
}

async fn withdraw_some(
    app: &App,
    file: &OrderFile,
    (line, codes): (&OrderLine, &[domain::text::VoucherCode]),
) -> Result<(), WorkError> {
    for _ in 0..ROUNDS {
        let mut vouchers = app.store.read_vouchers(codes).await?;
        vouchers.retain(|voucher| voucher.origin.as_ref() == Some(&origin(&file.order, line)));
        let Some(plan) = withdraw_all(&vouchers, app.clock.now()) else { return Ok(()) };
        match app.store.commit(&plan).await {
            Ok(()) => return Ok(()),
            // Staff edited one of them meanwhile.
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(WorkError::Commit(store::CommitError::Contended))
}
