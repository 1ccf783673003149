//! When a line is tested by itself, and which of a test's calls may be made.
//!
//! In: the time, the settings, the calls that were made. Out: whether a test is due, and for each call the
//! leave or the reason against it.
//! A call to a line of our own rings a modem and no person, so calling hours do not matter to it; but whether
//! a number is our own is the word of whoever wrote the settings until it has rung the line. Once it did not,
//! no test that nobody asked for calls it again. A test number may stand beside somebody's desk: it is called
//! in calling hours only. Test calls keep the redial rule of the law (`office/redial.rs`): what rings and is
//! not answered is an unanswered call, and those of notifications to the same number count with it. Not the
//! other way round: whether a notification is due is asked of the queue alone, which knows no test calls.
//! While everything is held back a test asks the modem and the exchange, and calls nobody, whoever wants it.
//! The ledger of these calls is in memory: none of them is made by itself but once a day, so a restart cannot
//! make many of them. Not here: the steps of a test (`send/line_test.rs`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::{Date, Time};

use crate::job::{FaxNumber, UnixMillis};
use crate::office::redial::{self, Leave};
use crate::queue::Dialled;
use crate::schedule::line_board::Wanted;
use crate::schedule::windows::Windows;

/// When the daily test of one line is due.
#[derive(Clone, Debug)]
pub struct Daily {
    at: Option<Time>,
    /// The day in Japan whose test has been, or was over before we began.
    done: Option<Date>,
}

impl Daily {
    /// From now on, each day at this time in Japan; `None` is never.
    pub fn new(at: Option<Time>, now: UnixMillis) -> Self {
        let mut daily = Self { at, done: None };
        if daily.is_due(now) {
            // Begun behind the time: a program that is started again and again would test again and again.
            daily.done(now);
        }
        daily
    }

    /// Whether today's test is still to be made.
    pub fn is_due(&self, now: UnixMillis) -> bool {
        let Some((at, here)) = self.at.zip(now.in_japan()) else { return false };
        here.time() >= at && self.done != Some(here.date())
    }

    /// Today's test has been, or will not be.
    pub fn done(&mut self, now: UnixMillis) {
        self.done = now.in_japan().map(|here| here.date());
    }
}

/// The calls that tests made, over all lines.
#[derive(Debug, Default)]
pub struct TestCalls(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    unanswered: HashMap<FaxNumber, Vec<UnixMillis>>,
    /// Whether a number that is said to be one of our lines' rang that line when it was last called.
    is_ours: HashMap<FaxNumber, bool>,
}

/// Why a test makes no call now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotNow {
    #[error("outside the calling hours")]
    OutsideHours,
    #[error(
        "its number did not ring it when it was last called, and may be a stranger's: correct `number`, then \
         test this line by hand"
    )]
    NotOurs,
    #[error("everything is held back: `shirase release` first")]
    Held,
    #[error("a notification goes to this number just now")]
    Engaged,
    #[error("the redial rule allows the next call to this number at {}", .until.rfc3339())]
    RedialRule { until: UnixMillis },
}

impl TestCalls {
    /// Whether a line of ours may be rung.
    ///
    /// # Errors
    /// [`NotNow::OutsideHours`] as long as the number has not proved to be ours; [`NotNow::NotOurs`] for a daily
    /// test of one that proved not to be.
    pub fn may_ring(
        &self,
        number: &FaxNumber,
        wanted: Wanted,
        windows: &Windows,
        now: UnixMillis,
    ) -> Result<(), NotNow> {
        match (self.lock().is_ours.get(number), wanted) {
            (Some(true), Wanted::ByPerson | Wanted::PageByPerson | Wanted::Daily) => Ok(()),
            (Some(false), Wanted::Daily) => Err(NotNow::NotOurs),
            (Some(false) | None, Wanted::ByPerson | Wanted::PageByPerson)
            | (None, Wanted::Daily) => Self::may_call(windows, now),
        }
    }

    /// Whether a test number may be called.
    ///
    /// # Errors
    /// [`NotNow::OutsideHours`].
    pub fn may_call(windows: &Windows, now: UnixMillis) -> Result<(), NotNow> {
        if windows.is_open(now) { Ok(()) } else { Err(NotNow::OutsideHours) }
    }

    /// A call is to go out now: with leave it counts as made. `notified` is what the store says against it.
    ///
    /// # Errors
    /// [`NotNow::Held`], [`NotNow::Engaged`], [`NotNow::RedialRule`].
    pub fn dial(
        &self,
        number: &FaxNumber,
        notified: Dialled,
        now: UnixMillis,
    ) -> Result<(), NotNow> {
        if notified.is_held {
            return Err(NotNow::Held);
        }
        if notified.is_on_call {
            return Err(NotNow::Engaged);
        }
        let mut ledger = self.lock();
        let ours = ledger.unanswered.entry(number.clone()).or_default();
        // A clock that was set back leaves calls in the future: they were made just now at the latest.
        ours.iter_mut().for_each(|at| *at = (*at).min(now));
        ours.retain(|at| *at > now.before(redial::MEMORY));
        let mut unanswered = notified.unanswered;
        unanswered.extend_from_slice(ours);
        unanswered.sort_unstable_by(|a, b| b.cmp(a));
        match redial::ask(&unanswered, now) {
            Leave::Dial => {
                ours.push(now);
                Ok(())
            }
            Leave::Rest { until } => Err(NotNow::RedialRule { until }),
        }
    }

    /// It was answered: what came before does not count any more.
    pub fn answered(&self, number: &FaxNumber) {
        self.lock().unanswered.remove(number);
    }

    /// Whether the line rang whose number this is said to be.
    pub fn rang(&self, number: &FaxNumber, it_rang: bool) {
        self.lock().is_ours.insert(number.clone(), it_rang);
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// 2026-11-23, a Monday, in Japan.
    fn at(clock: &str) -> UnixMillis {
        let at: jiff::Timestamp = format!("2026-11-23T{clock}:00+09:00").parse().expect("a time");
        UnixMillis(at.as_millisecond())
    }

    fn time(clock: &str) -> Option<Time> {
        Some(format!("{clock}:00").parse().expect("a time"))
    }

    fn number() -> FaxNumber {
        FaxNumber::parse("03-1234-5678").expect("a number")
    }

    #[test]
    fn daily_test_is_due_once_from_its_time_on_and_again_the_next_day() {
        let mut daily = Daily::new(time("08:30"), at("07:00"));
        assert!(!daily.is_due(at("08:29")));
        assert!(daily.is_due(at("08:30")) && daily.is_due(at("11:00")), "until the line is free");
        daily.done(at("11:00"));
        assert!(!daily.is_due(at("23:59")));
        assert!(!daily.is_due(at("08:29").after(Duration::from_secs(86_400))));
        assert!(daily.is_due(at("08:30").after(Duration::from_secs(86_400))));
    }

    #[test]
    fn daemon_that_starts_behind_the_time_waits_for_tomorrow() {
        let daily = Daily::new(time("08:30"), at("09:00"));
        assert!(!daily.is_due(at("09:01")));
        assert!(daily.is_due(at("08:30").after(Duration::from_secs(86_400))));
        assert!(!Daily::new(None, at("07:00")).is_due(at("12:00")));
    }

    fn none() -> Dialled {
        Dialled::default()
    }

    #[test]
    fn test_calls_keep_the_redial_rule_until_one_is_answered() {
        let (calls, number, now) = (TestCalls::default(), number(), at("10:00"));
        for _ in 0..3 {
            assert_eq!(calls.dial(&number, none(), now), Ok(()));
        }
        let until = now.after(Duration::from_secs(180));
        assert_eq!(calls.dial(&number, none(), now), Err(NotNow::RedialRule { until }));
        assert_eq!(calls.dial(&number, none(), until), Ok(()));
        calls.answered(&number);
        assert_eq!(calls.dial(&number, none(), now), Ok(()));
    }

    #[test]
    fn calls_of_notifications_count_with_those_of_tests() {
        let (calls, number, now) = (TestCalls::default(), number(), at("10:00"));
        let unanswered = vec![at("09:59"), at("09:58")];
        let notified = Dialled { unanswered, ..none() };
        assert_eq!(calls.dial(&number, notified.clone(), now), Ok(()));
        let until = at("10:01");
        assert_eq!(calls.dial(&number, notified, now), Err(NotNow::RedialRule { until }));
        let on_call = Dialled { is_on_call: true, ..none() };
        assert_eq!(calls.dial(&number, on_call, at("20:00")), Err(NotNow::Engaged));
    }

    #[test]
    fn while_everything_is_held_back_no_test_calls_anybody() {
        let (calls, number, now) = (TestCalls::default(), number(), at("10:00"));
        let held = Dialled { is_held: true, ..none() };
        assert_eq!(calls.dial(&number, held, now), Err(NotNow::Held));
    }

    #[test]
    fn clock_set_back_holds_a_number_no_longer_than_the_rule() {
        let (calls, number) = (TestCalls::default(), number());
        for _ in 0..3 {
            calls.dial(&number, none(), at("20:00")).expect("leave");
        }
        let until = at("10:03");
        assert_eq!(calls.dial(&number, none(), at("10:00")), Err(NotNow::RedialRule { until }));
        assert_eq!(calls.dial(&number, none(), until), Ok(()));
    }

    fn office_hours() -> Windows {
        let hours = crate::schedule::windows::Hours::new(
            jiff::civil::time(8, 30, 0, 0),
            jiff::civil::time(18, 0, 0, 0),
            Vec::new(),
            std::collections::BTreeSet::new(),
        );
        Windows::Hours(hours.expect("hours"))
    }

    #[test]
    fn test_number_is_called_in_calling_hours_only() {
        let windows = office_hours();
        assert_eq!(TestCalls::may_call(&windows, at("20:00")), Err(NotNow::OutsideHours));
        assert_eq!(TestCalls::may_call(&windows, at("10:00")), Ok(()));
    }

    #[test]
    fn number_said_to_be_ours_is_rung_at_any_hour_once_it_proved_so_and_not_daily_once_it_did_not()
    {
        let (calls, number, windows) = (TestCalls::default(), number(), office_hours());
        let may = |wanted, clock| calls.may_ring(&number, wanted, &windows, at(clock));
        for wanted in [Wanted::Daily, Wanted::ByPerson] {
            assert_eq!(may(wanted, "20:00"), Err(NotNow::OutsideHours), "it may be a stranger's");
            assert_eq!(may(wanted, "10:00"), Ok(()));
        }
        calls.rang(&number, true);
        assert_eq!(may(Wanted::Daily, "20:00"), Ok(()));
        calls.rang(&number, false);
        assert_eq!(may(Wanted::Daily, "10:00"), Err(NotNow::NotOurs));
        assert_eq!(may(Wanted::ByPerson, "20:00"), Err(NotNow::OutsideHours));
        assert_eq!(may(Wanted::ByPerson, "10:00"), Ok(()));
        calls.rang(&number, true);
        assert_eq!(may(Wanted::Daily, "10:00"), Ok(()), "a person has tested it");
    }
}
