//! Everything the simulated platform knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The modes of a course that nobody registered.
const USUAL_MODES: [&str; 6] = ["audit", "honor", "verified", "professional", "no-id-professional", "credit"];

/// An access token that we gave out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    /// Whether it goes under `JWT`; under `Bearer` otherwise.
    pub(crate) jwt: bool,
    pub(crate) expires: Timestamp,
}

/// One way to take a course, as the shop publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mode {
    pub(crate) name: String,
    pub(crate) currency: String,
    /// A number or a decimal in text, as it came.
    pub(crate) price: Value,
    pub(crate) sku: Option<String>,
    pub(crate) bulk_sku: Option<String>,
    pub(crate) expires: Option<String>,
}

impl Default for Mode {
    fn default() -> Self {
        let name = String::new();
        Self { name, currency: "usd".to_owned(), price: json!(0), sku: None, bulk_sku: None, expires: None }
    }
}

impl Mode {
    pub(crate) fn named(slug: &str) -> Self {
        Self { name: slug.to_owned(), ..Self::default() }
    }
}

/// A course run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Course {
    pub(crate) name: String,
    pub(crate) modes: Vec<Mode>,
    pub(crate) verification_deadline: Option<String>,
}

/// A fact that a shop hangs on an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A learner's place in a course run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enrollment {
    pub(crate) user: String,
    pub(crate) course_id: String,
    pub(crate) mode: String,
    pub(crate) is_active: bool,
    pub(crate) created: Timestamp,
    pub(crate) attributes: Vec<Attribute>,
}

/// A right to choose a run of a course later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entitlement {
    pub(crate) uuid: String,
    pub(crate) user: String,
    pub(crate) course_uuid: String,
    pub(crate) mode: String,
    pub(crate) order_number: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) expired_at: Option<Timestamp>,
}

/// The whole state; this is what the data file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) courses: BTreeMap<String, Course>,
    pub(crate) enrollments: Vec<Enrollment>,
    pub(crate) entitlements: Vec<Entitlement>,
}

impl State {
    /// The course as registered, or as any unregistered one is.
    pub(crate) fn course(&self, key: &str) -> Course {
        self.courses.get(key).cloned().unwrap_or_else(|| Course {
            name: key.to_owned(),
            modes: USUAL_MODES.iter().map(|slug| Mode::named(slug)).collect(),
            verification_deadline: None,
        })
    }

    pub(crate) fn enrollment(&self, user: &str, course: &str) -> Option<&Enrollment> {
        self.enrollments.iter().find(|enrollment| enrollment.user == user && enrollment.course_id == course)
    }

    pub(crate) fn enrollment_mut(&mut self, user: &str, course: &str) -> Option<&mut Enrollment> {
        self.enrollments.iter_mut().find(|enrollment| enrollment.user == user && enrollment.course_id == course)
    }
}

/// The run of `course-v1:Org+Course+Run` or `Org/Course/Run`, when the key is well formed.
pub(crate) fn run_of(key: &str) -> Option<&str> {
    let (parts, separator) = match key.strip_prefix("course-v1:") {
        Some(rest) => (rest, '+'),
        None => (key, '/'),
    };
    let parts: Vec<&str> = parts.split(separator).collect();
    let plain = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "-_.~".contains(c));
    match parts.as_slice() {
        [_, _, run] if parts.iter().all(plain) => Some(run),
        _ => None,
    }
}

/// Whether the platform has this user.
pub(crate) fn exists(user: &str) -> bool {
    !user.starts_with("missing-")
}
