//! When a line is tested by itself, and which of a test's calls may be made.
//!
//! In: the time, the settings, the calls that tests have made. Out: whether a test is due, and for each call
//! the leave or the reason against it.
//! A call to a line of our own rings a modem and no person: calling hours do not matter to it. A test number
//! may stand beside somebody's desk: it is called in calling hours only. The redial rule of the law
//! (`office/redial.rs`) holds for both: what rings and is not answered is an unanswered call.
//! The ledger of these calls is in memory: none of them is made by itself but once a day, so a restart cannot
//! make many of them. Not here: the steps of a test (`send/line_test.rs`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::civil::{Date, Time};

use crate::job::{FaxNumber, UnixMillis};
use crate::office::redial::{self, Leave};
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
        let Some((at, here)) = self.at.zip(in_japan(now)) else { return false };
        here.time() >= at && self.done != Some(here.date())
    }

    /// Today's test has been, or will not be.
    pub fn done(&mut self, now: UnixMillis) {
        self.done = in_japan(now).map(|here| here.date());
    }
}

fn in_japan(now: UnixMillis) -> Option<jiff::civil::DateTime> {
    let at = jiff::Timestamp::from_millisecond(now.0).ok()?;
    Some(jiff::tz::offset(9).to_datetime(at))
}

/// The calls that tests made, over all lines.
#[derive(Debug, Default)]
pub struct TestCalls(Mutex<HashMap<FaxNumber, Vec<UnixMillis>>>);

/// Why a test makes no call now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotNow {
    #[error("outside the calling hours")]
    OutsideHours,
    #[error("the redial rule allows the next call to this number at {}", .until.rfc3339())]
    RedialRule { until: UnixMillis },
}

impl TestCalls {
    /// Whether a line of ours may be rung.
    ///
    /// # Errors
    /// [`NotNow::RedialRule`].
    pub fn may_ring(&self, number: &FaxNumber, now: UnixMillis) -> Result<(), NotNow> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unanswered) = calls.get_mut(number) else { return Ok(()) };
        // A clock that was set back leaves calls in the future: they were made just now at the latest.
        unanswered.iter_mut().for_each(|at| *at = (*at).min(now));
        unanswered.retain(|at| *at > now.before(redial::MEMORY));
        match redial::ask(unanswered, now) {
            Leave::Dial => Ok(()),
            Leave::Rest { until } => Err(NotNow::RedialRule { until }),
        }
    }

    /// Whether a test number may be called.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn may_call(
        &self,
        number: &FaxNumber,
        windows: &Windows,
        now: UnixMillis,
    ) -> Result<(), NotNow> {
        if !windows.is_open(now) {
            return Err(NotNow::OutsideHours);
        }
        self.may_ring(number, now)
    }

    /// A call goes out.
    pub fn dialled(&self, number: &FaxNumber, now: UnixMillis) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(number.clone()).or_default().insert(0, now);
    }

    /// It was answered: what came before does not count any more.
    pub fn answered(&self, number: &FaxNumber) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(number);
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

    #[test]
    fn test_calls_keep_the_redial_rule_until_one_is_answered() {
        let (calls, number, now) = (TestCalls::default(), number(), at("10:00"));
        for _ in 0..3 {
            assert_eq!(calls.may_ring(&number, now), Ok(()));
            calls.dialled(&number, now);
        }
        let until = now.after(Duration::from_secs(180));
        assert_eq!(calls.may_ring(&number, now), Err(NotNow::RedialRule { until }));
        assert_eq!(calls.may_ring(&number, until), Ok(()));
        calls.answered(&number);
        assert_eq!(calls.may_ring(&number, now), Ok(()));
    }

    #[test]
    fn clock_set_back_holds_a_number_no_longer_than_the_rule() {
        let (calls, number) = (TestCalls::default(), number());
        for _ in 0..3 {
            calls.dialled(&number, at("20:00"));
        }
        let until = at("10:03");
        assert_eq!(calls.may_ring(&number, at("10:00")), Err(NotNow::RedialRule { until }));
        assert_eq!(calls.may_ring(&number, until), Ok(()));
    }

    #[test]
    fn test_number_is_called_in_calling_hours_only_and_an_own_line_always() {
        let hours = crate::schedule::windows::Hours::new(
            jiff::civil::time(8, 30, 0, 0),
            jiff::civil::time(18, 0, 0, 0),
            Vec::new(),
            std::collections::BTreeSet::new(),
        );
        let windows = Windows::Hours(hours.expect("hours"));
        let calls = TestCalls::default();
        assert_eq!(calls.may_call(&number(), &windows, at("20:00")), Err(NotNow::OutsideHours));
        assert_eq!(calls.may_call(&number(), &windows, at("10:00")), Ok(()));
        assert_eq!(calls.may_ring(&number(), at("20:00")), Ok(()));
    }
}
