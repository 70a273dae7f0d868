//! Ending the session that a request names.

use axum::extract::State;
use domain::owner::{UserId, UserSessionKey};
use domain::sign_out;
use domain::user_session::UserSession;
use http::StatusCode;
use store::{CallerKeys, StoreError};
use web::{Claim, Code, Problem, SignedIn};

use crate::App;

/// How often an end is decided anew because the anonymous basket changed meanwhile.
const ROUNDS: u32 = 8;

/// Ends the caller's session and takes its cookies back. The anonymous session that it took the place of can be used
/// afresh. A caller by token has no session to end; its token stays good until it expires.
#[utoipa::path(post, path = "/api/v1/logout", tag = "session", responses((status = 204), (status = 401)),
    security(("jwt" = []), ("session" = [])))]
pub(crate) async fn logout(State(app): State<App>, who: Claim<SignedIn>) -> Result<StatusCode, Problem> {
    let notes = who.notes().clone();
    let named = who.named_session().map(|(user, key)| (user.clone(), key.clone()));
    let load = async {
        match &named {
            Some((user, key)) => find(&app, user, key).await,
            None => Ok(None),
        }
    };
    let (_, session) = who.with(load).await?;
    if let Some(session) = session {
        end(&app, &session).await?;
    }
    notes.session_ended();
    Ok(StatusCode::NO_CONTENT)
}

/// A user's session, if there is a row of it.
pub(crate) async fn find(app: &App, user: &UserId, key: &UserSessionKey) -> Result<Option<UserSession>, StoreError> {
    let keys = CallerKeys { user: Some(user.clone()), session: Some(key.clone()), client: None };
    Ok(app.store.read_caller(&keys).await?.session)
}

/// Ends a session. Ending it twice is ending it once.
pub(crate) async fn end(app: &App, session: &UserSession) -> Result<(), Problem> {
    for _ in 0..ROUNDS {
        let anonymous = match &session.upgraded_from {
            Some(key) => app.store.read_anonymous_basket(key).await?,
            None => None,
        };
        match app.store.commit(&sign_out::decide(session, anonymous.as_ref())).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Code::Conflict).detail("the session is being used by too many requests").retry_after(1))
}
