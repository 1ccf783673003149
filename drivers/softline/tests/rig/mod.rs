//! A running `softline`, hosts at its terminals, and pages to send: what the stories share.
//!
//! In: options of the program. Out: its events, as JSON. Nothing here sleeps: every wait is for a byte
//! or an event, and ends with a failed test after [`PATIENCE`].

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../../src/test_page.rs"]
mod test_page;

use rustix::event::{PollFd, PollFlags, Timespec};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// No single wait of a test is as long as this, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

pub struct Softline {
    pub program: Child,
    pub folder: tempfile::TempDir,
    events: Receiver<Value>,
}

impl Softline {
    /// Starts the line `a`, and `b` too, at `speed`; waits until it is ready.
    pub fn start(speed: u32, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = |name: &str| format!("{name}={}", folder.path().join(name).display());
        let mut program = Command::new(env!("CARGO_BIN_EXE_softline"))
            .args(["--line", &line("a"), "--line", &line("b"), "--exit-with-parent"])
            .args(["--speed", &speed.to_string()])
            .arg("--out")
            .arg(folder.path().join("received"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let events = read_events(program.stdout.take().unwrap());
        let rig = Self { program, folder, events };
        assert_eq!(rig.event()["event"], "ready");
        rig
    }

    /// A command of `--control`.
    pub fn says(&mut self, command: &str) {
        let mut input = self.program.stdin.as_ref().unwrap();
        input.write_all(format!("{command}\n").as_bytes()).unwrap();
    }

    pub fn link(&self, line: &str) -> PathBuf {
        self.folder.path().join(line)
    }

    /// The next event, whatever it is.
    pub fn event(&self) -> Value {
        self.events.recv_timeout(PATIENCE).expect("softline says nothing more")
    }

    /// The next event of this name; others before it are passed over.
    pub fn wait_for(&self, name: &str) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// A host at the terminal of a line.
    pub fn host(&self, line: &str) -> Host {
        let tty = File::options().read(true).write(true).open(self.link(line)).unwrap();
        Host { tty, heard: Vec::new() }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> i32 {
        let id = rustix::process::Pid::from_child(&self.program);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.program.wait().unwrap().code().expect("softline ended by itself, not by a signal")
    }
}

impl Drop for Softline {
    fn drop(&mut self) {
        // Already ended, or a test failed: either way nothing may be left running.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn read_events(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).expect("every line is JSON");
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A program that talks to the modem by hand.
pub struct Host {
    tty: File,
    heard: Vec<u8>,
}

impl Host {
    pub fn says(&mut self, text: impl AsRef<[u8]>) {
        self.tty.write_all(text.as_ref()).unwrap();
    }

    /// Waits for `text`, and forgets it and what came before it.
    pub fn hears(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = find(&self.heard, text.as_bytes()) {
                let rest = self.heard.split_off(at + text.len());
                let heard = std::mem::replace(&mut self.heard, rest);
                return String::from_utf8_lossy(&heard).into_owned();
            }
            let mut fds = [PollFd::new(&self.tty, PollFlags::IN)];
            let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            let ready = rustix::event::poll(&mut fds, Some(&patience)).unwrap();
            let heard = String::from_utf8_lossy(&self.heard);
            assert!(ready > 0, "waited for {text:?}, heard {heard:?}");
            let mut buffer = [0; 512];
            let len = self.tty.read(&mut buffer).unwrap();
            self.heard.extend_from_slice(&buffer[..len]);
        }
    }

    /// Waits until the terminal has vanished under this host.
    pub fn is_gone(&mut self) -> bool {
        let mut fds = [PollFd::new(&self.tty, PollFlags::empty())];
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        rustix::event::poll(&mut fds, Some(&patience)).unwrap();
        self.tty.read(&mut [0]).is_ok_and(|len| len == 0)
            || self.tty.read(&mut [0]).is_err_and(|error| error.raw_os_error() == Some(5))
    }

    /// A command and its OK.
    pub fn does(&mut self, command: &str) {
        self.says(format!("{command}\r"));
        self.hears("\r\nOK\r\n");
    }

    /// Ready for a fax call, without echo.
    pub fn ready(mut self) -> Self {
        self.does("ATE0");
        self.does("AT+FCLASS=1");
        self
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A page of `height` lines as efax wants it: one MH strip.
pub fn page(folder: &Path, height: usize) -> PathBuf {
    let (plain, page) = (folder.join("plain.tif"), folder.join("page.tif"));
    test_page::write(&plain, height);
    test_page::tiffcp(&["-c", "g3:1d", "-r", "100000"], &plain, &page);
    page
}

/// The received file has the lines of [`page`], all of them and in a row; blank lines of the
/// sender's may be around them.
pub fn assert_has_page(received: &Path, height: usize) {
    let got = test_page::read(received);
    let found = got.windows(height).any(|window| window == test_page::rows(height));
    assert!(found, "{}: the lines sent are not in the {} received", received.display(), got.len());
}

/// efax at a terminal.
pub fn efax(tty: &Path, arguments: &[&str]) -> Command {
    let mut efax = Command::new("efax");
    efax.arg("-d")
        .arg(tty)
        .args(["-o1", "-vew", "-h", " ", "-l", "+81 3 9999 0000"])
        .args(arguments);
    efax.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    efax
}
