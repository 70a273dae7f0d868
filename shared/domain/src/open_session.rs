//! Recording what a processor answered when it was asked to open or end a session.

use jiff::Timestamp;

use crate::attempt::{Attempt, AttemptEvent, IllegalAttemptEvent};
use crate::id::Ids;
use crate::journal::JournalEntry;
use crate::order::OrderFile;
use crate::owner::Actor;
use crate::payment::OpenedSession;
use crate::plan::{Plan, Write};
use crate::start_checkout::log_detail;

/// Decides the plan that stores an opened session, before the learner sees it.
///
/// # Errors
/// [`IllegalAttemptEvent`] if the attempt ended meanwhile: then the session must not be shown.
pub fn opened(
    file: &OrderFile,
    attempt: &Attempt,
    session: &OpenedSession,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<(Attempt, Plan), IllegalAttemptEvent> {
    let order = &file.order.number;
    let mut open = attempt.after(AttemptEvent::Open)?;
    open.session = Some(session.reference.clone());
    open.next = Some(session.next.clone());
    let journal = JournalEntry {
        id: ids.make(),
        processor: attempt.processor,
        about: "open_session".to_owned(),
        raw: JournalEntry::clipped(&session.raw),
        at: now,
    };
    let plan = Plan {
        writes: vec![
            Write::SaveAttempt(order.clone(), Box::new(open.clone())),
            Write::LinkReference {
                order: order.clone(),
                processor: attempt.processor,
                reference: session.reference.clone(),
            },
            Write::Journal(Some(order.clone()), journal),
            log_detail(order, "payment_session_opened", Actor::System, None, (now, ids)),
        ],
    };
    Ok((open, plan))
}

/// Decides the plan for a lost answer: the attempt is `unknown` until the next call or the processor's event says more.
///
/// # Errors
/// [`IllegalAttemptEvent`] if the attempt ended meanwhile.
pub fn answer_lost(
    file: &OrderFile,
    attempt: &Attempt,
    why: &str,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<Plan, IllegalAttemptEvent> {
    let order = &file.order.number;
    let unknown = attempt.after(AttemptEvent::LoseAnswer)?;
    let log = log_detail(order, "payment_session_unknown", Actor::System, Some(why.to_owned()), (now, ids));
    Ok(Plan { writes: vec![Write::SaveAttempt(order.clone(), Box::new(unknown)), log] })
}
