//! `Cookie`, one header a line: a session or a token is found only if its cookie is there once, and comes out as it was
//! sent.
#![no_main]

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use web::identity::SESSION_COOKIE;
use web::identity::cookies::{self, JWT_HEADER_PAYLOAD_COOKIE, JWT_SIGNATURE_COOKIE};
use web::identity::session_id::UserSessionId;

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for value in data.split(|b| *b == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(COOKIE, value);
    }
    if let Some(session) = cookies::session(&headers) {
        let value = session.to_string();
        assert_eq!(values(&headers, SESSION_COOKIE), [value.as_bytes()]);
        let anonymous = value.len() == 32 && value.bytes().all(|b| b"0123456789abcdef".contains(&b));
        assert!(anonymous || UserSessionId::parse(&value).is_ok(), "{value}");
        assert!(!format!("{session:?}").contains(&value));
    }
    if let Some(token) = cookies::jwt(&headers) {
        let [payload] = values(&headers, JWT_HEADER_PAYLOAD_COOKIE)[..] else { panic!("not there once") };
        let [signature] = values(&headers, JWT_SIGNATURE_COOKIE)[..] else { panic!("not there once") };
        assert!(!payload.is_empty() && !signature.is_empty());
        assert_eq!(token.as_bytes(), [payload, b".", signature].concat());
    }
});

/// Every value of a cookie, read another way: by the place of its first `=`.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|b| *b == b';')).map(<[u8]>::trim_ascii);
    let named = pairs.filter_map(|pair| {
        let end = pair.iter().position(|b| *b == b'=')?;
        Some((&pair[..end], &pair[end + 1..]))
    });
    named.filter(|pair| pair.0 == name.as_bytes()).map(|pair| pair.1).collect()
}
