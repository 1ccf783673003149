//! `make bench-line`: how long a sheet holds the line, phase by phase, beside the shortest that
//! T.30 allows for the same bits; and how soon after it the line dials again.
//!
//! In: nothing; the demo sheet goes over the software line at the speed of a telephone line, with error
//! correction and without, with our identity and without: on one line, on two and on four at once. Out:
//! octets and seconds of the sheet in each coding; a table for each kind of call, the ratios of all, and exit
//! code 1 if a call failed or took longer than the goals below.
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host::{PageHost, call, line_settings};
use serde_json::Value;
use shirase::job::{JobId, UnixMillis};
use shirase::render::{Renderer, SiteFace, SiteWords};
use shirase::send::coded::Coder;
use softline::SoftLine;

/// Of the shortest: connected time of a call without identity, with error correction and without.
const GOAL_ECM: f64 = 1.03;
const GOAL_NO_ECM: f64 = 1.05;
/// From on-hook to the next ATD.
const GOAL_NEXT_S: f64 = 1.5;

/// Silence before a signal of ours: 75 ms less 20 ms (T.30 5.1).
const GAP_S: f64 = 0.055;
/// Flags before the first frame at 300 bit/s: 1 s less 15 % (T.30 5.3.1).
const PREAMBLE_S: f64 = 0.85;
const V21_BPS: f64 = 300.0;
/// TCF: 1.5 s less 10 % (T.30 5.3.6.1).
const TCF_S: f64 = 1.35;
/// V.17 table 3: 3344 and 342 symbols at 2400 baud.
const LONG_TRAINING_S: f64 = 3344.0 / 2400.0;
const SHORT_TRAINING_S: f64 = 342.0 / 2400.0;

const LINES: [&str; 4] = ["line1", "line2", "line3", "line4"];
const FARS: [&str; 3] =
    ["0355500001=fax,csi=0355500001", "0355500002=fax,csi=0355500002,ecm=off", "117=busy"];

/// What a line does in one round; before hanging up for good it dials a busy number at once.
#[derive(Clone, Copy)]
struct Errand {
    ecm: bool,
    tsi: bool,
}

const ECM: Errand = Errand { ecm: true, tsi: false };
const ECM_TSI: Errand = Errand { ecm: true, tsi: true };
const PLAIN: Errand = Errand { ecm: false, tsi: false };
const PLAIN_TSI: Errand = Errand { ecm: false, tsi: true };
/// Lines of a round are busy at once; each kind of call is alone, beside another and among four.
const ROUNDS: [&[Errand]; 4] =
    [&[ECM_TSI], &[PLAIN_TSI], &[ECM, PLAIN], &[ECM, PLAIN, ECM_TSI, PLAIN_TSI]];

impl Errand {
    fn number(self) -> &'static str {
        if self.ecm { "0355500001" } else { "0355500002" }
    }

    fn goal(self) -> f64 {
        if self.ecm { GOAL_ECM } else { GOAL_NO_ECM }
    }
}

fn main() -> ExitCode {
    let page = demo_sheet();
    println!("sheet: {} x {} pels", page.width_pels(), page.rows());
    print_codings(&page);
    let mut summary = Vec::new();
    let mut good = true;
    for errands in ROUNDS {
        let Some(calls) = round(errands, &page) else {
            good = false;
            continue;
        };
        for (errand, (call, next_s)) in errands.iter().zip(&calls) {
            let time = LineTime::of(call);
            if errands.len() == 1 {
                time.print(call);
            }
            summary.push((errands.len(), *errand, time, *next_s));
        }
    }
    println!("\n  lines  call            connected s  shortest     ratio   goal  next dial s");
    for (lines, errand, time, next_s) in &summary {
        // A call that says who it is: against the goal for what it sends, and that frame is its own.
        let tsi_s = if errand.tsi { time.tsi_s } else { 0.0 };
        let ratio = (time.took_s - tsi_s) / time.shortest_s;
        let (name, goal) = (if errand.ecm { "ECM" } else { "no ECM" }, errand.goal());
        let kept = ratio <= goal && *next_s <= GOAL_NEXT_S;
        good &= kept;
        println!(
            "  {lines:>5}  {name:<6} {:<8} {:>11.2} {:>9.2} {:>9.3} {goal:>6.2} {next_s:>12.2}{}",
            if errand.tsi { "with TSI" } else { "" },
            time.took_s,
            time.shortest_s,
            time.took_s / time.shortest_s,
            if kept { "" } else { "  missed" },
        );
    }
    println!(
        "  The goal is for calls without TSI. With it the ratio has {:.2} s more for that frame; without\n  \
         that frame it has to keep the goal too.",
        summary.iter().map(|(.., time, _)| time.tsi_s).fold(0.0, f64::max)
    );
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Calls on so many lines at once, in the order of the errands, each with the seconds until the line
/// dialled again; nothing if one of them failed.
fn round(errands: &[Errand], page: &t4::Page) -> Option<Vec<(Value, f64)>> {
    let folder = tempfile::tempdir().expect("a folder");
    // Finer audio frames than usual: a telephone line has none.
    let lines = LINES.get(..errands.len()).expect("as many lines as errands");
    let line = SoftLine::start(folder.path(), &["--frame-ms", "5"], lines, &FARS);
    let delivered = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for (name, errand) in lines.iter().zip(errands) {
            let (folder, delivered) = (folder.path(), &delivered);
            scope.spawn(move || {
                if !two_calls(name, &folder.join(name), *errand, page.clone()) {
                    delivered.store(false, Ordering::Relaxed);
                }
            });
        }
    });
    let calls = line.await_calls(2 * errands.len());
    if !delivered.load(Ordering::Relaxed) {
        return None;
    }
    let told = |name: &str, number: &str| {
        let call = calls.iter().find(|call| call["line"] == name && call["dialled"] == number);
        call.expect("each line made its calls").clone()
    };
    let of = |(name, errand): (&&str, &Errand)| {
        let (call, next) = (told(name, errand.number()), told(name, "117"));
        let next_off_hook_s = seconds(&next["on_hook_at_s"]) - seconds(&next["offhook_s"]);
        let next_s = (next_off_hook_s - seconds(&call["on_hook_at_s"])).max(0.0);
        (call, next_s)
    };
    Some(lines.iter().zip(errands).map(of).collect())
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
    let ja = SiteWords {
        name: "書類交換サイト".into(),
        help_name: "書類交換サイト 窓口".into(),
        help_hours: "平日 9:00～17:00".into(),
        ..SiteWords::default()
    };
    let site = SiteFace {
        url: "https://exchange.example.jp/".into(),
        help_phone: "03-0000-0000".into(),
        ja,
        en: SiteWords::default(),
    };
    let id = JobId::new(accepted, 1);
    Renderer::new(site, worker).draw(id, &job).expect("the demo sheet").fine.page
}

/// What the coding is chosen by: octets of the sheet in each, and how long they hold the line.
fn print_codings(page: &t4::Page) {
    use t30::{Coding, Modulation};
    let modulations = [Modulation::V17At14400, Modulation::V29At9600, Modulation::V27ter4800];
    println!(
        "\n  {:<22} {:>7} {:>10} {:>8} {:>8}",
        "page data", "octets", "s at 14400", "9600", "4800"
    );
    let mut coder = Coder::default();
    for (ecm, coding) in [
        (false, Coding::Mh),
        (false, Coding::Mr),
        (true, Coding::Mh),
        (true, Coding::Mr),
        (true, Coding::Mmr),
        (true, Coding::T85),
    ] {
        let contract = |modulation| t30::Contract {
            modulation,
            ecm,
            coding,
            resolution: t30::Resolution::Fine,
            min_scan_line: Duration::ZERO,
        };
        let octets = coder.length(page, &contract(modulations[0]));
        let [a, b, c] = modulations.map(|it| contract(it).line_time(octets).as_secs_f64());
        let name = format!("{coding}, {}", if ecm { "ECM" } else { "no ECM" });
        println!("  {name:<22} {octets:>7} {a:>10.2} {b:>8.2} {c:>8.2}");
    }
}

/// The sheet, and at once the next call; `false` if the sheet was not confirmed.
fn two_calls(name: &str, device: &Path, errand: Errand, page: t4::Page) -> bool {
    let mut modem = modem::Line::open(line_settings(name, device)).expect("a modem");
    let fastest = t30::Modulation::V17At14400;
    let mut first = call(errand.number(), fastest);
    if !errand.tsi {
        first.tsi = None;
    }
    let mut host = PageHost::new(page);
    let report = modem.call(&first, &mut host);
    if report.ending != modem::Ending::Delivered {
        eprintln!("{name}: {:?}", report.ending);
    }
    modem.call(&call("117", fastest), &mut host);
    report.ending == modem::Ending::Delivered
}

/// A call cut at the end of each signal.
struct LineTime {
    rows: Vec<Row>,
    took_s: f64,
    shortest_s: f64,
    /// What the identity took, if one was sent.
    tsi_s: f64,
}

/// One signal on the line and the silence before it.
struct Row {
    name: String,
    ours: bool,
    took_s: f64,
    shortest_s: f64,
}

impl LineTime {
    fn of(call: &Value) -> Self {
        let mut carriers: Vec<&Value> = list(call, "carriers").iter().collect();
        carriers.retain(|carrier| carrier["kind"] != "cng"); // the calling tone, beside what we wait for
        carriers.sort_by(|a, b| seconds(&a["t_s"]).total_cmp(&seconds(&b["t_s"])));
        let mut rows = Vec::new();
        let (mut before_s, mut tsi_s) = (0.0, 0.0);
        for carrier in carriers {
            let end_s = seconds(&carrier["end_s"]);
            let took_s = end_s - before_s;
            let ours = carrier["dir"] == "to_far";
            let frames = frames_of(call, carrier);
            let shortest_s = if ours { shortest_s(carrier, &frames) } else { took_s };
            tsi_s += frames_s(&frames, |name| name == "TSI");
            let name = if frames.is_empty() { fast_name(carrier) } else { names(&frames) };
            rows.push(Row { name, ours, took_s, shortest_s });
            before_s = end_s;
        }
        let on_hook_s = seconds(&call["connected_s"]) - before_s;
        rows.push(Row { name: "on-hook".into(), ours: true, took_s: on_hook_s, shortest_s: 0.0 });
        let took_s = rows.iter().map(|row| row.took_s).sum();
        let shortest_s = rows.iter().map(|row| row.shortest_s).sum();
        Self { rows, took_s, shortest_s, tsi_s }
    }

    fn print(&self, call: &Value) {
        println!(
            "\n{} bit/s, {}, {}, {} octets of image",
            call["rate_bps"],
            if call["ecm"] == true { "error correction" } else { "no error correction" },
            call["encoding"].as_str().unwrap_or("?"),
            call["image_bytes"]
        );
        println!(
            "  {:<30} {:<7} {:>7} {:>9} {:>7} {:>7}",
            "phase", "by", "took s", "shortest", "lost s", "share"
        );
        for row in &self.rows {
            println!(
                "  {:<30} {:<7} {:>7.3} {:>9.3} {:>7.3} {:>6.1}%",
                row.name,
                if row.ours { "caller" } else { "called" },
                row.took_s,
                row.shortest_s,
                row.took_s - row.shortest_s,
                row.took_s / self.took_s * 100.0
            );
        }
        let ours_s: f64 = self.rows.iter().filter(|row| row.ours).map(|row| row.took_s).sum();
        println!(
            "  {:<30} {:<7} {:>7.3} {:>9.3} {:>7.3}",
            "connected",
            "",
            self.took_s,
            self.shortest_s,
            self.took_s - self.shortest_s
        );
        println!(
            "  the caller's share is {ours_s:.2} s, the called machine's {:.2} s; TSI is {:.2} s of what is lost",
            self.took_s - ours_s,
            self.tsi_s
        );
    }
}

fn shortest_s(carrier: &Value, frames: &[&Value]) -> f64 {
    let rate_bps = seconds(&carrier["rate_bps"]).max(1.0);
    if !frames.is_empty() {
        return GAP_S + PREAMBLE_S + frames_s(frames, |name| name != "TSI");
    }
    if carrier["short"] == true {
        return GAP_S + SHORT_TRAINING_S + seconds(&carrier["bytes"]) * 8.0 / rate_bps;
    }
    GAP_S + LONG_TRAINING_S + TCF_S
}

/// Control frames in a carrier, in order.
fn frames_of<'a>(call: &'a Value, carrier: &Value) -> Vec<&'a Value> {
    let within = seconds(&carrier["t_s"])..=seconds(&carrier["end_s"]);
    let within = |frame: &&Value| within.contains(&seconds(&frame["t_s"]));
    list(call, "frames").iter().filter(|f| f["dir"] == carrier["dir"]).filter(within).collect()
}

/// How long the frames of these names are on the line.
fn frames_s(frames: &[&Value], wanted: impl Fn(&str) -> bool) -> f64 {
    let wanted = |frame: &&&Value| frame["name"].as_str().is_some_and(&wanted);
    frames.iter().filter(wanted).map(|frame| seconds(&frame["bits"]) / V21_BPS).sum()
}

fn names(frames: &[&Value]) -> String {
    let names: Vec<&str> = frames.iter().filter_map(|frame| frame["name"].as_str()).collect();
    names.join(" ")
}

fn fast_name(carrier: &Value) -> String {
    let kind = carrier["kind"].as_str().unwrap_or("?");
    match (carrier["bytes"].is_null(), carrier["short"] == true) {
        (true, _) => kind.to_owned(),
        (false, true) => format!("{kind} page, {} octets", carrier["bytes"]),
        (false, false) => format!("{kind} training and TCF"),
    }
}

fn list<'a>(call: &'a Value, what: &str) -> &'a [Value] {
    call[what].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
