//! Rows of who is calling: users, the ways to them, their sessions, and the clients that call for them.

use domain::client_key::ClientKey;
use domain::machine_client::MachineClient;
use domain::owner::{SubjectKey, UserId, UserSessionKey};
use domain::user::User;
use domain::user_session::UserSession;

use super::Op;
use crate::error::StoreError;
use crate::keys::{Keys, session};
use crate::row::{Row, data};

pub(super) fn user_row(keys: Keys<'_>, user: &User) -> Result<Row, StoreError> {
    Ok(Row::new(keys.user(&user.id), "USER", user)?.version(user.version))
}

/// The condition of a way that may be written or removed: nobody has it, or the same user.
const FREE_OR_SAME: &str = "attribute_not_exists(pk) OR #d = :user";

/// A way from a subject to the user; writing it again is the same.
pub(super) fn link(keys: Keys<'_>, key: &SubjectKey, user: &UserId) -> Result<Op, StoreError> {
    let row = Row::new(keys.subject(key), "SUBJECT", user)?;
    Ok(Op::create(row).when(FREE_OR_SAME).name("#d", "data").value(":user", data(user)?))
}

pub(super) fn unlink(keys: Keys<'_>, key: &SubjectKey, user: &UserId) -> Result<Op, StoreError> {
    let delete = Op::delete(keys.subject(key), "SUBJECT").when(FREE_OR_SAME);
    Ok(delete.name("#d", "data").value(":user", data(user)?))
}

pub(super) fn session_row(keys: Keys<'_>, started: &UserSession) -> Result<Row, StoreError> {
    Ok(Row::new(keys.user(&started.user), session(&started.key), started)?.expires(started.ends_at))
}

pub(super) fn end_session(keys: Keys<'_>, user: &UserId, key: &UserSessionKey) -> Op {
    Op::delete(keys.user(user), session(key))
}

pub(super) fn save_client(keys: Keys<'_>, client: &ClientKey, expect: Option<u64>) -> Result<Op, StoreError> {
    let row = Row::new(keys.client(&client.id), "CLIENT", client)?.version(client.version);
    Ok(Op::replace(row.index(1, keys.clients(), client.id.as_str()), expect))
}

pub(super) fn save_machine(keys: Keys<'_>, client: &MachineClient, expect: Option<u64>) -> Result<Op, StoreError> {
    let row = Row::new(keys.machine(&client.id), "MACHINE", client)?.version(client.version);
    Ok(Op::replace(row.index(1, keys.machines(), client.id.as_str()), expect))
}
