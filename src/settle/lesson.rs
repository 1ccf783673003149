//! What a call teaches about the number that it went to.
//!
//! In: an [`Outcome`]. Out: a [`Lesson`], or none if it says nothing about the far end: our own stops and modem
//! faults teach nothing. A new ending of a driver does not compile until it stands here.
//! Not here: how long a lesson is believed (`office/known.rs`), what it changes (`office/terms.rs`).

use modem::{Ending, HangUpCause};
use t30::{CallError, Coding, Phase};

use super::Outcome;
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
    let taught = heard.is_some() || result.is_some() || v17_failed || t85_failed;
    taught.then_some(Lesson { heard, result, v17_failed, t85_failed })
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
            Some(Taught::Confirmed(_) | Taught::Voice | Taught::Toneless) | None => ended_below,
        }
}

/// A page went in T.85 and was not taken, or the machines agreed on another coding after they had agreed on it.
fn gave_t85_up(outcome: &Outcome<'_>, result: Option<&Taught>) -> bool {
    let another = outcome.contract.is_some_and(|contract| contract.coding != Coding::T85);
    outcome.t85
        && match result {
            Some(Taught::Ecm(_) | Taught::Rtn(_)) => true,
            Some(Taught::Confirmed(_) | Taught::Training | Taught::Voice | Taught::Toneless)
            | None => another,
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

    /// What a call taught that met a machine, tried V.17 first and ended so on this contract; whether it
    /// agreed on T.85 before.
    fn lesson(ending: &Ending, contract: &Contract, t85: bool) -> Lesson {
        let far_end = FarEnd { csi: Some("CARE CENTER".into()), dis: vec![1], nsf: None };
        let outcome = Outcome {
            ending,
            stop: None,
            dialled: true,
            answered: true,
            page_started: true,
            pages_confirmed: 1,
            phase: Some(Phase::B),
            far_end: Some(&far_end),
            tried: Some(V17),
            t85,
            identity: None,
            contract: Some(contract),
            times: None,
        };
        of(&outcome).expect("it met a machine")
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
            let got = lesson(&ending, contract, false);
            assert_eq!((got.result, got.v17_failed), (result, v17_failed), "{ending:?}");
        }
    }

    #[test]
    fn page_in_t85_that_was_not_taken_is_remembered_and_one_that_was_is_not() {
        let session = |error| Ending::Session(error);
        let eop = Signal::EOP;
        let no_reply = || session(CallError::NoReplyAfterPage { page: 0, to: eop, tries: 3 });
        let rtn = || session(CallError::Rtn { page: 0, times: 3 });
        let gone = session(CallError::DcnAfterPage { page: 0 });
        let cannot_train = session(CallError::CannotTrain { last: V29 });
        let failed = [
            (no_reply(), Coding::T85),
            (gone, Coding::T85),
            (rtn(), Coding::T85),
            // Rejected, and taken or not taken in another coding in the same call.
            (Ending::Delivered, Coding::Mmr),
            (rtn(), Coding::Mmr),
        ];
        let not = [(Ending::Delivered, Coding::T85), (cannot_train, Coding::T85)];
        let cases =
            failed.map(|case| (case, true)).into_iter().chain(not.map(|case| (case, false)));
        for ((ending, coding), expected) in cases {
            let contract = Contract { coding, ..contract(V17, true) };
            let got = lesson(&ending, &contract, true).t85_failed;
            assert_eq!(got, expected, "{ending:?} {coding}");
            // A call that never was about T.85 says nothing of it.
            let other = Contract { coding: Coding::Mmr, ..contract };
            assert!(!lesson(&ending, &other, false).t85_failed, "{ending:?}");
        }
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
                t85: false,
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
