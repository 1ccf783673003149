//! When a post comes again, and when no more; and when an endpoint that takes nothing is left in peace.
//!
//! In: what became of a post. Out: a [`WebhookFate`], a rest. Pure.
//! Source: Standard Webhooks 1.0 (schedule; 410; `Retry-After` of 429 and 503).

use std::time::Duration;

use webhook::{Answered, PostError};

use super::faults;
use crate::job::UnixMillis;
use crate::queue::WebhookFate;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}

/// Waits between the posts of one event; together 75 h 35 min.
const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    hours(2),
    hours(5),
    hours(10),
    hours(14),
    hours(20),
    hours(24),
];

/// A post that fails so long after the first is the last, if there were as many as the schedule has: time in which nothing
/// was posted is not held against an event. Whoever was away longer reads the feed.
const GIVE_UP_AFTER: Duration = hours(75);

/// A wait is longer by up to one part in so many, so that what failed together does not come back together.
const JITTER: u32 = 10;

/// No wait is longer: what seems to be was written by a clock that went ahead.
pub const LONGEST_WAIT: Duration = hours(27);

/// No answer can silence us longer than this.
const MOST_PEACE: Duration = hours(1);

/// So many failures in a row are the endpoint's, not those of one event. What goes out together and fails is one failure:
/// it saw one moment of the endpoint.
const FEW: u32 = 3;
/// It then rests, longer and longer; the end of a rest is one post.
const RESTS: [Duration; 4] = [Duration::from_secs(30), minutes(1), minutes(2), minutes(5)];

/// What follows from a post of an event that was posted `tries` times before, for the first time about `turn_at`. `random` is
/// any octet.
pub(super) fn fate(
    result: &Result<Answered, PostError>,
    tries: u32,
    turn_at: UnixMillis,
    now: UnixMillis,
    random: u8,
) -> WebhookFate {
    let error = match result {
        Ok(_taken) => return WebhookFate::Told,
        Err(error) => error,
    };
    let (code, detail) = (error.code(), faults::sentence(error));
    if *error == PostError::Gone {
        return WebhookFate::Disabled { code, detail };
    }
    let step = usize::try_from(tries).unwrap_or(usize::MAX);
    if step >= SCHEDULE.len() && now >= turn_at.after(GIVE_UP_AFTER) {
        return WebhookFate::GivenUp { code, detail };
    }
    let [.., last] = SCHEDULE;
    let wait = SCHEDULE.get(step).copied().unwrap_or(last);
    let wait = wait + wait * u32::from(random) / (u32::from(u8::MAX) * JITTER);
    WebhookFate::Again { due: now.after(wait.max(peace(error))), code, detail }
}

/// How long the answer wants us to stay away; none cannot be longer than [`MOST_PEACE`].
fn peace(error: &PostError) -> Duration {
    match error {
        PostError::Status { status: 429 | 503, again_after: Some(wish) } => (*wish).min(MOST_PEACE),
        PostError::Status { .. }
        | PostError::NoAddress { .. }
        | PostError::Forbidden { .. }
        | PostError::Plain { .. }
        | PostError::Connect { .. }
        | PostError::Certificate { .. }
        | PostError::WrongName { .. }
        | PostError::Tls { .. }
        | PostError::Reset
        | PostError::NoHttp { .. }
        | PostError::Late { .. }
        | PostError::Redirect { .. }
        | PostError::Gone => Duration::ZERO,
    }
}

/// How an endpoint behaved of late.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Temper {
    failures_in_a_row: u32,
}

impl Temper {
    /// Takes in what became of posts that went out together; how long nothing is posted now.
    pub(super) fn after<'a>(
        &mut self,
        results: impl IntoIterator<Item = &'a Result<Answered, PostError>>,
    ) -> Option<Duration> {
        let mut wish = Duration::ZERO;
        let (mut took, mut failed) = (false, false);
        for result in results {
            match result {
                Ok(_taken) => took = true,
                Err(error) => {
                    failed = true;
                    wish = wish.max(peace(error));
                }
            }
        }
        if took {
            self.failures_in_a_row = 0;
        } else if failed {
            self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        }
        let over = self.failures_in_a_row.checked_sub(FEW);
        let [.., longest] = RESTS;
        let rest = over.map(|over| {
            let step = usize::try_from(over).unwrap_or(usize::MAX);
            RESTS.get(step).copied().unwrap_or(longest)
        });
        let rest = rest.unwrap_or_default().max(wish);
        (!rest.is_zero()).then_some(rest)
    }

    /// It takes nothing at all: one post at a time is enough to see that it does again.
    pub(super) fn is_bad(&self) -> bool {
        self.failures_in_a_row >= FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    fn failed(status: u16, wish_s: Option<u64>) -> Result<Answered, PostError> {
        Err(PostError::Status { status, again_after: wish_s.map(Duration::from_secs) })
    }

    fn taken() -> Result<Answered, PostError> {
        Ok(Answered { status: 204, address: [127, 0, 0, 1].into() })
    }

    /// The waits of an event that is never taken, until it is given up.
    fn waits(random: u8) -> Vec<Duration> {
        let (mut now, mut waits) = (NOW, Vec::new());
        loop {
            let tries = waits.len() as u32;
            match fate(&failed(500, None), tries, NOW, now, random) {
                WebhookFate::Again { due, .. } => {
                    waits.push(Duration::from_millis((due.0 - now.0) as u64));
                    now = due;
                }
                WebhookFate::GivenUp { .. } => return waits,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn event_that_nobody_takes_is_posted_ten_times_in_75_hours_and_then_given_up() {
        assert_eq!(waits(0), SCHEDULE);
        let longest = waits(255);
        assert_eq!(longest.len(), SCHEDULE.len());
        for (wait, plan) in longest.iter().zip(SCHEDULE) {
            assert!(*wait >= plan && *wait <= plan + plan / JITTER && *wait <= LONGEST_WAIT);
        }
        assert!(SCHEDULE.iter().sum::<Duration>() >= GIVE_UP_AFTER);
    }

    #[test]
    fn event_that_was_made_due_by_hand_is_not_given_up_before_its_time() {
        let again = fate(&failed(500, None), 40, NOW, NOW.after(hours(74)), 0);
        assert!(matches!(again, WebhookFate::Again { due, .. } if due == NOW.after(hours(98))));
    }

    #[test]
    fn wish_for_peace_is_respected_and_cannot_silence_us() {
        let due = |status, wish| match fate(&failed(status, wish), 0, NOW, NOW, 0) {
            WebhookFate::Again { due, .. } => due,
            other => panic!("{other:?}"),
        };
        assert_eq!(due(429, Some(120)), NOW.after(minutes(2)));
        assert_eq!(due(503, Some(0)), NOW.after(SCHEDULE[0]));
        assert_eq!(due(429, Some(9_999_999_999)), NOW.after(MOST_PEACE));
        // Of others it is no part of the answer's meaning.
        assert_eq!(due(500, Some(120)), NOW.after(SCHEDULE[0]));
    }

    #[test]
    fn time_in_which_nothing_was_posted_gives_nothing_up() {
        for tries in 0..9 {
            let again = fate(&failed(500, None), tries, NOW, NOW.after(hours(500)), 0);
            assert!(matches!(again, WebhookFate::Again { .. }), "{tries}: {again:?}");
        }
    }

    #[test]
    fn posts_that_failed_together_are_one_failure() {
        let mut temper = Temper::default();
        let moment = || (0..8).map(|_| failed(502, None)).collect::<Vec<_>>();
        assert_eq!((temper.after(&moment()), temper.is_bad()), (None, false));
        assert_eq!((temper.after(&moment()), temper.is_bad()), (None, false));
        assert_eq!(temper.after(&moment()), Some(Duration::from_secs(30)));
    }

    #[test]
    fn answer_410_ends_it_at_once_and_2xx_too() {
        let gone = fate(&Err(PostError::Gone), 0, NOW, NOW, 0);
        assert!(matches!(gone, WebhookFate::Disabled { code: "webhook-gone", .. }), "{gone:?}");
        assert_eq!(fate(&taken(), 9, NOW, NOW.after(hours(200)), 0), WebhookFate::Told);
    }

    #[test]
    fn clock_set_back_gives_nothing_up() {
        let before = NOW.before(hours(500));
        assert!(matches!(fate(&failed(500, None), 2, NOW, before, 0), WebhookFate::Again { .. }));
    }

    #[test]
    fn endpoint_that_takes_nothing_rests_longer_and_longer_until_it_takes_one() {
        let mut temper = Temper::default();
        let mut rests = || temper.after(&[failed(500, None)]);
        let got: Vec<_> = (0..8).map(|_| rests()).collect();
        let expected = [0, 0, 30, 60, 120, 300, 300, 300];
        let expected = expected.map(|s| (s > 0).then_some(Duration::from_secs(s)));
        assert_eq!(got, expected);
        assert!(temper.is_bad());
        assert_eq!(temper.after(&[failed(500, None), taken()]), None);
        assert_eq!(temper, Temper::default());
        assert_eq!(temper.after(&[failed(429, Some(90))]), Some(Duration::from_secs(90)));
    }
}
