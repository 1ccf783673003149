//! Is a certificate valid, and for how long?
//!
//! In: its first and its last moment, the time. Out: a [`Finding`]. Not here: whose it is, and what its end costs (`tls.rs`, `judge.rs`).

use super::{Finding, Mark, Thing};
use crate::hook::tls::RUNS_OUT_SOON;
use crate::job::UnixMillis;

/// `of`: the certificate, as it begins a line. `renew`: what to do before it ends, or after.
pub(super) fn judge(
    of: &str,
    (from, until): (UnixMillis, UnixMillis),
    now: UnixMillis,
    renew: &str,
) -> Finding {
    let day = |at: UnixMillis| at.rfc3339().split('T').next().unwrap_or_default().to_owned();
    let days = |passed: std::time::Duration| passed.as_secs() / 86_400;
    let finding =
        |mark, found: String, todo: &str| Finding::new(mark, Thing::Certificate, found, todo);
    if now < from {
        let found = format!("{of}not valid before {}: nobody believes it yet", day(from));
        return finding(
            Mark::Wrong,
            found,
            "is the clock right (`timedatectl`)? Else wait, or use one that is valid now",
        );
    }
    if now > until {
        let found = format!(
            "{of}ran out on {}, {} days ago: nobody believes it",
            day(until),
            days(now.since(until))
        );
        return finding(Mark::Wrong, found, renew);
    }
    let found = format!("{of}valid until {}, {} days from now", day(until), days(until.since(now)));
    if until.since(now) < RUNS_OUT_SOON {
        return finding(Mark::Warning, found, renew);
    }
    Finding::good(Thing::Certificate, found)
}
