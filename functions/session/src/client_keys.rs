//! The keys of client applications: issued, listed, rotated and revoked by staff. The secret is shown once, when it is
//! made; here and in the table is its digest.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::client_key::{self, Allowance, ClientKey, NewClientKey};
use domain::client_secret::StoredSecret;
use domain::id::ClientId;
use domain::text::ClientName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, NewSecret, Page, Path, Problem, Query, Staff};

use crate::App;
use crate::staff_edit::{Edit, ONCE, PageQuery, ROUNDS, RotateBody, UNKEPT, edit, revoked};

/// A key to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientKeyBody {
    /// What staff call the application.
    #[schema(value_type = String, max_length = 100)]
    name: ClientName,
    /// What the application may do, at least one: `read`, `write`, `sessions` (name shoppers' sessions by `Session-Id`).
    #[schema(value_type = Vec<String>)]
    may: BTreeSet<Allowance>,
}

/// A key as staff read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientKeyView {
    id: String,
    name: String,
    /// `read`, `write`, `sessions`.
    #[schema(value_type = Vec<String>)]
    may: BTreeSet<Allowance>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who issued it: a user's id.
    created_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Until when the secret before the present one is accepted, too.
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_until: Option<Timestamp>,
    /// Counts up with every change; the `ETag`.
    version: u64,
    /// The whole key, for `X-Client-Key`. Shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl ClientKeyView {
    fn of(key: &ClientKey, shown: Option<String>, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            may: key.may.clone(),
            created_at: key.created_at,
            created_by: key.created_by.to_string(),
            revoked_at: key.revoked_at,
            grace_until: key.secret.grace_until(now),
            version: key.version,
            key: shown,
        }
    }
}

/// Lists client keys, oldest first, revoked ones included.
#[utoipa::path(get, path = "/api/v1/client-keys", tag = "clients", params(PageQuery),
    responses((status = 200, body = Page<ClientKeyView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_client_keys(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ClientKeyView>>, Problem> {
    let scope = format!("{}|client-keys", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_client_keys(u16::from(query.limit.get()), after.as_ref());
    let (_, page) = who.with(list).await?;
    let now = app.http.now();
    Ok(Json(Page {
        items: page.items.iter().map(|key| ClientKeyView::of(key, None, now)).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Issues a client key. The answer shows it, this once.
#[utoipa::path(post, path = "/api/v1/client-keys", tag = "clients", request_body = ClientKeyBody,
    responses((status = 201, body = ClientKeyView)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_client_key(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<ClientKeyBody>,
) -> Result<impl IntoResponse, Problem> {
    if body.may.is_empty() {
        return Err(Problem::field("/may", "a key must permit something"));
    }
    let Staff(by) = who.alone().await?;
    let now = app.http.now();
    let id = app.http.ids(now).make::<ClientId>();
    let made = NewSecret::of_client_key(&id, &app.http);
    let secret = StoredSecret::from_digest(made.digest);
    let new = NewClientKey { id, name: body.name, secret, may: body.may, by: by.id.clone() };
    let (key, plan) = client_key::issue(new, now);
    app.store.commit(&plan).await?;
    Edit { done: "client key issued", object: key.id.as_str(), rounds: ONCE }.log(&by);
    let view = ClientKeyView::of(&key, Some(made.shown), now);
    Ok((StatusCode::CREATED, UNKEPT, ETag(key.version), Json(view)))
}

/// Gives a client key a new secret. The answer shows the new key, this once; the present one is accepted until the grace
/// ends. To send it again after a lost answer would end the grace of the first: send `If-Match`.
#[utoipa::path(post, path = "/api/v1/client-keys/{id}/rotate", tag = "clients", params(("id" = String, Path)),
    request_body = Option<RotateBody>,
    responses((status = 200, body = ClientKeyView), (status = 404), (status = 409), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn rotate_client_key(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<ClientId>,
    if_match: IfMatch,
    body: Option<Json<RotateBody>>,
) -> Result<impl IntoResponse, Problem> {
    let Json(body) = body.unwrap_or(Json(RotateBody::default()));
    let now = app.http.now();
    let made = NewSecret::of_client_key(&id, &app.http);
    let what = Edit { done: "client key rotated", object: id.as_str(), rounds: ONCE };
    let key = edit(
        &app,
        who,
        what,
        || read(&app, &id),
        |_, key| {
            if_match.check(key.version)?;
            client_key::rotate(key, made.digest, body.grace_until(now)).map_err(revoked)
        },
    )
    .await?;
    Ok((UNKEPT, ETag(key.version), Json(ClientKeyView::of(&key, Some(made.shown), now))))
}

/// Revokes a client key at once, both its secrets. A revoked one stays revoked.
#[utoipa::path(delete, path = "/api/v1/client-keys/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_client_key(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<ClientId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let now = app.http.now();
    let what = Edit { done: "client key revoked", object: id.as_str(), rounds: ROUNDS };
    edit(
        &app,
        who,
        what,
        || read(&app, &id),
        |_, key| {
            if_match.check(key.version)?;
            Ok(client_key::revoke(key, now))
        },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, id: &ClientId) -> Result<ClientKey, Problem> {
    app.store.read_client_key(id).await?.ok_or_else(|| Problem::new(Code::UnknownClient))
}
