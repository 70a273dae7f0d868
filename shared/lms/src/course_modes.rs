//! The modes that a course run is sold in, as the LMS shows them: `PUT /api/commerce/v1/courses/{course}/`.
//!
//! Source: Open edX commerce API version 1, as edX ecommerce called it. The whole list is replaced.
//!
//! Deadlines are sent as null: how long something is sold is decided by our stock records, at the checkout.

use domain::course_key::CourseKey;
use domain::money::Money;
use domain::text::{Mode, Sku};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::transport::Call;
use crate::{Lms, LmsError};

/// A course run with all its modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseModes<'a> {
    /// The course run.
    pub course_key: &'a CourseKey,
    /// What people read.
    pub title: &'a str,
    /// All modes; those at the LMS that are not among them are removed.
    pub modes: Vec<CourseMode>,
}

/// A mode and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseMode {
    /// Such as `verified`.
    pub mode: Mode,
    /// The list price.
    pub price: Money,
    /// What the LMS's buttons put into our basket.
    pub sku: Sku,
}

impl Lms {
    /// Replaces the modes of a course run. Safe to repeat.
    ///
    /// # Errors
    /// [`LmsError`]; [`LmsError::NotFound`] if the LMS has no such course run.
    pub async fn publish_course(&self, course: &CourseModes<'_>, now: Timestamp) -> Result<(), LmsError> {
        let path = format!("/api/commerce/v1/courses/{}/", course.course_key);
        let answer = self.call(Call { method: Method::PUT, path, body: Some(course.body()) }, now).await?;
        match answer.status {
            200 | 201 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }
}

impl CourseModes<'_> {
    fn body(&self) -> Value {
        json!({
            "id": self.course_key.as_str(),
            "name": self.title,
            "verification_deadline": null,
            "modes": self.modes.iter().map(CourseMode::body).collect::<Vec<_>>(),
        })
    }
}

impl CourseMode {
    fn body(&self) -> Value {
        json!({
            "name": self.mode.as_str(),
            "currency": self.price.currency().code(),
            "price": whole_units(self.price),
            "sku": self.sku.as_str(),
            "bulk_sku": null,
            "expires": null,
        })
    }
}

/// The LMS keeps prices in whole units. They are rounded up: its pages then never promise less than the checkout asks,
/// and a price of some cents does not read as free. The checkout's price is ours.
fn whole_units(price: Money) -> i64 {
    let unit = 10_i64.saturating_pow(price.currency().exponent());
    let whole = price.minor() / unit;
    if price.minor() % unit > 0 { whole.saturating_add(1) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_up_to_whole_units() {
        for (amount, code, whole) in [
            ("49.00", "USD", 49),
            ("49.01", "USD", 50),
            ("0.50", "USD", 1),
            ("0", "USD", 0),
            ("4900", "JPY", 4900),
            ("1.230", "KWD", 2),
        ] {
            assert_eq!(whole_units(Money::parse(amount, code.parse().unwrap()).unwrap()), whole, "{amount} {code}");
        }
    }
}
