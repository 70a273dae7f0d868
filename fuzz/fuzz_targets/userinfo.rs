//! `X-Userinfo`, as it is sent and with the input as its JSON: each header has one reading and each reading one spelling,
//! and another reader of the same JSON finds the same person.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use web::identity::userinfo::UserInfo;

/// The longest header that is read, in bytes.
const MAX: usize = 8 * 1024;

fuzz_target!(|data: &[u8]| {
    check(data);
    let header = STANDARD.encode(data);
    if check(header.as_bytes()) {
        for other in respelled(&header) {
            assert!(UserInfo::parse(other.as_bytes()).is_err(), "{other:?} means the same as {header:?}");
        }
    }
});

/// Whether a header is read; then it is held against another reading of the same bytes.
fn check(header: &[u8]) -> bool {
    let Ok(info) = UserInfo::parse(header) else { return false };
    assert!(header.len() <= MAX);
    let decoded = STANDARD.decode(header).expect("it was decoded before");
    let other: Value = serde_json::from_slice(&decoded).expect("it was read before");
    let written = json!({
        "sub": info.sub, "preferred_username": info.preferred_username, "email": info.email, "name": info.name,
        "given_name": info.given_name, "family_name": info.family_name, "email_optin": info.email_optin,
        "country_code": info.country_code,
    });
    for (name, value) in written.as_object().expect("it is one") {
        assert_eq!(other.get(name).unwrap_or(&Value::Null), value, "{name}");
    }
    // What was sent can be shorter than what we write, with a null for every field that it left out.
    let again = STANDARD.encode(written.to_string());
    if again.len() <= MAX {
        assert_eq!(UserInfo::parse(again.as_bytes()), Ok(info));
    }
    true
}

/// The same bytes in spellings that a lenient decoder reads as well.
fn respelled(header: &str) -> Vec<String> {
    let bare = header.trim_end_matches('=');
    let mut all = vec![format!("{header} "), format!("\n{header}"), format!("{header}="), format!("{bare}\t=")];
    if bare != header {
        // The last symbol before padding has bits that count for nothing. They are 0, and in the next symbol one is 1.
        let (rest, last) = bare.split_at(bare.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        all.extend([bare.to_owned(), format!("{rest}{next}{}", &header[bare.len()..])]);
    }
    let for_urls = header.replace('+', "-").replace('/', "_");
    all.extend((for_urls != header).then_some(for_urls));
    all
}
