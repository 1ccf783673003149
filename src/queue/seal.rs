//! What the store's key does: credentials at rest are sealed with it, bound to their job; what must not change unseen is
//! marked with one that follows from it.
//!
//! In: [`Credentials`] and the id of their job. Out: an opaque blob, and back. In: what a row says. Out: its mark.
//! Source: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03). A fresh random nonce of 24 octets for each
//! blob; the associated data is the job's id and the version of its credentials, so that a blob moved to
//! another row does not open.
//! Not here: where the key comes from (`app`), when the blob is destroyed (the final state's transaction).

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::app::secrets::{derived_key, hmac_sha256};
use crate::job::{Credentials, JobId, Secret};

const NONCE_OCTETS: usize = 24;
/// First octet of a blob: a later format gets another one.
const FORMAT: u8 = 1;

/// The key of a store: 32 random octets, kept apart from the store and its copies.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    pub fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// Seals and opens with one key.
pub(super) struct Sealer {
    cipher: XChaCha20Poly1305,
    marker: Marker,
}

impl Sealer {
    pub(super) fn new(key: &StoreKey) -> Self {
        Self { cipher: XChaCha20Poly1305::new((&*key.0).into()), marker: Marker::new(key) }
    }

    pub(super) fn marker(&self) -> &Marker {
        &self.marker
    }

    /// Seals what belongs to this job.
    ///
    /// # Errors
    /// [`SealError`] if the system gives no random octets.
    pub(super) fn seal(
        &self,
        job: JobId,
        version: u32,
        credentials: &Credentials,
    ) -> Result<Vec<u8>, SealError> {
        let parts = [&credentials.login_id, &credentials.password, &credentials.first_time_key]
            .map(Secret::expose);
        let octets = parts.iter().map(|part| 1 + part.len()).sum();
        // Exactly as large as needed: a growing buffer would leave copies behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(octets));
        for part in parts {
            plain.push(u8::try_from(part.len()).map_err(|_| SealError)?);
            plain.extend_from_slice(part.as_bytes());
        }
        self.seal_octets(&associated(job, version), &plain)
    }

    /// Opens what was sealed for this job.
    ///
    /// # Errors
    /// [`SealError`] for another key, another job or version, or a changed blob.
    pub(super) fn open(
        &self,
        job: JobId,
        version: u32,
        blob: &[u8],
    ) -> Result<[Secret; 3], SealError> {
        let plain = self.open_octets(&associated(job, version), blob)?;
        let mut rest: &[u8] = &plain;
        let mut next = || -> Result<Secret, SealError> {
            let (length, tail) = rest.split_first().ok_or(SealError)?;
            let (part, tail) = tail.split_at_checked(usize::from(*length)).ok_or(SealError)?;
            rest = tail;
            let text = std::str::from_utf8(part).map_err(|_| SealError)?;
            Secret::parse(text.to_owned(), usize::from(u8::MAX)).map_err(|_| SealError)
        };
        Ok([next()?, next()?, next()?])
    }

    pub(super) fn seal_octets(
        &self,
        associated: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_OCTETS];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let payload = Payload { msg: plain, aad: associated };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError)?;
        Ok([&[FORMAT], &nonce[..], &sealed].concat())
    }

    pub(super) fn open_octets(
        &self,
        associated: &[u8],
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (format, rest) = blob.split_first().ok_or(SealError)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_OCTETS>().ok_or(SealError)?;
        if *format != FORMAT {
            return Err(SealError);
        }
        let payload = Payload { msg: sealed, aad: associated };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError)?;
        Ok(Zeroizing::new(plain))
    }
}

/// Octets of a mark.
const MARK_OCTETS: usize = 16;

/// Marks what must not change unseen.
#[derive(Clone)]
pub(super) struct Marker(Hmac<Sha256>);

impl Marker {
    fn new(key: &StoreKey) -> Self {
        Self(hmac_sha256(&derived_key(&key.0, b"shirase event mark 1")))
    }

    /// Of parts of which each counts with its length.
    pub(super) fn mark(&self, parts: &[&[u8]]) -> [u8; MARK_OCTETS] {
        let mut hmac = self.0.clone();
        for part in parts {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
        let mut mark = [0; MARK_OCTETS];
        for (octet, of_hmac) in mark.iter_mut().zip(hmac.finalize().into_bytes()) {
            *octet = of_hmac;
        }
        mark
    }
}

fn associated(job: JobId, version: u32) -> Vec<u8> {
    [&job.0.to_bytes()[..], &version.to_be_bytes()].concat()
}

/// It does not open, or could not be sealed. Says nothing of the contents, on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("sealed data does not open with this key, or could not be sealed")]
pub(super) struct SealError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{UnixMillis, examples};

    fn sealed() -> (Sealer, JobId, Vec<u8>) {
        let sealer = Sealer::new(&StoreKey::new([7; 32]));
        let job = JobId::new(UnixMillis(1), 2);
        let content = examples::first_contact().content;
        let blob = sealer.seal(job, 1, content.credentials().expect("has some")).expect("seals");
        (sealer, job, blob)
    }

    #[test]
    fn sealed_opens_for_its_job_and_shows_nothing() {
        let (sealer, job, blob) = sealed();
        let opened = sealer.open(job, 1, &blob).expect("opens");
        assert_eq!(opened.each_ref().map(Secret::expose), examples::CANARIES);
        for canary in examples::CANARIES {
            assert!(!blob.windows(canary.len()).any(|part| part == canary.as_bytes()));
        }
    }

    #[test]
    fn other_job_other_version_other_key_does_not_open() {
        let (sealer, job, blob) = sealed();
        let other = JobId::new(UnixMillis(1), 3);
        assert!(sealer.open(other, 1, &blob).is_err());
        assert!(sealer.open(job, 2, &blob).is_err());
        assert!(Sealer::new(&StoreKey::new([8; 32])).open(job, 1, &blob).is_err());
    }

    #[test]
    fn any_changed_or_missing_octet_does_not_open() {
        let (sealer, job, blob) = sealed();
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(sealer.open(job, 1, &changed).is_err(), "octet {at}");
            assert!(sealer.open(job, 1, &blob[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn same_credentials_never_look_the_same() {
        assert_ne!(sealed().2, sealed().2);
    }
}
