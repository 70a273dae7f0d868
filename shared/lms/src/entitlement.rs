//! Entitlements: a right to a place in any run of a course, which the learner turns into an enrolment at the LMS.
//!
//! `POST /api/entitlements/v1/entitlements/`, `GET …/?user=` and `DELETE …/{uuid}/`. Source: Open edX entitlements
//! API version 1.

use std::fmt;
use std::str::FromStr;

use domain::id::OrderNumber;
use domain::text::{Mode, Username};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::transport::{Call, SEGMENT};
use crate::{Lms, LmsError};

const ENTITLEMENTS: &str = "/api/entitlements/v1/entitlements/";

/// A right to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitlementRequest {
    /// The learner's name at the LMS.
    pub username: Username,
    /// The course, of which the learner chooses a run; a UUID.
    pub course_uuid: String,
    /// The mode that was bought.
    pub mode: Mode,
    /// The order, which the LMS keeps with the entitlement.
    pub order_number: OrderNumber,
}

/// The LMS's name for an entitlement: a UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitlementRef(String);

/// Text that is not an entitlement's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entitlement reference is 1 to 64 hexadecimal digits or '-'")]
pub struct NotAnEntitlementRef;

impl EntitlementRef {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntitlementRef {
    type Err = NotAnEntitlementRef;

    fn from_str(text: &str) -> Result<Self, NotAnEntitlementRef> {
        let good = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if good { Ok(Self(text.to_owned())) } else { Err(NotAnEntitlementRef) }
    }
}

impl fmt::Display for EntitlementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Deserialize)]
struct Entitlement {
    uuid: String,
    course_uuid: Option<String>,
    order_number: Option<String>,
    expired_at: Option<String>,
}

/// A page of a list; the cursor to the next is not used.
#[derive(Debug, Deserialize)]
struct Page {
    results: Vec<Entitlement>,
}

impl Lms {
    /// Gives an entitlement.
    ///
    /// **Not idempotent**: the LMS gives a second one when asked twice. After a failure that may have taken effect
    /// (any transient one), look with [`Lms::find_entitlement`] before asking again.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn grant_entitlement(
        &self,
        request: &EntitlementRequest,
        now: Timestamp,
    ) -> Result<EntitlementRef, LmsError> {
        let body = json!({
            "user": request.username.as_str(),
            "course_uuid": request.course_uuid,
            "mode": request.mode.as_str(),
            "order_number": request.order_number.as_str(),
            "email_opt_in": false,
        });
        let call = Call { method: Method::POST, path: ENTITLEMENTS.to_owned(), body: Some(body) };
        let answer = self.call(call, now).await?;
        match answer.status {
            status @ (200 | 201) => {
                let shown: Option<Entitlement> = serde_json::from_str(&answer.body).ok();
                shown.and_then(|shown| shown.uuid.parse().ok()).ok_or(LmsError::BadAnswer { status })
            }
            _ => Err(answer.refusal()),
        }
    }

    /// The entitlement that an earlier, unanswered [`Lms::grant_entitlement`] gave: of the same learner, course and
    /// order, and not ended.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn find_entitlement(
        &self,
        request: &EntitlementRequest,
        now: Timestamp,
    ) -> Result<Option<EntitlementRef>, LmsError> {
        let all = self.list_entitlements(request, now).await?;
        let same = |(order, _): &(String, EntitlementRef)| *order == request.order_number.as_str();
        Ok(all.into_iter().find(same).map(|(_, reference)| reference))
    }

    /// The learner's entitlements to the course that have not ended, each with the order number that it was given with. The
    /// learner's 100 newest are searched, which is the largest page.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn list_entitlements(
        &self,
        request: &EntitlementRequest,
        now: Timestamp,
    ) -> Result<Vec<(String, EntitlementRef)>, LmsError> {
        let user = utf8_percent_encode(request.username.as_str(), SEGMENT);
        let path = format!("{ENTITLEMENTS}?user={user}&page_size=100");
        let answer = self.call(Call { method: Method::GET, path, body: None }, now).await?;
        if answer.status != 200 {
            return Err(answer.refusal());
        }
        let bad = LmsError::BadAnswer { status: answer.status };
        let Ok(page) = serde_json::from_str::<Page>(&answer.body) else { return Err(bad) };
        let live = |shown: &Entitlement| {
            shown.expired_at.is_none()
                && shown.course_uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(&request.course_uuid))
        };
        let mut all = Vec::new();
        for shown in page.results.into_iter().filter(live) {
            let reference = shown.uuid.parse().map_err(|_| LmsError::BadAnswer { status: answer.status })?;
            all.extend(shown.order_number.map(|order| (order, reference)));
        }
        Ok(all)
    }

    /// Takes an entitlement back; the LMS also ends an enrolment that was made with it.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn revoke_entitlement(&self, entitlement: &EntitlementRef, now: Timestamp) -> Result<(), LmsError> {
        let call = Call { method: Method::DELETE, path: format!("{ENTITLEMENTS}{entitlement}/"), body: None };
        let answer = self.call(call, now).await?;
        match answer.status {
            200 | 204 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }
}
