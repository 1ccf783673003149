//! What an ending means for a notification.
//!
//! In: how a call ended. Out: a [`Settlement`], one transaction for `queue`.
//! Not here: when the next try is due (`schedule/backoff.rs`).

pub mod verdict;

use crate::job::names::stable_names;
use crate::job::{Evidence, JobState, Kind, UnixMillis};

/// Result of an attempt and what becomes of its job.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub now: UnixMillis,
    pub evidence: Evidence,
    /// Stable code of the ending, e.g. `busy`; catalogue in `verdict.rs`.
    pub code: &'static str,
    /// What the telephone network saw of it, for the redial rule.
    pub reach: Reach,
    pub next: Next,
    /// The receipt's facts: times, rate, identity, pages. Never a secret.
    pub receipt: serde_json::Value,
}

/// Where the job goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Try again not before then.
    Again { due: UnixMillis, reason: &'static str },
    /// Stay in this state: final, or `Uncertain`.
    Rest(JobState),
}

/// How far a call came in the telephone network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// No number went out: nothing rang anywhere.
    NoCall,
    /// A number went out and nobody answered; also when that is not known.
    NoAnswer,
    /// Somebody or something answered.
    Answered,
}

stable_names!(Reach {
    NoCall => "no_call",
    NoAnswer => "no_answer",
    Answered => "answered",
});

/// What a job has behind it and before it, when one of its attempts ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    pub kind: Kind,
    /// Calls that went out for it before this attempt.
    pub dials: u32,
    pub not_after: UnixMillis,
}
