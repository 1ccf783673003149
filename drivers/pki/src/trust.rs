//! Whose certificates are believed.
//!
//! In: nothing, or the certificates of a private authority. Out: a rustls configuration: TLS 1.2 and 1.3, names checked.
//! Not here: the handshake. There is no way to switch the check off.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Whose signature is believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// That of the authorities this machine trusts.
    System,
    /// That of these authorities only: certificates in PEM.
    Only(Vec<u8>),
}

/// Why there are no certificates to check against. The technician's matter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustError {
    /// This machine has none.
    #[error("this machine trusts no certificate authority; install ca-certificates")]
    NoneOnThisMachine,
    /// What should be certificates in PEM is something else.
    #[error("holds no certificate in PEM")]
    NotPem,
}

impl Trust {
    /// For whoever connects.
    ///
    /// # Errors
    /// [`TrustError`]: there is nothing to check against.
    pub fn config(&self) -> Result<ClientConfig, TrustError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::System => {
                // One that cannot be read is skipped: machines carry some oddities.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TrustError::NoneOnThisMachine);
                }
            }
            Self::Only(pem) => {
                for certificate in certificates(pem)? {
                    roots.add(certificate).map_err(|_| TrustError::NotPem)?;
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider has both versions, so that this cannot fail.
        let builder = builder.map_err(|_| TrustError::NotPem)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Every certificate of a PEM file, at least one.
///
/// # Errors
/// [`TrustError::NotPem`]
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(TrustError::NotPem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_that_is_none_is_refused_and_a_chain_is_read_whole() {
        let made = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("made");
            made.cert.pem()
        };
        let pair = made("a.example.jp") + &made("b.example.jp");
        assert_eq!(certificates(pair.as_bytes()).map(|found| found.len()), Ok(2));
        assert!(Trust::Only(pair.clone().into_bytes()).config().is_ok());
        let cut = pair.replacen("MII", "M!!", 1);
        let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for none in ["", "not PEM", cut.as_str(), key.as_str(), hollow] {
            let refused = Trust::Only(none.as_bytes().to_vec()).config().err();
            assert_eq!(refused, Some(TrustError::NotPem), "{none}");
        }
    }
}
