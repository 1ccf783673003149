//! A modem that does what a script says, in simulated time: for the faults that no real one gives.
//!
//! In: answers per command, and what the driver writes. Out: octets at their time, and a log of what
//! the driver did. Source: ITU-T T.31 and T.32 for when a modem is in data. Not here: T.30, lines, audio
//! (`drivers/softline` has real modems); a whole dialogue of Class 2 to 2.1 in a few words ([`Script`]).

mod script;

pub use script::Script;

use crate::{Dtr, Port, PortError};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;
use t30::Millis;

const DLE: u8 = 0x10;
const ETX: u8 = 0x03;
/// Ends of a page in Class 2.0 and 2.1, behind DLE: more pages, another document, no more.
const MARKS: [u8; 3] = *b",;.";
/// Octets so soon behind a command line stop nothing (V.250 5.6.1).
const DEAF: Duration = Duration::from_millis(125);

/// What the driver did with the modem, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Done {
    Command(String),
    /// Octets behind CONNECT, shield taken off.
    Data(Vec<u8>),
    /// An octet that stopped what was going on.
    Abort,
    XonXoff(bool),
    DtrOff,
    Reopened,
}

/// How the modem stands after an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    /// Waits for a command.
    Command,
    /// Takes data until DLE ETX.
    Data,
    /// Takes a page until DLE ETX or DLE and a mark.
    Page,
    /// Still at work: any octet stops it, and it says OK.
    Busy,
    /// The plug is pulled.
    Gone,
    /// Takes nothing any more.
    Stuck,
    /// Takes all and never says anything again, until DTR falls or the device is opened anew.
    Dead,
}

/// What the modem says to one command, `after` the command came.
#[derive(Clone, Debug)]
pub struct Answer {
    after: Duration,
    octets: Vec<u8>,
    then: Then,
}

impl Answer {
    /// Lines, each between CR LF: `says("CONNECT")`.
    pub fn says(lines: &str) -> Self {
        let octets = lines.lines().flat_map(|line| format!("\r\n{line}\r\n").into_bytes());
        Self { after: Duration::from_millis(1), octets: octets.collect(), then: Then::Command }
    }

    /// These octets as they are.
    pub fn raw(octets: impl Into<Vec<u8>>) -> Self {
        Self { octets: octets.into(), ..Self::says("") }
    }

    /// CONNECT, then this frame with two octets of FCS, then `result`.
    pub fn frame(frame: &[u8], result: &str) -> Self {
        let mut octets = b"\r\nCONNECT\r\n".to_vec();
        octets.extend(crate::dle::shield(&[frame, &[0xAA, 0x55]].concat()));
        octets.extend(Self::says(result).octets);
        Self::raw(octets)
    }

    /// Nothing, until an octet stops the modem.
    pub fn nothing() -> Self {
        Self::says("").unfinished()
    }

    /// The modem goes on with the command until an octet stops it.
    #[must_use]
    pub fn unfinished(self) -> Self {
        Self { then: Then::Busy, ..self }
    }

    /// CONNECT, and data is taken until DLE ETX; that is answered by the rule for `DATA`.
    pub fn takes_data() -> Self {
        Self::says("CONNECT").then_takes_data()
    }

    /// As [`Self::takes_data`] behind this answer.
    #[must_use]
    pub fn then_takes_data(self) -> Self {
        Self { then: Then::Data, ..self }
    }

    /// Behind this answer a page is taken until DLE ETX, answered by the rule for `DATA`, or until DLE and a
    /// mark, answered by the one for `DATA,`, `DATA;` or `DATA.`.
    #[must_use]
    pub fn then_takes_page(self) -> Self {
        Self { then: Then::Page, ..self }
    }

    /// No answer, not even to an octet that stops.
    pub fn dead() -> Self {
        Self { then: Then::Dead, ..Self::says("") }
    }

    /// CONNECT, and then no octet is taken any more.
    pub fn stuck() -> Self {
        Self { then: Then::Stuck, ..Self::says("CONNECT") }
    }

    /// No answer: the plug is pulled.
    pub fn unplugged() -> Self {
        Self { then: Then::Gone, ..Self::says("") }
    }

    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// The modem. Commands without a rule are answered with OK; +FTH and +FTM take data.
pub struct FakeModem {
    now: Millis,
    rules: Vec<(String, VecDeque<Answer>)>,
    due: VecDeque<(Millis, u8)>,
    line: Vec<u8>,
    state: Then,
    after_dle: bool,
    /// When the answer to the last command comes; before that any octet stops it.
    answers_at: Millis,
    /// Until then no octet stops the last command.
    deaf_until: Millis,
    /// Octets of data taken per second; `None` takes all at once.
    pub octets_per_s: Option<u32>,
    pub has_dtr: bool,
    /// Whether the plug is back when the device is opened again.
    pub comes_back: bool,
    /// Octets of pages taken so far, without shields and end marks; whole pages stand in the log.
    pub page_octets: usize,
    /// The octets behind DLE that ended them.
    pub page_ends: Vec<u8>,
    /// What happens when that many octets were taken.
    pub in_page: Option<(usize, Answer)>,
    /// It did: the rest of the page still comes.
    page_cut_short: bool,
    /// The plug is pulled at the first of these times and back at the second.
    pub pulled: Option<(Millis, Millis)>,
    pub log: Vec<Done>,
}

impl Default for FakeModem {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeModem {
    /// A modem that is Class 1, knows every rate and says OK to all else.
    pub fn new() -> Self {
        let modem = Self {
            now: Millis(0),
            rules: Vec::new(),
            due: VecDeque::new(),
            line: Vec::new(),
            state: Then::Command,
            after_dle: false,
            answers_at: Millis(0),
            deaf_until: Millis(0),
            octets_per_s: None,
            has_dtr: true,
            comes_back: true,
            page_octets: 0,
            page_ends: Vec::new(),
            in_page: None,
            page_cut_short: false,
            pulled: None,
            log: Vec::new(),
        };
        modem
            .on("AT+FCLASS=?", [Answer::says("0,1,1.0,2,8\nOK")])
            .on("AT+GCI?", [Answer::says("+GCI: 00\nOK")])
            .on("AT+FTH", [Answer::takes_data()])
            .on("AT+FTM", [Answer::takes_data()])
            .on("AT+FTM=?", [Answer::says("24,48,72,73,74,96,97,98,121,122,145,146\nOK")])
            .on("AT+FRH", [Answer::nothing()])
            .on("ATD", [Answer::nothing()])
    }

    /// The answers to commands that begin so, one after the other, the last for ever. A later rule
    /// goes before an earlier one. `DATA` stands for the end of data.
    #[must_use]
    pub fn on(mut self, command: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.rules.retain(|(known, _)| known != command);
        self.rules.insert(0, (command.to_owned(), answers.into_iter().collect()));
        self
    }

    /// Octets that nobody asked for, `after` now.
    pub fn unasked(&mut self, octets: &[u8], after: Duration) {
        let at = crate::talk::later(self.now, after);
        let behind = self.due.partition_point(|(due, _)| *due <= at);
        let later = self.due.split_off(behind);
        self.due.extend(octets.iter().map(|&octet| (at, octet)));
        self.due.extend(later);
    }

    /// The commands so far.
    pub fn commands(&self) -> Vec<&str> {
        let commands = self.log.iter().filter_map(|done| match done {
            Done::Command(command) => Some(command.as_str()),
            Done::Data(_) | Done::Abort | Done::XonXoff(_) | Done::DtrOff | Done::Reopened => None,
        });
        commands.collect()
    }

    /// Time passes while nobody asks the modem for anything.
    pub fn rest(&mut self, rest: Duration) {
        self.now = crate::talk::later(self.now, rest);
    }

    /// Looks at the plug as it is by now; what the modem had to say is lost with it.
    fn look_at_the_plug(&mut self) {
        if self.pulled.is_some_and(|(from, _)| from <= self.now) && self.state != Then::Gone {
            self.due.clear();
            self.state = Then::Gone;
        }
    }

    fn answer(&mut self, command: &str) {
        let found = self.rules.iter_mut().find(|(prefix, _)| command.starts_with(prefix.as_str()));
        let answer = match found {
            Some((_, answers)) if answers.len() > 1 => answers.pop_front(),
            Some((_, answers)) => answers.front().cloned(),
            None => None,
        };
        self.play(answer.unwrap_or_else(|| Answer::says("OK")));
    }

    fn play(&mut self, answer: Answer) {
        self.unasked(&answer.octets, answer.after);
        self.answers_at = crate::talk::later(self.now, answer.after);
        self.state = answer.then;
    }

    fn stop(&mut self) {
        if self.now < self.deaf_until {
            return;
        }
        self.log.push(Done::Abort);
        self.due.clear();
        (self.state, self.answers_at) = (Then::Command, self.now);
        self.unasked(b"\r\nOK\r\n", Duration::from_millis(1));
    }

    fn take(&mut self, octet: u8) {
        let at_work = self.now < self.answers_at;
        match self.state {
            Then::Gone | Then::Stuck | Then::Dead => {}
            Then::Busy => self.stop(),
            Then::Command | Then::Data | Then::Page if at_work => self.stop(),
            Then::Page if std::mem::take(&mut self.after_dle) => match octet {
                ETX => self.end_of_page(octet, "DATA"),
                mark if MARKS.contains(&mark) => {
                    self.end_of_page(octet, &format!("DATA{}", char::from(mark)));
                }
                other => self.page_octet(other),
            },
            Then::Page if octet == DLE => self.after_dle = true,
            Then::Page => self.page_octet(octet),
            Then::Data if std::mem::take(&mut self.after_dle) => match octet {
                ETX => {
                    let data = std::mem::take(&mut self.line);
                    // A frame whose final bit is clear is not the last (T.31, +FTH).
                    let more = data.starts_with(&[0xFF, 0x03]);
                    self.log.push(Done::Data(data));
                    self.answer("DATA");
                    if more && self.state == Then::Command {
                        self.due.clear();
                        self.answers_at = self.now;
                        self.unasked(b"\r\nCONNECT\r\n", Duration::from_millis(1));
                        self.state = Then::Data;
                    }
                }
                other => self.line.push(other),
            },
            Then::Data if octet == DLE => self.after_dle = true,
            Then::Data => self.line.push(octet),
            Then::Command if octet == b'\r' => {
                let line = std::mem::take(&mut self.line);
                let command = String::from_utf8_lossy(&line).into_owned();
                // As V.250 5.2.1 says, anything before AT is nothing.
                let Some(start) = command.find("AT") else { return };
                let command = command.split_at(start).1.to_owned();
                self.log.push(Done::Command(command.clone()));
                self.deaf_until = crate::talk::later(self.now, DEAF);
                self.answer(&command);
            }
            Then::Command => self.line.push(octet),
        }
    }

    fn end_of_page(&mut self, mark: u8, rule: &str) {
        self.page_ends.push(mark);
        let page = std::mem::take(&mut self.line);
        self.log.push(Done::Data(page));
        self.answer(rule);
    }

    fn page_octet(&mut self, octet: u8) {
        self.line.push(octet);
        self.page_octets += 1;
        if self.in_page.as_ref().is_some_and(|(octets, _)| *octets == self.page_octets)
            && let Some((_, answer)) = self.in_page.take()
        {
            self.play(answer);
            self.answers_at = self.now; // octets on their way stop nothing
            self.page_cut_short = true;
        }
    }

    fn gone(&self) -> PortError {
        PortError::Gone { device: PathBuf::from("/dev/fake"), detail: "unplugged".into() }
    }
}

impl Port for FakeModem {
    fn read(&mut self, octets: &mut [u8], until: Millis) -> Result<usize, PortError> {
        self.look_at_the_plug();
        if let Some((from, _)) = self.pulled
            && self.now < from
            && from <= until
            && self.due.front().is_none_or(|(at, _)| *at > from)
        {
            self.now = from;
            self.look_at_the_plug();
        }
        if self.state == Then::Gone && self.due.is_empty() {
            return Err(self.gone());
        }
        match self.due.front() {
            Some((at, _)) if *at <= until.max(self.now) => self.now = self.now.max(*at),
            Some(_) | None => {
                self.now = self.now.max(until);
                return Ok(0);
            }
        }
        let mut got = 0;
        for place in octets {
            match self.due.front() {
                Some((at, octet)) if *at <= self.now => *place = *octet,
                Some(_) | None => break,
            }
            self.due.pop_front();
            got += 1;
        }
        Ok(got)
    }

    fn write(&mut self, octets: &[u8], until: Millis) -> Result<usize, PortError> {
        self.look_at_the_plug();
        match self.state {
            Then::Gone => return Err(self.gone()),
            Then::Stuck => {
                self.now = self.now.max(until);
                return Ok(0);
            }
            Then::Command | Then::Data | Then::Page | Then::Busy | Then::Dead => {}
        }
        let mut takes = octets.len();
        let in_data = matches!(self.state, Then::Data | Then::Page) || self.page_cut_short;
        if let (true, Some(per_s)) = (in_data, self.octets_per_s) {
            takes = takes.min(64);
            let took_ms = (takes as u64 * 1000).div_ceil(u64::from(per_s));
            self.now = Millis(self.now.0 + took_ms);
        }
        for &octet in octets.iter().take(takes) {
            self.take(octet);
        }
        Ok(takes)
    }

    fn now(&self) -> Millis {
        self.now
    }

    fn xon_xoff(&mut self, on: bool) -> Result<(), PortError> {
        self.log.push(Done::XonXoff(on));
        Ok(())
    }

    fn set_dtr(&mut self, on: bool) -> Result<Dtr, PortError> {
        self.look_at_the_plug();
        if self.state == Then::Gone {
            return Err(self.gone());
        }
        if !self.has_dtr {
            return Ok(Dtr::Unknown);
        }
        if !on {
            self.log.push(Done::DtrOff);
            self.due.clear();
            self.line.clear();
            self.state = Then::Command;
        }
        Ok(Dtr::Set)
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        self.log.push(Done::Reopened);
        self.look_at_the_plug();
        let out = self.pulled.is_some_and(|(from, to)| from <= self.now && self.now < to);
        if self.state == Then::Gone && (out || !self.comes_back) {
            return Err(PortError::NoSuchDevice(PathBuf::from("/dev/fake")));
        }
        if self.state == Then::Gone {
            self.pulled = None;
        }
        self.due.clear();
        self.line.clear();
        self.after_dle = false;
        self.state = Then::Command;
        Ok(())
    }
}
