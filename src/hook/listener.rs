//! The listening socket: HTTP/1.1 for clients that may be slow, silent, many or hostile.
//!
//! In: a bound socket, the router, a signal to stop. Out: answers; a connection that breaks a limit is closed.
//! Built on hyper's HTTP/1 connection because `axum::serve` has no timer for the header: a client that
//! drips one octet a second would stay for ever.
//! Source: RFC 9112. Limits: [`Limits`].

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::Limits;

/// Pause after the system could not give a connection (no file descriptors): it would fail again at once.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Most fields in a header; hyper answers more with 431.
const MOST_HEADER_FIELDS: usize = 64;

/// Longest header with its request line; hyper answers a longer one with 431.
const HEADER_OCTETS: usize = 16 << 10;

/// Answers until `stop` is ready, then ends what is under way within the grace of `limits`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let guests = Guests::default();
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match guests.admit(address.ip(), &limits) {
                    Some(guest) => {
                        let (router, limits, closed) = (router.clone(), limits.clone(), closed.clone());
                        connections.spawn(async move {
                            converse(stream, router, &limits, closed).await;
                            drop(guest);
                        });
                    }
                    // Closed at once: a full house must not fill the backlog as well.
                    None => tracing::warn!("hook.connection.too_many"),
                },
                Err(error) => {
                    tracing::error!(%error, "hook.accept.failed");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                }
            },
            // Finished conversations are taken off, so that the set does not grow.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    closing.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.stop, ended).await.is_err() {
        tracing::warn!(left = connections.len(), "hook.stop.aborted");
        connections.abort_all();
    }
}

/// One connection from its first request to its end.
async fn converse(
    stream: TcpStream,
    router: Router,
    limits: &Limits,
    mut closed: watch::Receiver<bool>,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MOST_HEADER_FIELDS)
        .max_buf_size(HEADER_OCTETS);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::time::timeout(limits.connection, async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut closed) => {
                connection.as_mut().graceful_shutdown();
                connection.as_mut().await
            }
        }
    })
    .await;
    match ended {
        Ok(Ok(())) => {}
        // The client's fault and of no interest to anybody else.
        Ok(Err(error)) => tracing::debug!(%error, "hook.connection.broken"),
        Err(_) => tracing::debug!("hook.connection.too_long"),
    }
}

/// Waits until the listener stops, or is gone.
async fn stopped(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await;
}

/// Who is connected, by address.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place that is free again when this is dropped.
struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    fn admit(&self, address: IpAddr, limits: &Limits) -> Option<Guest> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = counts.values().sum();
        let own = counts.get(&address).copied().unwrap_or(0);
        if all >= limits.connections || own >= limits.connections_per_address {
            return None;
        }
        counts.insert(address, own + 1);
        Some(Guest { guests: self.clone(), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = counts.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
