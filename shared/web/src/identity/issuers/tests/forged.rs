//! Tokens that are not what they say.

use proptest::prelude::*;

use super::*;

const SIGNATURE: Result<(), TokenFault> = Err(TokenFault::Signature);
const REFUSED: Result<(), TokenFault> = Err(TokenFault::Refused);

#[test]
fn the_same_forms_are_taken_with_the_right_key() {
    // The control of the cases below.
    for (name, token) in [
        ("secret", signed(HS, "HS256", HS256)),
        ("no kid, first key", signed(RS, "RS256", rs256(&FIRST))),
        ("no kid, second key", signed(RS, "RS512", rs512(&SECOND))),
        ("kid", with_head(&json!({"kid": "second"}), rs256(&SECOND))),
        ("null kid", with_head(&json!({"kid": null}), rs256(&SECOND))),
        ("one issuer, secret", signed(LMS, "HS256", By::Hmac(hmac::HMAC_SHA256, OTHER_SECRET))),
        ("one issuer, RSA", signed(LMS, "RS512", rs512(&FIRST))),
        ("a secret has no kid", token(&json!({"alg": "HS256", "kid": "x"}), &claims(HS, &json!({})), HS256)),
    ] {
        check(name, &token, Ok(()));
    }
}

const OTHER_SECRET: &[u8] = b"another secret, which no other issuer knows";

/// A token of the RSA issuer, whose header has more.
fn with_head(more: &Value, by: By<'_>) -> String {
    let mut head = json!({"alg": "RS256", "typ": "JWT"});
    head.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    token(&head, &claims(RS, &json!({})), by)
}

#[test]
fn algorithms_that_are_not_ours_are_refused() {
    let hmac = |algorithm| By::Hmac(algorithm, SECRET.as_bytes());
    let rsa = |encoding| By::Rsa(encoding, &FIRST);
    for issuer in [HS, RS, LMS, ANYONES] {
        for (alg, by) in [
            ("none", By::Nothing),
            ("None", By::Nothing),
            ("none", HS256),
            ("", By::Nothing),
            ("hs256", HS256),
            ("HS384", hmac(hmac::HMAC_SHA384)),
            ("HS512", hmac(hmac::HMAC_SHA512)),
            ("RS384", rsa(&RSA_PKCS1_SHA384)),
            ("PS256", rsa(&RSA_PSS_SHA256)),
            ("ES256", rs256(&FIRST)),
            ("EdDSA", rs256(&FIRST)),
        ] {
            check(alg, &signed(issuer, alg, by), REFUSED);
        }
        let no_algorithm = token(&json!({"typ": "JWT"}), &claims(issuer, &json!({})), HS256);
        check("no algorithm", &no_algorithm, REFUSED);
    }
}

#[test]
fn a_key_of_one_kind_never_serves_as_the_other() {
    // What an attacker has: the public key, in every form in which it might lie about.
    let RsaPublicKeyComponents::<Vec<u8>> { n, .. } = FIRST.public_key().into();
    let spki = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(FIRST.public_key());
    let spki = spki.unwrap().as_ref().to_vec();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let forms = [
        ("PEM", pem.clone().into_bytes()),
        ("PEM, trimmed", pem.trim().as_bytes().to_vec()),
        ("SPKI", spki),
        ("PKCS#1", signature::KeyPair::public_key(&*FIRST).as_ref().to_vec()),
        ("modulus", n.clone()),
        ("modulus in base64", URL_SAFE_NO_PAD.encode(n).into_bytes()),
        ("JWK", public(Some("first"), &FIRST).to_string().into_bytes()),
        ("JWK set", rsa_keys().to_string().into_bytes()),
        ("kid", b"first".to_vec()),
        ("nothing", Vec::new()),
    ];
    for (name, secret) in &forms {
        for issuer in [RS, LMS, ANYONES] {
            let by = By::Hmac(hmac::HMAC_SHA256, secret);
            check(name, &signed(issuer, "HS256", by), SIGNATURE);
            let named = token(&json!({"alg": "HS256", "kid": "first"}), &claims(issuer, &json!({})), by);
            check(name, &named, SIGNATURE);
            check(name, &signed(issuer, "RS256", by), SIGNATURE);
        }
    }
    check("the secret as an RSA signature", &signed(LMS, "RS256", HS256), SIGNATURE);
    check("RSA passed off as HMAC", &signed(LMS, "HS256", rs256(&FIRST)), SIGNATURE);
    check("RS512 passed off as RS256", &signed(RS, "RS256", rs512(&FIRST)), SIGNATURE);
    check("RS256 passed off as RS512", &signed(RS, "RS512", rs256(&FIRST)), SIGNATURE);
    check("PSS passed off as RS256", &signed(RS, "RS256", By::Rsa(&RSA_PSS_SHA256, &FIRST)), SIGNATURE);
}

#[test]
fn a_token_brings_no_key_of_its_own() {
    let foreign = public(Some("first"), &FOREIGN);
    for (name, head, wanted) in [
        ("unknown kid", json!({"kid": "third"}), SIGNATURE),
        ("kid as a path", json!({"kid": "../../dev/null"}), SIGNATURE),
        ("kid of another key", json!({"kid": "first"}), SIGNATURE),
        ("kid as a number", json!({"kid": 1}), REFUSED),
        ("embedded key", json!({"jwk": foreign}), SIGNATURE),
        ("embedded key and kid", json!({"jwk": foreign, "kid": "first"}), SIGNATURE),
        ("address of a set", json!({"jku": "https://evil.example/jwks.json"}), SIGNATURE),
        ("certificate", json!({"x5c": ["AAAA"], "x5u": "https://evil.example/c.pem"}), SIGNATURE),
    ] {
        check(name, &with_head(&head, rs256(&FOREIGN)), wanted);
    }
    check("kid of the other key", &with_head(&json!({"kid": "first"}), rs256(&SECOND)), SIGNATURE);
    check("critical extension", &with_head(&json!({"crit": ["b64"], "b64": false}), rs256(&FIRST)), REFUSED);
    check("no critical extension", &with_head(&json!({"crit": []}), rs256(&FIRST)), REFUSED);
    check("an empty secret", &signed(HS, "HS256", By::Hmac(hmac::HMAC_SHA256, b"")), SIGNATURE);
    check("another secret", &signed(HS, "HS256", By::Hmac(hmac::HMAC_SHA256, b"guess")), SIGNATURE);
}

#[test]
fn one_issuer_never_signs_for_another() {
    // Every issuer has keys of its own here, two of each kind.
    let names = ["https://a.example", "https://b.example"];
    let secrets: [&[u8]; 2] =
        [b"the secret of a, which only a and we know", b"the secret of b, which only b and we know"];
    let pairs = [&*FIRST, &*SECOND];
    let config = |index: usize| {
        let jwks = serde_json::from_value(set(&[public(Some("same"), pairs[index])])).unwrap();
        let secret = Secret::new(String::from_utf8(secrets[index].to_vec()).unwrap());
        issuer(names[index], bursar(), KeySource { secret: Some(secret), jwks: Some(jwks), jwks_url: None })
    };
    let issuers = Issuers::new(vec![config(0), config(1)]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (named, signer) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (alg, by) in [
            ("HS256", By::Hmac(hmac::HMAC_SHA256, secrets[signer])),
            ("RS256", rs256(pairs[signer])),
            ("RS512", rs512(pairs[signer])),
        ] {
            for head in [json!({ "alg": alg }), json!({"alg": alg, "kid": "same"})] {
                let token = token(&head, &claims(names[named], &json!({})), by);
                let wanted = if named == signer { Ok(()) } else { SIGNATURE };
                let got = runtime.block_on(issuers.verify(&token, &clock())).map(|_| ());
                assert_eq!(got, wanted, "{alg} of {signer} for {named}");
            }
        }
    }
}

#[test]
fn a_token_is_whole_and_unchanged() {
    for good in [signed(HS, "HS256", HS256), signed(RS, "RS256", rs256(&FIRST))] {
        let parts: Vec<_> = good.split('.').collect();
        let [head, payload, signature] = parts.as_slice() else { panic!("{good}") };
        let issuer = if good.len() < 400 { HS } else { RS };
        let admin = URL_SAFE_NO_PAD.encode(claims(issuer, &json!({"administrator": true})).to_string());
        let other_head = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "typ": "jwt"}).to_string());
        for (name, token, wanted) in [
            ("changed claims", format!("{head}.{admin}.{signature}"), SIGNATURE),
            ("changed header", format!("{other_head}.{payload}.{signature}"), SIGNATURE),
            ("no signature", format!("{head}.{payload}"), REFUSED),
            ("empty signature", format!("{head}.{payload}."), SIGNATURE),
            ("cut signature", good[..good.len() - 1].to_owned(), SIGNATURE),
            ("half a signature", format!("{head}.{payload}.{}", &signature[..20]), SIGNATURE),
            ("padded signature", format!("{good}="), SIGNATURE),
            ("a line break after it", format!("{good}\n"), SIGNATURE),
            ("a fourth part", format!("{good}.x"), REFUSED),
            ("empty payload", format!("{head}..{signature}"), Err(TokenFault::Claims)),
            ("empty header", format!(".{payload}.{signature}"), REFUSED),
            ("payload alone", (*payload).to_owned(), REFUSED),
            ("dots", "..".to_owned(), REFUSED),
            ("nothing", String::new(), REFUSED),
            ("a space before it", format!(" {good}"), REFUSED),
            ("not ASCII", format!("{good}\u{e9}"), SIGNATURE),
        ] {
            check(name, &token, wanted);
        }
    }
}

#[test]
fn payloads_that_are_no_object_are_refused() {
    for payload in [r#""text""#, "[]", "null", "7", "{", "{}", r#"{"iss":"https://hs.example"}{}"#, "\u{0}"] {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(HS256.signature(signed.as_bytes()));
        check(payload, &format!("{signed}.{signature}"), Err(TokenFault::Claims));
    }
    let deep = format!("{}1{}", "[".repeat(1500), "]".repeat(1500));
    let twice = r#"{"iss":"https://hs.example","iss":"https://rs.example"}"#;
    for payload in [format!(r#"{{"iss":"https://hs.example","x":{deep}}}"#), twice.to_owned()] {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(HS256.signature(signed.as_bytes()));
        check("deep or doubled", &format!("{signed}.{signature}"), Err(TokenFault::Claims));
    }
}

#[test]
fn a_token_longer_than_8_kib_is_not_looked_at() {
    let sized =
        |filler: usize| token(&json!({"alg": "HS256"}), &claims(HS, &json!({"filler": "x".repeat(filler)})), HS256);
    let longest = (5000..8192).rfind(|filler| sized(*filler).len() <= 8192).unwrap();
    check("8 KiB", &sized(longest), Ok(()));
    check("more", &sized(longest + 3), Err(TokenFault::TooLong));
    check("garbage", &"x".repeat(8193), Err(TokenFault::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_single_character_can_be_changed(at in any::<proptest::sample::Index>(), to in "[A-Za-z0-9_.=-]", rsa in any::<bool>()) {
        let good = if rsa { signed(RS, "RS256", rs256(&FIRST)) } else { signed(HS, "HS256", HS256) };
        let at = at.index(good.len());
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assert_eq!(verify(&changed).is_ok(), changed == good);
    }

    #[test]
    fn whatever_is_sent_is_answered_and_never_taken(text in "\\PC{0,300}", head in "\\PC{0,60}", payload in "\\PC{0,200}") {
        prop_assert!(verify(&text).is_err());
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(&head), part(&payload), part(&text));
        prop_assert!(verify(&token).is_err());
    }
}
