//! The listening sockets: HTTP/1.1 for clients that may be slow, silent, many or hostile.
//!
//! In: bound sockets, the router, a signal to stop. Out: answers; a connection that breaks a limit is closed.
//! A connection lives as long as it makes progress, so a stream of events stays for as long as `streams.rs` lets it:
//!
//! | waits for | at most | then |
//! |---|---|---|
//! | a handshake, a whole header, the next request | [`Limits::header`] | it is closed |
//! | a whole body | [`Limits::body`] | 408, and it is closed (`body.rs`) |
//! | an answer to be read | [`Limits::answer`] | it is closed (`pace.rs`) |
//! | a place in a full house | not at all | somebody who says nothing goes (`guests.rs`) |
//!
//! Built on hyper's HTTP/1 connection because `axum::serve` has no timer for the header: a client that
//! drips one octet a second would stay for ever. Between octets of a stream nothing here ends it; a peer that is gone
//! without a word is given up by the kernel, some fifteen minutes after the first heartbeat that it does not acknowledge.
//! Source: RFC 9112.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::caller::{Caller, Network};
use super::guests::{Guest, Guests, Serving};
use super::limits::Limits;
use super::pace::Paced;
use super::tls::{Certificates, Shown};

/// Pause after the system could not give a connection (no file descriptors): it would fail again at once.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Most fields in a header; hyper answers more with 431.
const MOST_HEADER_FIELDS: usize = 64;

/// Longest header with its request line; hyper answers a longer one with 431.
const HEADER_OCTETS: usize = 16 << 10;

/// A socket that requests come in by.
pub struct Door {
    pub socket: TcpListener,
    /// `None`: plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
}

/// Answers until `stop` is ready, then ends what is under way within the grace of `limits`.
pub async fn serve(
    doors: Vec<Door>,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let (closing, closed) = watch::channel(false);
    let house = House { router, limits, guests: Guests::default(), closed };
    let mut watched: JoinSet<()> =
        doors.into_iter().map(|door| house.clone().watch(door)).collect();
    stop.await;
    closing.send_replace(true);
    while watched.join_next().await.is_some() {}
}

/// What all doors share.
#[derive(Clone)]
struct House {
    router: Router,
    limits: Limits,
    guests: Guests,
    closed: watch::Receiver<bool>,
}

impl House {
    /// Lets in whoever comes by one door.
    async fn watch(mut self, door: Door) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut self.closed) => break,
                accepted = door.socket.accept() => match accepted {
                    Ok((stream, address)) => {
                        let network = Network::of(address.ip());
                        // Without a place it is closed at once: a full house must not fill the backlog as well.
                        if let Some(guest) = self.guests.admit(network, &self.limits) {
                            let certificates = door.certificates.clone();
                            connections.spawn(self.clone().receive(stream, address, guest, certificates));
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "hook.accept.failed");
                        tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                    }
                },
                // Finished conversations are taken off, so that the set does not grow.
                Some(_) = connections.join_next() => {}
            }
        }
        drop(door.socket);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.stop, ended).await.is_err() {
            tracing::warn!(left = connections.len(), "hook.stop.aborted");
            connections.abort_all();
        }
    }

    /// One connection from its first octet to its end.
    async fn receive(
        self,
        stream: TcpStream,
        address: SocketAddr,
        guest: Guest,
        certificates: Option<Arc<Certificates>>,
    ) {
        let guest = Arc::new(guest);
        let network = Network::of(address.ip());
        // An answer is handed over whole: to wait for more would only delay it.
        let _ = stream.set_nodelay(true);
        let conversation = async {
            let Some(certificates) = certificates else {
                return self.converse(stream, Caller { network, certified: None }, &guest).await;
            };
            let shaken = tokio::time::timeout(self.limits.header, certificates.greet(stream)).await;
            match shaken {
                Ok(Ok((stream, Shown(certified)))) => {
                    self.converse(stream, Caller { network, certified }, &guest).await;
                }
                // The client's fault, but whoever set up a client has to know why it is not let in.
                Ok(Err(error)) => tracing::info!(%error, "hook.tls.refused"),
                Err(_) => tracing::debug!("hook.tls.too_slow"),
            }
        };
        tokio::select! {
            () = conversation => {}
            () = guest.has_to_go() => tracing::debug!("hook.connection.made_room"),
        }
    }

    async fn converse<S>(&self, stream: S, caller: Caller, guest: &Arc<Guest>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|mut request: Request<Incoming>| {
            let serving = guest.is_served();
            request.extensions_mut().insert(caller.clone());
            let guest = Arc::clone(guest);
            let answer = router.call(request.map(|body| Arriving { body, guest }));
            async move {
                Ok::<_, std::convert::Infallible>(
                    answer.await?.map(|body| Answering { body, _serving: serving }),
                )
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_headers(MOST_HEADER_FIELDS)
            .max_buf_size(HEADER_OCTETS);
        let stream = Paced::new(stream, self.limits.answer);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let mut closed = self.closed.clone();
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut closed) => {
                connection.as_mut().graceful_shutdown();
                connection.as_mut().await
            }
        };
        if let Err(error) = ended {
            // The client's fault and of no interest to anybody else.
            tracing::debug!(%error, "hook.connection.broken");
        }
    }
}

/// Waits until the listener stops, or is gone.
async fn stopped(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await;
}

/// A body on its way: until it is there, its client keeps us waiting.
struct Arriving {
    body: Incoming,
    guest: Arc<Guest>,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_pending() {
            this.guest.keeps_us_waiting();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    /// Read, or no longer of interest: the answer is next.
    fn drop(&mut self) {
        self.guest.has_sent_all();
    }
}

/// An answer on its way: as long as it is, its client is being served.
struct Answering {
    body: Body,
    _serving: Serving,
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        hyper::body::Body::poll_frame(Pin::new(&mut self.get_mut().body), cx)
    }

    fn is_end_stream(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        hyper::body::Body::size_hint(&self.body)
    }
}
