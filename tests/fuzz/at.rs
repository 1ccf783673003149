//! Any answers of a modem to the commands of a call, in any class: the call ends in time, and a page
//! that is reported as confirmed was started and had a word of confirmation.
#![no_main]

use std::path::PathBuf;
use std::time::Duration;

use arbitrary::Arbitrary;
use modem::fake::{Answer, FakeModem};
use modem::{Call, CallHost, CallReport, Class, Ending, Go, Line, LineSettings, PageConfirmed};
use modem::{Port as _, Progress};
use t30::Modulation;

/// A modem and its answers, each to one of [`COMMANDS`].
#[derive(Arbitrary, Debug)]
struct Modem {
    class: u8,
    /// Whether it can be set up: else the answers are for the setting up too.
    good: bool,
    answers: Vec<(u8, Said)>,
}

#[derive(Arbitrary, Debug)]
enum Said {
    Octets {
        octets: Vec<u8>,
        after: u16,
    },
    Lines {
        octets: Vec<u8>,
        after: u16,
    },
    /// A frame behind CONNECT, and OK.
    Frame {
        known: u8,
        more: Vec<u8>,
    },
    /// One of [`WORDS`].
    Word {
        word: u8,
        after: u16,
    },
    TakesData {
        octets: Vec<u8>,
    },
    Nothing,
    Dead,
    Stuck,
    Unplugged,
}

/// Those of the call come first: with a good modem there are no others.
const COMMANDS: [&str; 20] = [
    "ATD",
    "AT+FRH=3",
    "AT+FTH=3",
    "AT+FTM",
    "AT+FTS",
    "AT+FRS",
    "DATA",
    "ATH",
    "AT+FDT",
    "AT+FET",
    "AT+FK",
    "AT+FDIS",
    "AT+FIS",
    "ATI",
    "AT+FCLASS",
    "AT+FMI",
    "AT+FMM",
    "AT+FCC",
    "AT+FDCC",
    "AT",
];
const OF_THE_CALL: usize = 13;

const WORDS: [&str; 24] = [
    "OK",
    "CONNECT",
    "ERROR",
    "NO CARRIER",
    "BUSY",
    "NO ANSWER",
    "NO DIALTONE",
    "+FCERROR",
    "RING",
    "DELAYED",
    "VOICE",
    "+FCON",
    "+FCO",
    "+FCSI:\"03 1234 5678\"",
    "+FDIS:1,5,0,2,3,1,0,0",
    "+FIS:1,5,0,2,3,1,0,0",
    "+FDCS:1,5,0,2,1,0,0,0",
    "+FCS:1,5,0,2,1,0,0,0",
    "+FPTS:1",
    "+FPS:1",
    "+FPTS:2",
    "+FHNG:0",
    "+FHS:00",
    "+FHNG:50",
];

/// DIS, CFR, MCF, FTT, PPR, DCN.
const FRAMES: [&[u8]; 6] = [
    &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44],
    &[0xFF, 0x13, 0x84],
    &[0xFF, 0x13, 0x8C],
    &[0xFF, 0x13, 0x44],
    &[0xFF, 0x13, 0xBC, 0x01],
    &[0xFF, 0x13, 0xFA],
];

const CALL_LIMIT: Duration = Duration::from_secs(300);
/// To make the modem ready, and to hang up: each is bounded for itself.
const AROUND_IT: Duration = Duration::from_secs(60);

struct Host {
    started: bool,
    confirmed: u16,
    results: u32,
}

impl CallHost for Host {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }
    fn far_end(&mut self, far_end: &t30::FarEnd) -> Go {
        assert!(far_end.csi.as_ref().is_none_or(|csi| csi.len() <= 20));
        Go::On
    }
    fn lengths(&mut self, _: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        vec![1; contracts.len()]
    }
    fn page(&mut self, _: u16, _: &t30::Contract) -> Vec<u8> {
        vec![0x10; 300]
    }
    fn page_starts(&mut self, _: u16) -> Go {
        self.started = true;
        Go::On
    }
    fn page_confirmed(&mut self, _: PageConfirmed) {
        assert!(self.started);
        self.confirmed += 1;
    }
    fn result_before_hang_up(&mut self, _: &CallReport) {
        self.results += 1;
    }
    fn progress(&mut self, _: Progress) {}
    fn cancelled(&self) -> bool {
        false
    }
}

fn answer(said: Said) -> Answer {
    let after = |ms: u16| Duration::from_millis(u64::from(ms));
    match said {
        Said::Octets { octets, after: ms } => Answer::raw(octets).after(after(ms)),
        Said::Lines { octets, after: ms } => {
            Answer::says(&String::from_utf8_lossy(&octets)).after(after(ms))
        }
        Said::Frame { known, more } => {
            let known = FRAMES[usize::from(known) % FRAMES.len()];
            Answer::frame(&[known, &more].concat(), "OK")
        }
        Said::Word { word, after: ms } => {
            Answer::says(WORDS[usize::from(word) % WORDS.len()]).after(after(ms))
        }
        Said::TakesData { octets } => Answer::raw(octets).then_takes_data(),
        Said::Nothing => Answer::nothing(),
        Said::Dead => Answer::dead(),
        Said::Stuck => Answer::stuck(),
        Said::Unplugged => Answer::unplugged(),
    }
}

/// Whether a far end, or a modem for it, could have confirmed a page by what was said.
fn can_confirm(said: &Said) -> bool {
    let fcf = |octets: &[u8]| octets.iter().any(|o| matches!(o & !1, 0x8C | 0xCC | 0xAC));
    let word = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets).to_uppercase();
        text.contains("+FPTS")
            || text.contains("+FPS")
            || text.contains("+FHNG")
            || text.contains("OK")
    };
    match said {
        Said::Octets { octets, .. } | Said::Lines { octets, .. } | Said::TakesData { octets } => {
            fcf(octets) || word(octets)
        }
        Said::Frame { .. } | Said::Word { .. } => true,
        Said::Nothing | Said::Dead | Said::Stuck | Said::Unplugged => false,
    }
}

libfuzzer_sys::fuzz_target!(|modem: Modem| {
    let class = [Class::One, Class::Two, Class::TwoPointZero, Class::TwoPointOne]
        [usize::from(modem.class) % 4];
    let could_confirm = modem.answers.iter().any(|(_, said)| can_confirm(said));
    let mut fake = FakeModem::new();
    let commands = if modem.good { OF_THE_CALL } else { COMMANDS.len() };
    for (command, said) in modem.answers.into_iter().take(64) {
        fake = fake.on(COMMANDS[usize::from(command) % commands], [answer(said)]);
    }
    let settings = LineSettings {
        name: "line".into(),
        device: PathBuf::from("/dev/fake"),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0x00),
        modem: None,
        class: Some(class),
        answer_wait: Duration::from_secs(60),
        call_limit: CALL_LIMIT,
    };
    let Ok(mut line) = Line::with_port(settings, fake) else { return };
    let call = Call {
        digits: "0312345678".into(),
        tsi: Some("03 0000 0000".into()),
        pages: 1,
        fine: true,
        ecm: true,
        t85: true,
        fastest: Modulation::V17At14400,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
    };
    let mut host = Host { started: false, confirmed: 0, results: 0 };
    let before = line.port().now();
    let report = line.call(&call, &mut host);
    let took = line.port().now().since(before);
    assert!(took <= CALL_LIMIT + AROUND_IT, "{took:?}");
    assert_eq!(host.results, 1, "the result is told once");
    assert_eq!(report.pages_confirmed, host.confirmed);
    assert!(report.pages_confirmed <= 1);
    assert!(report.ending != Ending::Delivered || report.pages_confirmed == 1);
    assert!(report.pages_confirmed == 0 || (report.page_started && host.started && could_confirm));
});
