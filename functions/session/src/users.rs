//! The users that staff look after: let in or out, and loosened from an account of an issuer after an identity conflict.
//!
//! Who is deactivated is refused with the next request, whatever it rests on: the record is read with each of them.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::edit_user::{self, UserEdit};
use domain::owner::SubjectKey;
use domain::text::Username;
use domain::user::User as Record;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, Path, Problem, Staff};

use crate::App;
use crate::staff_edit::{Edit, ROUNDS, edit};

/// A change of a user. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    /// Whether the user may come in.
    active: Option<bool>,
    /// Whether all of the user's sessions end. Deactivating ends them too.
    #[serde(default)]
    end_sessions: bool,
    /// Whether the user is staff no longer, until a token that is issued later says so. Staff are made by the LMS alone.
    #[serde(default)]
    revoke_staff: bool,
    /// Issuers whose `sub` is forgotten: the next account of this name that they vouch for is taken. One that is not
    /// linked is passed over.
    #[serde(default)]
    unlink: Vec<String>,
}

/// A user as staff read it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserRecordView {
    id: String,
    username: String,
    email: Option<String>,
    name: Option<String>,
    /// The number at the LMS.
    lms_user_id: Option<u64>,
    is_staff: bool,
    /// Whether the user may come in.
    active: bool,
    /// The user's `sub`, by issuer.
    subjects: BTreeMap<String, String>,
    /// First sight.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Counts up with every change; the `ETag`.
    version: u64,
}

impl From<Record> for UserRecordView {
    fn from(user: Record) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email,
            name: user.name,
            lms_user_id: user.lms_user_id,
            is_staff: user.staff,
            active: user.active,
            subjects: user.subjects,
            created_at: user.created_at,
            version: user.version,
        }
    }
}

/// Reads a user by name. One who is called `me` cannot be read: that path is the caller's own.
#[utoipa::path(get, path = "/api/v1/users/{username}", tag = "users", params(("username" = String, Path)),
    responses((status = 200, body = UserRecordView), (status = 404)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn read_user(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(username): Path<Username>,
) -> Result<impl IntoResponse, Problem> {
    let (_, user) = who.with(read(&app, &username)).await?;
    Ok((ETag(user.version), Json(UserRecordView::from(user))))
}

/// Deactivates a user or lets them in again, ends their sessions, takes staff's rights away, and loosens links to issuers'
/// accounts. Staff cannot shut themselves out.
#[utoipa::path(patch, path = "/api/v1/users/{username}", tag = "users", params(("username" = String, Path)),
    request_body = UserPatch,
    responses((status = 200, body = UserRecordView), (status = 404), (status = 409), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn change_user(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(username): Path<Username>,
    if_match: IfMatch,
    Json(patch): Json<UserPatch>,
) -> Result<impl IntoResponse, Problem> {
    let UserPatch { active, end_sessions, revoke_staff, unlink } = patch;
    let wish = UserEdit { active, end_sessions, revoke_staff, unlink };
    let id = app.http.user_id(&username);
    let what = Edit { done: "user changed", object: id.as_str(), rounds: ROUNDS };
    let user = edit(
        &app,
        who,
        what,
        || read(&app, &username),
        |by, user| {
            if_match.check(user.version)?;
            if (wish.active == Some(false) || wish.revoke_staff) && by.id == user.id {
                return Err(Problem::new(Code::Conflict).detail("staff cannot shut themselves out"));
            }
            Ok(edit_user::decide(user, &wish, &subject_keys(&app, user), app.http.now()))
        },
    )
    .await?;
    Ok((ETag(user.version), Json(UserRecordView::from(user))))
}

async fn read(app: &App, username: &Username) -> Result<Record, Problem> {
    let user = app.store.read_user(&app.http.user_id(username)).await?;
    user.ok_or_else(|| Problem::new(Code::UnknownUser))
}

fn subject_keys(app: &App, user: &Record) -> Vec<(String, SubjectKey)> {
    let key = |(issuer, subject): (&String, &String)| (issuer.clone(), app.http.subject_key(issuer, subject));
    user.subjects.iter().map(key).collect()
}
