//! A caller who writes down what he asks and what he is told, and what he asks for.
//!
//! In: requests. Out: their answers, and lines of the [`history`](crate::history).
//! Not here: the gateway that he asks (`house.rs`), when he does (`stories.rs`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{LIMIT, SECRET};
use crate::history::{self, CANARY, Log};

/// Who asks the gateway, from as many threads as one likes, and writes down what comes of it.
pub struct Caller {
    address: String,
    history: Log,
    calls: AtomicU64,
    keys: AtomicU64,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Caller {
    pub(super) fn new(address: String, history: Log) -> Self {
        Self { address, history, calls: AtomicU64::new(0), keys: AtomicU64::new(0) }
    }

    /// Of the gateway.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Writes down what he sees.
    pub(super) fn note(&self, event: &str, details: Value) {
        self.history.note(event, details);
    }

    /// A key that nobody used, and a number that nobody else has.
    pub fn fresh(&self) -> (String, String) {
        let nth = self.keys.fetch_add(1, Ordering::Relaxed);
        (format!("key-{nth}"), format!("03{:08}", 20_000_000 + nth))
    }

    /// Posts a notification. `None`: no answer came, or nobody waited for it.
    pub fn post(&self, key: &str, body: &Value, waits: bool) -> Option<Answer> {
        let told = json!({
            "key": key, "kind": body["kind"], "number": body["recipient"]["fax"], "waits": waits,
        });
        let head = format!("Idempotency-Key: {key}\r\nContent-Type: application/json\r\n");
        self.call("post", told, "POST", "/v1/notifications", &head, &body.to_string(), waits)
    }

    pub fn withdraw(&self, id: &str) -> Option<Answer> {
        let path = format!("/v1/notifications/{id}");
        self.call("withdraw", json!({ "id": id }), "DELETE", &path, "", "", true)
    }

    pub fn sign(&self, id: &str, kind: &str) -> Option<Answer> {
        let (path, body) = (format!("/v1/notifications/{id}/evidence"), json!({ "kind": kind }));
        let told = json!({ "id": id, "kind": kind });
        let head = "Content-Type: application/json\r\n";
        self.call("sign", told, "POST", &path, head, &body.to_string(), true)
    }

    pub fn decide(&self, id: &str, body: &Value) -> Option<Answer> {
        let path = format!("/v1/notifications/{id}/resolution");
        let head = "Content-Type: application/json\r\n";
        let told = json!({ "id": id, "action": body["action"], "by": body["by"] });
        self.call("decide", told, "POST", &path, head, &body.to_string(), true)
    }

    pub fn hold(&self, id: &str) -> Option<Answer> {
        let (path, head) =
            (format!("/v1/notifications/{id}/hold"), "Content-Type: application/json\r\n");
        self.call("hold", json!({ "id": id }), "POST", &path, head, "{}", true)
    }

    pub fn release(&self, id: &str) -> Option<Answer> {
        let path = format!("/v1/notifications/{id}/hold");
        self.call("release", json!({ "id": id }), "DELETE", &path, "", "", true)
    }

    #[allow(dead_code, reason = "kills hold one at a time")]
    pub fn hold_all(&self) -> Option<Answer> {
        let head = "Content-Type: application/json\r\n";
        self.call("hold_all", json!({}), "POST", "/v1/hold", head, "{}", true)
    }

    #[allow(dead_code, reason = "kills hold one at a time")]
    pub fn release_all(&self) -> Option<Answer> {
        self.call("release_all", json!({}), "DELETE", "/v1/hold", "", "", true)
    }

    pub fn report(&self, office: &str, body: &Value) -> Option<Answer> {
        let path = format!("/v1/offices/{office}/events");
        let head = "Content-Type: application/json\r\n";
        let told = json!({ "office": office });
        self.call("report", told, "POST", &path, head, &body.to_string(), true)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a request")]
    fn call(
        &self,
        event: &str,
        mut told: Value,
        method: &str,
        path: &str,
        head: &str,
        body: &str,
        waits: bool,
    ) -> Option<Answer> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        told["call"] = json!(call);
        self.history.note(event, told);
        let answer = self.exchange(method, path, head, body, waits);
        match &answer {
            Some(Answer { status, body }) => {
                let (id, state) = (&body["id"], &body["state"]);
                let answer = json!({ "call": call, "status": status, "id": id, "state": state });
                self.history.note("answer", answer);
            }
            None => self.history.note("unheard", json!({ "call": call })),
        }
        answer
    }

    /// One request on a connection of its own; `None` if it broke off.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        head: &str,
        body: &str,
        waits: bool,
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer \
             test.{SECRET}\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        if !waits {
            return None;
        }
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).ok()?;
        let text = String::from_utf8(octets).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        // An answer that is cut was not given.
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
        Some(Answer { status, body })
    }

    /// What the gateway says of its notifications now, the newest 200, written down.
    pub fn show_all(&self) -> Vec<Value> {
        let answer = self.exchange("GET", "/v1/notifications?limit=200", "", "", true);
        let views = answer.and_then(|answer| answer.body.as_array().cloned()).unwrap_or_default();
        for view in &views {
            let shown =
                json!({ "id": view["id"], "state": view["state"], "reason": view["reason"] });
            self.history.note("shown", shown);
        }
        views
    }
}

/// A first contact, whose secrets can be found wherever they should not be.
pub fn first_contact(number: &str) -> Value {
    let mut body = document(number);
    body["kind"] = json!("first_contact");
    body["credentials"] = credentials();
    body
}

fn credentials() -> Value {
    json!({
        "login_id": format!("{CANARY}-1"),
        "password": format!("{CANARY}-2"),
        "first_time_key": format!("{CANARY}-3"),
    })
}

/// A notice without a key.
pub fn document(number: &str) -> Value {
    json!({
        "kind": "document",
        "sender": {
            "office_number": "1379900028",
            "office_name": "みどり居宅介護支援事業所",
            "phone": "03-0000-1111",
        },
        "recipient": {
            "office_number": "2779900030",
            "office_name": "あおぞら訪問介護ステーション",
            "fax": number,
        },
        "documents": [{ "title": "提供票", "count": 2 }],
    })
}

/// Each choice in its turn. Whoever decides it says so in words of his own: the same body again would decide nothing.
pub fn decision(turn: usize, by: &str) -> Value {
    match turn % 3 {
        0 => json!({ "action": "resend", "by": by, "same_version": true, "reason": "asked for" }),
        1 => json!({ "action": "rotate", "by": by, "credentials": credentials() }),
        _ => json!({ "action": "close", "by": by, "delivered": true }),
    }
}

/// The same, not to be sent before an hour has gone by.
pub fn later(mut body: Value) -> Value {
    let at = history::now_ms() / 1000 + 3600;
    body["not_before"] = json!(rfc3339(at));
    body
}

/// Seconds since 1970 as the hook takes them.
fn rfc3339(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).expect("a time");
    at.to_string()
}
