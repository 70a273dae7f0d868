//! The caller, as handlers see it.

use domain::owner::{Owner, SessionKey, UserId, UserSessionKey};
use domain::places::Country;
use domain::promotion::Buyer;
use domain::text::{Tenant, Username};
use domain::user;
use jiff::Timestamp;

use super::claims::Grant;

/// The scope that lets a service fulfil orders. Staff do not have it by being staff.
pub const FULFILL_SCOPE: &str = "orders:fulfill";

/// The scope that lets a restricted application read orders, within its filters.
pub const READ_ORDERS_SCOPE: &str = "orders:read";

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular, with or without a session.
    Anonymous(Option<Session>),
    /// A user or a service.
    User(Box<User>),
}

/// An anonymous session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its key in the table.
    pub key: SessionKey,
    /// How the caller named it.
    pub via: Via,
}

/// How a session was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the `Session-Id` header, which a browser never adds by itself.
    Header,
    /// By our cookie, which a browser adds to forged requests too.
    Cookie,
}

/// A user whose credentials were checked, and whose record was read and is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's key in the table.
    pub id: UserId,
    /// The name at the LMS.
    pub username: Username,
    /// The address, if it is known.
    pub email: Option<String>,
    /// The full name, if it is known.
    pub name: Option<String>,
    /// Whether the user administers the shop.
    pub staff: bool,
    /// The country of the profile, if it is known.
    pub country: Option<Country>,
    /// The LMS's number for the user, if it is known.
    pub lms_user_id: Option<u64>,
    /// What the token permits; for a person who signed in, everything that is the person's own.
    pub grant: Grant,
    /// The school or site.
    pub tenant: Tenant,
    /// Sessions that began until then are over.
    pub sessions_after: Timestamp,
    /// The session that named the user, if one did.
    pub session: Option<UserSessionKey>,
}

impl User {
    /// The user as offers see it, with what it bought and used before.
    #[must_use]
    pub fn buyer(&self, known: Buyer) -> Buyer {
        Buyer { id: Some(self.id.clone()), username: Some(self.username.clone()), email: self.email.clone(), ..known }
    }

    pub(super) fn of(record: user::User, grant: Grant, tenant: Tenant, session: Option<UserSessionKey>) -> Self {
        Self {
            id: record.id,
            username: record.username,
            email: record.email,
            name: record.name,
            // A restricted application acts within its scopes, whoever it acts for.
            staff: record.staff && !grant.restricted,
            country: record.country,
            lms_user_id: record.lms_user_id,
            sessions_after: record.sessions_after,
            grant,
            tenant,
            session,
        }
    }

    /// What the caller may do beyond its own affairs, as `users/me` shows it.
    #[must_use]
    pub fn permissions(&self) -> Vec<String> {
        let staff = self.staff.then(|| "staff".to_owned());
        staff.into_iter().chain(self.grant.scopes.iter().cloned()).collect()
    }
}

impl Principal {
    /// Who owns what this caller reads; `None` for an anonymous caller without a session.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Anonymous(session) => session.as_ref().map(|session| Owner::Session(session.key.clone())),
            Self::User(user) => Some(Owner::User(user.id.clone())),
        }
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Anonymous(_) => None,
            Self::User(user) => Some(user),
        }
    }

    /// Whether the caller administers the shop.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.user().is_some_and(|user| user.staff)
    }
}
