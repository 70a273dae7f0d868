//! The caller, as handlers see it.

use std::collections::BTreeSet;

use domain::owner::{Owner, SessionKey, UserId};
use domain::text::{Tenant, Username};

/// The scope that lets a service fulfil orders. Staff do not have it by being staff.
pub const FULFILL_SCOPE: &str = "orders:fulfill";

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular, with or without a session.
    Anonymous(Option<Session>),
    /// A user or a service, by a verified token.
    User(User),
}

/// An anonymous session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its key in the table.
    pub key: SessionKey,
    /// How the caller named it.
    pub via: Via,
}

/// How an anonymous session was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the `Session-Id` header, which a browser never adds by itself.
    Header,
    /// By our cookie, which a browser adds to forged requests too.
    Cookie,
}

/// A user, as the token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's key in the table.
    pub id: UserId,
    /// The name at the LMS.
    pub username: Username,
    /// The address, if the token has one.
    pub email: Option<String>,
    /// The full name, if the token has one.
    pub name: Option<String>,
    /// Whether the user administers the shop.
    pub staff: bool,
    /// What the token permits.
    pub scopes: BTreeSet<String>,
    /// The school or site.
    pub tenant: Tenant,
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
