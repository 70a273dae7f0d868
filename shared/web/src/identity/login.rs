//! Exchanging a token for a session: the token of a login's body, which no header shows.

use domain::owner::UserId;
use domain::user::{User as Record, UserClaims};
use jiff::Timestamp;

use super::basis::{refused, token_user};
use super::claims::Grant;
use super::confirm::met;
use super::principal::User;
use crate::code::Code;
use crate::context::Http;
use crate::problem::Problem;

/// A login by a token that was verified; the table has not been asked.
#[derive(Clone, Debug)]
pub struct Login(UserClaims);

impl Login {
    /// Verifies the token of a login.
    ///
    /// # Errors
    /// 401 for a token that is not good, 403 for one that is restricted to scopes: a service has no session.
    pub async fn by_token(token: &str, http: &Http) -> Result<Self, Problem> {
        let (claims, grant) = token_user(token, http).await.map_err(refused)?;
        if grant.restricted {
            return Err(Problem::new(Code::Forbidden).detail("a token that is restricted to scopes starts no session"));
        }
        Ok(Self(claims))
    }

    /// Whose login it is.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.0.id
    }

    /// Confirms the user against the record, which is made on first sight.
    ///
    /// # Errors
    /// As for any request with this token.
    pub async fn confirm(self, stored: Option<Record>, http: &Http, now: Timestamp) -> Result<User, Problem> {
        let record = met(&self.0, stored, http, now).await?;
        Ok(User::of(record, Grant::default(), http.tenant().clone(), None))
    }
}
