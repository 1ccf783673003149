//! Fax modems on a serial port: AT dialogue, Classes 1 to 2.1, one OS thread per line.
//!
//! In: a call to make ([`Call`]) and a [`CallHost`] that decides on the way. Out: a [`CallReport`].
//! Source: ITU-T T.31 (07/1995), T.32, V.250, SP-2388, makers' manuals as each profile says.
//! Not here: what frames mean (`drivers/t30`), coding of pels (`drivers/t4`), whether to call again
//! (`src/settle`).
//!
//! The way of a call, a file each: [`Line`] opens a `port`, `init` gets the modem ready by `talk`ing
//! to it, as its `profile` says, and chooses its [`Class`]; `call` dials. Then either `class1` drives
//! `t30::Sender`, or `class2` hands pages to a modem that speaks T.30 itself. `hang_up` proves that it
//! is over; `trace` keeps what passed, `replay` runs it again. [`fake`] is a modem that does what a test
//! says.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

mod at;
mod call;
mod check;
mod class;
mod class1;
mod class2;
mod confirmed;
mod dle;
mod error;
pub mod fake;
mod hang_up;
mod holder;
mod init;
mod line;
mod port;
mod profile;
mod replay;
mod talk;
mod trace;

pub use check::{Country, DialTone};
pub use class::Class;
pub use class2::codes::{HangUpCause, HungUp};
pub use class2::{Said, explain};
pub use confirmed::{PageConfirmed, StatusConfirmed};
pub use error::{Fault, LineError, PortError};
pub use holder::{Holder, Holders};
pub use line::Line;
pub use port::{Dtr, Flow, Port, SerialPort};
pub use profile::models;
pub use replay::{Replay, replay};
pub use trace::{Entry, Octets, SessionSettings, Trace, What};

use std::path::PathBuf;
use std::time::Duration;

/// What the caller of a call decides and writes down on the way. All methods run on the line's
/// thread and may block; each says for how long.
pub trait CallHost {
    /// The next octet written is `ATD`: make the intent to dial durable. Blocks at most 5 s.
    fn dial_starts(&mut self) -> Go;
    /// The called machine said who it is. Nothing of the page has left. Blocks at most 1 s.
    fn far_end(&mut self, far_end: &t30::FarEnd) -> Go;
    /// How many octets are the pages from this one on, coded for each of these contracts? They differ in
    /// their coding alone. Only Class 1 asks, while the called machine waits for us. Blocks at most 1 s.
    fn lengths(&mut self, page: u16, contracts: &[t30::Contract]) -> Vec<usize>;
    /// The coded page for this contract, bit 0 first. Blocks at most 1 s.
    fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8>;
    /// The next octet written is page data: make PAGE_STARTED durable. Blocks at most 2 s.
    fn page_starts(&mut self, page: u16) -> Go;
    /// The far end confirmed a page.
    fn page_confirmed(&mut self, proof: PageConfirmed);
    /// All but the hang-up is known and the line is still held: make the result durable. Blocks at
    /// most 5 s.
    fn result_before_hang_up(&mut self, report: &CallReport);
    /// For people: never blocks.
    fn progress(&mut self, progress: Progress);
    /// Somebody wants this call to stop.
    fn cancelled(&self) -> bool;
}

/// Leave to go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Go {
    On,
    Stop,
}

/// The steps of a call that a person follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    Dialling,
    Answered,
    Identity {
        csi: Option<String>,
    },
    Agreed(t30::Contract),
    Training {
        modulation: t30::Modulation,
        tries: u8,
    },
    Trained {
        modulation: t30::Modulation,
    },
    /// Octets of this page's carrier that the modem has taken, of all.
    Page {
        page: u16,
        octets: usize,
        of: usize,
    },
    Repeat {
        page: u16,
        frames: u16,
    },
    Confirmed {
        page: u16,
    },
    HungUp,
}

/// How one line is reached and set up.
#[derive(Clone, Debug)]
pub struct LineSettings {
    pub name: String,
    pub device: PathBuf,
    pub baud: u32,
    /// Digits before every number, e.g. `0,` behind a private exchange.
    pub dial_prefix: String,
    /// `+GCI` country, 0x00 is Japan; `None` leaves the modem's own.
    pub country: Option<u8>,
    /// One of [`models`]; `None` asks the modem.
    pub modem: Option<String>,
    /// `None` takes the one of the modem's whose word on a page is the surest.
    pub class: Option<Class>,
    /// Longest wait from the end of dialling to CONNECT; T.30 T1 and ringing, 60 s.
    pub answer_wait: Duration,
    /// No call lasts longer.
    pub call_limit: Duration,
}

/// One call: digits only, already allowed by policy.
#[derive(Clone, Debug)]
pub struct Call {
    pub digits: String,
    /// Our identity for TSI, at most 20 of `0-9 + space`; `None` sends none.
    pub tsi: Option<String>,
    pub pages: u16,
    pub fine: bool,
    pub ecm: bool,
    /// T.85 where the far end has it; only Class 1 can.
    pub t85: bool,
    pub fastest: t30::Modulation,
    /// Length of the longest page in mm.
    pub longest_page_mm: u16,
    /// The box at the called machine, and what opens it; `None` is its open tray.
    pub sub: Option<t30::Subaddress>,
    pub pwd: Option<t30::Password>,
}

/// How the call ended. One variant, one meaning: `settle/verdict.rs` matches every one.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Every page was confirmed.
    Delivered,
    Busy,
    NoAnswer,
    NoDialTone,
    /// Off-hook, dialled, and the modem heard nothing like a fax machine until its wait was over.
    NoCarrier,
    /// The modem had said nothing at all when our own wait was over, which is longer than the modem's.
    NoWord,
    /// The modem refused to dial: `DELAYED`, `BLACKLISTED` or `DIALING DISABLED`.
    DialRefused {
        word: String,
    },
    /// An incoming call was met while dialling.
    Glare,
    /// The modem heard a person. Few modems say so; with the others it is [`Ending::NoCarrier`].
    Voice,
    /// The host said stop before dialling, or the call was cancelled before page data.
    Stopped,
    /// The session ended early; see the error for the phase.
    Session(t30::CallError),
    /// A modem of Class 2, 2.0 or 2.1 hung up by itself and said why.
    HungUp(HungUp),
    /// The modem stopped answering, answered nonsense, or lost the line. `code` is one of
    /// [`Fault::code`] or, before dialling, of [`LineError::code`]; `page_started` as in the report.
    Modem {
        code: &'static str,
        detail: String,
    },
}

/// What is known after a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallReport {
    pub ending: Ending,
    /// A page octet was handed to the modem: from here on nobody can say that nothing was printed.
    pub page_started: bool,
    pub pages_confirmed: u16,
    /// The phase that the call was in when it ended; `None` if nobody answered.
    pub phase: Option<t30::Phase>,
    pub csi: Option<String>,
    pub contract: Option<t30::Contract>,
    /// How far the far end has gone along with T.85; `Unasked` after a call in Class 2.
    pub t85: t30::T85,
    pub times: CallTimes,
    /// On-hook was seen: the modem answered OK to ATH after NO CARRIER or equal.
    pub hang_up_verified: bool,
    /// What passed; there once the line is on-hook, empty before.
    pub trace: Trace,
}

/// When what happened, from the first octet of ATD.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallTimes {
    pub dialled: Option<Duration>,
    pub answered: Option<Duration>,
    pub trained: Option<Duration>,
    pub page_started: Option<Duration>,
    pub confirmed: Option<Duration>,
    pub hung_up: Option<Duration>,
}
