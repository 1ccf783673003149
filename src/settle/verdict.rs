//! Every ending and its policy: what it proves, its code, and what to do.
//!
//! In: an [`Outcome`]. Out: a [`Verdict`]. A new ending of a driver does not compile until it stands here.
//! The rule above all others: once a page octet may have left, only a confirmation of every page is a
//! "yes", and nothing is a "no".
//! Codes are kebab-case and keep their meaning; those of the drivers are taken over as they are, but for a
//! cut line, which is told apart by its phase.
//! Not here: what a code says to people (`endings.rs`), how long to wait (`schedule/backoff.rs`).

use modem::{Ending, HangUpCause};
use t30::{CallError, Phase};

use super::{Outcome, Reach, Standing, Stop};
use crate::job::{AttemptState, Evidence};
use crate::office::known::{self, Lesson, Taught};
use crate::schedule::backoff::{self, Cause};

/// What an ending means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    pub evidence: Evidence,
    pub code: &'static str,
    pub reach: Reach,
    pub remedy: Remedy,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remedy {
    /// Nothing: it was confirmed.
    Done,
    /// A pause can heal it.
    Retry(Cause),
    /// No pause can heal it.
    Fail,
    /// The client wanted it so.
    Withdraw,
    /// It may be on paper: somebody must decide.
    Decide,
}

impl Verdict {
    /// The same ending in the row of the calls before it: if the last call of a job was one of a row without a
    /// fax tone, there is more likely a person at a telephone than a machine that is off. A call that taught
    /// nothing is in no row.
    pub fn in_its_row(self, lesson: Option<&Lesson>, standing: Standing) -> Self {
        let was_toneless = lesson.is_some_and(|lesson| lesson.result == Some(Taught::Toneless));
        let is_row = standing.toneless_calls.saturating_add(1) >= known::TONELESS_CALLS;
        let is_last = backoff::is_spent(Cause::NoFaxTone, standing.dials.saturating_add(1));
        let sent_nothing = self.evidence == Evidence::NotSent;
        if sent_nothing && was_toneless && is_row && is_last {
            Self { code: "probably-voice", remedy: Remedy::Fail, ..self }
        } else {
            self
        }
    }
}

/// The codes of attempts that could call nobody, whatever the number: there was no sheet, or a service did not take it.
pub const IN_VAIN: [&str; 4] =
    ["sheet-failed", "sheet-proof-failed", "letter-failed", "service-refused"];

/// Judges an ending.
pub fn of(outcome: &Outcome<'_>) -> Verdict {
    let code = code(outcome);
    let uncertain = Verdict {
        evidence: Evidence::Uncertain,
        code,
        reach: Reach::Answered,
        remedy: Remedy::Decide,
    };
    match (outcome.ending, outcome.page_started) {
        (Ending::Delivered, true) if outcome.pages_confirmed > 0 => {
            Verdict { evidence: Evidence::Confirmed, remedy: Remedy::Done, ..uncertain }
        }
        // The word without a confirmed page: nobody can say what that proves.
        (Ending::Delivered, true | false) => uncertain,
        (
            Ending::Busy
            | Ending::NoAnswer
            | Ending::NoDialTone
            | Ending::NoCarrier
            | Ending::NoWord
            | Ending::DialRefused { .. }
            | Ending::Glare
            | Ending::Voice
            | Ending::Stopped
            | Ending::Session(_)
            | Ending::HungUp(_)
            | Ending::Modem { .. },
            true,
        ) => uncertain,
        (Ending::Session(error), false) if speaks_of_a_sent_page(error) => uncertain,
        (Ending::HungUp(hung_up), false) if is_after_a_page(hung_up.cause()) => uncertain,
        (ending, false) => Verdict {
            evidence: Evidence::NotSent,
            code,
            reach: reach(ending, outcome),
            remedy: remedy_before_page(ending, outcome),
        },
    }
}

/// Judges an attempt that was open when the process died: all that is known is what was durable.
pub fn after_crash(state: AttemptState) -> Verdict {
    match state {
        AttemptState::Claimed => Verdict {
            evidence: Evidence::NotSent,
            code: "crash-before-dial",
            reach: Reach::NoCall,
            remedy: Remedy::Retry(Cause::Interrupted),
        },
        AttemptState::Dialing => Verdict {
            evidence: Evidence::NotSent,
            code: "crash-in-call",
            reach: Reach::NoAnswer,
            remedy: Remedy::Retry(Cause::Interrupted),
        },
        // The ended ones are never asked about; if they were, this claims nothing.
        AttemptState::PageStarted
        | AttemptState::PageAcked
        | AttemptState::DotSent
        | AttemptState::HandedOff
        | AttemptState::Confirmed
        | AttemptState::NotSent
        | AttemptState::Uncertain => Verdict {
            evidence: Evidence::Uncertain,
            code: "crash-after-page",
            reach: Reach::Answered,
            remedy: Remedy::Decide,
        },
    }
}

/// The stable code of an ending. What we ended ourselves is named after our reason.
fn code(outcome: &Outcome<'_>) -> &'static str {
    match outcome.ending {
        Ending::Delivered => "delivered",
        Ending::Busy => "busy",
        Ending::NoAnswer => "no-answer",
        Ending::NoDialTone => "no-dial-tone",
        Ending::NoCarrier | Ending::NoWord => "no-carrier",
        Ending::DialRefused { .. } => "dial-refused",
        Ending::Glare => "glare",
        Ending::Voice => "voice",
        Ending::Stopped => outcome.stop.map_or("stopped", stop_code),
        Ending::Session(error) if is_our_answer(error) => {
            outcome.stop.map_or(error.code(), stop_code)
        }
        Ending::Session(error) => error.code(),
        Ending::HungUp(hung_up) => hung_up.cause().code(),
        Ending::Modem { code: "line-dropped", .. } => dropped_code(outcome.phase),
        Ending::Modem { code, .. } => code,
    }
}

/// A cut line is another matter in each phase: from C on something may be printed.
fn dropped_code(phase: Option<Phase>) -> &'static str {
    match phase {
        None => "line-dropped",
        Some(Phase::A) => "dropped-in-phase-a",
        Some(Phase::B) => "dropped-in-phase-b",
        Some(Phase::C) => "dropped-in-phase-c",
        Some(Phase::D | Phase::E) => "dropped-in-phase-d",
    }
}

pub(super) fn stop_code(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "cancelled",
        Stop::IdentityConflict => "identity-conflict",
        Stop::IdentityNotLocked => "identity-not-locked",
        Stop::IdentityAbsent => "identity-absent",
        Stop::Held => "held-back",
        Stop::ShuttingDown => "shutting-down",
        Stop::NotStored => "not-stored-in-time",
        Stop::SheetFailed => "sheet-failed",
        Stop::SheetProofFailed => "sheet-proof-failed",
        Stop::SheetOctetsWrong => "sheet-octets-wrong",
        Stop::LetterFailed => "letter-failed",
    }
}

/// What the telephone network saw of a call that sent no page.
fn reach(ending: &Ending, outcome: &Outcome<'_>) -> Reach {
    match ending {
        Ending::NoDialTone | Ending::DialRefused { .. } | Ending::Glare => Reach::NoCall,
        Ending::Busy | Ending::NoAnswer | Ending::NoCarrier | Ending::NoWord => Reach::NoAnswer,
        Ending::Voice | Ending::Session(_) | Ending::Delivered => Reach::Answered,
        Ending::HungUp(hung_up) => hung_up_reach(hung_up.cause(), outcome),
        Ending::Stopped | Ending::Modem { .. } if outcome.answered => Reach::Answered,
        Ending::Stopped | Ending::Modem { .. } if outcome.dialled => Reach::NoAnswer,
        Ending::Stopped | Ending::Modem { .. } => Reach::NoCall,
    }
}

/// What to do when nothing of the page left.
fn remedy_before_page(ending: &Ending, outcome: &Outcome<'_>) -> Remedy {
    match ending {
        Ending::Busy => Remedy::Retry(Cause::Busy),
        Ending::NoAnswer => Remedy::Retry(Cause::NoAnswer),
        // Most modems say so of a person and of an unanswered bell alike.
        Ending::NoCarrier | Ending::NoWord => Remedy::Retry(Cause::NoFaxTone),
        Ending::NoDialTone | Ending::DialRefused { .. } | Ending::Glare => {
            Remedy::Retry(Cause::LineDown)
        }
        // A person took the call: not once more.
        Ending::Voice => Remedy::Fail,
        Ending::Stopped => stop_remedy(outcome.stop),
        Ending::Session(error) => session_remedy(error, outcome.stop),
        Ending::HungUp(hung_up) => hung_up_remedy(hung_up.cause(), outcome),
        Ending::Modem { code, .. } => modem_remedy(code, outcome.dialled),
        Ending::Delivered => Remedy::Decide,
    }
}

pub(super) fn stop_remedy(stop: Option<Stop>) -> Remedy {
    match stop {
        Some(Stop::Cancelled) => Remedy::Withdraw,
        Some(Stop::IdentityConflict | Stop::IdentityNotLocked | Stop::IdentityAbsent) => {
            Remedy::Fail
        }
        // Its trial passed when it was accepted: what was lost or edited since, somebody will put right. If it is
        // this sheet alone, its tries end, and the client learns of it.
        Some(Stop::SheetFailed | Stop::SheetProofFailed | Stop::LetterFailed) => {
            Remedy::Retry(Cause::SheetUnavailable)
        }
        // A fault of ours, which would ring there again and end as it did.
        Some(Stop::SheetOctetsWrong) => Remedy::Fail,
        Some(Stop::Held | Stop::ShuttingDown | Stop::NotStored) | None => {
            Remedy::Retry(Cause::Interrupted)
        }
    }
}

/// What the network saw of a call that a Class 2 modem ended.
fn hung_up_reach(cause: HangUpCause, outcome: &Outcome<'_>) -> Reach {
    match cause {
        HangUpCause::Ring | HangUpCause::NoLoopCurrent if !outcome.answered => Reach::NoCall,
        HangUpCause::NoAnswer | HangUpCause::NoFaxMachine => Reach::NoAnswer,
        // An exchange cuts the current when the far end lets go.
        HangUpCause::Ring
        | HangUpCause::NoLoopCurrent
        | HangUpCause::Normal
        | HangUpCause::Aborted
        | HangUpCause::PhaseB
        | HangUpCause::CannotReceive
        | HangUpCause::NoReplyToDcs
        | HangUpCause::CannotTrain
        | HangUpCause::PhaseC
        | HangUpCause::Underrun
        | HangUpCause::PhaseD
        | HangUpCause::NoReplyAfterPage
        | HangUpCause::Operator
        | HangUpCause::Receiving
        | HangUpCause::Unknown => {
            if outcome.answered {
                Reach::Answered
            } else {
                Reach::NoAnswer
            }
        }
    }
}

fn hung_up_remedy(cause: HangUpCause, outcome: &Outcome<'_>) -> Remedy {
    match cause {
        HangUpCause::Ring | HangUpCause::NoLoopCurrent if !outcome.answered => {
            Remedy::Retry(Cause::LineDown)
        }
        HangUpCause::NoAnswer => Remedy::Retry(Cause::NoAnswer),
        HangUpCause::NoFaxMachine => Remedy::Retry(Cause::NoFaxTone),
        HangUpCause::Aborted => stop_remedy(outcome.stop),
        HangUpCause::CannotReceive => Remedy::Retry(Cause::CannotReceive),
        HangUpCause::Ring
        | HangUpCause::NoLoopCurrent
        | HangUpCause::Normal
        | HangUpCause::PhaseB
        | HangUpCause::NoReplyToDcs
        | HangUpCause::CannotTrain
        | HangUpCause::PhaseC
        | HangUpCause::Underrun
        | HangUpCause::Receiving
        | HangUpCause::Unknown => Remedy::Retry(Cause::Handshake),
        HangUpCause::PhaseD | HangUpCause::NoReplyAfterPage | HangUpCause::Operator => {
            Remedy::Decide
        }
    }
}

/// Codes that cannot come before a page left, whatever the report's flag says.
fn is_after_a_page(cause: HangUpCause) -> bool {
    match cause {
        HangUpCause::PhaseD | HangUpCause::NoReplyAfterPage | HangUpCause::Operator => true,
        HangUpCause::Normal
        | HangUpCause::Ring
        | HangUpCause::Aborted
        | HangUpCause::NoLoopCurrent
        | HangUpCause::NoAnswer
        | HangUpCause::NoFaxMachine
        | HangUpCause::PhaseB
        | HangUpCause::CannotReceive
        | HangUpCause::NoReplyToDcs
        | HangUpCause::CannotTrain
        | HangUpCause::PhaseC
        | HangUpCause::Underrun
        | HangUpCause::Receiving
        | HangUpCause::Unknown => false,
    }
}

/// Errors that say no more than that we refused something.
fn is_our_answer(error: &CallError) -> bool {
    match error {
        CallError::RefusedFarEnd
        | CallError::PageNotAllowed { .. }
        | CallError::PageEmpty { .. }
        | CallError::Aborted { .. } => true,
        CallError::NoDis
        | CallError::DisGarbled { .. }
        | CallError::Dtc
        | CallError::CannotReceive
        | CallError::Incompatible
        | CallError::NoSubaddress
        | CallError::NoPassword
        | CallError::PageTooLong { .. }
        | CallError::NoReplyToDcs { .. }
        | CallError::CannotTrain { .. }
        | CallError::DcnBeforePage { .. }
        | CallError::DcnAfterPage { .. }
        | CallError::NoReplyAfterPage { .. }
        | CallError::NoReplyToCtc { .. }
        | CallError::Rtn { .. }
        | CallError::Pin { .. }
        | CallError::RnrTimeout { .. }
        | CallError::PprExhausted { .. }
        | CallError::Unexpected { .. }
        | CallError::NoPages
        | CallError::OutOfTurn { .. } => false,
    }
}

/// Errors that cannot come before a page left, whatever the report's flag says.
fn speaks_of_a_sent_page(error: &CallError) -> bool {
    match error {
        CallError::DcnAfterPage { .. }
        | CallError::NoReplyAfterPage { .. }
        | CallError::NoReplyToCtc { .. }
        | CallError::Rtn { .. }
        | CallError::Pin { .. }
        | CallError::RnrTimeout { .. }
        | CallError::PprExhausted { .. } => true,
        CallError::DcnBeforePage { page }
        | CallError::PageNotAllowed { page }
        | CallError::PageEmpty { page } => *page > 0,
        CallError::Unexpected { phase, .. } | CallError::Aborted { phase } => match phase {
            Phase::A | Phase::B | Phase::C => false,
            Phase::D | Phase::E => true,
        },
        CallError::NoDis
        | CallError::DisGarbled { .. }
        | CallError::Dtc
        | CallError::CannotReceive
        | CallError::Incompatible
        | CallError::NoSubaddress
        | CallError::NoPassword
        | CallError::PageTooLong { .. }
        | CallError::RefusedFarEnd
        | CallError::NoReplyToDcs { .. }
        | CallError::CannotTrain { .. }
        | CallError::NoPages
        | CallError::OutOfTurn { .. } => false,
    }
}

fn session_remedy(error: &CallError, stop: Option<Stop>) -> Remedy {
    match error {
        CallError::NoDis => Remedy::Retry(Cause::NoFaxTone),
        CallError::DisGarbled { .. }
        | CallError::NoReplyToDcs { .. }
        | CallError::CannotTrain { .. }
        | CallError::DcnBeforePage { .. }
        | CallError::Unexpected { .. } => Remedy::Retry(Cause::Handshake),
        // Out of paper mostly, and somebody will see to that.
        CallError::CannotReceive => Remedy::Retry(Cause::CannotReceive),
        // It will say the same tomorrow.
        CallError::Dtc
        | CallError::Incompatible
        | CallError::NoSubaddress
        | CallError::NoPassword
        | CallError::PageTooLong { .. } => Remedy::Fail,
        CallError::RefusedFarEnd | CallError::PageNotAllowed { .. } | CallError::Aborted { .. } => {
            stop_remedy(stop)
        }
        CallError::PageEmpty { .. } => Remedy::Fail,
        // Ours to mend, and a call more would not.
        CallError::NoPages | CallError::OutOfTurn { .. } => Remedy::Fail,
        CallError::DcnAfterPage { .. }
        | CallError::NoReplyAfterPage { .. }
        | CallError::NoReplyToCtc { .. }
        | CallError::Rtn { .. }
        | CallError::Pin { .. }
        | CallError::RnrTimeout { .. }
        | CallError::PprExhausted { .. } => Remedy::Decide,
    }
}

/// A modem that fails before dialling disturbs nobody; one that fails in the call rings somewhere each
/// time, and has to stop.
fn modem_remedy(code: &str, dialled: bool) -> Remedy {
    match (code, dialled) {
        ("number-not-digits", _) => Remedy::Fail,
        ("line-dropped" | "call-limit", true) => Remedy::Retry(Cause::Handshake),
        (_other, true) => Remedy::Retry(Cause::Interrupted),
        (_other, false) => Remedy::Retry(Cause::LineDown),
    }
}
