//! The endpoint of the exchange: hears every post, takes most of them, and does not always say so.
//!
//! In: posts of the gateway by HTTP, on this machine. Out: answers, and [`webhook.jsonl`](crate::history). Now and then it
//! refuses one, or takes one and goes away without an answer, so that it comes again.
//! Not here: whether what it heard is right (`judge.rs`); TLS (`tests/appliance/webhook.rs`).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;

use crate::history::Log;

/// Of every so many posts one is refused.
const REFUSES: u64 = 11;
/// Of every so many one is taken without a word.
const SAYS_NOTHING: u64 = 7;

/// The running endpoint; its threads end with the program.
pub struct Exchange {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    log: Log,
    posts: AtomicU64,
    takes_all: AtomicBool,
}

impl Exchange {
    pub fn start(log: Log) -> Self {
        let (posts, takes_all) = (AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { log, posts, takes_all });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let listening = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&listening);
                // Whoever posts may be killed at any time.
                std::thread::spawn(move || shared.hear(client));
            }
        });
        Self { shared, port }
    }

    /// From now on it takes every post and says so.
    pub fn take_all(&self) {
        self.shared.takes_all.store(true, Ordering::Release);
    }

    /// The settings of an endpoint that hears everything; its secret is in a file.
    pub fn settings(&self, secret: &Path) -> String {
        format!(
            "[[webhook]]\nname = \"exchange\"\nclient = \"test\"\nurl = \"http://127.0.0.1:{}/told\"\n\
             secret_files = [\"{}\"]\nallow_networks = [\"127.0.0.0/8\"]\nevents = \"all\"\n",
            self.port,
            secret.display(),
        )
    }
}

impl Shared {
    /// `None` if the client went away.
    fn hear(&self, mut client: TcpStream) -> Option<()> {
        let mut octets = Vec::new();
        let (head, body) = loop {
            let mut some = [0; 4096];
            match client.read(&mut some).ok()? {
                0 => return None,
                count => octets.extend_from_slice(&some[..count]),
            }
            if let Ok(text) = std::str::from_utf8(&octets)
                && let Some((head, body)) = text.split_once("\r\n\r\n")
                && header(head, "content-length").parse() == Ok(body.len())
            {
                break (head, body);
            }
        };
        let nth = self.posts.fetch_add(1, Ordering::Relaxed);
        let post = json!({
            "post": nth,
            "id": header(head, "webhook-id"),
            "timestamp": header(head, "webhook-timestamp"),
            "signature": header(head, "webhook-signature"),
            "body": body,
        });
        self.log.note("post", post);
        let is_moody = !self.takes_all.load(Ordering::Acquire);
        let status = if is_moody && nth % REFUSES == REFUSES - 1 { 500 } else { 204 };
        self.log.note(if status == 204 { "taken" } else { "refused" }, json!({ "post": nth }));
        if is_moody && nth % SAYS_NOTHING == SAYS_NOTHING - 1 {
            return None;
        }
        let answer =
            format!("HTTP/1.1 {status} so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        client.write_all(answer.as_bytes()).ok()
    }
}

/// Empty if it is not there.
fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}
