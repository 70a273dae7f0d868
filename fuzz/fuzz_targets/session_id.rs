//! `Session-Id` and the ids that we mint: reading twice is reading once, and nothing is cut off an id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use web::identity::session_id::{SessionId, SessionKind, UserSessionId};

fuzz_target!(|text: &str| {
    if let Ok(session) = SessionId::parse(text) {
        check(text, &session);
    }
    if let Ok(id) = UserSessionId::parse(text) {
        assert_eq!((id.to_string().as_str(), id.user()), (text, &text[..32]));
    }
});

fn check(text: &str, session: &SessionId) {
    let canonical = session.to_string();
    assert_eq!(SessionId::parse(&canonical).as_ref(), Ok(session));
    let printed = canonical.strip_suffix(&session.id).map(|opening| format!("{opening}***"));
    assert_eq!(Some(format!("{session:?}")), printed, "the debug form leaves the id out");

    let dropped = text.strip_prefix(&canonical).expect("what is dropped stands at the end");
    let minted = session.kind == SessionKind::User && UserSessionId::parse(&session.id).is_ok();
    match dropped.chars().next() {
        None | Some(':') => {}
        Some('-') if minted => {}
        Some(_) => panic!("{dropped:?} was cut off an id"),
    }
}
