//! `make interop`: pages to fax machines by other authors, over the software line with real modem signals.
//!
//! HylaFAX's faxgetty and efax answer at terminals of their own, so that the T.30 of the two ends, and the
//! decoding of the page, are by different people. Every modulation they have, every coding they can be
//! made to ask for, with and without error correction, on a clean line and on a noisy one; each received
//! pel is the sent one. A machine with another number than the dialled one gets no page.
//!
//! In: nothing; HylaFAX is unpacked by `.ci/unpack`, efax is installed. Out: a line for each call, and
//! exit code 1 if one of them was not as it had to be.
//! Not here: libspandsp's terminal as the receiver (`tests/line`), line time (`tests/bench`).

mod efax;
mod faxgetty;
#[path = "../line/host.rs"]
mod host;
#[path = "../line/pages.rs"]
mod pages;
#[path = "../support/softline.rs"]
mod softline;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use efax::Efax;
use faxgetty::{FaxGetty, Offers};
use host::{PageHost, call, line_settings};
use pages::{received_as_it_came, test_page};
use serde_json::Value;
use softline::{SoftLine, page_carriers};
use t30::Modulation;

/// Faster than a telephone line by this. The receivers' own pauses are then that much longer for the
/// line: HylaFAX bears 20 and efax 10, our sender's timers more.
const SPEED: &str = "8";
/// One way, ms. Without any, a called machine answers before the caller's modem has seen the silence
/// that it was told to wait for.
const DELAY: &str = "delay=50";

const MODULATIONS: [Modulation; 8] = [
    Modulation::V17At14400,
    Modulation::V17At12000,
    Modulation::V17At9600,
    Modulation::V17At7200,
    Modulation::V29At9600,
    Modulation::V29At7200,
    Modulation::V27ter4800,
    Modulation::V27ter2400,
];

/// A receiver that is called again and again, the calling line's name, and its number.
struct Bench {
    name: &'static str,
    number: &'static str,
    receiver: Receiver,
}

enum Receiver {
    FaxGetty(Offers),
    Efax,
}

const BENCHES: [Bench; 7] = [
    Bench { name: "mmr", number: "0355550001", receiver: Receiver::FaxGetty(Offers::MMR_ECM) },
    Bench { name: "mr-ecm", number: "0355550002", receiver: Receiver::FaxGetty(Offers::MR_ECM) },
    Bench { name: "mh-ecm", number: "0355550003", receiver: Receiver::FaxGetty(Offers::MH_ECM) },
    Bench { name: "mr", number: "0355550004", receiver: Receiver::FaxGetty(Offers::MR) },
    Bench { name: "mh", number: "0355550005", receiver: Receiver::FaxGetty(Offers::MH) },
    Bench { name: "t85", number: "0355550007", receiver: Receiver::FaxGetty(Offers::T85_ECM) },
    Bench { name: "efax", number: "0355550006", receiver: Receiver::Efax },
];

/// The same machine as the first one, over a line with noise in both directions.
const NOISY: (&str, &str) = ("0355550011", "snr=22,seed=1");
/// And under a number that is not its own.
const WRONG_NUMBER: &str = "0355550008";

fn main() -> ExitCode {
    if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        eprintln!(
            "interop: HylaFAX's faxgetty changes to the user uucp and cannot start without root; \
             run `sudo make interop`, or `sudo target/debug/examples/interop` after it has been built"
        );
        return ExitCode::FAILURE;
    }
    let began = wall();
    let folder = tempfile::tempdir().expect("a folder");
    faxgetty::open_to_all(folder.path());
    let far = |number: &str, bench: &Bench, faults: &str| {
        format!("{number}=line,to=far-{},{DELAY}{faults}", bench.name)
    };
    let [mmr, ..] = &BENCHES;
    let mut fars: Vec<String> = BENCHES.iter().map(|bench| far(bench.number, bench, "")).collect();
    fars.push(far(NOISY.0, mmr, &format!(",{}", NOISY.1)));
    fars.push(far(WRONG_NUMBER, mmr, ""));
    let lines: Vec<String> =
        BENCHES.iter().flat_map(|b| [b.name.to_owned(), format!("far-{}", b.name)]).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let fars: Vec<&str> = fars.iter().map(String::as_str).collect();
    let line = SoftLine::start(folder.path(), &["--speed", SPEED], &lines, &fars);

    println!("{:<10} {:<28} {:>6}  outcome", "receiver", "call", "wall s");
    let mut failures: usize = std::thread::scope(|scope| {
        let benches: Vec<_> =
            BENCHES.iter().map(|bench| scope.spawn(|| run(bench, folder.path()))).collect();
        benches.into_iter().map(|bench| bench.join().unwrap_or(1)).sum()
    });
    let calls = line.calls();
    failures +=
        as_the_line_saw_it(&calls).iter().inspect(|what| println!("FAILED: {what}")).count();
    println!(
        "{} calls, {failures} not as they had to be, {:.0} s",
        calls.len(),
        began.elapsed().as_secs_f64()
    );
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the line itself knows better: the noise did harm, and no page carrier went to the wrong machine.
fn as_the_line_saw_it(calls: &[Value]) -> Vec<String> {
    let of = |number: &str| calls.iter().find(|call| call["dialled"] == number);
    let mut wrong = Vec::new();
    match of(NOISY.0) {
        Some(call) if call["ppr"].as_u64() > Some(0) => {}
        call => wrong.push(format!("{} asked for nothing again: {call:?}", NOISY.1)),
    }
    match of(WRONG_NUMBER) {
        Some(call) if page_carriers(call) == 0 => {}
        call => wrong.push(format!("a page went to another number: {call:?}")),
    }
    wrong
}

/// Every call of one receiver, one after the other; how many failed.
fn run(bench: &Bench, folder: &Path) -> usize {
    let mut modem = modem::Line::open(line_settings(bench.name, &folder.join(bench.name)))
        .unwrap_or_else(|error| panic!("{}: {error}", bench.name));
    let device = std::fs::canonicalize(folder.join(format!("far-{}", bench.name)))
        .expect("the terminal of the receiver");
    let spool = folder.join(format!("spool-{}", bench.name));
    let mut failures = 0;
    let mut tell = |what: &str, began: Instant, outcome: Result<String, String>| {
        let (good, text) = match outcome {
            Ok(text) => (true, text),
            Err(text) => (false, format!("FAILED: {text}")),
        };
        println!("{:<10} {what:<28} {:>6.1}  {text}", bench.name, began.elapsed().as_secs_f64());
        failures += usize::from(!good);
    };
    match &bench.receiver {
        Receiver::FaxGetty(offers) => {
            let mut getty = FaxGetty::start(&spool, &device, bench.number, *offers);
            for modulation in MODULATIONS {
                let began = wall();
                let outcome =
                    page_to_faxgetty(&mut modem, &mut getty, bench.number, modulation, *offers);
                tell(&format!("{modulation:?}"), began, outcome);
            }
            if *offers == Offers::MMR_ECM {
                let began = wall();
                let (number, fault) = NOISY;
                let fastest = Modulation::V17At14400;
                let outcome = page_to_faxgetty(&mut modem, &mut getty, number, fastest, *offers);
                tell(fault, began, outcome);
                let began = wall();
                tell("another number", began, refused(&mut modem, &mut getty));
            }
        }
        Receiver::Efax => {
            for modulation in MODULATIONS {
                let began = wall();
                let efax = Efax::waiting(&spool, &device, bench.number);
                let outcome = page_to_efax(&mut modem, efax, bench.number, modulation);
                tell(&format!("{modulation:?}"), began, outcome);
            }
        }
    }
    failures
}

fn page_to_faxgetty(
    modem: &mut modem::Line,
    getty: &mut FaxGetty,
    number: &str,
    modulation: Modulation,
    offers: Offers,
) -> Result<String, String> {
    getty.await_idle()?;
    // The page is shortest in MH, but each coding is to be read by others.
    let mut host = PageHost::new(test_page()).in_coding(offers.coding);
    host.csi_ends_with(&getty.number);
    let report = modem.call(&call(number, modulation), &mut host);
    let told = delivered(&report, &host, offers.coding, offers.ecm)?;
    let page = getty.await_page()?;
    match offers.coding {
        t30::Coding::T85 => compare(&as_libtiff_reads(&page)?)?,
        t30::Coding::Mh | t30::Coding::Mr | t30::Coding::Mmr => compare(&page)?,
    }
    Ok(told)
}

fn page_to_efax(
    modem: &mut modem::Line,
    efax: Efax,
    number: &str,
    modulation: Modulation,
) -> Result<String, String> {
    let mut host = PageHost::new(test_page());
    host.csi_ends_with(number);
    let report = modem.call(&call(number, modulation), &mut host);
    let told = delivered(&report, &host, t30::Coding::Mh, false)?;
    compare(&efax.page()?)?;
    Ok(told)
}

/// The machine says a number that is three off the one dialled: nothing but a goodbye goes to it.
fn refused(modem: &mut modem::Line, getty: &mut FaxGetty) -> Result<String, String> {
    getty.await_idle()?;
    let mut host = PageHost::new(test_page());
    host.csi_ends_with(WRONG_NUMBER);
    let report = modem.call(&call(WRONG_NUMBER, Modulation::V17At14400), &mut host);
    getty.await_idle_again()?;
    match (&report.ending, report.page_started, getty.has_page()) {
        (modem::Ending::Session(t30::CallError::RefusedFarEnd), false, false) => {
            Ok(format!("refused, it said {}", report.csi.as_deref().unwrap_or("nothing")))
        }
        (ending, started, has) => {
            Err(format!("{ending:?}, page started: {started}, page received: {has}"))
        }
    }
}

/// The call went as it was meant to: as fast, in that coding, with error correction or without.
fn delivered(
    report: &modem::CallReport,
    host: &PageHost,
    coding: t30::Coding,
    ecm: bool,
) -> Result<String, String> {
    if report.ending != modem::Ending::Delivered || !report.hang_up_verified {
        return Err(format!("{report:?}"));
    }
    let agreed = host.agreed.as_ref().ok_or("no contract")?;
    if (agreed.coding, agreed.ecm) != (coding, ecm) {
        return Err(format!("not the mode that was meant: {agreed:?}"));
    }
    let ecm = if ecm { "ECM" } else { "no ECM" };
    Ok(format!("identical, {coding:?}, {ecm}, {} bit/s", agreed.modulation.rate_bps()))
}

/// A page that HylaFAX kept in T.85 as it came, coded anew by libtiff, which reads it with jbigkit.
fn as_libtiff_reads(page: &Path) -> Result<PathBuf, String> {
    let anew = page.with_extension("g4");
    let tiffcp = Command::new("tiffcp").args(["-c", "g4"]).args([page, &anew]).output();
    let tiffcp = tiffcp.map_err(|error| format!("tiffcp: {error}; install libtiff-tools"))?;
    match tiffcp.status.success() {
        true => Ok(anew),
        false => Err(String::from_utf8_lossy(&tiffcp.stderr).into_owned()),
    }
}

fn compare(file: &Path) -> Result<(), String> {
    if received_as_it_came(file)? == test_page() { Ok(()) } else { Err("the page differs".into()) }
}

/// How long a call takes is told to people; nothing depends on it.
#[expect(clippy::disallowed_methods, reason = "no protocol is tested by this clock")]
fn wall() -> Instant {
    Instant::now()
}
