//! When would a notification go out that is taken on now?
//!
//! In: how many have their turn before it, the lines or lanes as they are, calling hours. Out: a [`Projection`].
//! Each thing that carries takes so long for one sheet or mail, as measured; together they work off what is ahead, in the
//! hours in which they may. Nothing is promised by it: what a busy number costs comes back as more of what is ahead.
//! Not here: how many are ahead (`queue`), what is refused because of it (`hook`).

use std::time::Duration;

use super::windows::Windows;
use crate::job::UnixMillis;

/// How long a sheet holds a line until that was measured. Chosen: the demo's first contact takes 41 s from ATD to on-hook,
/// and the modem is asked and set before each call.
pub const SHEET: Pace = Pace(Duration::from_secs(60));
/// How long a mail holds a lane until that was measured. Chosen: a relay far away takes a second over its replies.
pub const MAIL: Pace = Pace(Duration::from_secs(2));

/// Until when a line is expected back while none works. Chosen: the time in which somebody looks whose alarm has rung.
pub const MENDED_WITHIN: Duration = Duration::from_secs(60 * 60);

/// What a single measurement counts among the ones before it.
const WEIGHT: u32 = 8;
/// No measurement counts for less or more: the clock may have jumped.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// How long one sheet or mail takes, over the last few.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace(Duration);

impl Pace {
    /// Another one took so long.
    pub fn took(&mut self, duration: Duration) {
        let took = duration.clamp(SHORTEST, LONGEST);
        self.0 = (self.0 * (WEIGHT - 1) + took) / WEIGHT;
    }

    /// What the next one will take.
    pub fn takes(self) -> Duration {
        self.0
    }
}

/// Something that carries one thing after the other.
#[derive(Clone, Copy, Debug)]
pub struct Carrying {
    pub pace: Pace,
    /// It works, if not at this moment.
    pub is_usable: bool,
}

/// When it would go out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Projection {
    /// How many have their turn before it.
    pub ahead: u64,
    /// How many lines or lanes work.
    pub usable: usize,
    /// `None` if that is more than a year away.
    pub start: Option<UnixMillis>,
}

/// When the one that may go from `from` on begins, behind `ahead` others that are worked off from `now` on. While nothing works, it is expected to do so again
/// after [`MENDED_WITHIN`]; where there is nothing at all, nobody can say, and it goes by the hours alone.
pub fn project(
    ahead: u64,
    carrying: &[Carrying],
    windows: &Windows,
    now: UnixMillis,
    from: UnixMillis,
) -> Projection {
    let usable = carrying.iter().filter(|carrying| carrying.is_usable).count();
    let counts = |carrying: &&Carrying| carrying.is_usable || usable == 0;
    let a_second = |carrying: &Carrying| carrying.pace.takes().as_secs_f64().recip();
    let all_a_second: f64 = carrying.iter().filter(counts).map(a_second).sum();
    let (wait, begins) = match (carrying.is_empty(), usable) {
        (true, _) => (0.0, now),
        (false, 0) => (ahead as f64 / all_a_second, now.after(MENDED_WITHIN)),
        (false, _) => (ahead as f64 / all_a_second, now),
    };
    let start = Duration::try_from_secs_f64(wait)
        .ok()
        .and_then(|wait| windows.open_for(windows.next_open(begins)?, wait))
        .and_then(|done| windows.next_open(done.max(from)));
    Projection { ahead, usable, start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;
    use crate::schedule::windows::Hours;

    fn line(is_usable: bool) -> Carrying {
        Carrying { pace: SHEET, is_usable }
    }

    fn hours(count: u64) -> Duration {
        Duration::from_secs(3600 * count)
    }

    fn start(ahead: u64, lines: &[Carrying], windows: &Windows) -> Option<UnixMillis> {
        project(ahead, lines, windows, NOW, NOW).start
    }

    #[test]
    fn lines_share_what_is_ahead_in_the_hours_in_which_they_may_call() {
        let daily = Windows::Hours(Hours::default());
        let two = [line(true), line(true)];
        assert_eq!(start(0, &two, &daily), Some(NOW));
        assert_eq!(start(60, &two, &daily), Some(NOW.after(hours(1) / 2)));
        // A minute each: eight hours until closing, so the rest of 960 on the next morning at half past eight.
        assert_eq!(start(960, &two, &daily), Some(NOW.after(hours(22) + hours(1) / 2)));
        assert_eq!(start(1_020, &two, &daily), Some(NOW.after(hours(23))));
        assert_eq!(start(960, &two, &Windows::Always), Some(NOW.after(hours(8))));
        assert_eq!(start(1_000_000_000, &two, &daily), None, "not within a year");
    }

    #[test]
    fn line_that_is_out_of_order_carries_nothing_and_if_all_are_they_are_expected_within_the_hour()
    {
        let one_of_two = [line(true), line(false)];
        let projected = project(60, &one_of_two, &Windows::Always, NOW, NOW);
        assert_eq!((projected.usable, projected.start), (1, Some(NOW.after(hours(1)))));
        let none = [line(false), line(false)];
        let projected = project(60, &none, &Windows::Always, NOW, NOW);
        let expected = NOW.after(MENDED_WITHIN + hours(1) / 2);
        assert_eq!((projected.usable, projected.start), (0, Some(expected)));
        let nobody_can_say = project(1_000_000, &[], &Windows::Always, NOW, NOW);
        assert_eq!(nobody_can_say.start, Some(NOW));
    }

    #[test]
    fn one_that_may_not_go_before_next_week_finds_what_waits_now_worked_off_by_then() {
        let next_week = NOW.after(hours(7 * 24));
        let start = |ahead| project(ahead, &[line(true)], &Windows::Always, NOW, next_week).start;
        assert_eq!(start(2_000), Some(next_week));
        let two_hours_more = 60 * (7 * 24 + 2);
        assert_eq!(start(two_hours_more), Some(next_week.after(hours(2))));
    }

    #[test]
    fn pace_follows_what_sheets_take_and_no_jump_of_the_clock() {
        let mut pace = SHEET;
        (0..40).for_each(|_| pace.took(Duration::from_secs(30)));
        let near = pace.takes().as_secs_f64();
        assert!((30.0..31.0).contains(&near), "{near}");
        pace.took(Duration::from_secs(365 * 24 * 3600));
        assert!(pace.takes() < Duration::from_secs(110), "{pace:?}");
        (0..100).for_each(|_| pace.took(Duration::ZERO));
        assert!(pace.takes() >= SHORTEST);
    }
}
