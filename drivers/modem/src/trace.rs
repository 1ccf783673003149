//! What passed on one call, kept small and without anything that must not be kept.
//!
//! In: command lines and answers from `talk`, turns of the session from `call`, means from `hang_up`. Out:
//! a [`Trace`] in the call's report: no page bits, no secret, of a number or identity the last four.
//! Covering happens here, when an entry is made: what is never written down need not be found again.
//! Source: our own; frames as ITU-T T.31 (07/1995) 8.3 hands them over.
//! Not here: drawing it (`src/app`), running it again (`replay.rs`), what frames mean (`t30::describe`).

use serde::{Deserialize, Serialize};
use t30::{
    Contract, Event, Fast, Input, LineAction, Millis, Modulation, Output, Question, SenderSettings,
};

use crate::talk::millis;

/// Most entries of a trace, and most octets of what they say. A page with its whole dialogue has about
/// 60 entries of 30 octets; a call of the longest allowed duration that repeats itself all the time stays
/// below half of it.
const MOST_ENTRIES: usize = 2_000;
const MOST_OCTETS: usize = 64 * 1024;
/// What is kept of both for the end of the call: how it ended matters most.
const ENTRIES_FOR_THE_END: usize = 100;
const OCTETS_FOR_THE_END: usize = 4 * 1024;
/// An entry without its texts and frames.
const ENTRY_OCTETS: usize = 16;
/// A longer answer of a modem says nothing more.
const LONGEST_LINE: usize = 80;
/// Digits in a row, separators between them not counted, that may be a telephone number.
const NUMBER_DIGITS: usize = 6;
/// Of a number or identity this much is shown.
const SHOWN: usize = 4;
/// Octets of a maker's own frame: country, maker and model, as `t30::cover` leaves of it.
const FACILITIES_SHOWN: usize = 8;

/// Commands and answers whose value is a password (T.32).
const PASSWORDS: [&str; 1] = ["+FPW"];
/// Those whose value is an identity, a subaddress or the number of a caller (T.32; Class 2 before it;
/// V.253).
const IDENTITIES: [&str; 13] = [
    "+FCSI", "+FTSI", "+FCIG", "+FCI", "+FTI", "+FPI", "+FLI", "+FLID", "+FSA", "+FPA", "NMBR",
    "NAME", "NUMBER",
];
/// Those whose value is an NSF, NSC or NSS in hex (T.32; Class 2 before it).
const FACILITIES: [&str; 6] = ["+FNF", "+FNSF", "+FNC", "+FNSC", "+FNS", "+FNSS"];

/// What passed on one call, in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Trace {
    pub entries: Vec<Entry>,
    /// Entries that were not kept because the trace was full, all behind the last that was and before the
    /// end of the call.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Something that passed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Milliseconds since the first octet of ATD; negative before it.
    pub at_ms: i64,
    #[serde(flatten)]
    pub what: What,
}

/// What passed. In the first group we and the modem speak, in the second the session and the line, in
/// the third the session and the host.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A command line to the modem.
    Command(String),
    /// A line from the modem.
    Reply(String),
    /// DTR was dropped and raised to make the modem hang up.
    DtrDropped,
    /// The device was closed and opened again.
    Reopened,
    /// A means of hanging up, and whether the modem was seen on-hook after it.
    HangUp {
        means: String,
        verified: bool,
    },
    /// The dialogue with the modem broke off.
    Fault {
        code: String,
        says: String,
    },

    /// A session begins with these settings.
    Session(SessionSettings),
    /// To do: silence, then these frames in one V.21 carrier.
    Control {
        silence_ms: u64,
        frames: Vec<Octets>,
    },
    /// To do: silence, then a carrier with that many octets of TCF, or of this page (counted from 0).
    Carrier {
        silence_ms: u64,
        modulation: String,
        short: bool,
        page: Option<u16>,
        octets: usize,
    },
    /// To do: listen until then, milliseconds since ATD.
    Listen {
        until_ms: i64,
    },
    /// Done: the last bit of it is on the line.
    Sent,
    /// Heard: a good frame.
    Frame(Octets),
    /// Heard: a damaged frame.
    BadFrame,
    /// Nothing was heard until the deadline.
    Quiet,

    /// May pages go to this machine?
    AskFarEnd,
    Judged(bool),
    /// How long are the pages from this one on in each of these codings?
    AskLengths {
        page: u16,
        codings: Vec<String>,
    },
    /// So many octets, in their order.
    Lengths(Vec<usize>),
    /// A page is to be coded so.
    AskPage {
        page: u16,
        contract: String,
    },
    /// It has that many octets.
    Page {
        octets: usize,
    },
    /// May this page start?
    AskStart {
        page: u16,
    },
    MayStart(bool),
    /// The call is to stop.
    Abort,
    Agreed(String),
    Training {
        modulation: String,
        tries: u8,
    },
    Trained {
        modulation: String,
    },
    Confirmed {
        page: u16,
    },
    /// The far end wants so many frames of this page again, 0 for all of it.
    Repeat {
        page: u16,
        frames: u16,
    },
    /// The session is over.
    Ended {
        code: String,
        says: String,
    },
}

/// Octets that show as hex digits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Octets(pub Vec<u8>);

impl From<Octets> for String {
    fn from(octets: Octets) -> Self {
        octets.0.iter().map(|octet| format!("{octet:02X}")).collect()
    }
}

impl TryFrom<String> for Octets {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or("no octets in hex")?;
        let octets =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit));
        Ok(Self(octets.collect()))
    }
}

/// [`SenderSettings`] as a trace keeps them. One that was not there when a trace was made reads as nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct SessionSettings {
    /// Our identity, covered but for its last four.
    pub tsi: Option<String>,
    pub pages: u16,
    pub fine: bool,
    pub ecm: bool,
    pub mr: bool,
    pub mmr: bool,
    pub t85: bool,
    pub fastest: String,
    /// What our modem cannot send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    pub longest_page_mm: u16,
    /// A subaddress was sent, a password was; never which.
    pub sub: bool,
    pub pwd: bool,
}

impl SessionSettings {
    pub(crate) fn of(settings: &SenderSettings, tsi: Option<&str>) -> Self {
        let SenderSettings {
            tsi: _,
            pages,
            fine,
            ecm,
            mr,
            mmr,
            t85,
            fastest,
            modulations,
            longest_page_mm,
            sub,
            pwd,
        } = settings;
        let lacks = crate::init::LADDER.into_iter().filter(|&it| !modulations.has(it));
        Self {
            tsi: tsi.map(cover_text),
            pages: *pages,
            fine: *fine,
            ecm: *ecm,
            mr: *mr,
            mmr: *mmr,
            t85: *t85,
            fastest: fastest.to_string(),
            lacks: lacks.map(|modulation| modulation.to_string()).collect(),
            longest_page_mm: *longest_page_mm,
            sub: sub.is_some(),
            pwd: pwd.is_some(),
        }
    }
}

impl What {
    /// What a session wants, with times since `origin`.
    pub(crate) fn wanted(output: &Output, origin: Millis) -> Self {
        match output {
            Output::Line(action) => Self::action(action, origin),
            Output::Ask(Question::FarEnd(_)) => Self::AskFarEnd,
            Output::Ask(Question::Lengths { page, contracts }) => {
                let codings = contracts.iter().map(|contract| contract.coding.to_string());
                Self::AskLengths { page: *page, codings: codings.collect() }
            }
            Output::Ask(Question::Page { page, contract }) => {
                Self::AskPage { page: *page, contract: contract.to_string() }
            }
            Output::Ask(Question::PageStart { page }) => Self::AskStart { page: *page },
            Output::Event(Event::Agreed(contract)) => Self::Agreed(contract.to_string()),
            Output::Event(Event::Training { modulation, tries }) => {
                Self::Training { modulation: modulation.to_string(), tries: *tries }
            }
            Output::Event(Event::Trained { modulation }) => {
                Self::Trained { modulation: modulation.to_string() }
            }
            Output::Event(Event::Confirmed(proof)) => Self::Confirmed { page: proof.page() },
            Output::Event(Event::Repeat { page, frames }) => {
                Self::Repeat { page: *page, frames: *frames }
            }
            Output::Ended(Ok(())) => {
                Self::Ended { code: "delivered".into(), says: "every page was confirmed".into() }
            }
            Output::Ended(Err(error)) => {
                Self::Ended { code: error.code().into(), says: error.to_string() }
            }
        }
    }

    fn action(action: &LineAction, origin: Millis) -> Self {
        match action {
            LineAction::SendControl { silence, frames } => Self::Control {
                silence_ms: millis(*silence),
                frames: frames.iter().map(|frame| covered(frame)).collect(),
            },
            LineAction::Receive { until } => Self::Listen { until_ms: between(origin, *until) },
            LineAction::SendFast { silence, modulation, training, what, octets } => Self::Carrier {
                silence_ms: millis(*silence),
                modulation: modulation.to_string(),
                short: *training == t30::Training::Short,
                page: match what {
                    Fast::Tcf => None,
                    Fast::Page { page } => Some(*page),
                },
                octets: octets.len(),
            },
        }
    }

    /// A page on its way to a modem that has the session itself; how it trains is its own matter.
    pub(crate) fn page(page: u16, contract: &Contract, octets: usize) -> Self {
        let modulation = contract.modulation.to_string();
        Self::Carrier { silence_ms: 0, modulation, short: false, page: Some(page), octets }
    }

    /// What a session is told.
    pub(crate) fn told(input: &Input) -> Self {
        match input {
            Input::Sent => Self::Sent,
            Input::Frame(octets) => Self::Frame(covered(octets)),
            Input::BadFrame => Self::BadFrame,
            Input::Quiet => Self::Quiet,
            Input::Judged(yes) => Self::Judged(*yes),
            Input::Lengths(octets) => Self::Lengths(octets.clone()),
            Input::Page(octets) => Self::Page { octets: octets.len() },
            Input::PageMayStart(yes) => Self::MayStart(*yes),
            Input::Abort => Self::Abort,
        }
    }

    /// Octets that it holds besides itself.
    fn octets(&self) -> usize {
        match self {
            Self::Command(text) | Self::Reply(text) | Self::Agreed(text) => text.len(),
            Self::HangUp { means: text, verified: _ }
            | Self::AskPage { page: _, contract: text }
            | Self::Training { modulation: text, tries: _ }
            | Self::Trained { modulation: text }
            | Self::Carrier { silence_ms: _, modulation: text, short: _, page: _, octets: _ } => {
                text.len()
            }
            Self::Fault { code, says } | Self::Ended { code, says } => code.len() + says.len(),
            Self::AskLengths { page: _, codings } => codings.iter().map(String::len).sum(),
            Self::Lengths(octets) => size_of_val(octets.as_slice()),
            Self::Control { silence_ms: _, frames } => {
                frames.iter().map(|frame| frame.0.len()).sum()
            }
            Self::Frame(frame) => frame.0.len(),
            Self::Session(settings) => {
                settings.fastest.len() + settings.tsi.as_ref().map_or(0, String::len)
            }
            Self::DtrDropped
            | Self::Reopened
            | Self::Listen { until_ms: _ }
            | Self::Sent
            | Self::BadFrame
            | Self::Quiet
            | Self::AskFarEnd
            | Self::Judged(_)
            | Self::Page { octets: _ }
            | Self::AskStart { page: _ }
            | Self::MayStart(_)
            | Self::Abort
            | Self::Confirmed { page: _ }
            | Self::Repeat { page: _, frames: _ } => 0,
        }
    }
}

/// The modulation of that name, as its `Display` gives it.
pub(crate) fn modulation(name: &str) -> Option<Modulation> {
    crate::init::LADDER.into_iter().find(|modulation| modulation.to_string() == name)
}

fn covered(frame: &[u8]) -> Octets {
    let mut frame = frame.to_vec();
    t30::cover(&mut frame);
    Octets(frame)
}

/// Milliseconds from one time to another.
fn between(origin: Millis, at: Millis) -> i64 {
    let signed = |at: Millis| i64::try_from(at.0).unwrap_or(i64::MAX);
    signed(at).saturating_sub(signed(origin))
}

/// Writes the trace of a call while it lasts, and nothing between calls.
#[derive(Debug)]
pub(crate) struct Recorder {
    trace: Option<Trace>,
    /// ATD, or the beginning as long as that is to come.
    origin: Millis,
    octets: usize,
    ending: bool,
}

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self { trace: None, origin: Millis(0), octets: 0, ending: false }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, now: Millis) {
        *self = Self { trace: Some(Trace::default()), origin: now, ..Self::new() };
    }

    /// ATD goes out now: times count from here.
    pub(crate) fn dialled(&mut self, now: Millis) {
        let before = between(self.origin, now);
        for entry in self.trace.iter_mut().flat_map(|trace| &mut trace.entries) {
            entry.at_ms = entry.at_ms.saturating_sub(before);
        }
        self.origin = now;
    }

    /// The call ends: what comes now may use the room that was left for it.
    pub(crate) fn ending(&mut self) {
        self.ending = true;
    }

    /// Notes what passes; a text in it must be covered already.
    pub(crate) fn note(&mut self, now: Millis, what: What) {
        let (entries_kept, octets_kept) =
            if self.ending { (0, 0) } else { (ENTRIES_FOR_THE_END, OCTETS_FOR_THE_END) };
        let Some(trace) = &mut self.trace else { return };
        let octets = self.octets + ENTRY_OCTETS + what.octets();
        let is_full = trace.entries.len() >= MOST_ENTRIES - entries_kept
            || octets > MOST_OCTETS - octets_kept
            // The trace has a hole only before the end of the call.
            || (trace.dropped > 0 && !self.ending);
        if is_full {
            trace.dropped = trace.dropped.saturating_add(1);
            return;
        }
        self.octets = octets;
        trace.entries.push(Entry { at_ms: between(self.origin, now), what });
    }

    pub(crate) fn command(&mut self, now: Millis, line: &str) {
        if self.trace.is_some() {
            self.note(now, What::Command(cover_line(line)));
        }
    }

    pub(crate) fn reply(&mut self, now: Millis, line: &str) {
        if self.trace.is_some() {
            self.note(now, What::Reply(cover_line(line)));
        }
    }

    /// What a session wants.
    pub(crate) fn wanted(&mut self, now: Millis, output: &Output) {
        let what = What::wanted(output, self.origin);
        self.note(now, what);
    }

    /// The call is over.
    pub(crate) fn take(&mut self) -> Trace {
        self.trace.take().unwrap_or_default()
    }
}

/// A line to or from the modem without numbers, identities and passwords, and not longer than tells
/// anything.
fn cover_line(line: &str) -> String {
    let upper = line.to_ascii_uppercase();
    let covered = if upper.starts_with("ATD") {
        cover_but_last(line, |c| c.is_ascii_digit())
    } else if let Some(mark) = line.find(['=', ':', ' ', '"']) {
        let (name, value) = line.split_at(mark);
        let is = |ends: &[&str]| {
            let name = upper.get(..mark).unwrap_or_default();
            ends.iter().any(|end| name.ends_with(end))
        };
        let value = if is(&PASSWORDS) {
            String::from("=*")
        } else if is(&IDENTITIES) {
            cover_text(value)
        } else if is(&FACILITIES) {
            first_octets(value)
        } else {
            cover_numbers(value)
        };
        cover_numbers(name) + &value
    } else {
        cover_numbers(line)
    };
    covered.chars().take(LONGEST_LINE).collect()
}

/// The beginning of octets in hex, with or without spaces between them.
fn first_octets(hex: &str) -> String {
    let mut digits = 0;
    let shown = hex.chars().take_while(|c| {
        digits += usize::from(c.is_ascii_hexdigit());
        digits <= 2 * FACILITIES_SHOWN
    });
    shown.collect::<String>().trim_end().to_owned()
}

/// All but the last four characters of an identity; spaces, plus and quotes are its shape.
fn cover_text(text: &str) -> String {
    cover_but_last(text, |c| !matches!(c, ' ' | '+' | '"' | ',' | ':' | '='))
}

fn cover_but_last(text: &str, counts: impl Fn(char) -> bool) -> String {
    let mut hidden = text.chars().filter(|&c| counts(c)).count().saturating_sub(SHOWN);
    let covered = text.chars().map(|c| {
        if !counts(c) || hidden == 0 {
            return c;
        }
        hidden -= 1;
        '*'
    });
    covered.collect()
}

/// Every run of digits that could be a telephone number, as people write one, but its last four.
fn cover_numbers(text: &str) -> String {
    let mut covered = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() || (!run.is_empty() && matches!(c, ' ' | '-' | '(' | ')')) {
            run.push(c);
        } else {
            covered.push_str(&cover_run(&run));
            run.clear();
            covered.push(c);
        }
    }
    covered.push_str(&cover_run(&run));
    covered
}

fn cover_run(run: &str) -> String {
    let digits = run.chars().filter(char::is_ascii_digit).count();
    if digits < NUMBER_DIGITS {
        run.to_owned()
    } else {
        cover_but_last(run, |c| c.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_shape_and_hide_who_is_called_and_who_answers() {
        for (line, kept) in [
            ("ATDT0,0312345678", "ATDT*,******5678"),
            ("atdt12", "atdt12"),
            ("AT+FCLASS=1", "AT+FCLASS=1"),
            ("AT+FTM=146", "AT+FTM=146"),
            ("AT+FDIS=1,5,0,2,1,0,0,0", "AT+FDIS=1,5,0,2,1,0,0,0"),
            ("CONNECT 14400", "CONNECT 14400"),
            ("+FCSI: \"  03 1234 5678\"", "+FCSI: \"  ** **** 5678\""),
            ("+FCSI:KASUMI CLINIC", "+FCSI:****** **INIC"),
            ("AT+FLI=\"+81 3 1111 2222\"", "AT+FLI=\"+** * **** 2222\""),
            ("AT+FPW=\"4711\"", "AT+FPW=*"),
            ("+FNF:00 00 0E 12 34 56 78 30 33 31 32", "+FNF:00 00 0E 12 34 56 78 30"),
            ("+FNSF:00000E1234567830313230333132", "+FNSF:00000E1234567830"),
            ("+FCSI \"KASUMI CLINIC\"", "+FCSI \"****** **INIC\""),
            ("NMBR = 0398765432", "NMBR = ******5432"),
            ("\"03 1234-5678\"", "\"** ****-5678\""),
            ("x 12345 y", "x 12345 y"),
        ] {
            assert_eq!(cover_line(line), kept);
        }
        assert_eq!(cover_line(&"A".repeat(500)).len(), LONGEST_LINE);
    }

    #[test]
    fn full_trace_counts_what_it_drops_and_keeps_room_for_the_end() {
        let mut recorder = Recorder::new();
        recorder.begin(Millis(0));
        for at in 0..10_000 {
            recorder.note(Millis(at), What::BadFrame);
        }
        recorder.ending();
        recorder.note(Millis(10_000), What::HangUp { means: "word".into(), verified: true });
        let trace = recorder.take();
        assert_eq!(trace.entries.len(), MOST_ENTRIES - ENTRIES_FOR_THE_END + 1);
        assert_eq!(trace.dropped, 8_100);
        assert_eq!(trace.entries.last().map(|entry| entry.at_ms), Some(10_000));

        recorder.begin(Millis(0));
        for at in 0..10_000 {
            recorder.note(Millis(at), What::Frame(Octets(vec![0; 250])));
        }
        let trace = recorder.take();
        let octets: usize =
            trace.entries.iter().map(|entry| ENTRY_OCTETS + entry.what.octets()).sum();
        assert!(octets <= MOST_OCTETS - OCTETS_FOR_THE_END && trace.dropped > 0, "{octets}");
    }

    #[test]
    fn nothing_is_kept_between_calls() {
        let mut recorder = Recorder::new();
        recorder.command(Millis(1), "ATZ");
        assert_eq!(recorder.take(), Trace::default());
        recorder.begin(Millis(5));
        recorder.command(Millis(5), "ATZ");
        recorder.dialled(Millis(105));
        recorder.command(Millis(105), "ATD1");
        let times: Vec<i64> = recorder.take().entries.iter().map(|entry| entry.at_ms).collect();
        assert_eq!(times, [-100, 0]);
    }

    #[test]
    fn trace_of_an_earlier_version_with_fewer_settings_still_reads() {
        let json = r#"{"entries":[{"at_ms":1,"session":{"pages":1,"fastest":"V.29 9600 bit/s"}}]}"#;
        let trace: Trace = serde_json::from_str(json).expect("reads");
        let What::Session(settings) = &trace.entries[0].what else { panic!("{trace:?}") };
        assert_eq!((settings.pages, settings.longest_page_mm, settings.sub), (1, 0, false));
    }

    #[test]
    fn trace_is_the_same_after_json_and_hostile_json_is_refused() {
        let frame = Octets(vec![0xFF, 0x13, 0x8C]);
        let carrier = What::Carrier {
            silence_ms: 60,
            modulation: "V.17 14400 bit/s".into(),
            short: true,
            page: Some(0),
            octets: 9,
        };
        let entries = [What::Frame(frame), What::Sent, carrier, What::Judged(true)];
        let entries = entries.into_iter().map(|what| Entry { at_ms: -1, what }).collect();
        let trace = Trace { entries, dropped: 3 };
        let json = serde_json::to_string(&trace).expect("serializes");
        assert!(
            json.starts_with(r#"{"entries":[{"at_ms":-1,"frame":"FF138C"},{"at_ms":-1,"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Trace>(&json).expect("parses"), trace);
        for bad in [
            r#"{"entries":[{"at_ms":1,"frame":"F"}]}"#,
            r#"{"entries":[{"at_ms":1,"frame":"\u00e9\u00e9"}]}"#,
            r#"{"entries":[{"at_ms":1}]}"#,
            r#"{"entries":[{"at_ms":1e99,"sent":null}]}"#,
        ] {
            assert!(serde_json::from_str::<Trace>(bad).is_err(), "{bad}");
        }
    }
}
