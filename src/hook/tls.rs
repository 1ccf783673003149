//! TLS for callers on other machines, and their certificates.
//!
//! In: PEM files as octets, a connection. Out: a connection that nobody else reads, and who the certificate on it belongs
//! to. Certificates can be exchanged while connections are open; those keep what they were opened with.
//! Source: RFC 8446 and RFC 5246 (nothing older), RFC 9525 for names. With a client CA nobody without a certificate of it
//! gets as far as HTTP. A certificate that belongs to no client of the settings is let in, and needs a token as anybody does.
//! No `Strict-Transport-Security`: there is no plain door beyond this machine that a client could be led to.
//! Not here: how long a handshake may take (`listener.rs`), when files are read again (`app/renewal.rs`).

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use super::caller::Certified;

/// What the files hold.
pub struct Pem {
    /// Our certificate, then those between it and the root.
    pub chain: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
    /// Who signs the certificates of clients. `None`: no client needs one.
    pub client_ca: Option<Vec<u8>>,
}

/// Why the files cannot be used. The technician's matter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsError {
    #[error("certificate: {0}")]
    Certificate(String),
    #[error("key_file: {0}")]
    Key(String),
    #[error("client_ca: {0}")]
    ClientCa(String),
    #[error("certificate and key_file do not belong together: {0}")]
    Pair(String),
    #[error("client `{0}`: its certificate_name is no DNS name")]
    Name(String),
}

/// What a door shows, and whom it knows by certificate.
pub struct Certificates {
    now: RwLock<Arc<ServerConfig>>,
    known: Vec<(ServerName<'static>, Arc<Certified>)>,
}

/// Whose certificate a caller has shown.
pub struct Shown(pub Option<Arc<Certified>>);

impl Certificates {
    /// # Errors
    /// [`TlsError`]
    pub fn new(pem: &Pem, clients: Vec<Certified>) -> Result<Self, TlsError> {
        let known = clients.into_iter().map(|client| {
            let name = ServerName::try_from(client.name.clone())
                .map_err(|_| TlsError::Name(client.client.0.clone()))?;
            Ok((name, Arc::new(client)))
        });
        Ok(Self { known: known.collect::<Result<_, _>>()?, now: RwLock::new(configured(pem)?) })
    }

    /// Takes other files from the next connection on.
    ///
    /// # Errors
    /// [`TlsError`]; what was is still in use.
    pub fn renew(&self, pem: &Pem) -> Result<(), TlsError> {
        let new = configured(pem)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// What the client did wrong, or that it is gone.
    pub async fn greet(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Shown)> {
        let now = Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(now).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let shown = Shown(shown.and_then(|certificate| self.whose(certificate)));
        Ok((stream, shown))
    }

    fn whose(&self, certificate: &CertificateDer<'_>) -> Option<Arc<Certified>> {
        let certificate = ParsedCertificate::try_from(certificate).ok()?;
        let mut known = self.known.iter();
        let (_, client) = known.find(|(name, _)| verify_server_name(&certificate, name).is_ok())?;
        Some(Arc::clone(client))
    }
}

fn configured(pem: &Pem) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain =
        pki::certificates(&pem.chain).map_err(|error| TlsError::Certificate(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem.key)
        .map_err(|error| TlsError::Key(error.to_string()))?;
    let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Pair(error.to_string()))?;
    let clients = match &pem.client_ca {
        None => versions.with_no_client_auth(),
        Some(pem) => {
            let wrong = |error: &dyn std::fmt::Display| TlsError::ClientCa(error.to_string());
            let mut roots = RootCertStore::empty();
            for root in pki::certificates(pem).map_err(|error| wrong(&error))? {
                roots.add(root).map_err(|error| wrong(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| wrong(&error))?;
            versions.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        clients.with_single_cert(chain, key).map_err(|error| TlsError::Pair(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
