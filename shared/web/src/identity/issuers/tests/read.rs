//! Claims of tokens that are signed as they should be.

use expect_test::expect;
use jiff::SignedDuration;

use super::*;

/// The same claims by every way of signing that we take.
#[track_caller]
fn check_claims(name: &str, change: &Value, wanted: Result<(), TokenFault>) {
    for (issuer, alg, by) in [
        (HS, "HS256", HS256),
        (RS, "RS256", rs256(&FIRST)),
        (RS, "RS512", rs512(&SECOND)),
        (LMS, "RS256", rs256(&SECOND)),
    ] {
        let token = token(&json!({"alg": alg, "typ": "JWT"}), &claims(issuer, change), by);
        check(&format!("{name}, {alg} of {issuer}"), &token, wanted);
    }
}

#[test]
fn times_are_needed_and_kept() {
    let too_soon = Err(TokenFault::NotYet);
    for (name, change, wanted) in [
        ("plain", json!({}), Ok(())),
        ("expired", json!({"exp": NOW - 11}), Err(TokenFault::Expired)),
        ("expired to the second", json!({"exp": NOW - 10}), Err(TokenFault::Expired)),
        ("expired within the leeway", json!({"exp": NOW - 9}), Ok(())),
        ("expired long ago", json!({"exp": 0}), Err(TokenFault::Expired)),
        ("expired before all time", json!({"exp": -1e300}), Err(TokenFault::Expired)),
        ("never expires", json!({"exp": 1e300}), Ok(())),
        ("fractions", json!({"exp": 1_780_315_200.5 + 60.0, "iat": 1_780_315_199.25}), Ok(())),
        ("no exp", json!({"exp": "absent"}), Err(TokenFault::Claims)),
        ("null exp", json!({"exp": null}), Err(TokenFault::Claims)),
        ("exp as text", json!({"exp": "9999999999"}), Err(TokenFault::Claims)),
        ("exp in a list", json!({"exp": [NOW + 60]}), Err(TokenFault::Claims)),
        ("no iat", json!({"iat": "absent"}), Err(TokenFault::Claims)),
        ("null iat", json!({"iat": null}), Err(TokenFault::Claims)),
        ("iat as truth", json!({"iat": true}), Err(TokenFault::Claims)),
        ("issued in the future", json!({"iat": NOW + 11}), too_soon),
        ("issued ahead within the leeway", json!({"iat": NOW + 10}), Ok(())),
        ("not yet valid", json!({"nbf": NOW + 11}), too_soon),
        ("valid from now", json!({"nbf": NOW + 10}), Ok(())),
        ("null nbf", json!({"nbf": null}), Ok(())),
        ("nbf as text", json!({"nbf": "0"}), Err(TokenFault::Claims)),
    ] {
        check_claims(name, &change, wanted);
    }
}

#[test]
fn a_token_outlives_a_move_of_our_clock_and_may_come_from_it() {
    let clock = clock();
    clock.advance(SignedDuration::from_hours(24));
    let day = 86_400;
    for (name, change, wanted) in [
        ("made before the move", json!({}), Ok(())),
        ("made by our clock", json!({"iat": NOW + day, "exp": NOW + day + 60}), Ok(())),
        ("expired by both", json!({"exp": NOW - 60}), Err(TokenFault::Expired)),
        ("from the future of both", json!({"iat": NOW + day + 60, "exp": NOW + day + 120}), Err(TokenFault::NotYet)),
    ] {
        let token = token(&json!({"alg": "HS256"}), &claims(HS, &change), HS256);
        assert_eq!(verify_at(&token, &clock).map(|_| ()), wanted, "{name}");
    }
}

#[test]
fn the_audience_is_one_of_ours() {
    let wrong = Err(TokenFault::Audience);
    for (name, change, wanted) in [
        ("another of ours", json!({"aud": "shop"}), Ok(())),
        ("list", json!({"aud": ["credentials", "bursar"]}), Ok(())),
        ("list of one", json!({"aud": ["shop"]}), Ok(())),
        ("others", json!({"aud": ["credentials", "ecommerce"]}), wrong),
        ("another", json!({"aud": "ecommerce"}), wrong),
        ("beginning", json!({"aud": "burs"}), wrong),
        ("case", json!({"aud": "Bursar"}), wrong),
        ("empty", json!({"aud": ""}), wrong),
        ("empty list", json!({"aud": []}), wrong),
        ("absent", json!({"aud": "absent"}), wrong),
        ("null", json!({"aud": null}), wrong),
        ("number", json!({"aud": 1}), wrong),
        ("list with a number", json!({"aud": ["bursar", 1]}), wrong),
    ] {
        check_claims(name, &change, wanted);
        let anyones = token(&json!({"alg": "HS256"}), &claims(ANYONES, &change), HS256);
        check(&format!("{name}, unchecked"), &anyones, Ok(()));
    }
}

#[test]
fn the_issuer_is_on_the_list() {
    for (name, iss, wanted) in [
        ("unknown", json!("https://evil.example"), TokenFault::UnknownIssuer),
        ("with a slash", json!("https://hs.example/"), TokenFault::UnknownIssuer),
        ("in capitals", json!("https://HS.example"), TokenFault::UnknownIssuer),
        ("empty", json!(""), TokenFault::UnknownIssuer),
        ("absent", json!("absent"), TokenFault::Claims),
        ("null", json!(null), TokenFault::Claims),
        ("list", json!([HS, RS]), TokenFault::Claims),
        ("number", json!(7), TokenFault::Claims),
    ] {
        check_claims(name, &json!({ "iss": iss }), Err(wanted));
    }
}

#[test]
fn an_unverified_token_names_an_issuer_and_no_more() {
    let unsigned = |issuer| signed(issuer, "HS256", By::Nothing);
    for (token, named, known) in [
        (unsigned(HS), Some(HS), true),
        (unsigned("https://evil.example"), Some("https://evil.example"), false),
        (signed(HS, "none", By::Nothing), None, false),
        ("a.b.c".to_owned(), None, false),
    ] {
        let issuer = issuer_of(&token);
        assert_eq!(issuer.as_deref(), named);
        assert_eq!(issuer.is_some_and(|issuer| issuers().knows(&issuer)), known, "{token}");
        assert!(verify(&token).is_err(), "{token}");
    }
}

#[test]
fn versions_up_to_one_are_read() {
    for (version, wanted) in [
        (json!(null), Ok(())),
        (json!("1.0.0"), Ok(())),
        (json!("1.99.0"), Ok(())),
        (json!("0.9.1"), Ok(())),
        (json!("2.0.0"), Err(TokenFault::Claims)),
        (json!("10.0.0"), Err(TokenFault::Claims)),
        (json!("99999999999.0.0"), Err(TokenFault::Claims)),
        (json!("1"), Err(TokenFault::Claims)),
        (json!("1.0"), Err(TokenFault::Claims)),
        (json!("1.0.0.0"), Err(TokenFault::Claims)),
        (json!("1.x.0"), Err(TokenFault::Claims)),
        (json!("+1.0.0"), Err(TokenFault::Claims)),
        (json!("-1.0.0"), Err(TokenFault::Claims)),
        (json!("1..0"), Err(TokenFault::Claims)),
        (json!(""), Err(TokenFault::Claims)),
        (json!(1), Err(TokenFault::Claims)),
    ] {
        check_claims(&format!("version {version}"), &json!({ "version": version }), wanted);
    }
}

#[test]
fn a_token_names_a_user_by_the_claims_for_it_alone() {
    for (name, change, wanted) in [
        ("older claim", json!({"preferred_username": null, "username": "ada"}), Ok(())),
        ("older claim alone", json!({"preferred_username": "absent", "username": "ada"}), Ok(())),
        ("subject only", json!({"preferred_username": "absent", "sub": "ada"}), Err(TokenFault::NoUsername)),
        ("e-mail only", json!({"preferred_username": null, "email": "a@b.example"}), Err(TokenFault::NoUsername)),
        ("empty", json!({"preferred_username": "", "username": "ada"}), Err(TokenFault::NoUsername)),
        ("too long", json!({"preferred_username": "a".repeat(256)}), Err(TokenFault::NoUsername)),
        ("a line break", json!({"preferred_username": "a\nb"}), Err(TokenFault::NoUsername)),
        ("number", json!({"preferred_username": 7}), Err(TokenFault::Claims)),
    ] {
        check_claims(name, &change, wanted);
    }
}

#[test]
fn a_claim_that_decides_must_be_of_its_type_and_one_that_describes_may_be_left_out() {
    let refused = Err(TokenFault::Claims);
    for (change, wanted) in [
        (json!({"administrator": "true"}), refused),
        (json!({"administrator": 1}), refused),
        (json!({"is_restricted": "false"}), refused),
        (json!({"scopes": [1]}), refused),
        (json!({"scopes": {"read": true}}), refused),
        (json!({"scope": 7}), refused),
        (json!({"filters": "user:me"}), refused),
        (json!({"filters": ["me"]}), refused),
        (json!({"filters": ["user:"]}), refused),
        (json!({"filters": [":me"]}), refused),
        (json!({"filters": [null]}), refused),
        (json!({"sub": {"id": 7}}), refused),
        (json!({"sub": ["0123"]}), refused),
        (json!({"sub": true}), refused),
        (json!({"sub": 7.5}), refused),
        (json!({"sub": "s".repeat(256)}), refused),
        (json!({"email": 7, "name": ["Ada"], "user_id": {}, "tracking_context": []}), Ok(())),
        (json!({"email": "", "name": "a\u{0}b", "user_id": -1, "tracking_context": "x"}), Ok(())),
        (json!({"grant_type": "password", "roles": ["x"], "unknown": {"deep": [[[[]]]]}}), Ok(())),
    ] {
        check_claims(&change.to_string(), &change, wanted);
    }
}

fn read(change: &Value) -> Verified {
    verify(&token(&json!({"alg": "HS256"}), &claims(HS, change), HS256)).unwrap()
}

#[test]
fn a_token_tells_of_its_user() {
    let verified = read(&json!({
        "preferred_username": "ada", "username": "older", "email": "ada@example.com", "name": "Ada Lovelace",
        "administrator": false, "user_id": 42, "lms_user_id": 43, "version": "1.2.0", "iat": NOW - 60,
        "tracking_context": {"lms_ip": "192.0.2.7", "n": 7, "t": true, "none": null, "deep": {}, "half": 0.5, "": 1},
    }));
    expect![[r#"
        TokenClaims {
            issuer: "https://hs.example",
            subject: Some(
                "0123",
            ),
            username: Username(
                "ada",
            ),
            email: Some(
                "ada@example.com",
            ),
            name: Some(
                "Ada Lovelace",
            ),
            administrator: Some(
                false,
            ),
            country: None,
            lms_user_id: Some(
                42,
            ),
            tracking_context: {
                "lms_ip": String("192.0.2.7"),
                "n": Number(7),
                "t": Bool(true),
            },
            issued_at: 2026-06-01T11:59:00Z,
            tenant: None,
        }
    "#]]
    .assert_debug_eq(&verified.claims);
}

#[test]
fn a_token_permits_what_its_scopes_say_within_its_filters() {
    let verified = read(&json!({
        "is_restricted": true, "scopes": ["orders:read", "a b"], "scope": " profile  email ",
        "filters": ["user:me", "user:bob", "content_org:edX", "level:a:b"],
    }));
    expect![[r#"
        Grant {
            scopes: {
                "a b",
                "email",
                "orders:read",
                "profile",
            },
            filters: [
                Me,
                User(
                    Username(
                        "bob",
                    ),
                ),
                Organisation(
                    "edX",
                ),
                Other(
                    "level:a:b",
                ),
            ],
            restricted: true,
        }
    "#]]
    .assert_debug_eq(&verified.grant);
}

#[test]
fn a_null_is_as_good_as_nothing() {
    let optional = [
        "sub",
        "email",
        "name",
        "administrator",
        "user_id",
        "lms_user_id",
        "tracking_context",
        "scopes",
        "scope",
        "filters",
        "is_restricted",
        "version",
        "nbf",
        "username",
    ];
    let all = |value: &Value| Value::Object(optional.iter().map(|name| ((*name).to_owned(), value.clone())).collect());
    let nulls = read(&all(&Value::Null));
    assert_eq!(nulls, read(&all(&json!("absent"))));
    let TokenClaims { subject, email, name, administrator, lms_user_id, tracking_context, .. } = nulls.claims;
    assert_eq!((subject, email, name, administrator, lms_user_id), (None, None, None, None, None));
    assert_eq!((tracking_context.len(), nulls.grant), (0, Grant::default()));
}

#[test]
fn subjects_and_numbers_are_taken_in_their_usual_forms() {
    for (sub, wanted) in [(json!(7), Some("7")), (json!(u64::MAX), Some("18446744073709551615")), (json!(""), None)] {
        assert_eq!(read(&json!({ "sub": sub })).claims.subject.as_deref(), wanted, "{sub}");
    }
    for (change, wanted) in [
        (json!({"lms_user_id": 7}), Some(7)),
        (json!({"user_id": null, "lms_user_id": "8"}), Some(8)),
        (json!({"user_id": "an id of another kind", "lms_user_id": 9}), Some(9)),
        (json!({"user_id": 1.5}), None),
    ] {
        assert_eq!(read(&change).claims.lms_user_id, wanted, "{change}");
    }
}
