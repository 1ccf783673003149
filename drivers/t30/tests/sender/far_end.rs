//! A far end that follows a script, and the line and the caller between it and the session.
//!
//! In: [`Story`]. Out: [`Call`]: every turn as a line of text, and what was learned.
//!
//! A script has one word for each time that the session listens: `quiet`, `noise` (a damaged
//! frame), `raw FF 13 ..`, or a signal with its FIF: `CSI 03 1234`, `DIS 00 EE F8 44`, `PPR 0 7`,
//! `MCF`. `later MS WORD` lets the reply take that long. At its end there is silence for ever.
//!
//! The lines: `>` we send, `<` is heard, `?` a question, `!` an event, `=` the end. A golden call is
//! a script and these lines, so a folder of them can be walked by [`Story::play`] later.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use t30::{
    CallError, Event, Fast, Input, LineAction, Millis, Modulation, Output, Question, Sender,
    SenderSettings, Training,
};

use crate::block;

/// DIS FIFs by what they offer. All receive, all fine, any length.
pub const DIS_V17_ECM_MMR: &str = "DIS 00 EE F8 44";
pub const DIS_V17: &str = "DIS 00 EE 78";
pub const DIS_V29_NO_SCAN_LIMIT: &str = "DIS 00 CE 78";
/// Scan lines of 20 ms, no MR: fill depends on the rate.
pub const DIS_V17_20MS: &str = "DIS 00 6E 08";
pub const DIS_V27TER_2400_ECM_MMR: &str = "DIS 00 C2 F8 44";

/// Control fields as they stand on the line, X as 0. Kept apart from the table in `src` on purpose.
const LINE_FCF: [(&str, u8); 27] = [
    ("DIS", 0x80),
    ("CSI", 0x40),
    ("NSF", 0x20),
    ("DTC", 0x81),
    ("DCS", 0x82),
    ("TSI", 0x42),
    ("CTC", 0x12),
    ("CFR", 0x84),
    ("FTT", 0x44),
    ("CTR", 0xC4),
    ("EOM", 0x8E),
    ("MPS", 0x4E),
    ("EOP", 0x2E),
    ("PPS", 0xBE),
    ("EOR", 0xCE),
    ("RR", 0x6E),
    ("MCF", 0x8C),
    ("RTP", 0xCC),
    ("RTN", 0x4C),
    ("PIP", 0xAC),
    ("PIN", 0x2C),
    ("PPR", 0xBC),
    ("RNR", 0xEC),
    ("ERR", 0x1C),
    ("FDM", 0xFC),
    ("DCN", 0xFA),
    ("CRP", 0x1A),
];

/// Reply times: 75 ms, a preamble of 1 s, a frame of three octets.
const REPLY_MS: u64 = 1_250;
const PREAMBLE_MS: u64 = 1_000;
const TRAINING_MS: u64 = 300;

/// A call to play: our side, the script, and a caller with opinions.
pub struct Story {
    pub settings: SenderSettings,
    pub pages: Vec<Vec<u8>>,
    pub script: Vec<String>,
    /// Answer to `Question::FarEnd`.
    pub judged: bool,
    /// Which `Question::PageStart` gets a no, counted from 0.
    pub refuse_start: Option<usize>,
    /// The first line that begins so is answered with `Input::Abort`.
    pub abort_at: Option<&'static str>,
}

/// What happened.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub lines: Vec<String>,
    pub result: Result<(), CallError>,
    pub pages_confirmed: u16,
    pub page_started: bool,
    pub end_ms: u64,
    /// Pages put together from blocks, filled up to whole frames, by page number.
    pub from_blocks: BTreeMap<u16, Vec<u8>>,
}

impl Story {
    /// One page of 1000 octets, everything allowed.
    pub fn new<'a>(script: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            settings: SenderSettings::new(1),
            pages: vec![page(1_000)],
            script: script.into_iter().map(str::to_owned).collect(),
            judged: true,
            refuse_start: None,
            abort_at: None,
        }
    }

    pub fn pages(mut self, pages: Vec<Vec<u8>>) -> Self {
        self.settings.pages = u16::try_from(pages.len()).unwrap();
        self.pages = pages;
        self
    }

    pub fn play(self) -> Call {
        let mut sender = Sender::new(self.settings.clone());
        let mut play = Play {
            now: 0,
            script: self.script.iter(),
            lines: Vec::new(),
            starts_asked: 0,
            blocks: BTreeMap::new(),
            story: &self,
        };
        let mut aborted = false;
        let result = loop {
            assert!(play.lines.len() < 20_000, "the call never ends");
            let output = sender.poll(Millis(play.now));
            let line = play.describe(&output);
            play.lines.push(line.clone());
            let abort = self.abort_at.is_some_and(|at| !aborted && line.starts_with(at));
            let input = match output {
                Output::Line(action) => play.carry_out(action),
                Output::Ask(question) => play.answer(question),
                Output::Event(_) => continue,
                Output::Ended(result) => break result,
            };
            aborted |= abort;
            sender.handle(Millis(play.now), if abort { Input::Abort } else { input });
        };
        let from_blocks = play.pages_from_blocks();
        Call {
            lines: play.lines,
            result,
            pages_confirmed: sender.pages_confirmed(),
            page_started: sender.page_started(),
            end_ms: play.now,
            from_blocks,
        }
    }
}

impl Call {
    /// Only what is on the line: `>` and `<`.
    pub fn on_line(&self) -> Vec<&str> {
        self.beginning(&[">", "<"])
    }

    /// Only what we send, without FIFs: `> TSI DCS`, `> tcf V17At14400 Long`.
    pub fn sent(&self) -> Vec<&str> {
        self.beginning(&[">"]).into_iter().filter(|l| *l != "> listen").collect()
    }

    pub fn events(&self) -> Vec<&str> {
        self.beginning(&["!"])
    }

    pub fn questions(&self) -> Vec<&str> {
        self.beginning(&["?"])
    }

    pub fn code(&self) -> &'static str {
        self.result.as_ref().map_or_else(CallError::code, |()| "ok")
    }

    fn beginning(&self, marks: &[&str]) -> Vec<&str> {
        let wanted = |line: &&str| marks.iter().any(|mark| line.starts_with(mark));
        self.lines.iter().map(String::as_str).filter(wanted).collect()
    }
}

/// Octets that differ from frame to frame, with runs of ones that need stuffing.
pub fn page(octets: usize) -> Vec<u8> {
    (0..octets)
        .map(|i| if i % 7 < 3 { 0xFF } else { u8::try_from(i / 256 % 256).unwrap() })
        .collect()
}

/// A frame on the line.
pub fn frame(name: &str, fif: &[u8]) -> Vec<u8> {
    let (_, fcf) = LINE_FCF.iter().find(|(n, _)| *n == name).expect("a signal of the table");
    let more = matches!(name, "CSI" | "NSF");
    [&[0xFF, if more { 0x03 } else { 0x13 }, *fcf], fif].concat()
}

struct Play<'a> {
    now: u64,
    script: std::slice::Iter<'a, String>,
    lines: Vec<String>,
    starts_asked: usize,
    /// The frames of the block under way, then those of finished blocks, by page.
    blocks: BTreeMap<u16, Vec<BTreeMap<u8, Vec<u8>>>>,
    story: &'a Story,
}

impl Play<'_> {
    fn carry_out(&mut self, action: LineAction) -> Input {
        match action {
            LineAction::SendControl { silence, frames } => {
                let octets: usize = frames.iter().map(|f| f.len() + 3).sum();
                let frames_ms = u64::try_from(octets).unwrap() * 8_000 / 300;
                self.now += ms(silence) + PREAMBLE_MS + frames_ms;
                for frame in &frames {
                    self.note_end_of_block(frame);
                }
                Input::Sent
            }
            LineAction::SendFast { silence, modulation, octets, what, .. } => {
                let bits = u64::try_from(octets.len()).unwrap() * 8_000;
                self.now += ms(silence) + TRAINING_MS + bits / u64::from(modulation.rate_bps());
                match what {
                    Fast::Tcf => assert!(octets.iter().all(|&o| o == 0), "TCF is zeros"),
                    Fast::Page { page } => self.take_carrier(page, &octets),
                }
                Input::Sent
            }
            LineAction::Receive { until } => self.speak(until.0),
        }
    }

    fn answer(&mut self, question: Question) -> Input {
        match question {
            Question::FarEnd(_) => Input::Judged(self.story.judged),
            Question::Page { page, .. } => Input::Page(self.story.pages[usize::from(page)].clone()),
            Question::PageStart { .. } => {
                self.starts_asked += 1;
                Input::PageMayStart(self.story.refuse_start != Some(self.starts_asked - 1))
            }
        }
    }

    fn speak(&mut self, until: u64) -> Input {
        let Some(word) = self.script.next() else {
            self.lines.push("< quiet".into());
            self.now = self.now.max(until);
            return Input::Quiet;
        };
        let (wait, word) = match word.strip_prefix("later ") {
            Some(rest) => {
                let (wait, word) = rest.split_once(' ').expect("later MS WORD");
                (wait.parse().expect("milliseconds"), word)
            }
            None => (REPLY_MS, word.as_str()),
        };
        self.lines.push(format!("< {word}"));
        let input = input(word);
        self.now = if input == Input::Quiet { self.now.max(until) } else { self.now + wait };
        input
    }

    fn take_carrier(&mut self, page: u16, octets: &[u8]) {
        let blocks = self.blocks.entry(page).or_default();
        if blocks.is_empty() {
            blocks.push(BTreeMap::new());
        }
        blocks.last_mut().unwrap().extend(block::read(octets).frames);
    }

    /// A carrier behind a PPS-NULL that is not a repetition belongs to the next block.
    fn note_end_of_block(&mut self, frame: &[u8]) {
        if let [_, _, 0xBF, _, page, block, _] = frame {
            let blocks = self.blocks.get_mut(&u16::from(*page)).expect("a carrier before its PPS");
            assert_eq!(usize::from(*block) + 1, blocks.len(), "block counter");
        }
    }

    fn pages_from_blocks(&mut self) -> BTreeMap<u16, Vec<u8>> {
        let join = |blocks: Vec<BTreeMap<u8, Vec<u8>>>| {
            blocks.into_iter().flat_map(BTreeMap::into_values).flatten().collect()
        };
        std::mem::take(&mut self.blocks)
            .into_iter()
            .map(|(page, blocks)| (page, join(blocks)))
            .collect()
    }

    fn describe(&mut self, output: &Output) -> String {
        match output {
            Output::Line(LineAction::SendControl { frames, .. }) => {
                let names: Vec<String> = frames.iter().map(|f| name_and_fif(f)).collect();
                format!("> {}", names.join(", "))
            }
            Output::Line(LineAction::Receive { .. }) => "> listen".into(),
            Output::Line(LineAction::SendFast { modulation, training, what, octets, .. }) => {
                self.describe_fast(*modulation, *training, *what, octets)
            }
            Output::Ask(Question::FarEnd(far)) => {
                let mut line = format!("? far end {}", far.csi.as_deref().unwrap_or("-"));
                if let Some(nsf) = &far.nsf {
                    write!(line, " nsf of {} octets", nsf.len()).unwrap();
                }
                line
            }
            Output::Ask(Question::Page { page, contract }) => format!(
                "? page {page} {:?} {:?} {:?}",
                contract.modulation, contract.coding, contract.resolution
            ),
            Output::Ask(Question::PageStart { page }) => format!("? start {page}"),
            Output::Event(event) => format!("! {}", describe_event(event)),
            Output::Ended(Ok(())) => "= ok".into(),
            Output::Ended(Err(error)) => format!("= {}", error.code()),
        }
    }

    fn describe_fast(
        &mut self,
        modulation: Modulation,
        training: Training,
        what: Fast,
        octets: &[u8],
    ) -> String {
        let Fast::Page { page } = what else {
            return format!("> tcf {modulation:?} {training:?}");
        };
        let block = block::read(octets);
        if block.rcps == 0 {
            return format!("> page {page} {modulation:?} {training:?} {} octets", octets.len());
        }
        assert_eq!((block.rcps, block.bad), (3, 0), "three RCPs, no bad frame");
        let flags_ms = block.flags_before * 8_000 / usize::try_from(modulation.rate_bps()).unwrap();
        assert!((190..=300).contains(&flags_ms), "flags before the block: {flags_ms} ms");
        let numbers: Vec<String> = block.frames.keys().map(u8::to_string).collect();
        let list = match numbers.as_slice() {
            [first, .., last] if numbers.len() > 4 => format!("{first}..{last}"),
            few => few.join(" "),
        };
        self.begin_block_if_new(page);
        format!("> page {page} {modulation:?} {training:?} frames {list}")
    }

    /// The script's MCF to a PPS-NULL, or the first carrier after a training, opens a new block.
    fn begin_block_if_new(&mut self, page: u16) {
        let heard = self.lines.iter().rev().find(|l| l.starts_with('<') || l.starts_with("> PPS"));
        let said = self.lines.iter().rev().find(|l| l.starts_with("> PPS"));
        match heard.map(String::as_str) {
            Some("< MCF") if said.is_some_and(|pps| pps.starts_with("> PPS 00")) => {
                self.blocks.entry(page).or_default().push(BTreeMap::new());
            }
            Some("< CFR") => {
                self.blocks.insert(page, vec![BTreeMap::new()]);
            }
            _ => {}
        }
    }
}

fn describe_event(event: &Event) -> String {
    match event {
        Event::Agreed(c) => format!(
            "agreed {:?}{} {:?} {:?} {} ms",
            c.modulation,
            if c.ecm { " ecm" } else { "" },
            c.coding,
            c.resolution,
            c.min_scan_line.as_millis()
        ),
        Event::Training { modulation, tries } => format!("training {modulation:?} try {tries}"),
        Event::Trained { modulation } => format!("trained {modulation:?}"),
        Event::Confirmed(proof) => format!("confirmed {}", proof.page()),
        Event::Repeat { page, frames } => format!("repeat {page} {frames}"),
    }
}

/// `PPS 2F 00 00 03`; a TSI by its name alone.
fn name_and_fif(frame: &[u8]) -> String {
    let (head, fif) = frame.split_at(3);
    // Ours have X = 1; it is the lowest bit on the line.
    let name = LINE_FCF.iter().find(|(_, fcf)| head[2] == fcf | 1).map_or("?", |(n, _)| *n);
    let last = if name == "TSI" { 0x03 } else { 0x13 };
    assert_eq!(head[..2], [0xFF, last], "head of {name}");
    let mut text = name.to_owned();
    if name != "TSI" {
        fif.iter().for_each(|octet| write!(text, " {octet:02X}").unwrap());
    }
    text
}

fn input(word: &str) -> Input {
    let (name, rest) = word.split_once(' ').unwrap_or((word, ""));
    let hex = || rest.split_whitespace().map(|h| u8::from_str_radix(h, 16).unwrap()).collect();
    match name {
        "quiet" => Input::Quiet,
        "noise" => Input::BadFrame,
        "raw" => Input::Frame(hex()),
        "CSI" => {
            let text: Vec<u8> = format!("{rest:<20}").bytes().rev().collect();
            Input::Frame(frame(name, &text))
        }
        "PPR" => {
            let mut map = [0; 32];
            for number in rest.split_whitespace() {
                let number: usize = number.parse().unwrap();
                map[number / 8] |= 1 << (number % 8);
            }
            Input::Frame(frame(name, &map))
        }
        _ => Input::Frame(frame(name, &hex())),
    }
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
