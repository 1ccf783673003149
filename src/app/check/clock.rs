//! Is the clock right, as far as the machine itself can tell?
//!
//! Source: adjtimex(2).

use super::{Finding, Mark, Thing};
use crate::app::clock::{Clock, SystemClock};
use crate::job::UnixMillis;

/// 2026-01-01 and 2100-01-01 UTC: this program is not older, and will not be so old.
const PLAUSIBLE: (UnixMillis, UnixMillis) =
    (UnixMillis(1_767_225_600_000), UnixMillis(4_102_444_800_000));

pub(super) fn look() -> Finding {
    judge(SystemClock.now(), is_synchronised())
}

fn judge(now: UnixMillis, synchronised: Option<bool>) -> Finding {
    let says = now.rfc3339();
    if now < PLAUSIBLE.0 || now >= PLAUSIBLE.1 {
        let found = format!("the clock says {says}: it was never set");
        let todo = "timedatectl set-ntp true, or set it by hand; look at the battery of its clock";
        return Finding::new(Mark::Wrong, Thing::Clock, found, todo);
    }
    match synchronised {
        Some(true) => Finding::good(Thing::Clock, format!("{says}, kept by NTP")),
        Some(false) => Finding::new(
            Mark::Warning,
            Thing::Clock,
            format!(
                "{says}, and nothing keeps it right: calling hours and deadlines drift with it"
            ),
            "timedatectl set-ntp true, then timedatectl timesync-status",
        ),
        None => Finding::new(
            Mark::Open,
            Thing::Clock,
            format!("{says}; the system does not say whether NTP keeps it"),
            "timedatectl shows it",
        ),
    }
}

/// Whether something keeps the system's clock; `None` if it does not say.
#[expect(unsafe_code, reason = "there is no safe call for it")]
fn is_synchronised() -> Option<bool> {
    // SAFETY: a timex of zeros is one that asks and sets nothing (`modes` is 0); the call writes into it alone.
    let state = unsafe {
        let mut asked: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut asked)
    };
    (state >= 0).then_some(state != libc::TIME_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00;

    #[test]
    fn clock_that_was_never_set_is_wrong_whoever_keeps_it() {
        for (now, synchronised, mark) in [
            (UnixMillis(5), Some(true), Mark::Wrong),
            (UnixMillis(i64::MAX / 2), None, Mark::Wrong),
            (TUESDAY_10_00, Some(true), Mark::Good),
            (TUESDAY_10_00, Some(false), Mark::Warning),
            (TUESDAY_10_00, None, Mark::Open),
        ] {
            assert_eq!(judge(now, synchronised).mark, mark, "{now:?} {synchronised:?}");
        }
    }
}
