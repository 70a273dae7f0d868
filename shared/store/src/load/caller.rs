//! Who is calling: the user, the session and the client application of a request, read together.

use domain::client_key::ClientKey;
use domain::id::ClientId;
use domain::owner::{SubjectKey, UserId, UserSessionKey};
use domain::user::User;
use domain::user_session::UserSession;

use super::{Partition, Range};
use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::{Keys, SESSION, session};
use crate::row::{object, text};

/// What a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerKeys {
    /// The user.
    pub user: Option<UserId>,
    /// A session of that user; without one it leads nowhere.
    pub session: Option<UserSessionKey>,
    /// The client application.
    pub client: Option<ClientId>,
}

/// What of it there is. A session past its end and a revoked key are still found: ask them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerRows {
    /// The user.
    pub user: Option<User>,
    /// The session.
    pub session: Option<UserSession>,
    /// The client application's key.
    pub client: Option<ClientKey>,
}

impl Store {
    /// Reads who is calling, as it is at this moment. One round trip; none if the request names nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_caller(&self, caller: &CallerKeys) -> Result<CallerRows, StoreError> {
        let keys = Keys(&self.tenant);
        let mut wanted = Vec::new();
        if let Some(user) = &caller.user {
            wanted.push(key(keys.user(user), "USER"));
            wanted.extend(caller.session.iter().map(|of| key(keys.user(user), session(of))));
        }
        wanted.extend(caller.client.iter().map(|id| key(keys.client(id), "CLIENT")));
        let mut rows = CallerRows::default();
        for row in self.get_some(wanted).await? {
            match text(&row, "sk")? {
                "USER" => rows.user = Some(object(&row)?),
                "CLIENT" => rows.client = Some(object(&row)?),
                _ => rows.session = Some(object(&row)?),
            }
        }
        Ok(rows)
    }

    /// Reads a user. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_user(&self, user: &UserId) -> Result<Option<User>, StoreError> {
        let row = self.get(Keys(&self.tenant).user(user), "USER").await?;
        row.as_ref().map(object).transpose()
    }

    /// The user that a subject leads to. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_subject(&self, subject: &SubjectKey) -> Result<Option<UserId>, StoreError> {
        let row = self.get(Keys(&self.tenant).subject(subject), "SUBJECT").await?;
        row.as_ref().map(object).transpose()
    }

    /// Lists a user's sessions by key, those included whose rows outlived them. One round trip (more only beyond a
    /// megabyte).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sessions(&self, user: &UserId) -> Result<Vec<UserSession>, StoreError> {
        let of = Partition::of(Keys(&self.tenant).user(user));
        let partition = Partition { range: Range::Beginning(SESSION), objects_only: true, ..of };
        self.query_all(&partition, usize::MAX).await?.iter().map(object).collect()
    }
}
