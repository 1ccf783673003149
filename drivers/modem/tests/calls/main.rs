//! Whole calls over the scripted modem: every ending, the order of what is durable, pulled plugs.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod class2;
#[path = "../coded/mod.rs"]
mod coded;
#[path = "../../../t30/tests/sender/hdlc.rs"]
mod hdlc;
mod jbig;

use modem::fake::{Answer, Done, FakeModem};
use modem::{
    Call, CallHost, CallReport, Class, Dtr, Ending, Entry, Go, Line, LineSettings, Octets, Port,
    PortError, Progress, Replay, What, replay,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use t30::{Millis, Modulation};

// Frames as a Class 1 modem hands them over: bit 0 first on the line.
const DIS: [u8; 6] = [0xFF, 0x13, 0x80, 0x00, 0x6E, 0x70]; // fine, MH, V.17, no ECM, 0 ms
const CFR: [u8; 3] = [0xFF, 0x13, 0x84];
const MCF: [u8; 3] = [0xFF, 0x13, 0x8C];
const DCN_OURS: [u8; 3] = [0xFF, 0x13, 0xFB];
const NUMBER: &str = "0398765432";

/// What happened at the host and at the modem, in one order.
type Journal = Arc<Mutex<Vec<String>>>;

fn settings() -> LineSettings {
    LineSettings {
        name: "l1".into(),
        device: PathBuf::from("/dev/fake"),
        baud: 115_200,
        dial_prefix: "0,".into(),
        country: None,
        modem: None,
        class: None,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(600),
    }
}

fn call() -> Call {
    Call {
        digits: NUMBER.into(),
        tsi: Some("+81 3 1111 2222".into()),
        pages: 1,
        fine: true,
        ecm: true,
        t85: true,
        fastest: Modulation::V17At14400,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
    }
}

/// A page with everything in it that a modem could mistake for a command.
fn page() -> Vec<u8> {
    let mut page = b"+++ATH\r\x10\x03ATD119\r\x10\x10\x11\x13".to_vec();
    page.extend((0..=255).cycle().take(20_000));
    page
}

/// A modem with a far end that takes the page.
fn good_modem() -> FakeModem {
    FakeModem::new()
        .on("ATD", [Answer::frame(&DIS, "OK").after(Duration::from_secs(9))])
        .on("AT+FRH=3", [Answer::frame(&CFR, "OK"), Answer::frame(&MCF, "OK"), Answer::nothing()])
}

struct Tapped {
    modem: FakeModem,
    journal: Journal,
    /// When the last command was given that does not hang up.
    last_wish: Millis,
}

impl Tapped {
    fn new(modem: FakeModem, journal: Journal) -> Self {
        Self { modem, journal, last_wish: Millis(0) }
    }
}

impl Port for Tapped {
    fn read(&mut self, octets: &mut [u8], until: Millis) -> Result<usize, PortError> {
        self.modem.read(octets, until)
    }
    fn write(&mut self, octets: &[u8], until: Millis) -> Result<usize, PortError> {
        if octets.starts_with(b"AT") && octets.ends_with(b"\r") {
            let command = String::from_utf8_lossy(octets).trim_end().to_owned();
            if !command.starts_with("ATH") {
                self.last_wish = self.modem.now();
            }
            self.journal.lock().unwrap().push(command);
        }
        self.modem.write(octets, until)
    }
    fn now(&self) -> Millis {
        self.modem.now()
    }
    fn xon_xoff(&mut self, on: bool) -> Result<(), PortError> {
        self.modem.xon_xoff(on)
    }
    fn set_dtr(&mut self, on: bool) -> Result<Dtr, PortError> {
        self.modem.set_dtr(on)
    }
    fn reopen(&mut self) -> Result<(), PortError> {
        self.modem.reopen()
    }
}

/// Says yes to everything but what a test forbids.
#[derive(Default)]
struct Host {
    journal: Journal,
    stop_dial: bool,
    refuse_far_end: bool,
    refuse_page: bool,
    /// Cancelled from the progress step with this name on.
    cancel_at: Option<&'static str>,
    cancelled: bool,
    /// Sent in place of [`page`], coded as agreed.
    sheet: Option<t4::Page>,
    result: Option<CallReport>,
    confirmed: Vec<u16>,
    progress: Vec<Progress>,
}

impl Host {
    fn note(&self, what: &str) {
        self.journal.lock().unwrap().push(what.into());
    }
}

impl CallHost for Host {
    fn dial_starts(&mut self) -> Go {
        self.note("dial_starts");
        if self.stop_dial { Go::Stop } else { Go::On }
    }
    fn far_end(&mut self, _: &t30::FarEnd) -> Go {
        self.note("far_end");
        if self.refuse_far_end { Go::Stop } else { Go::On }
    }
    fn lengths(&mut self, _: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        if let Some(sheet) = &self.sheet {
            return coded::lengths(std::slice::from_ref(sheet), contracts);
        }
        // The denser, the shorter.
        (0..contracts.len()).map(|place| 40_000 - 1_000 * place).collect()
    }
    fn page(&mut self, _: u16, contract: &t30::Contract) -> Vec<u8> {
        self.sheet.as_ref().map_or_else(page, |sheet| coded::octets(sheet, contract))
    }
    fn page_starts(&mut self, _: u16) -> Go {
        self.note("page_starts");
        if self.refuse_page { Go::Stop } else { Go::On }
    }
    fn page_confirmed(&mut self, proof: modem::PageConfirmed) {
        self.confirmed.push(proof.page());
    }
    fn result_before_hang_up(&mut self, report: &CallReport) {
        self.note("result");
        assert!(self.result.replace(report.clone()).is_none(), "one result a call");
    }
    fn progress(&mut self, progress: Progress) {
        let name = format!("{progress:?}");
        self.cancelled |= self.cancel_at.is_some_and(|at| name.starts_with(at));
        self.progress.push(progress);
    }
    fn cancelled(&self) -> bool {
        self.cancelled
    }
}

struct Called {
    report: CallReport,
    host: Host,
    line: Line<Tapped>,
    journal: Vec<String>,
}

impl Called {
    /// Octets that went behind CONNECT.
    fn data(&mut self) -> Vec<Vec<u8>> {
        let log = self.line.port().modem.log.iter();
        log.filter_map(|done| if let Done::Data(data) = done { Some(data.clone()) } else { None })
            .collect()
    }

    fn code(&self) -> &'static str {
        match &self.report.ending {
            Ending::Modem { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }
}

fn make(modem: FakeModem, call: &Call, host: Host) -> Called {
    make_with(settings(), modem, call, host)
}

fn make_with(settings: LineSettings, modem: FakeModem, call: &Call, mut host: Host) -> Called {
    let journal = host.journal.clone();
    let port = Tapped::new(modem, journal.clone());
    let mut line = Line::with_port(settings, port).unwrap();
    journal.lock().unwrap().clear();
    let report = line.call(call, &mut host);
    let mut known = host.result.clone().unwrap();
    assert!(!known.hang_up_verified && known.times.hung_up.is_none(), "told before the hang-up");
    assert!(known.trace.entries.is_empty(), "the hang-up would be missing from it");
    (known.hang_up_verified, known.times.hung_up) = (report.hang_up_verified, report.times.hung_up);
    known.trace = report.trace.clone();
    assert_eq!(known, report);
    let journal = journal.lock().unwrap().clone();
    Called { report, host, line, journal }
}

/// A modem that speaks T.30 itself cannot be told of a box: its far end would print into the open tray.
#[test]
fn page_for_a_box_is_not_dialled_with_a_modem_of_class_2() {
    let modem = || FakeModem::new().on("AT+FCLASS=?", [Answer::says("0,1,2\nOK")]);
    let settings = || LineSettings { class: Some(Class::Two), ..settings() };
    let boxed = [
        Call { sub: Some(t30::Subaddress::parse("12").unwrap()), ..call() },
        Call { pwd: Some(t30::Password::parse("34").unwrap()), ..call() },
    ];
    for call in boxed {
        let called = make_with(settings(), modem(), &call, Host::default());
        match called.report.ending {
            Ending::Modem { code, .. } => assert_eq!(code, "box-needs-class-1"),
            other => panic!("{other:?}"),
        }
        assert!(!called.journal.iter().any(|step| step.starts_with("ATD")), "{:?}", called.journal);
    }
    let open = make_with(settings(), modem(), &call(), Host::default());
    assert!(open.journal.iter().any(|step| step.starts_with("ATD")), "{:?}", open.journal);
}

#[test]
fn good_call_is_delivered_and_each_promise_is_kept_before_its_octet() {
    let mut called = make(good_modem(), &call(), Host::default());
    let report = called.report.clone();
    assert_eq!(report.ending, Ending::Delivered);
    assert_eq!(
        called.journal,
        [
            "AT+FCLASS=1",
            "dial_starts",
            "ATDT0,0398765432",
            "far_end",
            "AT+FRS=5",
            "AT+FTH=3",
            "AT+FTS=5",
            "AT+FTM=145",
            "AT+FRH=3",
            "page_starts",
            "AT+FRS=5",
            "AT+FTM=146",
            "AT+FTS=5",
            "AT+FTH=3",
            "AT+FRH=3",
            "AT+FRS=5",
            "AT+FTH=3",
            "result",
            "ATH0",
            "ATH0",
        ]
    );
    assert!(report.page_started && report.hang_up_verified);
    assert_eq!((report.pages_confirmed, called.host.confirmed.as_slice()), (1, [0].as_slice()));
    let contract = report.contract.unwrap();
    assert_eq!((contract.modulation, contract.ecm), (Modulation::V17At14400, false));
    assert!(called.data().contains(&page()), "octet for octet");
    assert_eq!(called.data().last().unwrap(), &DCN_OURS);

    let times = report.times;
    let in_order = [
        times.dialled,
        times.answered,
        times.trained,
        times.page_started,
        times.confirmed,
        times.hung_up,
    ];
    assert!(in_order.iter().all(Option::is_some) && in_order.is_sorted(), "{in_order:?}");
    assert!(times.answered.unwrap() >= Duration::from_secs(9));

    let steps: Vec<String> = called.host.progress.iter().map(|step| format!("{step:?}")).collect();
    let names: Vec<&str> =
        steps.iter().map(|step| step.split([' ', '(', '{']).next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Dialling",
            "Answered",
            "Identity",
            "Agreed",
            "Training",
            "Trained",
            "Page",
            "Page",
            "Confirmed",
            "HungUp"
        ]
    );
    let of = page().len();
    assert!(called.host.progress.contains(&Progress::Page { page: 0, octets: of, of }));
}

#[test]
fn training_goes_down_past_what_the_modem_does_not_have() {
    let ftt = || Answer::frame(&[0xFF, 0x13, 0x44], "OK");
    let (cfr, mcf) = (Answer::frame(&CFR, "OK"), Answer::frame(&MCF, "OK"));
    let carriers = "3,24,48,72,96,97,98,121,122,145,146\nOK";
    let modem = good_modem()
        .on("AT+FTM=?", [Answer::says(carriers)])
        .on("AT+FRH=3", [ftt(), ftt(), ftt(), cfr, mcf, Answer::nothing()]);
    let called = make(modem, &call(), Host::default());
    assert_eq!(called.report.ending, Ending::Delivered);
    let sent = called.journal.iter().filter(|done| done.starts_with("AT+FTM="));
    let codes: Vec<&str> = sent.filter_map(|command| command.strip_prefix("AT+FTM=")).collect();
    assert_eq!(codes, ["145", "121", "97", "96", "96"], "V.17 at 7200 would be 73");
}

#[test]
fn dial_each_word_of_the_modem_is_its_own_ending() {
    for (word, ending) in [
        ("BUSY", Ending::Busy),
        ("NO ANSWER", Ending::NoAnswer),
        ("NO DIALTONE", Ending::NoDialTone),
        ("NO DIAL TONE", Ending::NoDialTone),
        ("NO CARRIER", Ending::NoCarrier),
        ("DELAYED", Ending::DialRefused { word: "DELAYED".into() }),
        ("BLACKLISTED 02", Ending::DialRefused { word: "BLACKLISTED".into() }),
        ("DIALING DISABLED", Ending::DialRefused { word: "DIALING DISABLED".into() }),
        ("RINGING\nVOICE", Ending::Voice),
    ] {
        let modem = FakeModem::new().on("ATD", [Answer::says(word)]);
        let called = make(modem, &call(), Host::default());
        assert_eq!(called.report.ending, ending);
        assert!(!called.report.page_started && called.report.hang_up_verified, "{word}");
        assert!(called.report.times.answered.is_none());
    }
}

#[test]
fn dial_refused_or_nonsense_is_the_modems_fault() {
    for (word, code) in [("ERROR", "modem-refused"), ("OK", "modem-nonsense")] {
        let modem = FakeModem::new().on("ATD", [Answer::says(word)]);
        assert_eq!(make(modem, &call(), Host::default()).code(), code);
    }
}

#[test]
fn line_that_was_lost_listening_for_the_exchange_is_hung_up_before_all_else() {
    let mut modem = good_modem().on("ATDT;", [Answer::unplugged()]);
    modem.comes_back = false;
    let mut line = Line::with_port(settings(), modem).unwrap();
    assert_eq!(line.dial_tone().unwrap_err().code(), "modem-gone");
    line.port().comes_back = true;
    line.port().log.clear();
    line.country().unwrap();
    assert!(line.port().commands().contains(&"ATH0"), "{:?}", line.port().log);
}

#[test]
fn dial_without_any_answer_is_no_word_after_the_wait() {
    let called = make(FakeModem::new(), &call(), Host::default());
    assert_eq!(called.report.ending, Ending::NoWord);
    let took = called.report.times.hung_up.unwrap();
    assert!((60..90).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn ring_before_or_while_dialling_is_glare() {
    let mut host = Host::default();
    let port = Tapped::new(good_modem(), Journal::default());
    let mut line = Line::with_port(settings(), port).unwrap();
    line.port().modem.unasked(b"\r\nRING\r\n", Duration::ZERO);
    assert_eq!(line.call(&call(), &mut host).ending, Ending::Glare);
    assert!(!line.port().modem.commands().iter().any(|command| command.starts_with("ATD")));

    let ringing = FakeModem::new().on("ATD", [Answer::says("RING").unfinished()]);
    let called = make(ringing, &call(), Host::default());
    assert_eq!(called.report.ending, Ending::Glare);
    assert!(called.report.hang_up_verified);
}

#[test]
fn host_says_no_at_each_question_and_nothing_further_goes_out() {
    let mut called = make(good_modem(), &call(), Host { stop_dial: true, ..Host::default() });
    assert_eq!(called.report.ending, Ending::Stopped);
    assert_eq!(called.report.times.dialled, None);
    assert!(!called.journal.iter().any(|step| step.starts_with("ATD")));
    assert!(called.data().is_empty());

    let mut called = make(good_modem(), &call(), Host { refuse_far_end: true, ..Host::default() });
    assert_eq!(called.report.ending, Ending::Session(t30::CallError::RefusedFarEnd));
    assert_eq!(called.data(), [DCN_OURS]);

    let mut called = make(good_modem(), &call(), Host { refuse_page: true, ..Host::default() });
    assert_eq!(called.report.ending, Ending::Session(t30::CallError::PageNotAllowed { page: 0 }));
    assert!(!called.report.page_started && !called.data().contains(&page()));
}

#[test]
fn cancel_before_the_page_stops_the_call_and_after_it_does_not() {
    let cancel = |at| Host { cancel_at: Some(at), ..Host::default() };
    for at in ["Dialling", "Answered", "Identity", "Training", "Trained"] {
        let mut called = make(good_modem(), &call(), cancel(at));
        assert_eq!(called.report.ending, Ending::Stopped, "{at}");
        assert!(!called.report.page_started && called.report.hang_up_verified, "{at}");
        assert!(!called.data().contains(&page()), "{at}");
    }
    let called = make(good_modem(), &call(), cancel("Page"));
    assert_eq!(called.report.ending, Ending::Delivered);
}

#[test]
fn unplugged_in_each_phase_is_gone_and_phase_and_page_flag_are_right() {
    let gone = || [Answer::unplugged()];
    use t30::Phase::{B, C, D};
    let phases = [
        ("dialling", good_modem().on("ATD", gone()), None, false),
        ("waiting for CFR", good_modem().on("AT+FRH=3", gone()), Some(B), false),
        ("DCS", good_modem().on("AT+FTH", gone()), Some(B), false),
        ("before the page", good_modem().on("AT+FTM=146", gone()), Some(C), false),
        (
            "in the page",
            good_modem().on("DATA", [Answer::says("OK"), Answer::says("OK"), Answer::unplugged()]),
            Some(C),
            true,
        ),
        (
            "waiting for MCF",
            good_modem().on("AT+FRH=3", [Answer::frame(&CFR, "OK"), Answer::unplugged()]),
            Some(D),
            true,
        ),
    ];
    for (phase, mut modem, reached, page_started) in phases {
        modem.comes_back = false;
        let mut called = make(modem, &Call { tsi: None, ..call() }, Host::default());
        assert_eq!(called.code(), "modem-gone", "{phase}");
        assert_eq!(called.report.page_started, page_started, "{phase}");
        assert_eq!(called.report.phase, reached, "{phase}");
        assert!(!called.report.hang_up_verified, "{phase}");

        // While it is away every call says so; nothing is dialled.
        let mut host = Host::default();
        let away = called.line.call(&call(), &mut host);
        assert!(matches!(&away.ending, Ending::Modem { code: "device-missing", detail }
            if detail.contains("/dev/fake") && detail.contains("plug the modem in")));
        assert!(host.journal.lock().unwrap().iter().all(|step| step == "result"));

        // It comes back by itself.
        called.line.port().modem = good_modem();
        assert_eq!(called.line.call(&call(), &mut Host::default()).ending, Ending::Delivered);
    }
}

#[test]
fn page_carrier_that_takes_nothing_is_stuck_and_the_page_counts_as_started() {
    let called = make(good_modem().on("AT+FTM=146", [Answer::stuck()]), &call(), Host::default());
    assert_eq!(called.code(), "modem-stuck");
    assert!(called.report.page_started);
}

#[test]
fn far_end_that_goes_away_after_the_page_is_told_with_its_phase() {
    let modem = good_modem().on("AT+FRH=3", [Answer::frame(&CFR, "OK"), Answer::nothing()]);
    let called = make(modem, &call(), Host::default());
    assert!(matches!(
        called.report.ending,
        Ending::Session(t30::CallError::NoReplyAfterPage { page: 0, .. })
    ));
    assert!(called.report.page_started && called.report.pages_confirmed == 0);
}

#[test]
fn trace_of_a_call_has_both_sides_in_order_and_nobody_whole() {
    let csi: Vec<u8> = [&[0xFF, 0x03, 0x40], &b"8765 4321 30        "[..]].concat();
    let modem =
        good_modem().on("ATD", [Answer::frame(&csi, "OK").after(Duration::from_secs(9))]).on(
            "AT+FRH=3",
            [Answer::frame(&DIS, "OK"), Answer::frame(&CFR, "OK"), Answer::frame(&MCF, "OK")],
        );
    let report = make(modem, &call(), Host::default()).report;
    assert_eq!((report.ending, report.trace.dropped), (Ending::Delivered, 0));
    let json = serde_json::to_string(&report.trace).unwrap();
    for whole in [NUMBER, "03 1234 5678", "8765 4321", "+81 3 1111 2222", "2222 1111"] {
        let hex: String = whole.bytes().map(|octet| format!("{octet:02X}")).collect();
        assert!(!json.contains(whole) && !json.contains(&hex), "{whole}: {json}");
    }

    let mut at_ms = i64::MIN;
    let mut session = Vec::new();
    for Entry { at_ms: next, what } in report.trace.entries {
        assert!(at_ms <= next, "time never goes back");
        at_ms = next;
        match what {
            What::Frame(Octets(frame)) => session.push(format!("< {:?}", t30::describe(&frame))),
            What::Control { frames, .. } => session
                .extend(frames.iter().map(|frame| format!("> {:?}", t30::describe(&frame.0)))),
            What::Carrier { page, octets, .. } => session.push(format!("> {page:?} {octets}")),
            What::Command(line) => {
                assert!(!line.starts_with("ATD") || (line == "ATDT*,******5432" && at_ms == 0));
            }
            _other => {}
        }
    }
    let names: Vec<&str> =
        session.iter().map(|line| line.split('"').nth(1).unwrap_or(line.as_str())).collect();
    let page = format!("> Some(0) {}", page().len());
    assert_eq!(
        names,
        ["CSI", "DIS", "TSI", "DCS", "> None 2448", "CFR", page.as_str(), "EOP", "MCF", "DCN"]
    );
    assert!(session[0].contains("** **** 5678") && session[2].contains("+** * **** 2222"));
}

#[test]
fn recorded_call_replays_to_its_end_and_a_session_that_does_otherwise_is_found() {
    let trace = make(good_modem(), &call(), Host::default()).report.trace;
    assert!(matches!(replay(&trace), Replay::Same { turns: 15.., ended: true }));
    let with_ecm = [0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44];
    let modem = good_modem().on("ATD", [Answer::frame(&with_ecm, "OK")]);
    let ecm = make(modem, &call(), Host::default()).report.trace;
    assert!(matches!(replay(&ecm), Replay::Same { turns: 15.., ended: true }));

    // The far end said MCF; had it said nothing, the session would have asked again.
    let mut silent = trace.clone();
    let (place, entry) = (silent.entries.iter_mut().enumerate().rev())
        .find(|(_, entry)| matches!(entry.what, What::Frame(_)))
        .unwrap();
    entry.what = What::Quiet;
    let at = trace.entries[place].at_ms;
    match replay(&silent) {
        Replay::Differs { at_ms, recorded, now } => {
            assert_eq!(*recorded, What::Confirmed { page: 0 });
            assert!(at_ms >= at && matches!(*now, What::Control { .. }), "{now:?}");
        }
        other => panic!("{other:?}"),
    }
    // Our own command was another one then.
    let mut other_command = trace;
    for entry in &mut other_command.entries {
        if let What::Carrier { page: Some(_), octets, .. } = &mut entry.what {
            *octets += 1;
        }
    }
    assert!(matches!(replay(&other_command), Replay::Differs { .. }));
}

#[test]
fn call_recorded_before_sessions_asked_for_lengths_replays_and_took_the_densest_coding() {
    let with_mr = [0xFF, 0x13, 0x80, 0x00, 0xEE, 0x78];
    let with_mmr = [0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44];
    for (dis, coding) in [(&with_mr[..], " MR "), (&with_mmr[..], " MMR ")] {
        let modem = good_modem().on("ATD", [Answer::frame(dis, "OK")]);
        let mut old = make(modem, &call(), Host::default()).report.trace;
        let before = old.entries.len();
        old.entries
            .retain(|entry| !matches!(entry.what, What::AskLengths { .. } | What::Lengths(_)));
        assert_eq!(old.entries.len(), before - 2);
        for entry in &mut old.entries {
            if let What::Session(settings) = &mut entry.what {
                settings.t85 = false; // what a trace without it reads as
            }
        }
        let agreed = old.entries.iter().find_map(|entry| match &entry.what {
            What::Agreed(contract) => Some(format!("{contract} ")),
            _other => None,
        });
        let agreed = agreed.unwrap().replace(',', " ");
        assert!(agreed.contains(coding), "{agreed}");
        let again = replay(&old);
        assert!(matches!(again, Replay::Same { turns: 15.., ended: true }), "{coding}: {again:?}");
    }
}

#[test]
fn trace_of_a_broken_call_tells_the_fault_and_each_means_of_hanging_up() {
    let modem = good_modem().on("AT+FTM=146", [Answer::stuck()]);
    let trace = make(modem, &call(), Host::default()).report.trace;
    let fault = trace.entries.iter().find_map(|entry| match &entry.what {
        What::Fault { code, says } => Some((code.as_str(), says.contains("flow control"))),
        _other => None,
    });
    assert_eq!(fault, Some(("modem-stuck", true)));
    let means = |entry: &Entry| match &entry.what {
        What::HangUp { means, verified } => Some((means.clone(), *verified)),
        _other => None,
    };
    let means: Vec<(String, bool)> = trace.entries.iter().filter_map(means).collect();
    assert_eq!(means, [("word".into(), false), ("dtr".into(), true)]);
    assert!(trace.entries.iter().any(|entry| entry.what == What::DtrDropped));

    // A modem that is not there at all.
    let mut gone = good_modem().on("ATD", [Answer::unplugged()]);
    gone.comes_back = false;
    let mut called = make(gone, &call(), Host::default());
    let trace = called.line.call(&call(), &mut Host::default()).trace;
    let codes: Vec<&What> = trace.entries.iter().map(|entry| &entry.what).collect();
    assert!(
        matches!(codes.as_slice(), [What::Reopened, What::Fault { code, .. }] if code == "device-missing"),
        "{codes:?}"
    );
}

#[test]
fn fault_behind_the_last_confirmation_leaves_it_delivered() {
    // The third V.21 carrier is the DCN: many machines hang up without waiting for it.
    let takes = Answer::takes_data;
    for last in [Answer::says("NO CARRIER"), Answer::says("ERROR"), Answer::unplugged()] {
        let modem = good_modem().on("AT+FTH", [takes(), takes(), last]);
        let called = make(modem, &call(), Host::default());
        assert_eq!(called.report.ending, Ending::Delivered);
        assert_eq!(
            (called.report.pages_confirmed, called.host.confirmed.as_slice()),
            (1, &[0][..])
        );
    }
    // One page of two is not the call.
    let modem = good_modem().on("AT+FTM=146", [takes(), Answer::says("NO CARRIER")]);
    let called = make(modem, &Call { pages: 2, ..call() }, Host::default());
    assert_eq!((called.code(), called.report.pages_confirmed), ("line-dropped", 1));
}

#[test]
fn modem_that_never_stops_talking_is_left_before_the_call_limit() {
    let endless = [b"\r\nCONNECT\r\n".to_vec(), vec![0x55; 64 * 1024]].concat();
    let modem = good_modem().on("ATD", [Answer::raw(endless)]);
    assert_eq!(make(modem, &call(), Host::default()).code(), "modem-babble");
}

#[test]
fn modem_that_answers_all_too_slowly_is_given_up_in_time_and_can_be_asked_again() {
    let slow = || Answer::says("OK").after(Duration::from_millis(4_900));
    let mut modem = good_modem();
    for command in ["AT+FCLASS=1", "ATX4", "ATM0", "ATS0=0", "ATS2=255", "AT&D2", "AT&K3"] {
        modem = modem.on(command, [slow(), Answer::says("OK")]);
    }
    let port = Tapped::new(good_modem(), Journal::default());
    let mut line = Line::with_port(settings(), port).unwrap();
    line.port().modem = modem.on("AT+FCLASS=1", [Answer::says("ERROR"), Answer::says("OK")]);
    let error = line.make_ready().unwrap_err();
    assert_eq!((error.code(), line.port().now().0 / 1000), ("modem-slow", 20));
    assert_eq!(line.make_ready(), Ok(()));
    assert_eq!(line.call(&call(), &mut Host::default()).ending, Ending::Delivered);
}

#[test]
fn call_limit_ends_the_call_and_hangs_up() {
    let short = LineSettings { call_limit: Duration::from_secs(15), ..settings() };
    let modem = good_modem().on("AT+FRH=3", [Answer::nothing()]);
    let called = make_with(short, modem, &call(), Host::default());
    assert_eq!(called.code(), "call-limit");
    assert!(called.report.hang_up_verified);
    assert!(called.report.times.hung_up.unwrap() < Duration::from_secs(30));
}

#[test]
fn number_and_identity_that_no_line_may_carry_never_reach_the_modem() {
    let mut number = call();
    number.digits = "03\rATD119".into();
    let mut identity = call();
    identity.tsi = Some("ACME".into());
    for (call, code) in [(number, "number-not-digits"), (identity, "own-identity")] {
        let called = make(good_modem(), &call, Host::default());
        assert_eq!(called.code(), code);
        assert!(
            !called.journal.iter().any(|step| step.starts_with("ATD") || step == "dial_starts")
        );
    }
    let bad_prefix = LineSettings { dial_prefix: "0;".into(), ..settings() };
    assert_eq!(Line::with_port(bad_prefix, FakeModem::new()).err().unwrap().code(), "line-prefix");
}

#[test]
fn line_after_a_fault_is_set_up_again_and_after_a_good_call_is_not() {
    let resets = |line: &mut Line<Tapped>| {
        line.port().modem.commands().iter().filter(|command| **command == "ATZ").count()
    };
    let mut good = make(good_modem(), &call(), Host::default()).line;
    good.call(&call(), &mut Host::default());
    assert_eq!(resets(&mut good), 1);

    let modem = FakeModem::new().on("ATD", [Answer::says("ERROR"), Answer::says("BUSY")]);
    let mut bad = make(modem, &call(), Host::default()).line;
    assert_eq!(bad.call(&call(), &mut Host::default()).ending, Ending::Busy);
    assert_eq!(resets(&mut bad), 2);
}

#[test]
fn modem_that_does_not_hang_up_is_off_hook_until_it_does() {
    let refuses = || Answer::says("ERROR");
    let mut modem = FakeModem::new()
        .on("ATD", [Answer::says("BUSY")])
        .on("ATH0", std::iter::repeat_with(refuses).take(8).chain([Answer::says("OK")]));
    modem.has_dtr = false;
    let mut called = make(modem, &call(), Host::default());
    assert_eq!((&called.report.ending, called.report.hang_up_verified), (&Ending::Busy, false));
    let error = called.line.make_ready().unwrap_err();
    assert_eq!(error.code(), "modem-off-hook");
    assert!(error.to_string().contains("switch it off and on"), "{error}");
    assert_eq!(called.line.make_ready(), Ok(()), "it hangs up at last");
    assert_eq!(called.line.make_ready(), Ok(()), "and is believed");
}

#[test]
fn modem_that_babbles_instead_of_answering_is_told_from_a_silent_one() {
    let babble = "yadda yadda yadda yadda\n".repeat(20);
    let mut line = make(good_modem(), &call(), Host::default()).line;
    line.port().modem = FakeModem::new().on("AT", [Answer::says(&babble)]);
    assert_eq!(line.make_ready().unwrap_err().code(), "modem-babble");
    line.port().modem = FakeModem::new().on("AT", [Answer::dead()]);
    line.port().modem.has_dtr = false;
    assert_eq!(line.make_ready().unwrap_err().code(), "modem-silent");
}

#[test]
fn line_is_released_within_2_s_of_the_modems_word_that_the_far_end_hung_up() {
    // On-hook, where Class 1 commands are errors and only ATH is not (T.31 8.3).
    let gone = || Answer::says("ERROR");
    let dis = || Answer::frame(&DIS, "OK").after(Duration::from_secs(9));
    let cases: [(&str, FakeModem); 6] = [
        ("at the first frame", FakeModem::new().on("ATD", [Answer::says("NO CARRIER")])),
        ("before our frame", good_modem().on("ATD", [dis()]).on("AT+FTH", [gone()])),
        ("in training", good_modem().on("DATA", [Answer::says("OK"), Answer::says("NO CARRIER")])),
        ("instead of CFR", good_modem().on("AT+FRH=3", [Answer::says("NO CARRIER"), gone()])),
        ("in the page", good_modem().on("AT+FTM=146", [Answer::says("CONNECT\nNO CARRIER")])),
        (
            "instead of MCF",
            good_modem()
                .on("AT+FRH=3", [Answer::frame(&CFR, "OK"), Answer::says("NO CARRIER"), gone()]),
        ),
    ];
    for (when, modem) in cases {
        let mut called = make(modem, &call(), Host::default());
        assert!(called.report.hang_up_verified, "{when}: {:?}", called.report);
        let on_hook = called.line.port().now().0;
        let took_ms = on_hook - called.line.port().last_wish.0;
        assert!(took_ms <= 2000, "{when}: {took_ms} ms, {:?}", called.journal);
        if when != "at the first frame" {
            assert_eq!(called.code(), "line-dropped", "{when}: {:?}", called.report);
        }
    }
}

mod traces {
    use super::*;
    use std::fmt::Write;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    pub(super) struct Everything(pub(super) Arc<Mutex<String>>);

    impl Visit for Everything {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Everything {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn no_number_and_no_page_octet_is_in_any_trace() {
        let everything = Everything::default();
        tracing::subscriber::with_default(everything.clone(), || {
            // Modems repeat the number: as echo, or to be helpful.
            let echo = format!("ATDT0,{NUMBER}\nDIALING {NUMBER}\nBUSY");
            let modem = FakeModem::new().on("ATD", [Answer::says(&echo)]);
            assert_eq!(make(modem, &call(), Host::default()).report.ending, Ending::Busy);
            make(good_modem(), &call(), Host::default());
        });
        let text = everything.0.lock().unwrap();
        assert!(text.contains("AT+FTH=3"), "something was traced");
        for secret in [NUMBER, "8765432", "ATH\\r", "119"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    /// What a broken or wicked modem says: words at the wrong time, frames, noise, nothing.
    fn says() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            &b"\r\nOK\r\n"[..],
            b"\r\nCONNECT\r\n",
            b"\r\nNO CARRIER\r\n",
            b"\r\nERROR\r\n",
            b"\r\nRING\r\n",
            b"\r\n+FCERROR\r\n",
            b"\xff\x13\x80\x00\x6e\x70\xaa\x55\x10\x03",
            b"\xff\x13\x84\xaa\x55\x10\x03",
            b"\xff\x13\x8c\xaa\x55\x10\x03",
            b"\xff\x13\x44\xaa\x55\x10\x03",
            b"\x10\x03",
            b"\x13\x13\x13",
        ]);
        let noise = prop::collection::vec(any::<u8>(), 0..40);
        let piece = prop_oneof![4 => words.prop_map(<[u8]>::to_vec), 1 => noise];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    /// Mostly sense, so that many calls come as far as the page, and then not.
    fn answers(sense: Vec<Answer>) -> impl Strategy<Value = Vec<Answer>> {
        let wicked = (says(), 0_u64..20_000, 0..3_u8).prop_map(|(octets, after_ms, then)| {
            let answer = Answer::raw(octets).after(Duration::from_millis(after_ms));
            match then {
                0 => answer,
                1 => answer.unfinished(),
                _ => answer.then_takes_data(),
            }
        });
        let answer = prop_oneof![1 => wicked, 9 => prop::sample::select(sense)];
        prop::collection::vec(answer, 1..8)
    }

    fn ok() -> Vec<Answer> {
        vec![Answer::says("OK")]
    }

    fn dis() -> Vec<Answer> {
        vec![Answer::frame(&DIS, "OK")]
    }

    fn frames() -> Vec<Answer> {
        let ftt = [0xFF, 0x13, 0x44];
        [&CFR[..], &CFR, &MCF, &MCF, &MCF, &DIS, &ftt]
            .map(|frame| Answer::frame(frame, "OK"))
            .into_iter()
            .chain([Answer::frame(&CFR, "ERROR"), Answer::says("NO CARRIER"), Answer::nothing()])
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn whatever_a_modem_says_the_call_ends_in_time_and_claims_nothing(
            dial in answers(dis()),
            receive in answers(frames()),
            silence in answers(ok()),
            data in answers(ok()),
            hang_up in answers(ok()),
        ) {
            let port = Tapped::new(good_modem(), Journal::default());
            let mut line = Line::with_port(settings(), port).unwrap();
            let wicked = std::mem::take(&mut line.port().modem);
            line.port().modem = wicked
                .on("ATD", dial)
                .on("AT+FRH=3", receive)
                .on("AT+FRS", silence)
                .on("DATA", data)
                .on("ATH0", hang_up);
            let begin = line.port().now();
            let mut host = Host::default();
            let report = line.call(&call(), &mut host);

            let took_s = (line.port().now().0 - begin.0) / 1000;
            prop_assert!(took_s < 700, "{took_s} s: {report:?}");
            let proofs = host.confirmed.len();
            prop_assert_eq!(usize::from(report.pages_confirmed), proofs);
            prop_assert!(report.ending != Ending::Delivered || (proofs == 1 && report.page_started));
            let asked = host.journal.lock().unwrap().iter().any(|step| step == "page_starts");
            prop_assert!(!report.page_started || asked, "no page without leave");
            let again = replay(&report.trace);
            let same = matches!(again, Replay::Same { .. } | Replay::NoSession);
            prop_assert!(same, "{again:?}");
        }
    }
}

mod unplugged {
    use super::*;
    use proptest::prelude::*;

    /// The call takes 20 s of the line's time: ten until the answer, two for the page.
    fn plug() -> FakeModem {
        let slow = |answer: Answer| answer.after(Duration::from_millis(900));
        let mut modem = good_modem()
            .on("DATA", [slow(Answer::says("OK"))])
            .on("AT+FRS", [slow(Answer::says("OK"))])
            .on("ATH0", [slow(Answer::says("OK"))]);
        modem.octets_per_s = Some(11_520);
        modem
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn at_any_moment_the_loss_is_known_in_2_s_claims_nothing_and_the_line_comes_back(
            pulled_ms in 0_u64..24_000,
            away_ms in 1_u64..60_000,
        ) {
            let port = Tapped::new(plug(), Journal::default());
            let mut line = Line::with_port(settings(), port).unwrap();
            let begin = line.port().now().0;
            let pulled = begin + pulled_ms;
            line.port().modem.pulled = Some((Millis(pulled), Millis(pulled + away_ms)));
            let mut host = Host::default();
            let report = line.call(&call(), &mut host);
            let over = line.port().now().0;

            let journal = host.journal.lock().unwrap().clone();
            let asked = |what: &str| journal.iter().any(|step| step == what);
            prop_assert!(!report.page_started || asked("page_starts"), "{report:?}");
            prop_assert_eq!(usize::from(report.pages_confirmed), host.confirmed.len());
            match &report.ending {
                Ending::Delivered => prop_assert!(report.page_started && host.confirmed.len() == 1),
                Ending::Modem { code, .. } => {
                    prop_assert!(["modem-gone", "device-missing"].contains(code), "{code}");
                    prop_assert!(host.confirmed.is_empty() && !report.hang_up_verified);
                    prop_assert!(over - pulled <= 2000, "known after {} ms", over - pulled);
                }
                other => prop_assert!(false, "{other:?}"),
            }

            // As the owner of the line does: a try, and a rest of 5 s.
            let back = pulled + away_ms;
            while line.make_ready().is_err() {
                prop_assert!(line.port().now().0 < back + 10_000, "not in use again");
                line.port().modem.rest(Duration::from_secs(5));
            }
            line.port().modem.pulled = None;
            let again = line.call(&call(), &mut Host::default());
            prop_assert!(!matches!(again.ending, Ending::Modem { .. }), "{again:?}");
        }
    }
}
