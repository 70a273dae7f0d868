//! Confirming a caller against the table's rows: is the session live, is the account active, is this the user's first
//! visit?

use domain::plan::{Plan, Write};
use domain::user::{self, SightRefusal, User as Record, UserClaims};
use domain::user_session::{SessionOrigin, UserSession};
use jiff::Timestamp;
use store::{CallerKeys, CallerRows};

use super::basis::{Basis, NamedSession};
use super::claims::Grant;
use super::hop::Hop;
use super::principal::{Principal, User};
use crate::answer::Notes;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// How often a first visit is decided anew when another request of the same user was faster.
const ROUNDS: u32 = 4;

/// What a caller is confirmed in.
pub(super) struct Surroundings<'a> {
    pub(super) http: &'a Http,
    pub(super) notes: &'a Notes,
    pub(super) hop: Hop,
    pub(super) now: Timestamp,
}

/// The caller behind a basis, held against its rows.
pub(super) async fn confirm(basis: Basis, rows: CallerRows, of: &Surroundings<'_>) -> Result<Principal, Problem> {
    let tenant = of.http.tenant().clone();
    let user = match basis {
        Basis::Nobody => return Ok(Principal::Anonymous(None)),
        Basis::Anonymous(session) => return Ok(Principal::Anonymous(Some(session))),
        Basis::Token(claims, grant) => User::of(met(&claims, rows.user, of.http, of.now).await?, grant, tenant, None),
        Basis::Gateway(claims) => {
            // The gateway signs shoppers in. Who administers the shop is the LMS's to say, with a token.
            let record = Record { staff: false, ..met(&claims, rows.user, of.http, of.now).await? };
            User::of(record, Grant::default(), tenant, None)
        }
        Basis::UserSession(named) => {
            // Only who knows a session's secret is told anything of its user.
            let (record, row) = rows.user.zip(rows.session).ok_or_else(|| ended(of))?;
            if !record.active {
                of.notes.session_ended();
                return Err(Problem::new(Code::UserDeactivated));
            }
            let session = live(&named, row, &record, of).await?;
            User::of(record, Grant::default(), tenant, Some(session.key))
        }
    };
    Ok(Principal::User(Box::new(user)))
}

/// The session that a request names, if it may still be used.
async fn live(
    named: &NamedSession,
    row: UserSession,
    user: &Record,
    of: &Surroundings<'_>,
) -> Result<UserSession, Problem> {
    let session = Some(row).filter(|row| row.user == user.id && row.is_live(user.sessions_after, of.now));
    let realm = |session: &UserSession| named.realm.as_ref().is_none_or(|realm| *realm == session.realm);
    let session = session.filter(realm).ok_or_else(|| ended(of))?;
    // The gateway names the person on every request; when it stops, it has signed the person out.
    if session.origin == SessionOrigin::Gateway {
        let end = Write::EndSession { user: session.user.clone(), key: session.key.clone() };
        of.http.store().commit(&Plan::of(end)).await?;
        tracing::info!(proven = of.hop == Hop::Gateway, "a gateway's session without the gateway's word was ended");
        return Err(ended(of));
    }
    Ok(session)
}

fn ended(of: &Surroundings<'_>) -> Problem {
    of.notes.session_ended();
    Problem::new(Code::SessionEnded)
}

/// The user's record after these claims: made on first sight, brought up to date when they say something new.
pub(super) async fn met(
    claims: &UserClaims,
    mut stored: Option<Record>,
    http: &Http,
    now: Timestamp,
) -> Result<Record, Problem> {
    for _ in 0..ROUNDS {
        let sight = user::meet(stored.as_ref(), claims, now).map_err(refused)?;
        if sight.plan.writes.is_empty() {
            return Ok(sight.user);
        }
        match http.store().commit(&sight.plan).await {
            Ok(()) => return Ok(sight.user),
            Err(error) if error.refused("link_subject") => return Err(refused(SightRefusal::SubjectMismatch)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        let keys = CallerKeys { user: Some(claims.id.clone()), session: None, client: None };
        stored = http.store().read_caller(&keys).await?.user;
    }
    Err(Problem::new(Code::Conflict).detail("the account is being changed by other requests").retry_after(1))
}

fn refused(refusal: SightRefusal) -> Problem {
    match refusal {
        SightRefusal::Deactivated => Problem::new(Code::UserDeactivated),
        SightRefusal::SubjectMismatch => Problem::new(Code::IdentityConflict)
            .detail("this username and this sub were seen with others; ask the shop's staff to unlink them"),
    }
}
