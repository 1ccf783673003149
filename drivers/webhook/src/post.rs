//! One post, from the name of the endpoint to the status of its answer.
//!
//! In: an [`Endpoint`] and a [`Message`]. Out: [`Answered`], or a [`PostError`].
//! Each post has a connection of its own, so that each is judged anew by `place.rs`. The body of an answer says nothing that
//! a program could use: some of it is read, so that the other end is not cut off in the middle, and dropped.
//! Source: RFC 9110 15 (status), RFC 9112 (HTTP/1.1).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use pki::{Trust, TrustError};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::TlsConnector;

use crate::later::retry_after;
use crate::{Keys, Place, PostError, Resolve, Stage};

/// As much of an answer is read.
const ANSWER_OCTETS: usize = 64 << 10;
/// And so long: the status is there already.
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// One address of several gets no more than this.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Names what posts.
const AGENT: &str = "shirase-webhook";

/// Something that is posted. The same `id` says that it is the same, however often it comes.
pub struct Message<'a> {
    /// Visible ASCII without a dot.
    pub id: &'a str,
    /// JSON.
    pub body: &'a [u8],
}

/// An endpoint that can be posted to.
pub struct Endpoint {
    place: Place,
    keys: Keys,
    /// Networks in which it may be though they are not of the Internet.
    allowed: Vec<IpNet>,
    tls: Arc<ClientConfig>,
    resolver: Arc<dyn Resolve>,
}

/// It said 2xx.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answered {
    pub status: u16,
    /// Who did.
    pub address: IpAddr,
}

impl Endpoint {
    /// A post ends within this. Standard Webhooks asks senders to wait 15 to 30 s.
    pub const POST_WITHIN: Duration = Duration::from_secs(20);

    /// # Errors
    /// [`TrustError`]: there are no certificates to check against.
    pub fn new(
        place: Place,
        keys: Keys,
        allowed: Vec<IpNet>,
        trust: &Trust,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, TrustError> {
        let mut tls = trust.config()?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { place, keys, allowed, tls: Arc::new(tls), resolver })
    }

    /// Posts once, signed with every key. `now` is the time of this attempt in seconds since 1970, as the receiver checks it.
    ///
    /// # Errors
    /// [`PostError`]; it may have been received all the same.
    pub async fn post(&self, message: &Message<'_>, now: i64) -> Result<Answered, PostError> {
        let mut over = pin!(tokio::time::sleep(Self::POST_WITHIN));
        let addresses = self.addresses(over.as_mut()).await?;
        let (tcp, address) =
            within(over.as_mut(), Stage::Connection, connect(&addresses)).await??;
        let request = self.request(message, now)?;
        let response = if self.place.has_tls() {
            let tls = within(over.as_mut(), Stage::Tls, self.begin_tls(tcp)).await??;
            within(over.as_mut(), Stage::Answer, exchange(tls, request)).await??
        } else {
            within(over.as_mut(), Stage::Answer, exchange(tcp, request)).await??
        };
        judge(&response, now).map(|status| Answered { status, address })
    }

    /// Where the next post would go, as each post asks and judges anew. Nothing is sent.
    ///
    /// # Errors
    /// [`PostError::NoAddress`], [`PostError::Forbidden`], [`PostError::Plain`], [`PostError::Late`].
    pub async fn look(&self) -> Result<Vec<SocketAddr>, PostError> {
        self.addresses(pin!(tokio::time::sleep(Self::POST_WITHIN))).await
    }

    async fn addresses(&self, over: Pin<&mut Sleep>) -> Result<Vec<SocketAddr>, PostError> {
        let found = self.place.addresses(self.resolver.as_ref(), &self.allowed);
        within(over, Stage::Name, found).await?
    }

    fn request(&self, message: &Message<'_>, now: i64) -> Result<Request<Full<Bytes>>, PostError> {
        Request::post(self.place.path())
            .header(HOST, self.place.authority())
            .header(CONNECTION, "close")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", message.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", self.keys.sign(message.id, now, message.body))
            .body(Full::new(Bytes::copy_from_slice(message.body)))
            .map_err(|error| PostError::NoHttp { detail: error.to_string() })
    }

    async fn begin_tls(
        &self,
        tcp: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, PostError> {
        let wrong_name = || PostError::WrongName { host: self.place.host() };
        let name = ServerName::try_from(self.place.name()).map_err(|_| wrong_name())?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector.connect(name, tcp).await.map_err(|error| {
            // What the other end's certificate or protocol is refused for comes as an error of input and output.
            let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match refused {
                Some(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => wrong_name(),
                Some(rustls::Error::InvalidCertificate(why)) => {
                    PostError::Certificate { detail: why.to_string() }
                }
                Some(other) => PostError::Tls { detail: other.to_string() },
                None => PostError::Tls { detail: error.to_string() },
            }
        })
    }
}

/// The future's end, or that the time of the post is over.
async fn within<T>(
    mut over: Pin<&mut Sleep>,
    stage: Stage,
    work: impl Future<Output = T>,
) -> Result<T, PostError> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = &mut over => Err(PostError::Late { stage }),
    }
}

/// Connects to the first address that takes it.
async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, IpAddr), PostError> {
    let mut last = PostError::Late { stage: Stage::Connection };
    for address in addresses {
        let ip = address.ip();
        match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // One small request: nothing is to be gathered.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, ip));
            }
            Ok(Err(error)) => {
                last = PostError::Connect { address: ip, detail: error.to_string() };
            }
            Err(_late) => last = PostError::Late { stage: Stage::Connection },
        }
    }
    Err(last)
}

/// Sends the request; gives the head of the answer once its body was looked at as long as that is worth.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<()>, PostError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    // Polled here and nowhere else: with this future the connection ends.
    let mut connection = pin!(connection);
    let response = {
        let mut asked = pin!(sender.send_request(request));
        tokio::select! {
            biased;
            answered = &mut asked => answered,
            ended = &mut connection => match ended {
                Ok(()) => asked.await,
                Err(error) => Err(error),
            },
        }
    };
    let (head, body) = response.map_err(|error| broken(&error))?.into_parts();
    let dropped = Limited::new(body, ANSWER_OCTETS).collect();
    tokio::select! {
        _ = dropped => {}
        _ = &mut connection => {}
        () = tokio::time::sleep(BODY_WITHIN) => {}
    }
    Ok(Response::from_parts(head, ()))
}

fn broken(error: &hyper::Error) -> PostError {
    if error.is_parse() {
        return PostError::NoHttp { detail: error.to_string() };
    }
    let io = std::error::Error::source(error).and_then(|inner| inner.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        // TLS 1.3 hears only now that the other end refuses it.
        Some(io::ErrorKind::InvalidData) => PostError::Tls { detail: error.to_string() },
        Some(_) | None => PostError::Reset,
    }
}

/// What an answer means.
fn judge<B>(response: &Response<B>, now: i64) -> Result<u16, PostError> {
    let status = response.status().as_u16();
    match status {
        200..=299 => Ok(status),
        300..=399 => Err(PostError::Redirect { status }),
        410 => Err(PostError::Gone),
        _ => {
            let value = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let again_after = value.and_then(|value| retry_after(value, now));
            Err(PostError::Status { status, again_after })
        }
    }
}
