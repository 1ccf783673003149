//! The dialogue with one modem: a command out, its answer in, each before a deadline.
//!
//! In: command lines and data octets. Out: [`Reply`]s and data octets, or a [`Fault`].
//! Source: ITU-T V.250 5 (a command line and its one final result code); limits are our own.
//! Not here: which commands (`init.rs`, `class1.rs`, `class2`), reading the words (`at.rs`, `class2`).
//!
//! Nothing here waits without a deadline, and a word that ends a command ends the wait at once: a far end that
//! hangs up is left within 2 s of the modem's NO CARRIER. Where a modem says nothing, these end the wait:
//!
//! | file | constant | longest wait | for what |
//! |---|---|---|---|
//! | `talk` | `COMMAND_WRITE` | 2 s | a modem that takes no command |
//! | `talk` | `DEAF` | 150 ms | one that does not listen yet |
//! | `init` | `KNOCK` | 1 s | the first answer, nine times in all |
//! | `init` | `SETUP` | 5 s | each command of the set-up |
//! | `init` | `DTR_OFF` | 500 ms | DTR that is off |
//! | `line` | `READY_LIMIT` | 20 s | all of the set-up |
//! | `call` | `PER_DIGIT`, `PER_COMMA`, `PER_TONE`, `DIAL_SLACK` | 250 ms, 2 s, 5 s, 10 s | dialling, with the line's `answer_wait` |
//! | `call` | `DIAL_ABORT` | 5 s | a dialling that was stopped |
//! | `class1` | `ANSWER` | 3 s | a command, and with the time on the line each frame |
//! | `class1` | `SILENCE_SLACK` | 3 s | silence on the line, and the silence itself |
//! | `class1` | `FAST_OVERHEAD` | 5 s | a fast signal, and 5/4 of its time on the line |
//! | `class1` | `FRAME_RECEPTION` | 5 s | a frame whose carrier is there; before it T.30's timer counts |
//! | `class1` | `ABORT_ANSWER` | 1 s | a reception that was stopped |
//! | `class2/agree` | `ANSWER` | 5 s | a command |
//! | `class2/agree` | `FAR_END`, `TRAINING` | 50 s, 180 s | the modem's own phases A and B |
//! | `class2/page` | `READY`, `STUCK` | 1 s, 240 s | XON; octets that are not taken |
//! | `class2/status` | `STATUS`, `QUESTION` | 180 s, 3 s | the modem's own phase D; a question |
//! | `class2/session` | `LEAVE`, `AFTER_HANG_UP`, `STOP` | 10 s, 2 s, 5 s | the end of its session |
//! | `hang_up` | `BUFFERED`, `ON_HOOK` | 4 s, 3 s | what was still sent; each ATH |
//! | `hang_up` | `SOON` | 1000 ms | the first ATH, which may have been passed over |
//! | `hang_up` | `REFUSALS`, `QUIET` | 1000 ms, 150 ms | page octets that are refused as commands |
//! | `check` | `ANSWER`, `DIAL_TONE` | 3 s, 15 s | a question; the exchange |
//!
//! All of a call is within `call_limit`, and its end within 30 s.

use crate::at::{Lines, Reply};
use crate::trace::{Recorder, What};
use crate::{Fault, Port, PortError};
use std::collections::VecDeque;
use std::time::Duration;
use t30::Millis;
use tracing::trace;

/// Octets that a modem may send in answer to one command. The longest known answer (`AT&V`) has
/// about 2 KiB; +FTM=? has 60.
const ANSWER_MAX: usize = 16 * 1024;
/// Octets without an answer from which a modem babbles and is not silent: more than any echo of ours.
const BABBLE: usize = 256;

/// A command line is gone within 20 ms at 19 200 bit/s; 2 s, because the modem may hold us back.
const COMMAND_WRITE: Duration = Duration::from_secs(2);

/// A modem passes over octets that come sooner behind a command line than 125 ms, for they may belong
/// to it (V.250 5.6.1); and a margin for what waits on its way there.
const DEAF: Duration = Duration::from_millis(150);

/// From one RING to the next: 3 s in Japan, 6 s elsewhere, and a margin.
const RING_PERIOD: Duration = Duration::from_secs(7);

/// What came instead of, or as, the XON that lets page data begin.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Xon {
    Came,
    Reply(Reply),
    Late,
}

/// XON is an octet, not a line.
const XON: u8 = 0x11;

/// A command's result, and what the modem said before it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub text: Vec<String>,
    pub result: Reply,
}

pub(crate) struct Talk<P> {
    port: P,
    lines: Lines,
    unread: VecDeque<u8>,
    /// What the modem is working on, for messages; never a telephone number.
    after: String,
    /// Octets since then.
    heard: usize,
    /// V0 answers are understood too, until V1 is known to be set.
    pub numeric: bool,
    limit: Option<(Millis, Fault)>,
    /// The end of the last command line.
    commanded_at: Option<Millis>,
    rang_at: Option<Millis>,
    pub recorder: Recorder,
    /// RINGs heard since the port was opened first.
    pub rings: u64,
}

impl<P: Port> Talk<P> {
    pub(crate) fn new(port: P) -> Self {
        Self {
            port,
            lines: Lines::default(),
            unread: VecDeque::new(),
            after: "opening".into(),
            heard: 0,
            numeric: true,
            limit: None,
            commanded_at: None,
            rang_at: None,
            recorder: Recorder::new(),
            rings: 0,
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.port.now()
    }

    pub(crate) fn after(&self, wait: Duration) -> Millis {
        later(self.now(), wait)
    }

    pub(crate) fn port(&mut self) -> &mut P {
        &mut self.port
    }

    /// Notes what passes now.
    pub(crate) fn note(&mut self, what: What) {
        self.recorder.note(self.port.now(), what);
    }

    /// Closes the device and opens it again.
    pub(crate) fn reopen(&mut self) -> Result<(), PortError> {
        self.note(What::Reopened);
        self.port.reopen()
    }

    /// From now on every wait ends at this limit, with this fault.
    pub(crate) fn limit(&mut self, limit: Duration, fault: Fault) {
        self.limit = Some((self.after(limit), fault));
    }

    pub(crate) fn lift_limit(&mut self) {
        self.limit = None;
    }

    /// Sends a command and waits for its final result.
    ///
    /// # Errors
    /// [`Fault::Silent`] without a result after `wait`. An `ERROR` is a result, not a fault.
    pub(crate) fn command(&mut self, command: &str, wait: Duration) -> Result<Answer, Fault> {
        self.start(command, command)?;
        let until = self.after(wait);
        let mut text = Vec::new();
        loop {
            match self.reply(until)? {
                Some(Reply::Text(line)) => text.push(line),
                // Somebody calls; S0=0 leaves it ringing, and it is no answer to anything.
                Some(Reply::Ring) => {}
                Some(result) => return Ok(Answer { text, result }),
                None => return Err(self.silent(wait)),
            }
        }
    }

    /// The final result of a command that was started.
    ///
    /// # Errors
    /// As [`Talk::command`].
    pub(crate) fn result(&mut self, wait: Duration) -> Result<Reply, Fault> {
        let until = self.after(wait);
        loop {
            match self.reply(until)? {
                Some(Reply::Text(_) | Reply::Ring) => {}
                Some(result) => return Ok(result),
                None => return Err(self.silent(wait)),
            }
        }
    }

    /// Sends a command line without waiting; `shown` stands for it in messages and logs, while the trace
    /// of the call keeps the line itself with its numbers covered. What the modem said before is thrown
    /// away: no result may be older than its command.
    pub(crate) fn start(&mut self, command: &str, shown: &str) -> Result<(), Fault> {
        self.discard()?;
        shown.clone_into(&mut self.after);
        trace!(command = shown, "modem.command");
        self.recorder.command(self.port.now(), command);
        let mut line = command.as_bytes().to_vec();
        line.push(b'\r');
        self.send(&line, COMMAND_WRITE)?;
        self.commanded_at = Some(self.now());
        Ok(())
    }

    /// Stops what the modem is at with one octet and hears it end; `false` if it does not say so.
    pub(crate) fn stop(&mut self, octet: u8, wait: Duration) -> Result<bool, Fault> {
        if self.ends_before_it_hears()? {
            return Ok(true);
        }
        self.send(&[octet], COMMAND_WRITE)?;
        self.ends(self.after(wait))
    }

    /// Lets the time pass in which an octet would stop nothing; whether the command ended in it.
    pub(crate) fn ends_before_it_hears(&mut self) -> Result<bool, Fault> {
        match self.commanded_at {
            Some(at) => self.ends(later(at, DEAF)),
            None => Ok(false),
        }
    }

    fn ends(&mut self, until: Millis) -> Result<bool, Fault> {
        while let Some(reply) = self.reply(until)? {
            if reply.ends_a_command() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads all that is there and throws it away.
    pub(crate) fn discard(&mut self) -> Result<(), Fault> {
        self.heard = 0;
        while self.reply(Millis(0))?.is_some() {}
        self.lines.clear();
        self.heard = 0;
        Ok(())
    }

    /// Whether somebody calls just now: RING comes again with each ring.
    pub(crate) fn is_ringing(&self) -> bool {
        self.rang_at.is_some_and(|at| since(at, self.now()) < RING_PERIOD)
    }

    /// Octets that are no command line: data, or one that aborts.
    pub(crate) fn send(&mut self, octets: &[u8], wait: Duration) -> Result<(), Fault> {
        let until = self.after(wait);
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = self.offer(rest, until)?;
            if taken == 0 {
                let taken = octets.len() - rest.len();
                return Err(Fault::Stuck { taken, of: octets.len(), waited: wait });
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Offers octets until one is taken or `until` has passed (0).
    pub(crate) fn offer(&mut self, octets: &[u8], until: Millis) -> Result<usize, Fault> {
        let until = self.within_limit(until)?;
        let taken = self.port.write(octets, until)?;
        if taken == 0 {
            self.within_limit(until)?; // the limit was what ended it, not the modem
        }
        Ok(taken)
    }

    /// The next line, or `None` at `until`. Echoes are passed over.
    pub(crate) fn reply(&mut self, until: Millis) -> Result<Option<Reply>, Fault> {
        while let Some(octet) = self.octet(until)? {
            self.count()?;
            let Some(line) = self.lines.octet(octet) else { continue };
            if line.starts_with("AT") {
                continue;
            }
            let reply = Reply::parse(&line, self.numeric);
            if reply == Reply::Ring {
                self.rang_at = Some(self.now());
                self.rings = self.rings.saturating_add(1);
            }
            trace!(reply = reply.name(), after = self.after, "modem.reply");
            self.recorder.reply(self.port.now(), &line);
            return Ok(Some(reply));
        }
        Ok(None)
    }

    /// The next octet of data behind `CONNECT`, or `None` at `until`.
    pub(crate) fn data(&mut self, until: Millis) -> Result<Option<u8>, Fault> {
        while let Some(octet) = self.octet(until)? {
            // Whoever never stops would never let the deadline be looked at.
            self.count()?;
            if !self.lines.skips(octet) {
                return Ok(Some(octet));
            }
        }
        Ok(None)
    }

    /// Waits for XON behind `CONNECT`, without losing a line that comes instead.
    pub(crate) fn xon(&mut self, until: Millis) -> Result<Xon, Fault> {
        while let Some(octet) = self.octet(until)? {
            self.count()?;
            if octet == XON {
                return Ok(Xon::Came);
            }
            if let Some(line) = self.lines.octet(octet) {
                self.recorder.reply(self.port.now(), &line);
                return Ok(Xon::Reply(Reply::parse(&line, self.numeric)));
            }
        }
        Ok(Xon::Late)
    }

    /// One octet more since the last command or signal.
    fn count(&mut self) -> Result<(), Fault> {
        self.heard += 1;
        if self.heard > ANSWER_MAX {
            return Err(Fault::Babble { after: self.after.clone(), octets: ANSWER_MAX });
        }
        Ok(())
    }

    fn octet(&mut self, until: Millis) -> Result<Option<u8>, Fault> {
        if self.unread.is_empty() {
            let until = self.within_limit(until)?;
            let mut some = [0; 256];
            let got = self.port.read(&mut some, until)?;
            if got == 0 {
                self.within_limit(until)?;
            }
            self.unread.extend(some.iter().take(got));
        }
        Ok(self.unread.pop_front())
    }

    fn within_limit(&self, until: Millis) -> Result<Millis, Fault> {
        match &self.limit {
            None => Ok(until),
            Some((end, fault)) if self.now() >= *end => Err(fault.clone()),
            Some((end, _)) => Ok(until.min(*end)),
        }
    }

    /// A new name for what the modem is working on.
    pub(crate) fn now_at(&mut self, after: &str) {
        after.clone_into(&mut self.after);
        self.heard = 0;
    }

    /// The modem had its time: it said nothing, or much that was no answer.
    pub(crate) fn silent(&self, waited: Duration) -> Fault {
        if self.heard >= BABBLE {
            return Fault::Babble { after: self.after.clone(), octets: self.heard };
        }
        Fault::Silent { after: self.after.clone(), waited }
    }

    pub(crate) fn nonsense(&self, got: &Reply) -> Fault {
        Fault::Nonsense { after: self.after.clone(), got: got.name() }
    }

    pub(crate) fn refused(&self) -> Fault {
        Fault::Refused { command: self.after.clone() }
    }

    /// The meaning of a result that ends what we were doing.
    pub(crate) fn lost(&self, during: &'static str, reply: &Reply) -> Fault {
        match reply {
            Reply::NoCarrier | Reply::Busy | Reply::NoAnswer | Reply::NoDialTone => {
                Fault::Dropped { during, word: reply.name() }
            }
            Reply::Error => self.refused(),
            Reply::Ok
            | Reply::Connect
            | Reply::Ring
            | Reply::DialRefused(_)
            | Reply::Voice
            | Reply::FcError
            | Reply::Text(_) => self.nonsense(reply),
        }
    }
}

pub(crate) fn later(time: Millis, wait: Duration) -> Millis {
    Millis(time.0.saturating_add(millis(wait)))
}

pub(crate) fn since(from: Millis, to: Millis) -> Duration {
    Duration::from_millis(to.0.saturating_sub(from.0))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    /// What is looked at again and again, and a time that is not waited for.
    const NO_WAITS: [&str; 6] =
        ["TICK", "PROGRESS_EVERY", "LEAST_LISTEN", "PREAMBLE", "RING_PERIOD", "NO_WAITS"];

    #[test]
    fn every_wait_of_this_crate_stands_in_the_table_with_its_length() {
        let table: Vec<&str> =
            include_str!("talk.rs").lines().filter(|line| line.starts_with("//! | `")).collect();
        let files = [
            ("talk", include_str!("talk.rs")),
            ("init", include_str!("init.rs")),
            ("line", include_str!("line.rs")),
            ("call", include_str!("call.rs")),
            ("class1", include_str!("class1.rs")),
            ("class2/agree", include_str!("class2/agree.rs")),
            ("class2/page", include_str!("class2/page.rs")),
            ("class2/status", include_str!("class2/status.rs")),
            ("class2/session", include_str!("class2/session.rs")),
            ("hang_up", include_str!("hang_up.rs")),
            ("check", include_str!("check.rs")),
        ];
        let mut seen = 0;
        for (file, text) in files {
            for (name, wait) in text.lines().filter_map(constant) {
                if NO_WAITS.contains(&name) {
                    continue;
                }
                let stands = table.iter().any(|row| {
                    let cells: Vec<&str> = row.split(" | ").collect();
                    let names = cells[2].split(", ").map(|name| name.trim_matches('`'));
                    cells[1].trim_matches('`') == file
                        && names.zip(cells[3].split(", ")).any(|row| row == (name, wait.as_str()))
                });
                assert!(stands, "{file}: {name} = {wait} is not in the table");
                seen += 1;
            }
        }
        let listed: usize = table
            .iter()
            .map(|row| row.split(" | ").nth(3).map_or(0, |cell| cell.split(", ").count()))
            .sum();
        assert_eq!(seen, listed, "the table has waits that nobody has");
    }

    /// `NAME` and `3 s` of `const NAME: Duration = Duration::from_secs(3);`.
    fn constant(line: &str) -> Option<(&str, String)> {
        let line = line.trim_start_matches("pub(crate) ").strip_prefix("const ")?;
        let (name, value) = line.split_once(": Duration = Duration::from_")?;
        let (unit, number) = value.trim_end_matches(");").split_once('(')?;
        Some((
            name,
            format!("{} {}", number.replace('_', ""), if unit == "secs" { "s" } else { "ms" }),
        ))
    }
}
