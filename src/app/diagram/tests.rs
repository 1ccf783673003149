//! Ladders of calls that a scripted modem played, as files that are reviewed; `GOLDEN=rewrite` writes them.

use std::path::PathBuf;
use std::time::Duration;

use modem::fake::{Answer, FakeModem, Script};
use modem::{Call, CallHost, CallReport, Class, Go, Line, LineSettings, Octets, Progress, Replay};

use super::*;

// Frames as a Class 1 modem hands them over: bit 0 first on the line.
const CSI: &[u8] = b"\xFF\x03\x408765 4321 30        ";
const DIS: &[u8] = &[0xFF, 0x13, 0x80, 0x00, 0x6E, 0x70]; // fine, MH, V.17, no ECM
const DIS_ECM: &[u8] = &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44];
const CFR: &[u8] = &[0xFF, 0x13, 0x84];
const FTT: &[u8] = &[0xFF, 0x13, 0x44];
const MCF: &[u8] = &[0xFF, 0x13, 0x8C];
const RNR: &[u8] = &[0xFF, 0x13, 0xEC];

/// Who says yes, or no to the far end.
struct Host {
    far_end: Go,
}

impl CallHost for Host {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }
    fn far_end(&mut self, _: &t30::FarEnd) -> Go {
        self.far_end
    }
    fn lengths(&mut self, _: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        (1..=contracts.len()).rev().map(|place| place * 1_000).collect()
    }
    fn page(&mut self, _: u16, _: &t30::Contract) -> Vec<u8> {
        vec![0x55; 9_000]
    }
    fn page_starts(&mut self, _: u16) -> Go {
        Go::On
    }
    fn page_confirmed(&mut self, _: modem::PageConfirmed) {}
    fn result_before_hang_up(&mut self, _: &CallReport) {}
    fn progress(&mut self, _: Progress) {}
    fn cancelled(&self) -> bool {
        false
    }
}

fn ppr(octet: u8) -> Vec<u8> {
    [&[0xFF, 0x13, 0xBC, octet][..], &[0; 31]].concat()
}

fn dialled(first: &[u8]) -> FakeModem {
    let mut modem = FakeModem::new()
        .on("ATD", [Answer::frame(first, "OK").after(Duration::from_millis(9_240))]);
    modem.octets_per_s = Some(1_800);
    modem
}

fn heard(frames: &[&[u8]]) -> Vec<Answer> {
    let frame = |frame: &&[u8]| Answer::frame(frame, "OK").after(Duration::from_millis(1_250));
    frames.iter().map(frame).chain([Answer::nothing()]).collect()
}

fn trace(modem: FakeModem, far_end: Go) -> Trace {
    trace_in(None, modem, far_end)
}

fn trace_in(class: Option<Class>, modem: FakeModem, far_end: Go) -> Trace {
    let settings = LineSettings {
        name: "line1".into(),
        device: PathBuf::from("/dev/fake"),
        baud: 115_200,
        dial_prefix: String::new(),
        country: None,
        modem: None,
        class,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(600),
    };
    let call = Call {
        digits: "0312345678".into(),
        tsi: Some("+81 3 1111 2222".into()),
        pages: 1,
        fine: true,
        ecm: true,
        t85: true,
        fastest: t30::Modulation::V17At14400,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
    };
    Line::with_port(settings, modem).expect("ready").call(&call, &mut Host { far_end }).trace
}

fn calls() -> Vec<(&'static str, Trace)> {
    let damaged = Answer::frame(MCF, "ERROR").after(Duration::from_millis(1_250));
    let mut after_damage = heard(&[DIS, CFR]);
    after_damage.pop();
    after_damage.extend([damaged, Answer::nothing(), Answer::frame(MCF, "OK")]);
    vec![
        ("delivered", trace(dialled(CSI).on("AT+FRH=3", heard(&[DIS, CFR, MCF])), Go::On)),
        (
            "ecm_with_repeated_frames_and_a_busy_receiver",
            trace(
                dialled(CSI)
                    .on("AT+FRH=3", heard(&[DIS_ECM, FTT, FTT, CFR, &ppr(0b1000_0110), RNR, MCF])),
                Go::On,
            ),
        ),
        ("mcf_damaged_then_repeated", trace(dialled(CSI).on("AT+FRH=3", after_damage), Go::On)),
        ("other_machine_refused", trace(dialled(CSI).on("AT+FRH=3", heard(&[DIS])), Go::Stop)),
        ("silence_after_training", trace(dialled(CSI).on("AT+FRH=3", heard(&[DIS])), Go::On)),
        (
            "class_2_the_modem_has_the_session",
            trace_in(Some(Class::Two), Script::new(Class::Two).modem(), Go::On),
        ),
        ("busy", trace(FakeModem::new().on("ATD", [Answer::says("BUSY")]), Go::On)),
        (
            "modem_stuck_in_the_page",
            trace(
                dialled(CSI).on("AT+FRH=3", heard(&[DIS, CFR])).on("AT+FTM=146", [Answer::stuck()]),
                Go::On,
            ),
        ),
    ]
}

#[test]
fn every_call_is_drawn_as_reviewed_and_replays_to_the_same() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ladders");
    let rewrite = std::env::var_os("GOLDEN").is_some_and(|word| word == "rewrite");
    for (name, trace) in calls() {
        let path = folder.join(name).with_extension("txt");
        let got = draw(&trace, Style::default()) + "\n";
        if rewrite {
            std::fs::write(&path, &got).expect("written");
        }
        let reviewed = std::fs::read_to_string(&path).expect(name);
        assert_eq!(got, reviewed, "{name}: look at it, then GOLDEN=rewrite");
        let again = modem::replay(&trace);
        let same = matches!(again, Replay::Same { .. } | Replay::NoSession);
        assert!(same, "{name}: {again:?}");
    }
}

#[test]
fn dialogue_with_the_modem_is_drawn_when_asked_for_or_when_there_is_nothing_else() {
    let (_, delivered) = calls().swap_remove(0);
    let with = draw(&delivered, Style { at: true, colour: false });
    assert!(with.contains("> AT+FTH=3") && with.contains("< CONNECT"), "{with}");
    assert!(!draw(&delivered, Style::default()).contains("AT+FTH"));
    let without_session = Trace {
        entries: vec![Entry { at_ms: 0, what: What::Command("AT+FDT".into()) }],
        dropped: 0,
    };
    assert!(draw(&without_session, Style::default()).contains("> AT+FDT"));
}

#[test]
fn hostile_trace_is_drawn_in_80_columns_of_plain_text() {
    let wicked = "\x1b[2J\u{202e}日本\r\n\0 and a word that is much longer than any line of this can ever be, \
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let text = || wicked.to_owned();
    let entries = [
        What::Command(format!("ATD{wicked}")),
        What::Reply(text()),
        What::HangUp { means: text(), verified: false },
        What::Fault { code: text(), says: text() },
        What::Control {
            silence_ms: u64::MAX,
            frames: vec![Octets(vec![0x1B; 300]), Octets(vec![])],
        },
        What::Carrier {
            silence_ms: 0,
            modulation: text(),
            short: true,
            page: Some(u16::MAX),
            octets: usize::MAX,
        },
        What::Listen { until_ms: i64::MIN },
        What::Frame(Octets(b"\xFF\x03\x40\x1b[2J\x07".to_vec())),
        What::Quiet,
        What::AskLengths { page: u16::MAX, codings: vec![text(), text()] },
        What::Lengths(vec![usize::MAX; 9]),
        What::AskPage { page: u16::MAX, contract: text() },
        What::MayStart(true),
        What::Confirmed { page: u16::MAX },
        What::Ended { code: text(), says: text() },
    ];
    for at_ms in [i64::MIN, 0, i64::MAX] {
        let entries = entries.iter().flat_map(|what| {
            [at_ms, -at_ms.saturating_abs()].map(|at_ms| Entry { at_ms, what: what.clone() })
        });
        let trace = Trace { entries: entries.collect(), dropped: u32::MAX };
        let drawn = draw(&trace, Style { at: true, colour: false });
        for line in drawn.lines() {
            assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{line:?}");
            assert!(at_ms != 0 || line.len() <= WIDTH, "{line:?}");
        }
        assert!(trace.entries.iter().all(|entry| say(&entry.what).is_ascii()));
        drop(modem::replay(&trace));
    }
}
