//! `Retry-After`: when a server wants to be asked again.
//!
//! In: the header as it came, the time. Out: a wait, if it is one; how long is believed is not decided here.
//! Source: RFC 9110 10.2.3, seconds or a date; 5.6.7, of which the only form that may be sent is read.

use std::time::Duration;

const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How long from `now` (seconds since 1970) the server wants peace; a time that is over is no wait.
pub(crate) fn retry_after(value: &str, now: i64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit()) {
        // More digits than a number holds are a long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date(value)?;
    Some(Duration::from_secs(u64::try_from(until.saturating_sub(now)).unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in seconds since 1970. The day of the week is not looked at.
fn http_date(value: &str) -> Option<i64> {
    let (_weekday, rest) = value.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)?;
    let parts: Vec<&str> = time.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let day = number(day, 1..=31)?;
    let days = days_before(number(year, 1970..=9999)?, i64::try_from(month).ok()?) + day - 1;
    // 60 is a leap second.
    let of_day = number(hours, 0..=23)? * 3600 + number(minutes, 0..=59)? * 60;
    Some(days * DAY_S + of_day + number(seconds, 0..=60)?)
}

fn number(digits: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let number =
        digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok())??;
    range.contains(&number).then_some(number)
}

/// Days from 1970-01-01 to the first of a month, counted from 0, of a year from 1970 on.
fn days_before(year: i64, month: i64) -> i64 {
    // Years begin in March here, so that a leap day is the last of its year.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let in_year = (153 * month + 2) / 5;
    year * 365 + leap_days + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_482_000; // Tue, 24 Nov 2026 01:00:00 GMT

    #[test]
    fn seconds_and_dates_are_read_and_a_time_that_is_over_is_no_wait() {
        for (value, seconds) in [
            ("0", 0),
            (" 120 ", 120),
            ("9999999999", 9_999_999_999),
            ("99999999999999999999999", u64::MAX),
            ("Tue, 24 Nov 2026 01:00:30 GMT", 30),
            ("Wed, 24 Nov 2027 01:00:00 GMT", 365 * 86_400),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ] {
            assert_eq!(retry_after(value, NOW), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn date_is_the_second_that_it_names_in_leap_years_too() {
        for (value, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Tue, 24 Nov 2026 01:00:00 GMT", NOW),
            ("Fri, 31 Dec 2100 23:59:59 GMT", 4_133_980_799),
        ] {
            assert_eq!(http_date(value), Some(seconds), "{value}");
        }
    }

    #[test]
    fn what_is_neither_is_no_wish() {
        for value in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 JST",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after(value, NOW), None, "{value}");
        }
    }
}
