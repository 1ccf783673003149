//! The hours in which lines may be used.
//!
//! In: a time and the settings. Out: whether it is open, and when it opens next.
//! All hours are Japan Standard Time.
//! Not here: which days are holidays; the settings list them (the Cabinet Office publishes them each
//! February for the next year).

use std::collections::BTreeSet;

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

fn from_japan(at: DateTime) -> Option<UnixMillis> {
    JAPAN.to_timestamp(at).ok().map(|at| UnixMillis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

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
