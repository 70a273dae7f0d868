//! Signing in, whichever way somebody came: the session begins and the anonymous basket goes into the user's, in one
//! transaction that is decided anew if somebody else was faster.
//!
//! A sign-in whose answer was lost is simply made again: it finds nothing left to merge, and starts another session.

use axum::response::IntoResponseParts;
use domain::basket::Basket;
use domain::owner::{SessionKey, UserId, UserSessionKey};
use domain::plan::Write;
use domain::sign_in::{self, MergeNote, SignedIn};
use domain::user_session::{SessionOrigin, UserSession, ends_at};
use http::header::{CACHE_CONTROL, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use store::{SignInView, StoreError};
use web::identity::{COOKIE_REALM, SESSION_ID};
use web::{Caller, Claim, Code, NewSession, Problem};

use crate::App;

/// How often a sign-in is decided anew. Each round at least one of the changes that compete is written.
const ROUNDS: u32 = 64;

/// The longest name of a browser or application that is kept, in characters.
const MAX_AGENT: usize = 256;

/// Somebody who signs in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    user: UserId,
    origin: SessionOrigin,
    realm: String,
    agent: Option<String>,
    anonymous: Option<SessionKey>,
    replaces: Option<(UserId, UserSessionKey)>,
}

/// Somebody who signed in.
pub(crate) struct Begun {
    /// The session.
    pub(crate) session: UserSession,
    /// The user's basket as it is now.
    pub(crate) basket: Option<Basket>,
    /// What of the anonymous basket did not go into it as it stood.
    pub(crate) notes: Vec<MergeNote>,
    secret: NewSession,
}

impl Arrival {
    /// The arrival of `user`, with the sessions that the request names.
    pub(crate) fn of(who: &Claim<Caller>, user: UserId, origin: SessionOrigin, headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            user,
            origin,
            realm: who.realm().unwrap_or(COOKIE_REALM).to_owned(),
            agent: agent.map(|agent| agent.chars().take(MAX_AGENT).collect()),
            anonymous: who.anonymous().cloned(),
            replaces: who.named_session().map(|(user, key)| (user.clone(), key.clone())),
        }
    }

    /// Reads what the sign-in is decided on.
    pub(crate) async fn read(&self, app: &App, now: Timestamp) -> Result<SignInView, StoreError> {
        app.store.read_sign_in(&self.user, self.anonymous.as_ref(), now).await
    }

    /// Begins the session of a user who was confirmed, on what was read at `now`.
    pub(crate) async fn begin(&self, app: &App, mut view: SignInView, mut now: Timestamp) -> Result<Begun, Problem> {
        for _ in 0..ROUNDS {
            let secret = NewSession::of(&self.user, &app.http);
            let session = self.session(&secret, now);
            let SignedIn { basket, notes, mut plan } = self.decide(app, session.clone(), &view, now);
            plan.extend(self.replaces.clone().map(|(user, key)| Write::EndSession { user, key }));
            match app.store.commit(&plan).await {
                Ok(()) => return Ok(Begun { session, basket, notes, secret }),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
            }
            now = app.http.now();
            view = self.read(app, now).await?;
        }
        Err(Problem::new(Code::Conflict).detail("the basket is being changed by too many requests").retry_after(1))
    }

    fn decide(&self, app: &App, session: UserSession, view: &SignInView, now: Timestamp) -> SignedIn {
        let sign_in = sign_in::SignIn {
            session,
            own: view.own.as_ref(),
            anonymous: view.anonymous.as_ref(),
            products: &view.products,
            owned: &view.owned,
        };
        sign_in::decide(sign_in, now, &mut app.http.ids(now))
    }

    fn session(&self, secret: &NewSession, now: Timestamp) -> UserSession {
        UserSession {
            key: secret.key.clone(),
            user: self.user.clone(),
            realm: self.realm.clone(),
            origin: self.origin,
            upgraded_from: self.anonymous.clone(),
            agent: self.agent.clone(),
            started_at: now,
            ends_at: ends_at(now),
        }
    }
}

impl Begun {
    /// The headers that name the session, not to be stored: `Session-Id`, and for a browser both cookies and the CSRF
    /// token. An application that names sessions itself gets none, as its cookies would be one shopper's in another's
    /// requests.
    pub(crate) fn headers(&self, app: &App) -> Result<impl IntoResponseParts + use<>, Problem> {
        let name = self.secret.header(&self.session.realm);
        let name = HeaderValue::try_from(name).map_err(|error| Problem::internal(&error))?;
        let browser = self.session.realm == COOKIE_REALM;
        let cookies = browser.then(|| self.secret.cookies(&app.http)).transpose()?;
        Ok(([(SESSION_ID, name)], [(CACHE_CONTROL, HeaderValue::from_static("no-store"))], cookies))
    }
}
