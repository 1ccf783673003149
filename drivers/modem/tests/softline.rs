//! Real calls: this driver, t30 and t4 against libspandsp's modem and fax machine, over a pty.
//!
//! The line runs faster than the wall clock; what is received is compared bit by bit with what was
//! sent. Needs the `softline` program of this workspace, or `SOFTLINE` with its path.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod coded;

use modem::{Call, CallHost, CallReport, Ending, Go, Line, LineSettings, Progress, Replay, replay};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use t4::Page;
use t30::Modulation;

const FAX: &str = "0312345678";

/// A software line with two ends and its own folder; gone when dropped.
struct Softline {
    child: Child,
    events: BufReader<ChildStdout>,
    device: PathBuf,
    other_device: PathBuf,
    folder: tempfile::TempDir,
}

impl Softline {
    fn start(options: &[&str]) -> Self {
        let program = std::env::var_os("SOFTLINE").map_or_else(beside_this_test, PathBuf::from);
        assert!(program.exists(), "{} is missing: cargo build -p softline", program.display());
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["--line", "l1", "--line", "l2", "--exit-with-parent", "--out"])
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let (device, other_device) = (PathBuf::new(), PathBuf::new());
        let mut line = Self { child, events, device, other_device, folder };
        let ready = line.event("ready");
        line.device = ready["lines"][0]["device"].as_str().unwrap().into();
        line.other_device = ready["lines"][1]["device"].as_str().unwrap().into();
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
            modem: None,
            class: None,
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
    /// Run once when page data is on the line.
    in_the_page: Option<Box<dyn FnOnce()>>,
}

impl Host {
    fn new(pages: Vec<Page>) -> Self {
        Self {
            pages,
            progress: Vec::new(),
            confirmed: Vec::new(),
            cancel_at: None,
            in_the_page: None,
        }
    }
}

impl CallHost for Host {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }
    fn far_end(&mut self, _: &t30::FarEnd) -> Go {
        Go::On
    }
    /// The denser, the shorter, so that each coding is tried: these pages are shortest in MH.
    fn lengths(&mut self, _: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        (0..contracts.len()).rev().map(|place| place * 10_000).collect()
    }
    fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8> {
        coded::octets(&self.pages[usize::from(page)], contract)
    }
    fn page_starts(&mut self, _: u16) -> Go {
        Go::On
    }
    fn page_confirmed(&mut self, proof: modem::PageConfirmed) {
        self.confirmed.push(proof.page());
    }
    fn result_before_hang_up(&mut self, _: &CallReport) {}
    fn progress(&mut self, progress: Progress) {
        if matches!(progress, Progress::Page { octets: 1.., .. })
            && let Some(happens) = self.in_the_page.take()
        {
            happens();
        }
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
        t85: true,
        fastest: Modulation::V17At14400,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
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
    let again = replay(&report.trace);
    assert!(matches!(again, Replay::Same { ended: true, .. }), "{again:?}");
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

/// Calls something that is no fax machine, or one that does not last.
fn ending(far: &str, options: &[&str], cancel_at: Option<&'static str>) -> (CallReport, Value) {
    let far = format!("{FAX}={far}");
    let mut softline = Softline::start(&[&["--speed", "10", "--far", &far], options].concat());
    let mut host = Host { cancel_at, ..Host::new(vec![sheet(1200)]) };
    let report = softline.open().call(&to(FAX, 1), &mut host);
    let again = replay(&report.trace);
    assert!(matches!(again, Replay::Same { .. } | Replay::NoSession), "{again:?}");
    (report, softline.event("call"))
}

#[test]
fn ecm_at_every_carrier_arrives_bit_by_bit() {
    for (far, fastest) in [
        ("mod=v17+v29+v27ter", Modulation::V17At14400),
        ("mod=v29+v27ter", Modulation::V29At9600),
        ("mod=v27ter", Modulation::V27ter4800),
    ] {
        let (report, _) = delivered(far, &[], to(FAX, 1), vec![sheet(200)]);
        let contract = report.contract.unwrap();
        assert_eq!((contract.modulation, contract.ecm), (fastest, true), "{far}");
        assert_eq!(contract.coding, t30::Coding::Mmr);
    }
}

/// The far machine reads box and password as they were meant, and without boxes it gets no page.
#[test]
fn page_for_a_box_goes_to_a_machine_with_boxes_and_to_no_other() {
    let boxed = || Call {
        sub: Some(t30::Subaddress::parse("12*34#").unwrap()),
        pwd: Some(t30::Password::parse("4711").unwrap()),
        ..to(FAX, 1)
    };
    for far in ["boxes=on", "boxes=on,ecm=off"] {
        let (_, heard) = delivered(far, &[], boxed(), vec![sheet(40)]);
        assert_eq!((&heard["sub"], &heard["password_characters"]), (&json!("12*34#"), &json!(4)));
    }
    let far = format!("{FAX}=fax,pre=0.2");
    let mut softline = Softline::start(&["--speed", "10", "--far", &far]);
    let report = softline.open().call(&boxed(), &mut Host::new(vec![sheet(40)]));
    assert_eq!(report.ending, Ending::Session(t30::CallError::NoSubaddress));
    assert_eq!((report.page_started, &softline.event("call")["pages"]), (false, &json!(0)));
}

#[test]
fn each_rate_that_we_cap_at_is_used() {
    for fastest in [
        Modulation::V17At12000,
        Modulation::V17At9600,
        Modulation::V17At7200,
        Modulation::V29At7200,
        Modulation::V27ter2400,
    ] {
        let call = Call { fastest, ..to(FAX, 1) };
        let (report, _) = delivered("ecm=on", &[], call, vec![sheet(40)]);
        assert_eq!(report.contract.unwrap().modulation, fastest);
    }
}

#[test]
fn without_ecm_each_coding_and_a_slow_printer_arrive_bit_by_bit() {
    for (far, coding) in [
        ("ecm=off,coding=mr+mh", t30::Coding::Mr),
        ("ecm=off,coding=mh", t30::Coding::Mh),
        ("ecm=off,coding=mh,mod=v29+v27ter,scan=20", t30::Coding::Mh),
    ] {
        let (report, _) = delivered(far, &[], to(FAX, 1), vec![sheet(200)]);
        let contract = report.contract.unwrap();
        assert_eq!((contract.coding, contract.ecm), (coding, false), "{far}");
    }
}

#[test]
fn three_pages_are_each_confirmed() {
    let pages = vec![sheet(60), sheet(90), sheet(30)];
    let (report, _) = delivered("ecm=on", &[], to(FAX, 3), pages.clone());
    assert_eq!(report.pages_confirmed, 3);
    let (report, _) = delivered("ecm=off", &[], to(FAX, 3), pages);
    assert_eq!(report.pages_confirmed, 3);
}

#[test]
fn noise_is_corrected_by_repeats() {
    let (_, heard) =
        delivered("ecm=on", &["--fault", "snr=22,seed=3"], to(FAX, 1), vec![sheet(1_500)]);
    assert!(heard["ppr"].as_u64().unwrap() > 0, "the noise was to hurt: {heard:#}");
}

#[test]
fn modem_that_drops_the_carrier_on_an_empty_buffer_never_has_to() {
    let (_, heard) = delivered("ecm=on", &["--strict"], to(FAX, 1), vec![sheet(500)]);
    let carriers = heard["carriers"].as_array().unwrap();
    assert!(carriers.iter().all(|carrier| carrier["underrun_ms"].as_f64().unwrap_or(0.0) == 0.0));
}

#[test]
fn far_ends_without_a_fax_are_told_apart() {
    for (far, expected) in [
        ("busy", Ending::Busy),
        ("nodialtone", Ending::NoDialTone),
        ("noanswer", Ending::NoCarrier),
        ("voice,silent=on", Ending::NoCarrier),
    ] {
        let (report, heard) = ending(far, &[], None);
        // A modem may call a missing answer by either word.
        let as_expected =
            report.ending == expected || (far == "noanswer" && report.ending == Ending::NoAnswer);
        assert!(as_expected, "{far}: {report:#?}\n{heard:#}");
        assert!(report.hang_up_verified && !report.page_started, "{far}");
    }
}

#[test]
fn far_end_that_hangs_up_in_the_page_leaves_it_open() {
    for far in ["hangup,pre=0.2,after=16,notice=on", "hangup,pre=0.2,after=16,notice=off"] {
        let (report, heard) = ending(far, &[], None);
        assert!(report.page_started && report.pages_confirmed == 0, "{report:#?}\n{heard:#}");
        assert!(
            matches!(report.ending, Ending::Session(_) | Ending::Modem { .. }),
            "{far}: {report:#?}"
        );
        assert!(report.hang_up_verified, "{far}: {report:#?}");
        // Unsaid: MCF was asked for three times, each with T4 of 3 s (T.30 5.4.3.1).
        let gone_s =
            heard["answered_s"].as_f64().unwrap() + heard["far_hung_up_s"].as_f64().unwrap();
        let took_s = report.times.hung_up.unwrap().as_secs_f64() - gone_s / 10.0;
        let bound_s = if far.ends_with("on") { 2.0 } else { 15.0 };
        assert!(took_s <= bound_s, "{far}: released after {took_s} s");
    }
}

/// Seconds from the far end's leaving to our on-hook, as the clock on the wall counts; and how it ended.
fn released_after(after_s: u32, notice: &str) -> (f64, Ending) {
    let far = format!("hangup,pre=0.2,after={after_s},notice={notice}");
    let (report, heard) = ending(&far, &[], None);
    assert!(report.hang_up_verified, "{far}: {report:#?}");
    let line_s =
        |field: &str| heard[field].as_f64().unwrap_or_else(|| panic!("{field}: {heard:#}"));
    let gone_s = (line_s("answered_s") + line_s("far_hung_up_s")) / 10.0;
    (report.times.hung_up.unwrap().as_secs_f64() - gone_s, report.ending)
}

#[test]
fn far_end_that_hangs_up_at_any_moment_leaves_a_free_line_2_s_after_the_modem_says_so() {
    for after_s in [1, 4, 6, 8, 10, 14, 22] {
        let (took_s, ended) = released_after(after_s, "on");
        assert!(took_s <= 2.0, "{after_s} s: {took_s:.2} s, {ended:?}");
    }
}

#[test]
fn cancelled_calls_end_on_hook_without_a_page() {
    for at in ["Dialling", "Answered", "Training"] {
        let (report, heard) = ending("fax,pre=0.2", &[], Some(at));
        assert_eq!(report.ending, Ending::Stopped, "{at}: {heard:#}");
        assert!(report.hang_up_verified && !report.page_started, "{at}");
        assert_eq!(heard["pages"], 0);
    }
}

#[test]
fn line_makes_call_after_call_and_survives_the_loss_of_the_modem() {
    let far = format!("{FAX}=fax,pre=0.2");
    let start = || Softline::start(&["--speed", "10", "--far", &far, "--far", "117=busy"]);
    let mut softline = start();
    let mut line = softline.open();
    assert_eq!(line.call(&to("117", 1), &mut Host::new(vec![sheet(30)])).ending, Ending::Busy);
    for _ in 0..2 {
        let report = line.call(&to(FAX, 1), &mut Host::new(vec![sheet(30)]));
        assert_eq!(report.ending, Ending::Delivered);
        assert_eq!(softline.event("call_started")["event"], "call_started");
    }
    drop(softline);
    let report = line.call(&to(FAX, 1), &mut Host::new(vec![sheet(30)]));
    let Ending::Modem { code, detail } = report.ending else { panic!("{report:?}") };
    assert!(["modem-gone", "device-missing"].contains(&code), "{code}: {detail}");
    assert!(!report.page_started);
}

#[test]
fn modem_that_vanishes_in_the_page_is_gone_and_the_page_counts_as_started() {
    let far = format!("{FAX}=fax,pre=0.2");
    let softline = Softline::start(&["--speed", "10", "--far", &far]);
    let mut line = softline.open();
    let mut host = Host::new(vec![sheet(1200)]);
    host.in_the_page = Some(Box::new(move || drop(softline)));
    let report = line.call(&to(FAX, 1), &mut host);
    assert!(matches!(report.ending, Ending::Modem { code: "modem-gone", .. }), "{report:#?}");
    assert!(report.page_started && !report.hang_up_verified && report.pages_confirmed == 0);
}

/// efax as it answers one call; killed when dropped.
struct Efax(Child);

impl Efax {
    fn waiting(softline: &Softline) -> Self {
        let mut child = Command::new("efax")
            .arg("-d")
            .arg(&softline.other_device)
            .args(["-o1", "-vewinc", "-l", "+81 3 5555 5555", "-w", "-iS0=1", "-r", "rx"])
            .current_dir(softline.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("efax is installed: apt-get install efax");
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("waiting for activity")));
        // It goes on writing; nobody would take it out of the pipe.
        std::thread::spawn(move || said.for_each(drop));
        Self(child)
    }
}

impl Drop for Efax {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn efax_a_receiver_by_other_authors_has_the_page_bit_by_bit() {
    // efax waits for silence before it hears our training: without any delay on the line its own
    // CFR would still be there.
    let mut softline =
        Softline::start(&["--speed", "4", "--far", "117=line,to=l2", "--fault", "delay=50"]);
    let mut efax = Efax::waiting(&softline);
    let mut host = Host::new(vec![sheet(300)]);
    let report = softline.open().call(&to("117", 1), &mut host);
    assert_eq!(report.ending, Ending::Delivered, "{report:#?}");
    assert_eq!(report.csi.as_deref(), Some("+81 3 5555 5555"));
    assert_eq!(softline.event("call")["result"], "ok");
    assert!(efax.0.wait().unwrap().success());
    let file = File::open(softline.folder.path().join("rx.001")).unwrap();
    let received = t4::container::read(file).unwrap();
    assert_eq!(received.len(), 1);
    assert!(received[0].page.bits() == host.pages[0].bits(), "the image differs");
}
