//! `make bench-mail`: how many notices a second are handed to a Postfix beside this program, with every result on disk;
//! and how many mails Postfix's own `smtp-source` hands to the same one.
//!
//! In: nothing. Out: two figures for the same number of mails of the same length over 4 connections, and exit code 1 if
//! ours misses the goal. Ours is the whole way of a mail channel: the real store with its COMMITs for claim, step and
//! result of each, the real texts, the real lanes; only the HTTP call before it is left out. Postfix throws the mails
//! away behind its queue, and reports on each of ours, since we ask for it.
//! Not here: the servers (`tests/mail/servers`).

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement in wall time")]

#[path = "../mail/servers/mod.rs"]
mod servers;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail::message::Charset;
use mail::smtp::{Deadlines, Relay, RelaySettings, Tls};
use mail::{Address, ReturnPath, TokenKey};
use pki::Trust;
use servers::{SINK, Servers};
use shirase::app::clock::{Clock, SystemClock};
use shirase::app::systemd::Pulse;
use shirase::hook::body;
use shirase::job::{ClientId, Content, IdempotencyKey, JobId, Notice, ProgressBoard};
use shirase::office::{MailRoute, Route};
use shirase::queue::sqlite::{Sqlite, StoreKey};
use shirase::queue::{Acceptance, Accepted, Alarm, Queue};
use shirase::render::{Folders, LetterOf, Letters, MailFace, SiteFace, SiteWords};
use shirase::schedule::lines::Bell;
use shirase::schedule::mail_board::MailBoard;
use shirase::schedule::mail_lanes::Lanes;
use shirase::schedule::windows::Windows;
use shirase::send::LineFault;
use shirase::send::mail::MailDesk;

const CONNECTIONS: u16 = 4;
const NOTICES: u32 = 3000;
/// A second.
const GOAL: f64 = 200.0;

const BODY: &str = r#"{
  "kind": "document",
  "sender": { "office_number": "1379900028", "office_name": "みどり居宅介護支援事業所", "phone": "03-0000-1111" },
  "recipient": { "office_number": "2779900030", "office_name": "あおぞら訪問介護", "fax": "03-5550-0001" },
  "documents": [ { "title": "提供票", "count": 2 }, { "title": "ケアプラン", "count": 1 } ]
}"#;

fn main() -> ExitCode {
    let servers = Servers::start();
    let port = servers.ports.relay_plain;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let letters = Arc::new(letters());

    let folder = tempfile::tempdir_in(beside_this_program()).unwrap();
    let path = folder.path().join("queue.db");
    let store =
        Sqlite::open(&path, &StoreKey::new([1; 32]), Windows::Always, clock.now()).unwrap().0;
    let queue: Arc<dyn Queue> = Arc::new(store);
    let octets = runtime.block_on(accept_all(&queue, &letters, clock.as_ref()));

    let theirs = smtp_source(&servers, octets);
    let bell = Arc::new(Bell::default());
    let board = MailBoard::new(format!("127.0.0.1:{port}"), CONNECTIONS, clock.now());
    let lanes = Lanes {
        desk: Arc::new(MailDesk {
            queue: Arc::clone(&queue),
            letters,
            key: TokenKey::new([7; 32]),
            clock: Arc::clone(&clock),
            board: ProgressBoard::default(),
            windows: Windows::Always,
        }),
        opens: Arc::new(move || {
            Relay::new(relay(port))
                .map_err(|error| LineFault { code: "bench", message: error.to_string() })
        }),
        lanes: CONNECTIONS,
        per_domain: CONNECTIONS,
        fax_after: None,
        bell: Arc::clone(&bell),
        alarm: Alarm::default(),
        board: board.clone(),
        pulse: Pulse::default(),
    };
    let began = Instant::now();
    let handle = lanes.start(runtime.handle());
    while board.status(clock.now()).handed_today < NOTICES {
        assert!(began.elapsed() < Duration::from_secs(300), "{:?}", board.status(clock.now()));
        std::thread::sleep(Duration::from_millis(2));
    }
    let ours = f64::from(NOTICES) / began.elapsed().as_secs_f64();
    bell.stop();
    runtime.block_on(handle.join());

    let ever = shirase::job::UnixMillis(0);
    let domains = runtime.block_on(queue.mail_domains(bench(), ever)).unwrap();
    let handed: u32 = domains.iter().map(|domain| domain.handed).sum();
    assert_eq!(handed, NOTICES, "what is on disk: {domains:?}");
    let kept = ours >= GOAL;
    println!(
        "{NOTICES} mails of {octets} octets over {CONNECTIONS} connections to one Postfix, a second:\n  \
         smtp-source  {theirs:>6.0}\n  shirase      {ours:>6.0}  each claimed, begun and settled on disk; goal {GOAL}{}",
        if kept { "" } else { "  missed" }
    );
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bench() -> ClientId {
    ClientId("bench".into())
}

/// Accepts all notices; gives the length of one mail.
async fn accept_all(queue: &Arc<dyn Queue>, letters: &Letters, clock: &dyn Clock) -> usize {
    let to = Address::parse(&format!("office@{SINK}")).unwrap();
    let mut octets = 0;
    let mut pending = Vec::new();
    for nth in 0..NOTICES {
        let job = body::parse(BODY.as_bytes(), clock.now()).ok().unwrap();
        let Content::Notice(notice) = &job.content else { panic!("a notice") };
        if nth == 0 {
            octets = length(letters, notice, &job, &to, clock);
        }
        let route = Route::Mail(MailRoute::of(notice, to.clone()).unwrap());
        pending.push(queue.accept(Acceptance {
            client: bench(),
            key: IdempotencyKey::parse(&nth.to_string()).unwrap(),
            fingerprint: [0; 32],
            now: clock.now(),
            job,
            route,
        }));
    }
    for accepted in pending {
        assert!(matches!(accepted.await, Ok(Accepted::New { .. })));
    }
    octets
}

fn length(
    letters: &Letters,
    notice: &Notice,
    job: &shirase::job::NewJob,
    to: &Address,
    clock: &dyn Clock,
) -> usize {
    let letter = LetterOf {
        id: JobId::new(clock.now(), 1),
        notice,
        language: job.language,
        sender: &job.sender,
        office_name: &job.recipient.office_name,
        to,
        token: [0; 16],
    };
    letters.compose(&letter, &TokenKey::new([7; 32]), clock.now()).unwrap().octets.len()
}

/// Mails a second.
fn smtp_source(servers: &Servers, octets: usize) -> f64 {
    let program = servers.unpacked.path("usr/sbin/smtp-source");
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", servers.unpacked.libraries(&[]))
        .args(["-s", &CONNECTIONS.to_string()])
        .args(["-m", &NOTICES.to_string()])
        .args(["-l", &octets.to_string()])
        .args(["-f", "notice@gateway.test", "-t", &format!("office@{SINK}"), "-d"])
        .arg(format!("127.0.0.1:{}", servers.ports.relay_plain));
    let began = Instant::now();
    let ended = command.status().expect("smtp-source of the package postfix");
    assert!(ended.success(), "{ended}");
    f64::from(NOTICES) / began.elapsed().as_secs_f64()
}

fn letters() -> Letters {
    let address = |text| Address::parse(text).unwrap();
    let face = MailFace {
        from: address("notice@gateway.test"),
        receipts: ReturnPath::new(address("receipts@gateway.test")).unwrap(),
        ask_displayed: false,
        charset: Charset::Utf8,
    };
    let words = || SiteWords {
        name: "書類交換サイト".into(),
        help_name: "窓口".into(),
        help_hours: "平日 9:00～17:00".into(),
        ..SiteWords::default()
    };
    let site = SiteFace {
        url: "https://exchange.example.jp/".into(),
        help_phone: "03-0000-0000".into(),
        ja: words(),
        en: words(),
    };
    let templates = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(name);
    Letters::new(site, Folders { mails: templates("mail"), sheets: templates("fax") }, face)
}

fn relay(port: u16) -> RelaySettings {
    RelaySettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::Never,
        trust: Trust::System,
        login: None,
        hello: "gateway.test".into(),
        connections: usize::from(CONNECTIONS),
        deadlines: Deadlines::default(),
    }
}

/// On the disk on which everything is built: `/tmp` may be memory.
fn beside_this_program() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}
