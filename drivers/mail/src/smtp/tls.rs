//! The handshake that asks a server for its certificate.
//!
//! In: a connection. Out: an encrypted one.
//! Source: RFC 8314 5.
//! Not here: whom we believe (`drivers/pki`), when TLS is begun (`connection.rs`).

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

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
