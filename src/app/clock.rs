//! The wall clock: the only place that reads it. Everything else is handed the time.
//!
//! A wall clock jumps: an operator sets it, NTP corrects it, a machine without a battery starts in 1970. The time that is
//! given here does not jump with it. It goes on as the steady clock of the system does, and a jump is believed only when
//! the wall clock has stayed there for a while; until then the clock is in doubt, and nothing is dialled or mailed.
//!
//! | what is seen | the time given | believed |
//! |---|---|---|
//! | a step of up to 2 s | the wall clock's | at once |
//! | a longer one | as if it had not been | when it has stayed for a tenth of its length, at least 1 min and at most 1 h; at once if the step is taken back |
//! | at the start, more than a day after the store was last at work | the wall clock's; nothing runs out by it | after 5 min |
//! | at the start, earlier than that | since then; if by more than an hour a guess: nothing new is accepted | as after a step of that length |
//! | a date before this program was made | as above, or as the clock says; a guess | never |
//!
//! So a jump of a year expires nothing and calls nobody at night while there is hope that somebody sets it right, and one
//! that stays is not held against the clock for ever. `adjtimex` would say whether NTP agrees, but the unit forbids it.
//! Not here: waiting, which is relative and uses tokio's timers.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::job::UnixMillis;

/// Chosen: NTP slews what is less, and nothing that we wait for is so short.
const UNNOTICED: Duration = Duration::from_secs(2);
/// Least and longest time for which a jump must stay. Chosen: NTP looks about every half an hour.
const STAYS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(60 * 60));
/// Longest absence at a start after which the clock is believed at once. Chosen: a night and a working day.
const ABSENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// After a longer one. Chosen: NTP finds the time in a minute or two after a start.
const AFTER_ABSENCE: Duration = Duration::from_secs(5 * 60);
/// Longest step back over a start that is no guess. Chosen: so far ahead may a clock have run that nobody set for a year,
/// and is now right; whoever comes back further has lost the time.
const FAR_BACK: Duration = Duration::from_secs(60 * 60);
/// 2026-01-01: this program is not older.
const MADE: UnixMillis = UnixMillis(1_767_225_600_000);

/// Somebody who knows the time.
pub trait Clock: Send + Sync {
    /// The time now. It may go back: a jump that stays is believed in the end.
    fn now(&self) -> UnixMillis;

    /// Why nothing should be sent just now, if the clock is in doubt.
    fn doubt(&self) -> Option<Doubt> {
        None
    }

    /// It is so late at least: by this time things run out.
    fn surely(&self) -> UnixMillis {
        self.now()
    }
}

/// The wall clock is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Doubt {
    /// What it says.
    pub says: UnixMillis,
    /// What it should say.
    pub expected: UnixMillis,
    /// How long it has to stay so; `None`: it must be set.
    pub believed_in: Option<Duration>,
    /// Nobody knows how long the machine was off: the time that is given may be much too early.
    pub is_guess: bool,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (says, expected) = (self.says.rfc3339(), self.expected.rfc3339());
        write!(f, "the clock says {says} and should say {expected}: ")?;
        match self.believed_in {
            Some(rest) => {
                write!(f, "set it right (`timedatectl`), or it is believed in {} s", rest.as_secs())
            }
            None => write!(f, "set it (`timedatectl`, or the clock's battery)"),
        }
    }
}

/// The machine's own clock, whatever it says: for commands that end at once.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        read().wall
    }
}

/// The machine's own clock without its jumps, as the table above says.
pub struct GuardedClock(Mutex<Guard>);

impl GuardedClock {
    /// A store was last at work then, as far as that is known.
    pub fn start(last_seen: Option<UnixMillis>) -> Self {
        Self(Mutex::new(Guard::start(last_seen, read())))
    }

    fn look(&self) -> Seen {
        // Read under the lock: two readings in the wrong order would look like a jump.
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guard.look(read())
    }
}

impl Clock for GuardedClock {
    fn now(&self) -> UnixMillis {
        self.look().now
    }

    fn doubt(&self) -> Option<Doubt> {
        self.look().doubt
    }

    fn surely(&self) -> UnixMillis {
        self.look().surely
    }
}

/// Both clocks of the system at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: UnixMillis,
    steady: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
fn read() -> Reading {
    // A clock before 1970 is a clock that was never set; 0 is as good as any of its values.
    let since_1970 =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let wall = UnixMillis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX));
    Reading { wall, steady: Instant::now() }
}

/// What a look at the clock gives.
struct Seen {
    now: UnixMillis,
    surely: UnixMillis,
    doubt: Option<Doubt>,
}

/// What is believed of the wall clock.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// It said that, then.
    Sure(Reading),
    /// The machine was off for long, or the clock is ahead: it is heard, and somebody may yet set it right.
    Settles {
        /// When the store was last at work, as if that had been at the start.
        left: Reading,
        /// What the clock said at the start.
        began: Reading,
    },
    /// It does not say what it should.
    Doubts {
        /// What it should have said, then.
        believed: Reading,
        /// What it said, when it was first seen so.
        jumped: Reading,
        /// How long it has to stay so.
        stays: Duration,
        /// It was so at the start: how long the machine was off the clock does not say.
        at_start: bool,
    },
}

impl Guard {
    fn start(last_seen: Option<UnixMillis>, began: Reading) -> Self {
        let Some(last_seen) = last_seen else { return Self::Sure(began) };
        let away = millis(began.wall, last_seen);
        let left = Reading { wall: last_seen, ..began };
        if began.wall < last_seen && away > UNNOTICED {
            let stays = must_stay(away);
            Self::Doubts { believed: left, jumped: began, stays, at_start: true }
        } else if began.wall > last_seen && away > ABSENCE {
            Self::Settles { left, began }
        } else {
            Self::Sure(began)
        }
    }

    fn look(&mut self, reading: Reading) -> Seen {
        *self = self.after(reading);
        let was_never_set = reading.wall < MADE;
        let says = reading.wall;
        match *self {
            Self::Sure(_) => {
                let doubt = Doubt { says, expected: MADE, believed_in: None, is_guess: true };
                Seen { now: says, surely: says, doubt: was_never_set.then_some(doubt) }
            }
            Self::Settles { left, began } => {
                let surely = left.expects(reading);
                let believed_in = Some(AFTER_ABSENCE.saturating_sub(began.until(reading)));
                let doubt = Doubt { says, expected: surely, believed_in, is_guess: false };
                Seen { now: says, surely, doubt: Some(doubt) }
            }
            Self::Doubts { believed, jumped, stays, at_start } => {
                let expected = believed.expects(reading);
                let is_guess = at_start && (was_never_set || millis(expected, says) > FAR_BACK);
                let rest = stays.saturating_sub(jumped.until(reading));
                let believed_in = (!was_never_set).then_some(rest);
                let doubt = Doubt { says, expected, believed_in, is_guess };
                Seen { now: expected, surely: expected, doubt: Some(doubt) }
            }
        }
    }

    /// What is believed after one more reading.
    fn after(self, reading: Reading) -> Self {
        let is_in_step = |known: Reading| millis(known.expects(reading), reading.wall) <= UNNOTICED;
        match self {
            Self::Sure(believed) if is_in_step(believed) => Self::Sure(reading),
            Self::Sure(believed) => jump(believed, reading, false),
            Self::Settles { left, began } => {
                if !is_in_step(began) {
                    // Somebody has set it: it is judged anew.
                    Self::start(Some(left.expects(reading)), reading)
                } else if began.until(reading) >= AFTER_ABSENCE {
                    Self::Sure(reading)
                } else {
                    self
                }
            }
            Self::Doubts { believed, jumped, stays, at_start } => {
                if is_in_step(believed) {
                    Self::Sure(reading)
                } else if at_start && reading.wall > believed.expects(reading) {
                    // It has come back from before the time at which the store was last at work.
                    Self::start(Some(believed.expects(reading)), reading)
                } else if !is_in_step(jumped) {
                    jump(believed, reading, at_start)
                } else if jumped.until(reading) >= stays && reading.wall >= MADE {
                    Self::Sure(reading)
                } else {
                    self
                }
            }
        }
    }
}

/// The clock says something else than it should.
fn jump(believed: Reading, jumped: Reading, at_start: bool) -> Guard {
    let stays = must_stay(millis(believed.expects(jumped), jumped.wall));
    Guard::Doubts { believed, jumped, stays, at_start }
}

impl Reading {
    /// What the wall clock should say at that moment, if this one was right.
    fn expects(&self, then: Reading) -> UnixMillis {
        self.wall.after(self.until(then))
    }

    fn until(&self, then: Reading) -> Duration {
        then.steady.saturating_duration_since(self.steady)
    }
}

fn millis(a: UnixMillis, b: UnixMillis) -> Duration {
    Duration::from_millis(a.0.abs_diff(b.0))
}

fn must_stay(jump: Duration) -> Duration {
    (jump / 10).clamp(STAYS.0, STAYS.1)
}

/// Measures how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(read().steady)
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    /// 2028-02-28 23:59:00 UTC: the next day is the 29th.
    const LEAP_EVE: UnixMillis = UnixMillis(1_835_395_140_000);

    /// Both clocks, in the hand of a test.
    struct Bench {
        guard: Guard,
        reading: Reading,
    }

    impl Bench {
        fn new(last_seen: Option<UnixMillis>, wall: UnixMillis) -> Self {
            let reading = Reading { wall, ..read() };
            Self { guard: Guard::start(last_seen, reading), reading }
        }

        fn running() -> Self {
            Self::new(None, LEAP_EVE)
        }

        fn pass(&mut self, time: Duration) {
            self.reading.wall = self.reading.wall.after(time);
            self.reading.steady += time;
        }

        fn now(&mut self) -> UnixMillis {
            self.guard.look(self.reading).now
        }

        fn doubt(&mut self) -> Option<Doubt> {
            self.guard.look(self.reading).doubt
        }

        /// Steps by seconds until the clock is believed.
        fn believed_after(&mut self) -> Duration {
            let mut passed = Duration::ZERO;
            while self.doubt().is_some() {
                self.pass(SECOND);
                passed += SECOND;
                assert!(passed <= DAY, "in doubt for ever");
            }
            passed
        }
    }

    #[test]
    fn clock_that_runs_is_believed_over_the_leap_day() {
        let mut bench = Bench::running();
        for minute in 0..3000 {
            let time = LEAP_EVE.after(minute * 60 * SECOND);
            assert_eq!((bench.now(), bench.doubt()), (time, None));
            bench.pass(60 * SECOND);
        }
    }

    #[test]
    fn step_of_a_second_is_taken_over_in_silence() {
        for back in [false, true] {
            let mut bench = Bench::running();
            let wall = bench.reading.wall;
            bench.reading.wall = if back { wall.before(SECOND) } else { wall.after(SECOND) };
            assert_eq!((bench.now(), bench.doubt()), (bench.reading.wall, None));
        }
    }

    #[test]
    fn jump_is_not_gone_along_with_until_it_has_stayed() {
        let minute = 60 * SECOND;
        let table = [(5 * SECOND, minute), (HOUR, 6 * minute), (DAY, HOUR), (YEAR, HOUR)];
        for (jump, stays) in table {
            for back in [false, true] {
                let mut bench = Bench::running();
                bench.pass(minute);
                let (right, wall) = (bench.now(), bench.reading.wall);
                bench.reading.wall = if back { wall.before(jump) } else { wall.after(jump) };
                assert_eq!(bench.now(), right, "{jump:?}");
                bench.pass(30 * SECOND);
                assert_eq!(bench.now(), right.after(30 * SECOND), "goes on as before");
                assert_eq!(bench.believed_after(), stays - 30 * SECOND, "{jump:?} {back}");
                assert_eq!(bench.now(), bench.reading.wall);
            }
        }
    }

    #[test]
    fn jump_that_is_taken_back_is_forgotten_at_once() {
        let mut bench = Bench::running();
        let right = bench.reading.wall;
        bench.reading.wall = right.after(YEAR);
        assert!(bench.doubt().is_some());
        bench.pass(10 * SECOND);
        bench.reading.wall = right.after(10 * SECOND);
        assert_eq!((bench.now(), bench.doubt()), (right.after(10 * SECOND), None));
    }

    #[test]
    fn clock_that_jumps_again_and_again_begins_its_time_anew() {
        let mut bench = Bench::running();
        let mut wall = bench.reading.wall;
        for _jump in 0..20 {
            wall = wall.after(HOUR);
            bench.reading.wall = wall;
            assert!(bench.doubt().is_some());
            bench.pass(5 * 60 * SECOND);
        }
        assert_eq!(bench.now(), LEAP_EVE.after(20 * 5 * 60 * SECOND));
    }

    #[test]
    fn start_in_1970_goes_on_where_the_store_was_until_the_clock_is_set() {
        let mut bench = Bench::new(Some(LEAP_EVE), UnixMillis(5));
        bench.pass(2 * DAY);
        assert_eq!(bench.now(), LEAP_EVE.after(2 * DAY));
        let doubt = bench.doubt().expect("a doubt");
        assert_eq!(
            (doubt.believed_in, doubt.is_guess),
            (None, true),
            "never, and nothing is accepted"
        );
        bench.reading.wall = LEAP_EVE.after(3 * DAY - SECOND);
        assert_eq!((bench.now(), bench.doubt()), (bench.reading.wall, None));
        let mut new = Bench::new(None, UnixMillis(5));
        assert!(new.doubt().expect("a doubt").is_guess, "a new store knows no better");
    }

    #[test]
    fn start_after_an_absence_is_believed_at_once_after_a_day_in_5_minutes_and_backwards_later() {
        for (wall, stays) in [
            (LEAP_EVE.after(HOUR), Duration::ZERO),
            (LEAP_EVE.before(SECOND), Duration::ZERO),
            (LEAP_EVE.after(3 * DAY), AFTER_ABSENCE),
            (LEAP_EVE.after(YEAR), AFTER_ABSENCE),
            (LEAP_EVE.before(HOUR), 6 * 60 * SECOND),
            (LEAP_EVE.before(YEAR), HOUR),
        ] {
            let mut bench = Bench::new(Some(LEAP_EVE), wall);
            assert_eq!(bench.believed_after(), stays, "{wall:?}");
            assert_eq!(bench.now(), bench.reading.wall);
        }
    }

    #[test]
    fn step_back_over_a_start_is_a_guess_only_if_the_time_was_lost() {
        let minute = 60 * SECOND;
        for (back, is_guess) in [(3 * SECOND, false), (59 * minute, false), (9 * HOUR, true)] {
            let mut bench = Bench::new(Some(LEAP_EVE), LEAP_EVE.before(back));
            let doubt = bench.doubt().expect("nothing is sent for a while");
            assert_eq!((doubt.is_guess, bench.now()), (is_guess, LEAP_EVE), "{back:?}");
        }
        let made = MADE.after(minute);
        let mut bench = Bench::new(Some(made), MADE.before(SECOND));
        assert!(bench.doubt().expect("a doubt").is_guess, "however little it is");
    }

    #[test]
    fn clock_that_is_a_year_ahead_at_the_start_is_heard_but_nothing_runs_out_by_it() {
        let mut bench = Bench::new(Some(LEAP_EVE), LEAP_EVE.after(YEAR));
        bench.pass(60 * SECOND);
        let seen = bench.guard.look(bench.reading);
        assert_eq!(seen.now, LEAP_EVE.after(YEAR + 60 * SECOND));
        assert_eq!(seen.surely, LEAP_EVE.after(60 * SECOND));
        assert!(!seen.doubt.expect("a doubt").is_guess);
        bench.reading.wall = LEAP_EVE.after(HOUR);
        assert_eq!((bench.now(), bench.doubt()), (LEAP_EVE.after(HOUR), None), "set right");
    }
}
