//! Relays that do what real ones do not: the daemon stays small, keeps its times, and its FAX line goes on.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::gateway::{self, Exchange, FAX, FAX_MACHINE, Way};
use crate::harness::{Appliance, Setup, first_contact};
use crate::servers::{Far, Servers};

/// The least that settings allow.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(15);
/// More than what one relay may make the daemon keep.
const MEMORY_KIB: u64 = 64 << 10;

/// What a relay does with whoever connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// A line of its greeting each second, without end.
    Tarpit,
    /// One line, without end.
    EndlessLine,
    /// Hangs up when the final dot has come.
    ClosesAfterDot,
    /// 451 to the final dot.
    RefusesDot,
    /// Its go-ahead for TLS has another reply behind it, in the clear.
    InjectsBehindStartTls,
    /// Its go-ahead for TLS is followed by something that is no TLS.
    NoTls,
}

/// A relay, on a port of its own until the test ends.
struct Hostile {
    port: u16,
    manner: Arc<Mutex<Manner>>,
}

impl Hostile {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let manner = Arc::new(Mutex::new(Manner::Tarpit));
        let now = Arc::clone(&manner);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let manner = *now.lock().expect("a manner");
                // It ends when the client has had enough.
                std::thread::spawn(move || meet(&client, manner));
            }
        });
        Self { port, manner }
    }
}

/// `None` once the client is gone.
fn meet(mut client: &TcpStream, manner: Manner) -> Option<()> {
    match manner {
        Manner::Tarpit => loop {
            client.write_all(b"220-one moment\r\n").ok()?;
            std::thread::sleep(Duration::from_secs(1)); // this is what a tarpit does
        },
        Manner::EndlessLine => {
            client.write_all(b"220 ").ok()?;
            let chunk = vec![b'a'; 1 << 16];
            // A GiB, if anybody listened so long.
            for _ in 0..(1 << 30) / chunk.len() {
                client.write_all(&chunk).ok()?;
            }
            Some(())
        }
        Manner::ClosesAfterDot
        | Manner::RefusesDot
        | Manner::InjectsBehindStartTls
        | Manner::NoTls => talk(client, manner),
    }
}

fn talk(mut client: &TcpStream, manner: Manner) -> Option<()> {
    let mut lines = BufReader::new(client).lines();
    client.write_all(b"220 relay\r\n").ok()?;
    loop {
        let line = lines.next()?.ok()?;
        let reply: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => b"250-relay\r\n250-STARTTLS\r\n250 DSN\r\n",
            "STARTTLS" if manner == Manner::InjectsBehindStartTls => b"220 go\r\n250 more\r\n",
            "STARTTLS" => b"220 go\r\nwhat?\r\n",
            "DATA" => {
                client.write_all(b"354 go on\r\n").ok()?;
                while lines.next()?.ok()? != "." {}
                if manner == Manner::ClosesAfterDot {
                    return Some(());
                }
                b"451 4.2.0 not now\r\n"
            }
            _ => b"250 ok\r\n",
        };
        client.write_all(reply).ok()?;
    }
}

#[test]
fn no_relay_makes_the_daemon_big_or_late_or_stops_its_fax() {
    let servers = Servers::start();
    let hostile = Hostile::start();
    let more = gateway::settings(&servers, Way::Plain(hostile.port), "answer_wait_s = 5");
    let mut appliance =
        Appliance::start(&Setup { fars: &[FAX_MACHINE], more: &more, ..Setup::default() });
    appliance.register(Far::Office.address());

    // A FAX goes out while the relay keeps everybody waiting.
    let waits = begin(&mut appliance, &hostile, Manner::Tarpit);
    let key = appliance.post("key", &first_contact(FAX));
    let key = key.json()["id"].as_str().expect("an id").to_owned();
    let view = appliance.await_state(&key, &["confirmed"]);
    assert_eq!(view["channel"], "fax", "{view:#}");
    never_begun(&mut appliance, &waits, "smtp-late");

    let waits = begin(&mut appliance, &hostile, Manner::EndlessLine);
    never_begun(&mut appliance, &waits, "smtp-broken");

    let notice = begin(&mut appliance, &hostile, Manner::ClosesAfterDot);
    tried(&mut appliance, &notice, "uncertain", "mail-no-reply");
    let notice = begin(&mut appliance, &hostile, Manner::RefusesDot);
    tried(&mut appliance, &notice, "not_sent", "mail-deferred");

    appliance.replace_in_settings("tls = \"none\"", "tls = \"starttls\"");
    for manner in [Manner::InjectsBehindStartTls, Manner::NoTls] {
        let waits = begin(&mut appliance, &hostile, manner);
        never_begun(&mut appliance, &waits, "smtp-");
    }

    // The real relay, with a certificate that somebody else has signed.
    let (other, port) = (servers.authority.other_file(), servers.ports.submission);
    appliance.replace_in_settings(
        &format!("host = \"127.0.0.1\"\nport = {}\n", hostile.port),
        &format!("host = \"localhost\"\nport = {port}\nca_file = \"{}\"\n", other.display()),
    );
    let waits = begin(&mut appliance, &hostile, Manner::Tarpit);
    never_begun(&mut appliance, &waits, "smtp-certificate");
    assert!(!servers.relay_log().contains("from=<receipts+"), "{}", servers.relay_log());
}

/// A notice that is on its way to a relay of that manner, by a daemon that knows of no other.
struct OnTheWay {
    id: String,
    manner: Manner,
    began: Instant,
    memory_kib: u64,
    log_octets: usize,
}

fn begin(appliance: &mut Appliance, hostile: &Hostile, manner: Manner) -> OnTheWay {
    appliance.kill_daemon();
    *hostile.manner.lock().expect("a manner") = manner;
    let log_octets = appliance.log().len();
    appliance.start_daemon();
    let memory_kib = appliance.memory_kib("VmRSS");
    let id = appliance.notify(&format!("{manner:?}-{memory_kib}"));
    OnTheWay { id, manner, began: wall(), memory_kib, log_octets }
}

/// The relay is looked at before it gets a mail: the journal says what is wrong, and the notice waits as it was.
fn never_begun(appliance: &mut Appliance, notice: &OnTheWay, code: &str) {
    appliance.until("the journal tells of the relay", |appliance| {
        let log = appliance.log();
        let of_this_daemon = log.get(notice.log_octets..).unwrap_or_default();
        of_this_daemon
            .lines()
            .any(|line| line.contains("mail.relay.faulty") && line.contains(code))
            .then_some(())
    });
    let view = appliance.show(&notice.id);
    assert_eq!((&view["state"], &view["channel"]), (&json!("waiting"), &json!("mail")), "{view:#}");
    assert_eq!(view["attempts"], json!([]), "{:?}: {view:#}", notice.manner);
    assert_small_and_in_time(appliance, notice);
}

/// Its first attempt ends so.
fn tried(appliance: &mut Appliance, notice: &OnTheWay, state: &str, code: &str) {
    let view = appliance.await_attempt(&notice.id, &["not_sent", "uncertain", "handed_off"]);
    let attempt = &view["attempts"][0];
    assert_eq!((&attempt["state"], &attempt["code"]), (&json!(state), &json!(code)), "{view:#}");
    assert_eq!(view["channel"], "mail", "{view:#}");
    assert_small_and_in_time(appliance, notice);
}

fn assert_small_and_in_time(appliance: &Appliance, notice: &OnTheWay) {
    let OnTheWay { manner, began, memory_kib, .. } = notice;
    let took = began.elapsed();
    assert!(took < ANSWER_WAIT + SLACK, "{manner:?} took {took:?}");
    let more = appliance.memory_kib("VmHWM").saturating_sub(*memory_kib);
    assert!(more < MEMORY_KIB, "{manner:?} took {more} KiB");
}

#[allow(clippy::disallowed_methods, reason = "a deadline of the daemon is one of wall time")]
fn wall() -> Instant {
    Instant::now()
}
