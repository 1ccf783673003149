//! What an ending means for a notification.
//!
//! In: an [`Outcome`], how a call ended and how far it came. Out: a [`Settlement`], one transaction for
//! `queue`. Pure: the same outcome at the same time gives the same settlement.
//!
//! | file | holds |
//! |---|---|
//! | `verdict.rs`, `receipt.rs`, `lesson.rs` | how a call ended: what it proves, what a client may know, what it teaches |
//! | `mailing.rs`, `bounce.rs`, `words.rs` | how the hand-over of a mail ended, why, and in whose words |
//! | `receipts.rs` | what comes later about a notification that a relay or a provider has, or that nothing came |
//! | `signs.rs` | what the exchange saw |
//! | `resolution.rs` | what somebody decided about one of which nobody knows whether it arrived |
//! | `endings.rs`, `reasons.rs`, `names.rs` | what each code, reason and name of a state says to people |
//!
//! Not here: the pauses (`schedule/backoff.rs`), who keeps it (`queue`).

pub mod bounce;
pub mod endings;
mod lesson;
pub mod mailing;
pub mod names;
pub mod reasons;
pub mod receipt;
pub mod receipts;
pub mod resolution;
pub mod signs;
pub mod verdict;
pub mod words;

use std::time::Duration;

use crate::job::names::stable_names;
use crate::job::{AttemptState, Evidence, FaxBecause, IfUncertain, JobState, Kind, UnixMillis};
use crate::office::identity::Identity;
use crate::office::known::Lesson;
use crate::schedule::backoff::{self, Calls, Cause, Turn};
use crate::schedule::windows::Windows;
use verdict::{Remedy, Verdict};

/// Result of an attempt and what becomes of its job.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub now: UnixMillis,
    pub evidence: Evidence,
    /// Stable code of the ending, e.g. `busy`; catalogue in `endings.rs`.
    pub code: &'static str,
    /// What the telephone network saw of it, for the redial rule.
    pub reach: Reach,
    pub next: Next,
    /// The receipt's facts: times, rate, identity, pages. Never a secret.
    pub receipt: serde_json::Value,
    /// What is to be remembered of the number.
    pub lesson: Option<Lesson>,
}

/// Where the job goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Try again not before then.
    Again { due: UnixMillis, reason: &'static str },
    /// Stay in this state: final, or `Uncertain`.
    Rest(JobState),
    /// In this state, `HandedOff` or `Uncertain`, a receipt is waited for.
    Watch { state: JobState, watch: Watch },
    /// Not by mail any more: by FAX, as soon as there is a line from `due` on.
    ByFax { due: UnixMillis, because: FaxBecause },
}

/// How long a receipt is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watch {
    pub until: UnixMillis,
    pub then: AtEnd,
}

/// What happens when nobody has said anything by then.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AtEnd {
    /// It is sent by FAX.
    Fax,
    /// Somebody must decide, unless a delivery was reported.
    Decide,
}

stable_names!(AtEnd { Fax => "fax", Decide => "decide" });

/// How far a call came in the telephone network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// No number went out: nothing rang anywhere.
    NoCall,
    /// A number went out and nobody answered; also when that is not known.
    NoAnswer,
    /// Somebody or something answered.
    Answered,
}

stable_names!(Reach {
    NoCall => "no_call",
    NoAnswer => "no_answer",
    Answered => "answered",
});

/// What a job has behind it and before it, when one of its attempts ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    pub kind: Kind,
    /// Of a key; once somebody has decided anything it is to be asked again.
    pub if_uncertain: IfUncertain,
    /// Calls that went out for it before this attempt.
    pub dials: u32,
    pub not_after: UnixMillis,
    /// Calls in a row to its number, over all jobs, in which no fax tone was heard.
    pub toneless_calls: u32,
    /// Calls before this attempt that may have left a sheet, and were not confirmed.
    pub unconfirmed: u32,
    /// Attempts before this one that could call nobody: those that ended with one of [`verdict::IN_VAIN`].
    pub in_vain: u32,
    /// A mail of it may lie in the office's mailbox.
    pub mailed: bool,
}

/// What a notification has behind it and before it, when one of its mails ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MailStanding {
    pub not_after: UnixMillis,
    /// Tries to hand it over before this one that count.
    pub tries: u32,
    /// As it was set when this try began.
    pub watch: Watch,
}

impl Standing {
    /// Which sheet of the notification this attempt sends, if those before it are on paper. Counted from 1.
    pub fn copy(&self) -> u32 {
        self.unconfirmed.saturating_add(1)
    }

    /// So many sheets of the notification may be out before somebody has to say what became of them. Of a key one: a
    /// second in an unwatched tray is a leak; two, if its sender would rather have that. Of a notice, which is paper and
    /// whose loss is worse, the first and two more. Chosen: a machine that took three and confirmed none will not confirm
    /// the fourth.
    pub fn most_copies(&self) -> u32 {
        match (self.kind.has_secret(), self.if_uncertain) {
            (true, IfUncertain::Ask) => 1,
            (true, IfUncertain::SendOnceMore) => 2,
            (false, IfUncertain::Ask | IfUncertain::SendOnceMore) => 3,
        }
    }
}

/// How long after its end somebody may still say whether a sheet of it arrived, if it has no secret that would have to
/// be kept until then. Chosen: an office that is shut over a weekend or a row of holidays can be asked again.
pub const TIME_TO_DECIDE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How a call ended, as far as it is known while the line is still held.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    pub ending: &'a modem::Ending,
    /// Why we ended it, if we did.
    pub stop: Option<Stop>,
    /// `ATD` was written.
    pub dialled: bool,
    /// CONNECT was seen.
    pub answered: bool,
    /// A page octet was, or may have been, handed to the modem.
    pub page_started: bool,
    pub pages_confirmed: u16,
    /// Where the call was; `None` if nobody answered.
    pub phase: Option<t30::Phase>,
    pub far_end: Option<&'a t30::FarEnd>,
    /// The modulation of the first training.
    pub tried: Option<t30::Modulation>,
    /// How far the far end has gone along with T.85.
    pub t85: t30::T85,
    pub identity: Option<Identity>,
    pub contract: Option<&'a t30::Contract>,
    pub times: Option<&'a modem::CallTimes>,
}

impl<'a> Outcome<'a> {
    /// What a whole report says, and what was seen on the way.
    pub fn of(report: &'a modem::CallReport, seen: &'a Seen) -> Self {
        Self {
            ending: &report.ending,
            stop: seen.stop,
            dialled: report.times.dialled.is_some(),
            answered: report.times.answered.is_some(),
            page_started: report.page_started,
            pages_confirmed: report.pages_confirmed,
            phase: report.phase,
            far_end: seen.far_end.as_ref(),
            tried: seen.tried,
            t85: report.t85,
            identity: seen.identity,
            contract: report.contract.as_ref(),
            times: Some(&report.times),
        }
    }
}

/// What the host of a call saw and did, besides the driver's report.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Why we ended the call, if we did.
    pub stop: Option<Stop>,
    pub far_end: Option<t30::FarEnd>,
    pub identity: Option<Identity>,
    /// The modulation of the first training.
    pub tried: Option<t30::Modulation>,
}

/// Why the gateway itself ended a call before the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// The client withdrew the job.
    Cancelled,
    /// Another number answered than was dialled.
    IdentityConflict,
    /// A number answered that took sheets here before, and no technician has vouched for it.
    IdentityNotLocked,
    /// The machine did not say who it is, and the settings or a technician's lock ask for it.
    IdentityAbsent,
    /// Everything is held back: nobody was called, nothing was sent.
    Held,
    /// The daemon stops.
    ShuttingDown,
    /// What must be on disk before the next octet was not there in time.
    NotStored,
    /// The sheet could not be drawn, or not stamped: nobody was called.
    SheetFailed,
    /// The sheet, as drawn, stamped and coded, does not show its credentials: nobody was called.
    SheetProofFailed,
    /// What was coded in the call for its contract is not the sheet.
    SheetOctetsWrong,
    /// The mail could not be written: nothing was sent.
    LetterFailed,
}

/// Decides what becomes of the attempt and its job.
pub fn settle(
    outcome: &Outcome<'_>,
    standing: Standing,
    now: UnixMillis,
    windows: &Windows,
) -> Settlement {
    let lesson = lesson::of(outcome);
    let verdict = verdict::of(outcome).in_its_row(lesson.as_ref(), standing);
    let receipt = receipt::of(outcome, verdict.code);
    Settlement { lesson, ..carry_out(verdict, standing, now, windows, receipt) }
}

/// Decides on an attempt that was open when the process died. Its calling hours are kept when it is
/// claimed again.
pub fn after_crash(state: AttemptState, standing: Standing, now: UnixMillis) -> Settlement {
    let verdict = verdict::after_crash(state);
    let receipt = serde_json::json!({ "code": verdict.code });
    carry_out(verdict, standing, now, &Windows::Always, receipt)
}

fn carry_out(
    verdict: Verdict,
    standing: Standing,
    now: UnixMillis,
    windows: &Windows,
    receipt: serde_json::Value,
) -> Settlement {
    let Verdict { evidence, code, reach, remedy } = verdict;
    let retry = |cause: Cause, unconfirmed: u32| {
        let dials = standing.dials + u32::from(reach != Reach::NoCall);
        let in_vain = standing.in_vain + u32::from(cause.is_in_vain());
        let calls = Calls { dials, unconfirmed, in_vain };
        match backoff::next_turn(cause, calls, now, standing.not_after) {
            Turn::At(due) => in_hours(due, cause.as_str(), standing, windows),
            Turn::Spent => Next::Rest(JobState::Failed),
            Turn::NoTimeLeft => Next::Rest(JobState::Expired),
        }
    };
    let (next, unconfirmed) = match remedy {
        Remedy::Done => (Next::Rest(JobState::Confirmed), standing.unconfirmed),
        Remedy::Fail => (Next::Rest(JobState::Failed), standing.unconfirmed),
        Remedy::Withdraw => (Next::Rest(JobState::Cancelled), standing.unconfirmed),
        Remedy::Decide => {
            let unconfirmed = standing.unconfirmed.saturating_add(1);
            let next = if unconfirmed < standing.most_copies() {
                retry(Cause::Unconfirmed, unconfirmed)
            } else {
                Next::Rest(JobState::Uncertain)
            };
            (next, unconfirmed)
        }
        Remedy::Retry(cause) => (retry(cause, standing.unconfirmed), standing.unconfirmed),
    };
    let next = match next {
        Next::Rest(state) => Next::Rest(at_rest(state, unconfirmed > 0 || standing.mailed)),
        other @ (Next::Again { .. } | Next::Watch { .. } | Next::ByFax { .. }) => other,
    };
    Settlement { now, evidence, code, reach, next, receipt, lesson: None }
}

/// The state in which a job stays: once a sheet of it may be on paper, or a mail in a mailbox, none says that nothing is.
pub fn at_rest(state: JobState, may_be_out: bool) -> JobState {
    match state {
        JobState::Failed | JobState::Expired | JobState::Cancelled if may_be_out => {
            JobState::Uncertain
        }
        JobState::Waiting
        | JobState::Sending
        | JobState::HandedOff
        | JobState::Uncertain
        | JobState::Hold
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => state,
    }
}

/// The turn moved into the calling hours, if the job lives so long.
fn in_hours(due: UnixMillis, reason: &'static str, standing: Standing, windows: &Windows) -> Next {
    let open = windows.next_open(due).map(|open| backoff::in_time(open, standing.not_after));
    match open {
        Some(Turn::At(due)) => Next::Again { due, reason },
        Some(Turn::Spent | Turn::NoTimeLeft) | None => Next::Rest(JobState::Expired),
    }
}

#[cfg(test)]
mod tests;
