//! `POST /oauth2/access_token`: a machine client's credentials for a token of an hour.
//!
//! The claims are those that Open edX puts into a restricted application's token (research/registrar-oscarapi.md, section
//! 3.8), so that whoever verifies its tokens verifies ours. A client that is unknown, one that is revoked and a wrong
//! secret get the same answer after the same work.
//!
//! Not here: tokens for people, which are the authorisation code's.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use domain::id::MachineClientId;
use domain::machine_client::MachineClient;
use domain::text::Filter;
use domain::throttle::Throttle;
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;
use web::identity::is_machine_secret;
use web::{Caller, Claim, Json, Problem, RawBody};

use crate::App;
use crate::discovery::issuer;
use crate::oauth_refusal::{OAuthRefusal, OAuthRefusalView, TokenRefusal, UNCACHED};
use crate::token_request::{TokenForm, TokenRequest, TokenType};

/// How long a token lives, in seconds: as long as the LMS's own.
const LIFE_S: i64 = 3600;

/// Bytes of a `jti`: 128 bits never meet.
const JTI_BYTES: usize = 16;

/// The claims of a machine client's token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    /// The user's own key, the same for all clients of one user name: the first `sub` that is seen with a name is held to.
    sub: &'a str,
    /// RFC 9068, section 2.2.
    client_id: &'a str,
    preferred_username: &'a str,
    /// Ours: a token of one school is none of another's, though one deployment signs both.
    tenant: &'a str,
    scopes: &'a BTreeSet<&'a str>,
    filters: &'a BTreeSet<Filter>,
    is_restricted: bool,
    grant_type: &'static str,
    version: &'static str,
    email_verified: bool,
}

/// A token that was issued.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// The token: a JSON web token, whatever the type.
    access_token: String,
    /// `JWT` or `Bearer`.
    token_type: &'static str,
    /// In how many seconds it expires.
    expires_in: i64,
    /// Its scopes, with spaces between.
    scope: String,
}

/// Issues a token to a machine client. A refusal is OAuth's (RFC 6749, section 5.2), and not problem details, except when
/// there are too many requests or the service fails. The same is served at the path with a slash at its end.
#[utoipa::path(post, path = "/oauth2/access_token", tag = "oauth2",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded",
        description = "The client is named here or by `Authorization: Basic`."),
    responses((status = 200, body = TokenView), (status = 400, body = OAuthRefusalView),
        (status = 401, body = OAuthRefusalView), (status = 429)),
    security(()))]
pub(crate) async fn issue_token(
    State(app): State<App>,
    who: Result<Claim<Caller>, Problem>,
    headers: HeaderMap,
    body: Result<RawBody, Problem>,
) -> Result<impl IntoResponse, TokenRefusal> {
    let who = who?.without_client_key();
    let RawBody(body) = body.map_err(|_| OAuthRefusal::InvalidRequest("the body cannot be read"))?;
    let request = TokenRequest::read(&headers, &body)?;
    // Whoever guesses is counted by client and address: no session is counted, which is its caller's to invent.
    if who.owner().is_some() {
        return Err(OAuthRefusal::InvalidRequest("a request for a token names neither a session nor a user").into());
    }
    let who = who.at_most_as(Throttle::TOKEN, &request.client_id);
    let (_, client) = who.with(find(&app, &request.client_id)).await?;
    let client = authenticated(&app, &request, client)?;
    let scopes = request.granted(&client.scopes)?;
    let access_token = sign(&app, &client, &scopes)?;
    tracing::info!(client = %client.id, "token issued");
    let token_type = match request.token_type {
        TokenType::Jwt => "JWT",
        TokenType::Bearer => "Bearer",
    };
    let scope = Vec::from_iter(scopes).join(" ");
    Ok((UNCACHED, Json(TokenView { access_token, token_type, expires_in: LIFE_S, scope })))
}

async fn find(app: &App, id: &str) -> Result<Option<MachineClient>, StoreError> {
    match id.parse::<MachineClientId>() {
        Ok(id) => app.store.read_machine_client(&id).await,
        Err(_) => Ok(None),
    }
}

/// The client, if the request proves to be its own. The secret's digest is made in any case.
fn authenticated(
    app: &App,
    request: &TokenRequest,
    client: Option<MachineClient>,
) -> Result<MachineClient, OAuthRefusal> {
    let now = app.http.now();
    let kept = client.iter().flat_map(|client| client.secret.accepted(now));
    let proven = is_machine_secret(&request.client_id, &request.client_secret, kept, &app.http);
    let known = client.as_ref().map(|client| client.id.to_string());
    client.filter(|client| proven && client.is_live()).ok_or_else(|| {
        tracing::info!(client = known, proven, "token refused");
        OAuthRefusal::InvalidClient
    })
}

/// The times are the machine's, as those of every issuer outside this process (ADR 8): a token is then good at once, by
/// others' clocks too, and stays so when the local cloud's clock is moved forward. Which key signs is a rule of ours.
fn sign(app: &App, client: &MachineClient, scopes: &BTreeSet<&str>) -> Result<String, Problem> {
    let issued_at = app.http.clock().issuer_now().as_second();
    let user = app.http.user_id(&client.username);
    let claims = Claims {
        iss: issuer(app),
        aud: &app.audience,
        iat: issued_at,
        exp: issued_at.saturating_add(LIFE_S),
        jti: app.http.entropy().hex(JTI_BYTES),
        sub: user.as_str(),
        client_id: client.id.as_str(),
        preferred_username: client.username.as_str(),
        tenant: app.http.tenant().as_str(),
        scopes,
        filters: &client.filters,
        is_restricted: true,
        grant_type: "client-credentials",
        version: "1.2.0",
        email_verified: false,
    };
    app.signing.sign(&claims, app.http.now()).map_err(|fault| Problem::internal(&fault))
}
