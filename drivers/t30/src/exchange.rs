//! A command and the wait for its answer; and the ear with which every wait listens.
//!
//! In: the answers of the line. Out: a [`Turn`]: the next line action, a reply, or silence.
//! Source: ITU-T T.30 (09/2005) 5.4.2 (flow charts: three tries), 5.4.3.1 (T4), 5.4.3.2.
//! Not here: which reply means what; that is the state's to say.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    driving::{Input, LineAction},
    error::{CallError, Phase},
    frame::{self, Follows, Heard, Reply},
    signal::Signal,
    timers::{FRAME, FRAMES_PER_WAIT, GAP, Millis, T4, TRIES},
};

/// Listens until a deadline, and to no more than [`FRAMES_PER_WAIT`] frames.
pub(crate) struct Ear {
    until: Millis,
    frames: u8,
}

impl Ear {
    pub(crate) fn open(now: Millis, wait: Duration) -> Self {
        Self { until: now.after(wait), frames: 0 }
    }

    pub(crate) fn receive(&self) -> LineAction {
        LineAction::Receive { until: self.until }
    }

    /// A frame came. If its carrier goes on, the next frame is given the time to come whole.
    pub(crate) fn heard(&mut self, now: Millis, follows: Follows) {
        self.frames = self.frames.saturating_add(1);
        match follows {
            Follows::More => self.until = self.until.max(now.after(FRAME)),
            Follows::Last => {}
        }
    }

    /// Listens less long than was meant, never longer.
    pub(crate) fn no_later_than(&mut self, until: Millis) {
        self.until = self.until.min(until);
    }

    /// Nothing more is to be expected: the deadline is over, or the far end never stops.
    pub(crate) fn is_over(&self, now: Millis) -> bool {
        now >= self.until || self.frames >= FRAMES_PER_WAIT
    }
}

/// What an exchange has come to.
pub(crate) enum Turn {
    /// The exchange goes on.
    Line(LineAction),
    /// The command goes out again; which try this is.
    Again(LineAction, u8),
    /// A frame that could be read; the state says [`Exchange::ignore`] if it was no answer.
    Reply(Reply, Signal),
    /// The last try went unanswered.
    Silence,
    Aborted,
    /// Not an answer to what was asked.
    Misplaced(&'static str),
}

/// A command is on the line or was, and its answer is owed.
pub(crate) struct Exchange {
    /// What one try puts on the line, never empty.
    command: Vec<LineAction>,
    tries: u8,
    stage: Stage,
    /// The last readable frame that was no answer.
    odd: Option<Signal>,
}

enum Stage {
    /// This many actions of the command are done or under way.
    Sending {
        begun: usize,
    },
    Listening(Ear),
}

impl Exchange {
    /// Begins with this try; the action is its first. An exchange begun behind another for the same
    /// command goes on counting.
    pub(crate) fn begin(
        first: LineAction,
        rest: impl IntoIterator<Item = LineAction>,
        tries: u8,
    ) -> (Self, LineAction) {
        let mut command = Vec::from([first.clone()]);
        command.extend(rest);
        (Self { command, tries, stage: Stage::Sending { begun: 1 }, odd: None }, first)
    }

    /// Begins the first try of a command that is one frame.
    pub(crate) fn command(signal: Signal, fif: &[u8]) -> (Self, LineAction) {
        Self::begin(control([frame::command(signal, fif, Follows::Last)]), [], 1)
    }

    pub(crate) fn tries(&self) -> u8 {
        self.tries
    }

    pub(crate) fn step(&mut self, now: Millis, input: Input) -> Turn {
        match (&mut self.stage, input) {
            (_, Input::Abort) => Turn::Aborted,
            (Stage::Sending { begun }, Input::Sent) => match self.command.get(*begun) {
                Some(action) => {
                    *begun += 1;
                    Turn::Line(action.clone())
                }
                None => {
                    let ear = Ear::open(now, T4);
                    let receive = ear.receive();
                    self.stage = Stage::Listening(ear);
                    Turn::Line(receive)
                }
            },
            (Stage::Listening(ear), Input::Frame(octets)) => match frame::read(&octets) {
                Some(Heard { reply, follows, signal }) => {
                    ear.heard(now, follows);
                    Turn::Reply(reply, signal)
                }
                None => {
                    ear.heard(now, Follows::Last);
                    self.listen_on(now)
                }
            },
            (Stage::Listening(ear), Input::BadFrame) => {
                ear.heard(now, Follows::Last);
                self.listen_on(now)
            }
            (Stage::Listening(_), Input::Quiet) => self.again(),
            (
                Stage::Sending { .. },
                input @ (Input::Frame(_)
                | Input::BadFrame
                | Input::Quiet
                | Input::Judged(_)
                | Input::Lengths(_)
                | Input::Page(_)
                | Input::PageMayStart(_)),
            )
            | (
                Stage::Listening(_),
                input @ (Input::Sent
                | Input::Judged(_)
                | Input::Lengths(_)
                | Input::Page(_)
                | Input::PageMayStart(_)),
            ) => Turn::Misplaced(input.name()),
        }
    }

    /// The reply was a frame that goes before another and is no answer itself.
    pub(crate) fn listen_on(&mut self, now: Millis) -> Turn {
        match &self.stage {
            Stage::Listening(ear) if !ear.is_over(now) => Turn::Line(ear.receive()),
            Stage::Listening(_) | Stage::Sending { .. } => self.again(),
        }
    }

    /// The reply was none that this wait allows: note it, unless it is our own echo, and listen on.
    pub(crate) fn ignore(&mut self, now: Millis, signal: Signal) -> Turn {
        if !signal.is_a_senders() {
            self.odd = Some(signal);
        }
        self.listen_on(now)
    }

    /// T4 ran out, or the far end asked with CRP.
    pub(crate) fn again(&mut self) -> Turn {
        match self.command.first() {
            Some(first) if self.tries < TRIES => {
                self.tries += 1;
                self.stage = Stage::Sending { begun: 1 };
                Turn::Again(first.clone(), self.tries)
            }
            Some(_) | None => Turn::Silence,
        }
    }

    /// The error after [`Turn::Silence`]: what was heard instead of an answer, if anything was.
    pub(crate) fn silence(
        &self,
        waiting_for: &'static str,
        phase: Phase,
        no_reply: CallError,
    ) -> CallError {
        match self.odd {
            Some(got) => CallError::Unexpected { waiting_for, got, phase },
            None => no_reply,
        }
    }
}

/// These frames in one carrier, after the usual silence.
pub(crate) fn control(frames: impl IntoIterator<Item = Vec<u8>>) -> LineAction {
    LineAction::SendControl { silence: GAP, frames: frames.into_iter().collect() }
}
