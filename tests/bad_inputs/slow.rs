//! Clients that are slow in every way, two thousand at once.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::house::{Daemon, House, PATIENCE, message};

const CLIENTS: usize = 2_000;

/// Until all are gone: 10 s for a body or an answer, and a lot for a machine that does other things as well.
const ALL_GONE_WITHIN: Duration = Duration::from_secs(60);

/// The slowest answer to somebody who asks in between. It takes milliseconds; a machine that is busy with other tests
/// takes longer, and a gateway that is held up takes as long as its clients.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

const BETWEEN_DRIPS: Duration = Duration::from_secs(1);

/// The ways of being slow.
#[derive(Clone, Copy, Debug)]
enum Slow {
    Silent,
    DripsHeader,
    DripsBody,
    NeverReads,
    ResetsInBody,
}

const WAYS: [Slow; 5] =
    [Slow::Silent, Slow::DripsHeader, Slow::DripsBody, Slow::NeverReads, Slow::ResetsInBody];

#[test]
fn b10_two_thousand_slow_clients_are_closed_and_hold_up_nobody() {
    let house = House::new();
    let mut daemon = house.daemon();
    // Behind the start of the daemon, which has to do with what a shell gives it.
    let more = format!("--nofile={}:", 2 * CLIENTS);
    let own = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &own, &more]).status();
    assert!(raised.expect("prlimit").success());
    let before_kib = status_kib(&daemon, "VmRSS");

    let began = Instant::now();
    let (address, token) = (house.address.clone(), house.token.clone());
    let crowd = std::thread::spawn(move || come_and_go(&address, &token));
    let (mut took, mut posts, mut turned_away, mut most_files) = (Vec::new(), 0, 0, 0);
    while !crowd.is_finished() {
        let asked = Instant::now();
        // As a client does: who is turned away comes again.
        while house.get("/healthz").status != 200 {
            turned_away += 1;
            assert!(asked.elapsed() < PATIENCE, "nobody answers");
            std::thread::sleep(Duration::from_millis(10));
        }
        took.push(asked.elapsed());
        if took.len() % 20 == 1 {
            let key = format!("between-{posts}");
            house.until("a post is accepted", || {
                (house.post(&key, &message()).status == 202).then_some(())
            });
            posts += 1;
        }
        let files = std::fs::read_dir(format!("/proc/{}/fd", daemon.id()));
        most_files = most_files.max(files.expect("it runs").count());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (left, longest) = crowd.join().expect("the crowd");
    took.sort();
    let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    let grown_kib = status_kib(&daemon, "VmHWM").saturating_sub(before_kib);
    println!(
        "{CLIENTS} slow clients, gone after {:.1} s, the longest {longest:?}; /healthz {} times, \
         p50 {p50:?}, p99 {p99:?}, turned away {turned_away}; {posts} posts; +{grown_kib} KiB, {most_files} files",
        began.elapsed().as_secs_f32(),
        took.len(),
    );
    assert_eq!(left, 0, "clients that are still connected");
    assert!(p99 <= ANSWERED_WITHIN, "p99 {p99:?}");
    assert!(grown_kib <= 128 << 10, "{grown_kib} KiB more");
    assert!(most_files <= CLIENTS / 2, "{most_files} files");
    house.goes_on(&mut daemon);
}

/// All connect at once; how many are left when time is up, and who was connected longest.
fn come_and_go(address: &str, token: &str) -> (usize, Option<(Slow, Duration)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let address: SocketAddr = address.parse().expect("an address");
    runtime.expect("a runtime").block_on(async {
        let mut crowd = JoinSet::new();
        for (n, way) in (0..CLIENTS).zip(WAYS.into_iter().cycle()) {
            // As many addresses as there are clients: no bound for one of them helps.
            let octet = |n| u8::try_from(n).expect("small");
            let from = [127, 1, octet(n / 250), octet(n % 250 + 1)];
            crowd.spawn(is_slow(way, from, address, token.to_owned()));
        }
        let mut longest: Option<(Slow, Duration)> = None;
        let gone = async {
            while let Some(gone) = crowd.join_next().await {
                let gone = gone.expect("it was connected");
                longest =
                    Some(longest.map_or(gone, |most| if gone.1 > most.1 { gone } else { most }));
            }
        };
        let _ = tokio::time::timeout(ALL_GONE_WITHIN, gone).await;
        (crowd.len(), longest)
    })
}

/// One client of this kind from its own address of loopback, until it is closed; how long it was connected.
async fn is_slow(way: Slow, from: [u8; 4], to: SocketAddr, token: String) -> (Slow, Duration) {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Little room, so that an answer which is not read soon lies about at the other end.
    socket.set_recv_buffer_size(4 << 10).expect("a size");
    socket.bind(SocketAddr::from((from, 0))).expect("an address of this machine");
    let mut stream = socket.connect(to).await.expect("a connection");
    let since = Instant::now();
    let post = format!(
        "POST /v1/notifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: slow\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    );
    match way {
        // It hears of the end: without a word, or by a reset.
        Slow::Silent => while stream.read_u8().await.is_ok() {},
        Slow::DripsHeader => drip(&mut stream, "GET /healthz HTTP/1.1\r\nX: ").await,
        Slow::DripsBody => drip(&mut stream, &post).await,
        Slow::NeverReads => {
            let asked = "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
            drip(&mut stream, &asked).await;
        }
        Slow::ResetsInBody => {
            // Turned away already, perhaps.
            let _ = stream.write_all(post.as_bytes()).await;
            stream.set_zero_linger().expect("a reset");
        }
    }
    (way, since.elapsed())
}

/// Sends octet by octet until nobody takes them.
async fn drip(stream: &mut TcpStream, head: &str) {
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        tokio::time::sleep(BETWEEN_DRIPS).await;
        sent = stream.write_all(b"a").await;
    }
}

fn status_kib(daemon: &Daemon, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a figure")
}
