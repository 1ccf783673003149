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
    /// There is no sheet that may go, although the trial of its template passed when it was accepted: a file was
    /// lost or edited, or it is this sheet alone. Nobody was disturbed, so it costs no call; but its tries are
    /// counted, so that somebody learns of a sheet that will never be one.
    SheetUnavailable,
    /// We ended it ourselves before the page: stopping, or the disk too slow.
    Interrupted,
    /// A page left and was not confirmed, and another copy of it does no harm.
    Unconfirmed,
    /// A host put off a mail, to this address or domain: its mailbox is full, or it does not know us yet. Most of it
    /// heals within the hour, the rest may take days, and the notice does not wait so long: its FAX ends these tries.
    MailDeferred,
    /// The relay says that it will never take this sheet for a service: mostly because of the line's own settings, and then
    /// of every sheet, but it may be this number alone. Nobody was disturbed; its tries are counted as those without a
    /// sheet.
    ServiceRefused,
    /// Our relay is not there, does not let us in, or takes nothing. No mail was seen by anybody, so it costs no try.
    RelayDown,
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
    MailDeferred => "mail-deferred",
    ServiceRefused => "service-refused",
    RelayDown => "relay-down",
});

/// No job has more calls than this, whatever the causes. Chosen: a seventh call is a nuisance.
pub const MAX_DIALS: u32 = 6;
impl Cause {
    /// No number was called, and a pause alone does not mend it: such tries are counted.
    pub fn is_in_vain(self) -> bool {
        match self {
            Self::SheetUnavailable | Self::ServiceRefused => true,
            Self::Busy
            | Self::NoAnswer
            | Self::NoFaxTone
            | Self::Handshake
            | Self::CannotReceive
            | Self::LineDown
            | Self::Interrupted
            | Self::Unconfirmed
            | Self::MailDeferred
            | Self::RelayDown => false,
        }
    }
}

/// No job is tried in vain more often than this. Chosen with the pauses of both causes, more than 17 hours in all: somebody
/// has had a working day, or a night and the morning after it.
pub const MAX_TRIES_IN_VAIN: u32 = 6;
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

/// The pause after so many tries that a cause counts, at least one.
pub fn pause(cause: Cause, tries: u32) -> Duration {
    let Plan { pauses_min, .. } = plan(cause);
    let step = (tries.saturating_sub(1) as usize).min(pauses_min.len() - 1);
    Duration::from_secs(60 * pauses_min[step])
}

/// The tries that a job has had, the one that just ended included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Calls {
    /// Calls that went out.
    pub dials: u32,
    /// Of these, that may have left a sheet.
    pub unconfirmed: u32,
    /// Tries that could call nobody.
    pub in_vain: u32,
}

/// Decides on the next try.
pub fn next_turn(cause: Cause, calls: Calls, now: UnixMillis, not_after: UnixMillis) -> Turn {
    let (tries, row) = match cause {
        // Calls before the first sheet are no reason to let the second wait longer.
        Cause::Unconfirmed => (calls.dials, calls.unconfirmed),
        Cause::SheetUnavailable | Cause::ServiceRefused => (calls.in_vain, calls.in_vain),
        Cause::Busy
        | Cause::NoAnswer
        | Cause::NoFaxTone
        | Cause::Handshake
        | Cause::CannotReceive
        | Cause::LineDown
        | Cause::Interrupted
        | Cause::MailDeferred
        | Cause::RelayDown => (calls.dials, calls.dials),
    };
    if is_spent(cause, tries) {
        return Turn::Spent;
    }
    in_time(now.after(pause(cause, row)), not_after)
}

/// It has had as many tries, counted as in [`next_turn`], as the cause allows.
pub fn is_spent(cause: Cause, tries: u32) -> bool {
    plan(cause).max_tries.is_some_and(|max| tries >= max)
}

/// The turn at this time, unless the job's end is too near.
pub fn in_time(due: UnixMillis, not_after: UnixMillis) -> Turn {
    if due > not_after.before(LAST_CALL) { Turn::NoTimeLeft } else { Turn::At(due) }
}

/// Pauses in minutes, the last one repeated, and how many tries the cause allows a job.
struct Plan {
    pauses_min: &'static [u64],
    max_tries: Option<u32>,
}

/// All figures chosen. Three minutes is also the span of the redial rule.
fn plan(cause: Cause) -> Plan {
    let (pauses_min, max_tries): (&'static [u64], _) = match cause {
        Cause::Busy => (&[3, 5, 10, 20, 40], Some(MAX_DIALS)),
        Cause::NoAnswer => (&[5, 15, 30, 60, 120], Some(MAX_DIALS)),
        Cause::NoFaxTone => (&[15, 60], Some(3)),
        Cause::Handshake => (&[3, 10, 30], Some(4)),
        Cause::CannotReceive => (&[60, 240, 720], Some(4)),
        Cause::LineDown => (&[3], None),
        Cause::SheetUnavailable => (&[10, 30, 60, 240, 720], Some(MAX_TRIES_IN_VAIN)),
        // Another line takes it meanwhile, if there is one.
        Cause::ServiceRefused => (&[3, 30, 60, 240, 720], Some(MAX_TRIES_IN_VAIN)),
        Cause::Interrupted => (&[1], Some(MAX_DIALS)),
        // Long enough for somebody to take the first sheet out of the tray, and for a bad line to be another one.
        Cause::Unconfirmed => (&[10, 60], Some(MAX_DIALS)),
        // The first is the pause that greylisting hosts ask for.
        Cause::MailDeferred => (&[5, 15, 30, 60, 120], None),
        // Whoever hands mails over waits longer by itself while the relay stays away, and then begins at once.
        Cause::RelayDown => (&[1], None),
    };
    Plan { pauses_min, max_tries }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_482_000_000);
    const FAR: UnixMillis = UnixMillis(i64::MAX);

    fn calls(dials: u32) -> Calls {
        Calls { dials, ..each(0) }
    }

    fn each(tries: u32) -> Calls {
        Calls { dials: tries, unconfirmed: tries, in_vain: tries }
    }

    fn minutes_after_each_try(cause: Cause) -> Vec<i64> {
        (1..)
            .map_while(|tries| match next_turn(cause, each(tries), NOW, FAR) {
                Turn::At(due) => Some((due.0 - NOW.0) / 60_000),
                Turn::Spent | Turn::NoTimeLeft => None,
            })
            .take(10)
            .collect()
    }

    #[test]
    fn pauses_grow_and_end_for_every_cause_that_rings_somewhere() {
        assert_eq!(minutes_after_each_try(Cause::Busy), [3, 5, 10, 20, 40]);
        assert_eq!(minutes_after_each_try(Cause::NoAnswer), [5, 15, 30, 60, 120]);
        assert_eq!(minutes_after_each_try(Cause::NoFaxTone), [15, 60]);
        assert_eq!(minutes_after_each_try(Cause::Handshake), [3, 10, 30]);
        assert_eq!(minutes_after_each_try(Cause::CannotReceive), [60, 240, 720]);
        assert_eq!(minutes_after_each_try(Cause::Interrupted), [1, 1, 1, 1, 1]);
        assert_eq!(minutes_after_each_try(Cause::Unconfirmed), [10, 60, 60, 60, 60]);
    }

    #[test]
    fn mail_is_tried_after_growing_pauses_until_its_time_is_over() {
        let pauses = minutes_after_each_try(Cause::MailDeferred);
        assert_eq!(pauses, [5, 15, 30, 60, 120, 120, 120, 120, 120, 120]);
        assert_eq!(minutes_after_each_try(Cause::RelayDown), [1; 10]);
    }

    #[test]
    fn second_copy_waits_no_longer_because_the_line_was_busy_before_the_first() {
        let after_three_busy = Calls { unconfirmed: 1, ..calls(4) };
        let due = NOW.after(Duration::from_secs(10 * 60));
        assert_eq!(next_turn(Cause::Unconfirmed, after_three_busy, NOW, FAR), Turn::At(due));
    }

    #[test]
    fn line_down_never_uses_up_the_job() {
        assert_eq!(minutes_after_each_try(Cause::LineDown).len(), 10);
        let late = next_turn(Cause::LineDown, calls(0), NOW, NOW.after(LAST_CALL));
        assert_eq!(late, Turn::NoTimeLeft, "its end still ends it");
    }

    #[test]
    fn sheet_that_is_not_drawn_or_not_taken_is_tried_for_more_than_17_hours_and_no_longer() {
        let pauses = [Cause::SheetUnavailable, Cause::ServiceRefused].map(minutes_after_each_try);
        assert_eq!(pauses, [[10, 30, 60, 240, 720], [3, 30, 60, 240, 720]]);
        assert!(pauses.iter().all(|pauses| pauses.iter().sum::<i64>() / 60 == 17));
    }

    #[test]
    fn no_cause_dials_more_than_six_times() {
        let dials_nothing = |cause: &&Cause| {
            matches!(cause, Cause::LineDown | Cause::MailDeferred | Cause::RelayDown)
        };
        for cause in Cause::ALL.iter().filter(|cause| !dials_nothing(cause)) {
            assert_eq!(next_turn(*cause, each(MAX_DIALS), NOW, FAR), Turn::Spent, "{cause}");
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
