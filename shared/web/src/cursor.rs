//! Page cursors: opaque to callers, authenticated, and good only for the listing that issued them.
//!
//! A cursor is base64url over a 16-byte tag and the JSON of the key to go on from. The tag is HMAC-SHA256 over the
//! scope and that JSON. The scope names tenant, owner, route and filters, so a cursor can neither be forged nor moved
//! to another listing: that would let its bearer start reading at a key of another owner's.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::code::Code;
use crate::digest::Keyed;
use crate::problem::Problem;

/// Bytes of the tag: 128 bits, beyond guessing.
const TAG: usize = 16;

/// The longest cursor that is looked at, in characters. Keys of the table and its indexes stay below a kibibyte.
const MAX_LENGTH: usize = 2048;

/// Text that is not a cursor of this listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this listing")]
pub struct BadCursor;

impl From<BadCursor> for Problem {
    fn from(_: BadCursor) -> Self {
        Self::new(Code::BadCursor)
    }
}

/// Issues and reads cursors.
#[derive(Clone)]
pub struct Cursors(Keyed);

impl Cursors {
    /// Cursors authenticated by `secret`.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Keyed::new(secret))
    }

    /// The cursor that goes on after `key` in the listing `scope`.
    #[must_use]
    pub fn encode(&self, scope: &str, key: &BTreeMap<String, String>) -> String {
        // A map of strings always serialises; an empty payload would decode to an error, not to another key.
        let payload = serde_json::to_vec(key).unwrap_or_default();
        let mut bytes = self.tag(scope, &payload).to_vec();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key to go on from.
    ///
    /// # Errors
    /// [`BadCursor`] if the text was not issued by us for `scope`.
    pub fn decode(&self, scope: &str, cursor: &str) -> Result<BTreeMap<String, String>, BadCursor> {
        if cursor.len() > MAX_LENGTH {
            return Err(BadCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| BadCursor)?;
        let (tag, payload) = bytes.split_at_checked(TAG).ok_or(BadCursor)?;
        if !bool::from(self.tag(scope, payload).ct_eq(tag)) {
            return Err(BadCursor);
        }
        serde_json::from_slice(payload).map_err(|_| BadCursor)
    }

    /// The position of a cursor of a listing that staff see otherwise than others, and whether it is the staff's; without
    /// a cursor, `guess`. `scope` names the listing for each of them.
    ///
    /// # Errors
    /// [`BadCursor`] if the text was not issued for either.
    pub fn resume(
        &self,
        cursor: Option<&str>,
        guess: bool,
        scope: impl Fn(bool) -> String,
    ) -> Result<(bool, Option<BTreeMap<String, String>>), BadCursor> {
        let Some(cursor) = cursor else { return Ok((guess, None)) };
        match self.decode(&scope(guess), cursor) {
            Ok(position) => Ok((guess, Some(position))),
            Err(BadCursor) => Ok((!guess, Some(self.decode(&scope(!guess), cursor)?))),
        }
    }

    /// The tag covers the scope's length too, so that no scope is a prefix of another's message.
    fn tag(&self, scope: &str, payload: &[u8]) -> [u8; TAG] {
        let mut message = format!("cursor|{}|{scope}|", scope.len()).into_bytes();
        message.extend(payload);
        let full = self.0.sign(&message);
        std::array::from_fn(|i| full.get(i).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "default|usr_1|/api/v1/orders|status=paid";

    fn key() -> BTreeMap<String, String> {
        [("pk", "T#default#usr_1"), ("sk", "2026-01-01")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn a_cursor_reads_back_in_its_own_scope_only() {
        let cursors = Cursors::new(b"secret");
        let cursor = cursors.encode(SCOPE, &key());
        assert_eq!(cursors.decode(SCOPE, &cursor), Ok(key()));
        for other in ["", "default|usr_2|/api/v1/orders|status=paid", &SCOPE[..SCOPE.len() - 1]] {
            assert_eq!(cursors.decode(other, &cursor), Err(BadCursor), "{other}");
        }
        assert_eq!(Cursors::new(b"other").decode(SCOPE, &cursor), Err(BadCursor));
    }

    #[test]
    fn no_changed_or_shortened_cursor_passes() {
        let cursors = Cursors::new(b"secret");
        let cursor = cursors.encode(SCOPE, &key());
        for at in 0..cursor.len() {
            assert_eq!(cursors.decode(SCOPE, &cursor[..at]), Err(BadCursor), "cut at {at}");
            let swapped = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{swapped}{}", &cursor[..at], &cursor[at + 1..]);
            assert_eq!(cursors.decode(SCOPE, &changed), Err(BadCursor), "changed at {at}");
        }
        for junk in ["", "null", "=", "🎓", &format!("{cursor}A"), &"A".repeat(MAX_LENGTH + 1)] {
            assert_eq!(cursors.decode(SCOPE, junk), Err(BadCursor), "{junk}");
        }
    }
}
