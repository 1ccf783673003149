//! Secrets, and the signature that a receiver checks.
//!
//! In: secrets as both sides have them, `whsec_` and base64 of 24 to 64 octets. Out: the value of `webhook-signature`.
//! Every key signs, so that a receiver that knows the old or the new one believes while secrets are exchanged.
//! Source: Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 of `id.timestamp.body`, as `v1,` and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How a secret begins.
const PREFIX: &str = "whsec_";
const FEWEST_OCTETS: usize = 24;
const MOST_OCTETS: usize = 64;

/// One secret that is shared with the receiver. Wiped when it is dropped; shown by nothing.
pub struct Key(Zeroizing<Vec<u8>>);

/// Why a text is no secret. Never holds any of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    #[error("a secret begins with whsec_")]
    Prefix,
    #[error("what follows whsec_ is no base64")]
    Base64,
    #[error("a secret has 24 to 64 octets, this one has {octets}")]
    Length { octets: usize },
}

impl Key {
    /// Reads a secret.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(KeyError::Prefix)?;
        let octets = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| KeyError::Base64)?;
        if (FEWEST_OCTETS..=MOST_OCTETS).contains(&octets.len()) {
            Ok(Self(octets))
        } else {
            Err(KeyError::Length { octets: octets.len() })
        }
    }

    /// The text of a secret of these random octets, for both sides.
    pub fn text(random: &[u8; 32]) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(random));
        Zeroizing::new(format!("{PREFIX}{}", *encoded))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        // HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The secrets of one endpoint: one, or more while they are exchanged.
pub struct Keys {
    first: Key,
    others: Vec<Key>,
}

impl Keys {
    pub fn new(first: Key, others: Vec<Key>) -> Self {
        Self { first, others }
    }

    /// One signature of each key, in their order.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let keys = std::iter::once(&self.first).chain(&self.others);
        keys.filter_map(|key| key.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn signature_is_that_of_the_published_example() {
        let keys = Keys::new(Key::parse(SECRET).expect("a secret"), Vec::new());
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn each_of_two_keys_signs_for_a_receiver_that_knows_only_one() {
        let new = Key::text(&[9; 32]);
        let keys =
            Keys::new(Key::parse(&new).expect("new"), vec![Key::parse(SECRET).expect("old")]);
        let signed = keys.sign("msg_1", 7, b"{}");
        for secret in [new.as_str(), SECRET] {
            let receiver = standardwebhooks::Webhook::new(secret).expect("a secret");
            let expected = receiver.sign("msg_1", 7, b"{}").expect("signs");
            assert!(signed.split(' ').any(|one| one == expected), "{signed}");
        }
    }

    #[test]
    fn text_that_is_no_secret_says_why_and_shows_nothing() {
        let refused = |text: &str| Key::parse(text).err();
        assert_eq!(refused("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Some(KeyError::Prefix));
        assert_eq!(refused("whsec_no base64!"), Some(KeyError::Base64));
        assert_eq!(refused("whsec_"), Some(KeyError::Length { octets: 0 }));
        for (octets, fits) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![1; octets]));
            assert_eq!(refused(&text).is_none(), fits, "{octets}");
        }
    }
}
