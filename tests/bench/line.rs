//! `make bench-line`: how long a sheet holds the line, phase by phase, beside the shortest that
//! T.30 allows for the same bits.
//!
//! In: nothing; the demo sheet goes over the software line at the speed of a telephone line, once with
//! error correction and once without, on two lines at once. Out: a table for each, the caller's
//! share, and exit code 1 if a call failed.
//! Source: ITU-T T.30 (09/2005) 5.1, 5.3.1, 5.3.6.1; T.4 Annex A.3.1; V.17 training segments.
//!
//! "Shortest" takes the called machine as it was, since nobody here can hurry it, and of the caller
//! every tolerance at its short end, no identity, and nothing lost between signals.

#[path = "../line/host.rs"]
mod host;
#[path = "../support/softline.rs"]
mod softline;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use host::{PageHost, call, line_settings};
use serde_json::Value;
use shirase::job::{JobId, UnixMillis};
use shirase::render::{Renderer, SiteFace};
use softline::SoftLine;

/// Silence before a signal of ours: 75 ms less 20 ms (T.30 5.1).
const GAP_S: f64 = 0.055;
/// Flags before the first frame at 300 bit/s: 1 s less 15 % (T.30 5.3.1).
const PREAMBLE_S: f64 = 0.85;
/// TCF: 1.5 s less 10 % (T.30 5.3.6.1).
const TCF_S: f64 = 1.35;
/// V.17 table 3: 3344 and 342 symbols at 2400 baud.
const LONG_TRAINING_S: f64 = 3344.0 / 2400.0;
const SHORT_TRAINING_S: f64 = 342.0 / 2400.0;
/// Octets of our frames from the address to the FCS, and the closing flag; the least DCS has four FIF
/// octets when it offers error correction, three without.
const DCS_OCTETS: [f64; 2] = [9.0, 10.0];
const PAGE_END_OCTETS: [f64; 2] = [6.0, 10.0]; // EOP; PPS-EOP
const DCN_OCTETS: f64 = 6.0;
/// A TSI frame with its FIF of 20 octets, FCS and flag: not needed, but the far machine prints it.
const TSI_S: f64 = 26.0 * 8.0 / 300.0;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let fars = ["0355500001=fax,csi=0355500001", "0355500002=fax,csi=0355500002,ecm=off"];
    // Finer audio frames than usual: a telephone line has none.
    let line = SoftLine::start(folder.path(), &["--frame-ms", "5"], &["line1", "line2"], &fars);
    let page = demo_sheet();
    println!("sheet: {} x {} pels", page.width_pels(), page.rows());
    let ended_well = std::thread::scope(|scope| {
        let calls: Vec<_> = [("line1", "0355500001"), ("line2", "0355500002")]
            .into_iter()
            .map(|(name, number)| {
                let (page, device) = (page.clone(), folder.path().join(name));
                scope.spawn(move || one_call(name, &device, number, page))
            })
            .collect();
        calls.into_iter().all(|call| call.join().unwrap_or(false))
    });
    let mut calls = line.await_calls(2);
    calls.sort_by_key(|call| call["line"].as_str().map(str::to_owned));
    for call in &calls {
        print(call);
    }
    if ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The sheet of `make demo`, drawn as the daemon draws it.
fn demo_sheet() -> t4::Page {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let body = std::fs::read(repository.join("tests/demo/first-contact.json")).expect("the body");
    let accepted = UnixMillis(1_795_392_000_000); // 2026-11-23 in Japan
    let job = shirase::hook::body::parse(&body, accepted).unwrap_or_else(|_| panic!("a good body"));
    let worker = sheet::WorkerSettings {
        program: softline::program("shirase-sheet"),
        templates: repository.join("templates/fax"),
        fonts: shirase::app::settings::Sheet::default().fonts,
        deadline: Duration::from_secs(10),
        memory_limit: 1 << 30,
    };
    let site = SiteFace {
        name: "書類交換サイト".into(),
        url: "https://exchange.example.jp/".into(),
        help_name: "書類交換サイト 窓口".into(),
        help_phone: "03-0000-0000".into(),
        help_hours: "平日 9:00～17:00".into(),
    };
    let id = JobId::new(accepted, 1);
    Renderer::new(site, worker).draw(id, &job, t4::Resolution::Fine).expect("the demo sheet")
}

fn one_call(name: &str, device: &std::path::Path, number: &str, page: t4::Page) -> bool {
    let mut modem = modem::Line::open(line_settings(name, device)).expect("a modem");
    let mut host = PageHost::new(page);
    let report = modem.call(&call(number, t30::Modulation::V17At14400), &mut host);
    if report.ending != modem::Ending::Delivered {
        eprintln!("{name}: {:?}", report.ending);
    }
    report.ending == modem::Ending::Delivered
}

/// One signal on the line and the silence before it.
struct Row {
    name: String,
    ours: bool,
    took_s: f64,
    shortest_s: f64,
}

fn print(call: &Value) {
    let ecm = call["ecm"] == true;
    let rows = rows(call, ecm);
    println!(
        "\n{} bit/s, {}, {}, {} octets of image",
        call["rate_bps"],
        if ecm { "error correction" } else { "no error correction" },
        call["encoding"].as_str().unwrap_or("?"),
        call["image_bytes"]
    );
    println!("  {:<34} {:<7} {:>8} {:>9}", "phase", "by", "took s", "shortest");
    let (mut took, mut shortest, mut ours) = (0.0, 0.0, 0.0);
    for row in &rows {
        let by = if row.ours { "caller" } else { "called" };
        println!("  {:<34} {by:<7} {:>8.2} {:>9.2}", row.name, row.took_s, row.shortest_s);
        took += row.took_s;
        shortest += row.shortest_s;
        if row.ours {
            ours += row.took_s;
        }
    }
    println!("  {:<34} {:<7} {took:>8.2} {shortest:>9.2}", "connected", "");
    println!(
        "  {:.3} x the shortest; the caller's share is {ours:.2} s of {took:.2} s",
        took / shortest
    );
    println!(
        "  {:.3} x the shortest for a caller that says who it is (TSI, {TSI_S:.2} s), as we do",
        took / (shortest + TSI_S)
    );
}

/// Cuts the connected time at the end of each signal.
fn rows(call: &Value, ecm: bool) -> Vec<Row> {
    let mut carriers: Vec<&Value> =
        call["carriers"].as_array().map(|list| list.iter().collect()).unwrap_or_default();
    carriers.retain(|carrier| carrier["kind"] != "cng"); // the calling tone, beside what we wait for
    carriers.sort_by(|a, b| seconds(&a["t_s"]).total_cmp(&seconds(&b["t_s"])));
    let mut rows = Vec::new();
    let mut before_s = 0.0;
    for carrier in carriers {
        let end_s = seconds(&carrier["end_s"]);
        let took_s = end_s - before_s;
        let ours = carrier["dir"] == "to_far";
        let frames = frames_of(call, carrier);
        let shortest_s = if ours { shortest_s(carrier, &frames, ecm) } else { took_s };
        let name = if frames.is_empty() { fast_name(carrier) } else { frames.join(" ") };
        rows.push(Row { name, ours, took_s, shortest_s });
        before_s = end_s;
    }
    let on_hook_s = seconds(&call["connected_s"]) - before_s;
    rows.push(Row { name: "on-hook".into(), ours: true, took_s: on_hook_s, shortest_s: 0.0 });
    rows
}

fn shortest_s(carrier: &Value, frames: &[String], ecm: bool) -> f64 {
    let rate = seconds(&carrier["rate_bps"]).max(1.0);
    let frame_s = |octets: f64| GAP_S + PREAMBLE_S + octets * 8.0 / 300.0;
    match frames.last().map(String::as_str) {
        Some("DCS") => frame_s(DCS_OCTETS[usize::from(ecm)]),
        Some("DCN") => frame_s(DCN_OCTETS),
        Some(_) => frame_s(PAGE_END_OCTETS[usize::from(ecm)]),
        None if carrier["short"] == true => {
            GAP_S + SHORT_TRAINING_S + seconds(&carrier["bytes"]) * 8.0 / rate
        }
        None => GAP_S + LONG_TRAINING_S + TCF_S,
    }
}

/// Names of the control frames in a carrier, in order.
fn frames_of(call: &Value, carrier: &Value) -> Vec<String> {
    let within = seconds(&carrier["t_s"])..=seconds(&carrier["end_s"]);
    let frames = call["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
    frames
        .iter()
        .filter(|frame| frame["dir"] == carrier["dir"] && within.contains(&seconds(&frame["t_s"])))
        .filter_map(|frame| frame["name"].as_str().map(str::to_owned))
        .collect()
}

fn fast_name(carrier: &Value) -> String {
    let kind = carrier["kind"].as_str().unwrap_or("?");
    match (carrier["fed"].is_null() && carrier["bytes"].is_null(), carrier["short"] == true) {
        (true, _) => kind.to_owned(),
        (false, true) => format!("{kind} page, {} octets", carrier["bytes"]),
        (false, false) => format!("{kind} training and TCF"),
    }
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
