//! What follows when somebody decides about a notification of which nobody knows whether it arrived; and when those
//! who have to decide are reminded.
//!
//! In: a [`Choice`], and the notification as it stands. Out: a [`Ruling`]. Pure: every state and choice is decided.
//! Nothing else brings a key that may be on paper there once more: as a new version, which makes the sheets before it
//! void, or as a copy, for which somebody answers. A mail that may have arrived is not mailed again: it comes by FAX.
//! Not here: who may decide (`hook`), what decides by itself (`receipts.rs`, `signs.rs`), how long there is time to
//! (`queue`).

use std::time::Duration;

use super::receipts::fax_at;
use crate::job::names::stable_names;
use crate::job::{Channel, FaxBecause, JobState, Kind, UnixMillis};
use crate::schedule::windows::Windows;

/// What somebody wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    /// Send new credentials; the old ones are void.
    Rotate,
    /// Send the same once more, as a copy.
    Resend,
    /// It arrived: the office was asked.
    CloseDelivered,
    /// It did not, and nothing more is to be sent.
    CloseNotDelivered,
}

stable_names!(Choice {
    Rotate => "rotate",
    Resend => "resend",
    CloseDelivered => "close_delivered",
    CloseNotDelivered => "close_not_delivered",
});

/// A notification, when somebody decides about it.
#[derive(Clone, Copy, Debug)]
pub struct Undecided {
    pub state: JobState,
    pub kind: Kind,
    /// On which it went.
    pub channel: Channel,
    /// Its credentials are still there.
    pub has_key: bool,
    /// Of its credentials.
    pub version: u32,
    /// The end of its time: a new one, or the one that it has.
    pub not_after: UnixMillis,
    /// Of the credentials that are to be sent.
    pub valid_until: Option<UnixMillis>,
}

/// What follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ruling {
    /// It is sent once more.
    Send {
        due: UnixMillis,
        not_after: UnixMillis,
        version: u32,
        /// It went by mail, and goes by FAX from here on.
        because: Option<FaxBecause>,
        code: &'static str,
    },
    /// It ends.
    Rest {
        state: JobState,
        code: &'static str,
    },
    Refused(Refusal),
}

/// Why nothing follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There is nothing to decide in this state.
    NotUncertain(JobState),
    /// This kind has no credentials.
    NoKeyOfKind(Kind),
    /// Its credentials were destroyed when they ran out: new ones can be sent, these cannot.
    KeyGone,
    /// No call can begin before the end of its time.
    NoTime,
}

/// Decides.
pub fn decide(job: &Undecided, choice: Choice, now: UnixMillis, windows: &Windows) -> Ruling {
    match job.state {
        JobState::Uncertain => {}
        JobState::Waiting
        | JobState::Sending
        | JobState::HandedOff
        | JobState::Hold
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => {
            return Ruling::Refused(Refusal::NotUncertain(job.state));
        }
    }
    let has_secret = job.kind.has_secret();
    match choice {
        Choice::Rotate if !has_secret => Ruling::Refused(Refusal::NoKeyOfKind(job.kind)),
        Choice::Rotate => {
            send(job, job.version.saturating_add(1), "credentials-rotated", now, windows)
        }
        Choice::Resend if has_secret && !job.has_key => Ruling::Refused(Refusal::KeyGone),
        Choice::Resend => send(job, job.version, "sent-again-by-decision", now, windows),
        Choice::CloseDelivered => {
            Ruling::Rest { state: JobState::ResolvedDelivered, code: "closed-delivered" }
        }
        Choice::CloseNotDelivered => {
            Ruling::Rest { state: JobState::ResolvedNotDelivered, code: "closed-not-delivered" }
        }
    }
}

/// Never beyond the time for which its credentials count.
fn send(
    job: &Undecided,
    version: u32,
    code: &'static str,
    now: UnixMillis,
    windows: &Windows,
) -> Ruling {
    let not_after = job.valid_until.map_or(job.not_after, |end| end.min(job.not_after));
    let because = match job.channel {
        Channel::Mail => Some(FaxBecause::MailUnsure),
        Channel::Fax => None,
    };
    match fax_at(now, not_after, windows) {
        Some(due) => Ruling::Send { due, not_after, version, because, code },
        None => Ruling::Refused(Refusal::NoTime),
    }
}

/// After so long those who have to decide are reminded. Chosen: while the office is still there on the same day, and
/// on the next working day at the latest.
const REMINDERS: [Duration; 2] = [Duration::from_secs(60 * 60), Duration::from_secs(8 * 60 * 60)];

/// When the next reminder is due; `None` if there were all. Of those that a gateway that was off has missed, one is
/// made up for.
pub fn next_reminder(undecided_since: UnixMillis, now: UnixMillis) -> Option<UnixMillis> {
    REMINDERS.iter().map(|after| undecided_since.after(*after)).find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;
    use crate::schedule::backoff::LAST_CALL;
    use crate::settle::endings;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn undecided(kind: Kind) -> Undecided {
        Undecided {
            state: JobState::Uncertain,
            kind,
            channel: Channel::Fax,
            has_key: kind.has_secret(),
            version: 1,
            not_after: NOW.after(HOUR),
            valid_until: None,
        }
    }

    fn of(job: Undecided, choice: Choice) -> Ruling {
        decide(&job, choice, NOW, &Windows::Always)
    }

    fn sent(version: u32, because: Option<FaxBecause>, code: &'static str) -> Ruling {
        Ruling::Send { due: NOW, not_after: NOW.after(HOUR), version, because, code }
    }

    #[test]
    fn every_choice_in_every_state_for_every_kind() {
        for state in JobState::ALL {
            for kind in Kind::ALL {
                for choice in Choice::ALL {
                    let expected = match (*state, *choice, kind.has_secret()) {
                        (JobState::Uncertain, Choice::Rotate, true) => {
                            sent(2, None, "credentials-rotated")
                        }
                        (JobState::Uncertain, Choice::Rotate, false) => {
                            Ruling::Refused(Refusal::NoKeyOfKind(*kind))
                        }
                        (JobState::Uncertain, Choice::Resend, _) => {
                            sent(1, None, "sent-again-by-decision")
                        }
                        (JobState::Uncertain, Choice::CloseDelivered, _) => Ruling::Rest {
                            state: JobState::ResolvedDelivered,
                            code: "closed-delivered",
                        },
                        (JobState::Uncertain, Choice::CloseNotDelivered, _) => Ruling::Rest {
                            state: JobState::ResolvedNotDelivered,
                            code: "closed-not-delivered",
                        },
                        (other, _, _) => Ruling::Refused(Refusal::NotUncertain(other)),
                    };
                    let job = Undecided { state: *state, ..undecided(*kind) };
                    assert_eq!(of(job, *choice), expected, "{state}, {kind}, {choice}");
                }
            }
        }
    }

    #[test]
    fn mail_that_may_have_arrived_is_sent_again_by_fax() {
        let mail = Undecided { channel: Channel::Mail, ..undecided(Kind::Document) };
        let by_fax = sent(1, Some(FaxBecause::MailUnsure), "sent-again-by-decision");
        assert_eq!(of(mail, Choice::Resend), by_fax);
    }

    #[test]
    fn key_that_was_destroyed_is_replaced_and_not_sent_again() {
        let gone = Undecided { has_key: false, ..undecided(Kind::FirstContact) };
        assert_eq!(of(gone, Choice::Resend), Ruling::Refused(Refusal::KeyGone));
        assert_eq!(of(gone, Choice::Rotate), sent(2, None, "credentials-rotated"));
    }

    #[test]
    fn what_cannot_begin_before_its_end_is_refused_but_can_be_closed() {
        let last = NOW.after(LAST_CALL);
        let too_late = UnixMillis(last.0 - 1);
        for choice in [Choice::Rotate, Choice::Resend] {
            let of_end =
                |not_after| of(Undecided { not_after, ..undecided(Kind::FirstContact) }, choice);
            assert!(matches!(of_end(last), Ruling::Send { .. }), "{choice}");
            assert_eq!(of_end(too_late), Ruling::Refused(Refusal::NoTime), "{choice}");
            // Dead credentials help nobody, however much time the notification has.
            let dead = Undecided { valid_until: Some(too_late), ..undecided(Kind::FirstContact) };
            assert_eq!(of(dead, choice), Ruling::Refused(Refusal::NoTime), "{choice}");
        }
        let over = Undecided { not_after: NOW, ..undecided(Kind::Message) };
        assert!(matches!(of(over, Choice::CloseDelivered), Ruling::Rest { .. }));
    }

    #[test]
    fn end_is_never_beyond_the_end_of_the_credentials() {
        let end = NOW.after(HOUR / 2);
        let job = Undecided { valid_until: Some(end), ..undecided(Kind::FirstContact) };
        match of(job, Choice::Resend) {
            Ruling::Send { not_after, .. } => assert_eq!(not_after, end),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_reason_says_something_to_people() {
        for code in [
            "credentials-rotated",
            "sent-again-by-decision",
            "closed-delivered",
            "closed-not-delivered",
        ] {
            assert!(endings::find(code).is_some(), "{code}");
        }
    }

    #[test]
    fn reminders_come_after_an_hour_and_after_eight_and_one_for_all_that_were_missed() {
        let after = |hours: u32| NOW.after(HOUR * hours);
        assert_eq!(next_reminder(NOW, NOW), Some(after(1)));
        assert_eq!(next_reminder(NOW, after(1)), Some(after(8)));
        assert_eq!(next_reminder(NOW, after(8)), None);
        assert_eq!(next_reminder(NOW, after(30)), None);
    }
}
