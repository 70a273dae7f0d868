//! Random identifiers of simulated objects: the one place where the simulators draw entropy.

/// `bytes` random bytes in lower-case hex.
#[expect(clippy::disallowed_methods, reason = "an outside system has entropy of its own, apart from web::Entropy")]
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    if let Err(error) = getrandom::fill(&mut buffer) {
        tracing::error!(%error, "no entropy: simulated ids repeat");
    }
    hex::encode(buffer)
}

/// A Stripe object id: prefix and 24 hex digits.
pub(crate) fn object_id(prefix: &str) -> String {
    format!("{prefix}_{}", random_hex(12))
}

/// A random UUID, version 4.
pub(crate) fn uuid() -> String {
    let hex = random_hex(16);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix_and_do_not_repeat() {
        let (one, two) = (object_id("pi"), object_id("pi"));
        assert_eq!((one.len(), one.starts_with("pi_"), one == two), (27, true, false));
        assert_eq!(uuid().len(), 36);
        assert_eq!(uuid().as_bytes()[14], b'4');
    }
}
