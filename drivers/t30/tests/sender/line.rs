//! A telephone line in counted time, with our session at one end and a far end at the other.
//!
//! In: a [`FarEnd`], a [`Host`], settings. Out: a [`Played`]: everything that was said, with times.
//! Signals last as long as on a line: preambles, frames at 300 bit/s, training, page octets at their
//! rate. Nobody hears while he speaks: what one end says over the other is lost, as on a line.
//! Not here: what a far end says (`script`, `random`), what is in a page's carrier (`block`).

use std::collections::VecDeque;
use std::fmt::Write as _;

use t30::{
    CallError, Coding, Event, Fast, Input, LineAction, Millis, Modulation, Output, Question,
    Sender, SenderSettings, T85, Training,
};

use crate::block::PagesSent;
use crate::frames;

/// Silence before a carrier of the far end, unless it says otherwise (T.30 5.1: 75 ms).
pub const GAP_MS: u64 = 75;
/// Flags before the first frame of a carrier (T.30 5.3.1: 1 s).
const PREAMBLE_MS: u64 = 1_000;
/// A frame longer than 3 s + 15 % is given up by the modem (T.30 5.3.1).
const LONGEST_FRAME_MS: u64 = 3_450;
/// The called machine says DIS again after its T4, until its T1 is over.
const DIS_AGAIN_MS: u64 = 3_000;
const FAR_T1_MS: u64 = 35_000;

/// One V.21 carrier of the far end.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// Silence before it.
    pub after_ms: u64,
    pub sounds: Vec<Sound>,
}

#[derive(Clone, Debug)]
pub enum Sound {
    Frame(Vec<u8>),
    /// So many octets whose FCS is wrong.
    Noise(usize),
    /// Our own last frames come back.
    Echo,
}

/// What the far end is asked to answer.
#[derive(Debug)]
pub enum Heard {
    /// The call is through, or its DIS had no answer and is due again.
    Answer,
    /// A command of ours: `eop`, `pps null`, `dcs V17At14400` after its TCF.
    Command(String),
}

pub trait FarEnd {
    /// The carriers that it says one after the other; none for silence.
    fn answer(&mut self, heard: &Heard) -> Vec<Carrier>;
    /// What it says at a time of its own, in ms from the beginning.
    fn of_itself(&mut self) -> Vec<(u64, Carrier)>;
}

/// How the caller answers, and when it wants the call to end.
#[derive(Clone, Debug)]
pub struct Host {
    pub pages: Vec<Vec<u8>>,
    /// Octets of the pages in MH, MR, MMR and T.85; one that is missing is not known.
    pub lengths: Vec<usize>,
    /// Verdicts in the order of the questions; yes when they are used up.
    pub judges: VecDeque<bool>,
    /// Leave to start, in the same way.
    pub starts: VecDeque<bool>,
    pub abort: Option<AbortAt>,
}

#[derive(Clone, Debug)]
pub enum AbortAt {
    Time(u64),
    /// In place of the answer to the first line of the trace that holds these words.
    Line(String),
}

/// A whole call.
#[derive(Debug)]
pub struct Played {
    /// Every turn as a line of text, times first.
    pub lines: Vec<String>,
    pub result: Result<(), CallError>,
    pub pages_confirmed: u16,
    pub page_started: bool,
    pub t85: T85,
    pub ended_ms: u64,
    /// The longest that one wait for the far end took.
    pub longest_wait_ms: u64,
}

pub fn play(settings: &SenderSettings, host: Host, far: &mut dyn FarEnd) -> Played {
    let of_itself = far.of_itself();
    let mut line = Line {
        now: 0,
        lines: Vec::new(),
        far,
        air: Vec::new(),
        dis_due: Some(0),
        dcs_heard: false,
        echo: Vec::new(),
        host,
        aborted: false,
        listens_until: None,
        waits_from: 0,
        longest_wait_ms: 0,
        sent: PagesSent::default(),
    };
    for (at, carrier) in of_itself {
        line.put_on_air(at, carrier);
    }
    let mut sender = Sender::new(settings.clone());
    let result = loop {
        assert!(line.lines.len() < 50_000, "the call never ends");
        let output = sender.poll(Millis(line.now));
        let input = match output {
            Output::Line(action) => line.carry_out(action),
            Output::Ask(question) => line.ask(question),
            Output::Event(event) => {
                line.note(&event);
                continue;
            }
            Output::Ended(result) => break result,
        };
        if matches!(input, Input::Abort) {
            line.say("host", "aborts");
        }
        sender.handle(Millis(line.now), input);
    };
    let ended = match &result {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{}: {error}", error.code()),
    };
    line.say("=", &ended);
    Played {
        lines: line.lines,
        result,
        pages_confirmed: sender.pages_confirmed(),
        page_started: sender.page_started(),
        t85: sender.t85(),
        ended_ms: line.now,
        longest_wait_ms: line.longest_wait_ms,
    }
}

/// A sound on its way: when it can first be heard, when it is whole, and its carrier's beginning.
#[derive(Debug)]
struct OnAir {
    carrier: u64,
    begins: u64,
    ends: u64,
    sound: Sound,
}

struct Line<'a> {
    now: u64,
    lines: Vec<String>,
    far: &'a mut dyn FarEnd,
    /// By the time at which they begin.
    air: Vec<OnAir>,
    /// When the far end says DIS of its own accord; `None` once it has heard a command.
    dis_due: Option<u64>,
    /// A DCS was heard, its TCF is owed.
    dcs_heard: bool,
    echo: Vec<Vec<u8>>,
    host: Host,
    aborted: bool,
    /// The deadline of the listening that goes on.
    listens_until: Option<u64>,
    /// The end of our last signal.
    waits_from: u64,
    longest_wait_ms: u64,
    sent: PagesSent,
}

impl Line<'_> {
    fn say(&mut self, mark: &str, text: &str) {
        self.say_at(self.now, mark, text);
    }

    fn say_at(&mut self, at: u64, mark: &str, text: &str) {
        let line = format!("{:>4}.{:03} {mark} {text}", at / 1_000, at % 1_000);
        self.lines.push(line.trim_end().to_owned());
    }

    fn carry_out(&mut self, action: LineAction) -> Input {
        let line = self.lines.len();
        if !matches!(action, LineAction::Receive { .. }) {
            self.listens_until = None;
        }
        let input = match action {
            LineAction::SendControl { silence, frames } => {
                self.send_control(ms(silence), &frames);
                Input::Sent
            }
            LineAction::SendFast { silence, modulation, training, what, octets } => {
                self.send_fast(ms(silence), modulation, training, what, &octets);
                Input::Sent
            }
            LineAction::Receive { until } => {
                let input = self.receive(until.0);
                self.longest_wait_ms = self.longest_wait_ms.max(self.now - self.waits_from);
                input
            }
        };
        if self.abort_is_due(line) { Input::Abort } else { input }
    }

    /// Whether the caller aborts in place of the answer to what these last lines say.
    fn abort_is_due(&mut self, since_line: usize) -> bool {
        let due = match &self.host.abort {
            None => false,
            Some(AbortAt::Time(at)) => self.now >= *at,
            Some(AbortAt::Line(words)) => {
                self.lines[since_line..].iter().any(|l| l.contains(words))
            }
        };
        let due = due && !self.aborted;
        self.aborted |= due;
        due
    }

    fn send_control(&mut self, silence_ms: u64, frames: &[Vec<u8>]) {
        for (place, frame) in frames.iter().enumerate() {
            frames::check_ours(frame, place + 1 == frames.len());
        }
        let names: Vec<String> = frames.iter().map(|frame| frames::name(frame)).collect();
        self.say(">", &names.join(" + "));
        let (from, command) = (self.now, frames.last().expect("a carrier has a frame").clone());
        let frames_ms: u64 = frames.iter().map(|frame| frame_ms(frame.len())).sum();
        self.now += silence_ms + PREAMBLE_MS + frames_ms;
        self.waits_from = self.now;
        self.echo = frames.to_vec();
        self.sent.command(&command);
        if self.is_lost_on_the_far_end(from + silence_ms) {
            self.dcs_heard = false;
            return;
        }
        self.dis_due = None;
        match event(&command) {
            event if event == "dcs" => self.dcs_heard = true,
            event => {
                self.answered(self.now, &Heard::Command(event));
            }
        }
    }

    fn send_fast(
        &mut self,
        silence_ms: u64,
        modulation: Modulation,
        training: Training,
        what: Fast,
        octets: &[u8],
    ) {
        let bits_ms =
            u64::try_from(octets.len()).unwrap() * 8_000 / u64::from(modulation.rate_bps());
        let carrier = format!("{modulation:?} {}", format!("{training:?}").to_lowercase());
        let from = self.now;
        match what {
            Fast::Tcf => {
                assert!(octets.iter().all(|&octet| octet == 0), "TCF is zeros");
                self.say(">", &format!("tcf {carrier} {bits_ms} ms"));
            }
            Fast::Page { page } => {
                let what = self.sent.carrier(page, modulation.rate_bps(), octets);
                self.say(">", &format!("page {page} {carrier} {what}"));
            }
        }
        self.now += silence_ms + training_ms(modulation, training) + bits_ms;
        self.waits_from = self.now;
        let lost = self.is_lost_on_the_far_end(from + silence_ms);
        if what == Fast::Tcf && std::mem::take(&mut self.dcs_heard) && !lost {
            self.answered(self.now, &Heard::Command(format!("dcs {modulation:?}")));
        }
    }

    /// The far end speaks while our signal is on the line, from its silence on until now.
    fn is_lost_on_the_far_end(&mut self, from: u64) -> bool {
        self.far_end_is_due(from);
        let to = self.now;
        let lost = self.air.iter().any(|on_air| on_air.carrier < to && on_air.ends > from);
        if lost {
            self.say_at(from, "~", "the far end speaks at the same time and hears nothing of it");
        }
        lost
    }

    /// Puts the answer on the line, from `at` on; the time at which it ends.
    fn answered(&mut self, mut at: u64, heard: &Heard) -> u64 {
        for carrier in self.far.answer(heard) {
            let from = at + carrier.after_ms;
            at = self.put_on_air(from, carrier);
        }
        at
    }

    /// Puts its sounds on the line; the time at which the last ends.
    fn put_on_air(&mut self, from: u64, carrier: Carrier) -> u64 {
        let mut begins = from + PREAMBLE_MS;
        for sound in carrier.sounds {
            let sounds = match sound {
                Sound::Echo => self.echo.iter().cloned().map(Sound::Frame).collect(),
                Sound::Frame(_) | Sound::Noise(_) => vec![sound],
            };
            for sound in sounds {
                let ends = begins + sound_ms(&sound);
                self.air.push(OnAir { carrier: from, begins, ends, sound });
                begins = ends;
            }
        }
        self.air.sort_by_key(|on_air| on_air.begins);
        begins
    }

    /// DIS that nobody answered is said again until `until`, or until something is there to be heard.
    fn far_end_is_due(&mut self, until: u64) {
        while let Some(at) = self.dis_due.filter(|&at| at <= until) {
            if self.air.iter().any(|on_air| (self.now..at).contains(&on_air.begins)) {
                return;
            }
            let again = self.answered(at, &Heard::Answer) + DIS_AGAIN_MS;
            self.dis_due = (again < FAR_T1_MS).then_some(again);
        }
    }

    fn receive(&mut self, until: u64) -> Input {
        if self.listens_until.replace(until) != Some(until) {
            self.say(">", &format!("listen until {}.{:03}", until / 1_000, until % 1_000));
        }
        self.far_end_is_due(until);
        while self.air.first().is_some_and(|on_air| on_air.begins < self.now) {
            let lost = self.air.remove(0);
            self.say_at(lost.begins, "~", &format!("{} is not heard", describe(&lost.sound)));
        }
        let stops = match self.host.abort {
            Some(AbortAt::Time(at)) if !self.aborted => at,
            _ => u64::MAX,
        };
        let continues = |on_air: &&OnAir| on_air.begins == self.now && on_air.carrier < self.now;
        let next = self.air.first();
        let next = next.filter(|a| a.carrier <= until || continues(a));
        let heard_at =
            next.map_or(until.max(self.now), |a| a.ends.min(a.begins + LONGEST_FRAME_MS));
        if stops < heard_at {
            self.now = self.now.max(stops);
            return Input::Quiet; // the abort takes its place
        }
        if next.is_none() {
            self.now = heard_at;
            self.say("<", "quiet");
            return Input::Quiet;
        }
        let OnAir { sound, ends, .. } = self.air.remove(0);
        self.now = heard_at;
        let whole = ends == heard_at;
        self.say("<", &format!("{}{}", describe(&sound), if whole { "" } else { ", too long" }));
        match sound {
            Sound::Frame(frame) if whole => Input::Frame(frame),
            Sound::Frame(_) | Sound::Noise(_) | Sound::Echo => Input::BadFrame,
        }
    }

    fn ask(&mut self, question: Question) -> Input {
        let line = self.lines.len();
        let input = match question {
            Question::FarEnd(far_end) => {
                let mut text = format!("far end {}", far_end.csi.as_deref().unwrap_or("-"));
                if let Some(nsf) = &far_end.nsf {
                    write!(text, ", NSF of {} octets", nsf.len()).unwrap();
                }
                let yes = self.host.judges.pop_front().unwrap_or(true);
                self.say("?", &format!("{text}: {}", yes_or_no(yes)));
                Input::Judged(yes)
            }
            Question::Lengths { page, contracts } => {
                let codings: Vec<String> =
                    contracts.iter().map(|contract| format!("{:?}", contract.coding)).collect();
                let place = |contract: &t30::Contract| match contract.coding {
                    Coding::Mh => 0,
                    Coding::Mr => 1,
                    Coding::Mmr => 2,
                    Coding::T85 => 3,
                };
                let lengths: Vec<usize> = contracts
                    .iter()
                    .map_while(|contract| self.host.lengths.get(place(contract)).copied())
                    .collect();
                self.say(
                    "?",
                    &format!("lengths from page {page} {}: {lengths:?}", codings.join(" ")),
                );
                Input::Lengths(lengths)
            }
            Question::Page { page, contract } => {
                let octets = self.host.pages[usize::from(page)].clone();
                let t30::Contract { modulation, coding, resolution, .. } = contract;
                self.say(
                    "?",
                    &format!(
                        "page {page} {modulation:?} {coding:?} {resolution:?}: {} octets",
                        octets.len()
                    ),
                );
                Input::Page(octets)
            }
            Question::PageStart { page } => {
                let yes = self.host.starts.pop_front().unwrap_or(true);
                self.say("?", &format!("start page {page}: {}", yes_or_no(yes)));
                Input::PageMayStart(yes)
            }
        };
        if self.abort_is_due(line) { Input::Abort } else { input }
    }

    fn note(&mut self, event: &Event) {
        let text = match event {
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
            Event::Confirmed(proof) => {
                self.sent.check(proof.page(), &self.host.pages[usize::from(proof.page())]);
                format!("confirmed {}", proof.page())
            }
            Event::Repeat { page, frames } => format!("repeat page {page}, {frames} frames"),
        };
        self.say("!", &text);
    }
}

/// `eop`, `dcs`, `pps null`: how scripts name a command.
fn event(command: &[u8]) -> String {
    let name = frames::name(command);
    let name = name.split(' ').next().unwrap().to_lowercase();
    let ends = match command.get(3) {
        Some(0x00) => "null",
        Some(0x2F) => "eop",
        Some(0x4F) => "mps",
        _ => "?",
    };
    match name.as_str() {
        "pps" | "eor" => format!("{name} {ends}"),
        _ => name,
    }
}

fn describe(sound: &Sound) -> String {
    match sound {
        Sound::Frame(frame) => frames::name(frame),
        Sound::Noise(_) => "noise".to_owned(),
        Sound::Echo => "echo".to_owned(),
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// A frame with its FCS and the flag that ends it, at 300 bit/s.
fn frame_ms(octets: usize) -> u64 {
    u64::try_from(octets + 3).unwrap() * 8_000 / 300
}

fn sound_ms(sound: &Sound) -> u64 {
    match sound {
        Sound::Frame(frame) => frame_ms(frame.len()),
        Sound::Noise(octets) => frame_ms(*octets),
        Sound::Echo => 0,
    }
}

/// Synchronising signals of the modulations, in ms (V.17 table 3, V.29 8, V.27ter 2.5).
fn training_ms(modulation: Modulation, training: Training) -> u64 {
    match (modulation, training) {
        (
            Modulation::V17At7200
            | Modulation::V17At9600
            | Modulation::V17At12000
            | Modulation::V17At14400,
            Training::Long,
        ) => 1_393,
        (
            Modulation::V17At7200
            | Modulation::V17At9600
            | Modulation::V17At12000
            | Modulation::V17At14400,
            Training::Short,
        ) => 142,
        (Modulation::V29At7200 | Modulation::V29At9600, _) => 253,
        (Modulation::V27ter4800, _) => 708,
        (Modulation::V27ter2400, _) => 943,
    }
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
