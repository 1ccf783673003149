//! T.30's line actions as T.31 Class 1 commands: silence, control frames, fast signals, reception.
//!
//! In: [`t30::LineAction`]s, one at a time. Out: the [`t30::Input`] that answers each, or a [`Fault`].
//! Source: ITU-T T.31 (07/1995), +FTS +FRS +FTH +FRH +FTM; T.30 5.4.2 (longest frame).
//! Not here: which frames and when (`drivers/t30`), dialling and the end of a call (`call.rs`).

use crate::Fault;
use crate::at::Reply;
use crate::dle::{DLE, ETX, Step, Unshield, shield};
use crate::port::{Flow, Port};
use crate::talk::{Talk, later, millis, since};
use crate::trace::Recorder;
use std::time::Duration;
use t30::{Input, Millis, Modulation, Training};

/// Any command but the ones below: a modem answers within 1 s; 3 s, since some write to flash.
const ANSWER: Duration = Duration::from_secs(3);
/// To an octet that stops a reception: milliseconds; 1 s, well below T4 of 3 s.
const ABORT_ANSWER: Duration = Duration::from_secs(1);
/// V.21 preamble: 1 s +-15 % (T.30 5.3.1).
const PREAMBLE: Duration = Duration::from_millis(1150);
/// From CONNECT to the end of a received frame: the rest of its preamble and the 3 s +-15 % that a
/// frame may take (T.30 5.4.2), 4.6 s; rounded up.
const FRAME_RECEPTION: Duration = Duration::from_secs(5);
const SEND_FRAMES: &str = "AT+FTH=3";
/// Longest frame of T.30's binary procedures that we take, octets without FCS.
const FRAME_MAX: usize = 256;
const FCS_OCTETS: usize = 2;
/// Training (V.17 long 1.4 s, V.27ter long with echo protection 1.2 s) and a host that is late. What the modem
/// has in its buffers counts as line time.
const FAST_OVERHEAD: Duration = Duration::from_secs(5);
/// How often progress and a wish to stop are looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(200);
/// A modem that reports no carrier sooner than this is asked again only when the time is over.
const LEAST_LISTEN: Duration = Duration::from_millis(100);
/// Chosen: the far end's carrier ends tens of ms after its last frame, seconds are a fault of +FRS.
const SILENCE_SLACK: Duration = Duration::from_secs(3);

/// What the modem did last: decides which command makes the silence before the next signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// Dialling ended in CONNECT: the V.21 receiver is on already (T.31, ATD in Class 1).
    Connected,
    /// A frame came; its carrier may still be there.
    Received,
    /// We sent, or the line was quiet.
    Idle,
}

/// A fast signal on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sending {
    /// CONNECT is there; the next octet written is data.
    Starts,
    /// That many octets are on the line, by the rate and our clock, and were taken by the modem.
    Taken(usize),
}

/// Why listening ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Input(Input),
    /// The caller wished to stop.
    Interrupted,
}

/// One modem in a Class 1 connection.
pub(crate) struct Class1<'a, P> {
    talk: &'a mut Talk<P>,
    flow: Flow,
    abort: u8,
    last: Last,
}

impl<'a, P: Port> Class1<'a, P> {
    /// To be made when ATD was answered with CONNECT.
    pub(crate) fn connected(talk: &'a mut Talk<P>, flow: Flow, abort: u8) -> Self {
        Self { talk, flow, abort, last: Last::Connected }
    }

    pub(crate) fn now(&self) -> Millis {
        self.talk.now()
    }

    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        &mut self.talk.recorder
    }

    /// Frames in one V.21 carrier. Each frame but the last must have a clear final bit.
    pub(crate) fn send_control(
        &mut self,
        silence: Duration,
        frames: &[Vec<u8>],
    ) -> Result<Input, Fault> {
        self.silence(silence)?;
        self.connect(SEND_FRAMES)?;
        for (index, frame) in frames.iter().enumerate() {
            // A modem may say CONNECT a second time when the preamble ends before the frame came
            // (spandsp does): that one does not ask for the next frame.
            self.talk.discard()?;
            self.talk.now_at("a frame");
            let data = shield(frame);
            // 300 bit/s, with at most one stuffed bit in five, FCS and flags.
            let on_line = PREAMBLE + line_time(data.len() * 6 / 5 + 4, 300);
            self.talk.send(&data, ANSWER + on_line)?;
            let until = self.talk.after(ANSWER + on_line);
            let last = index + 1 == frames.len();
            loop {
                match (self.talk.reply(until)?, last) {
                    (Some(Reply::Ok), true) | (Some(Reply::Connect), false) => break,
                    (Some(Reply::Connect), true) | (Some(Reply::Text(_) | Reply::Ring), _) => {}
                    (Some(other), _) => return Err(self.talk.lost("a control frame", &other)),
                    (None, _) => return Err(self.talk.silent(ANSWER + on_line)),
                }
            }
        }
        self.last = Last::Idle;
        Ok(Input::Sent)
    }

    /// A high-speed carrier with these octets.
    pub(crate) fn send_fast(
        &mut self,
        silence: Duration,
        modulation: Modulation,
        training: Training,
        octets: &[u8],
        watch: &mut dyn FnMut(Sending, Millis),
    ) -> Result<Input, Fault> {
        self.silence(silence)?;
        self.connect(&format!("AT+FTM={}", carrier_code(modulation, training)))?;
        if self.flow == Flow::XonXoff {
            self.talk.port().xon_xoff(true)?;
        }
        let sent = self.stream(modulation, octets, watch);
        if self.flow == Flow::XonXoff {
            self.talk.port().xon_xoff(false)?;
        }
        sent?;
        self.last = Last::Idle;
        Ok(Input::Sent)
    }

    /// Data until DLE ETX is taken, then the modem's OK when the last bit is on the line.
    fn stream(
        &mut self,
        modulation: Modulation,
        octets: &[u8],
        watch: &mut dyn FnMut(Sending, Millis),
    ) -> Result<(), Fault> {
        let rate_bps = modulation.rate_bps();
        let data = shield(octets);
        let begin = self.now();
        // A quarter more than the line needs: a modem's buffers and a clock that is off.
        let allowed = line_time(data.len(), rate_bps) * 5 / 4 + FAST_OVERHEAD;
        let end = later(begin, allowed);
        let on_line = |now: Millis, rest: usize| {
            let by_clock = since(begin, now).as_millis() * u128::from(rate_bps) / 8000;
            let taken = octets.len().saturating_sub(rest);
            usize::try_from(by_clock).unwrap_or(usize::MAX).min(taken)
        };

        self.talk.now_at("a fast signal");
        watch(Sending::Starts, begin);
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let now = self.now();
            if now >= end {
                let taken = data.len() - rest.len();
                return Err(Fault::Stuck { taken, of: data.len(), waited: allowed });
            }
            let taken = self.talk.offer(rest, later(now, TICK).min(end))?;
            rest = rest.get(taken..).unwrap_or_default();
            match self.talk.reply(Millis(0))? {
                // The modem ended the carrier although we had more: part of the data is lost.
                Some(Reply::Ok) if !rest.is_empty() => {
                    let taken = data.len() - rest.len();
                    return Err(Fault::Underrun { taken, of: data.len() });
                }
                Some(Reply::Ok) => return Ok(()),
                Some(Reply::Text(_) | Reply::Ring) | None => {}
                Some(other) => return Err(self.talk.lost("a fast signal", &other)),
            }
            let now = self.now();
            watch(Sending::Taken(on_line(now, rest.len())), now);
        }
        loop {
            let now = self.now();
            if now >= end {
                return Err(self.talk.silent(allowed));
            }
            match self.talk.reply(later(now, TICK).min(end))? {
                Some(Reply::Ok) => {
                    watch(Sending::Taken(octets.len()), self.now());
                    return Ok(());
                }
                Some(Reply::Text(_) | Reply::Ring) => {}
                None => watch(Sending::Taken(on_line(self.now(), 0)), self.now()),
                Some(other) => return Err(self.talk.lost("a fast signal", &other)),
            }
        }
    }

    /// The V.21 receiver, until a frame or the deadline.
    pub(crate) fn receive(
        &mut self,
        until: Millis,
        stop: &dyn Fn() -> bool,
    ) -> Result<Heard, Fault> {
        loop {
            let asked = self.now();
            if self.last != Last::Connected {
                self.talk.start("AT+FRH=3", "AT+FRH=3")?;
                match self.carrier(until, stop)? {
                    Carrier::Found => {}
                    Carrier::None => {
                        // Listen again for what is left, but not in a tight loop.
                        self.last = Last::Idle;
                        self.rest_until(later(asked, LEAST_LISTEN).min(until))?;
                        if self.now() >= until {
                            return Ok(Heard::Input(Input::Quiet));
                        }
                        continue;
                    }
                    Carrier::TooLate => {
                        self.last = Last::Idle;
                        return Ok(Heard::Input(Input::Quiet));
                    }
                    Carrier::Stop => {
                        self.last = Last::Idle;
                        return Ok(Heard::Interrupted);
                    }
                }
            }
            self.last = Last::Received;
            return Ok(Heard::Input(match self.frame()? {
                Some(frame) => Input::Frame(frame),
                None => Input::BadFrame,
            }));
        }
    }

    fn carrier(&mut self, until: Millis, stop: &dyn Fn() -> bool) -> Result<Carrier, Fault> {
        loop {
            let now = self.now();
            let (over, stopped) = (now >= until, stop());
            if over || stopped {
                self.abort()?;
                return Ok(if stopped { Carrier::Stop } else { Carrier::TooLate });
            }
            match self.talk.reply(later(now, TICK).min(until))? {
                Some(Reply::Connect) => return Ok(Carrier::Found),
                // OK ends an earlier reception, or this one before anything was heard of it.
                Some(Reply::NoCarrier | Reply::FcError | Reply::Ok) => return Ok(Carrier::None),
                Some(Reply::Text(_) | Reply::Ring) | None => {}
                // It received before: now it is on-hook, where Class 1 commands are errors (T.31 8.3).
                Some(Reply::Error) => {
                    return Err(Fault::Dropped { during: "reception", word: "ERROR" });
                }
                Some(other) => return Err(self.talk.lost("reception", &other)),
            }
        }
    }

    /// The octets behind CONNECT: a good frame without its FCS, or `None`.
    fn frame(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.talk.now_at("CONNECT of a frame");
        let until = self.talk.after(FRAME_RECEPTION);
        let (mut unshield, mut frame) = (Unshield::default(), Vec::new());
        loop {
            let Some(octet) = self.talk.data(until)? else {
                self.abort()?;
                return Ok(None);
            };
            let (octet, times) = match unshield.octet(octet) {
                Step::One(octet) => (octet, 1),
                Step::TwoDle => (DLE, 2),
                Step::Nothing => continue,
                Step::End => break,
            };
            // One octet more is kept: the mark of a frame that is too long.
            let room = (FRAME_MAX + FCS_OCTETS + 1).saturating_sub(frame.len());
            frame.extend(std::iter::repeat_n(octet, times.min(room)));
        }
        let until = self.talk.after(ANSWER);
        loop {
            match self.talk.reply(until)? {
                Some(Reply::Ok) => break,
                // T.31: ERROR tells of a wrong FCS; NO CARRIER of a frame that was cut off.
                Some(Reply::Error | Reply::NoCarrier | Reply::FcError) => return Ok(None),
                Some(Reply::Text(_) | Reply::Ring) => {}
                Some(other) => return Err(self.talk.nonsense(&other)),
                None => return Err(self.talk.silent(ANSWER)),
            }
        }
        let octets = frame.len().saturating_sub(FCS_OCTETS);
        frame.truncate(octets);
        Ok((1..=FRAME_MAX).contains(&octets).then_some(frame))
    }

    fn rest_until(&mut self, until: Millis) -> Result<(), Fault> {
        while self.now() < until {
            self.talk.reply(until)?;
        }
        Ok(())
    }

    /// Silence before a signal, at least as long as asked for: the modem makes its tens of milliseconds,
    /// for its clock counts the line's time, and we the rest.
    fn silence(&mut self, silence: Duration) -> Result<(), Fault> {
        self.stop_listening()?;
        let tens = (millis(silence) / 10).min(255);
        if tens > 0 {
            self.modem_silence(silence, tens)?;
        }
        let rest = silence.saturating_sub(Duration::from_millis(tens * 10));
        self.rest_until(self.talk.after(rest))
    }

    fn modem_silence(&mut self, silence: Duration, tens: u64) -> Result<(), Fault> {
        let wait = silence + SILENCE_SLACK;
        match self.last {
            // Heard, not only counted: the far end's carrier is over when this one is answered.
            Last::Received | Last::Connected => {
                self.talk.start(&format!("AT+FRS={tens}"), "AT+FRS")?;
                let until = self.talk.after(wait);
                loop {
                    match self.talk.reply(until)? {
                        Some(Reply::Text(_) | Reply::Ring) => {}
                        Some(Reply::Ok | Reply::Error | Reply::NoCarrier) => return Ok(()),
                        Some(other) => return Err(self.talk.nonsense(&other)),
                        // Noise is no reason to say nothing: our turn has come.
                        None => return self.abort(),
                    }
                }
            }
            Last::Idle => {
                let answer = self.talk.command(&format!("AT+FTS={tens}"), wait)?;
                match answer.result {
                    Reply::Ok => Ok(()),
                    other => Err(self.talk.lost("silence", &other)),
                }
            }
        }
    }

    /// A transmit command whose answer is CONNECT.
    fn connect(&mut self, command: &str) -> Result<(), Fault> {
        let answer = self.talk.command(command, ANSWER)?;
        match answer.result {
            Reply::Connect => Ok(()),
            // Every modem of this class can send a frame: this one is on-hook (T.31 8.3).
            Reply::Error if command == SEND_FRAMES => {
                Err(Fault::Dropped { during: "the start of a signal", word: "ERROR" })
            }
            other => Err(self.talk.lost("the start of a signal", &other)),
        }
    }

    fn stop_listening(&mut self) -> Result<(), Fault> {
        if self.last == Last::Connected {
            self.abort()?;
            self.last = Last::Received;
        }
        Ok(())
    }

    /// Stops a reception. Sent alone and answered before anything else goes out: modems throw away
    /// what arrives together with it. NO CARRIER may have crossed it on the wire. No answer is no
    /// fault yet: the reception may have ended before; a dead modem shows at the next command.
    fn abort(&mut self) -> Result<(), Fault> {
        self.talk.now_at("the end of a reception");
        self.talk.stop(self.abort, ABORT_ANSWER).map(drop)
    }
}

/// What +FRH found.
enum Carrier {
    Found,
    None,
    TooLate,
    Stop,
}

/// The number that +FTM takes (T.31, table of modulations).
pub(crate) fn carrier_code(modulation: Modulation, training: Training) -> u16 {
    match (modulation, training) {
        (Modulation::V27ter2400, Training::Long | Training::Short) => 24,
        (Modulation::V27ter4800, Training::Long | Training::Short) => 48,
        (Modulation::V29At7200, Training::Long | Training::Short) => 72,
        (Modulation::V29At9600, Training::Long | Training::Short) => 96,
        (Modulation::V17At7200, Training::Long) => 73,
        (Modulation::V17At7200, Training::Short) => 74,
        (Modulation::V17At9600, Training::Long) => 97,
        (Modulation::V17At9600, Training::Short) => 98,
        (Modulation::V17At12000, Training::Long) => 121,
        (Modulation::V17At12000, Training::Short) => 122,
        (Modulation::V17At14400, Training::Long) => 145,
        (Modulation::V17At14400, Training::Short) => 146,
    }
}

/// Time that octets take at a rate, rounded up to a millisecond.
fn line_time(octets: usize, rate_bps: u32) -> Duration {
    let bits = u64::try_from(octets).unwrap_or(u64::MAX).saturating_mul(8);
    Duration::from_millis(bits.saturating_mul(1000).div_ceil(u64::from(rate_bps)))
}

/// Leaves whatever data state a modem may be in: ends data that it waits for, stops a reception.
pub(crate) fn leave_data<P: Port>(talk: &mut Talk<P>, abort: u8) -> Result<(), Fault> {
    talk.now_at("leaving data");
    talk.ends_before_it_hears()?;
    talk.send(&[DLE, ETX, abort], ANSWER)
}

pub(crate) mod session;
#[cfg(test)]
mod tests;
