//! Versions as entity tags: version 3 is `ETag: "3"`.
//!
//! `If-Match` compares strongly (RFC 9110, 13.1.1): a weak tag never matches. `If-None-Match` compares weakly.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::code::Code;
use crate::problem::Problem;

/// An answer's version, as its `ETag` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(pub u64);

impl ETag {
    fn header(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("\"{}\"", self.0)).ok()
    }
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Some(value) = self.header() {
            parts.headers_mut().insert(ETAG, value);
        }
        Ok(parts)
    }
}

/// The tags of a condition. A tag that is no version of ours is `None`: well-formed, and matching nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    Any,
    Listed(Vec<(Weakness, Option<u64>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weakness {
    Strong,
    Weak,
}

/// The `If-Match` header: the version that the caller read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(Option<Tags>);

impl IfMatch {
    /// Whether a resource at `version` may be changed: yes if there is no condition.
    ///
    /// # Errors
    /// `version_mismatch` (412) if the caller read another version.
    pub fn check(&self, version: u64) -> Result<(), Problem> {
        let good = match &self.0 {
            None | Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.contains(&(Weakness::Strong, Some(version))),
        };
        if good { Ok(()) } else { Err(Problem::new(Code::VersionMismatch)) }
    }

    /// As [`IfMatch::check`], for a resource that must not be changed blindly.
    ///
    /// # Errors
    /// `version_required` (428) without the header, else as [`IfMatch::check`].
    pub fn require(&self, version: u64) -> Result<(), Problem> {
        if self.0.is_none() { Err(Problem::new(Code::VersionRequired)) } else { self.check(version) }
    }

    /// Whether the caller sent a condition at all.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }
}

/// The `If-None-Match` header: the version that the caller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// The answer 304 if the caller already has `version`; `body` otherwise, with its `ETag`.
    pub fn or_else(&self, version: u64, body: impl IntoResponse) -> Response {
        if self.holds(version) {
            return (StatusCode::NOT_MODIFIED, ETag(version), ()).into_response();
        }
        (ETag(version), body).into_response()
    }

    fn holds(&self, version: u64) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.iter().any(|(_, tag)| *tag == Some(version)),
        }
    }
}

macro_rules! extractor {
    ($name:ident, $header:ident) => {
        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
                tags(&parts.headers, &$header).map(Self)
            }
        }
    };
}

extractor!(IfMatch, IF_MATCH);
extractor!(IfNoneMatch, IF_NONE_MATCH);

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let mut listed = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',') {
            let parsed = parse_tag(tag.trim());
            listed.push(parsed.ok_or_else(|| Problem::new(Code::BadRequest).detail(format!("{name} is malformed")))?);
        }
    }
    Ok((!listed.is_empty()).then_some(Tags::Listed(listed)))
}

/// `"3"` or `W/"3"`. An opaque tag with a comma inside, which we never issue, counts as malformed.
fn parse_tag(text: &str) -> Option<(Weakness, Option<u64>)> {
    let (weakness, quoted) = match text.strip_prefix("W/") {
        Some(quoted) => (Weakness::Weak, quoted),
        None => (Weakness::Strong, text),
    };
    let opaque = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let good = opaque.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    // Only the form that we write: `"03"` is another tag than `"3"`.
    let version = opaque.parse::<u64>().ok().filter(|version| version.to_string() == opaque);
    good.then_some((weakness, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::header;

    fn read(name: &HeaderName, value: Option<&str>) -> Result<Option<Tags>, Problem> {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(name, value.parse().unwrap());
        }
        tags(&headers, name)
    }

    #[test]
    fn if_match_lets_only_the_read_version_through() {
        for (value, checked, required) in [
            (None, None, Some(Code::VersionRequired)),
            (Some("*"), None, None),
            (Some("\"3\""), None, None),
            (Some("\"2\", \"3\""), None, None),
            (Some("\"4\""), Some(Code::VersionMismatch), Some(Code::VersionMismatch)),
            (Some("W/\"3\""), Some(Code::VersionMismatch), Some(Code::VersionMismatch)),
            (Some("\"03\""), Some(Code::VersionMismatch), Some(Code::VersionMismatch)),
            (Some("\"abc\""), Some(Code::VersionMismatch), Some(Code::VersionMismatch)),
        ] {
            let condition = IfMatch(read(&IF_MATCH, value).unwrap());
            assert_eq!(condition.check(3).err().map(|p| p.code()), checked, "{value:?}");
            assert_eq!(condition.require(3).err().map(|p| p.code()), required, "{value:?}");
        }
    }

    #[test]
    fn a_malformed_condition_is_a_bad_request() {
        for value in ["3", "", "\"3", "w/\"3\"", "\"3\",", "\"a b\"", "\"3\"\"4\"", "\"3\", *"] {
            assert_eq!(read(&IF_MATCH, Some(value)).map_err(|p| p.code()), Err(Code::BadRequest), "{value}");
        }
    }

    #[test]
    fn a_version_that_the_caller_has_is_not_sent_again() {
        for (value, status) in
            [(None, 200), (Some("\"3\""), 304), (Some("W/\"3\""), 304), (Some("*"), 304), (Some("\"2\""), 200)]
        {
            let response = IfNoneMatch(read(&IF_NONE_MATCH, value).unwrap()).or_else(3, "body");
            assert_eq!((response.status().as_u16(), header(&response, "etag")), (status, Some("\"3\"")), "{value:?}");
        }
    }
}
