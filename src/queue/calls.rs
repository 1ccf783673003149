//! What passed on calls, as the store keeps it for technicians.
//!
//! In: the trace of a call that is over. Out: rows of a list, and one trace.
//! Not here: what is in a trace (`drivers/modem`), how it is drawn (`app/diagram.rs`).

use crate::job::{AttemptId, JobId, UnixMillis};

/// Traces of all calls together; the oldest go first. 64 MiB are 20,000 calls of one page: one has 75 entries
/// and 3.2 KiB, measured with error correction on the software line.
pub const MOST_OCTETS: u64 = 64 << 20;

/// A call, as technicians name it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(pub i64);

/// A call that is over.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// Whose call it was; none for one that only tried the line.
    pub attempt: Option<AttemptId>,
    pub line: String,
    /// All but the last four digits covered.
    pub number_masked: String,
    /// ATD, or the try to get so far.
    pub began_at: UnixMillis,
    /// From ATD to on-hook.
    pub line_ms: u64,
    /// Stable code of the ending.
    pub code: &'static str,
    pub rate_bps: Option<u32>,
    /// JSON of a `modem::Trace`.
    pub trace: String,
}

/// A call in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRow {
    pub id: CallId,
    /// The notification, if it is of the client that asks.
    pub job: Option<JobId>,
    pub line: String,
    pub number_masked: String,
    pub began_at: UnixMillis,
    pub line_ms: u64,
    pub code: String,
    pub rate_bps: Option<u32>,
}

/// Which calls to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    pub line: Option<String>,
    /// Only those of this notification, if it is the client's own.
    pub job: Option<JobId>,
    /// Only older ones than this.
    pub before: Option<CallId>,
    pub limit: u16,
}
