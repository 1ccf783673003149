//! What an ending means for a notification.
//!
//! In: how a call ended. Out: a [`Settlement`], one transaction for `queue`.
//! Not here: when the next try is due (`schedule/backoff.rs`).

pub mod verdict;

use crate::job::{Evidence, JobState, UnixMillis};

/// Result of an attempt and what becomes of its job.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub now: UnixMillis,
    pub evidence: Evidence,
    /// Stable code of the ending, e.g. `busy`; catalogue in `verdict.rs`.
    pub code: &'static str,
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
