//! A telephone line that takes no time, or little: a modem of Class 2.0 on a terminal, with a fax machine behind it that
//! acknowledges every page, but for some that say nothing the first time; and a log of what really went out.
//!
//! In: AT commands and page octets. Out: answers, and [`line.jsonl`](crate::history).
//! Source: TIA-592 (words and end marks of Class 2.0).
//! Not here: audio, T.30, far ends that fail (`drivers/softline`).

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use serialport::{SerialPort, TTYPort};

use crate::history::Log;

const DLE: u8 = 0x10;
/// "No more pages", behind DLE.
const NO_MORE: u8 = b'.';
/// A page of MR, which is what is agreed here, begins with an EOL (T.4 4.1.2), and that with this octet.
const PAGE_BEGINS: u8 = 0;
/// What numbers begin with where nothing is said to the first page.
pub const SAYS_NOTHING: &str = "04";
/// So often it is seen whether the daemon is gone.
const LOOK: Duration = Duration::from_millis(2);
/// Octets between two looks: at the pace of a real line a fraction of a second.
const AT_A_TIME: usize = 128;

/// How long things take. At no pace, what a daemon wrote before it died is still heard; else the line is cut at once.
#[derive(Clone, Copy, Default)]
pub struct Pace {
    /// Until the far machine has answered.
    pub answer: Duration,
    pub page_octet: Duration,
}

/// A line whose daemon may die at any time.
pub struct Line {
    link: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    name: &'static str,
    pace: Pace,
    log: Arc<Log>,
}

impl Line {
    /// The device is at `link` after [`Line::plug`].
    pub fn new(name: &'static str, link: PathBuf, pace: Pace, log: Arc<Log>) -> Self {
        Self { name, link, pace, stop: Arc::new(AtomicBool::new(false)), thread: None, log }
    }

    /// Another modem for another daemon: on-hook, with nothing of the last one left in it.
    pub fn plug(&mut self) {
        self.unplug();
        let (master, slave) = TTYPort::pair().expect("a terminal");
        let name = slave.name().expect("a terminal has a name");
        let _none_yet = std::fs::remove_file(&self.link);
        symlink(Path::new(&name), &self.link).expect("a link");
        self.stop = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&self.stop);
        let modem = Modem::new(master, self.name, self.pace, Arc::clone(&self.log));
        self.thread = Some(std::thread::spawn(move || {
            // As long as somebody has it open, closing and opening it is no hang-up of the terminal.
            let _kept_open = slave;
            modem.work(&stop);
        }));
    }

    /// The line falls on-hook, and there is no device any more.
    pub fn unplug(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the modem did not panic");
            // The number of the terminal may soon be that of another line.
            let _gone_with_its_folder = std::fs::remove_file(&self.link);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// A number on the line, to name it in the log.
#[derive(Default)]
struct Call {
    number: Option<String>,
    /// Octets of the page so far; `None` outside of one.
    page: Option<usize>,
}

struct Modem {
    port: TTYPort,
    /// Of its line.
    name: &'static str,
    pace: Pace,
    log: Arc<Log>,
    call: Call,
    command: Vec<u8>,
    after_dle: bool,
    /// Numbers of which it was one that says nothing the first time.
    said_nothing: HashSet<String>,
}

impl Modem {
    fn new(mut port: TTYPort, name: &'static str, pace: Pace, log: Arc<Log>) -> Self {
        port.set_timeout(LOOK).expect("a timeout");
        Self {
            port,
            name,
            pace,
            log,
            call: Call::default(),
            command: Vec::new(),
            after_dle: false,
            said_nothing: HashSet::new(),
        }
    }

    fn work(mut self, stop: &AtomicBool) {
        let mut octets = [0; AT_A_TIME];
        loop {
            // Before it looks: what was written before that is there by now.
            let is_last = stop.load(Ordering::Acquire);
            if is_last && !self.pace.page_octet.is_zero() {
                break;
            }
            match self.port.read(&mut octets) {
                Ok(count) => {
                    octets[..count].iter().for_each(|octet| self.take(*octet));
                    if self.call.page.is_some() {
                        std::thread::sleep(self.pace.page_octet * count as u32);
                    }
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) =>
                {
                    if is_last {
                        break;
                    }
                }
                Err(_nobody_has_it_open) => break,
            }
        }
        self.on_hook();
    }

    fn take(&mut self, octet: u8) {
        match self.call.page {
            // The daemon leaves without a page: it has closed the device, at which a modem hangs up, and begins anew. A terminal
            // has no DTR that would fall.
            Some(0) if octet != PAGE_BEGINS => {
                self.on_hook();
                self.take(octet);
            }
            Some(octets) => self.take_page(octet, octets),
            None if octet == b'\r' => {
                let command = String::from_utf8_lossy(&self.command).trim().to_owned();
                self.command.clear();
                self.answer(&command);
            }
            None => self.command.push(octet),
        }
    }

    fn take_page(&mut self, octet: u8, octets: usize) {
        if octets == 0 {
            // Who printed what is decided here.
            self.note("page", json!({}));
        }
        self.call.page = Some(octets + 1);
        if self.after_dle && octet == NO_MORE {
            self.call.page = None;
            self.note("page_end", json!({ "octets": octets + 1 }));
            if self.says_nothing() {
                // No answer to three EOPs.
                self.say("+FHS:54\r\n\r\nOK");
            } else {
                self.note("acknowledged", json!({}));
                self.say("+FHS:0\r\n\r\nOK");
            }
        }
        self.after_dle = octet == DLE && !self.after_dle;
    }

    fn says_nothing(&mut self) -> bool {
        let number = self.call.number.as_ref().filter(|number| number.starts_with(SAYS_NOTHING));
        number.is_some_and(|number| self.said_nothing.insert(number.clone()))
    }

    fn answer(&mut self, command: &str) {
        if let Some(number) = command.strip_prefix("ATDT") {
            self.call.number = Some(number.to_owned());
            self.note("dialled", json!({}));
            std::thread::sleep(self.pace.answer);
            self.say(&format!(
                "+FCO\r\n\r\n+FCI:\"{number:>20}\"\r\n\r\n+FIS:1,5,0,2,1,0,0,3\r\n\r\nOK"
            ));
            return;
        }
        match command {
            "" => {}
            "AT+FCLASS=?" => self.say("0,2.0\r\n\r\nOK"),
            "AT+FCC=?" => self.say("(0,1),(0-5),(0-2),(0-2),(0-3),(0-1),(0),(0-7)\r\n\r\nOK"),
            "AT+FDT" => {
                self.call.page = Some(0);
                self.say("+FCS:1,5,0,2,1,0,0,3\r\n\r\nCONNECT");
            }
            "AT+FPS?" => self.say("+FPS:1,320,0,0\r\n\r\nOK"),
            "ATH0" => {
                self.on_hook();
                self.say("OK");
            }
            _of_no_matter => self.say("OK"),
        }
    }

    fn on_hook(&mut self) {
        if self.call.number.is_some() {
            self.note("on_hook", json!({ "in_page": self.call.page }));
        }
        self.call = Call::default();
    }

    fn note(&self, event: &str, mut details: serde_json::Value) {
        details["line"] = json!(self.name);
        details["number"] = json!(self.call.number);
        self.log.note(event, details);
    }

    fn say(&mut self, words: &str) {
        let said = format!("\r\n{words}\r\n");
        // A daemon that is dead hears nothing.
        let _unheard = self.port.write_all(said.as_bytes());
    }
}
