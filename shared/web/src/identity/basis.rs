//! What a request rests on: the one credential that counts, checked as far as it can be without the table.
//!
//! They are looked for in this order, and the first that is there decides: a token in `Authorization`, a person whom the
//! gateway names, a `Session-Id`, the split token cookies, our own cookie. What a client sends on purpose is refused when
//! it is bad; a stale cookie that a browser sends by itself is as good as none.

use domain::owner::{Owner, SubjectKey, UserId, UserSessionKey};
use domain::user::UserClaims;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use super::authorization::Authorization;
use super::claims::{Grant, TokenClaims};
use super::cookies::{self, SessionCookie};
use super::csrf;
use super::hop::{Hop, SetAside, X_USERINFO};
use super::issuers::Verified;
use super::principal::{Session, Via};
use super::session::{self, COOKIE_REALM, SESSION_ID};
use super::session_id::{SessionId, SessionKind, UserSessionId};
use super::token::TokenFault;
use super::userinfo::UserInfo;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// Who the caller says to be. The signatures are good; the table has not been asked.
#[derive(Clone, Debug)]
pub(super) enum Basis {
    /// Nobody.
    Nobody,
    /// An anonymous session, which has no row.
    Anonymous(Session),
    /// A user, by a token.
    Token(Box<UserClaims>, Grant),
    /// A user, by the word of the gateway.
    Gateway(Box<UserClaims>),
    /// A user, by a session that we issued.
    UserSession(NamedSession),
}

/// A user's session, as the caller names it.
#[derive(Clone, Debug)]
pub(super) struct NamedSession {
    pub(super) user: UserId,
    pub(super) key: UserSessionKey,
    /// The realm of the header; a cookie has none.
    pub(super) realm: Option<String>,
}

/// A basis with what goes with it.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) basis: Basis,
    /// What a CSRF token is bound to, if the request rests on a cookie.
    pub(super) csrf_subject: Option<String>,
    /// The anonymous session that the request names beside a user: what a login merges.
    pub(super) anonymous: Option<Session>,
    /// The user's session that the request names, also beside a token or the gateway's word: what a login replaces.
    pub(super) named: Option<NamedSession>,
    /// The canonical form of the `Session-Id` header.
    pub(super) session_id: Option<String>,
    /// Its realm.
    pub(super) realm: Option<String>,
    /// Whether the gateway's word for the user is proven.
    pub(super) by_gateway: bool,
    /// A session of another user that a cookie names beside the cookies that the request rests on.
    pub(super) rival: Option<NamedSession>,
}

impl Basis {
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Nobody => None,
            Self::Anonymous(session) => Some(Owner::Session(session.key.clone())),
            Self::Token(claims, _) | Self::Gateway(claims) => Some(Owner::User(claims.id.clone())),
            Self::UserSession(named) => Some(Owner::User(named.user.clone())),
        }
    }
}

impl Credential {
    fn of(basis: Basis) -> Self {
        Self {
            basis,
            csrf_subject: None,
            anonymous: None,
            named: None,
            session_id: None,
            realm: None,
            by_gateway: false,
            rival: None,
        }
    }

    fn is_by_session(&self) -> bool {
        matches!(self.basis, Basis::UserSession(_))
    }

    /// Finds what a request rests on.
    pub(super) async fn find(parts: &Parts, hop: Hop, http: &Http) -> Result<Self, Problem> {
        let header = session_header(&parts.headers)?;
        if let Some(header) = &header
            && !is_known_realm(header, http)
        {
            return Err(Problem::new(Code::Forbidden).detail("the Session-Id is of another realm"));
        }
        let mut found = Self::decide(parts, hop, header.as_ref(), http).await?;
        found.anonymous = anonymous(&parts.headers, header.as_ref(), http);
        found.named = named(&parts.headers, header.as_ref(), http);
        // One of a user beside a token is not what the request rests on, and was not looked at.
        let rests_on = |header: &&SessionId| header.kind == SessionKind::Anonymous || found.is_by_session();
        found.session_id = header.as_ref().filter(rests_on).map(ToString::to_string);
        found.realm = header.map(|header| header.realm);
        Ok(found)
    }

    async fn decide(parts: &Parts, hop: Hop, header: Option<&SessionId>, http: &Http) -> Result<Self, Problem> {
        let said = if hop == Hop::Gateway { gateway(&parts.headers, http)? } else { None };
        if let Some(token) = Authorization::parse(&parts.headers).map_err(|_| refused(TokenFault::Refused))? {
            let (claims, grant) = token_user(token.token, http).await.map_err(refused)?;
            if said.as_ref().is_some_and(|said| said.username != claims.username) {
                let problem = Problem::new(Code::Unauthorized);
                return Err(problem.detail("the token and the gateway name different users"));
            }
            let by_gateway = !grant.restricted && (said.is_some() || is_vouched_for(parts, &claims));
            return Ok(Self { by_gateway, ..Self::of(Basis::Token(Box::new(claims), grant)) });
        }
        if let Some(claims) = said {
            // A browser's requests reach us through the gateway with its identity, forged ones too.
            csrf::check_unsafe_origin(parts, http)?;
            return Ok(Self { by_gateway: true, ..Self::of(Basis::Gateway(Box::new(claims))) });
        }
        if let Some(header) = header {
            return named_by_header(header, http).map(Self::of);
        }
        Self::by_cookie(parts, http).await
    }

    async fn by_cookie(parts: &Parts, http: &Http) -> Result<Self, Problem> {
        let session = cookies::session(&parts.headers);
        if let Some((claims, grant)) = cookie_token(&parts.headers, http).await? {
            let beside = match &session {
                Some(SessionCookie::User(id)) => user_session(id, None, http),
                Some(SessionCookie::Anonymous(_)) | None => None,
            };
            let subject = format!("jwt|{}", claims.id);
            // After a login the page has the token of the session, which is the same user's.
            let own = beside.as_ref().is_none_or(|beside| beside.user == claims.id);
            let other = session.filter(|_| own).map(|session| session.to_string());
            csrf::check_any(parts, [Some(subject.as_str()), other.as_deref()].into_iter().flatten(), http)?;
            let rival = beside.filter(|_| !own);
            let found = Self::of(Basis::Token(Box::new(claims), grant));
            return Ok(Self { csrf_subject: Some(subject), rival, ..found });
        }
        let Some(session) = session else { return Ok(Self::of(Basis::Nobody)) };
        let subject = session.to_string();
        csrf::check_any(parts, [subject.as_str()], http)?;
        let basis = match session {
            SessionCookie::Anonymous(value) => {
                Basis::Anonymous(Session { key: session::key_of_cookie(&value, http), via: Via::Cookie })
            }
            SessionCookie::User(id) => user_session(&id, None, http).map_or(Basis::Nobody, Basis::UserSession),
        };
        Ok(Self { csrf_subject: Some(subject), ..Self::of(basis) })
    }
}

/// Whether a session of the header's realm can be ours. A browser's session is good as a `Session-Id` too.
fn is_known_realm(header: &SessionId, http: &Http) -> bool {
    http.knows_realm(&header.realm) || (header.kind == SessionKind::User && header.realm == COOKIE_REALM)
}

/// The `Session-Id` header, if there is one.
fn session_header(headers: &HeaderMap) -> Result<Option<SessionId>, Problem> {
    let mut values = headers.get_all(SESSION_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let parsed = text.and_then(|text| SessionId::parse(text).ok());
    parsed.map(Some).ok_or_else(|| {
        Problem::new(Code::BadRequest).detail("Session-Id must be SID:ANON:<realm>:<id> or SID:AUTH:<realm>:<id>")
    })
}

fn named_by_header(header: &SessionId, http: &Http) -> Result<Basis, Problem> {
    match header.kind {
        SessionKind::Anonymous => {
            let key = session::key_of_header(&header.realm, &header.id, http);
            Ok(Basis::Anonymous(Session { key, via: Via::Header }))
        }
        SessionKind::User => {
            let id = UserSessionId::parse(&header.id).ok();
            let named = id.and_then(|id| user_session(&id, Some(header.realm.clone()), http));
            named.map(Basis::UserSession).ok_or_else(|| Problem::new(Code::SessionEnded))
        }
    }
}

fn user_session(id: &UserSessionId, realm: Option<String>, http: &Http) -> Option<NamedSession> {
    Some(NamedSession { user: user_of(id)?, key: session::key_of_user_session(id, http), realm })
}

fn user_of(id: &UserSessionId) -> Option<UserId> {
    format!("usr_{}", id.user()).parse().ok()
}

/// The anonymous session that a request names, whoever else it names.
fn anonymous(headers: &HeaderMap, header: Option<&SessionId>, http: &Http) -> Option<Session> {
    match header {
        Some(header) if header.kind == SessionKind::Anonymous => {
            let key = session::key_of_header(&header.realm, &header.id, http);
            Some(Session { key, via: Via::Header })
        }
        Some(_) => None,
        None => match cookies::session(headers)? {
            SessionCookie::Anonymous(value) => {
                Some(Session { key: session::key_of_cookie(&value, http), via: Via::Cookie })
            }
            SessionCookie::User(_) => None,
        },
    }
}

/// The user's session that a request names, whoever else it names.
fn named(headers: &HeaderMap, header: Option<&SessionId>, http: &Http) -> Option<NamedSession> {
    match header {
        Some(header) if header.kind == SessionKind::User => {
            user_session(&UserSessionId::parse(&header.id).ok()?, Some(header.realm.clone()), http)
        }
        Some(_) => None,
        None => match cookies::session(headers)? {
            SessionCookie::Anonymous(_) => None,
            SessionCookie::User(id) => user_session(&id, None, http),
        },
    }
}

/// The user whom a token names.
pub(super) async fn token_user(token: &str, http: &Http) -> Result<(UserClaims, Grant), TokenFault> {
    let Verified { claims, grant } = http.issuers().verify(token, http.clock()).await?;
    if claims.tenant.as_ref().is_some_and(|tenant| tenant != http.tenant().as_str()) {
        return Err(TokenFault::Audience);
    }
    let mut claims = user_claims(claims, http);
    // What a restricted application is lent is no news of the user: only a "no" is.
    claims.administrator = claims.administrator.filter(|staff| !(*staff && grant.restricted));
    Ok((claims, grant))
}

/// The user of the token cookies. A stale one is as good as none: the browser sends it by itself.
async fn cookie_token(headers: &HeaderMap, http: &Http) -> Result<Option<(UserClaims, Grant)>, Problem> {
    let Some(token) = cookies::jwt(headers) else { return Ok(None) };
    match token_user(&token, http).await {
        Ok(user) => Ok(Some(user)),
        Err(TokenFault::KeysUnavailable) => Err(refused(TokenFault::KeysUnavailable)),
        Err(fault) => {
            tracing::info!(reason = %fault, "token cookies ignored");
            Ok(None)
        }
    }
}

fn user_claims(claims: TokenClaims, http: &Http) -> UserClaims {
    UserClaims {
        id: http.user_id(&claims.username),
        subject: claims.subject.map(|subject| with_key(&claims.issuer, subject, http)),
        username: claims.username,
        issuer: claims.issuer,
        email: claims.email,
        name: claims.name,
        country: claims.country,
        administrator: claims.administrator,
        lms_user_id: claims.lms_user_id,
        tracking_context: claims.tracking_context,
        issued_at: claims.issued_at,
    }
}

fn with_key(issuer: &str, subject: String, http: &Http) -> (String, SubjectKey) {
    let key = http.subject_key(issuer, &subject);
    (subject, key)
}

/// The person whom the gateway names; `None` if it says that nobody is signed in.
fn gateway(headers: &HeaderMap, http: &Http) -> Result<Option<UserClaims>, Problem> {
    let mut values = headers.get_all(X_USERINFO).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let info = Some(value).filter(|_| values.next().is_none()).map(HeaderValue::as_bytes).map(UserInfo::parse);
    let info = info.and_then(Result::ok).ok_or_else(|| Problem::new(Code::BadUserinfo))?;
    let username = info.preferred_username.as_ref().and_then(|name| name.parse().ok());
    let username: domain::text::Username = username
        .ok_or_else(|| Problem::new(Code::BadUserinfo).detail("preferred_username is missing or not a name"))?;
    let issuer = http.gateway().map(|gateway| gateway.issuer.clone()).unwrap_or_default();
    Ok(Some(UserClaims {
        id: http.user_id(&username),
        subject: Some(with_key(&issuer, info.sub.clone(), http)),
        username,
        issuer,
        email: info.email.clone(),
        name: info.full_name(),
        country: info.country_code.as_deref().and_then(|code| code.parse().ok()),
        administrator: None,
        lms_user_id: None,
        tracking_context: std::collections::BTreeMap::new(),
        issued_at: http.now(),
    }))
}

/// Whether a token vouches for what an unproven hop says in `X-Userinfo`: it is of the same subject. The token alone says
/// who the user is; what the header adds is not taken.
fn is_vouched_for(parts: &Parts, claims: &UserClaims) -> bool {
    let Some(said) = parts.extensions.get::<SetAside>() else { return false };
    let info = UserInfo::parse(said.0.as_bytes()).ok();
    let subject = claims.subject.as_ref().map(|(subject, _)| subject);
    info.is_some_and(|info| subject == Some(&info.sub))
}

pub(super) fn refused(fault: TokenFault) -> Problem {
    tracing::info!(reason = %fault, "token refused");
    match fault {
        TokenFault::Expired => Problem::new(Code::Unauthorized).detail("the token has expired"),
        TokenFault::KeysUnavailable => Problem::unavailable(&fault),
        TokenFault::TooLong
        | TokenFault::Refused
        | TokenFault::UnknownIssuer
        | TokenFault::Signature
        | TokenFault::Audience
        | TokenFault::Claims
        | TokenFault::NotYet
        | TokenFault::NoUsername => Problem::new(Code::Unauthorized).detail("the token is not valid"),
    }
}

/// Whether a request may change something.
pub(super) fn is_unsafe(method: &Method) -> bool {
    !method.is_safe()
}
