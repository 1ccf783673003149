//! When a job that was not sent is tried again.
//!
//! In: why it was not sent, how many calls it has had. Out: a [`Turn`]. The same inputs give the same
//! answer; every sequence ends.
//! Not here: whether it may be tried again (`settle/verdict.rs`), calling hours (`windows.rs`), the rule of
//! the law (`office/redial.rs`).

use std::time::Duration;

use crate::job::UnixMillis;
use crate::job::names::stable_names;

/// Why the last try did not send, by what a pause can heal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The far line is in use: sheets take minutes.
    Busy,
    /// Nobody and nothing answers: paper out, machine off, office closed.
    NoAnswer,
    /// No fax tone: nobody answered, which most modems say so too, or a person did. Few calls, far apart.
    NoFaxTone,
    /// A fax machine answered and both did not come to terms before the page.
    Handshake,
    /// A fax machine answered and said that it cannot receive (T.30 table 2, bit 10), mostly for want of paper:
    /// that lasts until somebody comes by.
    CannotReceive,
    /// Our line or modem is not fit to dial. Nobody was disturbed, so it costs no try.
    LineDown,
    /// The sheet could not be drawn, although it could be when it was accepted: a font or the worker
    /// is missing. Nobody was disturbed, so it costs no try.
    SheetUnavailable,
    /// We ended it ourselves before the page: stopping, or the disk too slow.
    Interrupted,
    /// A page left and was not confirmed, and another copy of it does no harm.
    Unconfirmed,
}

stable_names!(Cause {
    Busy => "busy",
    NoAnswer => "no-answer",
    NoFaxTone => "no-fax-tone",
    Handshake => "handshake",
    CannotReceive => "cannot-receive",
    LineDown => "line-down",
    SheetUnavailable => "sheet-unavailable",
    Interrupted => "interrupted",
    Unconfirmed => "unconfirmed",
});

/// No job has more calls than this, whatever the causes. Chosen: a seventh call is a nuisance.
pub const MAX_DIALS: u32 = 6;
/// A repeated call begins at least this long before the job's end, so that its ending is known in time.
pub const LAST_CALL: Duration = Duration::from_secs(15 * 60);

/// When the next try is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    At(UnixMillis),
    /// It has had its calls.
    Spent,
    /// It would begin too late.
    NoTimeLeft,
}

/// The calls that a job has had, the one that just ended included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Calls {
    /// That went out.
    pub dials: u32,
    /// Of these, that may have left a sheet.
    pub unconfirmed: u32,
}

/// Decides on the next try.
pub fn next_turn(cause: Cause, calls: Calls, now: UnixMillis, not_after: UnixMillis) -> Turn {
    if is_spent(cause, calls.dials) {
        return Turn::Spent;
    }
    let Plan { pauses_min, .. } = plan(cause);
    let row = match cause {
        // Calls before the first sheet are no reason to let the second wait longer.
        Cause::Unconfirmed => calls.unconfirmed,
        Cause::Busy
        | Cause::NoAnswer
        | Cause::NoFaxTone
        | Cause::Handshake
        | Cause::CannotReceive
        | Cause::LineDown
        | Cause::SheetUnavailable
        | Cause::Interrupted => calls.dials,
    };
    let step = (row.saturating_sub(1) as usize).min(pauses_min.len() - 1);
    let due = now.after(Duration::from_secs(60 * pauses_min[step]));
    in_time(due, not_after)
}

/// It has had as many calls as the cause allows.
pub fn is_spent(cause: Cause, dials: u32) -> bool {
    plan(cause).max_dials.is_some_and(|max| dials >= max)
}

/// The turn at this time, unless the job's end is too near.
pub fn in_time(due: UnixMillis, not_after: UnixMillis) -> Turn {
    if due > not_after.before(LAST_CALL) { Turn::NoTimeLeft } else { Turn::At(due) }
}

/// Pauses in minutes, the last one repeated, and how many calls the cause allows a job.
struct Plan {
    pauses_min: &'static [u64],
    max_dials: Option<u32>,
}

/// All figures chosen. Three minutes is also the span of the redial rule.
fn plan(cause: Cause) -> Plan {
    let (pauses_min, max_dials): (&'static [u64], _) = match cause {
        Cause::Busy => (&[3, 5, 10, 20, 40], Some(MAX_DIALS)),
        Cause::NoAnswer => (&[5, 15, 30, 60, 120], Some(MAX_DIALS)),
        Cause::NoFaxTone => (&[15, 60], Some(3)),
        Cause::Handshake => (&[3, 10, 30], Some(4)),
        Cause::CannotReceive => (&[60, 240, 720], Some(4)),
        Cause::LineDown => (&[3], None),
        Cause::SheetUnavailable => (&[10], Some(MAX_DIALS)),
        Cause::Interrupted => (&[1], Some(MAX_DIALS)),
        // Long enough for somebody to take the first sheet out of the tray, and for a bad line to be another one.
        Cause::Unconfirmed => (&[10, 60], Some(MAX_DIALS)),
    };
    Plan { pauses_min, max_dials }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_482_000_000);
    const FAR: UnixMillis = UnixMillis(i64::MAX);

    fn calls(dials: u32) -> Calls {
        Calls { dials, unconfirmed: 0 }
    }

    fn minutes_after_each_call(cause: Cause) -> Vec<i64> {
        (1..)
            .map_while(|dials| {
                match next_turn(cause, Calls { dials, unconfirmed: dials }, NOW, FAR) {
                    Turn::At(due) => Some((due.0 - NOW.0) / 60_000),
                    Turn::Spent | Turn::NoTimeLeft => None,
                }
            })
            .take(10)
            .collect()
    }

    #[test]
    fn pauses_grow_and_end_for_every_cause_that_rings_somewhere() {
        assert_eq!(minutes_after_each_call(Cause::Busy), [3, 5, 10, 20, 40]);
        assert_eq!(minutes_after_each_call(Cause::NoAnswer), [5, 15, 30, 60, 120]);
        assert_eq!(minutes_after_each_call(Cause::NoFaxTone), [15, 60]);
        assert_eq!(minutes_after_each_call(Cause::Handshake), [3, 10, 30]);
        assert_eq!(minutes_after_each_call(Cause::CannotReceive), [60, 240, 720]);
        assert_eq!(minutes_after_each_call(Cause::Interrupted), [1, 1, 1, 1, 1]);
        assert_eq!(minutes_after_each_call(Cause::Unconfirmed), [10, 60, 60, 60, 60]);
    }

    #[test]
    fn second_copy_waits_no_longer_because_the_line_was_busy_before_the_first() {
        let after_three_busy = Calls { dials: 4, unconfirmed: 1 };
        let due = NOW.after(Duration::from_secs(10 * 60));
        assert_eq!(next_turn(Cause::Unconfirmed, after_three_busy, NOW, FAR), Turn::At(due));
    }

    #[test]
    fn line_down_never_uses_up_the_job() {
        assert_eq!(minutes_after_each_call(Cause::LineDown).len(), 10);
        let late = next_turn(Cause::LineDown, calls(0), NOW, NOW.after(LAST_CALL));
        assert_eq!(late, Turn::NoTimeLeft, "its end still ends it");
    }

    #[test]
    fn sheet_that_cannot_be_drawn_for_now_never_uses_up_the_job() {
        let due = NOW.after(Duration::from_secs(10 * 60));
        assert_eq!(next_turn(Cause::SheetUnavailable, calls(0), NOW, FAR), Turn::At(due));
    }

    #[test]
    fn no_cause_dials_more_than_six_times() {
        for cause in Cause::ALL.iter().filter(|cause| **cause != Cause::LineDown) {
            assert_eq!(next_turn(*cause, calls(MAX_DIALS), NOW, FAR), Turn::Spent, "{cause}");
        }
    }

    #[test]
    fn next_call_begins_15_minutes_before_the_end_at_the_latest() {
        let due = NOW.after(Duration::from_secs(3 * 60));
        let exactly = due.after(LAST_CALL);
        assert_eq!(next_turn(Cause::Busy, calls(1), NOW, exactly), Turn::At(due));
        let sooner = UnixMillis(exactly.0 - 1);
        assert_eq!(next_turn(Cause::Busy, calls(1), NOW, sooner), Turn::NoTimeLeft);
    }
}
