//! What passed on a call goes to the store, for technicians.
//!
//! In: the report of a call that is over, a notification's or a line test's. Out: a row that nobody waits
//! for: the result of a call is what counts.
//! Not here: what is in a trace (`drivers/modem`), how long it is kept (`queue`).

use modem::CallReport;

use crate::job::{AttemptId, FaxNumber, UnixMillis};
use crate::queue::{CallRecord, Queue};

/// Whose call it was, and what it came to.
pub struct Over<'a> {
    /// None for the test of a line.
    pub attempt: Option<AttemptId>,
    pub line: String,
    pub number: &'a FaxNumber,
    /// ATD, or the try to get so far.
    pub began_at: UnixMillis,
    pub code: &'static str,
}

/// Keeps it, if any modem was asked for anything.
pub fn keep(queue: &dyn Queue, call: Over<'_>, report: &CallReport) {
    if report.trace.entries.is_empty() {
        return;
    }
    let Ok(trace) = serde_json::to_string(&report.trace) else { return };
    let line_time = report.times.hung_up.unwrap_or_default();
    drop(queue.record_call(CallRecord {
        attempt: call.attempt,
        line: call.line,
        number_masked: call.number.to_string(), // shows the last four digits
        began_at: call.began_at,
        line_ms: u64::try_from(line_time.as_millis()).unwrap_or(u64::MAX),
        code: call.code,
        rate_bps: report.contract.as_ref().map(|contract| contract.modulation.rate_bps()),
        trace,
    }));
}
