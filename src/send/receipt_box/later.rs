//! Mails of the receipt box that could not be taken in yet. Those behind them are.
//!
//! In: such a mail, and the time. Out: which has its turn, and up to where all is done: the store keeps no place behind
//! that, so a start reads these again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reading::ReadMail;
use crate::job::UnixMillis;

/// First and longest pause before a report is handed in again that overtook its attempt; each is twice the one before.
/// Chosen: mostly a COMMIT is all that is missing; a relay may take an hour for its last reply.
const EARLY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The same of a mail that the server did not give. Chosen: with [`MOST_FAILURES`] more than ten hours pass before it is
/// left behind; the faults of servers are mended by then.
const NOT_GIVEN: (Duration, Duration) =
    (Duration::from_secs(5 * 60), Duration::from_secs(6 * 60 * 60));
/// So often the server may give others and not this one. Then it is left behind.
pub(super) const MOST_FAILURES: u32 = 8;
/// Reports that are kept to be handed in again. Chosen: some for each lane; behind more of them the box waits.
const MOST_EARLY: usize = 100;

/// Why a mail waits.
#[derive(Debug)]
pub(super) enum Why {
    /// The attempt that it is about is not over for us yet: handed in so often.
    Early { mail: ReadMail, asked: u32 },
    /// The server did not give it: so often it gave others over the same connection.
    NotGiven { failures: u32 },
}

impl Why {
    fn pause(&self) -> Duration {
        let ((first, longest), times) = match self {
            Self::Early { asked, .. } => (EARLY, *asked),
            Self::NotGiven { failures } => (NOT_GIVEN, *failures),
        };
        let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
        first.saturating_mul(factor).min(longest)
    }
}

#[derive(Debug)]
struct Waiting {
    since: UnixMillis,
    why: Why,
}

impl Waiting {
    fn due(&self) -> UnixMillis {
        self.since.after(self.why.pause())
    }

    /// Also when the clock was set back.
    fn is_due(&self, now: UnixMillis) -> bool {
        now < self.since || now >= self.due()
    }
}

/// Those of one numbering, by UID.
#[derive(Debug, Default)]
pub(super) struct Later(BTreeMap<u32, Waiting>);

impl Later {
    pub(super) fn put(&mut self, uid: u32, why: Why, now: UnixMillis) {
        self.0.insert(uid, Waiting { since: now, why });
    }

    /// They are numbered anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn has(&self, uid: u32) -> bool {
        self.0.contains_key(&uid)
    }

    /// How far the box is done, if it was read up to `uid`.
    pub(super) fn done_up_to(&self, uid: u32) -> u32 {
        self.0.first_key_value().map_or(uid, |(first, _)| uid.min(first.saturating_sub(1)))
    }

    /// No more may be added before some are taken in.
    pub(super) fn is_full(&self) -> bool {
        self.early().count() >= MOST_EARLY
    }

    /// Some report overtook its attempt.
    pub(super) fn has_early(&self) -> bool {
        self.early().next().is_some()
    }

    pub(super) fn has_not_given(&self) -> bool {
        self.not_given().next().is_some()
    }

    /// The next that is due.
    pub(super) fn take_due(&mut self, now: UnixMillis) -> Option<(u32, Why)> {
        let due = self.0.iter().filter(|(_, waiting)| waiting.is_due(now));
        let uid = *due.min_by_key(|(_, waiting)| waiting.due())?.0;
        self.take(uid)
    }

    /// The next that the server did not give, due or not.
    pub(super) fn take_not_given(&mut self) -> Option<(u32, Why)> {
        let uid = *self.not_given().min_by_key(|(_, waiting)| waiting.due())?.0;
        self.take(uid)
    }

    /// Until the next is due.
    pub(super) fn pause(&self, now: UnixMillis) -> Option<Duration> {
        let next = self.0.values().map(Waiting::due).min()?;
        Some(Duration::from_millis(next.0.saturating_sub(now.0).try_into().unwrap_or_default()))
    }

    fn take(&mut self, uid: u32) -> Option<(u32, Why)> {
        self.0.remove(&uid).map(|waiting| (uid, waiting.why))
    }

    fn early(&self) -> impl Iterator<Item = (&u32, &Waiting)> {
        self.0.iter().filter(|(_, waiting)| matches!(waiting.why, Why::Early { .. }))
    }

    fn not_given(&self) -> impl Iterator<Item = (&u32, &Waiting)> {
        self.0.iter().filter(|(_, waiting)| matches!(waiting.why, Why::NotGiven { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::mailbox_board::Fate;

    const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

    fn not_given(failures: u32) -> Why {
        Why::NotGiven { failures }
    }

    #[test]
    fn mail_that_is_not_given_is_left_behind_only_after_ten_hours() {
        let waited: Duration = (1..MOST_FAILURES).map(|failures| not_given(failures).pause()).sum();
        assert!(waited > Duration::from_secs(10 * 60 * 60), "{waited:?}");
        assert_eq!(not_given(0).pause(), Duration::from_secs(300));
    }

    #[test]
    fn report_that_overtook_its_attempt_is_handed_in_each_minute_at_least() {
        let mail = ReadMail { sha256: [0; 32], receipt: None, otherwise: Fate::Other };
        let early = |asked| Why::Early { mail: mail.clone(), asked };
        assert_eq!(
            [1, 2, 6, 7, 4000].map(|asked| early(asked).pause().as_secs()),
            [1, 2, 32, 60, 60]
        );
        let mut later = Later::default();
        later.put(1, not_given(0), NOW);
        for uid in 2..=101 {
            assert!(!later.is_full());
            later.put(uid, early(1), NOW);
        }
        assert!(later.is_full() && later.has_early());
    }

    #[test]
    fn place_stays_before_the_first_mail_that_waits() {
        let mut later = Later::default();
        assert_eq!(later.done_up_to(9), 9);
        later.put(7, not_given(0), NOW);
        later.put(5, not_given(0), NOW.after(Duration::from_secs(1)));
        assert_eq!((later.done_up_to(9), later.done_up_to(3)), (4, 3));
        assert!(matches!(later.take_not_given(), Some((7, _))), "the one that waits longest");
        assert_eq!(later.done_up_to(9), 4);
        assert!(later.take_not_given().is_some());
        assert_eq!(later.done_up_to(9), 9);
    }

    #[test]
    fn mail_has_its_turn_when_it_is_due_or_the_clock_was_set_back() {
        let mut later = Later::default();
        later.put(5, not_given(2), NOW);
        let due = NOW.after(Duration::from_secs(600));
        assert!(later.take_due(UnixMillis(due.0 - 1)).is_none());
        assert_eq!(later.pause(UnixMillis(due.0 - 1)), Some(Duration::from_millis(1)));
        assert_eq!(later.pause(due.after(Duration::from_secs(1))), Some(Duration::ZERO));
        assert!(later.take_due(due).is_some());
        later.put(5, not_given(2), NOW);
        assert!(later.take_due(UnixMillis(NOW.0 - 1)).is_some());
        assert_eq!(later.pause(NOW), None);
    }
}
