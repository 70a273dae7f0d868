//! Stripe's webhook signature.
//!
//! Header `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…]`; each `v1` is HMAC-SHA256 over `<t>.<raw body>`,
//! keyed with the whole endpoint secret, its `whsec_` included. Source: Stripe's webhook documentation, and the
//! measured behaviour of its libraries. We are stricter than those in two points: a time in the future is refused like
//! one in the past, and a header with two times is refused.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::{Secret, WebhookRefusal};

/// How far the signature's time may be from ours, either way. Stripe's own tolerance.
const TOLERANCE_S: u64 = 300;
/// A genuine header is about 150 bytes, and twice that during a rotation of secrets.
const MOST_HEADER_BYTES: usize = 4 * 1024;
/// A genuine event is at most some 100 KiB.
const MOST_BODY_BYTES: usize = 1024 * 1024;
const MOST_PAIRS: usize = 16;

/// Checks a `Stripe-Signature` header over the raw bytes of a body.
///
/// Every `v1` is compared with every secret in constant time, and all of them are always tried. `now` is one or more
/// readings of the clock; the signature's time must be within 300 seconds of one.
///
/// # Errors
/// [`WebhookRefusal::BadSignature`], [`WebhookRefusal::BodyTooLarge`], [`WebhookRefusal::WrongSignature`] or
/// [`WebhookRefusal::OutsideTolerance`].
pub fn verify_signature(
    header: &str,
    body: &[u8],
    secrets: &[Secret],
    now: &[Timestamp],
) -> Result<(), WebhookRefusal> {
    if body.len() > MOST_BODY_BYTES {
        return Err(WebhookRefusal::BodyTooLarge);
    }
    let signature = Signature::parse(header).ok_or(WebhookRefusal::BadSignature)?;
    if !signature.is_by_any(secrets, body) {
        return Err(WebhookRefusal::WrongSignature);
    }
    if now.iter().any(|now| now.as_second().abs_diff(signature.second) <= TOLERANCE_S) {
        Ok(())
    } else {
        Err(WebhookRefusal::OutsideTolerance)
    }
}

struct Signature<'a> {
    /// The time as it was sent, which is what was hashed.
    time: &'a str,
    second: i64,
    candidates: Vec<[u8; 32]>,
}

impl<'a> Signature<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        if header.len() > MOST_HEADER_BYTES || header.split(',').count() > MOST_PAIRS {
            return None;
        }
        let (mut time, mut candidates) = (None, Vec::new());
        for pair in header.split(',') {
            match pair.split_once('=')? {
                ("t", value) if time.is_none() => time = Some(value),
                ("t", _) => return None,
                // During a rotation a `v1` of the other secret stands beside ours; one that is no hash is ignored.
                ("v1", value) => candidates.extend(hash(value)),
                // Other schemes, such as the test-only `v0`.
                _ => {}
            }
        }
        let time = time.filter(|time| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit()))?;
        let second = time.parse().ok()?;
        (!candidates.is_empty()).then_some(Self { time, second, candidates })
    }

    fn is_by_any(&self, secrets: &[Secret], body: &[u8]) -> bool {
        let mut found = false;
        for secret in secrets {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { continue };
            mac.update(self.time.as_bytes());
            mac.update(b".");
            mac.update(body);
            for candidate in &self.candidates {
                found |= mac.clone().verify_slice(candidate).is_ok();
            }
        }
        found
    }
}

fn hash(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex, &mut bytes).ok()?;
    Some(bytes)
}

/// Makes a header as Stripe would.
#[cfg(test)]
pub(crate) fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    format!("t={time},v1={}", tests::hmac(secret, time, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with stripe-node 23.1.0 and stripe-python 16.1.0, which agree.
    const BODY: &str = concat!(
        r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1795327065,"#,
        r#""data":{"object":{"id":"pi_1"}}}"#
    );
    const GOOD: &str = "baa0fa4a2bd0569ab1f3dd15be85b17967d2af909c9142615bb9bc5e85fec3ff";
    const BAD: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    const AT: i64 = 1_795_327_065;

    pub(super) fn hmac(secret: &str, time: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn verify(header: &str, body: &[u8], secrets: &[&str], now: &[i64]) -> Result<(), &'static str> {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        let now: Vec<_> = now.iter().map(|now| at(*now)).collect();
        verify_signature(header, body, &secrets, &now).map_err(|refusal| refusal.reason())
    }

    #[track_caller]
    fn check(case: &str, header: &str, expected: Result<(), &str>) {
        assert_eq!(verify(header, BODY.as_bytes(), &["whsec_test"], &[AT]), expected, "{case}");
    }

    #[test]
    fn the_header_is_read_strictly() {
        let (malformed, wrong) = (Err("bad_signature_header"), Err("wrong_signature"));
        check("vector", &format!("t={AT},v1={GOOD}"), Ok(()));
        check("order does not matter", &format!("v1={GOOD},t={AT}"), Ok(()));
        check("upper-case hex", &format!("t={AT},v1={}", GOOD.to_uppercase()), Ok(()));
        check("a wrong v1 first", &format!("t={AT},v1={BAD},v1={GOOD}"), Ok(()));
        check("a wrong v1 last", &format!("t={AT},v1={GOOD},v1={BAD}"), Ok(()));
        check("a v1 that is no hash", &format!("t={AT},v1=zz,v1={GOOD}"), Ok(()));
        check("unknown scheme beside", &format!("t={AT},v0={BAD},v1={GOOD}"), Ok(()));
        check("sixteen pairs", &format!("t={AT},{}v1={GOOD}", "v0=1,".repeat(14)), Ok(()));
        check("seventeen pairs", &format!("t={AT},{}v1={GOOD}", "v0=1,".repeat(15)), malformed);
        check("header too long", &format!("t={AT},v1={GOOD},v0={}", "0".repeat(4096)), malformed);
        check("wrong hash", &format!("t={AT},v1={BAD}"), wrong);
        check("only v0", &format!("t={AT},v0={GOOD}"), malformed);
        check("short hash", &format!("t={AT},v1={}", &GOOD[..62]), malformed);
        check("long hash", &format!("t={AT},v1={GOOD}00"), malformed);
        check("space after the comma", &format!("t={AT}, v1={GOOD}"), malformed);
        check("no time", &format!("v1={GOOD}"), malformed);
        check("two times", &format!("t={AT},t={AT},v1={GOOD}"), malformed);
        check("empty time", &format!("t=,v1={GOOD}"), malformed);
        check("signed time", &format!("t=+{AT},v1={GOOD}"), malformed);
        check("negative time", &format!("t=-{AT},v1={GOOD}"), malformed);
        check("time in other digits", &format!("t=１{AT},v1={GOOD}"), malformed);
        check("time beyond an i64", &format!("t=99999999999999999999,v1={GOOD}"), malformed);
        check("leading zero changes what is hashed", &format!("t=0{AT},v1={GOOD}"), wrong);
        check("pair without a value", &format!("t={AT},v1={GOOD},v1"), malformed);
        check("trailing comma", &format!("t={AT},v1={GOOD},"), malformed);
        check("empty", "", malformed);
    }

    #[test]
    fn the_time_is_hashed_as_it_was_sent() {
        let header = sign("whsec_test", &format!("0{AT}"), BODY.as_bytes());
        check("leading zero, signed so", &header, Ok(()));
    }

    #[test]
    fn the_body_must_be_the_bytes_that_were_signed() {
        let header = format!("t={AT},v1={GOOD}");
        for body in [format!("{BODY}\n"), BODY.replace(":", ": "), BODY.replace("pi_1", "pi_2"), String::new()] {
            assert_eq!(verify(&header, body.as_bytes(), &["whsec_test"], &[AT]), Err("wrong_signature"), "{body}");
        }
        let not_utf8 = [0xff, 0xfe, 0x00];
        let signed = sign("whsec_test", &AT.to_string(), &not_utf8);
        assert_eq!(verify(&signed, &not_utf8, &["whsec_test"], &[AT]), Ok(()));
    }

    #[test]
    fn a_body_of_more_than_a_mebibyte_is_not_hashed() {
        let largest = vec![b' '; 1024 * 1024];
        let signed = sign("whsec_test", &AT.to_string(), &largest);
        assert_eq!(verify(&signed, &largest, &["whsec_test"], &[AT]), Ok(()));
        let larger = vec![b' '; 1024 * 1024 + 1];
        let signed = sign("whsec_test", &AT.to_string(), &larger);
        assert_eq!(verify(&signed, &larger, &["whsec_test"], &[AT]), Err("body_too_large"));
    }

    #[test]
    fn any_of_several_secrets_will_do() {
        let header = format!("t={AT},v1={GOOD}");
        for (secrets, expected) in [
            (&["whsec_test"][..], Ok(())),
            (&["whsec_new", "whsec_test"], Ok(())),
            (&["whsec_test", "whsec_new"], Ok(())),
            (&["whsec_new"], Err("wrong_signature")),
            (&["test"], Err("wrong_signature")),
            (&[], Err("wrong_signature")),
        ] {
            assert_eq!(verify(&header, BODY.as_bytes(), secrets, &[AT]), expected, "{secrets:?}");
        }
    }

    #[test]
    fn the_time_must_be_within_five_minutes_of_a_clock() {
        let header = format!("t={AT},v1={GOOD}");
        let late = Err("outside_tolerance");
        for (now, expected) in [
            (&[AT][..], Ok(())),
            (&[AT + 300], Ok(())),
            (&[AT - 300], Ok(())),
            (&[AT + 301], late),
            (&[AT - 301], late),
            (&[AT + 86_400, AT], Ok(())),
            (&[AT, AT + 86_400], Ok(())),
            (&[AT - 86_400, AT + 86_400], late),
            (&[], late),
        ] {
            assert_eq!(verify(&header, BODY.as_bytes(), &["whsec_test"], now), expected, "{now:?}");
        }
        let wrong = format!("t={AT},v1={BAD}");
        assert_eq!(verify(&wrong, BODY.as_bytes(), &["whsec_test"], &[AT + 301]), Err("wrong_signature"));
    }
}
