//! What is known from outside of one appliance that was killed again and again: append-only files, a line of JSON for each
//! thing that happened, in the order in which it happened, each on disk before what follows from it is done.
//!
//! | file | written by | lines |
//! |---|---|---|
//! | `history.jsonl` | the generator | `start`, `ended`; `post`, `withdraw`, `sign`, `decide`, `hold`, `release`, `hold_all`, `release_all` before they are asked; `answer`, `unheard` after; `shown`: what the gateway said of a notification; `aged`: the generator makes one so old that it is forgotten |
//! | `line.jsonl` | the modems | `dialled`, `page` (its first octet came), `page_end`, `acknowledged` (before it is told), `on_hook`, each with its line and the number |
//! | `relay.jsonl` | the relay | `connected`, `content` (its first octet may come), `dot`, `taken` (before it is told), each with the recipient |
//! | `webhook.jsonl` | the endpoint | `post` (it has come whole, with what a receiver checks), `taken` (before it is told), `refused` |
//!
//! Every line has `ms`, the time; what belongs together has the same `call`.
//! Not here: what must follow from them (`check.rs`).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub const HISTORY: &str = "history.jsonl";
pub const LINE: &str = "line.jsonl";
#[allow(dead_code, reason = "not every house has a relay")]
pub const RELAY: &str = "relay.jsonl";
#[allow(dead_code, reason = "not every house has an endpoint")]
pub const WEBHOOK: &str = "webhook.jsonl";
/// What the endpoint and the gateway sign with: the one that the libraries of Standard Webhooks are tested with.
#[allow(dead_code, reason = "not every house has an endpoint")]
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Stands at the beginning of every secret that the generator makes.
pub const CANARY: &str = "Kanarienvogel";

/// One of the files, open for whoever writes it.
pub struct Log(Mutex<File>);

impl Log {
    /// Appends to what is there.
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self(Mutex::new(file.expect("a log")))
    }

    /// Writes a line and waits for the disk.
    #[allow(clippy::needless_pass_by_value, reason = "made where it is written")]
    pub fn note(&self, event: &str, details: Value) {
        let mut line = json!({ "ms": now_ms(), "event": event });
        if let (Some(line), Some(details)) = (line.as_object_mut(), details.as_object()) {
            line.extend(details.clone());
        }
        let mut file = self.0.lock().expect("a log");
        writeln!(file, "{line}").and_then(|()| file.sync_data()).expect("a log takes a line");
    }
}

/// Every line of a file; none if nobody ever wrote it.
#[allow(dead_code, reason = "whoever writes does not read")]
pub fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of a log")).collect()
}

#[expect(clippy::disallowed_methods, reason = "compared with the times of the store under test")]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the end of time")
}
