//! Machine clients: registered, listed, rotated and revoked by staff. The secret is shown once, when it is made; here and
//! in the table is its digest.
//!
//! A revoked client gets no new token. One that it has is good until it expires, within the hour: tokens are verified
//! without asking for their client.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::client_secret::StoredSecret;
use domain::id::MachineClientId;
use domain::machine_client::{self, MachineClient, NewMachineClient, TooManyGrants};
use domain::text::{ClientName, Filter, Scope, Username};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Claim, Code, ETag, IfMatch, Json, NewSecret, Page, Path, Problem, Query, Staff};

use crate::App;
use crate::staff_edit::{Edit, ONCE, PageQuery, ROUNDS, RotateBody, UNKEPT, edit, revoked};

/// The most bytes that scopes and filters may take in a token, as JSON. Beside them it has at most 1.5 KiB of claims and a
/// signature of 1 KiB, all of them a third longer in base64: less than the 8 KiB of a token that we look at.
const MAX_GRANT_BYTES: usize = 2 * 1024;

/// A client to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineClientBody {
    /// What staff call it.
    #[schema(value_type = String, max_length = 100)]
    name: ClientName,
    /// Whom its tokens name: a user name at the LMS.
    #[schema(value_type = String, max_length = 255)]
    username: Username,
    /// What its tokens may permit, at most 20: such as `orders:fulfill`, `orders:read`.
    #[schema(value_type = Vec<String>, max_items = 20)]
    scopes: BTreeSet<Scope>,
    /// What its tokens are limited to, at most 20: such as `user:me`, `content_org:<name>`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 20)]
    filters: BTreeSet<Filter>,
}

/// A client as staff read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct MachineClientView {
    /// The `client_id`.
    id: String,
    name: String,
    username: String,
    #[schema(value_type = Vec<String>)]
    scopes: BTreeSet<Scope>,
    #[schema(value_type = Vec<String>)]
    filters: BTreeSet<Filter>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who registered it: a user's id.
    created_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Until when the secret before the present one is accepted, too.
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_until: Option<Timestamp>,
    /// Counts up with every change; the `ETag`.
    version: u64,
    /// The `client_secret`. Shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

impl MachineClientView {
    fn of(client: &MachineClient, shown: Option<String>, now: Timestamp) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name.to_string(),
            username: client.username.to_string(),
            scopes: client.scopes.clone(),
            filters: client.filters.clone(),
            created_at: client.created_at,
            created_by: client.created_by.to_string(),
            revoked_at: client.revoked_at,
            grace_until: client.secret.grace_until(now),
            version: client.version,
            client_secret: shown,
        }
    }
}

/// Lists machine clients, oldest first, revoked ones included.
#[utoipa::path(get, path = "/api/v1/machine-clients", tag = "clients", params(PageQuery),
    responses((status = 200, body = Page<MachineClientView>)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn list_machine_clients(
    State(app): State<App>,
    who: Claim<Staff>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<MachineClientView>>, Problem> {
    let scope = format!("{}|machine-clients", app.http.tenant());
    let cursors = app.http.cursors();
    let after = query.cursor.map(|cursor| cursors.decode(&scope, &cursor)).transpose()?;
    let list = app.store.list_machine_clients(u16::from(query.limit.get()), after.as_ref());
    let (_, page) = who.with(list).await?;
    let now = app.http.now();
    Ok(Json(Page {
        items: page.items.iter().map(|client| MachineClientView::of(client, None, now)).collect(),
        next_cursor: page.next.map(|next| cursors.encode(&scope, &next)),
    }))
}

/// Registers a machine client. The answer shows its secret, this once.
#[utoipa::path(post, path = "/api/v1/machine-clients", tag = "clients", request_body = MachineClientBody,
    responses((status = 201, body = MachineClientView)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn create_machine_client(
    State(app): State<App>,
    who: Claim<Staff>,
    Json(body): Json<MachineClientBody>,
) -> Result<impl IntoResponse, Problem> {
    let MachineClientBody { name, username, scopes, filters } = body;
    let Staff(by) = who.alone().await?;
    let now = app.http.now();
    let id = app.http.ids(now).make::<MachineClientId>();
    let made = NewSecret::of_machine_client(id.as_str(), &app.http);
    let secret = StoredSecret::from_digest(made.digest);
    let new = NewMachineClient { id, name, username, secret, scopes, filters, by: by.id.clone() };
    let (client, plan) = machine_client::issue(new, now).map_err(too_many)?;
    check_size(&client)?;
    app.store.commit(&plan).await?;
    Edit { done: "machine client registered", object: client.id.as_str(), rounds: ONCE }.log(&by);
    let view = MachineClientView::of(&client, Some(made.shown), now);
    Ok((StatusCode::CREATED, UNKEPT, ETag(client.version), Json(view)))
}

/// Gives a machine client a new secret. The answer shows it, this once; the present one is accepted until the grace ends.
/// To send it again after a lost answer would end the grace of the first: send `If-Match`.
#[utoipa::path(post, path = "/api/v1/machine-clients/{id}/rotate", tag = "clients", params(("id" = String, Path)),
    request_body = Option<RotateBody>,
    responses((status = 200, body = MachineClientView), (status = 404), (status = 409), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn rotate_machine_client(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<MachineClientId>,
    if_match: IfMatch,
    body: Option<Json<RotateBody>>,
) -> Result<impl IntoResponse, Problem> {
    let Json(body) = body.unwrap_or(Json(RotateBody::default()));
    let now = app.http.now();
    let made = NewSecret::of_machine_client(id.as_str(), &app.http);
    let what = Edit { done: "machine client's secret rotated", object: id.as_str(), rounds: ONCE };
    let client = edit(
        &app,
        who,
        what,
        || read(&app, &id),
        |_, client| {
            if_match.check(client.version)?;
            machine_client::rotate(client, made.digest, body.grace_until(now)).map_err(revoked)
        },
    )
    .await?;
    Ok((UNKEPT, ETag(client.version), Json(MachineClientView::of(&client, Some(made.shown), now))))
}

/// Revokes a machine client: it gets no token any more. A revoked one stays revoked.
#[utoipa::path(delete, path = "/api/v1/machine-clients/{id}", tag = "clients", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 412)),
    security(("jwt" = ["staff"])))]
pub(crate) async fn delete_machine_client(
    State(app): State<App>,
    who: Claim<Staff>,
    Path(id): Path<MachineClientId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let now = app.http.now();
    let what = Edit { done: "machine client revoked", object: id.as_str(), rounds: ROUNDS };
    edit(
        &app,
        who,
        what,
        || read(&app, &id),
        |_, client| {
            if_match.check(client.version)?;
            Ok(machine_client::revoke(client, now))
        },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, id: &MachineClientId) -> Result<MachineClient, Problem> {
    app.store.read_machine_client(id).await?.ok_or_else(|| Problem::new(Code::UnknownClient))
}

fn too_many(refusal: TooManyGrants) -> Problem {
    let pointer = match refusal {
        TooManyGrants::Scopes => "/scopes",
        TooManyGrants::Filters => "/filters",
    };
    Problem::field(pointer, refusal.to_string())
}

/// Refuses a client whose tokens would be too long to be sent.
fn check_size(client: &MachineClient) -> Result<(), Problem> {
    let grants = serde_json::to_vec(&(&client.scopes, &client.filters)).map_err(|error| Problem::internal(&error))?;
    if grants.len() > MAX_GRANT_BYTES {
        return Err(Problem::field("/filters", "scopes and filters must be at most 2 KiB of JSON together"));
    }
    Ok(())
}
