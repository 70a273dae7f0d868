//! The list of issuers, as operators write it.

use super::*;

fn faults(json: &Value) -> String {
    faults_of(&json.to_string())
}

fn faults_of(text: &str) -> String {
    text.parse::<IssuerList>().err().map(|faults| faults.to_string()).unwrap_or_default()
}

fn good() -> Value {
    json!({"issuer": "https://lms.example", "audience": ["bursar"], "secret": SECRET})
}

fn with(change: &Value) -> Value {
    let mut config = good();
    for (name, value) in change.as_object().unwrap() {
        let config = config.as_object_mut().unwrap();
        if value == "absent" {
            config.remove(name)
        } else {
            config.insert(name.clone(), value.clone())
        };
    }
    json!([config])
}

#[test]
fn good_lists_are_taken() {
    for json in [
        json!([]),
        json!([good()]),
        with(&json!({"audience": "unchecked"})),
        with(&json!({"secret": null, "jwks": rsa_keys()})),
        with(&json!({"secret": "absent", "jwks_url": "https://lms.example/jwks.json?v=1"})),
        with(&json!({"jwks": rsa_keys(), "jwks_url": "http://localhost:8000/jwks.json"})),
        with(&json!({"jwks_url": "http://127.0.0.1:1/"})),
        with(&json!({"jwks_url": "http://[::1]:1/"})),
    ] {
        assert_eq!(faults(&json), "", "{json}");
    }
}

#[test]
fn an_issuer_is_read_as_written() {
    let IssuerList(list) = with(&json!({"jwks_url": "https://lms.example/k"})).to_string().parse().unwrap();
    let [config] = list.as_slice() else { panic!("{}", list.len()) };
    assert_eq!(config.issuer, "https://lms.example");
    assert_eq!(config.audience, Audience::Required(vec!["bursar".to_owned()]));
    assert_eq!(config.keys.secret.as_ref().map(Secret::expose), Some(SECRET));
    assert_eq!(config.keys.jwks_url.as_ref().map(reqwest::Url::as_str), Some("https://lms.example/k"));
}

#[track_caller]
fn check_fault(change: &Value, wanted: &str) {
    assert_eq!(faults(&with(change)), wanted, "{change}");
}

#[test]
fn a_fault_names_its_place_and_what_belongs_there() {
    let of = |fault: &str| format!("issuer https://lms.example: {fault}");
    let url = of("jwks_url must be https, or http to this machine");
    let weak = of("jwks holds no RSA key of 2048 bits or more for RS256 or RS512");
    for (change, wanted) in [
        (json!({"issuer": ""}), "issuer : issuer is empty".to_owned()),
        (json!({"secret": "absent"}), of("needs a secret, a jwks or a jwks_url")),
        (json!({"secret": "x".repeat(31)}), of("secret is shorter than 32 bytes")),
        (
            json!({"secret": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"}),
            of("secret is a key in PEM; RSA keys belong into a jwks"),
        ),
        (json!({"audience": []}), of("audience names nobody; \"unchecked\" switches the check off")),
        (json!({"audience": ["a", ""]}), of("audience names nobody; \"unchecked\" switches the check off")),
        (json!({"jwks": {"keys": []}}), weak.clone()),
        (json!({"jwks_url": "http://lms.example/jwks.json"}), url.clone()),
        (json!({"jwks_url": "http://localhost.evil.example/"}), url.clone()),
        (json!({"jwks_url": "https://user:password@lms.example/"}), url.clone()),
        (json!({"jwks_url": "https://:password@lms.example/"}), url.clone()),
        (json!({"jwks_url": "ftp://127.0.0.1/"}), url.clone()),
        (json!({"jwks_url": "file:///etc/passwd"}), url.clone()),
    ] {
        check_fault(&change, &wanted);
    }
    check_fault(&json!({"issuer": "absent"}), "[0]: missing field `issuer` at line 1 column 82");
    let both = json!([good(), with(&json!({"secret": "short", "audience": []}))[0]]);
    assert_eq!(
        faults(&both),
        format!(
            "{}; {}; {}",
            of("audience names nobody; \"unchecked\" switches the check off"),
            of("secret is shorter than 32 bytes"),
            of("is listed twice")
        )
    );
}

#[test]
fn a_fault_never_repeats_what_was_found() {
    for (text, wanted) in [
        (r#"[{"issuer":"i","audience":"hunter2"}]"#.to_owned(), "expected a list of names, or \"unchecked\""),
        (r#"[{"issuer":"i","jwks":"hunter2"}]"#.to_owned(), "[0].jwks: expected struct JwkSet"),
        (r#"[{"issuer":"i","jwks":"a, expected hunter2"}]"#.to_owned(), "[0].jwks: expected struct JwkSet"),
        (r#"[{"issuer":"i","jwks":{"keys":["hunter2"]}}]"#.to_owned(), "expected struct Jwk"),
        (r#"[{"issuer":"i","audience":["a"],"secret":["hunter2, expected hunter2"]}]"#.to_owned(), "expected a string"),
        (r#"[{"issuer":"i","audience":["a"],"secret":"hunter2"}]"#.to_owned(), "secret is shorter"),
        (r#"[{"issuer":"i","audience":["a"],"jwks_url":"hunter2"}]"#.to_owned(), "jwks_url must be a URL"),
        (r#""hunter2""#.to_owned(), ".: expected a sequence"),
        ("hunter2".to_owned(), "expected value at line 1 column 1"),
        (r#"[] "hunter2""#.to_owned(), "trailing characters"),
        (r#"[{"issuers":"hunter2"}]"#.to_owned(), "unknown field `issuers`, expected one of `issuer`"),
    ] {
        let faults = faults_of(&text);
        assert!(faults.contains(wanted) && !faults.contains("hunter2"), "{text}: {faults}");
    }
}

#[test]
fn keys_that_are_not_for_us_are_left_out() {
    let (strong, mut weak) = (public(None, &FIRST), public(None, &FIRST));
    weak["n"] = json!(URL_SAFE_NO_PAD.encode([0xff; 128]));
    let changed = |name: &str, value: Value| {
        let mut key = strong.clone();
        key[name] = value;
        key
    };
    let bits = |first: u8| {
        let mut n = [0xff; 256];
        n[0] = first;
        changed("n", json!(URL_SAFE_NO_PAD.encode(n)))
    };
    for (name, key, usable) in [
        ("plain", strong.clone(), true),
        ("for signatures", changed("use", json!("sig")), true),
        ("for encryption", changed("use", json!("enc")), false),
        ("to verify", changed("key_ops", json!(["verify"])), true),
        ("to wrap", changed("key_ops", json!(["wrapKey"])), false),
        ("RS256", changed("alg", json!("RS256")), true),
        ("RS512", changed("alg", json!("RS512")), true),
        ("RS384", changed("alg", json!("RS384")), false),
        ("PS256", changed("alg", json!("PS256")), false),
        ("HS256", changed("alg", json!("HS256")), false),
        ("an unknown algorithm", changed("alg", json!("X")), false),
        ("1024 bits", weak, false),
        ("2047 bits", bits(0x7f), false),
        ("2048 bits", bits(0x80), true),
        ("exponent 1", changed("e", json!("AQ")), false),
        ("exponent 1, padded with zeros", changed("e", json!("AAAB")), false),
        ("exponent 3", changed("e", json!("Aw")), true),
        ("even exponent", changed("e", json!("Ag")), false),
        ("no exponent", changed("e", json!("")), false),
        ("no modulus", changed("n", json!("")), false),
        ("no base64", changed("n", json!("+/=")), false),
        ("a secret", json!({"kty": "oct", "k": STANDARD.encode([7; 32])}), false),
        ("another curve", json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}), false),
        ("an unknown type", json!({"kty": "X"}), false),
    ] {
        let keys = KeySet::of(&serde_json::from_value(set(&[key])).unwrap());
        assert_eq!(!keys.is_empty(), usable, "{name}");
    }
}

#[test]
fn a_key_is_bound_to_the_algorithm_that_it_names() {
    let mut key = public(Some("first"), &FIRST);
    key["alg"] = json!("RS256");
    let jwks = serde_json::from_value(set(&[key])).unwrap();
    let keys = KeySource { jwks: Some(jwks), ..KeySource::default() };
    let issuers = Issuers::new(vec![issuer(RS, bursar(), keys)]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (alg, by, wanted) in [("RS256", rs256(&FIRST), Ok(())), ("RS512", rs512(&FIRST), Err(TokenFault::Signature))] {
        let got = runtime.block_on(issuers.verify(&signed(RS, alg, by), &clock()));
        assert_eq!(got.map(|_| ()), wanted, "{alg}");
    }
}

#[test]
fn a_modulus_may_begin_with_zero() {
    let RsaPublicKeyComponents::<Vec<u8>> { n, .. } = FIRST.public_key().into();
    let mut key = public(None, &FIRST);
    key["n"] = json!(URL_SAFE_NO_PAD.encode([vec![0], n].concat()));
    let jwks = serde_json::from_value(set(&[key])).unwrap();
    let keys = KeySource { jwks: Some(jwks), ..KeySource::default() };
    let issuers = Issuers::new(vec![issuer(RS, bursar(), keys)]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let got = runtime.block_on(issuers.verify(&signed(RS, "RS256", rs256(&FIRST)), &clock()));
    assert_eq!(got.map(|_| ()), Ok(()));
}
