//! One appliance on one software line: softline, the daemon, and a caller of its hook, all real.
//!
//! In: the far ends that can be dialled. Out: answers of the hook, and what the line saw.
//! Everything lives in a folder of its own and ends with the value.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::softline::{LIMIT, SoftLine, program};

/// The line runs this many times faster than a telephone line.
const SPEED: &str = "10";
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub struct Appliance {
    folder: tempfile::TempDir,
    line: SoftLine,
    daemon: Option<Child>,
    address: String,
    token: String,
    environment: Vec<(String, String)>,
}

/// What is unlike the usual in one appliance.
#[derive(Default)]
pub struct Setup<'a> {
    /// `NUMBER=kind,…` as softline's `--far` takes it.
    pub fars: &'a [&'a str],
    /// Instead of the software line's device.
    pub device: Option<&'a str>,
    /// Instead of the shipped templates.
    pub templates: Option<&'a Path>,
    /// Lines, each with more settings; none is `line1` without more.
    pub lines: &'a [(&'a str, &'a str)],
    /// More environment of the daemon.
    pub environment: &'a [(&'a str, &'a str)],
    /// Tables of settings behind all others.
    pub more: &'a str,
}

impl Setup<'_> {
    fn lines(&self) -> &[(&str, &str)] {
        if self.lines.is_empty() { &[("line1", "")] } else { self.lines }
    }
}

impl Appliance {
    pub fn start(setup: &Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the appliance");
        let names: Vec<&str> = setup.lines().iter().map(|(name, _)| *name).collect();
        let line = SoftLine::start(folder.path(), &["--speed", SPEED], &names, setup.fars);
        let port = free_port();
        let mut appliance = Self {
            line,
            daemon: None,
            address: format!("127.0.0.1:{port}"),
            token: String::new(),
            environment: setup
                .environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            folder,
        };
        appliance.token = appliance.write_settings(setup, port);
        appliance.start_daemon();
        appliance
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_settings(&self, setup: &Setup<'_>, port: u16) -> String {
        let key = self.path("master-key");
        assert!(shirase(&["key", "new", utf8(&key)]).status.success(), "a master key");
        let tokens = self.path("tokens");
        let made = shirase(&[
            "token",
            "new",
            "test",
            "--scope",
            "notify,read,numbers,lines,operate",
            "--tokens-file",
            utf8(&tokens),
        ]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let token = String::from_utf8(made.stdout).expect("a token is text").trim().to_owned();
        let templates = setup.templates.map_or_else(|| repository("templates/fax"), PathBuf::from);
        let lines = setup.lines().iter().map(|(name, more)| {
            let device = setup.device.map_or_else(|| self.path(name), PathBuf::from);
            let device = device.display();
            format!(
                "[[line]]\nname = \"{name}\"\ndevice = \"{device}\"\ntsi = \"03 0000 0000\"\n{more}\n"
            )
        });
        let lines: Vec<String> = lines.collect();
        let settings = format!(
            r#"
[http]
listen = "127.0.0.1:{port}"
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
program = "{program}"
templates = "{templates}"
[calling]
hours = "always_open"
self_test = "never"
keys_only_to_proven = false
{lines}{more}"#,
            more = setup.more,
            lines = lines.concat(),
            tokens = tokens.display(),
            store = self.path("queue.db").display(),
            key = key.display(),
            program = program("shirase-sheet").display(),
            templates = templates.display(),
        );
        std::fs::write(self.path("shirase.toml"), settings).expect("settings");
        token
    }

    /// Starts the daemon and waits until it answers.
    pub fn start_daemon(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("daemon.log"))
            .expect("log file");
        let child = Command::new(program("shirase"))
            .args(["serve", "--config"])
            .arg(self.path("shirase.toml"))
            .env_remove("JOURNAL_STREAM")
            .env("SHIRASE_LOG", "debug")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        self.daemon = Some(child);
        self.until("the daemon answers", |appliance| {
            let exited =
                appliance.daemon.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(exited.is_none(), "the daemon ended: {exited:?}\n{}", appliance.log());
            TcpStream::connect(&appliance.address).ok()
        });
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill_daemon(&mut self) {
        let mut child = self.daemon.take().expect("a daemon runs");
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    /// SIGTERM; its status, once it has ended by itself.
    #[allow(dead_code, reason = "not every test program stops it")]
    pub fn stop_daemon(&mut self) -> Option<i32> {
        self.signal("TERM");
        let ended = |appliance: &mut Self| {
            appliance.daemon.as_mut().and_then(|child| child.try_wait().expect("its status"))
        };
        let status = self.until("the daemon ends", ended);
        self.daemon = None;
        status.code()
    }

    /// A signal to the daemon.
    #[allow(dead_code, reason = "not every test program sends one")]
    pub fn signal(&self, name: &str) {
        let id = self.daemon.as_ref().expect("a daemon runs").id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill").success());
    }

    /// For the daemons that are started from now on.
    #[allow(dead_code, reason = "not every test program sets another clock")]
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Changes the settings for the next start.
    #[allow(dead_code, reason = "not every test program changes settings")]
    pub fn replace_in_settings(&self, old: &str, new: &str) {
        let path = self.path("shirase.toml");
        let text = std::fs::read_to_string(&path).expect("settings");
        assert!(text.contains(old), "{old} is in\n{text}");
        std::fs::write(path, text.replace(old, new)).expect("settings");
    }

    /// A line of what the kernel says of the running daemon, in KiB, e.g. `VmHWM`: the most memory it ever had.
    #[allow(dead_code, reason = "not every test program looks at memory")]
    pub fn memory_kib(&self, name: &str) -> u64 {
        let id = self.daemon.as_ref().expect("a daemon runs").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        figure.unwrap_or_else(|| panic!("{name} is in\n{status}"))
    }

    /// Of the running daemon.
    #[allow(dead_code, reason = "not every test program looks at the process")]
    pub fn daemon_id(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon runs").id()
    }

    /// All that the daemon has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    pub fn request(&self, method: &str, path: &str, head: &[(&str, &str)], body: &[u8]) -> Answer {
        let token = format!("Bearer {}", self.token);
        let mut head: Vec<(&str, &str)> = head.to_vec();
        if !head.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            head.push(("Authorization", &token));
        }
        exchange(&self.address, method, path, &head, body)
    }

    /// Posts a first contact to a number and returns its id.
    pub fn submit(&self, fax: &str) -> String {
        let key = format!("test-{fax}-{}", self.line.calls().len());
        let answer = self.post(&key, &first_contact(fax));
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    pub fn post(&self, key: &str, body: &Value) -> Answer {
        self.request(
            "POST",
            "/v1/notifications",
            &[("Idempotency-Key", key), ("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    pub fn show(&self, id: &str) -> Value {
        let answer = self.request("GET", &format!("/v1/notifications/{id}"), &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Runs a verb of the command line against this gateway, to its end.
    pub fn verb(&self, arguments: &[&str]) -> std::process::Output {
        self.command(arguments).output().expect("shirase runs")
    }

    /// A verb of the command line that has not begun.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let token_file = self.path("token");
        std::fs::write(&token_file, &self.token).expect("the token");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&token_file, mode).expect("for its owner");
        let mut command = Command::new(program("shirase"));
        command
            .args(arguments)
            .env("SHIRASE_URL", format!("http://{}", self.address))
            .env("SHIRASE_TOKEN_FILE", token_file)
            .stdin(Stdio::null());
        command
    }

    /// Holds everything back.
    #[allow(dead_code, reason = "not every test program holds anything back")]
    pub fn hold(&self, note: &str) {
        let run = self.verb(&["hold", "--note", note]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Lets everything go on.
    #[allow(dead_code, reason = "not every test program holds anything back")]
    pub fn release(&self) {
        let run = self.verb(&["release"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Waits until the store has what passed on a call, and names it.
    pub fn await_trace(&mut self) -> String {
        self.until("a trace is kept", |appliance| {
            let calls = appliance.request("GET", "/v1/calls", &[], b"").json();
            calls[0]["id"].as_i64().map(|id| id.to_string())
        })
    }

    /// A line as the hook shows it.
    pub fn line(&self, name: &str) -> Value {
        let answer = self.request("GET", &format!("/v1/lines/{name}"), &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Waits until a line is in this state.
    pub fn await_line(&mut self, name: &str, state: &str) -> Value {
        self.until(&format!("{name} is {state}"), |appliance| {
            let line = appliance.line(name);
            (line["state"] == state).then_some(line)
        })
    }

    /// `unplug NAME` or `plug NAME`.
    pub fn modem(&self, command: &str) {
        self.line.says(command);
    }

    /// Waits until the notification is in one of these states.
    pub fn await_state(&mut self, id: &str, states: &[&str]) -> Value {
        self.until(&format!("{id} is {states:?}"), |appliance| {
            let view = appliance.show(id);
            let state = view["state"].as_str().unwrap_or_default().to_owned();
            states.contains(&state.as_str()).then_some(view)
        })
    }

    /// Waits until the last attempt is in one of these states.
    pub fn await_attempt(&mut self, id: &str, states: &[&str]) -> Value {
        self.until(&format!("an attempt of {id} is {states:?}"), |appliance| {
            let view = appliance.show(id);
            let attempt = view["attempts"].as_array()?.last()?.clone();
            states.contains(&attempt["state"].as_str()?).then_some(view)
        })
    }

    /// What `shirase numbers` prints.
    pub fn numbers(&self, arguments: &[&str]) -> String {
        let run = self.verb(&[&["numbers"], arguments].concat());
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{arguments:?}: {said}");
        String::from_utf8(run.stdout).expect("text")
    }

    /// The calls that the line has seen end, waiting for the `count`th.
    pub fn await_calls(&self, count: usize) -> Vec<Value> {
        self.line.await_calls(count)
    }

    /// The calls that have ended so far.
    pub fn calls(&self) -> Vec<Value> {
        self.line.calls()
    }

    /// Every call of this line, once none is on.
    pub fn calls_if_idle(&self) -> Option<Vec<Value>> {
        self.line.calls_if_idle()
    }

    /// Looks until there is something to see. The hook has no call that waits for a change.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..LIMIT.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look(self) {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("waited in vain: {what}")
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- daemon.log\n{}", self.log());
            eprintln!("--- calls\n{:#?}", self.line.calls());
        }
    }
}

/// An answer of the hook.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The last part of a problem's `type`.
    pub fn code(&self) -> String {
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.rsplit(['/', ':', '#']).next().unwrap_or_default().to_owned()
    }
}

/// One HTTP/1.1 exchange on a connection of its own.
pub fn exchange(
    address: &str,
    method: &str,
    path: &str,
    head: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(LIMIT)).expect("read timeout");
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in head {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(request.as_bytes()).expect("send head");
    // The hook may answer and close before it has read a body that is too long.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("the hook answers in UTF-8");
    let (head, text) = text.split_once("\r\n\r\n").expect("head and body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, text: text.to_owned() }
}

pub const PASSWORD: &str = "Wm7k-Qp4z-Hr9t";
pub const FIRST_TIME_KEY: &str = "K7NW-42MD-XQ93-TFHA";

/// A first contact as the exchange would send it.
pub fn first_contact(fax: &str) -> Value {
    json!({
        "kind": "first_contact",
        "sender": {
            "office_number": "1379900028",
            "office_name": "みどり居宅介護支援事業所",
            "phone": "03-0000-1111",
        },
        "recipient": {
            "office_number": "2779900030",
            "office_name": "あおぞら訪問介護ステーション",
            "fax": fax,
        },
        "credentials": {
            "login_id": "az-2779900030",
            "password": PASSWORD,
            "first_time_key": FIRST_TIME_KEY,
        },
        "documents": [{ "title": "提供票", "count": 2 }, { "title": "ケアプラン", "count": 1 }],
    })
}

/// Runs a command of `shirase` to its end.
pub fn shirase(arguments: &[&str]) -> std::process::Output {
    Command::new(program("shirase"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("shirase runs")
}

pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("the folder has an UTF-8 name")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}
