//! The hook's client for the verbs of the command line: one request, one connection.
//!
//! In: where the gateway is and a token. Out: the answer as JSON, or a [`Failure`] that a person understands.
//! Over plain HTTP it talks to this machine only, unless told otherwise; over TLS to any whose certificate is signed by the CA
//! that it is given. It trusts no public CA: a gateway is nobody's web site.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::{print, secrets};

/// Longest time for one answer: the gateway may draw a sheet before it answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// Longest answer that is read: a list of 200 notifications has less than 1 MiB.
const ANSWER_OCTETS: usize = 16 << 20;

/// No file of certificates is longer.
const PEM_LIMIT_OCTETS: u64 = 256 << 10;

/// Which gateway, and as whom.
#[derive(clap::Args)]
pub struct Gateway {
    /// Where the gateway listens.
    #[arg(long, env = "SHIRASE_URL", default_value = "http://127.0.0.1:8750")]
    url: Uri,
    /// File with the token, as `shirase token new` printed it.
    #[arg(long, env = "SHIRASE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// For https: PEM file of the CA that signed the gateway's certificate, or that certificate itself.
    #[arg(long, env = "SHIRASE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// For a gateway that asks for certificates: PEM file with ours and its key.
    #[arg(long, env = "SHIRASE_CERTIFICATE_FILE", value_name = "FILE")]
    certificate_file: Option<PathBuf>,
    /// Talk to another machine by plain HTTP, although token and request are readable on the way.
    #[arg(long)]
    allow_remote: bool,
}

/// A way to ask one gateway.
pub struct Client {
    authority: String,
    /// None is needed beside a certificate that belongs to a client.
    token: Option<Zeroizing<String>>,
    allow_remote: bool,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection, plain or TLS.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What the gateway said, if it was no refusal.
pub struct Reply {
    pub body: Value,
    /// It had taken on the same request before.
    pub replayed: bool,
}

impl Gateway {
    /// Reads the token and checks the address.
    ///
    /// # Errors
    /// [`Failure`]: no token, or no address of this kind.
    pub fn client(&self) -> Result<Client, Failure> {
        let usage = |message: &str| Failure::new(Exit::Usage, format!("{}: {message}", self.url));
        let (is_tls, default_port) = match self.url.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) | None => return Err(usage("must be http://host:port or https://host:port")),
        };
        if self.url.path() != "/" {
            return Err(usage("must end behind the port"));
        }
        let host = self.url.host().ok_or_else(|| usage("has no host"))?;
        let tls = if is_tls {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|_| usage("has no name that a certificate could have"))?;
            Some((self.connector()?, name))
        } else {
            None
        };
        Ok(Client {
            authority: format!("{host}:{}", self.url.port_u16().unwrap_or(default_port)),
            token: self.token()?,
            allow_remote: self.allow_remote || is_tls,
            tls,
        })
    }

    fn token(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let Some(token_file) = self.token_file.as_deref() else {
            return match self.certificate_file {
                Some(_) => Ok(None),
                None => {
                    Err(Failure::new(Exit::Usage, "--token-file or SHIRASE_TOKEN_FILE is needed"))
                }
            };
        };
        let octets = secrets::read(token_file)?;
        let token = std::str::from_utf8(&octets).map_err(|_| {
            Failure::new(Exit::Settings, format!("{}: no token", token_file.display()))
        })?;
        Ok(Some(Zeroizing::new(token.trim().to_owned())))
    }

    /// What a TLS connection needs, out of the files.
    fn connector(&self) -> Result<TlsConnector, Failure> {
        let wrong = |path: &Path, why: String| {
            Failure::new(Exit::Settings, format!("{}: {why}", path.display()))
        };
        let ca_file = self
            .ca_file
            .as_deref()
            .ok_or_else(|| Failure::new(Exit::Usage, "https needs --ca-file or SHIRASE_CA_FILE"))?;
        let pem = secrets::read_open(ca_file, PEM_LIMIT_OCTETS)?;
        let certificates = |path: &Path, pem: &[u8]| {
            pki::certificates(pem).map_err(|error| wrong(path, error.to_string()))
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(ca_file, &pem)? {
            roots.add(root).map_err(|error| wrong(ca_file, error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?
            .with_root_certificates(roots);
        let config = match self.certificate_file.as_deref() {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let pem = secrets::read(file)?;
                let chain = certificates(file, &pem)?;
                let key = PrivateKeyDer::from_pem_slice(&pem)
                    .map_err(|error| wrong(file, format!("no key: {error}")))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| wrong(file, error.to_string()))?
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl Client {
    /// Asks for something.
    ///
    /// # Errors
    /// [`Failure`]: the gateway cannot be reached, or refuses.
    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(self.request(Method::GET, path), Vec::new()).await
    }

    /// Withdraws something.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.send(self.request(Method::DELETE, path), Vec::new()).await
    }

    /// Hands a notification in.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &str, key: &str, body: Vec<u8>) -> Result<Reply, Failure> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        self.send(request, body).await
    }

    /// Asks for something to be done that needs no more words.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_empty(&self, path: &str) -> Result<Reply, Failure> {
        self.send(self.request(Method::POST, path), Vec::new()).await
    }

    /// Asks with a body; the same request twice does no harm.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request, body.to_string().into_bytes()).await
    }

    /// Puts something as it is to be.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put_json(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        let request = self.request(Method::PUT, path).header("content-type", "application/json");
        self.send(request, body.to_string().into_bytes()).await
    }

    /// Opens a stream of events behind a cursor.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn stream(&self, path: &str, after: i64) -> Result<Incoming, Failure> {
        let request = self
            .request(Method::GET, path)
            .header("accept", "text/event-stream")
            .header("last-event-id", after)
            .body(Full::default())
            .map_err(|error| Failure::new(Exit::Usage, format!("no request: {error}")))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.answer(request));
        let response = answer.await.map_err(|_| self.unreachable("no answer"))??;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        // It starts, stops or has enough readers: all of that passes.
        if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS
        {
            return Err(self.unreachable(response.status()));
        }
        self.read(response).await.and_then(|_no_stream| Err(self.unreachable("no stream")))
    }

    fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("connection", "close");
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {}", **token)),
            None => request,
        }
    }

    async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Reply, Failure> {
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::new(Exit::Usage, format!("no request: {error}")))?;
        tokio::time::timeout(ANSWER_WITHIN, self.exchange(request))
            .await
            .map_err(|_| self.unreachable("no answer"))?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let response = self.answer(request).await?;
        self.read(response).await
    }

    /// Asks, and gives the answer when its head is there.
    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let stream = self.wire().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(error))?;
        // Ends with the body.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| self.unreachable(error))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Reply, Failure> {
        let (head, body) = response.into_parts();
        let octets = Limited::new(body, ANSWER_OCTETS)
            .collect()
            .await
            .map_err(|error| self.unreachable(error))?
            .to_bytes();
        let body: Value = serde_json::from_slice(&octets)
            .map_err(|_| self.unreachable(format!("{} without JSON", head.status)))?;
        if head.status.is_success() {
            let replayed = head.headers.contains_key("idempotency-replayed");
            Ok(Reply { body, replayed })
        } else {
            Err(Failure::new(Exit::Refused, print::problem(&body)))
        }
    }

    async fn wire(&self) -> Result<Box<dyn Wire>, Failure> {
        let stream = self.connect().await?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((connector, name)) => match connector.connect(name.clone(), stream).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(self.unreachable(error)),
            },
        }
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let addresses = tokio::net::lookup_host(&self.authority)
            .await
            .map_err(|error| self.unreachable(error))?;
        let mut last = None;
        for address in addresses {
            if !address.ip().is_loopback() && !self.allow_remote {
                return Err(Failure::new(
                    Exit::Usage,
                    format!(
                        "{} is another machine: https, or --allow-remote if the way is safe",
                        self.authority
                    ),
                ));
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(error) => self.unreachable(error),
            None => self.unreachable("no address"),
        })
    }

    fn unreachable(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(Exit::Unreachable, format!("gateway at {}: {why}", self.authority))
    }
}

/// A path of pieces that hold nothing but letters, digits, `-` and `_`: an id from the command line
/// cannot become another path.
///
/// # Errors
/// [`Failure`] naming the piece.
pub fn path(pieces: &[&str]) -> Result<String, Failure> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    match pieces.iter().find(|piece| piece.is_empty() || !piece.bytes().all(plain)) {
        Some(piece) => {
            Err(Failure::new(Exit::Usage, format!("`{}` is no id", piece.escape_debug())))
        }
        None => Ok(format!("/{}", pieces.join("/"))),
    }
}
