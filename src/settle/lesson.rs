//! What a call teaches about the number that it went to.
//!
//! In: an [`Outcome`]. Out: a [`Lesson`], or none if it says nothing about the far end: our own stops and modem
//! faults teach nothing. A new ending of a driver does not compile until it stands here.
//! Not here: how long a lesson is believed (`office/known.rs`), what it changes (`office/terms.rs`).

use modem::{Ending, HangUpCause};
use t30::{CallError, Phase, T85};

use super::{Outcome, Stop};
use crate::office::identity::Said;
use crate::office::known::{Heard, Lesson, Taught, Terms};
use crate::office::rate::Rate;

/// What this call taught.
pub fn of(outcome: &Outcome<'_>) -> Option<Lesson> {
    let heard = outcome.far_end.map(|far_end| Heard {
        said: far_end.csi.as_deref().and_then(Said::read),
        dis: far_end.dis.clone(),
    });
    let result = result(outcome);
    let v17_failed = gave_v17_up(outcome, result.as_ref());
    let t85_failed = gave_t85_up(outcome, result.as_ref());
    let stranger = is_stranger(outcome.stop);
    let taught = heard.is_some() || result.is_some() || v17_failed || t85_failed || stranger;
    taught.then_some(Lesson { heard, result, v17_failed, t85_failed, stranger })
}

/// Whether we hung up because another machine answered.
fn is_stranger(stop: Option<Stop>) -> bool {
    match stop {
        Some(Stop::IdentityConflict | Stop::IdentityNotLocked) => true,
        // It did not say that it is another one.
        Some(Stop::IdentityAbsent) => false,
        Some(
            Stop::Cancelled
            | Stop::Held
            | Stop::ShuttingDown
            | Stop::NotStored
            | Stop::SheetFailed
            | Stop::SheetProofFailed
            | Stop::SheetOctetsWrong
            | Stop::LetterFailed,
        )
        | None => false,
    }
}

fn result(outcome: &Outcome<'_>) -> Option<Taught> {
    match outcome.ending {
        Ending::Delivered if outcome.page_started && outcome.pages_confirmed > 0 => {
            outcome.contract.map(|contract| Taught::Confirmed(terms(contract)))
        }
        Ending::Delivered => None,
        Ending::Voice => Some(Taught::Voice),
        Ending::NoCarrier => Some(Taught::Toneless),
        Ending::Session(error) => session(error, outcome),
        Ending::HungUp(hung_up) => hung_up_for(hung_up.cause(), outcome),
        // A line that is cut while both come to terms may have been cut for that.
        Ending::Modem { code: "line-dropped", .. } if outcome.phase == Some(Phase::B) => {
            outcome.tried.map(|_| Taught::Training)
        }
        Ending::Busy
        | Ending::NoAnswer
        // Our own wait: the modem may have heard who knows what.
        | Ending::NoWord
        | Ending::NoDialTone
        | Ending::DialRefused { .. }
        | Ending::Glare
        | Ending::Stopped
        | Ending::Modem { .. } => None,
    }
}

/// As of our own session, as far as a Class 2 modem says so much.
fn hung_up_for(cause: HangUpCause, outcome: &Outcome<'_>) -> Option<Taught> {
    match cause {
        HangUpCause::NoFaxMachine => Some(Taught::Toneless),
        HangUpCause::NoReplyToDcs | HangUpCause::CannotTrain => Some(Taught::Training),
        HangUpCause::PhaseD | HangUpCause::NoReplyAfterPage => with_ecm(outcome).map(Taught::Ecm),
        HangUpCause::Normal
        | HangUpCause::Ring
        | HangUpCause::Aborted
        | HangUpCause::NoLoopCurrent
        | HangUpCause::NoAnswer
        | HangUpCause::PhaseB
        | HangUpCause::CannotReceive
        | HangUpCause::PhaseC
        | HangUpCause::Underrun
        | HangUpCause::Operator
        | HangUpCause::Receiving
        | HangUpCause::Unknown => None,
    }
}

fn session(error: &CallError, outcome: &Outcome<'_>) -> Option<Taught> {
    match error {
        CallError::NoReplyToDcs { .. } | CallError::CannotTrain { .. } => Some(Taught::Training),
        // Before any training it did not like who calls, which no speed changes.
        CallError::DcnBeforePage { .. } => outcome.tried.map(|_| Taught::Training),
        CallError::Unexpected { phase: Phase::A | Phase::B, .. } => {
            outcome.tried.map(|_| Taught::Training)
        }
        CallError::Unexpected { phase: Phase::C | Phase::D | Phase::E, .. }
        | CallError::NoReplyAfterPage { .. }
        | CallError::NoReplyToCtc { .. }
        | CallError::DcnAfterPage { .. }
        | CallError::PprExhausted { .. } => with_ecm(outcome).map(Taught::Ecm),
        CallError::Rtn { .. } | CallError::Pin { .. } => {
            outcome.contract.map(|contract| Taught::Rtn(Rate(contract.modulation)))
        }
        // Busy with its paper, wants something else, or was refused by us.
        CallError::NoDis
        | CallError::DisGarbled { .. }
        | CallError::Dtc
        | CallError::CannotReceive
        | CallError::Incompatible
        | CallError::NoSubaddress
        | CallError::NoPassword
        | CallError::PageTooLong { .. }
        | CallError::RefusedFarEnd
        | CallError::PageNotAllowed { .. }
        | CallError::PageEmpty { .. }
        | CallError::RnrTimeout { .. }
        | CallError::Aborted { .. }
        | CallError::NoPages
        | CallError::OutOfTurn { .. } => None,
    }
}

/// The rate of a page that went with error correction.
fn with_ecm(outcome: &Outcome<'_>) -> Option<Rate> {
    outcome.contract.filter(|contract| contract.ecm).map(|contract| Rate(contract.modulation))
}

/// V.17 was tried, and training ended below it or nothing was confirmed.
fn gave_v17_up(outcome: &Outcome<'_>, result: Option<&Taught>) -> bool {
    let tried_v17 = outcome.tried.is_some_and(|modulation| Rate(modulation).is_v17());
    let ended_below = outcome.contract.is_some_and(|contract| !Rate(contract.modulation).is_v17());
    tried_v17
        && match result {
            Some(Taught::Training | Taught::Ecm(_) | Taught::Rtn(_)) => true,
            Some(
                Taught::Confirmed(_)
                | Taught::ConfirmedByService
                | Taught::ConfirmedByPerson { .. }
                | Taught::Voice
                | Taught::Toneless,
            )
            | None => ended_below,
        }
}

/// The machine refused T.85 in the call; or the far end or the line ended it while nothing had shown that such a DCS
/// can be read there, or with a page out in T.85. Who answers that DCS with FTT has no trouble with T.85.
fn gave_t85_up(outcome: &Outcome<'_>, result: Option<&Taught>) -> bool {
    match outcome.t85 {
        T85::Refused => true,
        T85::Asked => result == Some(&Taught::Training),
        T85::Out => {
            let cut_or_busy = matches!(
                outcome.ending,
                Ending::Modem { code: "line-dropped", .. }
                    | Ending::Session(CallError::RnrTimeout { .. })
            );
            let not_taken = matches!(result, Some(Taught::Ecm(_) | Taught::Rtn(_)));
            outcome.page_started && (cut_or_busy || not_taken)
        }
        T85::Unasked | T85::Understood | T85::Taken => false,
    }
}

fn terms(contract: &t30::Contract) -> Terms {
    Terms {
        rate: Rate(contract.modulation),
        ecm: contract.ecm,
        coding: contract.coding.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use t30::{Coding, Contract, FarEnd, Modulation, Resolution, Signal};

    use super::*;

    const V17: Modulation = Modulation::V17At14400;
    const V29: Modulation = Modulation::V29At9600;

    fn contract(modulation: Modulation, ecm: bool) -> Contract {
        Contract {
            modulation,
            ecm,
            coding: Coding::Mmr,
            resolution: Resolution::Fine,
            min_scan_line: std::time::Duration::ZERO,
        }
    }

    fn far_end() -> FarEnd {
        FarEnd { csi: Some("CARE CENTER".into()), dis: vec![1], nsf: None }
    }

    /// A call that met a machine, tried V.17 first and ended so.
    fn outcome(ending: &Ending, t85: T85) -> Outcome<'_> {
        Outcome {
            ending,
            stop: None,
            dialled: true,
            answered: true,
            page_started: true,
            pages_confirmed: 1,
            phase: Some(Phase::B),
            far_end: None,
            tried: Some(V17),
            t85,
            identity: None,
            contract: None,
            times: None,
        }
    }

    /// What such a call taught with this contract.
    fn lesson(ending: &Ending, contract: &Contract) -> Lesson {
        let far_end = far_end();
        let outcome = outcome(ending, T85::Unasked);
        of(&Outcome { far_end: Some(&far_end), contract: Some(contract), ..outcome })
            .expect("it met a machine")
    }

    #[test]
    fn each_ending_teaches_what_the_far_end_had_a_part_in() {
        let session = |error| Ending::Session(error);
        let eop = Signal::EOP;
        let cut = Ending::Modem { code: "line-dropped", detail: "for people".into() };
        let unplugged = Ending::Modem { code: "modem-gone", detail: "for people".into() };
        let (fast, slow) = (contract(V17, true), contract(V29, true));
        let plain = contract(V17, false);
        let confirmed = |contract: &Contract| Some(Taught::Confirmed(terms(contract)));
        let ecm = Some(Taught::Ecm(Rate(V17)));
        let no_reply = || session(CallError::NoReplyAfterPage { page: 0, to: eop, tries: 3 });
        let cannot_train = session(CallError::CannotTrain { last: V29 });
        let cases = [
            (Ending::Delivered, &fast, confirmed(&fast), false),
            (Ending::Delivered, &slow, confirmed(&slow), true),
            (Ending::Voice, &fast, Some(Taught::Voice), false),
            (Ending::NoCarrier, &fast, Some(Taught::Toneless), false),
            (Ending::Busy, &fast, None, false),
            (Ending::Stopped, &fast, None, false),
            (unplugged, &fast, None, false),
            (cut, &fast, Some(Taught::Training), true),
            (cannot_train, &slow, Some(Taught::Training), true),
            (session(CallError::DcnBeforePage { page: 0 }), &fast, Some(Taught::Training), true),
            (session(CallError::PprExhausted { page: 0, frames: 9 }), &fast, ecm.clone(), true),
            (no_reply(), &fast, ecm, true),
            (no_reply(), &plain, None, false),
            (
                session(CallError::Rtn { page: 0, times: 3 }),
                &plain,
                Some(Taught::Rtn(Rate(V17))),
                true,
            ),
            (session(CallError::RnrTimeout { page: 0 }), &fast, None, false),
            (session(CallError::RefusedFarEnd), &fast, None, false),
        ];
        for (ending, contract, result, v17_failed) in cases {
            let got = lesson(&ending, contract);
            assert_eq!((got.result, got.v17_failed), (result, v17_failed), "{ending:?}");
        }
    }

    #[test]
    fn machine_that_is_another_one_is_a_stranger_and_one_that_keeps_silent_is_not() {
        let ending = Ending::Session(CallError::RefusedFarEnd);
        let met = |stop| {
            let far_end = far_end();
            let outcome = outcome(&ending, T85::Unasked);
            let lesson = of(&Outcome { stop, far_end: Some(&far_end), ..outcome });
            lesson.expect("it met a machine").stranger
        };
        assert!(met(Some(Stop::IdentityConflict)) && met(Some(Stop::IdentityNotLocked)));
        assert!(!met(Some(Stop::IdentityAbsent)) && !met(Some(Stop::Cancelled)) && !met(None));
    }

    #[test]
    fn machine_that_would_not_have_t85_is_remembered_and_one_that_took_it_is_not() {
        use T85::{Asked, Out, Refused, Taken, Unasked, Understood};
        const ALL: [T85; 6] = [Unasked, Asked, Understood, Out, Taken, Refused];
        let session = |error| Ending::Session(error);
        let modem = |code| Ending::Modem { code, detail: "for people".into() };
        let no_reply = CallError::NoReplyAfterPage { page: 0, to: Signal::EOP, tries: 3 };
        let unexpected =
            |phase| CallError::Unexpected { waiting_for: "an answer", got: Signal::MCF, phase };
        // How the call ended, in which phase, and after how much of T.85 that is held against it.
        let cases: [(Ending, Phase, &[T85]); 18] = [
            (Ending::Delivered, Phase::E, &[Refused]),
            (session(CallError::NoReplyToDcs { tries: 3 }), Phase::B, &[Asked, Refused]),
            (session(CallError::DcnBeforePage { page: 0 }), Phase::B, &[Asked, Refused]),
            (session(unexpected(Phase::B)), Phase::B, &[Asked, Refused]),
            (modem("line-dropped"), Phase::B, &[Asked, Out, Refused]),
            (modem("line-dropped"), Phase::C, &[Out, Refused]),
            (modem("line-dropped"), Phase::D, &[Out, Refused]),
            (session(no_reply), Phase::D, &[Out, Refused]),
            (session(unexpected(Phase::D)), Phase::D, &[Out, Refused]),
            (session(CallError::DcnAfterPage { page: 0 }), Phase::D, &[Out, Refused]),
            (session(CallError::PprExhausted { page: 0, frames: 9 }), Phase::D, &[Out, Refused]),
            (session(CallError::RnrTimeout { page: 0 }), Phase::D, &[Out, Refused]),
            (session(CallError::Rtn { page: 0, times: 3 }), Phase::D, &[Out, Refused]),
            (session(CallError::PageNotAllowed { page: 0 }), Phase::C, &[Refused]),
            (session(CallError::RefusedFarEnd), Phase::B, &[Refused]),
            (modem("modem-gone"), Phase::C, &[Refused]),
            (Ending::Stopped, Phase::B, &[Refused]),
            (session(CallError::Aborted { phase: Phase::C }), Phase::C, &[Refused]),
        ];
        for (ending, phase, held_against_it) in cases {
            for t85 in ALL {
                let outcome = Outcome { phase: Some(phase), ..outcome(&ending, t85) };
                let contract = Contract { coding: Coding::T85, ..contract(V17, true) };
                let lesson = of(&Outcome { contract: Some(&contract), ..outcome });
                let failed = lesson.is_some_and(|lesson| lesson.t85_failed);
                assert_eq!(failed, held_against_it.contains(&t85), "{ending:?} {phase:?} {t85:?}");
            }
        }
    }

    #[test]
    fn machine_that_reads_dcs_and_trains_at_no_rate_may_have_t85_next_time() {
        let cannot_train = Ending::Session(CallError::CannotTrain { last: V29 });
        let lesson = of(&outcome(&cannot_train, T85::Understood)).expect("it met a machine");
        assert_eq!((lesson.result, lesson.t85_failed), (Some(Taught::Training), false));
    }

    #[test]
    fn call_that_met_nobody_teaches_nothing_unless_it_is_about_the_number() {
        let met_nobody = |ending: &Ending| {
            of(&Outcome {
                ending,
                stop: None,
                dialled: true,
                answered: false,
                page_started: false,
                pages_confirmed: 0,
                phase: None,
                far_end: None,
                tried: None,
                t85: T85::Unasked,
                identity: None,
                contract: None,
                times: None,
            })
        };
        for ending in
            [Ending::Busy, Ending::NoAnswer, Ending::NoWord, Ending::NoDialTone, Ending::Stopped]
        {
            assert_eq!(met_nobody(&ending), None, "{ending:?}");
        }
        assert!(met_nobody(&Ending::NoCarrier).is_some());
    }
}
