//! `Authorization`, one header a line: a token comes out exactly as it was sent, and a credential in a scheme of ours is
//! taken or refused, never overlooked.
#![no_main]

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use web::identity::authorization::{Authorization, BadAuthorization};

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for value in data.split(|b| *b == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(AUTHORIZATION, value);
    }
    let sent: Vec<_> = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
    match Authorization::parse(&headers) {
        Ok(Some(bearer)) => {
            let [value] = sent.as_slice() else { panic!("one of several credentials was chosen") };
            let (scheme, token) = value.split_at(value.len() - bearer.token.len());
            assert_eq!(token, bearer.token.as_bytes());
            assert!(is_scheme(scheme), "{scheme:?}");
            assert!(!token.is_empty() && token.iter().all(|b| b.is_ascii_graphic() && *b != b','));
        }
        Ok(None) => {
            assert!(sent.len() <= 1, "several credentials were overlooked");
            let ours = |value: &[u8]| (1..=value.len()).any(|end| is_scheme(&value[..end]));
            assert!(!sent.iter().any(|value| ours(value)), "a credential was overlooked");
        }
        Err(BadAuthorization::Several | BadAuthorization::Malformed) => assert!(!sent.is_empty()),
    }
});

/// A scheme of ours and its one space.
fn is_scheme(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"jwt ") || text.eq_ignore_ascii_case(b"bearer ")
}
