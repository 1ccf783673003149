//! The hours in which lines may be used.
//!
//! In: a time and the settings. Out: whether it is open, when it opens next, and when so much open time has passed or
//! is left: an office reads its mail in the hours in which it may be called.
//! All hours are Japan Standard Time.
//! Not here: which days are holidays; the settings list them (the Cabinet Office publishes them each
//! February for the next year).

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday, time};

use crate::job::{JAPAN, UnixMillis};

/// When to call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Windows {
    /// For rehearsals on a line in software.
    Always,
    Hours(Hours),
}

/// Hours of the day, on some days of the week, not on holidays.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hours {
    opens: Time,
    closes: Time,
    closed_weekdays: Vec<Weekday>,
    holidays: BTreeSet<Date>,
}

impl Hours {
    /// `closes` is the first minute in which no call begins.
    ///
    /// # Errors
    /// [`HoursError`] if it would never be open.
    pub fn new(
        opens: Time,
        closes: Time,
        closed_weekdays: Vec<Weekday>,
        holidays: BTreeSet<Date>,
    ) -> Result<Self, HoursError> {
        if opens >= closes {
            return Err(HoursError::Empty);
        }
        if Weekday::Monday.cycle_forward().take(7).all(|day| closed_weekdays.contains(&day)) {
            return Err(HoursError::NoDay);
        }
        Ok(Self { opens, closes, closed_weekdays, holidays })
    }

    fn open_on(&self, date: Date) -> bool {
        !self.closed_weekdays.contains(&date.weekday()) && !self.holidays.contains(&date)
    }

    /// The open time of a day; `None` if it is closed, or outside the calendar.
    fn span_of(&self, date: Date) -> Option<Range<UnixMillis>> {
        let at = |time| from_japan(date.to_datetime(time));
        self.open_on(date).then(|| Some(at(self.opens)?..at(self.closes)?)).flatten()
    }
}

impl Default for Hours {
    /// Monday to Saturday, 8:30 to 18:00: somebody is in the office, nobody is in bed.
    fn default() -> Self {
        Self {
            opens: time(8, 30, 0, 0),
            closes: time(18, 0, 0, 0),
            closed_weekdays: vec![Weekday::Sunday],
            holidays: BTreeSet::new(),
        }
    }
}

/// Why hours make no sense. The settings' fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HoursError {
    #[error("calling hours must open before they close, on the same day")]
    Empty,
    #[error("calling hours need at least one day of the week")]
    NoDay,
}

impl Windows {
    /// May a call begin now?
    pub fn is_open(&self, now: UnixMillis) -> bool {
        self.next_open(now) == Some(now)
    }

    /// The first time from `now` on at which a call may begin; `now` itself if it is open. `None` if that
    /// is more than a year away, or outside the calendar.
    pub fn next_open(&self, now: UnixMillis) -> Option<UnixMillis> {
        match self {
            Self::Always => Some(now),
            Self::Hours(hours) => {
                let local = now.in_japan()?;
                if hours.open_on(local.date()) && local.time() < hours.closes {
                    let opens = from_japan(local.date().to_datetime(hours.opens))?;
                    return Some(now.max(opens));
                }
                let mut days = local.date().series(jiff::Span::new().days(1)).skip(1).take(366);
                days.find(|day| hours.open_on(*day))
                    .and_then(|day| from_japan(day.to_datetime(hours.opens)))
            }
        }
    }
}

impl Windows {
    /// The first time at which so much open time has passed since `from`. `None` if that takes more than
    /// a year, or runs out of the calendar.
    pub fn open_for(&self, from: UnixMillis, span: Duration) -> Option<UnixMillis> {
        let hours = match self {
            Self::Hours(hours) if !span.is_zero() => hours,
            Self::Hours(_) | Self::Always => return Some(from.after(span)),
        };
        let mut left = span;
        for day in from.in_japan()?.date().series(jiff::Span::new().days(1)).take(MOST_DAYS) {
            let Some(open) = hours.span_of(day) else { continue };
            let starts = open.start.max(from);
            match length(&(starts..open.end)) {
                enough if enough >= left => return Some(starts.after(left)),
                some => left = left.saturating_sub(some),
            }
        }
        None
    }

    /// The last time from which on so much open time is left before `end`: [`Windows::open_for`], backwards.
    pub fn open_before(&self, end: UnixMillis, span: Duration) -> Option<UnixMillis> {
        let hours = match self {
            Self::Hours(hours) if !span.is_zero() => hours,
            Self::Hours(_) | Self::Always => return Some(end.before(span)),
        };
        let mut left = span;
        for day in end.in_japan()?.date().series(jiff::Span::new().days(-1)).take(MOST_DAYS) {
            let Some(open) = hours.span_of(day) else { continue };
            let ends = open.end.min(end);
            match length(&(open.start..ends)) {
                enough if enough >= left => return Some(ends.before(left)),
                some => left = left.saturating_sub(some),
            }
        }
        None
    }
}

/// So far open time is counted. Chosen: no notification lives longer than a year, and hours can be a minute a week.
const MOST_DAYS: usize = 366;

fn length(span: &Range<UnixMillis>) -> Duration {
    Duration::from_millis(u64::try_from(span.end.0.saturating_sub(span.start.0)).unwrap_or(0))
}

fn from_japan(at: DateTime) -> Option<UnixMillis> {
    JAPAN.to_timestamp(at).ok().map(|at| UnixMillis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UnixMillis {
        from_japan(text.parse().expect("a date and time")).expect("in the calendar")
    }

    fn shipped(holidays: &[Date]) -> Windows {
        Windows::Hours(Hours { holidays: holidays.iter().copied().collect(), ..Hours::default() })
    }

    #[test]
    fn hours_are_japanese_whatever_the_machine_says() {
        // 23:30 UTC is 8:30 the next morning in Japan.
        let opens: jiff::Timestamp = "2026-11-23T23:30:00Z".parse().expect("valid");
        assert_eq!(at("2026-11-24T08:30"), UnixMillis(opens.as_millisecond()));
        assert!(shipped(&[]).is_open(UnixMillis(opens.as_millisecond())));
    }

    #[test]
    fn next_open_by_time_of_the_week() {
        let labour_thanksgiving = shipped(&[date(2026, 11, 23)]);
        let cases = [
            ("2026-11-24T08:30", "2026-11-24T08:30"), // Tuesday, opens
            ("2026-11-24T17:59:59.999", "2026-11-24T17:59:59.999"),
            ("2026-11-24T18:00", "2026-11-25T08:30"), // closes
            ("2026-11-24T08:29:59.999", "2026-11-24T08:30"),
            ("2026-11-24T00:00", "2026-11-24T08:30"), // night
            ("2026-11-21T12:00", "2026-11-21T12:00"), // Saturday
            ("2026-11-21T18:00", "2026-11-24T08:30"), // Sunday, then a holiday
            ("2028-02-28T20:00", "2028-02-29T08:30"), // leap day, a Tuesday
            ("2026-12-31T23:59", "2027-01-01T08:30"),
        ];
        for (now, opens) in cases {
            let got = labour_thanksgiving.next_open(at(now));
            assert_eq!(got, Some(at(opens)), "{now}");
            assert_eq!(labour_thanksgiving.is_open(at(now)), now == opens, "{now}");
        }
    }

    #[test]
    fn always_is_open_on_sunday_night() {
        assert!(Windows::Always.is_open(at("2026-11-22T03:00")));
    }

    #[test]
    fn times_outside_the_calendar_are_closed() {
        assert_eq!(shipped(&[]).next_open(UnixMillis(i64::MAX)), None);
        assert!(!shipped(&[]).is_open(UnixMillis(i64::MIN)));
    }

    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[test]
    fn nine_open_hours_end_on_the_next_day_on_which_somebody_is_there() {
        let labour_thanksgiving = shipped(&[date(2026, 11, 23)]);
        let cases = [
            ("2026-11-24T08:30", "2026-11-24T17:30"), // Tuesday, a whole day
            ("2026-11-24T03:00", "2026-11-24T17:30"), // the night before it
            ("2026-11-24T10:00", "2026-11-25T09:30"),
            ("2026-11-24T18:00", "2026-11-25T17:30"),
            ("2026-11-21T12:00", "2026-11-24T11:30"), // Saturday, then Sunday and a holiday
        ];
        for (from, ends) in cases {
            let got = labour_thanksgiving.open_for(at(from), 9 * HOUR);
            assert_eq!(got, Some(at(ends)), "{from}");
        }
        let night = at("2026-11-24T03:00");
        assert_eq!(Windows::Always.open_for(night, 9 * HOUR), Some(at("2026-11-24T12:00")));
    }

    #[test]
    fn open_hour_before_an_end_begins_on_the_last_day_that_has_one() {
        let labour_thanksgiving = shipped(&[date(2026, 11, 23)]);
        let cases = [
            ("2026-11-24T12:00", "2026-11-24T11:00"),
            ("2026-11-24T09:00", "2026-11-21T17:30"), // half an hour of Tuesday, half of Saturday
            ("2026-11-22T03:00", "2026-11-21T17:00"),
        ];
        for (end, begins) in cases {
            let got = labour_thanksgiving.open_before(at(end), HOUR);
            assert_eq!(got, Some(at(begins)), "{end}");
        }
        assert_eq!(
            Windows::Always.open_before(at("2026-11-22T03:00"), HOUR),
            Some(at("2026-11-22T02:00"))
        );
    }

    #[test]
    fn open_time_beyond_a_year_or_the_calendar_has_no_end() {
        let minute_a_week = Hours::new(
            time(9, 0, 0, 0),
            time(9, 1, 0, 0),
            Weekday::Monday.cycle_forward().skip(1).take(6).collect(),
            BTreeSet::new(),
        );
        let rare = Windows::Hours(minute_a_week.expect("valid"));
        let now = at("2026-11-24T10:00");
        assert!(rare.open_for(now, Duration::from_secs(52 * 60)).is_some());
        assert_eq!(rare.open_for(now, HOUR), None);
        assert_eq!(rare.open_before(now, HOUR), None);
        assert_eq!(shipped(&[]).open_for(UnixMillis(i64::MAX), HOUR), None);
        assert_eq!(shipped(&[]).open_before(UnixMillis(i64::MIN), HOUR), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Against the same thing done by looking at every minute.
        #[test]
        fn open_time_is_the_count_of_open_minutes(
            start_min in 0_i64..20 * 24 * 60,
            span_min in 0_u64..12 * 60,
            opens_ten_min in 0_i8..18 * 6,
            closed in proptest::collection::vec(0_i8..7, 0..5),
            holidays in proptest::collection::btree_set(1_i8..28, 0..6),
        ) {
            let week: Vec<Weekday> = Weekday::Monday.cycle_forward().take(7).collect();
            let hours = Hours::new(
                time(opens_ten_min / 6, opens_ten_min % 6 * 10, 0, 0),
                time(23, 57, 0, 0),
                closed.into_iter().map(|day| week[day as usize]).collect(),
                holidays.into_iter().map(|day| date(2026, 11, day)).collect(),
            );
            let windows = Windows::Hours(hours.expect("some day is open"));
            let from = UnixMillis(at("2026-10-28T00:00").0 + start_min * 60_000);
            let span = Duration::from_secs(span_min * 60);
            let end = windows.open_for(from, span).expect("within a year");

            let (mut walked, mut open_min) = (from, 0);
            while open_min < span_min {
                open_min += u64::from(windows.is_open(walked));
                walked = walked.after(Duration::from_secs(60));
            }
            prop_assert_eq!(end, walked);

            // And back: from no later time on is there so much before that end.
            let begins = windows.open_before(end, span).expect("within a year");
            prop_assert!(begins >= from);
            prop_assert_eq!(windows.open_for(begins, span), Some(end));
            let later = windows.open_for(begins.after(Duration::from_secs(60)), span);
            prop_assert!(later > Some(end));
        }
    }

    #[test]
    fn hours_that_never_open_are_refused() {
        let hours = |opens, closes, closed: &[Weekday]| {
            Hours::new(opens, closes, closed.to_vec(), BTreeSet::new()).err()
        };
        let (morning, evening) = (time(8, 30, 0, 0), time(18, 0, 0, 0));
        assert_eq!(hours(morning, evening, &[]), None);
        assert_eq!(hours(evening, morning, &[]), Some(HoursError::Empty));
        assert_eq!(hours(morning, morning, &[]), Some(HoursError::Empty));
        let week: Vec<Weekday> = Weekday::Monday.cycle_forward().take(7).collect();
        assert_eq!(hours(morning, evening, &week), Some(HoursError::NoDay));
    }
}
