//! Callers that keep their connection and post one notification after the other.
//!
//! In: an address, a token, how many callers, how many posts. Out: how long each answer took.
//! All of them are tasks of one thread, so that they take little of the machine from whom they measure.
//! Not here: callers that are slow on purpose (`tests/chaos`).

#![allow(dead_code, reason = "each program that includes this uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::gateway::wall;

/// Callers at one address, which may have 32 connections and no more.
const AT_ONE_ADDRESS: usize = 16;
const ANSWER_OCTETS: usize = 4096;

/// What all callers know.
pub struct Load {
    pub address: SocketAddr,
    pub token: String,
    pub callers: usize,
    /// Of all callers together.
    pub posts: u32,
    /// The first post has this number, and no two posts have the same.
    pub first: u32,
    /// A caller's next post begins so long after its last one began, or at once.
    pub pace: Option<Duration>,
}

/// What came of it.
pub struct Measured {
    pub took: Duration,
    /// Of each post, in order of length.
    pub answers: Vec<Duration>,
}

impl Measured {
    pub fn a_second(&self) -> f64 {
        self.answers.len() as f64 / self.took.as_secs_f64()
    }

    /// A part from 0 to 1 of the answers took no longer.
    pub fn quantile(&self, part: f64) -> Duration {
        let last = self.answers.len() - 1;
        self.answers[(last as f64 * part).round() as usize]
    }
}

/// Posts all of it and waits for every answer.
///
/// # Panics
/// If an answer is not 202.
pub fn post_all(load: Load) -> Measured {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    let (load, next) = (Arc::new(load), Arc::new(AtomicU32::new(0)));
    let began = wall();
    let mut answers = runtime.block_on(async {
        let callers: Vec<_> = (0..load.callers)
            .map(|caller| tokio::spawn(post_some(Arc::clone(&load), Arc::clone(&next), caller)))
            .collect();
        let mut answers = Vec::new();
        for caller in callers {
            answers.extend(caller.await.expect("a caller"));
        }
        answers
    });
    let took = began.elapsed();
    answers.sort_unstable();
    Measured { took, answers }
}

async fn post_some(load: Arc<Load>, next: Arc<AtomicU32>, caller: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut connection = None;
    let mut turn = wall();
    loop {
        let post = next.fetch_add(1, Ordering::Relaxed);
        if post >= load.posts {
            return took;
        }
        if let Some(pace) = load.pace {
            tokio::time::sleep_until(turn.into()).await;
            turn += pace;
        }
        let request = request(&load.token, load.first + post);
        let began = wall();
        // A connection that has lived long enough is closed: the post goes out once more on another one.
        let status = loop {
            let stream = match &mut connection {
                Some(stream) => stream,
                None => connection.insert(connect(load.address, caller).await),
            };
            match exchange(stream, &request).await {
                Some(status) => break status,
                None => connection = None,
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the gateway answers");
        };
        assert_eq!(status, "202", "post {post}");
        took.push(began.elapsed());
    }
}

async fn connect(address: SocketAddr, caller: usize) -> TcpStream {
    let own = u8::try_from(2 + caller / AT_ONE_ADDRESS).expect("not so many callers");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, own], 0))).expect("an address of this machine");
    let stream = socket.connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("a socket of TCP");
    stream
}

/// The status of the answer, if there is one.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<String> {
    stream.write_all(request).await.ok()?;
    let mut answer = [0; ANSWER_OCTETS];
    let mut filled = 0;
    loop {
        let read = stream.read(answer.get_mut(filled..)?).await.ok()?;
        if read == 0 {
            return None;
        }
        filled += read;
        let text = std::str::from_utf8(answer.get(..filled)?).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        if body.len() >= length.parse().ok()? {
            return head.split(' ').nth(1).map(str::to_owned);
        }
    }
}

/// A first contact with its key, to one of 5,000 numbers; its Idempotency-Key stands nowhere near that of the one before.
fn request(token: &str, post: u32) -> Vec<u8> {
    let (key, fax) = (post.wrapping_mul(0x9E37_79B1), post % 5000);
    let body = format!(
        r#"{{"kind":"first_contact","sender":{{"office_number":"1379900028","office_name":"みどり居宅介護支援事業所","phone":"03-0000-1111"}},"recipient":{{"office_number":"2779900030","office_name":"あおぞら訪問介護ステーション","fax":"03345{fax:05}"}},"credentials":{{"login_id":"az-2779900030","password":"Wm7k-Qp4z-Hr9t","first_time_key":"K7NW-42MD-XQ93-TFHA"}},"documents":[{{"title":"提供票","count":2}},{{"title":"ケアプラン","count":1}}]}}"#
    );
    let length = body.len();
    format!(
        "POST /v1/notifications HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key:08x}-{post}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
