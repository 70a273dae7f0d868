//! The hand-over from an identity-aware gateway: the browser comes back from signing in there, gets a session here, and
//! is sent to where it was going.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::owner::Owner;
use domain::sign_in::MergeNote;
use domain::user_session::SessionOrigin;
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Caller, Claim, Code, Problem, Query};

use crate::sign_in::Arrival;
use crate::{App, next};

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NextQuery {
    /// A path of this site, or a URL of a site that the shop lists; `/` if left out.
    next: Option<String>,
}

/// Starts a session for the person whom the gateway names, merges the anonymous basket and sends the browser on. The
/// person is as the gateway says on every request, so that the session ends when it no longer does.
#[utoipa::path(get, path = "/establish_session", tag = "session", params(NextQuery),
    responses((status = 302), (status = 400), (status = 401), (status = 409)),
    security(("gateway_secret" = [], "gateway_user" = [])))]
pub(crate) async fn establish_session(
    State(app): State<App>,
    who: Claim<Caller>,
    (method, headers): (Method, HeaderMap),
    Query(query): Query<NextQuery>,
) -> Result<Response, Problem> {
    // A route of GET answers HEAD too, which must not begin anything.
    if method == Method::HEAD {
        return Err(Problem::new(Code::MethodNotAllowed));
    }
    let next = next::location(query.next.as_deref().unwrap_or("/"), &app.base_url, &app.next_origins)?;
    let user = match who.owner() {
        Some(Owner::User(user)) if who.is_by_gateway() => user,
        Some(Owner::User(_) | Owner::Session(_)) | None => {
            return Err(Problem::new(Code::Unauthorized).detail("sign in at the gateway"));
        }
    };
    let now = app.http.now();
    let arrival = Arrival::of(&who, user, SessionOrigin::Gateway, &headers);
    // A person comes here by a link, which carries no application's key.
    let (_, view) = who.without_client_key().with(arrival.read(&app, now)).await?;
    let begun = arrival.begin(&app, view, now).await?;
    log(&begun.notes);
    Ok((StatusCode::FOUND, [(LOCATION, next)], begun.headers(&app)?, ()).into_response())
}

/// A redirect has no page on which to say what was left out of the basket, so the log does.
fn log(notes: &[MergeNote]) {
    for note in notes {
        tracing::warn!(code = note.code(), sku = note.sku().as_str(), "a line was not merged as it stood");
    }
}
