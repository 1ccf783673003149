//! A relay that takes every mail, and a receipt box into which its reports come, in no time.
//!
//! In: what the gateway says by SMTP and IMAP, unencrypted, on this machine. Out: replies, and
//! [`relay.jsonl`](crate::history). Every second mail is reported as delivered, the others come back.
//! Source: RFC 5321, RFC 3501, RFC 3464, as far as the gateway uses them.
//! Not here: servers that fail (`tests/mail`).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::history::Log;

/// So often an idle box is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// The running servers; their threads end with the program.
pub struct PostOffice {
    shared: Arc<Shared>,
    relay: u16,
    inbox: u16,
}

struct Shared {
    log: Log,
    /// The relay says nothing to a whole mail.
    is_silent: AtomicBool,
    /// It has heard one.
    has_dot: AtomicBool,
    /// By UID.
    inbox: Mutex<BTreeMap<u32, String>>,
    last_uid: Mutex<u32>,
}

impl PostOffice {
    pub fn start(log: Log) -> Self {
        let shared = Arc::new(Shared {
            log,
            is_silent: AtomicBool::new(false),
            has_dot: AtomicBool::new(false),
            inbox: Mutex::default(),
            last_uid: Mutex::default(),
        });
        let (relay, inbox) = (listen(&shared, relay), listen(&shared, inbox));
        Self { shared, relay, inbox }
    }

    /// From now on the relay says nothing to whole mails, or does again.
    pub fn be_silent(&self, is_silent: bool) {
        self.shared.has_dot.store(false, Ordering::Release);
        self.shared.is_silent.store(is_silent, Ordering::Release);
    }

    /// It has a whole mail to which it says nothing.
    pub fn has_dot(&self) -> bool {
        self.shared.has_dot.load(Ordering::Acquire)
    }

    pub fn relay(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.relay))
    }

    /// The settings of a mail channel over it, with its relay or what stands before that.
    pub fn settings(&self, relay: SocketAddr, password: &Path) -> String {
        let (host, port, inbox) = (relay.ip(), relay.port(), self.inbox);
        format!(
            "[mail]\nfrom = \"notice@gateway.test\"\nreceipts = \"receipts@gateway.test\"\ntemplates = \"{}\"\n\
             [mail.relay]\nhost = \"{host}\"\nport = {port}\ntls = \"none\"\n\
             [mail.inbox]\nhost = \"127.0.0.1\"\nport = {inbox}\ntls = \"none\"\n\
             [mail.inbox.login]\nmechanism = \"plain\"\nuser = \"receipts\"\npassword_file = \"{}\"\n",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/mail").display(),
            password.display(),
        )
    }
}

fn listen(shared: &Arc<Shared>, talk: fn(&Shared, &TcpStream) -> Option<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || talk(&shared, &client));
        }
    });
    port
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(middle, _)| middle)
}

/// `None` once the client is gone.
fn relay(shared: &Shared, mut client: &TcpStream) -> Option<()> {
    client.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(client).lines();
    let (mut token, mut number) = (String::new(), String::new());
    client.write_all(b"220 relay\r\n").ok()?;
    shared.log.note("connected", json!({}));
    loop {
        let line = lines.next()?.ok()?;
        let reply = match line.get(..4)? {
            "EHLO" => "250-relay\r\n250 DSN",
            "MAIL" => {
                token = between(&line, "+", "@").unwrap_or_default().to_owned();
                "250 ok"
            }
            "RCPT" => {
                number = between(&line, "<n", "@").unwrap_or_default().to_owned();
                "250 ok"
            }
            "DATA" => {
                client.write_all(b"354 go on\r\n").ok()?;
                let mut line = lines.next()?.ok()?;
                shared.log.note("content", json!({ "number": number }));
                while line != "." {
                    line = lines.next()?.ok()?;
                }
                shared.log.note("dot", json!({ "number": number }));
                if shared.is_silent.load(Ordering::Acquire) {
                    shared.has_dot.store(true, Ordering::Release);
                    lines.next()?.ok()?;
                    return None;
                }
                shared.log.note("taken", json!({ "number": number }));
                shared.put(report(&token, &number));
                "250 2.0.0 ok: queued as 4ABC"
            }
            _of_no_matter => "250 ok",
        };
        client.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
}

/// What the far host says later.
fn report(token: &str, number: &str) -> String {
    let is_even = number.bytes().last().is_some_and(|digit| digit % 2 == 0);
    let (action, status) = if is_even { ("delivered", "2.0.0") } else { ("failed", "5.1.1") };
    format!(
        "Return-Path: <>\r\nTo: receipts+{token}@gateway.test\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nreport\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.office.test\r\n\r\nFinal-Recipient: rfc822; n{number}@office.test\r\n\
         Action: {action}\r\nStatus: {status}\r\n\r\n--b--\r\n"
    )
}

impl Shared {
    fn put(&self, mail: String) {
        let mut last = self.last_uid.lock().expect("no panic");
        *last += 1;
        self.inbox.lock().expect("no panic").insert(*last, mail);
    }

    fn exists(&self) -> String {
        format!("* {} EXISTS\r\n", self.inbox.lock().expect("no panic").len())
    }

    fn uids_from(&self, first: u32) -> String {
        let inbox = self.inbox.lock().expect("no panic");
        let uids: String = inbox.range(first..).map(|(uid, _)| format!(" {uid}")).collect();
        format!("* SEARCH{uids}\r\n")
    }

    fn fetch(&self, uid: u32) -> String {
        let inbox = self.inbox.lock().expect("no panic");
        inbox.get(&uid).map_or_else(String::new, |mail| {
            let length = mail.len();
            format!(
                "* 1 FETCH (UID {uid} RFC822.SIZE {length} BODY[]<0> {{{length}}}\r\n{mail})\r\n"
            )
        })
    }
}

/// `None` once the client is gone.
fn inbox(shared: &Shared, mut client: &TcpStream) -> Option<()> {
    client.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(client);
    let mut line = move || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    client.write_all(b"* OK hello\r\n").ok()?;
    loop {
        let asked = line()?;
        let (tag, command) = asked.split_once(' ')?;
        let words: Vec<&str> = command.split(' ').collect();
        let reply = match words.as_slice() {
            ["CAPABILITY"] => "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS\r\n".to_owned(),
            ["AUTHENTICATE", ..] => {
                client.write_all(b"+ \r\n").ok()?;
                line()?;
                String::new()
            }
            ["SELECT", ..] => shared.exists() + "* OK [UIDVALIDITY 7] valid\r\n",
            ["UID", "SEARCH", "UID", set] => {
                shared.uids_from(set.split(':').next()?.parse().unwrap_or(u32::MAX))
            }
            ["UID", "FETCH", uid, ..] => shared.fetch(uid.parse().ok()?),
            ["UID", "MOVE", uid, ..] => {
                shared.inbox.lock().expect("no panic").remove(&uid.parse().ok()?);
                String::new()
            }
            ["IDLE"] => {
                client.write_all(b"+ idling\r\n").ok()?;
                idle(shared, client)?;
                String::new()
            }
            _of_no_matter => String::new(),
        };
        client.write_all(format!("{reply}{tag} OK done\r\n").as_bytes()).ok()?;
    }
}

/// Tells of mails until the client says DONE.
fn idle(shared: &Shared, mut client: &TcpStream) -> Option<()> {
    let mut told = *shared.last_uid.lock().expect("no panic");
    client.set_read_timeout(Some(LOOK)).ok()?;
    let mut said = Vec::new();
    while !said.ends_with(b"DONE\r\n") {
        let mut some = [0; 16];
        match std::io::Read::read(&mut client, &mut some) {
            Ok(0) => return None,
            Ok(count) => said.extend_from_slice(&some[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let last = *shared.last_uid.lock().expect("no panic");
                if std::mem::replace(&mut told, last) != last {
                    client.write_all(shared.exists().as_bytes()).ok()?;
                }
            }
            Err(_) => return None,
        }
    }
    client.set_read_timeout(None).ok()
}
