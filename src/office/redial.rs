//! May a number that did not answer be called again, and when?
//!
//! In: the calls made to one number since something last answered there, over all jobs and lines. Out: a
//! [`Leave`].
//! Source: Ordinance Concerning Terminal Facilities (端末設備等規則) article 11: automatic redialling of a
//! party that does not answer is at most 15 times, or else at most twice within 3 minutes of the first
//! call. Both are kept here, always.
//! Not here: who counts (`queue`, before `ATD`), how often one job is tried (`schedule/backoff.rs`).

use std::time::Duration;

use crate::job::UnixMillis;

/// At most so many calls in any span of this length.
struct Cap {
    calls: usize,
    span: Duration,
}

const CAPS: [Cap; 2] = [
    // The first call and two more.
    Cap { calls: 3, span: Duration::from_secs(3 * 60) },
    // A day, chosen: after it a call is a new one and no repetition.
    Cap { calls: 15, span: Duration::from_secs(24 * 60 * 60) },
];

/// No earlier call matters: the longest span of the rule.
pub const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether the number may be dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leave {
    Dial,
    Rest { until: UnixMillis },
}

/// Asks for one more call. `unanswered` holds the times of the calls since the last answered one,
/// newest first, none later than `now`.
pub fn ask(unanswered: &[UnixMillis], now: UnixMillis) -> Leave {
    let rests = CAPS.iter().filter_map(|cap| {
        let oldest_counted = *unanswered.get(cap.calls - 1)?;
        let free = oldest_counted.after(cap.span);
        (now < free).then_some(free)
    });
    rests.max().map_or(Leave::Dial, |until| Leave::Rest { until })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn at(minutes: &[i64]) -> Vec<UnixMillis> {
        minutes.iter().map(|m| UnixMillis(m * MINUTE)).collect()
    }

    #[test]
    fn third_call_in_three_minutes_is_the_last() {
        let now = UnixMillis(100 * MINUTE);
        assert_eq!(ask(&[], now), Leave::Dial);
        assert_eq!(ask(&at(&[99, 98]), now), Leave::Dial);
        let until = UnixMillis(101 * MINUTE);
        assert_eq!(ask(&at(&[100, 99, 98]), now), Leave::Rest { until });
        assert_eq!(ask(&at(&[100, 99, 98]), until), Leave::Dial);
    }

    #[test]
    fn fifteen_unanswered_calls_in_a_day_rest_until_the_first_is_a_day_old() {
        let calls: Vec<UnixMillis> = (0..15).rev().map(|i| UnixMillis(i * 10 * MINUTE)).collect();
        let now = UnixMillis(200 * MINUTE);
        assert_eq!(ask(&calls[..14], now), Leave::Dial);
        let until = UnixMillis(24 * 60 * MINUTE);
        assert_eq!(ask(&calls, now), Leave::Rest { until });
        assert_eq!(ask(&calls, until), Leave::Dial);
    }

    #[test]
    fn memory_covers_every_cap() {
        assert_eq!(CAPS.iter().map(|cap| cap.span).max(), Some(MEMORY));
    }
}
