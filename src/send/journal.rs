//! One line of the journal for each attempt that ended, whatever carried it.
//!
//! Not here: what the ending means (`settle`), what people read of it (`settle/endings.rs`).

use crate::job::{AttemptId, JobId, JobState};
use crate::settle::{Next, Settlement};

/// A lost attempt warns, what somebody must look into is an error.
pub(super) fn settled(job: JobId, attempt: AttemptId, line: &str, settlement: &Settlement) {
    let (attempt, code, evidence) = (attempt.0, settlement.code, settlement.evidence.as_str());
    match &settlement.next {
        Next::Again { due, reason } => tracing::warn!(
            %job, attempt, line, code, evidence, reason, due = due.rfc3339(), "job.attempt.lost"
        ),
        Next::ByFax { due, because } => tracing::warn!(
            %job, attempt, line, code, evidence, reason = because.as_str(), due = due.rfc3339(),
            "job.attempt.lost"
        ),
        Next::Watch { state, .. } | Next::Rest(state) => match state {
            JobState::HandedOff
            | JobState::Confirmed
            | JobState::Cancelled
            | JobState::ResolvedDelivered
            | JobState::Waiting
            | JobState::Sending => {
                tracing::info!(%job, attempt, line, code, evidence, state = state.as_str(), "job.settled");
            }
            JobState::Uncertain
            | JobState::Hold
            | JobState::Failed
            | JobState::Expired
            | JobState::ResolvedNotDelivered => {
                tracing::error!(%job, attempt, line, code, evidence, state = state.as_str(), "job.settled");
            }
        },
    }
}
