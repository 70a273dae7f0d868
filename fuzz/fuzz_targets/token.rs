//! A whole token: none is accepted that its issuer did not sign, and of those only what a plain reading of its header and
//! claims allows.
//!
//! The input is a header as JSON, a line break, and claims as JSON. It is tried as a token as it stands, and signed.
#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sha2::Sha256;
use web::Clock;
use web::identity::issuers::{IssuerList, Issuers, Verified};

/// 2026-06-01T12:00:00Z, as in the tests.
const NOW: i64 = 1_780_315_200;
/// How far two clocks may be apart, in seconds.
const LEEWAY: f64 = 10.0;
const ISSUER: &str = "https://lms.example/oauth2";
const AUDIENCE: &str = "bursar";
const SECRET: &str = "known to this target and to nobody else";
/// The modulus of an RSA key whose private half nobody kept: no signature by it can be right.
const MODULUS: &str = concat!(
    "kVYtDoPxsXRRBS2qa7vbVOSuKaP0Ktx9u8sn228kNPp626fFbsR6gUTBlSd0JA6PlsmpTLXXw3dFqlC6YJLPQwnzbRryq2b6xA9T2GFtk-MIo7u_",
    "WT-dC3Pqp9SVJ2l6yWVIGQcA7VAZ7Vdrecor2acE8uraPsGF2Te7-0_R9FuHkUYowa3gF-kGTnK4ow7JOvCoSUOuezs70w4u9z2DokVle-8BwJ1J",
    "CDbEDy9lyR9WSJO3PeoLTcq0mFLIrlSYgqxARrQ3thuOS9-IMZOECG_OfSte5rcdt5tdtJ8YGxruMLC1zym_uQBHGAd8WNyzjYuwu6wQbh0bDCO3",
    "yZNdNw"
);

static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let config = serde_json::json!([{
        "issuer": ISSUER, "audience": [AUDIENCE], "secret": SECRET,
        "jwks": {"keys": [{"kty": "RSA", "kid": "key-1", "use": "sig", "n": MODULUS, "e": "AQAB"}]},
    }]);
    let list: IssuerList = config.to_string().parse().expect("the configuration is good");
    Issuers::new(list.0).expect("the configuration is good")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(verify(text).is_none(), "a token was guessed");
    }
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (header, claims) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    for foreign in ["", "guess", MODULUS] {
        assert!(verify(&format!("{signed}.{}", hmac(foreign, &signed))).is_none(), "signed by {foreign:?}");
    }
    assert!(verify(&signed).is_none() && verify(&format!("{signed}.")).is_none(), "not signed");

    let token = format!("{signed}.{}", hmac(SECRET, &signed));
    let Some(verified) = verify(&token) else { return };
    check(&verified, header, claims);
    let at = data.len() % token.len();
    let other = if token[at..].starts_with('x') { 'y' } else { 'x' };
    let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
    assert!(verify(&changed).is_none(), "changed at {at}");
});

/// Holds what was accepted against another reading of the same bytes.
fn check(verified: &Verified, header: &[u8], claims: &[u8]) {
    let read = |json| serde_json::from_str::<Value>(&String::from_utf8_lossy(json));
    // In claims that we do not read may stand what a plain reading stumbles over, such as half a character.
    let (Ok(header), Ok(claims)) = (read(header), read(claims)) else { return };
    assert_eq!(header["alg"], "HS256");
    assert_eq!((claims["iss"].as_str(), verified.claims.issuer.as_str()), (Some(ISSUER), ISSUER));
    let in_list = claims["aud"].as_array().is_some_and(|list| list.iter().any(|aud| aud == AUDIENCE));
    assert!(in_list || claims["aud"] == AUDIENCE, "for {}", claims["aud"]);
    let seconds = |name: &str| claims[name].as_f64();
    assert!(seconds("exp").is_some_and(|exp| exp > NOW as f64 - LEEWAY), "expired");
    assert!(seconds("iat").is_some_and(|iat| iat <= NOW as f64 + LEEWAY), "from the future");
    assert!(seconds("nbf").is_none_or(|nbf| nbf <= NOW as f64 + LEEWAY), "not yet good");
    let names = [&claims["preferred_username"], &claims["username"]];
    assert!(names.iter().any(|name| *name == verified.claims.username.as_str()));
    assert_eq!(verified.claims.administrator, claims["administrator"].as_bool());
    assert_eq!(verified.grant.restricted, claims["is_restricted"].as_bool().unwrap_or_default());
}

fn verify(token: &str) -> Option<Verified> {
    let clock = Clock::fixed(Timestamp::from_second(NOW).expect("it is a time"));
    let mut work = pin!(ISSUERS.verify(token, &clock));
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.ok(),
        Poll::Pending => panic!("keys in the configuration are not waited for"),
    }
}

fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}
