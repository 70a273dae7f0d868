//! The one source of randomness: ids, session secrets, jitter.
//!
//! A 256-bit key is drawn from the operating system once, at start-up, and expanded by HMAC-SHA256 over a counter. So
//! a missing random source fails start-up and never a request, and tests and the simulation give the key themselves
//! and get the same ids every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::id::Ids;
use jiff::Timestamp;

use crate::digest::Keyed;

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub struct NoEntropy(getrandom::Error);

/// A shared stream of random bits. Clones draw from the same stream.
#[derive(Clone)]
pub struct Entropy {
    key: Keyed,
    drawn: Arc<AtomicU64>,
}

impl Entropy {
    /// A stream keyed by the operating system. Make it once per process.
    ///
    /// # Errors
    /// [`NoEntropy`] if the system gives none.
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn system() -> Result<Self, NoEntropy> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(NoEntropy)?;
        Ok(Self::keyed(&key))
    }

    /// A stream that is the same for the same seed: for tests and the simulation only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::keyed(&seed.to_be_bytes())
    }

    fn keyed(key: &[u8]) -> Self {
        Self { key: Keyed::new(key), drawn: Arc::default() }
    }

    fn block(&self) -> [u8; 32] {
        self.key.sign(&self.drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes())
    }

    /// A fresh supply of ids for one decision taken at `now`.
    #[must_use]
    pub fn ids(&self, now: Timestamp) -> Ids {
        let random = self.block().into_iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(byte));
        Ids::new(now, random)
    }

    /// `bytes` random bytes as lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self, bytes: usize) -> String {
        let stream = std::iter::repeat_with(|| self.block()).flatten();
        hex::encode(stream.take(bytes).collect::<Vec<u8>>())
    }

    /// 64 random bits, to spread retries.
    #[must_use]
    pub fn jitter(&self) -> u64 {
        self.block().into_iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use domain::id::OrderNumber;

    use super::*;

    fn first(entropy: &Entropy) -> (OrderNumber, String, u64) {
        (entropy.ids(Timestamp::UNIX_EPOCH).make(), entropy.hex(40), entropy.jitter())
    }

    #[test]
    fn a_seed_repeats_and_a_stream_does_not() {
        let entropy = Entropy::seeded(7);
        let drawn = first(&entropy);
        assert_eq!(drawn.1.len(), 80);
        assert!(first(&Entropy::seeded(7)) == drawn);
        assert!(first(&entropy) != drawn);
        assert!(first(&Entropy::seeded(8)) != drawn);
        assert_ne!(Entropy::system().unwrap().hex(16), Entropy::system().unwrap().hex(16));
    }

    #[test]
    fn clones_never_draw_the_same_bits() {
        let entropy = Entropy::seeded(7);
        assert_ne!(entropy.hex(16), entropy.clone().hex(16));
    }
}
