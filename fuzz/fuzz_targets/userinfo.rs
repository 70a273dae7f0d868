//! `X-Userinfo`, as it is sent and with the input as its JSON: a header has one reading, and another reader of the same
//! JSON finds the same person.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use web::identity::userinfo::UserInfo;

fuzz_target!(|data: &[u8]| {
    check(data);
    check(STANDARD.encode(data).as_bytes());
});

fn check(header: &[u8]) {
    let Ok(info) = UserInfo::parse(header) else { return };
    assert!(header.len() <= 8 * 1024);
    let decoded = STANDARD.decode(header).expect("it was decoded before");
    assert_eq!(STANDARD.encode(&decoded).as_bytes(), header, "two headers mean the same");
    let other: Value = serde_json::from_slice(&decoded).expect("it was read before");
    let written = json!({
        "sub": info.sub, "preferred_username": info.preferred_username, "email": info.email, "name": info.name,
        "given_name": info.given_name, "family_name": info.family_name, "email_optin": info.email_optin,
        "country_code": info.country_code,
    });
    for (name, value) in written.as_object().expect("it is one") {
        assert_eq!(other.get(name).unwrap_or(&Value::Null), value, "{name}");
    }
    // Escapes in what was sent can be longer than what we write, but not shorter than half of it.
    let again = STANDARD.encode(written.to_string());
    if again.len() <= 8 * 1024 {
        assert_eq!(UserInfo::parse(again.as_bytes()), Ok(info));
    }
}
