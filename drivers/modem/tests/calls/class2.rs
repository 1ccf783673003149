//! Calls over modems of Class 2, 2.0 and 2.1: they speak T.30, and we believe what they say in so many words.

use super::*;
use modem::fake::Script;
use modem::{Class, HangUpCause, HungUp};
use std::ops::RangeInclusive;

const OLD: Class = Class::Two;
const NEW: Class = Class::TwoPointZero;
const BOTH: [Class; 2] = [OLD, NEW];
/// The three classes in which the modem speaks T.30.
const ALL: [Class; 3] = [OLD, NEW, Class::TwoPointOne];

fn scripted(script: &Script) -> Called {
    with(script.class, script.modem(), &call(), Host::default())
}

fn with(class: Class, modem: FakeModem, call: &Call, host: Host) -> Called {
    make_with(LineSettings { class: Some(class), ..settings() }, modem, call, host)
}

impl Called {
    fn page_octets(&mut self) -> usize {
        self.line.port().modem.page_octets
    }

    fn place(&self, step: &str) -> Option<usize> {
        self.journal.iter().position(|done| done.starts_with(step))
    }

    /// What holds of every call in which the modem says when it takes a page.
    fn promises_are_kept(&mut self, what: &str) {
        self.nothing_is_claimed(what);
        let started = self.report.page_started;
        assert!(self.page_octets() == 0 || started, "{what}: octets of which nobody knows");
    }

    /// What holds of every call, whatever the modem does.
    fn nothing_is_claimed(&mut self, what: &str) {
        let report = &self.report;
        let proofs = self.host.confirmed.len();
        assert_eq!(usize::from(report.pages_confirmed), proofs, "{what}");
        if report.ending == Ending::Delivered {
            assert!(proofs > 0 && report.page_started, "{what}: {report:?}");
        }
        let started = report.page_started;
        let asked = self.place("page_starts");
        let judged = self.place("far_end");
        if started {
            assert!(asked.is_some() && judged < asked, "{what}: {:?}", self.journal);
            assert!(judged < self.place("AT+FDT"), "{what}: {:?}", self.journal);
        }
        let begins = &page()[..6];
        let left = self.data().iter().any(|data| data.windows(6).any(|some| some == begins));
        assert!(started || !left, "{what}: a page of which nobody knows");
        let took = self.report.times.hung_up.unwrap_or_default();
        assert!(took < Duration::from_secs(700), "{what}: {took:?}");
        self.each_proof_is_a_status_that_nothing_took_back(what);
    }

    /// Read again from the trace, without the driver's reading: behind each page that was confirmed stands
    /// a status that takes it, and no hang-up over a mishap before that status.
    fn each_proof_is_a_status_that_nothing_took_back(&self, what: &str) {
        let mut said: Vec<&str> = Vec::new();
        let mut asked = false;
        for entry in &self.report.trace.entries {
            match &entry.what {
                What::Sent => (said, asked) = (Vec::new(), false),
                What::Command(command) => asked |= command.ends_with('?'),
                // A number without its name is a status only where one was asked for.
                What::Reply(line) if asked || !is_bare(line) => said.push(line),
                What::Confirmed { .. } => {
                    let last = said.iter().rposition(|line| status(line).is_some());
                    let last = last.unwrap_or_else(|| panic!("{what}: no status in {said:?}"));
                    assert!(
                        matches!(status(said[last]), Some("1" | "3" | "5")),
                        "{what}: {said:?}"
                    );
                    let mishap = said[..last].iter().any(|line| is_mishap(line));
                    assert!(!mishap, "{what}: a status behind a hang-up, {said:?}");
                }
                _ => {}
            }
        }
    }
}

/// The number of a page status, with its name or bare.
fn status(line: &str) -> Option<&str> {
    let named = ["+FPTS:", "+FPS:"].iter().find_map(|name| line.strip_prefix(name));
    let numbers = named.or_else(|| is_bare(line).then_some(line))?;
    numbers.split(',').next().map(|number| number.trim().trim_start_matches('0'))
}

fn is_bare(line: &str) -> bool {
    line.bytes().all(|octet| octet.is_ascii_digit() || b", ".contains(&octet))
}

/// A hang-up for any other reason than that all was said.
fn is_mishap(line: &str) -> bool {
    let code = ["+FHNG:", "+FHS:"].iter().find_map(|name| line.strip_prefix(name));
    code.is_some_and(|code| code.trim().bytes().any(|octet| octet != b'0') || code.is_empty())
}

/// A modem that hangs up.
fn hangs_up(script: &Script, code: &str) -> Answer {
    Answer::says(&format!("{}\nOK", script.hung_up(code)))
}

#[test]
fn good_call_in_each_class_is_delivered_and_each_promise_is_kept_before_its_octet() {
    let before = ["dial_starts", "ATDT0,0398765432", "far_end", "AT+FDT", "page_starts"];
    let (set_up, end) =
        (
            [
                &[
                    "AT+FCLASS=2",
                    "AT+FCR=0",
                    "AT+FBOR=0",
                    "AT+FTBC=0",
                    "AT+FNFC=0",
                    "AT+FPHCTO=100",
                ][..],
                &["AT+FLID=\"+81 3 1111 2222\"", "AT+FDCC=1,5,0,2,1,2,0,0"],
            ]
            .concat(),
            ["AT+FET=2"],
        );
    let mut called = scripted(&Script::new(OLD));
    let expected = [&set_up, &before[..], &end, &["result", "ATH0", "ATH0"]].concat();
    assert_eq!(called.journal, expected);
    assert_eq!(called.data(), [page()], "octet for octet");

    for class in [NEW, Class::TwoPointOne] {
        let select = format!("AT+FCLASS={class}");
        let set_up = [
            &select,
            "AT+FNR=1,1,1,0",
            "AT+FCR=0",
            "AT+FBO=0",
            "AT+FPP=0",
            "AT+FIE=0",
            "AT+FLO=2",
            "AT+FCT=30",
            "AT+FLI=\"+81 3 1111 2222\"",
            "AT+FCC=1,5,0,2,3,1,0,0",
        ];
        let mut called = scripted(&Script::new(class));
        let end = ["AT+FPS?", "result", "ATH0", "ATH0"];
        assert_eq!(called.journal, [&set_up[..], &before, &end].concat());
        assert_eq!(called.data(), [page()]);
    }

    for class in ALL {
        let mut called = scripted(&Script::new(class));
        called.promises_are_kept(class.name());
        let report = called.report;
        assert_eq!(report.ending, Ending::Delivered);
        assert!(report.page_started && report.hang_up_verified);
        let trace = serde_json::to_string(&report.trace).unwrap();
        for whole in [NUMBER, "+81 3 9876 5432", "+81 3 1111 2222"] {
            assert!(!trace.contains(whole), "{whole} in {trace}");
        }
        assert!(trace.contains("** * **** 5432") && trace.contains("AT+FDT"), "{trace}");
        assert_eq!((report.pages_confirmed, called.host.confirmed.as_slice()), (1, &[0][..]));
        assert_eq!(report.csi.as_deref(), Some("+81 3 9876 5432"));
        let contract = report.contract.unwrap();
        assert_eq!(
            (contract.modulation, contract.coding),
            (Modulation::V17At14400, t30::Coding::Mr)
        );
        assert_eq!(contract.min_scan_line, Duration::from_millis(10));
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
        let names: Vec<String> = called.host.progress.iter().map(|it| format!("{it:?}")).collect();
        for name in ["Dialling", "Answered", "Identity", "Agreed", "Trained", "Page", "Confirmed"] {
            assert!(names.iter().any(|it| it.starts_with(name)), "{name} in {names:?}");
        }
    }
}

#[test]
fn pages_of_a_call_are_each_confirmed_by_their_own_status() {
    for class in ALL {
        let script = Script { statuses: vec![1, 3, 5], ..Script::new(class) };
        let mut called = with(class, script.modem(), &Call { pages: 3, ..call() }, Host::default());
        assert_eq!(called.report.ending, Ending::Delivered, "{class}");
        assert_eq!(called.host.confirmed, [0, 1, 2]);
        assert_eq!(called.data(), [page(), page(), page()]);
        let ends = &called.line.port().modem.page_ends;
        let commands = called.journal.iter().filter(|done| done.starts_with("AT+FET"));
        let commands: Vec<&str> = commands.map(String::as_str).collect();
        if class == OLD {
            assert_eq!(ends[..], [0x03; 3]);
            assert_eq!(commands, ["AT+FET=0", "AT+FET=0", "AT+FET=2"]);
        } else {
            assert_eq!((&ends[..], commands.len()), (&b",,."[..], 0));
        }

        // The second is not confirmed: the call is not, and nobody says it was not sent.
        let script = Script { statuses: vec![1, 4], ..script };
        let mut called = with(class, script.modem(), &Call { pages: 3, ..call() }, Host::default());
        called.promises_are_kept(class.name());
        assert!(matches!(called.report.ending, Ending::Session(t30::CallError::Pin { page: 1 })));
        assert_eq!(
            (called.host.confirmed.as_slice(), called.report.page_started),
            (&[0][..], true)
        );
    }
}

#[test]
fn page_status_decides_and_what_is_not_said_is_not_known() {
    for class in BOTH {
        let ends = |statuses: &[u8], hang_up| {
            let script = Script { statuses: statuses.to_vec(), hang_up, ..Script::new(class) };
            let mut called = scripted(&script);
            called.promises_are_kept(&format!("{class} {statuses:?} {hang_up}"));
            assert!(called.report.page_started);
            (called.report.ending.clone(), called.report.pages_confirmed)
        };
        for taken in [1, 3, 5] {
            assert_eq!(ends(&[taken], "0"), (Ending::Delivered, 1));
            // The line went dead behind the word on the page; a word that is asked for comes behind it.
            let dead = match class {
                OLD => (Ending::Delivered, 1),
                _ => (Ending::HungUp(HungUp::of(class, "3")), 0),
            };
            assert_eq!(ends(&[taken], "3"), dead);
        }
        // The same breath says that EOP was not answered.
        let (ending, confirmed) = ends(&[1], "54");
        assert_eq!((ending, confirmed), (Ending::HungUp(HungUp::of(class, "54")), 0));
        for unknown in [0, 6, 99] {
            let (ending, confirmed) = ends(&[unknown], "0");
            assert_eq!((ending, confirmed), (Ending::HungUp(HungUp::of(class, "0")), 0));
        }
        // A modem that hung up sends nothing again.
        let (ending, _) = ends(&[2], "0");
        assert_eq!(ending, Ending::Session(t30::CallError::Rtn { page: 0, times: 1 }));
    }
}

#[test]
fn page_status_that_is_missing_stale_or_double_confirms_nothing() {
    let says = |word: &str| [Answer::says(word)];
    let old = || Script::new(OLD).modem();
    let new = || Script::new(NEW).modem();
    let cases = [
        ("OK alone", OLD, old().on("AT+FET", says("OK"))),
        ("ERROR alone", OLD, old().on("AT+FET", says("ERROR"))),
        ("an OK that is none", OLD, old().on("AT+FET", says("+FPTS: 1\nERROR"))),
        ("two words", OLD, old().on("AT+FET", says("+FPTS: 1\n+FPTS: 2\nOK"))),
        ("two words, turned", OLD, old().on("AT+FET", says("+FPTS: 2\n+FPTS: 1\nERROR"))),
        ("no number", OLD, old().on("AT+FET", says("+FPTS: x\nOK"))),
        ("no number behind one", OLD, old().on("AT+FET", says("+FPTS: 1\n+FPTS:\nOK"))),
        (
            "a number before +FET",
            OLD,
            old().on("DATA", says("+FPTS: 1\nOK")).on("AT+FET", says("OK")),
        ),
        ("no answer to the question", NEW, new().on("AT+FPS?", says("ERROR"))),
        ("nothing to the question", NEW, new().on("AT+FPS?", says("OK"))),
        // The line dies behind the page, and the modem still has the status of its last call.
        ("a dead line", NEW, new().on("DATA", says("+FHS:03\nOK"))),
        ("a dead line without OK", NEW, new().on("DATA", says("+FHS:03"))),
        ("a normal hang-up without OK", NEW, new().on("DATA", says("+FHS:00"))),
        ("a dead line behind OK", NEW, new().on("DATA", says("OK\n+FHS:03"))),
        ("a dead line as an answer", NEW, new().on("AT+FPS?", says("+FHS:03\nOK"))),
        ("a dead line, then a word", NEW, new().on("AT+FPS?", says("+FHS:03\n+FPS:1\nOK"))),
        ("a dead line, then a word", OLD, old().on("AT+FET", says("+FHNG: 3\n+FPTS: 1\nOK"))),
        ("two hang-ups", OLD, old().on("AT+FET", says("+FPTS: 1\n+FHNG: 54\n+FHNG: 0\nOK"))),
        ("a dead line before +FET", OLD, old().on("DATA", says("OK\n+FHNG: 3"))),
        // The status of the page before, and ERROR to this one.
        ("a stale word", NEW, new().on("DATA", says("ERROR"))),
        ("a normal hang-up", NEW, new().on("DATA", says("+FHS:00\nOK")).on("AT+FPS?", says("OK"))),
    ];
    for (what, class, modem) in cases {
        let mut called = with(class, modem, &call(), Host::default());
        called.promises_are_kept(what);
        assert!(called.host.confirmed.is_empty() && called.report.page_started, "{what}");
        assert_ne!(called.report.ending, Ending::Delivered, "{what}");
    }
}

#[test]
fn rejected_page_goes_again_more_slowly_and_not_for_ever() {
    for class in BOTH {
        let again = Script { statuses: vec![2, 1], ..Script::new(class) };
        let mut called = scripted(&again);
        called.promises_are_kept("RTN, then MCF");
        assert_eq!(called.report.ending, Ending::Delivered);
        assert_eq!(called.data(), [page(), page()]);
        let slower =
            if class == OLD { "AT+FDIS=1,4,0,2,1,2,0,0" } else { "AT+FIS=1,4,0,2,3,1,0,0" };
        assert!(called.place(slower).is_some(), "{:?}", called.journal);

        let never = Script { statuses: vec![2], hang_up: "0", ..Script::new(class) };
        // The modem stays on the line each time.
        let modem = if class == OLD {
            never.modem().on("AT+FET", [Answer::says("+FPTS: 2\nOK")])
        } else {
            never.modem().on("DATA", [Answer::says("ERROR")])
        };
        let mut called = with(class, modem, &call(), Host::default());
        called.promises_are_kept("RTN for ever");
        let rtn = Ending::Session(t30::CallError::Rtn { page: 0, times: 3 });
        assert_eq!((called.report.ending.clone(), called.data().len()), (rtn, 3));
        assert!(called.report.page_started && called.host.confirmed.is_empty());
        let leave = if class == OLD { "AT+FK" } else { "AT+FKS" };
        assert!(called.place(leave).is_some());
    }
}

/// Decimal and hexadecimal codes, all of them and some that no table has.
const CODES: RangeInclusive<u16> = 0..=0x110;

#[test]
fn every_hang_up_code_at_every_step_is_told_and_never_claims_anything() {
    for class in BOTH {
        let good = Script::new(class);
        for number in CODES {
            let code = if class == OLD { number.to_string() } else { format!("{number:02X}") };
            let said = Ending::HungUp(HungUp::of(class, &code));
            let hung_up = || hangs_up(&good, &code);
            // The modem still has the status of another page: it counts only where nothing went wrong.
            let stale = [Answer::says("+FPS:1\nOK")];
            let steps = [
                ("dialling", good.modem().on("ATD", [hung_up()]), false),
                ("training", good.modem().on("AT+FDT", [hung_up()]), false),
                (
                    "instead of a status",
                    good.modem().on("DATA", [hung_up()]).on("AT+FPS?", stale),
                    true,
                ),
            ];
            for (step, modem, page_started) in steps {
                let mut called = with(class, modem, &call(), Host::default());
                let what = format!("{class} {code} {step}");
                called.promises_are_kept(&what);
                assert_eq!(called.report.page_started, page_started, "{what}");
                let is_own = class == NEW && number == 0 && page_started;
                assert_eq!(called.host.confirmed.is_empty(), !is_own, "{what}");
                assert_eq!(called.report.ending == Ending::Delivered, is_own, "{what}");
                assert!(is_own || called.report.ending == said, "{what}");
                assert!(called.report.hang_up_verified, "{what}");
            }
        }
        let mut in_page = good.modem();
        in_page.in_page = Some((1000, hangs_up(&good, "43")));
        in_page.octets_per_s = Some(1800);
        let mut called = with(class, in_page, &call(), Host::default());
        called.promises_are_kept("in the page");
        let ending = called.report.ending.clone();
        assert_eq!(ending, Ending::HungUp(HungUp::of(class, "43")));
        assert!(called.report.page_started);
    }
    assert_eq!(HungUp::of(OLD, "11").cause(), HangUpCause::NoFaxMachine);
}

#[test]
fn far_end_that_is_refused_gets_no_octet_of_a_page() {
    for class in ALL {
        for csi in [Some("+81 3 9876 5435"), None] {
            let script = Script { csi, ..Script::new(class) };
            let host = Host { refuse_far_end: true, ..Host::default() };
            let mut called = with(class, script.modem(), &call(), host);
            called.promises_are_kept("refused");
            let refused = Ending::Session(t30::CallError::RefusedFarEnd);
            assert_eq!(called.report.ending, refused, "{class}");
            assert_eq!((called.page_octets(), called.place("AT+FDT")), (0, None), "{class}");
            assert!(called.place("AT+FK").is_some() && called.report.hang_up_verified);
            assert_eq!(called.report.csi.as_deref(), csi);
        }
    }
}

#[test]
fn refusal_stays_a_refusal_when_the_modem_dies_of_it() {
    for class in BOTH {
        for dies in [Answer::dead(), Answer::unplugged(), Answer::says("ERROR")] {
            let host = Host { refuse_far_end: true, ..Host::default() };
            let modem = Script::new(class).modem().on("AT+FK", [dies]);
            let called = with(class, modem, &call(), host);
            let refused = Ending::Session(t30::CallError::RefusedFarEnd);
            assert_eq!(called.report.ending, refused, "who is refused is not called again");
        }
    }
}

#[test]
fn page_longer_than_the_paper_and_a_page_for_a_box_are_not_sent() {
    for class in BOTH {
        let script = Script { dis: "1,5,0,0,1,0,0,3", ..Script::new(class) };
        let long = Call { longest_page_mm: 300, ..call() };
        let mut called = with(class, script.modem(), &long, Host::default());
        called.promises_are_kept("too long");
        let too_long = t30::CallError::PageTooLong { page_mm: 300, limit_mm: 297 };
        assert_eq!(called.report.ending, Ending::Session(too_long.clone()));
        assert_eq!((called.page_octets(), called.place("AT+FDT")), (0, None));

        // It says so only when it begins anew.
        let script = Script::new(class);
        let dis = if class == OLD { "+FDIS: " } else { "+FIS:" };
        let text = format!("{dis}1,5,0,0,1,0,0,3\n{}\nCONNECT", script.agreed().trim());
        let modem = script.modem().on("AT+FDT", [Answer::says(&text).then_takes_page()]);
        let mut called = with(class, modem, &long, Host::default());
        called.promises_are_kept("too long when training");
        assert_eq!(called.report.ending, Ending::Session(too_long));
        assert_eq!(called.page_octets(), 0, "{class}");
        assert!(called.report.hang_up_verified && !called.report.page_started);

        // The modem would send it to the open tray.
        let boxed = Call { sub: Some(t30::Subaddress::parse("12").unwrap()), ..call() };
        let mut called = with(class, Script::new(class).modem(), &boxed, Host::default());
        assert_eq!((called.code(), called.page_octets()), ("box-needs-class-1", 0));
        assert_eq!((called.place("ATD"), called.place("dial_starts")), (None, None));
    }
}

#[test]
fn far_end_that_becomes_another_while_training_is_judged_again() {
    /// Refuses who is not the first.
    #[derive(Default)]
    struct Suspicious(Host, u8);
    impl CallHost for Suspicious {
        fn dial_starts(&mut self) -> Go {
            self.0.dial_starts()
        }
        fn far_end(&mut self, far_end: &t30::FarEnd) -> Go {
            self.1 += 1;
            let is_first = far_end.csi.as_deref() == Some("+81 3 9876 5432");
            if is_first { Go::On } else { Go::Stop }
        }
        fn lengths(&mut self, page: u16, contracts: &[t30::Contract]) -> Vec<usize> {
            self.0.lengths(page, contracts)
        }
        fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8> {
            self.0.page(page, contract)
        }
        fn page_starts(&mut self, page: u16) -> Go {
            self.0.page_starts(page)
        }
        fn page_confirmed(&mut self, proof: modem::PageConfirmed) {
            self.0.page_confirmed(proof);
        }
        fn result_before_hang_up(&mut self, report: &CallReport) {
            self.0.result_before_hang_up(report);
        }
        fn progress(&mut self, progress: Progress) {
            self.0.progress(progress);
        }
        fn cancelled(&self) -> bool {
            self.0.cancelled()
        }
    }
    for class in BOTH {
        let script = Script::new(class);
        let csi = if class == OLD { "+FCSI: \"119\"" } else { "+FCI:119" };
        let text = format!("{csi}\n{}\nCONNECT", script.agreed().trim());
        let modem = script.modem().on("AT+FDT", [Answer::says(&text).then_takes_page()]);
        let settings = LineSettings { class: Some(class), ..settings() };
        let mut line = Line::with_port(settings, modem).unwrap();
        let mut host = Suspicious::default();
        let report = line.call(&call(), &mut host);
        assert_eq!(report.ending, Ending::Session(t30::CallError::RefusedFarEnd));
        assert_eq!((host.1, report.page_started, report.hang_up_verified), (2, false, true));
        assert_eq!(report.csi.as_deref(), Some("119"));
        assert_eq!(line.port().page_octets, 0, "not even those of ATH");
    }
}

#[test]
fn host_says_no_to_the_page_and_not_an_octet_goes_out() {
    for class in BOTH {
        for has_dtr in [true, false] {
            let host = Host { refuse_page: true, ..Host::default() };
            let mut modem = Script::new(class).modem();
            modem.has_dtr = has_dtr;
            let mut called = with(class, modem, &call(), host);
            called.promises_are_kept("page not allowed");
            let not_allowed = Ending::Session(t30::CallError::PageNotAllowed { page: 0 });
            assert_eq!(called.report.ending, not_allowed);
            assert_eq!((called.page_octets(), called.report.page_started), (0, false));
            assert!(called.report.hang_up_verified);
        }
    }
}

#[test]
fn cancel_before_the_page_stops_the_call_and_after_it_does_not() {
    for class in BOTH {
        let cancel = |at| Host { cancel_at: Some(at), ..Host::default() };
        for at in ["Dialling", "Answered", "Identity", "Agreed", "Trained"] {
            let mut called = with(class, Script::new(class).modem(), &call(), cancel(at));
            called.promises_are_kept(at);
            assert_eq!(called.report.ending, Ending::Stopped, "{at}");
            assert_eq!((called.page_octets(), called.report.hang_up_verified), (0, true), "{at}");
        }
        // A training without an end is not waited for.
        let endless = Answer::raw(Script::new(class).agreed()).unfinished();
        let modem = Script::new(class).modem().on("AT+FDT", [endless]);
        let mut called = with(class, modem, &call(), cancel("Agreed"));
        called.promises_are_kept("cancelled while training");
        let took = called.report.times.hung_up.unwrap();
        assert_eq!((called.report.ending.clone(), took.as_secs() < 20), (Ending::Stopped, true));

        let called = with(class, Script::new(class).modem(), &call(), cancel("Page"));
        assert_eq!(called.report.ending, Ending::Delivered);
    }
}

#[test]
fn page_whose_coding_nobody_knows_is_not_sent() {
    for class in BOTH {
        let good = Script::new(class);
        let no_word = Answer::says("CONNECT").then_takes_page();
        let unusable = ["1,5,0,2,2,0,0,0", "1,D,0,2,0,1,0,0", "0,5,1,2,0,0,0,0", "1,5", ""];
        let modems = unusable
            .map(|dcs| Script { dcs, ..good.clone() }.modem())
            .into_iter()
            .chain([good.modem().on("AT+FDT", [no_word])]);
        for modem in modems {
            let mut called = with(class, modem, &call(), Host::default());
            called.promises_are_kept("no contract");
            assert_eq!(called.code(), "modem-no-contract");
            assert_eq!((called.page_octets(), called.report.page_started), (0, false));
            assert!(called.report.hang_up_verified);
        }
    }
}

#[test]
fn second_page_whose_coding_became_unknown_is_not_sent_in_the_first_ones() {
    for class in BOTH {
        let good = Script { statuses: vec![1, 1], ..Script::new(class) };
        let unusable = Script { dcs: "1,5,0,2,2,0,0,0", ..good.clone() };
        let modem = good.modem().on("AT+FDT", [good.trained(), unusable.trained()]);
        let mut called = with(class, modem, &Call { pages: 2, ..call() }, Host::default());
        called.promises_are_kept("no contract for the second page");
        assert_eq!((called.code(), called.data().len()), ("modem-no-contract", 1));
        assert_eq!(called.host.confirmed, [0]);
    }
}

#[test]
fn xon_is_waited_for_and_a_modem_without_one_gets_its_page_all_the_same() {
    let script = Script::new(OLD);
    let connects = format!("{}\r\nCONNECT\r\n", script.agreed());
    let late = [connects.as_bytes(), b"\r\n", b"\x11"].concat();
    let second = Duration::from_secs(1);
    let talks = b"\r\nRING\r\n\r\n+FTI:1\r\n\r\nCONNECT\r\n\x11";
    let talks = [connects.as_bytes(), talks].concat();
    for (what, octets, wait) in [
        ("a line end before", late, Duration::ZERO),
        ("none", connects.clone().into(), second),
        ("behind words that are no answer", talks, Duration::ZERO),
        ("none behind words", format!("{connects}\r\n+FTI:1\r\n").into(), second),
    ] {
        let modem = script.modem().on("AT+FDT", [Answer::raw(octets).then_takes_page()]);
        let mut called = with(OLD, modem, &call(), Host::default());
        assert_eq!(called.report.ending, Ending::Delivered, "{what}");
        assert_eq!(called.data(), [page()], "{what}");
        let times = &called.report.times;
        let waited = times.page_started.unwrap() - times.trained.unwrap();
        assert!((wait..wait + second).contains(&waited), "{what}: {waited:?}");
    }
    // A modem that says what makes no sense there, and still takes every octet for a page.
    for word in ["OK", "ERROR", "NO CARRIER", "BUSY", "+FCERROR"] {
        let octets = format!("{connects}\r\n{word}\r\n");
        let modem = script.modem().on("AT+FDT", [Answer::raw(octets).then_takes_page()]);
        let mut called = with(OLD, modem, &call(), Host::default());
        called.promises_are_kept(word);
        assert_eq!((called.page_octets(), called.report.page_started), (0, false), "{word}");
        assert!(called.report.hang_up_verified, "{word}");
    }
    let gives_up = format!("{}\r\nCONNECT\r\n\r\n+FHNG: 50\r\n\r\nOK\r\n", script.agreed());
    let modem = script.modem().on("AT+FDT", [Answer::raw(gives_up)]);
    let mut called = with(OLD, modem, &call(), Host::default());
    assert_eq!(called.report.ending, Ending::HungUp(HungUp::of(OLD, "50")));
    assert_eq!((called.page_octets(), called.report.page_started), (0, false));
}

#[test]
fn every_mishap_at_every_step_ends_in_time_and_claims_nothing() {
    let steps_of = |class| {
        let (set, session, end) = if class == OLD {
            (["AT+FDCC=1", "AT+FLID"], "AT+FDT", ["DATA", "AT+FET"])
        } else {
            (["AT+FCC=1", "AT+FNR"], "AT+FDT", ["DATA", "AT+FPS?"])
        };
        [&set[..], &["ATD", session], &end].concat()
    };
    let endless = [b"\r\n+FTI:1\r\n".to_vec(), vec![0x55; 64 * 1024]].concat();
    let mishaps = |script: &Script| {
        vec![
            ("unplugged", Answer::unplugged()),
            ("silence", Answer::nothing()),
            ("dead", Answer::dead()),
            ("babble", Answer::raw(endless.clone())),
            ("ERROR", Answer::says("ERROR")),
            ("OK", Answer::says("OK")),
            ("NO CARRIER", Answer::says("NO CARRIER")),
            ("BUSY", Answer::says("BUSY")),
            ("CONNECT", Answer::says("CONNECT")),
            ("RING", Answer::says("RING\nRING")),
            ("stuck", Answer::stuck()),
            ("a hang-up", hangs_up(script, "20")),
            ("a hang-up without OK", Answer::says(&script.hung_up("20"))),
            ("voice", Answer::says("+FVOICE\nOK")),
        ]
    };
    for class in BOTH {
        let script = Script::new(class);
        for step in steps_of(class) {
            for (mishap, answer) in mishaps(&script) {
                let what = format!("{class}: {mishap} at {step}");
                let mut modem = script.modem().on(step, [answer]);
                modem.comes_back = false;
                let mut called = with(class, modem, &call(), Host::default());
                called.promises_are_kept(&what);
                let after_page = step == "DATA" || step == "AT+FET" || step == "AT+FPS?";
                assert!(!after_page || called.report.page_started, "{what}");
                // Words that harm nothing.
                let harmless = matches!(
                    (step, mishap),
                    ("AT+FLID", "ERROR" | "NO CARRIER" | "BUSY" | "CONNECT" | "OK")
                        | ("AT+FDCC=1" | "AT+FCC=1" | "AT+FNR", "OK")
                        | ("AT+FLID", "a hang-up" | "voice")
                        | ("AT+FDCC=1" | "AT+FCC=1" | "AT+FNR", "a hang-up" | "voice")
                        | ("DATA", "OK" | "voice")
                );
                let delivered = called.report.ending == Ending::Delivered;
                assert_eq!(delivered, harmless, "{what}: {:?}", called.report.ending);
                assert!(delivered || called.host.confirmed.is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn mishap_in_the_middle_of_the_page_leaves_it_uncertain() {
    for class in BOTH {
        let script = Script::new(class);
        for (what, answer, code) in [
            ("unplugged", Answer::unplugged(), "modem-gone"),
            ("NO CARRIER", Answer::says("NO CARRIER"), "line-dropped"),
            ("OK", Answer::says("OK"), "modem-underrun"),
            ("ERROR", Answer::says("ERROR"), "modem-refused"),
            ("stuck", Answer::stuck(), "modem-stuck"),
        ] {
            let mut modem = script.modem();
            (modem.in_page, modem.octets_per_s) = (Some((1000, answer)), Some(1800));
            let mut called = with(class, modem, &call(), Host::default());
            called.promises_are_kept(what);
            assert_eq!(called.code(), code, "{class} {what}");
            assert!(called.report.page_started && called.host.confirmed.is_empty(), "{what}");
            assert_eq!(called.report.phase, Some(t30::Phase::C), "{what}");
        }
    }
}

#[test]
fn no_number_no_identity_and_no_page_octet_is_in_any_trace() {
    for class in BOTH {
        let everything = traces::Everything::default();
        let called =
            tracing::subscriber::with_default(everything.clone(), || scripted(&Script::new(class)));
        let text = everything.0.lock().unwrap();
        assert!(text.contains("AT+FDT"), "something was traced");
        let recorded = format!("{:?}", called.report.trace);
        assert!(recorded.contains("AT+FDT"), "something was recorded");
        for secret in [NUMBER, "8765432", "1111 2222", "9876 5432", "ATH\\r", "119"] {
            assert!(!text.contains(secret), "{secret} in {text}");
            assert!(!recorded.contains(secret), "{secret} in {recorded}");
        }
    }
}

/// Of the lines that a trace keeps, no five digits in a row are ours or those of the number dialled.
#[test]
fn trace_keeps_the_lines_to_and_from_the_modem_and_no_more_than_four_digits_of_a_number() {
    for class in ALL {
        let called = scripted(&Script::new(class));
        let lines = called.report.trace.entries.iter().filter_map(|entry| match &entry.what {
            What::Command(line) | What::Reply(line) => Some(line.as_str()),
            _ => None,
        });
        let lines: Vec<&str> = lines.collect();
        for kept in ["=\"+** * **** 2222\"", "******5432", "** * **** 5432"] {
            assert!(lines.iter().any(|line| line.contains(kept)), "{kept} in {lines:?}");
        }
        for line in lines {
            let digits: String = line.chars().filter(char::is_ascii_digit).collect();
            for number in ["81311112222", NUMBER, "81398765432"] {
                let told = number.as_bytes().windows(5).map(|some| str::from_utf8(some).unwrap());
                let told: Vec<&str> = told.filter(|some| digits.contains(some)).collect();
                assert!(told.is_empty(), "{told:?} in {line}");
            }
        }
    }
}

#[test]
fn data_modem_that_answers_is_no_fax_call_and_is_left_without_a_page() {
    for class in BOTH {
        let modem = Script::new(class).modem().on("ATD", [Answer::says("CONNECT 2400")]);
        let mut called = with(class, modem, &call(), Host::default());
        called.promises_are_kept("CONNECT to ATD");
        assert_eq!((called.code(), called.page_octets()), ("modem-nonsense", 0));
    }
}

#[test]
fn class_that_the_modem_does_not_have_is_said_with_what_it_has() {
    let settings = LineSettings { class: Some(Class::TwoPointOne), ..settings() };
    let modem = FakeModem::new().on("AT+FCLASS=?", [Answer::says("0,1,2\nOK")]);
    let error = Line::with_port(settings, modem).err().unwrap();
    assert_eq!(error.code(), "modem-class-missing");
    assert!(error.to_string().contains("no Class 2.1") && error.to_string().contains("0,1,2"));

    let settings = LineSettings { modem: Some("no-such".into()), ..super::settings() };
    let error = Line::with_port(settings, FakeModem::new()).err().unwrap();
    assert_eq!(error.code(), "modem-unknown-model");
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    /// What a broken or wicked modem says: words of either dialect at the wrong time, noise, nothing.
    fn says() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            &b"\r\nOK\r\n"[..],
            b"\r\nCONNECT\r\n",
            b"\r\nCONNECT\r\n\x11",
            b"\r\nNO CARRIER\r\n",
            b"\r\nERROR\r\n",
            b"\r\nRING\r\n",
            b"\r\n+FCON\r\n",
            b"\r\n+FCSI: \"119\"\r\n",
            b"\r\n+FDIS: 1,5,0,2,1,0,0,3\r\n",
            b"\r\n+FDCS: 1,5,0,2,1,0,0,3\r\n",
            b"\r\n+FDCS: 9,9\r\n",
            b"\r\n+FPTS: 1\r\n",
            b"\r\n+FPS:2\r\n",
            b"\r\n+FHNG: 0\r\n",
            b"\r\n+FHS:50\r\n",
            b"\x13\x13\x13",
        ]);
        let noise = prop::collection::vec(any::<u8>(), 0..40);
        let piece = prop_oneof![6 => words.prop_map(<[u8]>::to_vec), 1 => noise];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    /// Mostly sense, so that many calls come as far as the page, and then not.
    fn answers(sense: Vec<Answer>) -> impl Strategy<Value = Vec<Answer>> {
        let wicked = (says(), 0_u64..20_000, 0..4_u8).prop_map(|(octets, after_ms, then)| {
            let answer = Answer::raw(octets).after(Duration::from_millis(after_ms));
            match then {
                0 => answer,
                1 => answer.unfinished(),
                _ => answer.then_takes_page(),
            }
        });
        let answer = prop_oneof![1 => wicked, 4 => prop::sample::select(sense)];
        prop::collection::vec(answer, 1..6)
    }

    fn lines(words: &[&str]) -> Vec<Answer> {
        words.iter().map(|word| Answer::says(word)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn whatever_a_modem_says_the_call_ends_in_time_and_claims_nothing(
            class in prop::sample::select(BOTH.to_vec()),
            dial in answers(vec![Script::new(OLD).answered(), Script::new(NEW).answered()]),
            train in answers(vec![Script::new(OLD).trained(), Script::new(NEW).trained()]),
            data in answers(lines(&[
                "OK",
                "OK",
                "ERROR",
                "+FHS:00\nOK",
                "+FHS:01\nOK",
                "+FHS:02",
                "+FHS:03\nOK",
                "OK\n+FHNG: 3",
                "NO CARRIER",
            ])),
            end in answers(lines(&[
                "+FPTS: 1\nOK",
                "+FPTS: 2\nOK",
                "OK",
                "+FHNG: 54\nOK",
                "+FHNG: 3\n+FPTS: 1\nOK",
            ])),
            status in answers(lines(&["+FPS:1\nOK", "+FPS:1\nOK", "+FPS:2\nOK", "ERROR", "+FHS:03\nOK"])),
            hang_up in answers(lines(&["OK"])),
            cut in prop::option::of((1_usize..20_000, says())),
        ) {
            let mut modem = Script::new(class)
                .modem()
                .on("ATD", dial)
                .on("AT+FDT", train)
                .on("DATA", data)
                .on("AT+FET", end)
                .on("AT+FPS?", status)
                .on("ATH0", hang_up);
            modem.in_page = cut.map(|(octets, says)| (octets, Answer::raw(says)));
            let mut called = with(class, modem, &Call { pages: 2, ..call() }, Host::default());
            called.nothing_is_claimed("a wicked modem");
            let report = &called.report;
            prop_assert!(report.ending != Ending::Delivered || called.host.confirmed == [0, 1]);
        }
    }
}
