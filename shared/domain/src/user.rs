//! Users: what we know of somebody who signed in elsewhere, and what becomes of it on sight of their claims.
//!
//! A user is found by name (the key is its digest) and held to the `sub` that each issuer gave first; never by e-mail.
//! Claims that say nothing take nothing away, and claims older than those taken over last change nothing: a token that
//! was issued before staff rights were revoked does not give them back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::owner::{SubjectKey, UserId};
use crate::places::Country;
use crate::plan::{Plan, Write};
use crate::text::Username;

/// The most entries of a tracking context that are kept: Open edX has four in use.
const MAX_TRACKED: usize = 32;

/// A user, as claims and staff left them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The key: a digest of the username.
    pub id: UserId,
    /// The name at the LMS.
    pub username: Username,
    /// The address.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// Whether the user administers the shop.
    pub staff: bool,
    /// Whether the user may come in; staff take this away.
    pub active: bool,
    /// The country of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The number at the LMS.
    pub lms_user_id: Option<u64>,
    /// What the LMS wants to see again in events about the user.
    pub tracking_context: BTreeMap<String, Value>,
    /// The user's `sub`, by issuer.
    pub subjects: BTreeMap<String, String>,
    /// When the claims that changed the user last were issued.
    pub claims_at: Timestamp,
    /// The `iat` of the claims that made or unmade staff last: an older word does not count.
    pub staff_at: Timestamp,
    /// Sessions that began until then are over: staff ended them, or deactivated the user.
    pub sessions_after: Timestamp,
    /// First sight.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: u64,
}

/// What an issuer says of a user, verified. `None` is what it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserClaims {
    /// The key of the username.
    pub id: UserId,
    /// The name at the LMS.
    pub username: Username,
    /// Who says it.
    pub issuer: String,
    /// The issuer's `sub`, with the key of issuer and `sub`.
    pub subject: Option<(String, SubjectKey)>,
    /// The address.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// Whether the user administers the shop.
    pub administrator: Option<bool>,
    /// The country of the profile.
    pub country: Option<Country>,
    /// The number at the LMS.
    pub lms_user_id: Option<u64>,
    /// Taken over key by key.
    pub tracking_context: BTreeMap<String, Value>,
    /// When it was said.
    pub issued_at: Timestamp,
}

/// A user who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// As they are now.
    pub user: User,
    /// What is to be written; empty for a user of whom there is nothing new, which is nearly always.
    pub plan: Plan,
}

/// Why somebody with good claims may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SightRefusal {
    /// Staff deactivated the user.
    #[error("this user is deactivated")]
    Deactivated,
    /// The same name, but another person's `sub`.
    #[error("this username belongs to another account of the same issuer")]
    SubjectMismatch,
}

/// Decides what becomes of the stored user on sight of verified claims.
///
/// A plan that is refused as `link_subject` says that the `sub` belongs to another username; one refused as
/// `create_user` or `save_user`, that another request was faster.
///
/// # Errors
/// [`SightRefusal`].
pub fn meet(stored: Option<&User>, claims: &UserClaims, now: Timestamp) -> Result<Sight, SightRefusal> {
    let Some(stored) = stored else { return Ok(first_sight(claims, now)) };
    if !stored.active {
        return Err(SightRefusal::Deactivated);
    }
    let linked = stored.subjects.get(&claims.issuer);
    if let (Some(linked), Some((subject, _))) = (linked, &claims.subject)
        && linked != subject
    {
        return Err(SightRefusal::SubjectMismatch);
    }
    let mut user = stored.clone();
    if claims.issued_at >= stored.claims_at {
        take_over(&mut user, claims);
    }
    remember_subject(&mut user, claims);
    // Apart from the rest: a gateway, whose word is always the latest, says nothing of staff.
    if let Some(staff) = claims.administrator.filter(|_| claims.issued_at >= stored.staff_at) {
        user.staff = staff;
    }
    if user == *stored {
        return Ok(Sight { user, plan: Plan::default() });
    }
    user.claims_at = stored.claims_at.max(claims.issued_at);
    if claims.administrator.is_some() {
        user.staff_at = stored.staff_at.max(claims.issued_at);
    }
    user.version = stored.version.saturating_add(1);
    let mut plan = Plan::of(Write::SaveUser(Box::new(user.clone())));
    if linked.is_none() {
        plan.extend(link(claims));
    }
    Ok(Sight { user, plan })
}

fn first_sight(claims: &UserClaims, now: Timestamp) -> Sight {
    let mut user = User {
        id: claims.id.clone(),
        username: claims.username.clone(),
        email: None,
        name: None,
        staff: claims.administrator == Some(true),
        active: true,
        country: None,
        lms_user_id: None,
        tracking_context: BTreeMap::new(),
        subjects: BTreeMap::new(),
        claims_at: claims.issued_at,
        staff_at: claims.administrator.map_or(Timestamp::UNIX_EPOCH, |_| claims.issued_at),
        sessions_after: Timestamp::UNIX_EPOCH,
        created_at: now,
        version: 1,
    };
    take_over(&mut user, claims);
    remember_subject(&mut user, claims);
    let mut plan = Plan::of(Write::CreateUser(Box::new(user.clone())));
    plan.extend(link(claims));
    Sight { user, plan }
}

/// Takes over what the claims say; what they leave out stays.
fn take_over(user: &mut User, claims: &UserClaims) {
    user.email = claims.email.clone().or(user.email.take());
    user.name = claims.name.clone().or(user.name.take());
    user.country = claims.country.clone().or(user.country.take());
    user.lms_user_id = claims.lms_user_id.or(user.lms_user_id);
    for (key, value) in claims.tracking_context.iter().filter(|(_, value)| !value.is_null()) {
        if user.tracking_context.len() < MAX_TRACKED || user.tracking_context.contains_key(key) {
            user.tracking_context.insert(key.clone(), value.clone());
        }
    }
}

fn remember_subject(user: &mut User, claims: &UserClaims) {
    if let Some((subject, _)) = &claims.subject {
        user.subjects.insert(claims.issuer.clone(), subject.clone());
    }
}

fn link(claims: &UserClaims) -> Option<Write> {
    let (_, key) = claims.subject.as_ref()?;
    Some(Write::LinkSubject { key: key.clone(), user: claims.id.clone() })
}

#[cfg(test)]
mod tests;
