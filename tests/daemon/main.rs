//! The daemon as a service manager and a technician meet it: messages, signals, exit status.
//!
//! No line and no sheet worker: notifications are another test's.

mod check;
#[path = "../../drivers/mail/tests/support/dns.rs"]
#[expect(dead_code, reason = "the tests of the driver use the rest")]
mod dns;
mod doors;

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at what tells nobody that it has changed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A folder with everything a daemon needs, and the socket to which it reports.
struct House {
    folder: tempfile::TempDir,
    manager: UnixDatagram,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let manager = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        manager.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let house = Self { folder, manager };
        let tokens = house.path("tokens");
        house.shirase(&["token", "new", "test", "--tokens-file", tokens.to_str().expect("UTF-8")]);
        house.shirase(&["key", "new", house.path("key").to_str().expect("UTF-8")]);
        house.write_settings("");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Port 0 is refused by the settings, so a free one is asked for first.
    fn write_settings(&self, more: &str) {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = probe.local_addr().expect("an address");
        let folder = self.folder.path().display();
        let text = format!(
            "[http]\nlisten = \"{address}\"\ntokens_file = \"{folder}/tokens\"\n\
             [store]\npath = \"{folder}/queue.db\"\nkey_file = \"{folder}/key\"\n\
             [site]\nname = \"n\"\nurl = \"https://x.example.jp\"\nhelp_name = \"h\"\nhelp_phone = \"03\"\nhelp_hours = \"9\"\n\
             {more}"
        );
        std::fs::write(self.path("shirase.toml"), text).expect("settings");
    }

    fn shirase(&self, words: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_shirase")).args(words).output().expect("it runs")
    }

    fn daemon(&self) -> Daemon {
        Daemon(
            Command::new(env!("CARGO_BIN_EXE_shirase"))
                .args(["serve", "--config"])
                .arg(self.path("shirase.toml"))
                .env("NOTIFY_SOCKET", self.path("notify"))
                .env("WATCHDOG_USEC", "400000")
                .env_remove("WATCHDOG_PID")
                .env_remove("JOURNAL_STREAM")
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts"),
        )
    }

    /// Looks until there is something; for what tells nobody that it has changed.
    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("never: {what}");
    }

    /// Waits for a word from the daemon; others before it do not matter.
    fn hears(&self, word: &str) {
        let mut message = [0; 512];
        loop {
            let length = self.manager.recv(&mut message).unwrap_or_else(|error| {
                panic!("{word} never came: {error}");
            });
            if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == word) {
                return;
            }
        }
    }
}

/// A running daemon; killed if a test fails.
struct Daemon(Child);

impl Daemon {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Exit status and everything that was said on standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (self.0.wait().expect("it ended").code(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn daemon_reports_ready_alive_and_stopping_and_ends_with_0() {
    let house = House::new();
    let daemon = house.daemon();
    house.hears("READY=1");
    house.hears("WATCHDOG=1");
    daemon.signal("TERM");
    house.hears("STOPPING=1");
    let (status, said) = daemon.ended();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("app.ready") && said.contains("app.stopping"), "{said}");
}

#[test]
fn hang_up_signal_with_broken_settings_changes_nothing_and_is_told() {
    let house = House::new();
    let daemon = house.daemon();
    house.hears("READY=1");
    house.write_settings("[calling]\nhour = 1\n");
    daemon.signal("HUP");
    daemon.signal("TERM");
    house.hears("STOPPING=1");
    let (status, said) = daemon.ended();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("app.settings.bad_for_next_start"), "{said}");
    assert!(said.contains("unknown field `hour`"), "{said}");
}

#[test]
fn second_daemon_on_the_same_store_ends_with_75() {
    let house = House::new();
    let _first = house.daemon();
    house.hears("READY=1");
    house.write_settings("");
    let (status, said) = house.daemon().ended();
    assert_eq!(status, Some(75), "{said}");
}

#[test]
fn second_daemon_on_the_same_port_ends_with_75_and_starts_no_line() {
    let (house, other) = (House::new(), House::new());
    other.write_settings("[[line]]\nname = \"line1\"\ndevice = \"/dev/serial/not-there\"\n");
    let _first = house.daemon();
    house.hears("READY=1");
    let taken = std::fs::read_to_string(house.path("shirase.toml")).expect("settings");
    let listen = taken.lines().nth(1).expect("listen");
    let own = std::fs::read_to_string(other.path("shirase.toml")).expect("settings");
    let own = own.replace(own.lines().nth(1).expect("listen"), listen);
    std::fs::write(other.path("shirase.toml"), own).expect("settings");
    let (status, said) = other.daemon().ended();
    assert_eq!(status, Some(75), "{said}");
    assert!(!said.contains("line."), "{said}");
}

/// What is spoilt, and how the one line reads.
#[test]
fn spoilt_settings_and_secrets_end_with_78_and_one_line() {
    type Spoil = fn(&House);
    let cases: [(&str, Spoil, &str); 5] = [
        (
            "unknown key",
            |house| house.write_settings("[calling]\nhour = 1\n"),
            "unknown field `hour`",
        ),
        ("no settings", |house| remove(&house.path("shirase.toml")), "No such file"),
        ("no key", |house| remove(&house.path("key")), "No such file"),
        ("short key", |house| write(&house.path("key"), &[0; 31]), "must hold 32 octets, not 31"),
        ("broken tokens", |house| write(&house.path("tokens"), b"x y\n"), "tokens:1: must be"),
    ];
    for (what, spoil, expected) in cases {
        let house = House::new();
        spoil(&house);
        let (status, said) = house.daemon().ended();
        assert_eq!(status, Some(78), "{what}: {said}");
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[test]
fn store_that_is_no_store_of_ours_ends_with_65_and_is_left_alone() {
    let house = House::new();
    write(&house.path("queue.db"), b"not a database, but somebody may want it");
    let (status, said) = house.daemon().ended();
    assert_eq!(status, Some(65), "{said}");
    let left = std::fs::read(house.path("queue.db")).expect("still there");
    assert_eq!(left, b"not a database, but somebody may want it");
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("removed");
}

/// Written over in place, so that the mode stays.
fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).expect("written");
}
