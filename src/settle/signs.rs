//! What follows from what the exchange has seen of an office.
//!
//! In: a [`Sign`], and the notification as it stands. Out: a [`Change`]. Pure.
//! Not here: receipts of mail hosts and providers (`receipts.rs`).

use super::Next;
use super::receipts::Change;
use crate::job::{JobState, Sign};

/// What a sign changes: whoever logs in with what the notification told has it.
pub fn on_sign(state: JobState, sign: Sign) -> Change {
    let code = match sign {
        Sign::FirstLogin => "first-login",
        Sign::TermsAccepted => "terms-accepted",
        Sign::FirstDownload => "first-download",
    };
    match state {
        JobState::HandedOff => Change::Move { next: Next::Rest(JobState::Confirmed), code },
        JobState::Uncertain => Change::Move { next: Next::Rest(JobState::ResolvedDelivered), code },
        JobState::Waiting
        | JobState::Sending
        | JobState::Hold
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => Change::RungOnly,
    }
}
