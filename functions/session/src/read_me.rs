//! Who am I? The call with which every front end begins, and which must not fail because somebody is nobody.

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use web::{Caller, Claim, Code, Json, Problem};

use crate::csrf::{NO_STORE, csrf_header};
use crate::user_view::UserView;

/// Tells the caller's own name and rights; nulls for nobody in particular. A bad token in `Authorization` is refused as
/// everywhere; whatever else is wrong with the caller makes it nobody. `X-CSRF-Token` is answered where a cookie is what
/// the request rests on.
#[utoipa::path(get, path = "/api/v1/users/me", tag = "session",
    responses((status = 200, body = UserView), (status = 401), (status = 503)),
    security((), ("jwt" = []), ("session" = [])))]
pub(crate) async fn read_me(headers: HeaderMap, who: Result<Claim<Caller>, Problem>) -> Result<Response, Problem> {
    let token = who.as_ref().ok().and_then(Claim::csrf_token);
    let confirmed = match who {
        Ok(who) => who.alone().await,
        Err(problem) => Err(problem),
    };
    match confirmed {
        Ok(caller) => {
            let view = caller.user().map_or_else(UserView::nobody, UserView::from);
            Ok((csrf_header(token), NO_STORE, Json(view)).into_response())
        }
        Err(problem) if is_final(problem.code(), &headers) => Err(problem),
        Err(_) => Ok((NO_STORE, Json(UserView::nobody())).into_response()),
    }
}

/// Whether a problem is answered as such: those that pass, and those of a token that was sent on purpose, whose bearer
/// must not be taken for nobody.
fn is_final(code: Code, headers: &HeaderMap) -> bool {
    let passes = code.status().is_server_error() || code == Code::Conflict;
    let of_token = matches!(
        code,
        Code::Unauthorized
            | Code::UserDeactivated
            | Code::IdentityConflict
            | Code::ClientKeyRequired
            | Code::UnknownClientKey
    );
    passes || (of_token && headers.contains_key(AUTHORIZATION))
}
