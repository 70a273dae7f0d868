//! `Stripe-Signature` over a body: it is accepted only if it holds the HMAC that we would have made.
//!
//! The input is the header, a line break, and the body. A `%` in the header stands for the right HMAC over the header's
//! own time and the body, so that the fuzzer gets past the signature and can try what may stand around it.
#![no_main]

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use payments::Secret;
use payments::stripe::verify_signature;
use sha2::Sha256;

const SECRET: &str = "whsec_known_to_nobody_outside";

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let Ok(template) = std::str::from_utf8(&data[..end]) else { return };
    let body = data.get(end + 1..).unwrap_or_default();
    let time = template.split(',').find_map(|pair| pair.strip_prefix("t=")).unwrap_or_default();
    let genuine = hmac(time, body);
    let header = template.replace('%', &genuine);
    let second = time.parse().unwrap_or_default();
    let now = Timestamp::from_second(second).unwrap_or_default();

    let secrets = [Secret::new("whsec_of_the_rotation"), Secret::new(SECRET)];
    if verify_signature(&header, body, &secrets, &[now]).is_ok() {
        let signed = |pair: &str| pair.strip_prefix("v1=").is_some_and(|it| it.eq_ignore_ascii_case(&genuine));
        assert!(header.split(',').any(signed), "a signature was guessed");
        assert!(verify_signature(&header, &[body, b" "].concat(), &secrets, &[now]).is_err(), "another body");
        assert!(verify_signature(&header, body, &secrets[..1], &[now]).is_err(), "another secret");
        let later = Timestamp::from_second(second.saturating_add(301)).unwrap_or_default();
        assert!(verify_signature(&header, body, &secrets, &[later]).is_err(), "another time");
    }
});

fn hmac(time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
