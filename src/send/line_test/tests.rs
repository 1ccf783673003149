//! Tests of a line over the scripted modem: what each step finds, and that nobody is disturbed.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;

use modem::fake::{Answer, Done, FakeModem};
use modem::{Line, LineSettings};

use super::super::coded;
use super::super::sheets::Sheets;
use super::*;
use crate::render::Proof;

/// Fine, MH, V.17, no ECM (T.30 table 2), bit 0 first.
const DIS: [u8; 6] = [0xFF, 0x13, 0x80, 0x00, 0x6E, 0x70];
const CFR: [u8; 3] = [0xFF, 0x13, 0x84];
const MCF: [u8; 3] = [0xFF, 0x13, 0x8C];
const DCN_OURS: [u8; 3] = [0xFF, 0x13, 0xFB];

#[derive(Default)]
struct Seen {
    steps: RefCell<Vec<Step>>,
    dialled: Cell<u32>,
    answered: Cell<u32>,
    traces: Cell<u32>,
    /// No call has leave.
    forbids: bool,
    stops: bool,
}

impl Watch for Seen {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
    fn starts(&self, _step: StepName) {}
    fn ended(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }
    fn may_dial(&self, _number: &FaxNumber) -> Result<(), String> {
        self.dialled.set(self.dialled.get() + 1);
        if self.forbids { Err("the redial rule".into()) } else { Ok(()) }
    }
    fn answered(&self, _number: &FaxNumber) {
        self.answered.set(self.answered.get() + 1);
    }
    fn called(&self, _number: &FaxNumber, _began_at: UnixMillis, report: &modem::CallReport) {
        assert!(!report.trace.entries.is_empty(), "a technician can see what passed");
        self.traces.set(self.traces.get() + 1);
    }
    fn stopping(&self) -> bool {
        self.stops
    }
}

impl Seen {
    /// Name and `passed`, `skipped` or the code of each step.
    fn told(&self) -> Vec<(&'static str, &'static str)> {
        let word = |step: &Step| match step.outcome {
            Outcome::Passed(_) => "passed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Failed { code, .. } => code,
        };
        self.steps.borrow().iter().map(|step| (step.name.as_str(), word(step))).collect()
    }
}

fn settings() -> LineSettings {
    LineSettings {
        name: "line1".into(),
        device: PathBuf::from("/dev/fake"),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0),
        modem: None,
        class: None,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(600),
    }
}

/// A modem on a line that is in order.
fn modem() -> FakeModem {
    FakeModem::new().on("ATDT;", [Answer::says("OK")])
}

fn number() -> FaxNumber {
    FaxNumber::parse("03-1234-5678").expect("a number")
}

/// Tests with a call to `line2`, which rings after so many looks, and to a test number.
fn tested(modem: FakeModem, rings_after: u64, seen: &Seen) -> Line<FakeModem> {
    tested_by(modem, rings_after, seen, None)
}

/// The same with a page, or with the reason why there is none.
fn tested_with_page(
    modem: FakeModem,
    seen: &Seen,
    sheet: &dyn Fn() -> Result<(JobId, Coded), NoSheet>,
) -> Line<FakeModem> {
    tested_by(modem, 20, seen, Some(sheet))
}

fn tested_by(
    modem: FakeModem,
    rings_after: u64,
    seen: &Seen,
    sheet: Option<&dyn Fn() -> Result<(JobId, Coded), NoSheet>>,
) -> Line<FakeModem> {
    let mut line = Line::with_port(settings(), FakeModem::new()).expect("a modem");
    *line.port() = modem;
    let looks = Cell::new(0);
    let rings = || {
        looks.set(looks.get() + 1);
        u64::from(looks.get() > rings_after)
    };
    let plan = Plan {
        loop_call: Ok(Loop {
            name: "line2".into(),
            number: number(),
            rings: &rings,
            look: &|| Some(0),
        }),
        test_call: Ok(number()),
        page: sheet.is_some(),
    };
    let how = How {
        country: Some(0),
        tsi: None,
        fastest: t30::Modulation::V17At14400,
        ecm: false,
        sheet: sheet.unwrap_or(&|| panic!("nobody wants a page")),
    };
    run(&mut line, &how, plan, seen);
    line
}

#[test]
fn line_in_order_passes_each_step_and_sends_nothing_but_dcn() {
    let modem = modem()
        .on("ATDT03", [Answer::nothing(), Answer::frame(&DIS, "OK").after(Duration::from_secs(9))]);
    let seen = Seen::default();
    let mut line = tested(modem, 20, &seen);
    let told = seen.told();
    assert_eq!(
        told,
        ["modem", "country", "dial-tone", "loop-call", "test-call"].map(|name| (name, "passed"))
    );
    let data: Vec<_> =
        line.port().log.iter().filter(|done| matches!(done, Done::Data(_))).cloned().collect();
    assert_eq!(data, [Done::Data(DCN_OURS.to_vec())]);
    assert_eq!((seen.dialled.get(), seen.answered.get()), (2, 1), "each for the redial rule");
    assert_eq!(seen.traces.get(), 2, "each can be looked at");
    assert_eq!(line.port().commands().last(), Some(&"ATH0"));
}

/// A page of strokes.
fn page() -> t4::Page {
    let mut page = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..100_u8 {
        let pels: Vec<u8> = (0..page.row_octets()).map(|octet| row & octet as u8).collect();
        page.push_row(&pels).expect("a row");
    }
    page
}

fn sheet() -> Result<(JobId, Coded), NoSheet> {
    let standard = page().scaled_to(t4::WIDTH_A4_PELS, t4::Resolution::Standard).expect("a page");
    let drawn = Sheets { standard, fine: page(), proof: Proof::of_nothing() };
    Ok((JobId::new(UnixMillis(0), 7), drawn.coded()?))
}

/// A far end that trains, takes the page, and answers it so.
fn page_modem(after_the_page: Answer) -> FakeModem {
    let mut modem = modem()
        .on("ATDT03", [Answer::nothing(), Answer::frame(&DIS, "OK")])
        .on("AT+FRH=3", [Answer::frame(&CFR, "OK"), after_the_page, Answer::nothing()])
        .on("DATA", [Answer::says("OK")])
        .on("AT+FRS", [Answer::says("OK")]);
    modem.octets_per_s = Some(2000);
    modem
}

#[test]
fn page_of_a_test_goes_to_the_test_number_pel_by_pel_and_how_it_went_is_told() {
    let seen = Seen::default();
    let mut line = tested_with_page(page_modem(Answer::frame(&MCF, "OK")), &seen, &sheet);
    assert_eq!(seen.told()[3..], [("loop-call", "passed"), ("test-page", "passed")]);
    let steps = seen.steps.borrow();
    let Outcome::Passed(found) = &steps[4].outcome else { panic!("{steps:?}") };
    assert!(found.starts_with("page confirmed at 14400 bit/s, no ECM, MH, after "), "{found}");
    assert!(
        found.ends_with("by a machine without a name; its id is 00000000000000000000000007"),
        "{found}"
    );
    let arrived = line.port().log.iter().any(|done| match done {
        Done::Data(octets) => {
            coded::decoded(octets, &page(), t30::Coding::Mh).as_ref() == Some(&page())
        }
        _ => false,
    });
    assert!(arrived, "no data on the line are the page");
    assert_eq!((seen.dialled.get(), seen.answered.get(), seen.traces.get()), (2, 1, 2));
}

#[test]
fn page_of_a_test_that_is_not_confirmed_is_a_failure_and_names_the_ending() {
    let seen = Seen::default();
    tested_with_page(page_modem(Answer::nothing()), &seen, &sheet);
    let steps = seen.steps.borrow();
    let Outcome::Failed { code, what_to_do } = &steps[4].outcome else { panic!("{steps:?}") };
    assert_eq!(*code, "test-page-not-confirmed");
    assert!(what_to_do.contains("(no-reply-after-page)"), "{what_to_do}");
}

#[test]
fn page_that_cannot_be_drawn_makes_no_call() {
    let seen = Seen::default();
    let ink = || Err(NoSheet::from(tagline::StampError::Ink { row: 3 }));
    tested_with_page(page_modem(Answer::nothing()), &seen, &ink);
    assert_eq!(seen.told()[4], ("test-page", "tag-line-ink"));
    assert_eq!(seen.dialled.get(), 1, "the other line only");
}

#[test]
fn dead_modem_ends_the_test_and_says_what_to_do() {
    let mut modem = FakeModem::new().on("AT", [Answer::dead()]);
    modem.has_dtr = false;
    let seen = Seen::default();
    tested(modem, 0, &seen);
    assert_eq!(seen.told(), [("modem", "modem-silent")]);
}

#[test]
fn line_without_dial_tone_is_not_dialled_on() {
    let seen = Seen::default();
    let mut line = tested(FakeModem::new().on("ATDT;", [Answer::says("NO DIALTONE")]), 0, &seen);
    assert_eq!(
        seen.told()[2..],
        [("dial-tone", "no-dial-tone"), ("loop-call", "skipped"), ("test-call", "skipped")]
    );
    assert!(!line.port().commands().iter().any(|command| command.starts_with("ATDT0")));
}

#[test]
fn modem_of_another_country_is_told() {
    let seen = Seen::default();
    let modem = modem().on("AT+GCI?", [Answer::says("+GCI: B5\nOK")]);
    tested(modem.on("ATDT03", [Answer::says("BUSY")]), 0, &seen);
    assert_eq!(seen.told()[1], ("country", "country-not-set"));
}

#[test]
fn other_line_that_does_not_ring_or_answers_as_a_fax_is_told_apart() {
    for (says, expected) in [
        (Answer::says("NO CARRIER"), "loop-silent"),
        (Answer::says("BUSY"), "skipped"),
        (Answer::frame(&DIS, "OK"), "loop-answered"),
    ] {
        let seen = Seen::default();
        let modem = modem().on("ATDT03", [says, Answer::says("BUSY")]);
        tested(modem, u64::MAX, &seen);
        assert_eq!(seen.told()[3..], [("loop-call", expected), ("test-call", "skipped")]);
    }
}

#[test]
fn line_that_could_not_dial_says_so_and_nothing_of_the_numbers() {
    for (says, expected) in [
        ("NO DIALTONE", "no-dial-tone"),
        ("BLACKLISTED", "dial-refused"),
        ("DELAYED", "dial-refused"),
    ] {
        let seen = Seen::default();
        let modem = modem().on("ATDT03", [Answer::says(says), Answer::says(says)]);
        tested(modem, u64::MAX, &seen);
        assert_eq!(seen.told()[3..], [("loop-call", expected), ("test-call", expected)], "{says}");
    }
    let no_current = |answered| CallReport {
        ending: Ending::HungUp(modem::HungUp::of(modem::Class::Two, "3")),
        page_started: false,
        pages_confirmed: 0,
        phase: None,
        csi: None,
        contract: None,
        t85: t30::T85::Unasked,
        times: modem::CallTimes { answered, ..modem::CallTimes::default() },
        hang_up_verified: true,
        trace: modem::Trace::default(),
    };
    let failed = could_not_dial(&no_current(None));
    assert!(matches!(failed, Some(Outcome::Failed { code: "no-loop-current", .. })), "{failed:?}");
    assert_eq!(could_not_dial(&no_current(Some(Duration::ZERO))), None, "somebody was reached");
}

#[test]
fn test_number_without_a_fax_is_told() {
    let seen = Seen::default();
    let modem = modem().on("ATDT03", [Answer::nothing(), Answer::says("NO ANSWER")]);
    tested(modem, 20, &seen);
    assert_eq!(seen.told()[4], ("test-call", "test-call-no-fax"));
}

#[test]
fn call_without_leave_is_asked_for_and_not_dialled() {
    let seen = Seen { forbids: true, ..Seen::default() };
    let mut line = tested(modem(), u64::MAX, &seen);
    assert_eq!(seen.told()[3..], [("loop-call", "skipped"), ("test-call", "skipped")]);
    assert_eq!((seen.dialled.get(), seen.traces.get()), (2, 0));
    assert!(!line.port().commands().iter().any(|command| command.starts_with("ATDT0")));
}

#[test]
fn gateway_that_stops_begins_no_step() {
    let seen = Seen { stops: true, ..Seen::default() };
    let mut line = tested(modem(), 0, &seen);
    assert!(seen.told().iter().all(|(_, outcome)| *outcome == "skipped"));
    assert!(line.port().commands().is_empty());
}
