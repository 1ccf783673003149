//! Calls over a line with noise: how many of a cell's pages are confirmed, and what is wrong in them.
//!
//! In: cells (fastest modulation × noise × error correction), how many calls of each, a speed of the line.
//! Out: what each call came to. Every call has a number and so a noise of its own, which is the same in
//! every run: a cell does not depend on which calls ran beside it.
//! The sender's clock runs as fast as the line, so its timers are right at every speed; its wits do not,
//! so each answer comes `speed` times as late as on a telephone line, some milliseconds.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use modem::{Dtr, Ending, Flow, Holders, Line, Port, PortError, SerialPort};
use serde_json::Value;
use t30::{Millis, Modulation};

use crate::host::{PageHost, call, line_settings};
use crate::pages::test_page;
use crate::softline::SoftLine;

pub const MODULATIONS: [Modulation; 8] = [
    Modulation::V17At14400,
    Modulation::V17At12000,
    Modulation::V17At9600,
    Modulation::V17At7200,
    Modulation::V29At9600,
    Modulation::V29At7200,
    Modulation::V27ter4800,
    Modulation::V27ter2400,
];

/// One entry of the table.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Cell {
    pub fastest: Modulation,
    pub snr_db: u8,
    pub ecm: bool,
}

/// What one call came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    pub confirmed: bool,
    /// Rows of a confirmed page that are not the sent ones at their place, or are missing.
    pub wrong_rows: usize,
    /// Of the last training.
    pub rate_bps: u64,
}

/// A cell's calls in short.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sum {
    pub confirmed: usize,
    pub wrong_rows: usize,
    /// Confirmed at a lower rate than the cell's.
    pub slower: usize,
}

impl Cell {
    /// Its digits tell cells, their calls and a call's tries apart.
    fn number(self, attempt: u8, again: bool) -> String {
        let ladder = MODULATIONS.iter().position(|m| *m == self.fastest).unwrap_or_default();
        let (ecm, again) = (u8::from(self.ecm), u8::from(again));
        format!("0{ladder}{ecm}{:02}{attempt:02}{again}", self.snr_db)
    }

    /// The same machine twice: noise depends on the seed, and on how often a number was dialled.
    fn fars(self, attempt: u8) -> [String; 2] {
        let ecm = if self.ecm { "on" } else { "off" };
        [false, true].map(|again| {
            let (number, snr_db) = (self.number(attempt, again), self.snr_db);
            format!("{number}=fax,ecm={ecm},ring=0,pre=0.2,snr={snr_db},seed={attempt}")
        })
    }

    /// Its row and column in the table.
    fn place(self) -> (String, String) {
        let ecm = if self.ecm { "ECM" } else { "no ECM" };
        (format!("{:?} {ecm}", self.fastest), format!("{} dB", self.snr_db))
    }

    #[allow(dead_code, reason = "the table itself is not looked up")]
    /// What a table says of it, as [`Sum`] prints itself.
    pub fn looked_up(self, table: &str) -> Option<String> {
        let mut rows = table.lines().filter(|line| !line.starts_with('#')).map(|line| {
            line.split('|').map(|entry| entry.trim().to_owned()).collect::<Vec<String>>()
        });
        let (row, column) = self.place();
        let column = rows.next()?.iter().position(|head| *head == column)?;
        rows.find(|entries| entries.first() == Some(&row))?.get(column).cloned()
    }

    pub fn sum(self, outcomes: &[Outcome]) -> Sum {
        let mut sum = Sum::default();
        for outcome in outcomes.iter().filter(|outcome| outcome.confirmed) {
            sum.confirmed += 1;
            sum.wrong_rows += outcome.wrong_rows;
            sum.slower += usize::from(outcome.rate_bps < u64::from(self.fastest.rate_bps()));
        }
        sum
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.confirmed, self.wrong_rows, self.slower)
    }
}

/// The cells as a table: a row for each modulation with error correction and without, a column for each
/// level of noise.
#[allow(dead_code, reason = "the test looks cells up only")]
pub fn table(levels_db: &[u8], sum: impl Fn(Cell) -> Sum) -> String {
    let mut table = format!("{:<18}", "");
    for snr_db in levels_db {
        table += &format!("| {:<11}", format!("{snr_db} dB"));
    }
    for ecm in [true, false] {
        for fastest in MODULATIONS {
            let cells = levels_db.iter().map(|snr_db| Cell { fastest, snr_db: *snr_db, ecm });
            table += &format!("\n{:<18}", Cell { fastest, snr_db: 0, ecm }.place().0);
            for cell in cells {
                table += &format!("| {:<11}", sum(cell).to_string());
            }
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Makes `calls` calls of each cell, on so many lines at once, and tells what each came to, in the order
/// of the calls of a cell.
///
/// # Panics
/// If a page that was confirmed under error correction is not the page that was sent.
pub fn run(cells: &[Cell], calls: u8, lines: usize, speed: u32) -> HashMap<Cell, Vec<Outcome>> {
    let folder = tempfile::tempdir().expect("a folder");
    let work: Vec<(Cell, u8)> =
        cells.iter().flat_map(|cell| (1..=calls).map(|attempt| (*cell, attempt))).collect();
    let fars: Vec<String> = work.iter().flat_map(|(cell, attempt)| cell.fars(*attempt)).collect();
    let fars: Vec<&str> = fars.iter().map(String::as_str).collect();
    let names: Vec<String> = (0..lines).map(|line| format!("line{line}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let line = SoftLine::start(folder.path(), &["--speed", &speed.to_string()], &names, &fars);
    let left = Mutex::new(work.iter().rev().copied().collect::<Vec<_>>());
    let confirmed = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for name in &names {
            let (left, confirmed, device) = (&left, &confirmed, folder.path().join(name));
            scope.spawn(move || {
                let mut modem = fast_modem(name, &device, speed);
                let next = || left.lock().expect("work").pop();
                while let Some((cell, attempt)) = next() {
                    let (number, report) = call_once_or_twice(&mut modem, cell, attempt);
                    let done = (number, report.pages_confirmed == 1);
                    confirmed.lock().expect("done").insert((cell, attempt), done);
                }
            });
        }
    });
    let confirmed = confirmed.into_inner().expect("done");
    let heard: HashMap<String, Value> = line
        .await_calls(work.len())
        .into_iter()
        .map(|call| (call["dialled"].as_str().unwrap_or_default().to_owned(), call))
        .collect();
    let mut outcomes: HashMap<Cell, Vec<Outcome>> = HashMap::new();
    for (cell, attempt) in work {
        let (number, confirmed) = &confirmed[&(cell, attempt)];
        let heard = &heard[number];
        let outcome = outcome(*confirmed, heard);
        assert!(!cell.ecm || outcome.wrong_rows == 0, "{cell:?}: confirmed and wrong\n{heard:#}");
        outcomes.entry(cell).or_default().push(outcome);
    }
    outcomes
}

/// A modem that is silent or drops its carrier is a busy machine here, not noise: the call is made again,
/// with the same noise.
fn call_once_or_twice(
    modem: &mut Line<FastPort>,
    cell: Cell,
    attempt: u8,
) -> (String, modem::CallReport) {
    let mut last = None;
    for again in [false, true] {
        let number = cell.number(attempt, again);
        // What the table was made with; of this page MH is shorter, and a page in it is hurt otherwise.
        let coding = if cell.ecm { t30::Coding::Mmr } else { t30::Coding::Mr };
        let mut host = PageHost::new(test_page()).in_coding(coding);
        let report = modem.call(&call(&number, cell.fastest), &mut host);
        match report.ending {
            Ending::Modem { .. } => last = Some(report),
            _ => return (number, report),
        }
    }
    panic!("{cell:?}, call {attempt}: the machine is too busy for this speed: {last:?}");
}

fn outcome(confirmed: bool, heard: &Value) -> Outcome {
    let rate_bps = heard["rate_bps"].as_u64().unwrap_or(0);
    let wrong_rows = if confirmed {
        wrong_rows(Path::new(heard["file"].as_str().expect("a confirmed page is a file")))
    } else {
        0
    };
    Outcome { confirmed, wrong_rows, rate_bps }
}

fn wrong_rows(file: &Path) -> usize {
    let bytes = std::fs::read(file).expect("the received file");
    let pages = t4::container::read(std::io::Cursor::new(bytes)).expect("a TIFF-F file");
    let [received] = &pages[..] else { panic!("{} pages in {}", pages.len(), file.display()) };
    let (sent, received) = (test_page(), &received.page);
    let rows = |page: &t4::Page| -> Vec<Vec<u8>> {
        page.bits().chunks(page.row_octets()).map(<[u8]>::to_vec).collect()
    };
    let (sent, received) = (rows(&sent), rows(received));
    let differing = sent.iter().zip(&received).filter(|(sent, received)| sent != received).count();
    differing + sent.len().abs_diff(received.len())
}

fn fast_modem(name: &str, device: &Path, speed: u32) -> Line<FastPort> {
    let settings = line_settings(name, device);
    let inner = SerialPort::open(device, settings.baud, Flow::RtsCts).expect("a terminal");
    Line::with_port(settings, FastPort { inner, speed: u64::from(speed) }).expect("a modem")
}

/// A terminal whose clock runs `speed` times as fast as the clock on the wall.
struct FastPort {
    inner: SerialPort,
    speed: u64,
}

impl FastPort {
    fn slow(&self, until: Millis) -> Millis {
        Millis(until.0.div_ceil(self.speed))
    }
}

impl Port for FastPort {
    fn read(&mut self, octets: &mut [u8], until: Millis) -> Result<usize, PortError> {
        let until = self.slow(until);
        self.inner.read(octets, until)
    }

    fn write(&mut self, octets: &[u8], until: Millis) -> Result<usize, PortError> {
        let until = self.slow(until);
        self.inner.write(octets, until)
    }

    fn now(&self) -> Millis {
        Millis(self.inner.now().0 * self.speed)
    }

    fn xon_xoff(&mut self, on: bool) -> Result<(), PortError> {
        self.inner.xon_xoff(on)
    }

    fn set_dtr(&mut self, on: bool) -> Result<Dtr, PortError> {
        self.inner.set_dtr(on)
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        self.inner.reopen()
    }

    fn shared_with(&self) -> Option<(PathBuf, Holders)> {
        self.inner.shared_with()
    }
}
