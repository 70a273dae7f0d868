//! Keyed digests: HMAC-SHA256 under one secret, with the purpose named in every message.
//!
//! Every use begins with its own label (`user|`, `session|`, `csrf|`, …), so a digest made for one purpose never
//! passes for another.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret, ready to sign.
#[derive(Clone)]
pub(crate) struct Keyed(Hmac<Sha256>);

impl Keyed {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length; the error is the trait's, not ours")]
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    /// The digest of `parts` joined by `|`. Only the last part may itself contain `|`, else two inputs could meet.
    pub(crate) fn digest(&self, parts: &[&str]) -> [u8; 32] {
        self.sign(parts.join("|").as_bytes())
    }

    /// The first 16 bytes of [`Keyed::digest`]: 128 bits, what domain keys are made of.
    pub(crate) fn short(&self, parts: &[&str]) -> [u8; 16] {
        let full = self.digest(parts);
        std::array::from_fn(|i| full.get(i).copied().unwrap_or_default())
    }

    /// The digest of raw bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_hmac_sha256_as_rfc_4231_has_it() {
        let digest = Keyed::new(b"Jefe").sign(b"what do ya want for nothing?");
        assert_eq!(hex::encode(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
