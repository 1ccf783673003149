//! What goes between the store and those who decide about uncertain notifications.
//!
//! Not here: what follows from a decision (`settle/resolution.rs`).

use crate::job::{Credentials, JobState, SheetText, UnixMillis};
use crate::settle::resolution::{Choice, Refusal};

/// Longest name of whoever decides. Chosen.
pub const MAX_BY_CHARS: usize = 40;
/// Longest reason in somebody's own words. Chosen: two lines on a terminal.
pub const MAX_REASON_CHARS: usize = 100;

/// A decision about an uncertain notification.
#[derive(Debug)]
pub struct Resolution {
    pub way: Way,
    /// A new end of its time; without one it keeps the one that it has.
    pub not_after: Option<UnixMillis>,
    /// Who decided, and why.
    pub by: Option<SheetText>,
    pub reason: Option<SheetText>,
}

/// What is to be done, with what it takes.
#[derive(Debug)]
pub enum Way {
    Rotate(Credentials),
    Resend,
    Close { delivered: bool },
}

impl Way {
    pub fn choice(&self) -> Choice {
        match self {
            Self::Rotate(_) => Choice::Rotate,
            Self::Resend => Choice::Resend,
            Self::Close { delivered: true } => Choice::CloseDelivered,
            Self::Close { delivered: false } => Choice::CloseNotDelivered,
        }
    }
}

/// By what a request is known again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fingerprint {
    /// By its key and its body: it decides once, whatever comes after.
    Named([u8; 32]),
    /// By its body alone. Whoever lost the answer has it again; but once nobody knows anew whether it arrived, the same
    /// words are another decision, of which the first knew nothing.
    Nameless([u8; 32]),
}

impl Fingerprint {
    pub fn octets(&self) -> &[u8; 32] {
        match self {
            Self::Named(octets) | Self::Nameless(octets) => octets,
        }
    }
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolved {
    Done(Decided),
    /// The same request came before, and had this answer.
    Replay(Decided),
    Refused(Refusal),
    NotFound,
}

/// Where a notification went by a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decided {
    pub state: JobState,
    /// Of its credentials from then on; 1 of one that has none.
    pub version: u32,
}

/// A decision as clients see it.
#[derive(Clone, Debug)]
pub struct DecisionView {
    pub at: UnixMillis,
    pub choice: Choice,
    pub version: u32,
    pub by: Option<String>,
    pub reason: Option<String>,
}
