//! Callers that hold a connection and are slow over it in every way, each from an address of its own; who is put out comes
//! again at once.
//!
//! In: an address. Out: how many are connected, and how often one was put out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::chance::Chance;
use crate::house::SECRET;

const LONGEST_BETWEEN_OCTETS: Duration = Duration::from_secs(2);
const LONGEST_AWAY: Duration = Duration::from_secs(1);

/// How they fare.
#[derive(Default)]
pub struct Crowd {
    connected: AtomicU64,
    most_connected: AtomicU64,
    put_out: AtomicU64,
}

impl Crowd {
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    pub fn most_connected(&self) -> u64 {
        self.most_connected.load(Ordering::Relaxed)
    }

    pub fn put_out(&self) -> u64 {
        self.put_out.load(Ordering::Relaxed)
    }
}

/// The ways of being slow.
#[derive(Clone, Copy)]
enum Way {
    Silent,
    DripsHeader,
    DripsBody,
    NeverReads,
}

const WAYS: [Way; 4] = [Way::Silent, Way::DripsHeader, Way::DripsBody, Way::NeverReads];

/// One caller, for ever.
pub async fn is_slow(nth: usize, to: SocketAddr, crowd: Arc<Crowd>, mut chance: Chance) {
    let octet = |n: usize| u8::try_from(n).expect("few enough");
    let from = SocketAddr::from(([127, 1, octet(nth / 250), octet(nth % 250 + 1)], 0));
    let way = WAYS[nth % WAYS.len()];
    loop {
        sleep(chance.up_to(LONGEST_AWAY)).await;
        // Nobody is there at times.
        let Ok(stream) = connect(from, to).await else { continue };
        let connected = crowd.connected.fetch_add(1, Ordering::Relaxed) + 1;
        crowd.most_connected.fetch_max(connected, Ordering::Relaxed);
        dawdle(stream, way, &mut chance).await;
        crowd.connected.fetch_sub(1, Ordering::Relaxed);
        crowd.put_out.fetch_add(1, Ordering::Relaxed);
    }
}

async fn connect(from: SocketAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Little room, so that an answer which is not read soon lies about at the other end.
    socket.set_recv_buffer_size(4 << 10)?;
    socket.bind(from)?;
    socket.connect(to).await
}

/// Until the other end has enough.
async fn dawdle(mut stream: TcpStream, way: Way, chance: &mut Chance) {
    let head = match way {
        // It hears of its end: without a word, or by a reset.
        Way::Silent => {
            while stream.read_u8().await.is_ok() {}
            return;
        }
        Way::DripsHeader => "GET /healthz HTTP/1.1\r\nX: ".to_owned(),
        Way::DripsBody => format!(
            "POST /v1/notifications HTTP/1.1\r\nHost: slow\r\nAuthorization: Bearer test.{SECRET}\r\n\
             Idempotency-Key: slow\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        ),
        Way::NeverReads => "GET /v1/openapi.json HTTP/1.1\r\nHost: slow\r\n\r\n".repeat(20),
    };
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        sleep(chance.up_to(LONGEST_BETWEEN_OCTETS)).await;
        sent = stream.write_all(b"a").await;
    }
}
