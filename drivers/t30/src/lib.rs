//! ITU-T T.30, the calling machine that sends: a state machine without clock, thread or device.
//!
//! In: [`Input`]s, each with the time at which it happened. Out: [`Output`]s, one at a time: something
//! to do on the line, a question to the caller, an event to show, or the end.
//! Source: ITU-T T.30 (09/2005); clauses beside the lines.
//! Not here: AT commands and devices (`drivers/modem`), coding of pels (`drivers/t4`), whether to
//! call again (`src/settle`).
#![no_std]
extern crate alloc;

use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// Time since an origin that the caller chose, counted in milliseconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Millis(pub u64);

/// A modulation at one signalling rate (T.30 table 2, bits 11 to 14).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Modulation {
    V27ter2400,
    V27ter4800,
    V29At7200,
    V29At9600,
    V17At7200,
    V17At9600,
    V17At12000,
    V17At14400,
}

/// Training before a high-speed signal: long before TCF, short (V.17 only) before a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Training {
    Long,
    Short,
}

/// Coding of the page data that was agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    Mh,
    Mr,
    Mmr,
}

/// Vertical resolution that was agreed on: 3.85 or 7.7 line/mm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    Standard,
    Fine,
}

/// What DIS and DCS settled: how pages go over this line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contract {
    pub modulation: Modulation,
    pub ecm: bool,
    pub coding: Coding,
    pub resolution: Resolution,
    /// Least time for one scan line, 0 with ECM (T.30 table 2, bits 21 to 23).
    pub min_scan_line: Duration,
}

/// Who answered and what it can do: the moment to refuse is before any page data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FarEnd {
    /// CSI, decoded to printable ASCII, at most 20 characters; `None` if none was sent.
    pub csi: Option<String>,
    /// FIF octets of the DIS as received, for the trace.
    pub dis: Vec<u8>,
    /// FIF of NSF, if any, at most 64 octets kept.
    pub nsf: Option<Vec<u8>>,
}

/// Something for the modem to do, wholly, before the next input.
///
/// Octets are as a Class 1 modem takes them: bit 0 goes first on the line. Frames are from the
/// address to the last octet of the FIF, without FCS, flags and DLE stuffing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineAction {
    /// Silence, preamble, then these frames in one V.21 carrier. Answer: [`Input::Sent`].
    SendControl { silence: Duration, frames: Vec<Vec<u8>> },
    /// V.21 receiver on until a frame or the deadline. Answer: `Frame`, `BadFrame` or `Quiet`.
    /// Asked again after a frame, the same carrier is listened to.
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
    /// Nothing on the line until then. Answer: [`Input::Quiet`].
    Wait { until: Millis },
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
    /// The coded page for this contract. Answer: [`Input::Page`].
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
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// Answer to [`Question::Page`].
    Page(Vec<u8>),
    /// Answer to [`Question::PageStart`]; `false` ends the call with DCN, no page octet sent.
    PageMayStart(bool),
    /// Stop as T.30 allows: before phase C at once with DCN, in phase C after this carrier.
    Abort,
}

/// For people and traces; the session does not wait.
#[derive(Debug, PartialEq)]
pub enum Event {
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
    /// It asked for octets again (PPR: how many frames; RTN: the whole page).
    Repeat {
        page: u16,
        frames: u16,
    },
}

/// Proof that the called machine confirmed a page. Only the reader of MCF, RTP or PIP makes one.
#[derive(Debug, Eq, PartialEq)]
pub struct PageConfirmed {
    page: u16,
}

/// Why a call ended before every page was confirmed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {}
