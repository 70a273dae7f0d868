//! The claims of a verified token: what Open edX issues (research/registrar-oscarapi.md, sections 3.2, 3.6 and 3.8), and
//! what other issuers call the same.
//!
//! A claim that decides (times, version, name, staff, scopes, filters) must be of its type, or the token is refused: to
//! leave out a filter that cannot be read would permit more than the issuer meant. A claim that only describes is left
//! out. A null is as good as nothing, except for `iss`, `exp` and `iat`.

use std::collections::{BTreeMap, BTreeSet};

use domain::places::Country;
use domain::text::Username;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::token::TokenFault;
use crate::clock::Clock;

/// How far two clocks may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(10);

/// The newest major version of Open edX's claims that we read.
const NEWEST_MAJOR: u32 = 1;

/// The longest description or subject that is kept, in bytes. OpenID Connect's bound for `sub`.
const MAX_TEXT: usize = 255;

/// What a token tells of its user.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenClaims {
    /// The `iss`, one of those configured.
    pub issuer: String,
    /// The `sub`: who the user is to the issuer, whatever the user is called. A number is kept as its decimal text.
    pub subject: Option<String>,
    /// The `preferred_username`, else the `username`.
    pub username: Username,
    /// The address.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// Whether the user administers the shop; absent is "no news".
    pub administrator: Option<bool>,
    /// The country of the profile: `country_code`.
    pub country: Option<Country>,
    /// The LMS's number for the user: `user_id`, else `lms_user_id`.
    pub lms_user_id: Option<u64>,
    /// Texts, truth values and whole numbers by which the LMS's analytics know the user.
    pub tracking_context: BTreeMap<String, Value>,
    /// The `iat`.
    pub issued_at: Timestamp,
    /// The school that the token is for, if it says so: ours do, as one deployment signs those of several schools.
    pub tenant: Option<String>,
}

/// What a token permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Such as `orders:fulfill`.
    pub scopes: BTreeSet<String>,
    /// To whose data the token is limited.
    pub filters: Vec<Filter>,
    /// Whether it was issued to a restricted application, which may do nothing but what its scopes say.
    pub restricted: bool,
}

/// A limit of a token, written `type:value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Filter {
    /// `user:me`: the data of the token's own user.
    Me,
    /// `user:<name>`: the data of the user of this name.
    User(Username),
    /// `content_org:<name>`: the courses of this organisation.
    Organisation(String),
    /// A limit on something that we have not got.
    Other(String),
}

/// A filter that is not `type:value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a filter must be type:value")]
pub struct BadFilter;

/// The claims as they are sent; others are ignored.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    exp: NumericDate,
    iat: NumericDate,
    nbf: Option<NumericDate>,
    version: Option<Version>,
    preferred_username: Option<String>,
    username: Option<String>,
    tenant: Option<String>,
    administrator: Option<bool>,
    is_restricted: Option<bool>,
    scopes: Option<Scopes>,
    scope: Option<Scopes>,
    filters: Option<Vec<Filter>>,
    /// A number in some test tools.
    sub: Option<Value>,
    email: Option<Value>,
    name: Option<Value>,
    country_code: Option<Value>,
    user_id: Option<Value>,
    lms_user_id: Option<Value>,
    tracking_context: Option<Value>,
}

/// Seconds since 1970. RFC 7519 allows fractions. A date that no calendar has is the nearest that ours has.
#[derive(Clone, Copy, Deserialize)]
#[serde(from = "f64")]
struct NumericDate(Timestamp);

/// The major version of `major.minor.patch`.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Version(u32);

/// Open edX sends a list, OAuth 2 a text with spaces.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    List(BTreeSet<String>),
    Text(String),
}

impl Grant {
    /// Whether the token has a scope.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether the token, whose own user is `me`, reaches the data of `other`. A token without a `user` filter reaches
    /// anybody's: whether its user may see them is another question.
    #[must_use]
    pub fn allows_user(&self, me: &Username, other: &Username) -> bool {
        let mut limits = self.filters.iter().filter_map(|filter| match filter {
            Filter::Me => Some(me),
            Filter::User(name) => Some(name),
            Filter::Organisation(_) | Filter::Other(_) => None,
        });
        match limits.next() {
            None => true,
            Some(first) => first == other || limits.any(|name| name == other),
        }
    }

    /// Whether the token is limited in a way that we cannot tell: then it reaches nothing that limits are held against.
    #[must_use]
    pub fn is_limited_otherwise(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::Other(_)))
    }

    /// Whether the token is limited to organisations.
    #[must_use]
    pub fn limits_organisations(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::Organisation(_)))
    }

    /// Whether the token reaches the courses of `org`. Without a `content_org` filter it reaches all, as with users: in
    /// Open edX it reaches none, where a client is registered for one organisation.
    #[must_use]
    pub fn allows_org(&self, org: &str) -> bool {
        let mut limits = self.filters.iter().filter_map(|filter| match filter {
            Filter::Organisation(name) => Some(name),
            Filter::Me | Filter::User(_) | Filter::Other(_) => None,
        });
        match limits.next() {
            None => true,
            Some(first) => first == org || limits.any(|name| name == org),
        }
    }
}

impl Claims {
    /// Checks the times and the version, and sorts out what is told from what is permitted.
    pub(super) fn read(self, clock: &Clock) -> Result<(TokenClaims, Grant), TokenFault> {
        self.check_times(clock)?;
        if self.version.is_some_and(|Version(major)| major > NEWEST_MAJOR) {
            return Err(TokenFault::Claims);
        }
        let scopes = [self.scopes, self.scope].into_iter().flatten().flat_map(Scopes::into_set).collect();
        let grant = Grant {
            scopes,
            filters: self.filters.unwrap_or_default(),
            restricted: self.is_restricted.unwrap_or_default(),
        };
        let named = self.preferred_username.or(self.username).and_then(|name| name.parse().ok());
        let claims = TokenClaims {
            issuer: self.iss,
            subject: subject(self.sub)?,
            username: named.ok_or(TokenFault::NoUsername)?,
            email: self.email.and_then(description),
            name: self.name.and_then(description),
            country: self.country_code.as_ref().and_then(Value::as_str).and_then(|code| code.parse().ok()),
            administrator: self.administrator,
            lms_user_id: [self.user_id, self.lms_user_id].into_iter().flatten().find_map(|id| number(&id)),
            tracking_context: self.tracking_context.map(flat_map).unwrap_or_default(),
            issued_at: self.iat.0,
            tenant: self.tenant,
        };
        Ok((claims, grant))
    }

    /// A token is good if it is unexpired by our clock or by its issuer's, and if neither finds it in the future.
    ///
    /// On AWS both clocks are the same. The local cloud's can be moved forward, while the tool that made the token
    /// keeps the machine's time: moving the clock by a day must not sign everybody out.
    fn check_times(&self, clock: &Clock) -> Result<(), TokenFault> {
        let (ours, issuers) = (clock.now(), clock.issuer_now());
        let latest_good = ours.max(issuers).saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
        let expires = self.exp.0.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
        if expires <= ours.min(issuers) {
            return Err(TokenFault::Expired);
        }
        if self.iat.0 > latest_good || self.nbf.is_some_and(|nbf| nbf.0 > latest_good) {
            return Err(TokenFault::NotYet);
        }
        Ok(())
    }
}

impl Scopes {
    fn into_set(self) -> BTreeSet<String> {
        match self {
            Self::List(scopes) => scopes,
            Self::Text(scopes) => scopes.split_whitespace().map(ToOwned::to_owned).collect(),
        }
    }
}

impl From<f64> for NumericDate {
    fn from(seconds: f64) -> Self {
        let nearest = if seconds < 0.0 { Timestamp::MIN } else { Timestamp::MAX };
        let since = SignedDuration::try_from_secs_f64(seconds);
        Self(since.and_then(Timestamp::from_duration).unwrap_or(nearest))
    }
}

impl TryFrom<String> for Version {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // `parse` takes a sign.
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
        match parts.as_deref() {
            Some([major, _minor, _patch]) => Ok(Self(*major)),
            _ => Err("a version must be major.minor.patch"),
        }
    }
}

impl TryFrom<String> for Filter {
    type Error = BadFilter;

    fn try_from(text: String) -> Result<Self, BadFilter> {
        match text.split_once(':') {
            None | Some(("", _) | (_, "")) => Err(BadFilter),
            Some(("user", "me")) => Ok(Self::Me),
            Some(("user", name)) => name.parse().map(Self::User).map_err(|_| BadFilter),
            Some(("content_org", name)) => Ok(Self::Organisation(name.to_owned())),
            Some(_) => Ok(Self::Other(text)),
        }
    }
}

/// Accounts are linked by it. An empty one is none: it would link strangers.
fn subject(sub: Option<Value>) -> Result<Option<String>, TokenFault> {
    match sub {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_TEXT => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
            Err(TokenFault::Claims)
        }
    }
}

fn description(claim: Value) -> Option<String> {
    let text = claim.as_str()?.trim();
    let fits = !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn number(claim: &Value) -> Option<u64> {
    claim.as_u64().or_else(|| claim.as_str()?.parse().ok())
}

/// The values that the table can hold whatever they are: nothing nested, no fractions.
fn flat_map(claim: Value) -> BTreeMap<String, Value> {
    let flat = |value: &Value| value.is_string() || value.is_boolean() || value.is_i64() || value.is_u64();
    match claim {
        Value::Object(map) => map.into_iter().filter(|(key, value)| !key.is_empty() && flat(value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(filters: &[&str], restricted: bool) -> Grant {
        let filters = filters.iter().map(|filter| Filter::try_from((*filter).to_owned()).unwrap()).collect();
        Grant { scopes: BTreeSet::from(["orders:read".to_owned()]), filters, restricted }
    }

    #[test]
    fn a_user_filter_limits_whose_data_is_reached() {
        let ada: Username = "ada".parse().unwrap();
        let reached = |filters: &[&str], restricted| -> Vec<&str> {
            let grant = grant(filters, restricted);
            let reaches = |other: &&str| grant.allows_user(&ada, &other.parse().unwrap());
            ["ada", "bob", "me", "Ada"].into_iter().filter(reaches).collect()
        };
        for (filters, wanted) in [
            ([].as_slice(), ["ada", "bob", "me", "Ada"].as_slice()),
            (&["content_org:edX", "other:x"], &["ada", "bob", "me", "Ada"]),
            (&["user:me"], &["ada"]),
            (&["user:bob"], &["bob"]),
            (&["user:me", "content_org:edX", "user:bob"], &["ada", "bob"]),
        ] {
            assert_eq!(reached(filters, false), wanted, "{filters:?}");
            assert_eq!(reached(filters, true), wanted, "{filters:?}, restricted");
        }
    }

    #[test]
    fn an_organisation_filter_limits_which_courses_are_reached() {
        for (filters, restricted, wanted) in [
            ([].as_slice(), false, true),
            (&[], true, true),
            (&["user:me"], true, true),
            (&["content_org:edX"], true, true),
            (&["content_org:MITx", "content_org:edX"], true, true),
            (&["content_org:MITx"], true, false),
            (&["content_org:MITx"], false, false),
            (&["content_org:edx"], true, false),
            (&["content_org:edX+"], true, false),
        ] {
            assert_eq!(grant(filters, restricted).allows_org("edX"), wanted, "{filters:?}, restricted: {restricted}");
        }
    }

    #[test]
    fn a_limit_that_we_do_not_know_is_told_from_none() {
        for (filters, otherwise, organisations) in [
            ([].as_slice(), false, false),
            (&["user:me"], false, false),
            (&["content_org:edX"], false, true),
            (&["content_orgs:edX"], true, false),
            (&["content_org:edX", "course:x"], true, true),
        ] {
            let grant = grant(filters, true);
            assert_eq!(
                (grant.is_limited_otherwise(), grant.limits_organisations()),
                (otherwise, organisations),
                "{filters:?}"
            );
        }
    }

    #[test]
    fn a_scope_is_had_whole_or_not() {
        let grant = grant(&[], false);
        for (scope, wanted) in [("orders:read", true), ("orders:fulfill", false), ("orders", false), ("", false)] {
            assert_eq!(grant.has(scope), wanted, "{scope}");
        }
    }
}
