//! Whole calls over the scripted modem with the real store: what is on disk when the plug is pulled.

use std::path::PathBuf;

use modem::fake::{Answer, FakeModem};
use modem::{Line, LineSettings};
use t30::Millis;

use super::*;
use crate::job::examples::{self, TUESDAY_10_00 as NOW};
use crate::job::{AttemptState, FaxBecause, JobState, Kind, NewJob};
use crate::office::identity::Said;
use crate::office::known::Lock;
use crate::office::rate::Rate;
use crate::queue::HoldReason;
use crate::queue::contract::{accept, claim, client, request, to_number};
use crate::queue::sqlite::{Sqlite, StoreKey};
use crate::render::{Proof, SiteFace};

/// Fine, MH, V.17, no ECM, 0 ms (T.30 table 2), bit 0 first; and the far end's two answers.
const DIS: [u8; 6] = [0xFF, 0x13, 0x80, 0x00, 0x6E, 0x70];
const CFR: [u8; 3] = [0xFF, 0x13, 0x84];
const MCF: [u8; 3] = [0xFF, 0x13, 0x8C];
const PLUGS_PULLED: u32 = 1000;

struct At(UnixMillis);

impl Clock for At {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

/// A modem whose every step takes a time, with a far end that takes the page.
fn script(modem: FakeModem) -> FakeModem {
    let slow = |answer: Answer| answer.after(Duration::from_millis(900));
    let mut modem = modem
        .on("ATD", [Answer::frame(&DIS, "OK").after(Duration::from_secs(9))])
        .on(
            "AT+FRH=3",
            [slow(Answer::frame(&CFR, "OK")), slow(Answer::frame(&MCF, "OK")), Answer::nothing()],
        )
        .on("DATA", [slow(Answer::says("OK"))])
        .on("AT+FRS", [slow(Answer::says("OK"))])
        .on("ATH0", [slow(Answer::says("OK"))]);
    modem.octets_per_s = Some(2000);
    modem.log.clear();
    modem
}

fn settings() -> FaxSettings {
    FaxSettings {
        line: LineSettings {
            name: "line1".into(),
            device: PathBuf::from("/dev/fake"),
            baud: 115_200,
            dial_prefix: String::new(),
            country: Some(0),
            modem: None,
            class: None,
            answer_wait: Duration::from_secs(60),
            call_limit: Duration::from_secs(600),
        },
        tsi: None,
        limits: LineLimits {
            line: "line1".into(),
            fastest: Rate(t30::Modulation::V17At14400),
            ecm: false,
        },
    }
}

/// A page of rows that are coded in many octets.
fn sheets() -> Sheets {
    let mut fine = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..100_u8 {
        let pels: Vec<u8> = (0..fine.row_octets()).map(|octet| row ^ octet as u8).collect();
        fine.push_row(&pels).expect("a row");
    }
    Sheets { standard: standard(&fine), fine, proof: Proof::of_nothing() }
}

/// A fine page at 3.85 line/mm.
fn standard(fine: &t4::Page) -> t4::Page {
    fine.scaled_to(fine.width_pels(), t4::Resolution::Standard).expect("half as long")
}

fn desk(store: Sqlite, runtime: &tokio::runtime::Runtime) -> Desk {
    let worker = sheet::WorkerSettings {
        program: PathBuf::from("/nonexistent"),
        templates: PathBuf::new(),
        fonts: Vec::new(),
        deadline: Duration::from_secs(1),
        memory_limit: 0,
    };
    Desk {
        queue: Arc::new(store),
        renderer: Arc::new(Renderer::new(SiteFace::default(), worker)), // asked for nothing: the sheets are there
        marks: SheetMarks::new(&[1; 32]),
        clock: Arc::new(At(NOW)),
        board: ProgressBoard::default(),
        windows: Windows::Always,
        on_absent: OnAbsent::Send,
        stopping: AtomicBool::new(false),
        runtime: runtime.handle().clone(),
    }
}

#[test]
fn dead_telephone_line_is_a_fault_of_the_line_and_a_silent_far_end_is_none() {
    let report = |ending| CallReport { ending, ..not_called("for the test") };
    let code = |ending| line_fault(&report(ending)).map(|fault| fault.code);
    let no_current = || modem::HungUp::of(modem::Class::Two, "3");
    assert_eq!(code(Ending::NoDialTone), Some("no-dial-tone"));
    assert_eq!(code(Ending::HungUp(no_current())), Some("no-loop-current"));
    let times = CallTimes { answered: Some(Duration::from_secs(9)), ..CallTimes::default() };
    let cut_off = CallReport { times, ..report(Ending::HungUp(no_current())) };
    assert!(line_fault(&cut_off).is_none(), "the line carried a call");
    assert!(LineFault::no_dial_tone().is_of_the_line());
    for ending in [Ending::NoAnswer, Ending::NoCarrier, Ending::Busy, Ending::Stopped] {
        assert_eq!(code(ending), None);
    }
    let off_hook = CallReport { hang_up_verified: false, ..report(Ending::NoDialTone) };
    assert_eq!(line_fault(&off_hook).map(|fault| fault.code), Some("modem-off-hook"));
}

#[test]
fn plugs_pulled_at_1000_random_moments_leave_the_truth_in_the_store_and_the_line_in_use() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let settings = settings();
    let mut line = Line::with_port(settings.line.clone(), FakeModem::new()).expect("a modem");
    let mut random = 0x2026_1125_u64;
    let mut below = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % limit
    };
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    // Nobody pulls anything in the first call: it tells how long one takes.
    let mut call_ms = None;
    let coded = sheets().coded().expect("a sheet");
    for number in 0..=PLUGS_PULLED {
        *line.port() = script(std::mem::take(line.port()));
        let begins = line.port().now();
        let pulled = Millis(begins.0 + call_ms.map_or(u64::MAX / 2, &mut below));
        let back = Millis(pulled.0 + 1 + below(60_000));
        line.port().pulled = Some((pulled, back));

        let to = to_number(&format!("035{number:07}"));
        let id = accept(desk.queue.as_ref(), request(&format!("key-{number}"), to));
        let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
        let mut host = FaxHost::new(&desk, &claim);
        let report = call_over(&mut line, &settings, coded.clone(), &mut host);
        let fault = line_fault(&report);
        host.finish(&report).expect("the store takes it");

        let view = desk.queue.show(client(), id).wait().expect("the store answers");
        let view = view.expect("the job is there");
        let attempt = view.attempts.last().expect("an attempt");
        let commands: Vec<String> =
            line.port().commands().iter().map(|command| (*command).to_owned()).collect();
        let asked = |command: &str| commands.iter().filter(|given| *given == command).count();
        let page_may_have_left = asked("AT+FTM=146") > 0;
        match attempt.state {
            AttemptState::Confirmed => {
                assert_eq!(view.state, JobState::Confirmed);
                let answers = asked("AT+FRH=3");
                assert!(page_may_have_left && answers >= 2, "nobody confirmed: {report:?}");
            }
            AttemptState::NotSent => {
                assert_eq!(view.state, JobState::Waiting, "{report:?}");
                assert!(!page_may_have_left, "a page octet may have left: {report:?}");
                assert!(fault.is_some_and(|fault| fault.is_absence()), "{report:?}");
            }
            AttemptState::Uncertain => {
                assert_eq!((view.state, view.due_at), (JobState::Uncertain, None));
                assert!(page_may_have_left, "nothing left: {report:?}");
            }
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff => panic!("the attempt is left open: {report:?}"),
        }
        *seen.entry(attempt.state.as_str()).or_default() += 1;
        let Some(_) = call_ms else {
            assert_eq!(attempt.state, AttemptState::Confirmed, "{report:?}");
            call_ms = Some(line.port().now().0 - begins.0);
            continue;
        };

        while line.make_ready().is_err() {
            assert!(line.port().now().0 < back.0 + 10_000, "the line is stuck: {report:?}");
            line.port().rest(Duration::from_secs(2));
        }
        line.port().pulled = None;
        line.make_ready().expect("the plug is in");
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 3, "the moments were to meet every phase: {seen:?}");
}

#[test]
fn call_that_was_drawn_when_everything_was_held_is_not_dialled_and_waits_without_a_try() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let id = accept(desk.queue.as_ref(), request("a", |_| {}));
    let drawn = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
    assert_eq!(desk.queue.hold_all(HoldReason::Person, None, NOW).wait(), Ok(true));
    let mut line = Line::with_port(settings().line, script(FakeModem::new())).expect("a modem");
    let mut host = FaxHost::new(&desk, &drawn);
    let coded = sheets().coded().expect("a sheet");
    let report = call_over(&mut line, &settings(), coded, &mut host);
    assert_eq!(host.finish(&report), Ok("held-back"));
    assert!(!line.port().commands().iter().any(|command| command.starts_with("ATD")));
    let view = desk.queue.show(client(), id).wait().expect("answers").expect("is there");
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Waiting, Some("interrupted")));
    assert!(desk.queue.release_all().wait().is_ok());
    let due = view.due_at.expect("it waits");
    let again = claim(desk.queue.as_ref(), due, "line1").expect("it goes on");
    assert_eq!(again.standing.dials, 0);
}

#[test]
fn page_that_was_confirmed_while_somebody_else_held_the_store_is_written_down_afterwards() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("queue.db");
    let store = Sqlite::open(&path, &StoreKey::new([1; 32]), Windows::Always, NOW);
    let desk = desk(store.expect("a store").0, &runtime);
    let id = accept(desk.queue.as_ref(), request("a", |_| {}));
    let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
    let mut host = FaxHost::new(&desk, &claim);
    assert_eq!((host.dial_starts(), host.page_starts(0)), (Go::On, Go::On));
    let technician = rusqlite::Connection::open(&path).expect("opens");
    technician.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let goes_home = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2)); // longer than the store waits by itself
        technician.execute_batch("ROLLBACK")
    });
    let delivered = CallReport {
        ending: Ending::Delivered,
        page_started: true,
        pages_confirmed: 1,
        ..not_called("for the test")
    };
    assert_eq!(host.finish(&delivered), Ok("delivered"));
    goes_home.join().expect("no panic").expect("rolled back");
    let view = desk.queue.show(client(), id).wait().expect("answers").expect("is there");
    assert_eq!(view.state, JobState::Confirmed);
}

#[test]
fn what_a_technician_says_between_claim_and_identity_counts_in_the_call_that_is_on() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    accept(desk.queue.as_ref(), request("a", to_number("0312345678")));
    let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
    let number = || FaxNumber::parse("0312345678").expect("valid");
    let says = |csi: &str| {
        let far_end = t30::FarEnd { csi: Some(csi.into()), dis: Vec::new(), nsf: None };
        FaxHost::new(&desk, &claim).far_end(&far_end)
    };
    let set = |identity| {
        let lock = Lock {
            fastest: None,
            no_ecm: false,
            no_t85: false,
            identity: Said::read(identity),
            at: NOW,
        };
        assert_eq!(desk.queue.lock(number(), Some(lock), NOW).wait(), Ok(true));
    };
    assert_eq!(says("OTHER CENTER"), Go::On, "nothing was known at the claim");
    set("CARE CENTER");
    assert_eq!((says("OTHER CENTER"), says("CARE CENTER")), (Go::Stop, Go::On));
    assert_eq!(desk.queue.forget(number(), NOW).wait(), Ok(true));
    assert_eq!(says("OTHER CENTER"), Go::On);
}

#[test]
fn silent_machine_gets_a_notice_where_the_settings_refuse_it_a_key_and_another_number_gets_neither()
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = Desk { on_absent: OnAbsent::Refuse, ..desk(store.expect("a store").0, &runtime) };
    for (place, kind) in (0..).zip(Kind::ALL) {
        let number = FaxNumber::parse(&format!("035555000{place}")).expect("valid");
        let change = |job: &mut NewJob| {
            job.content = examples::of(*kind).content;
            job.recipient.fax = number;
        };
        accept(desk.queue.as_ref(), request(kind.as_str(), change));
        let claim = claim(desk.queue.as_ref(), NOW, &format!("line{place}")).expect("it is due");
        let answers = |csi: Option<&str>| {
            let csi = csi.map(Into::into);
            FaxHost::new(&desk, &claim).far_end(&t30::FarEnd { csi, dis: Vec::new(), nsf: None })
        };
        let to_silence = if kind.has_secret() { Go::Stop } else { Go::On };
        assert_eq!(
            (answers(None), answers(Some("CARE CENTER"))),
            (to_silence, to_silence),
            "{kind}"
        );
        assert_eq!(answers(Some("06 9999 9999")), Go::Stop, "{kind}");
    }
}

#[test]
fn sheet_of_a_call_has_its_tag_line_at_both_resolutions_and_below_it_what_was_drawn() {
    let bits = |rows: usize| {
        let mut bits = vec![0; 216 * rows];
        bits[216 * 23..].fill(0x18);
        bits
    };
    let drawn = || {
        let fine = t4::Page::from_bits(t4::WIDTH_A4_PELS, t4::Resolution::Fine, bits(60));
        let fine = fine.expect("a page");
        Sheets { standard: standard(&fine), fine, proof: Proof::of_nothing() }
    };
    let tag_line =
        TagLine { at: NOW, sender: "書類交換サイト", tsi: None, receiver: "あおば" };
    let sheets = drawn().stamped(&tag_line).expect("white at the top");
    let drawn_once = drawn();
    for (before, after) in
        [(&drawn_once.fine, &sheets.fine), (&drawn_once.standard, &sheets.standard)]
    {
        let top = tagline::rows(before.resolution());
        let same = |row: &u32| before.row(*row) == after.row(*row);
        assert!((top..before.rows()).all(|row| same(&row)) && !(0..top).all(|row| same(&row)));
    }
    let later = TagLine { at: UnixMillis(NOW.0 + 60_000), ..tag_line };
    let again = drawn().stamped(&later).expect("white at the top");
    let marks = SheetMarks::new(&[1; 32]);
    assert_ne!(marks.of(&again.fine), marks.of(&sheets.fine), "another call");
    let others = SheetMarks::new(&[2; 32]);
    assert_ne!(marks.of(&again.fine), others.of(&again.fine), "nobody can tell without the key");
}

#[test]
fn sheet_with_ink_where_the_tag_line_goes_is_not_sent() {
    let tag_line = TagLine { at: NOW, sender: "", tsi: None, receiver: "" };
    let error = NoSheet::from(sheets().stamped(&tag_line).err().expect("ink in row 0"));
    assert_eq!(error.code(), "tag-line-ink");
}

/// Fine, ECM, MR, MMR and T.85 (T.30 table 2, bit 78), bit 0 first.
const DIS_T85: [u8; 13] =
    [0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
const DCN: [u8; 3] = [0xFF, 0x13, 0xFA];

/// Slanted strokes, which T.85 has in the fewest octets and MMR in the next.
fn strokes() -> Sheets {
    let mut fine = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..600_usize {
        let mut pels = vec![0_u8; fine.row_octets()];
        let black =
            (0..1728).filter(|pel| (pel + row / 3) % 97 < 6 && (row / 40 + pel / 300) % 3 > 0);
        black.for_each(|pel| pels[pel / 8] |= 0x80 >> (pel % 8));
        fine.push_row(&pels).expect("a row");
    }
    Sheets { standard: standard(&fine), fine, proof: Proof::of_nothing() }
}

#[test]
fn machine_that_offers_t85_and_hangs_up_on_the_page_gets_its_next_one_in_mmr_and_people_read_why() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let mut settings = settings();
    settings.limits.ecm = true;
    let mut line = Line::with_port(settings.line.clone(), FakeModem::new()).expect("a modem");
    let mut call = |key: &str, after_the_page: &[u8]| {
        *line.port() = script(std::mem::take(line.port()))
            .on("ATD", [Answer::frame(&DIS_T85, "OK").after(Duration::from_secs(9))])
            .on(
                "AT+FRH=3",
                [Answer::frame(&CFR, "OK"), Answer::frame(after_the_page, "OK"), Answer::nothing()],
            );
        let id = accept(desk.queue.as_ref(), request(key, to_number("0312345678")));
        let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
        let mut host = FaxHost::new(&desk, &claim);
        let report =
            call_over(&mut line, &settings, strokes().coded().expect("a sheet"), &mut host);
        host.finish(&report).expect("the store takes it");
        let view = desk.queue.show(client(), id).wait().expect("the store answers");
        let attempt = view.expect("the job is there").attempts.pop().expect("an attempt");
        let (_, _, terms) =
            attempt.rungs.into_iter().find(|rung| rung.0 == "settings").expect("it");
        (
            attempt.state,
            attempt.receipt.expect("a receipt")["contract"]["coding"].clone(),
            terms["seen"].clone(),
        )
    };
    let (state, coding, terms) = call("a", &DCN);
    assert_eq!((state, coding), (AttemptState::Uncertain, json!("T.85")));
    assert_eq!((&terms["t85"], &terms["why"]), (&json!(true), &json!(null)));
    let (state, coding, terms) = call("b", &MCF);
    assert_eq!((state, coding), (AttemptState::Confirmed, json!("MMR")));
    // It is called slower too: no word after a page may be the line's fault as well.
    assert_eq!((&terms["t85"], &terms["why"]), (&json!(false), &json!("t85-trouble, v17-trouble")));
}

#[test]
fn octets_that_are_not_the_sheet_end_the_call_before_the_page_and_nobody_is_called_again() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let modem = script(FakeModem::new());
    let mut line = Line::with_port(settings().line, modem).expect("a modem");
    let id = accept(desk.queue.as_ref(), request("a", to_number("0312345678")));
    let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
    let coded = |sheets: Sheets| sheets.coded().expect("a sheet");
    let wrong = coded(sheets()).with_octets_of(coded(strokes()));
    let mut host = FaxHost::new(&desk, &claim);
    let report = call_over(&mut line, &settings(), wrong, &mut host);
    host.finish(&report).expect("the store takes it");

    let commands = line.port().commands();
    assert!(commands.contains(&"AT+FTM=145"), "it was trained: {commands:?}");
    assert!(!commands.contains(&"AT+FTM=146"), "a page left: {commands:?}");
    let view = desk.queue.show(client(), id).wait().expect("the store answers");
    let view = view.expect("the job is there");
    let attempt = view.attempts.last().expect("an attempt");
    assert_eq!(attempt.state, AttemptState::NotSent, "{report:?}");
    assert_eq!(attempt.code.as_deref(), Some("sheet-octets-wrong"));
    assert_eq!((view.state, view.due_at), (JobState::Failed, None));
}

#[test]
fn sheet_that_fails_each_time_is_tried_six_times_within_a_day_and_then_its_notification_fails() {
    struct Moved(std::sync::atomic::AtomicI64);
    impl Clock for Moved {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0.load(Ordering::Acquire))
        }
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let clock = Arc::new(Moved(NOW.0.into()));
    // The worker of this desk does not exist.
    let desk = Desk { clock: clock.clone(), ..desk(store.expect("a store").0, &runtime) };
    let queue = Arc::clone(&desk.queue);
    let mut carrier = FaxCarrier::new(Arc::new(desk), settings());
    let day = Duration::from_secs(24 * 60 * 60);
    let id = accept(queue.as_ref(), request("a", |job| job.not_after = NOW.after(30 * day)));
    let mut tries = 0;
    let view = loop {
        let claim = claim(queue.as_ref(), clock.now(), "line1").expect("it is due");
        assert_eq!((claim.standing.in_vain, claim.standing.dials), (tries, 0));
        let carried = carrier.carry(claim).expect("the store takes it");
        assert_eq!((carried.code, carried.fault.is_none()), ("sheet-failed", true));
        tries += 1;
        let view = queue.show(client(), id).wait().expect("the store answers");
        let view = view.expect("the job is there");
        let Some(due) = view.due_at else { break view };
        clock.0.store(due.0, Ordering::Release);
    };
    assert_eq!((tries, view.state), (6, JobState::Failed));
    assert!(clock.now() < NOW.after(day), "its client waits for days");
}

/// The worker of this build, and the shipped templates.
fn renderer() -> Renderer {
    let here = std::env::current_exe().expect("a test has a path"); // target/<profile>/deps/<test>
    let folder = here.parent().and_then(std::path::Path::parent).expect("target/<profile>");
    let program = folder.join("shirase-sheet");
    assert!(program.exists(), "{} is missing: `make build`", program.display());
    let worker = sheet::WorkerSettings {
        program,
        templates: std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax"),
        fonts: vec![PathBuf::from("/usr/share/fonts/truetype/bizud-gothic")],
        deadline: Duration::from_secs(60),
        memory_limit: 1 << 30,
    };
    let site = SiteFace { url: "https://exchange.example.jp/".into(), ..SiteFace::default() };
    Renderer::new(site, worker)
}

#[test]
fn notice_that_nobody_confirmed_goes_again_as_the_second_sheet_and_then_the_third_and_says_so() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let desk = Arc::new(Desk { renderer: Arc::new(renderer()), ..desk });
    let carrier = FaxCarrier::new(Arc::clone(&desk), settings());
    let change = |job: &mut NewJob| job.content = examples::of(Kind::Message).content;
    let id = accept(desk.queue.as_ref(), request("a", change));
    let first = desk.renderer.draw(id, &examples::of(Kind::Message)).expect("a sheet").fine.page;

    let mut line = Line::with_port(settings().line, FakeModem::new()).expect("a modem");
    let (mut due, mut pages) = (NOW, Vec::new());
    for copy in 1..=3 {
        let claim = claim(desk.queue.as_ref(), due, "line1").expect("it is due");
        assert_eq!(claim.standing.copy(), copy);
        let sheets = carrier.sheets(&claim).expect("a sheet");
        pages.push(sheets.page(t30::Resolution::Fine).clone());
        // The far end takes the page and says nothing more.
        *line.port() = script(std::mem::take(line.port()))
            .on("AT+FRH=3", [Answer::frame(&CFR, "OK"), Answer::nothing()]);
        let mut host = FaxHost::new(&desk, &claim);
        let report = call_over(&mut line, &settings(), sheets, &mut host);
        host.finish(&report).expect("the store takes it");
        let view = desk.queue.show(client(), id).wait().expect("the store answers");
        let view = view.expect("the job is there");
        let last = view.attempts.last().expect("an attempt");
        assert_eq!(last.state, AttemptState::Uncertain, "{report:?}");
        match copy {
            3 => assert_eq!((view.state, view.due_at), (JobState::Uncertain, None)),
            _ => due = view.due_at.expect("it goes again"),
        }
    }
    // Only the first may look as if it were the only one.
    let below_tag_line = |page: &t4::Page| {
        (tagline::rows(page.resolution())..page.rows())
            .filter_map(|row| page.row(row).map(<[u8]>::to_vec))
            .collect::<Vec<_>>()
    };
    let [one, two, three] = [0, 1, 2].map(|at| below_tag_line(&pages[at]));
    assert!(one == below_tag_line(&first), "the first sheet is marked");
    assert!(two != one, "the second is not");
    assert!(three != two && three != one, "the third does not say that it is the third");
}

#[test]
fn notice_that_a_mail_was_to_tell_says_on_its_sheet_why_it_comes_by_fax() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(
        &folder.path().join("queue.db"),
        &StoreKey::new([1; 32]),
        Windows::Always,
        NOW,
    );
    let desk = desk(store.expect("a store").0, &runtime);
    let desk = Arc::new(Desk { renderer: Arc::new(renderer()), ..desk });
    let carrier = FaxCarrier::new(Arc::clone(&desk), settings());
    let change = |job: &mut NewJob| job.content = examples::of(Kind::Message).content;
    accept(desk.queue.as_ref(), request("a", change));
    let claim = claim(desk.queue.as_ref(), NOW, "line1").expect("it is due");
    let page = |claim: &Claim| {
        let sheets = carrier.sheets(claim).expect("a sheet");
        sheets.page(t30::Resolution::Fine).clone()
    };
    let plain = page(&claim);
    assert!(plain == page(&claim), "the clock stands");
    let claim = Claim { because: Some(FaxBecause::MailUnread), ..claim };
    assert!(plain != page(&claim));
}
