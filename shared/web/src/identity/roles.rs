//! What a caller can be: a handler's [`super::Claim`] says which of these it is for.

use domain::owner::Owner;

use super::claims::Grant;
use super::principal::{FULFILL_SCOPE, Principal, READ_ORDERS_SCOPE, User};
use super::session::SetCookies;
use crate::code::Code;
use crate::problem::Problem;

/// Anybody. Bad credentials are still refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Principal);

/// Whoever has a basket, or could have one; 403 for a restricted application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shopper(pub Principal);

/// A user; 401 for anybody else, 403 for a restricted application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn(pub User);

/// Whoever may read orders: a user their own, staff all, a restricted application with the scope `orders:read` those
/// that its filters allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderReader(pub User);

/// A user who administers the shop; 401 without a user, 403 for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff(pub User);

/// A service with the scope `orders:fulfill`; 401 without a token, 403 without the scope, also for staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfiller(pub User);

/// The owner of what is about to be written: the user, the session, or a session started for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerForWrite {
    /// Who owns it.
    pub owner: Owner,
    /// The user, if it is one.
    pub user: Option<Box<User>>,
    /// The cookies to answer with, if the session is new: a part of the response.
    pub minted: Option<SetCookies>,
}

/// What a caller can be. Implemented by the extractors of this module.
pub trait Role: Sized {
    /// Whether a session is started for a caller who has none.
    const MINTS: bool = false;

    /// Whether a user with this grant may be one; `staff` is whether the user administers the shop.
    ///
    /// # Errors
    /// 403 if not.
    fn permit(grant: &Grant, staff: bool) -> Result<(), Problem>;

    /// Admits a confirmed caller, or says why not.
    ///
    /// # Errors
    /// 401 for nobody, 403 for somebody else.
    fn admit(principal: Principal, minted: Option<SetCookies>) -> Result<Self, Problem>;

    /// The user, if the caller is one.
    fn user(&self) -> Option<&User>;
}

impl Caller {
    /// Who owns what this caller reads; `None` for an anonymous caller without a session.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.0.owner()
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        self.0.user()
    }

    /// Whether the caller administers the shop.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.0.is_staff()
    }
}

impl Role for Caller {
    fn permit(_: &Grant, _: bool) -> Result<(), Problem> {
        Ok(())
    }

    fn admit(principal: Principal, _: Option<SetCookies>) -> Result<Self, Problem> {
        Ok(Self(principal))
    }

    fn user(&self) -> Option<&User> {
        self.0.user()
    }
}

/// A restricted application does what a scope names, and nothing else.
fn unrestricted(grant: &Grant) -> Result<(), Problem> {
    if grant.restricted {
        return Err(Problem::new(Code::Forbidden).detail("this needs a token that is not restricted to scopes"));
    }
    Ok(())
}

impl Role for Shopper {
    fn permit(grant: &Grant, _: bool) -> Result<(), Problem> {
        unrestricted(grant)
    }

    fn admit(principal: Principal, _: Option<SetCookies>) -> Result<Self, Problem> {
        principal.user().map_or(Ok(()), |user| unrestricted(&user.grant))?;
        Ok(Self(principal))
    }

    fn user(&self) -> Option<&User> {
        self.0.user()
    }
}

impl Role for OwnerForWrite {
    const MINTS: bool = true;

    fn permit(grant: &Grant, _: bool) -> Result<(), Problem> {
        unrestricted(grant)
    }

    fn admit(principal: Principal, minted: Option<SetCookies>) -> Result<Self, Problem> {
        let owner = principal.owner().ok_or_else(|| Problem::new(Code::Unauthorized))?;
        principal.user().map_or(Ok(()), |user| unrestricted(&user.grant))?;
        Ok(Self { owner, user: principal.user().cloned().map(Box::new), minted })
    }

    fn user(&self) -> Option<&User> {
        self.user.as_deref()
    }
}

macro_rules! permitted {
    ($name:ident, $may:expr) => {
        impl AsRef<User> for $name {
            fn as_ref(&self) -> &User {
                &self.0
            }
        }

        impl Role for $name {
            fn permit(grant: &Grant, staff: bool) -> Result<(), Problem> {
                let may: fn(&Grant, bool) -> bool = $may;
                if may(grant, staff) { Ok(()) } else { Err(Problem::new(Code::Forbidden)) }
            }

            fn admit(principal: Principal, _: Option<SetCookies>) -> Result<Self, Problem> {
                match principal {
                    Principal::Anonymous(_) => Err(Problem::new(Code::Unauthorized)),
                    Principal::User(user) => Self::permit(&user.grant, user.staff).map(|()| Self(*user)),
                }
            }

            fn user(&self) -> Option<&User> {
                Some(&self.0)
            }
        }
    };
}

permitted!(SignedIn, |grant, _| !grant.restricted);
permitted!(OrderReader, |grant, _| !grant.restricted || grant.has(READ_ORDERS_SCOPE));
permitted!(Staff, |_, staff| staff);
permitted!(Fulfiller, |grant, _| grant.has(FULFILL_SCOPE));
