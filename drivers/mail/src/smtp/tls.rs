//! Who may have signed a certificate, and the handshake that asks for it.
//!
//! In: nothing, or the certificate of a private authority; a connection. Out: a rustls configuration: TLS 1.2 and 1.3,
//! names checked; an encrypted connection.
//! Source: RFC 8314 5.
//! Not here: when TLS is begun (`connection.rs`). There is no way to switch the check off.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider has both versions, so that this cannot fail.
        let builder = builder.map_err(|_| TrustError::NotPem)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Why a connection is not encrypted.
#[derive(Debug)]
pub(crate) enum TlsTrouble {
    /// The certificate is not that of the host.
    Certificate(String),
    /// The connection ended, or the other end does not speak TLS.
    Broken(String),
}

/// Encrypts a connection to `host`.
pub(crate) async fn begin_tls(
    host: &str,
    tcp: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, TlsTrouble> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        TlsTrouble::Certificate(String::from("its name cannot stand in a certificate"))
    })?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
        // A certificate that is refused comes as an error of input and output.
        let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match refused {
            Some(refused) => TlsTrouble::Certificate(refused.to_string()),
            None => TlsTrouble::Broken(error.to_string()),
        }
    })
}
