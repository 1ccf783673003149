//! What the session and its caller say to each other.
//!
//! In: nothing. Out: the words [`Output`] and [`Input`], and what they are made of.
//! Source: the order of talk is on [`crate::Sender`]; octets as ITU-T T.31 (07/1995) 8.3 takes them.
//! Not here: what is said when (`session` and the phases).

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::{
    confirmed::PageConfirmed,
    contract::Contract,
    describe,
    error::CallError,
    modulation::{Modulation, Training},
    timers::Millis,
};

/// Who answered and what it can do: the moment to refuse is before any page data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FarEnd {
    /// CSI, decoded to printable ASCII, at most 20 characters; `None` if none was sent.
    pub csi: Option<String>,
    /// FIF octets of the DIS as received, for the trace; empty if a modem that speaks T.30 by itself keeps
    /// them to itself.
    pub dis: Vec<u8>,
    /// FIF of NSF, if any, at most 64 octets kept.
    pub nsf: Option<Vec<u8>>,
}

/// Something for the modem to do, wholly, before the next input.
///
/// Octets are as a Class 1 modem takes them: bit 0 goes first on the line. Frames are from the
/// address to the last octet of the FIF, without FCS, flags and DLE stuffing.
#[derive(Clone, Eq, PartialEq)]
pub enum LineAction {
    /// Silence, preamble, then these frames in one V.21 carrier. Answer: [`Input::Sent`].
    SendControl { silence: Duration, frames: Vec<Vec<u8>> },
    /// V.21 receiver on until a frame or the deadline. Answer: `Frame`, `BadFrame` or `Quiet`.
    /// Asked again after a frame, the same carrier is listened to.
    ///
    /// The deadline is for the carrier: a frame whose flags are there by then is heard to its end,
    /// which takes at most 3.45 s more (T.30 5.3.1).
    Receive { until: Millis },
    /// Silence, then this carrier with these octets (TCF, a page, or an ECM block with its flags,
    /// stuffing and FCS already in the bits). Answer: [`Input::Sent`].
    SendFast {
        silence: Duration,
        modulation: Modulation,
        training: Training,
        what: Fast,
        octets: Vec<u8>,
    },
}

/// Frames covered as a trace may keep them, for one may hold a password; of page octets the number.
impl fmt::Debug for LineAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SendControl { silence, frames } => {
                let mut frames = frames.clone();
                frames.iter_mut().for_each(|frame| describe::cover(frame));
                write!(f, "SendControl {{ silence: {silence:?}, frames: {frames:02X?} }}")
            }
            Self::Receive { until } => write!(f, "Receive {{ until: {until:?} }}"),
            Self::SendFast { silence, modulation, training, what, octets } => write!(
                f,
                "SendFast {{ silence: {silence:?}, {modulation:?}, {training:?}, {what:?}, {} octets }}",
                octets.len()
            ),
        }
    }
}

/// What a high-speed signal carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fast {
    Tcf,
    /// Phase C of this page (counted from 0); with ECM one partial page of it.
    Page {
        page: u16,
    },
}

/// A question whose answer is an [`Input`] of the same name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Question {
    /// May pages go to this machine? Answer: [`Input::Judged`]. Asked before any DCS.
    FarEnd(FarEnd),
    /// How many octets are the pages from this one on, coded for each of these contracts, with fill and
    /// RTC or EOFB? The contracts differ in their coding alone, the plainest first. Answer:
    /// [`Input::Lengths`]. Asked before DCS, where there is a choice.
    Lengths { page: u16, contracts: Vec<Contract> },
    /// The coded page for this contract, with its RTC or EOFB. Answer: [`Input::Page`].
    /// Asked after training; asked again only if coding, resolution, or fill changed.
    Page { page: u16, contract: Contract },
    /// First octet of phase C is next: write down that the page has started.
    /// Answer: [`Input::PageMayStart`]. Asked before each phase C carrier.
    PageStart { page: u16 },
}

/// What the session wants next.
#[derive(Debug, PartialEq)]
pub enum Output {
    Line(LineAction),
    Ask(Question),
    Event(Event),
    /// The session is over: hang up now.
    Ended(Result<(), CallError>),
}

/// Something that happened; every field of [`Output`]'s answer is here, nothing else is.
#[derive(Clone, Eq, PartialEq)]
pub enum Input {
    /// The action was carried out; the last bit is on the line.
    Sent,
    /// A frame with a good FCS, without the FCS. At most 256 octets.
    Frame(Vec<u8>),
    /// A frame whose FCS was wrong, or a carrier without a frame.
    BadFrame,
    /// The deadline of the action passed.
    Quiet,
    /// Answer to [`Question::FarEnd`]; `false` ends the call with DCN.
    Judged(bool),
    /// Answer to [`Question::Lengths`], in its order. A contract whose number is missing is not taken but for
    /// the first, if all are missing.
    Lengths(Vec<usize>),
    /// Answer to [`Question::Page`].
    Page(Vec<u8>),
    /// Answer to [`Question::PageStart`]; `false` ends the call with DCN, no page octet sent.
    PageMayStart(bool),
    /// Stop as T.30 allows: before phase C at once with DCN, in phase C after this carrier.
    /// Taken in place of any answer, and at any other time.
    Abort,
}

/// Frames covered as a trace may keep them, for one may hold an identity; of page octets the number.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(octets) => {
                let mut frame = octets.clone();
                describe::cover(&mut frame);
                write!(f, "Frame({frame:02X?})")
            }
            Self::Judged(yes) => write!(f, "Judged({yes})"),
            Self::Lengths(octets) => write!(f, "Lengths({octets:?})"),
            Self::Page(octets) => write!(f, "Page({} octets)", octets.len()),
            Self::PageMayStart(yes) => write!(f, "PageMayStart({yes})"),
            Self::Sent | Self::BadFrame | Self::Quiet | Self::Abort => f.write_str(self.name()),
        }
    }
}

impl Input {
    /// Its name, for the error that says it came at the wrong time.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sent => "Sent",
            Self::Frame(_) => "Frame",
            Self::BadFrame => "BadFrame",
            Self::Quiet => "Quiet",
            Self::Judged(_) => "Judged",
            Self::Lengths(_) => "Lengths",
            Self::Page(_) => "Page",
            Self::PageMayStart(_) => "PageMayStart",
            Self::Abort => "Abort",
        }
    }
}

/// For people and traces; the session does not wait.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// The contract is new or has changed: after DIS, after FTT, with CTC.
    Agreed(Contract),
    /// DCS and TCF go out, first try is 1.
    Training {
        modulation: Modulation,
        tries: u8,
    },
    Trained {
        modulation: Modulation,
    },
    /// The far end confirmed this page.
    Confirmed(PageConfirmed),
    /// It asked for octets again: with PPR this many frames, with RTN the whole page, told as 0.
    Repeat {
        page: u16,
        frames: u16,
    },
}
