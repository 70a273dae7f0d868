//! Courses: a course run with the seats that sell places in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::course_key::CourseKey;
use crate::text::{Sku, Title};

/// A course run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Its key at the LMS.
    pub key: CourseKey,
    /// What people read.
    pub title: Title,
    /// The organisation that gives it.
    pub org: String,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// The SKUs of its seats, in the order that staff gave.
    pub seats: Vec<Sku>,
    /// Counts up with every staff edit.
    pub version: u64,
    /// The last staff edit.
    pub updated_at: Timestamp,
}
