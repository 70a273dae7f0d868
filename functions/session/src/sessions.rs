//! A user's own sessions: listed and ended by their owner, and by nobody else.

use axum::extract::State;
use domain::owner::{Owner, UserId, UserSessionKey};
use domain::plan::{Plan, Write};
use domain::user_session::{SessionOrigin, UserSession};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Claim, Code, Json, Page, Path, Problem, SignedIn};

use crate::App;
use crate::logout;

/// The most sessions that are ended in one transaction: as many as DynamoDB takes writes.
const AT_ONCE: usize = 100;

/// A session, without what opens it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Names the session to its owner; it is not what opens it.
    id: String,
    /// The realm of its `Session-Id`; `browser` for one that began without an application's.
    realm: String,
    /// `login`: a token was exchanged for it. `gateway`: the identity-aware gateway vouched for the user.
    origin: &'static str,
    /// The browser or application, as it names itself.
    agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Whether it is the one that this request came by.
    current: bool,
}

impl SessionView {
    pub(crate) fn of(session: &UserSession, current: bool) -> Self {
        Self {
            id: session.key.to_string(),
            realm: session.realm.clone(),
            origin: match session.origin {
                SessionOrigin::Login => "login",
                SessionOrigin::Gateway => "gateway",
            },
            agent: session.agent.clone(),
            started_at: session.started_at,
            ends_at: session.ends_at,
            current,
        }
    }
}

/// Lists the caller's sessions, newest first, on one page.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session",
    responses((status = 200, body = Page<SessionView>), (status = 401)),
    security(("jwt" = []), ("session" = [])))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    who: Claim<SignedIn>,
) -> Result<Json<Page<SessionView>>, Problem> {
    let current = current(&who);
    let user = user(&who)?;
    let now = app.http.now();
    let (SignedIn(user), mut sessions) = who.with(app.store.list_sessions(&user)).await?;
    sessions.retain(|session| session.is_live(user.sessions_after, now));
    sessions.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| a.key.cmp(&b.key)));
    let view = |session: &UserSession| SessionView::of(session, current.as_ref() == Some(&session.key));
    Ok(Json(Page { items: sessions.iter().map(view).collect(), next_cursor: None }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 404)),
    security(("jwt" = []), ("session" = [])))]
pub(crate) async fn end_session(
    State(app): State<App>,
    who: Claim<SignedIn>,
    Path(id): Path<UserSessionKey>,
) -> Result<StatusCode, Problem> {
    let notes = who.notes().clone();
    let current = current(&who);
    let user = user(&who)?;
    let now = app.http.now();
    let (SignedIn(user), session) = who.with(logout::find(&app, &user, &id)).await?;
    let session = session
        .filter(|session| session.is_live(user.sessions_after, now))
        .ok_or_else(|| Problem::new(Code::UnknownSession))?;
    logout::end(&app, &session).await?;
    if current == Some(id) {
        notes.session_ended();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of the caller's sessions but the one that the request came by.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", responses((status = 204), (status = 401)),
    security(("jwt" = []), ("session" = [])))]
pub(crate) async fn end_sessions(State(app): State<App>, who: Claim<SignedIn>) -> Result<StatusCode, Problem> {
    let current = current(&who);
    let user = user(&who)?;
    let (_, sessions) = who.with(app.store.list_sessions(&user)).await?;
    let others = sessions.into_iter().filter(|session| Some(&session.key) != current.as_ref());
    let ends: Vec<_> = others.map(|session| Write::EndSession { user: session.user, key: session.key }).collect();
    for writes in ends.chunks(AT_ONCE) {
        app.store.commit(&Plan { writes: writes.to_vec() }).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The key of the session that the request names.
fn current(who: &Claim<SignedIn>) -> Option<UserSessionKey> {
    who.named_session().map(|(_, key)| key.clone())
}

/// Whose sessions they are.
fn user(who: &Claim<SignedIn>) -> Result<UserId, Problem> {
    match who.owner() {
        Some(Owner::User(user)) => Ok(user),
        Some(Owner::Session(_)) | None => Err(Problem::new(Code::Unauthorized)),
    }
}
