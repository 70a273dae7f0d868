//! Exchanging a token for a session.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::sign_in::MergeNote;
use domain::throttle::Throttle;
use domain::user_session::SessionOrigin;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Caller, Claim, Code, Json, Login, Problem, SameSite, Secret};

use crate::App;
use crate::sessions::SessionView;
use crate::sign_in::Arrival;
use crate::user_view::UserView;

/// A login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// A token of the LMS, or of another issuer that the shop trusts; without `JWT` or `Bearer` before it.
    #[schema(value_type = String)]
    token: Secret,
}

/// Something of the anonymous basket that is not in the user's as it stood there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeMessageView {
    /// Stable: `quantity_reduced`, `out_of_stock`, `not_available`, `already_purchased`, `currency_mismatch` or
    /// `basket_full`.
    code: &'static str,
    sku: String,
    text: String,
}

impl From<&MergeNote> for MergeMessageView {
    fn from(note: &MergeNote) -> Self {
        Self { code: note.code(), sku: note.sku().to_string(), text: note.to_string() }
    }
}

/// A login that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoginView {
    user: UserView,
    session: SessionView,
    /// The version of the user's basket after the merge; 0 without one.
    basket_version: u64,
    /// What the learner should know about the merge.
    messages: Vec<MergeMessageView>,
}

/// Exchanges a token for a session, and merges the anonymous basket into the user's. The answer names the session:
/// `Session-Id: SID:AUTH:…` for an application, cookies for a browser. A login can be repeated; each starts a session of
/// its own, and ends the one that the request came by.
#[utoipa::path(post, path = "/api/v1/login", tag = "session", request_body = LoginBody,
    responses((status = 200, body = LoginView), (status = 401), (status = 403), (status = 409), (status = 429)))]
pub(crate) async fn login(
    State(app): State<App>,
    _: SameSite,
    who: Claim<Caller>,
    headers: HeaderMap,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let who = who.at_most(Throttle::LOGIN);
    let login = match Login::by_token(body.token.expose(), &app.http).await {
        Ok(login) => login,
        Err(problem) => {
            // A bad token is counted like a good one.
            who.alone().await?;
            return Err(problem);
        }
    };
    let now = app.http.now();
    let arrival = Arrival::of(&who, login.user_id().clone(), SessionOrigin::Login, &headers);
    let (caller, mut view) = who.with(arrival.read(&app, now)).await?;
    check(&caller, &login)?;
    let user = login.confirm(view.user.take(), &app.http, now).await?;
    let begun = arrival.begin(&app, view, now).await?;
    let view = LoginView {
        user: UserView::from(&user),
        session: SessionView::of(&begun.session, true),
        basket_version: begun.basket.as_ref().map_or(0, |basket| basket.version),
        messages: begun.notes.iter().map(MergeMessageView::from).collect(),
    };
    Ok((begun.headers(&app)?, Json(view)).into_response())
}

/// Whether the caller, as the request finds it, may sign in by this token.
fn check(caller: &Caller, login: &Login) -> Result<(), Problem> {
    match caller.user() {
        Some(user) if user.grant.restricted => {
            Err(Problem::new(Code::Forbidden).detail("a token that is restricted to scopes starts no session"))
        }
        Some(user) if user.id != *login.user_id() => {
            Err(Problem::new(Code::Conflict).detail("somebody else is signed in here; log out first"))
        }
        Some(_) | None => Ok(()),
    }
}
