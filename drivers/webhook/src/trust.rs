//! Whose certificates are believed.
//!
//! In: nothing, or the certificates of a private authority. Out: a rustls configuration: TLS 1.2 and 1.3, names checked.
//! Not here: the handshake (`post.rs`). There is no way to switch the check off.

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
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
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
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(|_| TrustError::NotPem)?;
                    roots.add(certificate).map_err(|_| TrustError::NotPem)?;
                }
                if roots.is_empty() {
                    return Err(TrustError::NotPem);
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider has both versions, so that this cannot fail.
        let builder = versions.map_err(|_| TrustError::NotPem)?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
