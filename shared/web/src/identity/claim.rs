//! The extractor of every handler that is for somebody: who calls, before and after the table was asked.
//!
//! A [`Claim`] is what a request says, with its signatures checked. It becomes a caller by [`Claim::with`], which reads
//! the caller's rows in the same round trip as the data that the handler loads anyway. Nothing that was loaded is handed
//! out before the caller is confirmed, so a handler cannot forget it:
//!
//! ```text
//! async fn read_order(State(app): State<App>, who: Claim<SignedIn>, Path(number): Path<OrderNumber>) -> … {
//!     let (SignedIn(user), file) = who.with(app.store.read_order(&number)).await?;
//! ```

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use domain::owner::{Owner, SessionKey, UserId, UserSessionKey};
use domain::places::Country;
use domain::throttle::{Rate, Throttle};
use http::request::Parts;
use jiff::Timestamp;
use store::{CallerKeys, CallerRows, StoreError};

use super::address::ClientAddress;
use super::basis::{Basis, Credential};
use super::claims::Grant;
use super::client::ClientAsk;
use super::hop::Hop;
use super::principal::{Principal, Session, Via};
use super::roles::Role;
use super::session::SetCookies;
use super::{confirm, csrf};
use crate::answer::{Notes, seconds_until};
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// A caller who has not been confirmed yet; see the module.
#[derive(Clone, Debug)]
pub struct Claim<P> {
    credential: Credential,
    client: ClientAsk,
    minted: Option<SetCookies>,
    throttle: Option<Throttle>,
    /// What the caller says to be beyond its credential: counted with its address.
    counted_with: Option<String>,
    address: ClientAddress,
    hop: Hop,
    country: Option<Country>,
    notes: Notes,
    http: Http,
    role: PhantomData<fn() -> P>,
}

impl<P: Role> Claim<P> {
    /// Whose data the request is about, if the caller is confirmed: for the keys of what is loaded.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.credential.basis.owner()
    }

    /// The anonymous session that the request names beside its user: what a login merges.
    #[must_use]
    pub fn anonymous(&self) -> Option<&SessionKey> {
        self.credential.anonymous.as_ref().map(|session| &session.key)
    }

    /// The user's session that the request names, also beside a token or the gateway's word: what a login replaces and a
    /// logout ends. Who names it knows its secret; whether it is live, the table knows.
    #[must_use]
    pub fn named_session(&self) -> Option<(&UserId, &UserSessionKey)> {
        self.credential.named.as_ref().map(|named| (&named.user, &named.key))
    }

    /// Whether the token says that the user administers the shop. It may have been revoked since, and a session says
    /// nothing: good for choosing what to load, and for nothing else.
    #[must_use]
    pub fn says_staff(&self) -> bool {
        match &self.credential.basis {
            Basis::Token(claims, grant) => claims.administrator == Some(true) && !grant.restricted,
            Basis::Nobody | Basis::Anonymous(_) | Basis::Gateway(_) | Basis::UserSession(_) => false,
        }
    }

    /// Whether the gateway names the user, and that it does is proven.
    #[must_use]
    pub fn is_by_gateway(&self) -> bool {
        self.credential.by_gateway
    }

    /// The realm of the `Session-Id` that the request names.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.credential.realm.as_deref()
    }

    /// The token for `X-CSRF-Token`, if the request rests on a cookie.
    #[must_use]
    pub fn csrf_token(&self) -> Option<String> {
        self.credential.csrf_subject.as_ref().map(|subject| csrf::csrf_token(subject, &self.http))
    }

    /// The country that the request came from, if a hop before us says so; see `BURSAR_COUNTRY_HEADER`.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        self.country.clone()
    }

    /// What the answer will carry.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Serves the request also where applications need a key: it is a browser's way to a page, or a server's to a token.
    #[must_use]
    pub fn without_client_key(mut self) -> Self {
        self.client.exempt();
        self
    }

    /// Counts the request against `throttle`, in the same round trip. Services are exempt.
    #[must_use]
    pub fn at_most(self, throttle: Throttle) -> Self {
        Self { throttle: Some(throttle), ..self }
    }

    /// As [`Claim::at_most`], for a caller who proves itself by the request's body: each `name` that an address gives is
    /// counted by itself, so that nobody uses up what others behind the same address have left.
    #[must_use]
    pub fn at_most_as(self, throttle: Throttle, name: &str) -> Self {
        Self { throttle: Some(throttle), counted_with: Some(name.to_owned()), ..self }
    }

    /// Confirms the caller while `load` runs.
    ///
    /// # Errors
    /// Whatever is wrong with the caller, and only then what is wrong with the load.
    pub async fn with<T, E: Into<Problem>>(self, load: impl Future<Output = Result<T, E>>) -> Result<(P, T), Problem> {
        let now = self.http.now();
        // On the heap, or every handler's future would hold room for all of it, and a thread's stack is small.
        let own = async { tokio::join!(self.read(), self.read_rival(), self.count(now)) };
        let ((rows, rival, rate), loaded) = tokio::join!(Box::pin(own), Box::pin(load));
        self.check_rival(rival?, now)?;
        let caller = self.confirm(rows?, rate?, now).await?;
        Ok((caller, loaded.map_err(Into::into)?))
    }

    /// Confirms the caller of a handler that loads nothing.
    ///
    /// # Errors
    /// Whatever is wrong with the caller.
    pub async fn alone(self) -> Result<P, Problem> {
        let (caller, ()) = self.with(async { Ok::<_, Problem>(()) }).await?;
        Ok(caller)
    }

    async fn read(&self) -> Result<CallerRows, StoreError> {
        let (user, session) = match &self.credential.basis {
            Basis::Nobody | Basis::Anonymous(_) => (None, None),
            Basis::Token(claims, _) | Basis::Gateway(claims) => (Some(claims.id.clone()), None),
            Basis::UserSession(named) => (Some(named.user.clone()), Some(named.key.clone())),
        };
        // A key of another school is not looked up: it is refused.
        let client = self.client.shown.as_ref().filter(|shown| shown.tenant == *self.http.tenant());
        let client = client.map(|shown| shown.id.clone());
        self.http.store().read_caller(&CallerKeys { user, session, client }).await
    }

    /// Another user's session that a cookie names beside the token cookies.
    async fn read_rival(&self) -> Result<CallerRows, StoreError> {
        let Some(rival) = self.credential.rival.clone() else { return Ok(CallerRows::default()) };
        let keys = CallerKeys { user: Some(rival.user), session: Some(rival.key), client: None };
        self.http.store().read_caller(&keys).await
    }

    /// One browser is one user. A live session of another is ended for this browser, which then goes on as the user of its
    /// token; a session that is over, or was made up, is only taken back.
    fn check_rival(&self, rows: CallerRows, now: Timestamp) -> Result<(), Problem> {
        if self.credential.rival.is_none() {
            return Ok(());
        }
        self.notes.session_ended();
        let live = rows.user.zip(rows.session).is_some_and(|(user, session)| session.is_live(user.sessions_after, now));
        if live {
            return Err(Problem::new(Code::Unauthorized).detail("the cookies name two users"));
        }
        Ok(())
    }

    async fn count(&self, now: Timestamp) -> Result<Option<Rate>, StoreError> {
        let service = matches!(&self.credential.basis, Basis::Token(_, grant) if grant.restricted);
        let Some(throttle) = self.throttle.as_ref().filter(|_| !service) else { return Ok(None) };
        let caller = match &self.counted_with {
            Some(name) => format!("{name}|{}", self.address.as_str()),
            None => self.counted_as().to_owned(),
        };
        self.http.store().count(throttle, &self.http.rate_key(&caller), now).await.map(Some)
    }

    /// Whom a request is counted against: somebody who cannot be somebody else at will, nor be made to pay for others. A
    /// session counts by itself, since whose it is has not been confirmed; anonymous sessions are anybody's to invent, and
    /// count by themselves only where an application's key vouches for them.
    fn counted_as(&self) -> &str {
        match &self.credential.basis {
            Basis::Token(claims, _) | Basis::Gateway(claims) => claims.id.as_str(),
            Basis::UserSession(named) => named.key.as_str(),
            Basis::Anonymous(session) if self.client.shown.is_some() => session.key.as_str(),
            Basis::Nobody | Basis::Anonymous(_) => self.address.as_str(),
        }
    }

    /// The refusal of whom no row can help. That a user is staff no more is often said first where staff is needed, and is
    /// remembered: the token of before must not be good for it any longer.
    async fn refused(self, problem: Problem) -> Problem {
        match &self.credential.basis {
            Basis::Token(claims, _) if claims.administrator == Some(false) => {
                self.alone().await.err().unwrap_or(problem)
            }
            Basis::Nobody | Basis::Anonymous(_) | Basis::Token(..) | Basis::Gateway(_) | Basis::UserSession(_) => {
                problem
            }
        }
    }

    async fn confirm(self, rows: CallerRows, rate: Option<Rate>, now: Timestamp) -> Result<P, Problem> {
        self.client.check(rows.client.as_ref(), &self.http, now)?;
        if let Some(rate) = rate {
            self.notes.rate(rate, now);
            if rate.is_exceeded() {
                return Err(Problem::new(Code::TooManyRequests).retry_after(seconds_until(rate.resets_at, now)));
            }
        }
        let gateway = confirm::Surroundings { http: &self.http, notes: &self.notes, hop: self.hop, now };
        let principal = confirm::confirm(self.credential.basis, rows, &gateway).await?;
        if let Some(session) = &self.credential.session_id {
            self.notes.session_id(session);
        }
        P::admit(principal, self.minted)
    }
}

impl<S: Send + Sync, P: Role> FromRequestParts<S> for Claim<P>
where
    Http: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let http = Http::from_ref(state);
        let hop = parts.extensions.get::<Hop>().copied().unwrap_or(Hop::Unproven);
        let notes = parts.extensions.get::<Notes>().cloned().unwrap_or_default();
        let client = ClientAsk::of(&parts.headers, &parts.method)?;
        let mut credential = Credential::find(parts, hop, &http).await?;
        let mut minted = None;
        if P::MINTS && matches!(credential.basis, Basis::Nobody) {
            csrf::check_origin(parts, &http)?;
            let (key, cookies) = SetCookies::mint(&http)?;
            credential.basis = Basis::Anonymous(Session { key, via: Via::Cookie });
            minted = Some(cookies);
        }
        let early = early::<P>(&credential.basis);
        let address = ClientAddress::of(parts, hop);
        if let Some(session) = &credential.session_id
            && matches!(credential.basis, Basis::Anonymous(_))
        {
            notes.session_id(session);
        }
        let (throttle, counted_with) = (None, None);
        let (role, country) = (PhantomData, http.country_of(&parts.headers));
        let claim =
            Self { credential, client, minted, throttle, counted_with, address, hop, country, notes, http, role };
        match early {
            Ok(()) => Ok(claim),
            Err(problem) => Err(claim.refused(problem).await),
        }
    }
}

/// Refuses at once whom no row can help: a handler's other extractors need not look at such a request. A row can make a
/// user staff of whom the token says nothing, but not one of whom it says no: no token is good for more than it says.
fn early<P: Role>(basis: &Basis) -> Result<(), Problem> {
    match basis {
        Basis::Nobody => P::admit(Principal::Anonymous(None), None).map(drop),
        Basis::Anonymous(session) => P::admit(Principal::Anonymous(Some(session.clone())), None).map(drop),
        Basis::Token(claims, grant) => P::permit(grant, claims.administrator != Some(false) && !grant.restricted),
        Basis::Gateway(claims) => P::permit(&Grant::default(), claims.administrator != Some(false)),
        Basis::UserSession(_) => P::permit(&Grant::default(), true),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Notes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
