//! Who may have signed a certificate.
//!
//! In: nothing, or the certificate of a private authority. Out: a rustls configuration: TLS 1.2 and 1.3, names checked.
//! Source: RFC 8314 5.
//! Not here: when TLS is begun (`connection.rs`). There is no way to switch the check off.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
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
    #[error("the file of certificate authorities holds no certificate in PEM")]
    NotPem,
}

impl Trust {
    pub(crate) fn config(&self) -> Result<ClientConfig, TrustError> {
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
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider has both versions, so that this cannot fail.
        let builder = builder.map_err(|_| TrustError::NotPem)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}
