//! Course keys as Open edX writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A course run's key: `course-v1:Org+Course+Run`, or the older `Org/Course/Run`.
///
/// Source: Open edX opaque keys. Each part is letters, digits, `.`, `_`, `-` or `~`; 255 bytes in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CourseKey(String);

/// Text that is not a course key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a course key is course-v1:Org+Course+Run or Org/Course/Run")]
pub struct NotACourseKey;

impl CourseKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organisation, which is the key's first part.
    #[must_use]
    pub fn org(&self) -> &str {
        let body = self.0.strip_prefix("course-v1:").unwrap_or(&self.0);
        body.split(['+', '/']).next().unwrap_or(body)
    }
}

fn three_parts(body: &str, separator: char) -> bool {
    // A part of dots alone would lead out of the path of a request to the LMS.
    let part = |p: &str| {
        let of_a_key = |b: u8| b.is_ascii_alphanumeric() || b"._-~".contains(&b);
        p.bytes().all(of_a_key) && p.bytes().any(|b| b != b'.')
    };
    body.split(separator).count() == 3 && body.split(separator).all(part)
}

impl FromStr for CourseKey {
    type Err = NotACourseKey;

    fn from_str(text: &str) -> Result<Self, NotACourseKey> {
        let good = match text.strip_prefix("course-v1:") {
            Some(body) => three_parts(body, '+'),
            None => three_parts(text, '/'),
        };
        if good && text.len() <= 255 { Ok(Self(text.to_owned())) } else { Err(NotACourseKey) }
    }
}

impl TryFrom<String> for CourseKey {
    type Error = NotACourseKey;

    fn try_from(text: String) -> Result<Self, NotACourseKey> {
        text.parse()
    }
}

impl From<CourseKey> for String {
    fn from(key: CourseKey) -> String {
        key.0
    }
}

impl fmt::Display for CourseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_course_key_are_read() {
        let new: CourseKey = "course-v1:edX+DemoX+2026".parse().unwrap();
        let old: CourseKey = "MITx/6.002x/2012_Spring".parse().unwrap();
        assert_eq!((new.org(), old.org()), ("edX", "MITx"));
        for bad in [
            "",
            "course-v1:edX+DemoX",
            "edX/DemoX/a b",
            "course-v1:edX+Demo X+1",
            "a/b/c/d",
            "course-v1:a+b+#",
            "../../etc",
            "a/./b",
        ] {
            assert_eq!(bad.parse::<CourseKey>(), Err(NotACourseKey), "{bad}");
        }
    }
}
