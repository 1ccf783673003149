//! Keyed hashes of bodies: they tell the same request from another one without keeping either.
//!
//! Keyed, because a body holds short keys: who steals the store could guess them against a plain hash.
//! Source: RFC 2104. The octets of the body count, not their meaning: a repetition is a copy.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::app::secrets::MASTER_KEY_OCTETS;

/// Says what the derived key is for; the master key itself seals secrets and hashes nothing.
const PURPOSE: &[u8] = b"shirase: fingerprint of a request body, 1";

/// Block of SHA-256: a shorter HMAC key is filled up with zeros to it (RFC 2104, 2).
const BLOCK_OCTETS: usize = 64;

/// Makes fingerprints; has no `Debug`, for it holds a key.
#[derive(Clone)]
pub struct Fingerprints(Hmac<Sha256>);

impl Fingerprints {
    /// Derives a key of its own from the master key.
    pub fn new(master_key: &[u8; MASTER_KEY_OCTETS]) -> Self {
        let mut derive = keyed(master_key);
        derive.update(PURPOSE);
        Self(keyed(&derive.finalize().into_bytes().into()))
    }

    /// The fingerprint of a body.
    pub fn of(&self, octets: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(octets);
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = zeroize::Zeroizing::new([0; BLOCK_OCTETS]);
    for (octet, of_key) in block.iter_mut().zip(key) {
        *octet = *of_key;
    }
    <Hmac<Sha256> as KeyInit>::new(&(*block).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_is_hmac_sha256() {
        // RFC 4231, test case 1, whose key of 20 octets is filled up with zeros either way.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let mut mac = keyed(&key);
        mac.update(b"Hi There");
        let got: [u8; 32] = mac.finalize().into_bytes().into();
        assert_eq!(got[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }

    #[test]
    fn other_key_or_other_body_is_another_fingerprint() {
        let (one, two) = (Fingerprints::new(&[1; 32]), Fingerprints::new(&[2; 32]));
        assert_eq!(one.of(b"body"), one.of(b"body"));
        assert_ne!(one.of(b"body"), one.of(b"Body"));
        assert_ne!(one.of(b"body"), two.of(b"body"));
    }
}
