//! Enrolments: `POST /api/enrollment/v1/enrollment`, which creates, changes, reactivates and deactivates.
//!
//! Source: Open edX enrolment API version 1. The call is idempotent by user and course.

use domain::course_key::CourseKey;
use domain::id::OrderNumber;
use domain::text::{Mode, Username};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mode_rank::{is_basic, same_or_better};
use crate::transport::{Answer, Call, SEGMENT};
use crate::{Lms, LmsError};

const ENROLMENT: &str = "/api/enrollment/v1/enrollment";
/// A place in a course run, to give or to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolRequest {
    /// The learner's name at the LMS.
    pub username: Username,
    /// The course run.
    pub course_key: CourseKey,
    /// The mode that was bought.
    pub mode: Mode,
    /// Who gives the credit, of the mode `credit`: the provider's id at the LMS.
    pub credit_provider: Option<String>,
    /// The order, which the LMS keeps with the enrolment.
    pub order_number: OrderNumber,
    /// When the order was placed, likewise.
    pub placed_at: Timestamp,
    /// Whether to give the place; otherwise it is taken, if the learner still has it in this mode.
    pub active: bool,
}

/// An enrolment as the LMS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The mode that the learner has now.
    pub mode: Mode,
    /// Whether the enrolment is active.
    pub active: bool,
    /// The HTTP status, for the timeline.
    pub status: u16,
}

#[derive(Debug, Deserialize)]
struct Enrolment {
    mode: Mode,
    is_active: bool,
}

impl Lms {
    /// Gives or takes a place.
    ///
    /// Giving succeeds if the learner then has the mode asked for or a better one ([`same_or_better`]); a free mode is
    /// asked for only after a look, so that it replaces no better one. Taking succeeds
    /// if the place is no longer active or was never there, or if the learner has moved to another mode meanwhile: the LMS
    /// then answers 400, and [`Enrolled`] shows the other mode, still active.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn enrol(&self, request: &EnrolRequest, now: Timestamp) -> Result<Enrolled, LmsError> {
        // The LMS would set a lower mode as told, and take a paid one away.
        if request.active && is_basic(&request.mode) {
            let present = self.enrolment(&request.username, &request.course_key, now).await?;
            if let Some(better) = present.filter(|p| p.active && same_or_better(&p.mode, &request.mode)) {
                return Ok(better);
            }
        }
        let call = Call { method: Method::POST, path: ENROLMENT.to_owned(), body: Some(request.body()) };
        let answer = self.call(call, now).await?;
        match answer.status {
            200 => request.judge(answer.enrolment()?.ok_or(LmsError::BadAnswer { status: 200 })?),
            400 if !request.active => request.moved(&answer).ok_or_else(|| answer.refusal()),
            406 => Err(LmsError::NoSuchUser),
            _ => Err(answer.refusal()),
        }
    }

    /// The learner's enrolment in a course run, active or not; nothing if there never was one.
    ///
    /// # Errors
    /// [`LmsError`].
    pub async fn enrolment(
        &self,
        username: &Username,
        course_key: &CourseKey,
        now: Timestamp,
    ) -> Result<Option<Enrolled>, LmsError> {
        let user = utf8_percent_encode(username.as_str(), SEGMENT);
        let call = Call { method: Method::GET, path: format!("{ENROLMENT}/{user},{course_key}"), body: None };
        let answer = self.call(call, now).await?;
        match answer.status {
            200 => answer.enrolment(),
            _ => Err(answer.refusal()),
        }
    }
}

impl EnrolRequest {
    fn body(&self) -> Value {
        let mut body = json!({
            "user": self.username.as_str(),
            "mode": self.mode.as_str(),
            "is_active": self.active,
            "course_details": { "course_id": self.course_key.as_str() },
        });
        let of_credit = self.mode.as_str() == "credit";
        let provider = self.credit_provider.as_deref().filter(|_| of_credit);
        // For credit, a list without the provider is refused, and no list is not.
        if self.active && (!of_credit || provider.is_some()) {
            let attribute = |namespace: &str, name: &str, value: &str| json!({"namespace": namespace, "name": name, "value": value});
            let placed = self.placed_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let mut attributes = vec![
                attribute("order", "order_number", self.order_number.as_str()),
                attribute("order", "date_placed", &placed),
            ];
            attributes.extend(provider.map(|provider| attribute("credit", "provider_id", provider)));
            body["enrollment_attributes"] = attributes.into();
        }
        body
    }

    fn judge(&self, enrolled: Enrolled) -> Result<Enrolled, LmsError> {
        let done = match (self.active, enrolled.active) {
            (true, true) => same_or_better(&enrolled.mode, &self.mode),
            (false, false) => true,
            (true, false) | (false, true) => false,
        };
        let wrong = |e: Enrolled| LmsError::WrongMode { granted: e.mode.into(), active: e.active };
        if done { Ok(enrolled) } else { Err(wrong(enrolled)) }
    }

    /// `Enrollment mode mismatch: active mode=X, requested mode=Y. Won't deactivate.`, or that there is no enrolment: forks
    /// and older releases say `not enrolled` where others make an inactive one.
    fn moved(&self, answer: &Answer) -> Option<Enrolled> {
        let message = answer.message();
        if message.to_ascii_lowercase().contains("not enrolled") {
            return Some(Enrolled { mode: self.mode.clone(), active: false, status: answer.status });
        }
        message.contains("Enrollment mode mismatch").then(|| {
            let told = message.split("active mode=").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
            Enrolled { mode: told.unwrap_or_else(|| self.mode.clone()), active: true, status: answer.status }
        })
    }
}

impl Answer {
    fn enrolment(&self) -> Result<Option<Enrolled>, LmsError> {
        let bad = |_| LmsError::BadAnswer { status: self.status };
        let shown: Option<Enrolment> = serde_json::from_str(&self.body).map_err(bad)?;
        Ok(shown.map(|shown| Enrolled { mode: shown.mode, active: shown.is_active, status: self.status }))
    }
}
