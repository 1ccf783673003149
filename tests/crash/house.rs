//! One appliance that is killed again and again: the real gateway, lines that take no time, and who stands around it.
//!
//! In: what to ask. Out: the logs of [`history`](crate::history) and the store, in a folder that `crash-check` judges.
//! It lies in memory where the system has such a folder: SIGKILL leaves the kernel's buffers whole, so a disk would only
//! cost time.
//! Not here: what its caller asks (`caller.rs`), when it is killed (`stories.rs`), what must hold (`judge.rs`).

#[path = "caller.rs"]
mod caller;

use std::io::Write;
use std::net::TcpStream;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shirase::app::crash::Point;

#[allow(unused_imports, reason = "not everybody asks for everything")]
pub use self::caller::{Answer, Caller, decision, document, first_contact, later};
use crate::exchange::Exchange;
use crate::history::{self, Log};
use crate::line::{Line, Pace};
use crate::post_office::PostOffice;

/// Longest wait for anything that a gateway does.
pub const LIMIT: Duration = Duration::from_secs(60);
pub const LOOK_EVERY: Duration = Duration::from_millis(2);
pub const SECRET: &str = "the-only-token-of-this-house";
const PORT: u16 = 8750;
#[allow(dead_code, reason = "not everybody opens the store himself")]
pub const MASTER_KEY: [u8; 32] = [7; 32];
const SIGKILL: i32 = 9;
const LINES: [&str; 2] = ["line1", "line2"];

static HOUSES: AtomicU64 = AtomicU64::new(0);

/// What is unlike the usual in one house.
#[derive(Clone, Copy, Debug, Default)]
pub struct Furniture<'a> {
    /// Tables of settings behind all others.
    pub more: &'a str,
    /// Nobody is called.
    pub without_line: bool,
    /// Two can be called at a time.
    pub has_second_line: bool,
    /// It has a mail channel.
    pub has_mail: bool,
    /// It tells the exchange what happens.
    pub has_endpoint: bool,
}

pub struct House {
    folder: PathBuf,
    _kept: Option<tempfile::TempDir>,
    caller: Arc<Caller>,
    lines: Vec<Line>,
    post_office: Option<PostOffice>,
    exchange: Option<Exchange>,
    daemon: Option<Child>,
    /// More environment of the next gateways.
    environment: Vec<(&'static str, PathBuf)>,
    /// The last gateway ended by SIGKILL.
    was_killed: bool,
    /// Octets that the log had when it was started.
    log_before: usize,
}

impl House {
    /// In a folder that goes with it.
    pub fn new(furniture: Furniture<'_>) -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let mut house = Self::in_folder(folder.path(), furniture);
        house._kept = Some(folder);
        house
    }

    /// In a folder that stays.
    pub fn in_folder(folder: &Path, furniture: Furniture<'_>) -> Self {
        // An address of its own: a port that is free now may be somebody's in a moment.
        let (process, nth) = (std::process::id(), HOUSES.fetch_add(1, Ordering::Relaxed));
        let address =
            format!("127.{}.{}.{}:{PORT}", 64 + (process >> 8) % 128, process % 256, 1 + nth % 250);
        let folder = folder.to_owned();
        let log = |name: &str| Log::open(&folder.join(name));
        let (history, line) = (log(history::HISTORY), Arc::new(log(history::LINE)));
        let lines = match (furniture.without_line, furniture.has_second_line) {
            (true, _) => &LINES[..0],
            (false, false) => &LINES[..1],
            (false, true) => &LINES[..],
        };
        let post_office = furniture.has_mail.then(|| PostOffice::start(log(history::RELAY)));
        let exchange = furniture.has_endpoint.then(|| Exchange::start(log(history::WEBHOOK)));
        let (password, secret) = (folder.join("mail-password"), folder.join("webhook-secret"));
        private(&password, b"secret");
        private(&secret, history::WEBHOOK_SECRET.as_bytes());
        let mail =
            post_office.as_ref().map(|it| it.settings(it.relay(), &password)).unwrap_or_default();
        let webhook = exchange.as_ref().map(|it| it.settings(&secret)).unwrap_or_default();
        write_settings(&folder, &address, lines, &[&mail, &webhook, furniture.more]);
        Self {
            caller: Arc::new(Caller::new(address, history)),
            lines: lines
                .iter()
                .map(|name| Line::new(name, folder.join(name), Pace::default(), line.clone()))
                .collect(),
            post_office,
            exchange,
            daemon: None,
            environment: Vec::new(),
            was_killed: false,
            log_before: 0,
            _kept: None,
            folder,
        }
    }

    /// Its folder stays, for whoever looks for what went wrong.
    #[allow(dead_code, reason = "chaos keeps its own")]
    pub fn keep(mut self) -> PathBuf {
        if let Some(folder) = self._kept.take() {
            let _stays = folder.keep();
        }
        self.folder.clone()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts the gateway, to be killed at a point, and waits until it answers; false if it ended before.
    pub fn start(&mut self, crash: Option<(&str, u32)>) -> bool {
        self.lines.iter_mut().for_each(Line::plug);
        let crash = crash.map(|(point, nth)| format!("{point}:{nth}"));
        self.caller.note("start", json!({ "crash": crash }));
        self.log_before = self.gateway_log().len();
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path("gateway.log"));
        let mut command = Command::new(program("shirase"));
        command.args(["serve", "--config"]).arg(self.path("shirase.toml"));
        command.env_remove("JOURNAL_STREAM").env_remove("SHIRASE_CRASH");
        command.env("SHIRASE_LOG", "info").envs(crash.map(|crash| ("SHIRASE_CRASH", crash)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log"));
        self.daemon = Some(command.spawn().expect("the gateway starts"));
        self.until("the gateway answers", |house| match house.has_ended() {
            true => Some(false),
            false => TcpStream::connect(house.caller.address()).is_ok().then_some(true),
        })
    }

    /// Whether the gateway has ended; that it has is written down once.
    pub fn has_ended(&mut self) -> bool {
        match self.daemon.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => {
                self.ended(status);
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    /// Of the gateway, while it runs.
    #[allow(dead_code, reason = "only a long run looks at its memory")]
    pub fn process_id(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// The last gateway killed itself at this point. Its other threads may have written more behind that.
    pub fn was_killed_at(&self, point: Point) -> bool {
        let log = self.gateway_log();
        let crash = format!("crash: {point}");
        self.was_killed
            && log.get(self.log_before..).is_some_and(|log| log.lines().any(|line| line == crash))
    }

    fn ended(&mut self, status: ExitStatus) {
        self.daemon = None;
        self.was_killed = status.signal() == Some(SIGKILL);
        self.lines.iter_mut().for_each(Line::unplug);
        let how = json!({ "signal": status.signal(), "status": status.code() });
        self.caller.note("ended", how);
        assert!(
            self.was_killed || status.success(),
            "the gateway ended with {status}\n{}",
            self.gateway_log()
        );
    }

    /// SIGKILL, from outside.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            child.kill().expect("kill");
            let status = child.wait().expect("wait");
            self.ended(status);
        }
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        if let Some(child) = &self.daemon {
            let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
            assert!(sent.expect("kill(1)").success());
        }
    }

    /// SIGTERM, and waits.
    pub fn stop(&mut self) {
        self.ask_to_stop();
        self.until("the gateway stops", |house| house.has_ended().then_some(()));
    }

    pub fn gateway_log(&self) -> String {
        std::fs::read_to_string(self.path("gateway.log")).unwrap_or_default()
    }

    /// Looks until there is something to see.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..LIMIT.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look(self) {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("waited in vain: {what}\n{}", self.gateway_log())
    }

    /// For the gateways that are started from now on.
    #[allow(dead_code, reason = "only a recorded gateway needs one")]
    pub fn set_environment(&mut self, name: &'static str, value: PathBuf) {
        self.environment.push((name, value));
    }

    /// The relay and the receipt box of a house that has them.
    pub fn post_office(&self) -> &PostOffice {
        self.post_office.as_ref().expect("a house with a mail channel")
    }

    /// Asks this gateway, also while it is started and killed.
    #[allow(dead_code, reason = "most stories ask one thing after the other")]
    pub fn caller(&self) -> Arc<Caller> {
        Arc::clone(&self.caller)
    }

    /// Waits until nothing is on its way that can be done now.
    pub fn be_quiet(&mut self) {
        self.until("nothing is on its way", |house| {
            let answer = house.exchange("GET", "/v1/notifications?limit=200", "", "", true)?;
            let views = answer.body.as_array()?.clone();
            let is_busy = |view: &Value| match (view["state"].as_str(), view["reason"].as_str()) {
                (Some("sending"), _) => true,
                (Some("waiting"), Some("first-turn")) => is_due(view),
                (Some("waiting"), Some("sent-again-by-decision" | "credentials-rotated")) => true,
                _of_another_time => false,
            };
            (house.lines.is_empty() || !views.iter().any(is_busy)).then_some(())
        });
    }

    /// Starts a gateway that knows the endpoint of the exchange, which is told everything from then on, and stops it.
    pub fn introduce_endpoint(&mut self) {
        assert!(self.start(None), "{}", self.gateway_log());
        self.until("the endpoint is known", |house| {
            let answer = house.exchange("GET", "/v1/webhooks", "", "", true)?;
            answer.body[0]["cursor"].as_i64()
        });
        self.stop();
    }

    /// Waits until the exchange was told of everything.
    fn tell_all(&mut self) {
        let Some(exchange) = &self.exchange else { return };
        exchange.take_all();
        self.until("the exchange was told everything", |house| {
            let answer = house.exchange("GET", "/v1/webhooks", "", "", true)?;
            if answer.body[0]["retrying"].as_i64()? > 0 {
                house.exchange("POST", "/v1/webhooks/exchange/retry", "", "", true)?;
            }
            (answer.body[0]["behind"].as_i64()? == 0).then_some(())
        });
    }

    /// Makes what is over so old that it is forgotten. No gateway runs.
    pub fn age(&self) {
        let conn = Connection::open(self.path("queue.db")).expect("a store");
        let over: Vec<(String, String)> = conn
            .prepare("SELECT id, fax_digits FROM job WHERE state = 'confirmed' AND id > '01'")
            .and_then(|mut rows| {
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .expect("notifications");
        for (id, number) in over {
            self.caller.note("aged", json!({ "id": id, "number": number }));
        }
        // The store lets nothing become another: for once its guards stand aside. An id begins with a time.
        let guards: Vec<(String, String)> = conn
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .and_then(|mut rows| {
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .expect("triggers");
        let (drop, make): (Vec<_>, Vec<_>) = guards
            .into_iter()
            .map(|(name, sql)| (format!("DROP TRIGGER {name};"), format!("{sql};")))
            .unzip();
        let (drop, make) = (drop.concat(), make.concat());
        conn.execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; BEGIN; {drop}
             CREATE TEMP TABLE over AS SELECT id FROM job WHERE state = 'confirmed' AND id > '01';
             UPDATE event SET at = 1, job = '00' || substr(job, 3) WHERE job IN (SELECT id FROM over);
             UPDATE attempt SET job = '00' || substr(job, 3) WHERE job IN (SELECT id FROM over);
             UPDATE job SET id = '00' || substr(id, 3) WHERE id IN (SELECT id FROM over);
             {make} COMMIT"
        ))
        .expect("aged");
    }

    /// Once more without a crash: what can be done now is done, and all is told. Then an orderly stop.
    pub fn close(&mut self) {
        assert!(self.start(None), "the gateway starts\n{}", self.gateway_log());
        self.be_quiet();
        self.tell_all();
        self.show_all();
        self.stop();
    }
}

impl Deref for House {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// Not held back by its `not_before`: the generator never asks for less than half an hour.
fn is_due(view: &Value) -> bool {
    view["due_at"] == view["accepted_at"]
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// What `crash-check` says of a folder: its violations and what it counted.
pub fn judged(folder: &Path) -> (Vec<String>, Value) {
    let run = Command::new(program("examples/crash-check")).arg(folder).output();
    let run = run.expect("crash-check runs");
    let said: Value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)));
    let violations = said["violations"].as_array().cloned().unwrap_or_default();
    assert_eq!(run.status.success(), violations.is_empty());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (violations.iter().map(text).collect(), said["counted"].clone())
}

/// A program of this build.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a program has a path"); // target/debug/{deps,examples}/x
    let folder = here.parent().and_then(Path::parent).expect("target/debug");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo build --workspace --bins --examples`",
        path.display()
    );
    path
}

fn private(path: &Path, octets: &[u8]) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(octets)).expect("a secret file");
}

/// `more`: tables behind those that every house has.
fn write_settings(folder: &Path, address: &str, lines: &[&str], more: &[&str]) {
    private(&folder.join("master-key"), &MASTER_KEY);
    let hash = Sha256::digest(SECRET.as_bytes());
    let hash: String = hash.iter().map(|octet| format!("{octet:02x}")).collect();
    let token = format!("test sha256:{hash} notify,read,numbers,lines,operate\n");
    private(&folder.join("tokens"), token.as_bytes());
    let place = |name: &str| folder.join(name).display().to_string();
    let line = |name: &&str| {
        format!(
            "[[line]]\nname = \"{name}\"\ndevice = \"{}\"\ntsi = \"03 0000 0000\"\nmodem = \"generic\"\n",
            place(name)
        )
    };
    let settings = format!(
        r#"
[http]
listen = "{address}"
tokens_file = "{tokens}"
[store]
path = "{store}"
key_file = "{key}"
[site]
name = "書類交換サイト"
url = "https://exchange.example.jp/"
help_name = "書類交換サイト 窓口"
help_phone = "03-0000-0000"
help_hours = "平日 9:00～17:00"
[sheet]
program = "{paper}"
templates = "{templates}"
[calling]
hours = "always_open"
self_test = "never"
keys_only_to_proven = false
{lines}{more}"#,
        tokens = place("tokens"),
        store = place("queue.db"),
        key = place("master-key"),
        paper = program("examples/crash-paper").display(),
        templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax").display(),
        lines = lines.iter().map(line).collect::<String>(),
        more = more.concat(),
    );
    std::fs::write(folder.join("shirase.toml"), settings).expect("settings");
}
