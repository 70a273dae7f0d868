//! What a product gives at the learning platform: itself, or the products that it is made of.
//!
//! A bundle and an enrolment code carry what they are made of as it was when either was saved last, so that a basket and
//! an order know it without another read (ADR 29).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::course_key::CourseKey;
use crate::places::Country;
use crate::product::{Kind, Product};
use crate::text::{Mode, Sku, Title};

/// The most products of one bundle: each is granted by the payment's own transaction.
pub const MAX_PARTS: usize = 15;

/// A place in a course, or the right to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The product that sells it alone.
    pub sku: Sku,
    /// What people read.
    pub title: Title,
    /// `seat` or `entitlement`.
    pub kind: Kind,
    /// The course run, of a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_key: Option<CourseKey>,
    /// The mode in which the LMS enrols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The course's UUID, of an entitlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course_uuid: Option<String>,
    /// Who gives the credit, of a seat in that mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_provider: Option<String>,
    /// Countries in which it is not sold.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blocked_countries: BTreeSet<Country>,
}

impl Part {
    /// What a product gives by itself.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        Self {
            sku: product.sku.clone(),
            title: product.title.clone(),
            kind: product.kind,
            course_key: product.course_key.clone(),
            mode: product.mode.clone(),
            course_uuid: product.course_uuid().map(str::to_owned),
            credit_provider: product.credit_provider().map(str::to_owned),
            blocked_countries: product.blocked_countries.clone(),
        }
    }

    /// The place at the LMS: course and mode. Two products that name the same one give the same place.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let course = self.course_key.as_ref().map(CourseKey::as_str).or(self.course_uuid.as_deref());
        course.zip(self.mode.as_ref()).map(|(course, mode)| format!("{course}#{mode}"))
    }
}
