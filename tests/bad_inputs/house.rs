//! A real daemon without telephone lines, and a client that sends whatever octets it is given.
//!
//! Notifications are accepted and wait. Everything lives in a folder of its own and ends with the value.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::program;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what tells nobody that it has changed.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Every scope of a token.
const SCOPES: &str = "notify,read,lines,numbers,operate";

/// What a daemon needs. None runs until [`House::daemon`] or [`House::starts`].
pub struct House {
    folder: tempfile::TempDir,
    pub address: String,
    /// As the owner of a token holds it.
    pub token: String,
}

impl House {
    pub fn new() -> Self {
        Self::with("")
    }

    /// More settings: keys of `[http]`, then tables.
    pub fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a free port").to_string();
        let mut house = Self { folder, address, token: String::new() };
        let (key, tokens) = (house.path("key"), house.path("tokens"));
        assert!(house.shirase(&["key", "new", utf8(&key)]).status.success());
        let made = house.shirase(&[
            "token",
            "new",
            "test",
            "--scope",
            SCOPES,
            "--tokens-file",
            utf8(&tokens),
        ]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        house.token = String::from_utf8(made.stdout).expect("text").trim().to_owned();
        house.write_settings(more);
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the settings anew, with `more` behind `[http]`.
    pub fn write_settings(&self, more: &str) {
        let folder = self.folder.path().display();
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax");
        let text = format!(
            r#"[store]
path = "{folder}/queue.db"
key_file = "{folder}/key"
[site]
name = "書類交換サイト"
url = "https://exchange.example.jp/"
help_name = "書類交換サイト 窓口"
help_phone = "03-0000-0000"
help_hours = "平日 9:00～17:00"
[sheet]
program = "{program}"
templates = "{templates}"
deadline_ms = 60000
[http]
listen = "{address}"
tokens_file = "{folder}/tokens"
{more}"#,
            program = program("shirase-sheet").display(),
            templates = templates.display(),
            address = self.address,
        );
        std::fs::write(self.path("shirase.toml"), text).expect("settings");
    }

    /// A verb of the command line that needs no gateway.
    pub fn shirase(&self, words: &[&str]) -> Output {
        Command::new(program("shirase")).args(words).output().expect("it runs")
    }

    /// Starts a daemon and looks no further.
    pub fn starts(&self) -> Daemon {
        self.spawn(self.serve(&[]))
    }

    /// The command of a daemon, behind that of another program which starts it.
    pub fn serve(&self, before: &[&str]) -> Command {
        let mut log = std::fs::OpenOptions::new();
        let log = log.create(true).append(true).open(self.path("daemon.log"));
        let mut words: Vec<_> = before.iter().map(Into::into).collect();
        words.push(program("shirase").into_os_string());
        let mut command = Command::new(words.remove(0));
        command
            .args(words)
            .args(["serve", "--config"])
            .arg(self.path("shirase.toml"))
            .env_remove("JOURNAL_STREAM")
            .env("SHIRASE_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log file"));
        command
    }

    /// Runs the command of a daemon.
    pub fn spawn(&self, mut command: Command) -> Daemon {
        Daemon(command.spawn().expect("it starts"))
    }

    /// Waits until somebody answers.
    pub fn answers(&self) {
        self.until("the daemon answers", || TcpStream::connect(&self.address).ok());
    }

    /// Starts a daemon and waits until it answers.
    pub fn daemon(&self) -> Daemon {
        let mut daemon = self.starts();
        self.until("the daemon answers", || {
            let ended = daemon.0.try_wait().expect("its status");
            assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", self.log());
            TcpStream::connect(&self.address).ok()
        });
        daemon
    }

    /// All that daemons of this house have said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// Looks until there is something to see.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("waited in vain: {what}\n{}", self.log())
    }

    /// A connection that nothing was sent on yet.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream
    }

    /// Sends octets as they are and reads to the end of the connection.
    pub fn send(&self, octets: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The hook may answer and close before it has read all of it.
        let _ = stream.write_all(octets);
        Answer::read(&mut stream)
    }

    /// A request with the right token, on a connection of its own.
    pub fn request(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             {fields}Content-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", b"")
    }

    /// Hands octets in as a notification.
    pub fn post_octets(&self, key: &str, body: &[u8]) -> Answer {
        let fields = format!("Idempotency-Key: {key}\r\nContent-Type: application/json\r\n");
        self.request("POST", "/v1/notifications", &fields, body)
    }

    /// As [`House::post`], if there is anybody to talk to.
    pub fn try_post(&self, key: &str, body: &Value) -> Option<Answer> {
        TcpStream::connect(&self.address).ok().map(|_| self.post(key, body))
    }

    pub fn post(&self, key: &str, body: &Value) -> Answer {
        self.post_octets(key, body.to_string().as_bytes())
    }

    /// The daemon lives, has not panicked, and takes an ordinary notification.
    pub fn goes_on(&self, daemon: &mut Daemon) {
        assert!(daemon.0.try_wait().expect("its status").is_none(), "it ended: {}", self.log());
        assert_eq!(self.get("/healthz").status, 200);
        let answer = self.post("goes-on", &message());
        assert_eq!(answer.status, 202, "{}", answer.text);
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
        let secret = self.token.split_once('.').expect("id.secret").1;
        assert!(!log.contains(secret), "a token in the log");
    }
}

/// A running daemon; killed with the value.
pub struct Daemon(Child);

impl Daemon {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    #[allow(dead_code, reason = "not every number needs a signal")]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// A signal, unless it is over already.
    pub fn signal_if_alive(&self, name: &str) {
        let _gone = Command::new("kill").args(["-s", name, &self.id().to_string()]).output();
    }

    /// It is over already.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its status").is_some()
    }

    /// Waits for its end.
    #[allow(dead_code, reason = "not every number ends a daemon")]
    pub fn ended(&mut self) -> Option<i32> {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(status) = self.0.try_wait().expect("its status") {
                return status.code();
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("it did not end")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An answer of the hook; status 0 if the connection ended without one.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub text: String,
}

impl Answer {
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut octets = Vec::new();
        // A connection may end with a reset behind the answer.
        let _ = stream.read_to_end(&mut octets);
        let text = String::from_utf8(octets).expect("the hook answers in UTF-8");
        let (head, text) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or(0), head: head.to_owned(), text: text.to_owned() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}")).to_owned()
    }

    /// It is this refusal, and in its form.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self:?}");
        assert!(self.head.contains("application/problem+json"), "{self:?}");
    }
}

/// The plainest notification: no key, no documents.
pub fn message() -> Value {
    json!({
        "kind": "message",
        "sender": {
            "office_number": "1379900028",
            "office_name": "みどり居宅介護支援事業所",
            "phone": "03-0000-1111",
        },
        "recipient": {
            "office_number": "2779900030",
            "office_name": "あおぞら訪問介護ステーション",
            "fax": "03-5550-0001",
        },
    })
}

pub fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
