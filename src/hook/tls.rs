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
use std::time::Duration;

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
use crate::job::UnixMillis;

/// A certificate that ends sooner should have been renewed: most are with a month left.
pub const RUNS_OUT_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

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
    now: RwLock<Shows>,
    known: Vec<(ServerName<'static>, Arc<Certified>)>,
}

/// What is shown from the next connection on.
struct Shows {
    config: Arc<ServerConfig>,
    /// The last moment at which the whole chain is valid; `None` if that cannot be read.
    end: Option<UnixMillis>,
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
        Ok(Self { known: known.collect::<Result<_, _>>()?, now: RwLock::new(Shows::of(pem)?) })
    }

    /// Takes other files from the next connection on.
    ///
    /// # Errors
    /// [`TlsError`]; what was is still in use.
    pub fn renew(&self, pem: &Pem) -> Result<(), TlsError> {
        let new = Shows::of(pem)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The last moment at which what is shown is valid.
    pub fn end(&self) -> Option<UnixMillis> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).end
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// What the client did wrong, or that it is gone.
    pub async fn greet(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Shown)> {
        let now = Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).config);
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

impl Shows {
    fn of(pem: &Pem) -> Result<Self, TlsError> {
        Ok(Self { config: configured(pem)?, end: validity(&pem.chain).map(|(_, end)| end) })
    }
}

/// From when until when each link of a chain is valid; `None` if that cannot be read.
pub fn validity(chain: &[u8]) -> Option<(UnixMillis, UnixMillis)> {
    let at = |seconds: i64| UnixMillis(seconds.saturating_mul(1000));
    let chain = pki::certificates(chain).ok()?;
    let links: Option<Vec<_>> = chain.iter().map(|link| pki::validity(link)).collect();
    let links = links?;
    let from = links.iter().map(|link| link.from_s).max()?;
    let until = links.iter().map(|link| link.until_s).min()?;
    Some((at(from), at(until)))
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

#[cfg(test)]
pub mod examples {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate that signs itself, valid from 2020 to the beginning of this day.
    pub fn valid_until(year: i32, month: u8, day: u8) -> Pem {
        valid((2020, 1, 1), (year, month, day))
    }

    /// The same with another beginning.
    pub fn valid(from: (i32, u8, u8), until: (i32, u8, u8)) -> Pem {
        let key = KeyPair::generate().expect("a key");
        let mut made = CertificateParams::new(vec!["localhost".into()]).expect("a name");
        made.not_before = date_time_ymd(from.0, from.1, from.2);
        made.not_after = date_time_ymd(until.0, until.1, until.2);
        let chain = made.self_signed(&key).expect("a certificate").pem().into_bytes();
        let key = Zeroizing::new(key.serialize_pem().into_bytes());
        Pem { chain, key, client_ca: None }
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{valid, valid_until};
    use super::*;

    #[test]
    fn chain_is_valid_as_long_as_each_link_of_it() {
        let first = valid((2024, 1, 1), (2027, 1, 1)).chain;
        let second = valid((2020, 1, 1), (2026, 12, 1)).chain;
        let both = validity(&[first, second].concat()).expect("dates");
        assert_eq!(both.0.rfc3339(), "2024-01-01T00:00:00Z");
        assert_eq!(both.1.rfc3339(), "2026-12-01T00:00:00Z");
        assert_eq!(validity(b"no certificate"), None);
    }

    #[test]
    fn certificate_that_is_renewed_ends_later_and_one_without_its_key_changes_nothing() {
        let shown = Certificates::new(&valid_until(2026, 12, 1), Vec::new()).expect("a pair");
        let end = || shown.end().map(UnixMillis::rfc3339);
        assert_eq!(end().as_deref(), Some("2026-12-01T00:00:00Z"));
        shown.renew(&valid_until(2027, 12, 1)).expect("a pair");
        assert_eq!(end().as_deref(), Some("2027-12-01T00:00:00Z"));
        let torn = Pem { key: valid_until(2028, 1, 1).key, ..valid_until(2028, 1, 1) };
        assert!(matches!(shown.renew(&torn), Err(TlsError::Pair(_))));
        assert_eq!(end().as_deref(), Some("2027-12-01T00:00:00Z"));
    }
}
