//! Access tokens: shared, renewed in time, and once more when the LMS refuses one.

use super::*;

#[tokio::test]
async fn one_token_serves_until_a_minute_before_its_end() {
    let (lms, server) = lms(vec![enrolment("verified", true); 4], vec![]).await;
    for now in [NOW, NOW + 1, NOW + 3539, NOW + 3540] {
        lms.clone().enrol(&place("verified", true), at(now)).await.unwrap();
    }
    assert_eq!(server.authorizations(), ["JWT t1", "JWT t1", "JWT t1", "JWT t2"]);
}

#[tokio::test]
async fn a_short_token_serves_for_nine_tenths_of_its_life() {
    let (lms, server) = lms(vec![enrolment("verified", true); 3], vec![(200, token("short", 30))]).await;
    for now in [NOW, NOW + 26, NOW + 27] {
        lms.enrol(&place("verified", true), at(now)).await.unwrap();
    }
    assert_eq!(server.authorizations(), ["JWT short", "JWT short", "JWT t2"]);
}

#[tokio::test]
async fn calls_at_the_same_time_fetch_one_token() {
    let (lms, server) = lms(vec![enrolment("verified", true); 3], vec![]).await;
    let request = place("verified", true);
    let enrol = || lms.enrol(&request, at(NOW));
    let (a, b, c) = tokio::join!(enrol(), enrol(), enrol());
    assert_eq!([a, b, c].map(shown), ["verified true 200"; 3]);
    assert_eq!(server.tokens_asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refused = || (401, r#"{"detail":"expired"}"#.to_owned());
    let (lms, server) =
        lms(vec![refused(), enrolment("verified", true), refused(), refused(), enrolment("verified", true)], vec![])
            .await;
    assert_eq!(shown(lms.enrol(&place("verified", true), at(NOW)).await), "verified true 200");
    let failed = shown(lms.enrol(&place("verified", true), at(NOW)).await);
    assert_eq!(failed, "lms refuses a fresh access token; lms_token true");
    assert_eq!(server.authorizations(), ["JWT t1", "JWT t2", "JWT t2", "JWT t3"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_called() {
    let answer = |body: &str| (200, body.to_owned());
    for (token, expected) in [
        ((401, String::new()), "token endpoint answers with status 401"),
        ((403, String::new()), "token endpoint answers with status 403"),
        ((503, String::new()), "token endpoint answers with status 503"),
        ((302, String::new()), "token endpoint answers with status 302"),
        (answer("<html>"), "token endpoint's answer holds no usable token"),
        (answer(r#"{"access_token":"t"}"#), "token endpoint's answer holds no usable token"),
        (answer(r#"{"access_token":"","expires_in":9}"#), "token endpoint's answer holds no usable token"),
        (answer(r#"{"access_token":"a\nb","expires_in":9}"#), "token endpoint's answer holds no usable token"),
    ] {
        let (lms, server) = lms(vec![], vec![token]).await;
        let failed = lms.enrol(&place("verified", true), at(NOW)).await.unwrap_err();
        // An endpoint that fails is the LMS being away; one that refuses is about our credentials.
        let reason = if expected.ends_with("503") { "lms_unavailable" } else { "lms_token" };
        assert_eq!((failed.retryable(), failed.reason()), (true, reason));
        let LmsError::Token(failure) = failed else { panic!("{failed:?}") };
        assert_eq!(failure.to_string(), expected);
        assert_eq!(server.authorizations(), [""; 0]);
    }
}
