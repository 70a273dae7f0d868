//! The cookies that say who calls: our session's, and the two that hold Open edX's token between them
//! (research/registrar-oscarapi.md, section 3.5).
//!
//! A cookie that comes twice is as good as none: another host of the site's domain can add a second one, and which of
//! them a browser sends first is not ours to rely on.
//!
//! Not here: whether session or token are good, and whether the request is forged.

use std::fmt;

use http::HeaderMap;
use http::header::COOKIE;

use super::session::SESSION_COOKIE;
use super::session_id::{UserSessionId, is_lower_hex};

/// The cookie with the token's header and payload, which scripts may read.
pub const JWT_HEADER_PAYLOAD_COOKIE: &str = "edx-jwt-cookie-header-payload";

/// The cookie with the token's signature, which scripts may not read.
pub const JWT_SIGNATURE_COOKIE: &str = "edx-jwt-cookie-signature";

/// A value of our session cookie that we can have minted. Who knows it has the session, so its debug form leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionCookie {
    /// A visitor's: 32 hexadecimal digits.
    Anonymous(String),
    /// A signed-in user's.
    User(UserSessionId),
}

/// The cookie's value.
impl fmt::Display for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous(value) => f.write_str(value),
            Self::User(id) => id.fmt(f),
        }
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous(_) => f.write_str("Anonymous(***)"),
            Self::User(id) => f.debug_tuple("User").field(id).finish(),
        }
    }
}

/// The session that a request's cookie names; anything that we cannot have minted is as good as none.
#[must_use]
pub fn session(headers: &HeaderMap) -> Option<SessionCookie> {
    let value = cookie(headers, SESSION_COOKIE)?;
    if is_lower_hex(value) {
        return Some(SessionCookie::Anonymous(value.to_owned()));
    }
    UserSessionId::parse(value).ok().map(SessionCookie::User)
}

/// The token of the split cookies, put together and unverified; `None` if one of them is missing or empty.
#[must_use]
pub fn jwt(headers: &HeaderMap) -> Option<String> {
    let header_payload = cookie(headers, JWT_HEADER_PAYLOAD_COOKIE)?;
    let signature = cookie(headers, JWT_SIGNATURE_COOKIE)?;
    Some(format!("{header_payload}.{signature}"))
}

/// The value of the one cookie of this name, if it has one.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // As bytes, because a cookie of somebody else's may hold what is not text.
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    let mut values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let only = values.next().filter(|_| values.next().is_none())?;
    std::str::from_utf8(only).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ANONYMOUS: &str = "0123456789abcdef0123456789abcdef";
    const USER: &str = "00112233445566778899aabbccddeeff-0123456789abcdef0123456789abcdef";

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[track_caller]
    fn check_session(values: &[&str], wanted: Option<&str>) {
        let bytes: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        let found = session(&headers(&bytes)).map(|cookie| cookie.to_string());
        assert_eq!(found.as_deref(), wanted, "{values:?}");
    }

    #[track_caller]
    fn check_jwt(values: &[&str], wanted: Option<&str>) {
        let bytes: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        assert_eq!(jwt(&headers(&bytes)).as_deref(), wanted, "{values:?}");
    }

    #[test]
    fn our_session_is_found_among_other_cookies() {
        for value in [ANONYMOUS, USER] {
            let ours = format!("bursar_session={value}");
            check_session(&[&ours], Some(value));
            check_session(&[&format!("theme=dark; {ours}; x=y")], Some(value));
            check_session(&[&format!("theme=dark;{ours} ;")], Some(value));
            check_session(&["theme=dark", &ours], Some(value));
            check_session(&[&format!("bursar_sessions=0; xbursar_session=0; Bursar_Session=0; {ours}")], Some(value));
            let beside_bytes = [b"name=\xff\xfe; ".as_slice(), ours.as_bytes()].concat();
            assert!(session(&headers(&[&beside_bytes])).is_some());
        }
        assert!(matches!(
            session(&headers(&[format!("bursar_session={USER}").as_bytes()])),
            Some(SessionCookie::User(id)) if id == UserSessionId::parse(USER).unwrap()
        ));
    }

    #[test]
    fn what_we_cannot_have_minted_is_no_session() {
        check_session(&[], None);
        for value in [
            "",
            "0",
            "../../etc",
            &ANONYMOUS.to_uppercase(),
            &ANONYMOUS[1..],
            &format!("{ANONYMOUS}0"),
            &format!("{ANONYMOUS}-"),
            &format!("\"{ANONYMOUS}\""),
            &format!(" {ANONYMOUS}"),
            &format!("={ANONYMOUS}"),
            &format!("{ANONYMOUS},"),
            &USER.to_uppercase(),
            &format!("{USER}-1a"),
            &USER.replace('-', ""),
            &USER.replace('-', "."),
        ] {
            check_session(&[&format!("bursar_session={value}")], None);
        }
        for other in ["bursar_session", "bursar_sessions", "BURSAR_SESSION", "xbursar_session", "bursar_session "] {
            check_session(
                &[&format!("{other}{ANONYMOUS}"), &format!("{}={ANONYMOUS}", other.replace("r_session", "r-session"))],
                None,
            );
        }
        assert_eq!(session(&headers(&[b"bursar_session=\xff"])), None);
    }

    #[test]
    fn a_session_that_comes_twice_is_none() {
        let (one, other) = (format!("bursar_session={ANONYMOUS}"), format!("bursar_session={USER}"));
        check_session(&[&format!("{one}; {other}")], None);
        check_session(&[&one, &other], None);
        check_session(&[&one, &one], None);
        check_session(&[&one, "bursar_session="], None);
    }

    #[test]
    fn a_split_token_is_put_together() {
        let (payload, signature) = ("edx-jwt-cookie-header-payload=h.p", "edx-jwt-cookie-signature=s");
        check_jwt(&[&format!("{payload}; {signature}")], Some("h.p.s"));
        check_jwt(&[&format!("{signature}; a=b; {payload}")], Some("h.p.s"));
        check_jwt(&[payload, signature], Some("h.p.s"));
        for missing in [
            vec![],
            vec![payload],
            vec![signature],
            vec![payload, "edx-jwt-cookie-signature="],
            vec!["edx-jwt-cookie-header-payload=", signature],
            vec![payload, signature, payload],
            vec![payload, signature, "edx-jwt-cookie-signature=t"],
            vec!["edx-jwt-cookie=h.p.s"],
            vec!["EDX-JWT-COOKIE-HEADER-PAYLOAD=h.p", signature],
            vec!["edx-jwt-cookie-header-payload: h.p", signature],
        ] {
            check_jwt(&missing, None);
        }
    }

    #[test]
    fn what_opens_a_session_is_not_printed() {
        let printed = |value: &str| format!("{:?}", session(&headers(&[format!("bursar_session={value}").as_bytes()])));
        assert_eq!(printed(ANONYMOUS), "Some(Anonymous(***))");
        assert_eq!(printed(USER), "Some(User(00112233445566778899aabbccddeeff-***))");
    }

    proptest! {
        #[test]
        fn what_we_mint_reads_back(value in "[0-9a-f]{32}(-[0-9a-f]{32})?", others in "([a-z]{1,9}=[!-:<-~]{0,9}; ?){0,3}") {
            let found = session(&headers(&[format!("{others}bursar_session={value}").as_bytes()]));
            prop_assert_eq!(found.map(|cookie| cookie.to_string()), Some(value));
        }

        #[test]
        fn a_token_is_the_two_values_and_a_dot(payload in "[!-:<-~]{1,40}", signature in "[!-:<-~]{1,40}") {
            let text = format!("{JWT_SIGNATURE_COOKIE}={signature}; {JWT_HEADER_PAYLOAD_COOKIE}={payload}");
            prop_assert_eq!(jwt(&headers(&[text.as_bytes()])), Some(format!("{payload}.{signature}")));
        }
    }
}
