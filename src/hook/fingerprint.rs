//! Keyed hashes of bodies: they tell the same request from another one without keeping either.
//!
//! Keyed, because a body holds short keys: who steals the store could guess them against a plain hash.
//! Source: RFC 2104. The octets of the body count, not their meaning: a repetition is a copy.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::app::secrets::{MASTER_KEY_OCTETS, derived_key, hmac_sha256};

/// Says what the derived key is for.
const PURPOSE: &[u8] = b"shirase: fingerprint of a request body, 1";

/// Makes fingerprints; has no `Debug`, for it holds a key.
#[derive(Clone)]
pub struct Fingerprints(Hmac<Sha256>);

impl Fingerprints {
    /// Derives a key of its own from the master key.
    pub fn new(master_key: &[u8; MASTER_KEY_OCTETS]) -> Self {
        Self(hmac_sha256(&derived_key(master_key, PURPOSE)))
    }

    /// The fingerprint of a body.
    pub fn of(&self, octets: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(octets);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_key_or_other_body_is_another_fingerprint() {
        let (one, two) = (Fingerprints::new(&[1; 32]), Fingerprints::new(&[2; 32]));
        assert_eq!(one.of(b"body"), one.of(b"body"));
        assert_ne!(one.of(b"body"), one.of(b"Body"));
        assert_ne!(one.of(b"body"), two.of(b"body"));
    }
}
