//! Real calls: this driver, t30 and t4 against libspandsp's modem and fax machine, over a pty.
//!
//! The line runs faster than the wall clock; what is received is compared bit by bit with what was
//! sent. Needs the `softline` program of this workspace, or `SOFTLINE` with its path.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use modem::{Call, CallHost, CallReport, Ending, Go, Line, LineSettings, Progress};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use t4::{BitOrder, Encoding, Page};
use t30::Modulation;

const FAX: &str = "0312345678";

/// A software line with one end and its own folder; gone when dropped.
struct Softline {
    child: Child,
    events: BufReader<ChildStdout>,
    device: PathBuf,
    _folder: tempfile::TempDir,
}

impl Softline {
    fn start(options: &[&str]) -> Self {
        let program = std::env::var_os("SOFTLINE").map_or_else(beside_this_test, PathBuf::from);
        assert!(program.exists(), "{} is missing: cargo build -p softline", program.display());
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["--line", "l1", "--exit-with-parent", "--out"])
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let mut line = Self { child, events, device: PathBuf::new(), _folder: folder };
        let ready = line.event("ready");
        line.device = ready["lines"][0]["device"].as_str().unwrap().into();
        line
    }

    /// The next event of this name.
    fn event(&mut self, name: &str) -> Value {
        loop {
            let mut text = String::new();
            assert!(self.events.read_line(&mut text).unwrap() > 0, "softline ended before {name}");
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn open(&self) -> Line {
        Line::open(LineSettings {
            name: "l1".into(),
            device: self.device.clone(),
            baud: 115_200,
            dial_prefix: String::new(),
            country: Some(0x00),
            answer_wait: Duration::from_secs(20),
            call_limit: Duration::from_secs(300),
        })
        .unwrap()
    }
}

impl Drop for Softline {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of a test program is `deps` in the folder of the workspace's programs.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("softline")
}

/// Rows of runs of every length, no two alike: a lost, doubled or shifted row shows.
fn sheet(rows: u32) -> Page {
    let mut page = Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    let mut state = 0x2545_F491_u32;
    for row in 0..rows {
        let mut pels = vec![0_u8; page.row_octets()];
        for _ in 0..6 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let begin = (state >> 8) as usize % pels.len();
            let length = (row as usize % 17) + 1;
            pels.iter_mut().skip(begin).take(length).for_each(|octet| *octet = (state >> 24) as u8);
        }
        page.push_row(&pels).unwrap();
    }
    page
}

struct Host {
    pages: Vec<Page>,
    progress: Vec<Progress>,
    confirmed: Vec<u16>,
    cancel_at: Option<&'static str>,
}

impl Host {
    fn new(pages: Vec<Page>) -> Self {
        Self { pages, progress: Vec::new(), confirmed: Vec::new(), cancel_at: None }
    }
}

impl CallHost for Host {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }
    fn far_end(&mut self, _: &t30::FarEnd) -> Go {
        Go::On
    }
    fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8> {
        let page = &self.pages[usize::from(page)];
        let coding = match contract.coding {
            t30::Coding::Mh => t4::Coding::Mh,
            t30::Coding::Mr => t4::Coding::Mr,
            t30::Coding::Mmr => t4::Coding::Mmr,
        };
        let row_us = u32::try_from(contract.min_scan_line.as_micros()).unwrap();
        let row_bits = contract.modulation.rate_bps() / 100 * (row_us / 100) / 100;
        let encoding = Encoding::line(coding, BitOrder::LsbFirst, row_bits);
        match contract.resolution {
            t30::Resolution::Fine => t4::encode(page, &encoding),
            t30::Resolution::Standard => t4::encode(&page.to_standard(), &encoding),
        }
    }
    fn page_starts(&mut self, _: u16) -> Go {
        Go::On
    }
    fn page_confirmed(&mut self, proof: t30::PageConfirmed) {
        self.confirmed.push(proof.page());
    }
    fn result_before_hang_up(&mut self, _: &CallReport) {}
    fn progress(&mut self, progress: Progress) {
        self.progress.push(progress);
    }
    fn cancelled(&self) -> bool {
        let reached = |at| self.progress.iter().any(|step| format!("{step:?}").starts_with(at));
        self.cancel_at.is_some_and(reached)
    }
}

fn to(digits: &str, pages: usize) -> Call {
    Call {
        digits: digits.into(),
        tsi: Some("+81 3 9999 0000".into()),
        pages: u16::try_from(pages).unwrap(),
        fine: true,
        ecm: true,
        fastest: Modulation::V17At14400,
    }
}

/// Calls a fax machine made by these options and compares the bits.
fn delivered(far: &str, options: &[&str], call: Call, pages: Vec<Page>) -> (CallReport, Value) {
    let far = format!("{FAX}=fax,pre=0.2,{far}");
    let mut softline = Softline::start(&[&["--speed", "10", "--far", &far], options].concat());
    let mut host = Host::new(pages);
    let report = softline.open().call(&call, &mut host);
    let heard = softline.event("call");
    assert_eq!(report.ending, Ending::Delivered, "{report:#?}\n{heard:#}");
    assert!(report.hang_up_verified);
    assert_eq!(heard["result"], "ok", "{heard:#}");
    assert_eq!(host.confirmed.len(), host.pages.len());

    let received =
        t4::container::read(File::open(heard["file"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(received.len(), host.pages.len());
    for (got, sent) in received.iter().zip(&host.pages) {
        let same = got.page.bits() == sent.bits();
        assert!(same, "{} rows of {}, bad {:?}", got.page.rows(), sent.rows(), got.bad_rows);
    }
    (report, heard)
}

#[test]
fn ecm_at_every_modulation_arrives_bit_by_bit() {
    for (far, fastest) in [
        ("mod=v17+v29+v27ter", Modulation::V17At14400),
        ("mod=v29+v27ter", Modulation::V29At9600),
        ("mod=v27ter", Modulation::V27ter4800),
    ] {
        let (report, _) = delivered(far, &[], to(FAX, 1), vec![sheet(200)]);
        let contract = report.contract.unwrap();
        assert_eq!((contract.modulation, contract.ecm), (fastest, true), "{far}");
    }
}
