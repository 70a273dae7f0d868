//! The `Authorization` header: `JWT <token>`, as Open edX's clients send it, or `Bearer <token>`.
//!
//! A scheme that is not ours is not for us. A credential in one of ours that is malformed is refused, where the replaced
//! system looked further (research/registrar-oscarapi.md, section 3.1): its sender must not be served as nobody.
//!
//! Not here: whether the token is good.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The schemes of RFC 6750 and of Open edX, which mean the same to us. Schemes are the same in any case (RFC 9110, 11.1).
const SCHEMES: [&str; 2] = ["jwt", "bearer"];

/// The header `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization;

/// A token as it was sent, unverified. Its debug form leaves it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a> {
    /// The token itself, for the one place that verifies it.
    pub token: &'a str,
}

/// A header in a scheme of ours that holds no token, or more than one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthorization {
    /// Which of several credentials counts is not for us to guess.
    #[error("more than one authorization header")]
    Several,
    /// No token after exactly one space, or bytes that no header of ours has.
    #[error("malformed authorization header")]
    Malformed,
}

impl Authorization {
    /// The token of a request; `None` without the header, or with one in another scheme.
    ///
    /// # Errors
    /// [`BadAuthorization`] if there is a header that we must neither take nor ignore.
    pub fn parse(headers: &HeaderMap) -> Result<Option<BearerToken<'_>>, BadAuthorization> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(BadAuthorization::Several);
        }
        let text = value.to_str().map_err(|_| BadAuthorization::Malformed)?;
        // API Gateway joins headers of one name by commas. In one header of ours there is no comma.
        if text.split(',').skip(1).any(|other| is_ours(split_scheme(other.trim_start()).0)) {
            return Err(BadAuthorization::Several);
        }
        let (scheme, rest) = split_scheme(text);
        if !is_ours(scheme) {
            let readable = !scheme.is_empty() || text.is_empty();
            return if readable { Ok(None) } else { Err(BadAuthorization::Malformed) };
        }
        let token = rest.strip_prefix(' ').filter(|token| is_token(token)).ok_or(BadAuthorization::Malformed)?;
        Ok(Some(BearerToken { token }))
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The scheme that text begins with, a `token` of RFC 9110, 5.6.2, and what follows it.
fn split_scheme(text: &str) -> (&str, &str) {
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !of_scheme(c)).unwrap_or(text.len()))
}

fn is_ours(scheme: &str) -> bool {
    SCHEMES.iter().any(|ours| scheme.eq_ignore_ascii_case(ours))
}

/// A `b64token` of RFC 6750, 2.1.
fn is_token(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !unpadded.is_empty() && unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    type Answer = Result<Option<String>, BadAuthorization>;

    fn parse(values: &[&[u8]]) -> Answer {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Ok(Authorization::parse(&headers)?.map(|bearer| bearer.token.to_owned()))
    }

    #[track_caller]
    fn check(value: &str, wanted: Answer) {
        assert_eq!(parse(&[value.as_bytes()]), wanted, "{value:?}");
    }

    #[test]
    fn a_token_is_found_in_either_scheme_and_any_case() {
        for scheme in ["JWT", "jwt", "Jwt", "Bearer", "bearer", "BEARER"] {
            for token in ["a.b.c", "x", "-._~+/=", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "JWT", "Bearer"] {
                check(&format!("{scheme} {token}"), Ok(Some(token.to_owned())));
            }
        }
    }

    #[test]
    fn other_schemes_are_not_for_us() {
        assert_eq!(parse(&[]), Ok(None));
        for value in
            ["", "Basic dXNlcjpwYXNz", "Digest username=\"a\", uri=\"/\"", "JWTs a.b.c", "Bearerx", "a.b.c", "X"]
        {
            check(value, Ok(None));
        }
    }

    #[test]
    fn a_malformed_credential_is_refused_and_not_overlooked() {
        for value in [
            "JWT",
            "JWT ",
            "JWT  a.b.c",
            "JWT\ta.b.c",
            "JWT \ta.b.c",
            "JWT a.b.c ",
            "JWT a.b c",
            "JWT a.b.c, x",
            "JWT a.b.c;d",
            "JWT \"a.b.c\"",
            "JWT =",
            "JWT a=b",
            "JWT: a.b.c",
            "JWT=a.b.c",
            "Bearer",
            "bearer  ",
            " JWT a.b.c",
            "\tJWT a.b.c",
            "\"JWT\" a.b.c",
        ] {
            check(value, Err(BadAuthorization::Malformed));
        }
        for value in [b"JWT a.\xff.c".as_slice(), "JWT a.ü.c".as_bytes(), b"\xff"] {
            assert_eq!(parse(&[value]), Err(BadAuthorization::Malformed), "{value:?}");
        }
    }

    #[test]
    fn several_credentials_are_refused_however_they_arrive() {
        for values in
            [["JWT a.b.c", "JWT a.b.c"], ["JWT a.b.c", "Basic x"], ["Basic x", "JWT a.b.c"], ["", "JWT a.b.c"]]
        {
            assert_eq!(parse(&values.map(str::as_bytes)), Err(BadAuthorization::Several), "{values:?}");
        }
        for joined in ["Basic x,JWT a.b.c", "JWT a.b.c, Bearer a.b.c", "Basic x,\tbearer", ",JWT a.b.c"] {
            check(joined, Err(BadAuthorization::Several));
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", BearerToken { token: "a.b.c" }), "***");
    }

    proptest! {
        #[test]
        fn a_token_comes_out_as_it_went_in(scheme in "(?i)(jwt|bearer)", token in "[A-Za-z0-9._~+/-]{1,99}={0,2}") {
            let value = format!("{scheme} {token}");
            prop_assert_eq!(parse(&[value.as_bytes()]), Ok(Some(token)));
        }

        #[test]
        fn what_begins_with_a_scheme_of_ours_is_taken_or_refused(rest in "([ \t,:=\"].{0,20})?") {
            let value = format!("JWT{rest}");
            if let Ok(value) = HeaderValue::from_str(&value) {
                prop_assert_ne!(parse(&[value.as_bytes()]), Ok(None));
            }
        }
    }
}
