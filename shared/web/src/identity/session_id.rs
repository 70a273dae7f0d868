//! The `Session-Id` header: `SID:TYPE:REALM:ID[-thread][:count]`, as the clients of the replaced system send it
//! (research/registrar-oscarapi.md, section 2.3).
//!
//! An id is never cut. The original took hexadecimal groups after a dash for thread and count, and so gave two visitors
//! whose ids differ in their last groups one basket. Here a dash belongs to the id; only what follows a colon, which no
//! id contains, is dropped. The one exception is an id that we minted: its form is fixed, so that a thread after it
//! cannot be a part of it.
//!
//! Not here: whether the realm is ours, and whether there is such a session.

use std::fmt;

use domain::owner::UserId;

/// The longest realm or id, in characters.
const MAX_PART: usize = 128;

/// How many groups may follow an id: thread and count.
const MAX_GROUPS: usize = 2;

/// Hexadecimal digits of what we mint: 128 bits, beyond guessing.
const DIGITS: usize = 32;

/// Who a session is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// `ANON`: nobody in particular. The id is the client's own.
    Anonymous,
    /// `AUTH`: a user who signed in. The id is ours, a [`UserSessionId`]; any other form names no session.
    User,
}

impl SessionKind {
    fn wire(self) -> &'static str {
        match self {
            Self::Anonymous => "ANON",
            Self::User => "AUTH",
        }
    }
}

/// A session as a client names it. Who knows the id has the session, so its debug form leaves the id out.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId {
    /// Who the session is of.
    pub kind: SessionKind,
    /// The site that the client talks to: 1 to 128 characters of `A-Z a-z 0-9 - _ . ~`.
    pub realm: String,
    /// The session at that site: 1 to 128 characters of the same, without thread and count.
    pub id: String,
}

/// Text that is not a session id. It says nothing of the text, which may be almost a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not SID:TYPE:REALM:ID")]
pub struct BadSessionId;

impl SessionId {
    /// Reads the header's value. Thread and count are checked and dropped.
    ///
    /// # Errors
    /// [`BadSessionId`] for anything else, also for a type in lower case.
    pub fn parse(text: &str) -> Result<Self, BadSessionId> {
        let mut fields = text.split(':');
        if fields.next() != Some("SID") {
            return Err(BadSessionId);
        }
        let kind = match fields.next() {
            Some("ANON") => SessionKind::Anonymous,
            Some("AUTH") => SessionKind::User,
            _ => return Err(BadSessionId),
        };
        let realm = fields.next().filter(|realm| is_part(realm)).ok_or(BadSessionId)?;
        let sent = fields.next().filter(|id| is_part(id)).ok_or(BadSessionId)?;
        let id = match kind {
            SessionKind::Anonymous => sent,
            SessionKind::User => without_thread(sent),
        };
        let mut groups = usize::from(id != sent);
        for group in fields {
            groups += 1;
            if groups > MAX_GROUPS || !is_group(group) {
                return Err(BadSessionId);
            }
        }
        Ok(Self { kind, realm: realm.to_owned(), id: id.to_owned() })
    }
}

/// The form that answers carry: `SID:TYPE:REALM:ID`.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SID:{}:{}:{}", self.kind.wire(), self.realm, self.id)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SID:{}:{}:***", self.kind.wire(), self.realm)
    }
}

fn is_part(text: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    (1..=MAX_PART).contains(&text.len()) && text.bytes().all(safe)
}

fn is_group(text: &str) -> bool {
    (1..=MAX_PART).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An id that we minted, without the thread that a client put behind it; any other id as it is.
fn without_thread(id: &str) -> &str {
    match id.split_at_checked(2 * DIGITS + 1) {
        Some((minted, thread))
            if UserSessionId::parse(minted).is_ok() && thread.strip_prefix('-').is_some_and(is_group) =>
        {
            minted
        }
        _ => id,
    }
}

/// The id of a signed-in session: `<32 hexadecimal digits>-<32 hexadecimal digits>`, in lower case.
///
/// The user's part lets user and session be read from the table together. It proves nothing; the secret does. Its debug
/// form leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct UserSessionId {
    user: String,
    secret: String,
}

impl UserSessionId {
    /// The id of a session of `user`. The secret is 32 hexadecimal digits in lower case; with another one the id does
    /// not read back.
    #[must_use]
    pub fn new(user: &UserId, secret: &str) -> Self {
        let digest = user.as_str().rsplit('_').next().unwrap_or_default();
        Self { user: digest.to_owned(), secret: secret.to_owned() }
    }

    /// Reads an id that we minted.
    ///
    /// # Errors
    /// [`BadSessionId`] for any other form, also for digits in upper case: each session has one name.
    pub fn parse(text: &str) -> Result<Self, BadSessionId> {
        let parts = text.split_once('-').filter(|(user, secret)| is_lower_hex(user) && is_lower_hex(secret));
        let (user, secret) = parts.ok_or(BadSessionId)?;
        Ok(Self { user: user.to_owned(), secret: secret.to_owned() })
    }

    /// Whose session it says to be: the 32 digits of the user's id.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Display for UserSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.user, self.secret)
    }
}

impl fmt::Debug for UserSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-***", self.user)
    }
}

/// Whether `text` is 128 bits in hexadecimal as we write them: 32 digits in lower case.
pub(super) fn is_lower_hex(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "82d7ac3f-135c-4b12-a296-ff3c4701307d";
    const MINTED: &str = "00112233445566778899aabbccddeeff-0123456789abcdef0123456789abcdef";

    /// Reads `text`, and writes what was read in its canonical form.
    #[track_caller]
    fn check(text: &str, canonical: Option<&str>) {
        let read = SessionId::parse(text).ok().map(|session| session.to_string());
        assert_eq!(read.as_deref(), canonical, "{text}");
    }

    #[test]
    fn an_id_is_taken_whole_and_thread_and_count_are_dropped() {
        for id in ["7", UUID, "923-thread1", "7-1a", "7-1a-2b", "a.b_c~d-", &"a".repeat(128), "0", "-"] {
            for kind in ["ANON", "AUTH"] {
                let canonical = format!("SID:{kind}:api.example:{id}");
                for behind in ["", ":2", ":1a:2", ":DEADbeef", ":0:0"] {
                    check(&format!("{canonical}{behind}"), Some(&canonical));
                }
            }
        }
        check(&format!("SID:ANON:{}:7", "r".repeat(128)), Some(&format!("SID:ANON:{}:7", "r".repeat(128))));
    }

    #[test]
    fn two_ids_that_differ_in_their_last_groups_stay_two() {
        for (one, other) in [(UUID, "82d7ac3f-135c-4b12-a296-ff3c4701307e"), (UUID, "82d7ac3f-135c-4b12"), ("7", "7-2")]
        {
            let parsed = |id: &str| SessionId::parse(&format!("SID:ANON:api.example:{id}")).unwrap();
            assert_ne!(parsed(one), parsed(other));
        }
    }

    #[test]
    fn a_thread_behind_an_id_that_we_minted_is_dropped() {
        let canonical = format!("SID:AUTH:api.example:{MINTED}");
        for behind in ["", "-1a", "-1a:2", ":1a:2", "-F"] {
            check(&format!("{canonical}{behind}"), Some(&canonical));
        }
        for kept in ["-thread1", "-1a-2b", "-", "1a", "_1a"] {
            let whole = format!("{canonical}{kept}");
            check(&whole, Some(&whole));
        }
        check(&format!("{canonical}-1a:2:3"), None);
        // An anonymous id has no fixed form, so that the same text is all id.
        let anonymous = format!("SID:ANON:api.example:{MINTED}-1a");
        check(&anonymous, Some(&anonymous));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "SID",
            "SID:ANON",
            "SID:ANON:api.example",
            "SID:ANON:api.example:",
            "SID:ANON::7",
            "SID:ANON:api.example::7",
            "SID:anon:api.example:7",
            "sid:ANON:api.example:7",
            "SID:Auth:api.example:7",
            "SID:ROOT:api.example:7",
            "SID:ANON:api.example:a b",
            "SID:ANON:api.example:a/b",
            "SID:ANON:api.example:a#b",
            "SID:ANON:api.example:a\0",
            "SID:ANON:api.example:ü",
            "SID:ANON:api example:7",
            " SID:ANON:api.example:7",
            "SID:ANON:api.example:7 ",
            "SID:ANON:api.example:7,SID:ANON:api.example:8",
            "SID:ANON:api.example:7:",
            "SID:ANON:api.example:7::2",
            "SID:ANON:api.example:7:g",
            "SID:ANON:api.example:7:-1",
            "SID:ANON:api.example:7:1:2:3",
            &format!("SID:ANON:api.example:{}", "a".repeat(129)),
            &format!("SID:ANON:{}:7", "r".repeat(129)),
            &format!("SID:ANON:api.example:7:{}", "1".repeat(129)),
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_minted_id_has_one_form() {
        let (user, secret) = MINTED.split_once('-').unwrap();
        let id = UserSessionId::new(&format!("usr_{user}").parse().unwrap(), secret);
        assert_eq!((id.user(), id.to_string().as_str()), (user, MINTED));
        assert_eq!(UserSessionId::parse(MINTED), Ok(id));
        for bad in [
            "",
            "-",
            user,
            &MINTED.to_uppercase(),
            &format!("{MINTED}0"),
            &format!("{MINTED}-1a"),
            &format!("0{MINTED}"),
            &format!("{user}{secret}"),
            &format!("{user}:{secret}"),
            &format!("{user}-{}", &secret[1..]),
            &format!("{user}-{}g", &secret[1..]),
            &format!("{user}0-{}", &secret[1..]),
        ] {
            assert_eq!(UserSessionId::parse(bad), Err(BadSessionId), "{bad}");
        }
    }

    #[test]
    fn what_opens_a_session_is_not_printed() {
        let session = SessionId::parse(&format!("SID:AUTH:api.example:{MINTED}")).unwrap();
        assert_eq!(format!("{session:?}"), "SID:AUTH:api.example:***");
        let id = UserSessionId::parse(MINTED).unwrap();
        assert_eq!(format!("{id:?}"), "00112233445566778899aabbccddeeff-***");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(auth: bool, realm in "[A-Za-z0-9._~-]{1,128}", id in "[A-Za-z0-9._~-]{1,128}") {
            let kind = if auth { SessionKind::User } else { SessionKind::Anonymous };
            let session = SessionId { kind, realm, id };
            prop_assert_eq!(SessionId::parse(&session.to_string()), Ok(session));
        }

        #[test]
        fn reading_twice_is_reading_once(text in "SID:(ANON|AUTH):[a-z.]{1,9}:([0-9a-f]{32}-[0-9a-f]{32})?[-a-f0-9.]{0,9}(:[0-9a-f]{1,3}){0,3}") {
            if let Ok(session) = SessionId::parse(&text) {
                prop_assert!(text.starts_with(&session.to_string()));
                prop_assert_eq!(SessionId::parse(&session.to_string()), Ok(session));
            }
        }

        #[test]
        fn minted_ids_read_back(user: [u8; 16], secret in "[0-9a-f]{32}") {
            let id = UserSessionId::new(&UserId::from_digest(user), &secret);
            prop_assert_eq!(UserSessionId::parse(&id.to_string()), Ok(id));
        }
    }
}
