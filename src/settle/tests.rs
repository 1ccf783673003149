//! Endings and what becomes of the job, as tables.

use std::time::Duration;

use modem::{CallReport, CallTimes, Class, Ending, HungUp};
use t30::{CallError, Modulation, Phase, Signal};

use super::endings::listed::{modem_codes, session_codes};
use super::verdict::Remedy;
use super::*;
use crate::job::IfUncertain;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::office::known::Known;
use crate::office::rate::Rate;
use crate::office::terms::{self, LineLimits};
use crate::schedule::backoff::Cause;
use crate::schedule::windows::Hours;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn fresh() -> Standing {
    Standing {
        kind: Kind::FirstContact,
        if_uncertain: IfUncertain::Ask,
        dials: 0,
        not_after: NOW.after(DAY),
        toneless_calls: 0,
        unconfirmed: 0,
        in_vain: 0,
        mailed: false,
    }
}

fn in_minutes(minutes: u64, reason: &'static str) -> Next {
    Next::Again { due: NOW.after(Duration::from_secs(60 * minutes)), reason }
}

fn outcome(ending: &Ending, page_started: bool) -> Outcome<'_> {
    Outcome {
        ending,
        stop: None,
        dialled: true,
        answered: true,
        page_started,
        pages_confirmed: 0,
        phase: None,
        far_end: None,
        tried: None,
        t85: t30::T85::Unasked,
        identity: None,
        contract: None,
        times: None,
    }
}

fn modem_fault(code: &'static str) -> Ending {
    Ending::Modem { code, detail: "for people".into() }
}

/// One of each error at least; a test compares the list with the driver's own.
fn session_errors() -> Vec<(CallError, &'static str, Remedy)> {
    use Remedy::{Decide, Fail, Retry};
    let eop = Signal::EOP;
    let to_come = Retry(Cause::Handshake);
    vec![
        (CallError::NoDis, "no-dis", Retry(Cause::NoFaxTone)),
        (CallError::DisGarbled { frames: 3 }, "dis-garbled", to_come),
        (CallError::Dtc, "dtc", Fail),
        (CallError::CannotReceive, "cannot-receive", Retry(Cause::CannotReceive)),
        (CallError::Incompatible, "incompatible", Fail),
        (CallError::NoSubaddress, "no-subaddress", Fail),
        (CallError::NoPassword, "no-password", Fail),
        (CallError::PageTooLong { page_mm: 420, limit_mm: 297 }, "page-too-long", Fail),
        (CallError::RefusedFarEnd, "refused-far-end", Retry(Cause::Interrupted)),
        (CallError::NoReplyToDcs { tries: 3 }, "no-reply-to-dcs", to_come),
        (CallError::CannotTrain { last: Modulation::V27ter2400 }, "cannot-train", to_come),
        (CallError::DcnBeforePage { page: 0 }, "dcn-before-page", to_come),
        (CallError::DcnBeforePage { page: 1 }, "dcn-before-page", Decide),
        (CallError::PageNotAllowed { page: 0 }, "page-not-allowed", Retry(Cause::Interrupted)),
        (CallError::PageNotAllowed { page: 1 }, "page-not-allowed", Decide),
        (CallError::PageEmpty { page: 0 }, "page-empty", Fail),
        (CallError::DcnAfterPage { page: 0 }, "dcn-after-page", Decide),
        (CallError::NoReplyAfterPage { page: 0, to: eop, tries: 3 }, "no-reply-after-page", Decide),
        (CallError::NoReplyToCtc { page: 0, tries: 3 }, "no-reply-to-ctc", Decide),
        (CallError::Rtn { page: 0, times: 3 }, "rtn", Decide),
        (CallError::Pin { page: 0 }, "pin", Decide),
        (CallError::RnrTimeout { page: 0 }, "rnr-timeout", Decide),
        (CallError::PprExhausted { page: 0, frames: 9 }, "ppr-exhausted", Decide),
        (
            CallError::Unexpected { waiting_for: "CFR", got: eop, phase: Phase::B },
            "unexpected",
            to_come,
        ),
        (
            CallError::Unexpected { waiting_for: "MCF", got: eop, phase: Phase::D },
            "unexpected",
            Decide,
        ),
        (CallError::Aborted { phase: Phase::B }, "aborted", Retry(Cause::Interrupted)),
        (CallError::NoPages, "no-pages", Fail),
        (CallError::OutOfTurn { waiting_for: "Sent", got: "Page" }, "out-of-turn", Fail),
    ]
}

#[test]
fn every_error_of_a_session_stands_in_the_table() {
    let table: Vec<&str> = session_errors().into_iter().map(|(_, code, _)| code).collect();
    for code in session_codes() {
        assert!(table.contains(&code), "`{code}` is in no row of session_errors()");
    }
}

#[test]
fn whatever_the_modem_says_only_the_page_decides_what_is_proven() {
    for code in modem_codes() {
        for (dialled, answered, page_started) in
            [(false, false, false), (true, false, false), (true, true, false), (true, true, true)]
        {
            let ending = modem_fault(code);
            let outcome = Outcome { dialled, answered, ..outcome(&ending, page_started) };
            let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
            let reach = match (dialled, answered) {
                (_, true) => Reach::Answered,
                (true, false) => Reach::NoAnswer,
                (false, false) => Reach::NoCall,
            };
            let evidence = if page_started { Evidence::Uncertain } else { Evidence::NotSent };
            assert_eq!((settled.evidence, settled.reach), (evidence, reach), "{code}");
            let rests = settled.next == Next::Rest(JobState::Uncertain);
            assert_eq!(rests, page_started, "{code}: {settled:?}");
        }
    }
}

#[test]
fn session_errors_before_the_page() {
    for (error, code, remedy) in session_errors() {
        let ending = Ending::Session(error);
        let verdict = verdict::of(&outcome(&ending, false));
        assert_eq!((verdict.code, verdict.remedy), (code, remedy), "{ending:?}");
        let evidence =
            if remedy == Remedy::Decide { Evidence::Uncertain } else { Evidence::NotSent };
        assert_eq!(verdict.evidence, evidence, "{ending:?}");
        assert_eq!(verdict.reach, Reach::Answered, "{ending:?}");
    }
}

#[test]
fn hang_up_codes_of_a_class_2_modem_before_the_page() {
    use Reach::{Answered, NoAnswer};
    use Remedy::{Decide, Retry};
    let (two, two_0) = (Class::Two, Class::TwoPointZero);
    for (class, said, code, reach, remedy) in [
        (two_0, "4", "no-answer", NoAnswer, Retry(Cause::NoAnswer)),
        (two, "11", "no-carrier", NoAnswer, Retry(Cause::NoFaxTone)),
        (two, "21", "cannot-receive", Answered, Retry(Cause::CannotReceive)),
        (two_0, "25", "no-reply-to-dcs", Answered, Retry(Cause::Handshake)),
        (two_0, "27", "cannot-train", Answered, Retry(Cause::Handshake)),
        (two, "43", "modem-underrun", Answered, Retry(Cause::Handshake)),
        (two, "0", "modem-hung-up", Answered, Retry(Cause::Handshake)),
        // Nothing left as far as we know, and the modem speaks of what follows a page.
        (two, "54", "no-reply-after-page", Answered, Decide),
        (two_0, "50", "modem-phase-d", Answered, Decide),
    ] {
        let ending = Ending::HungUp(HungUp::of(class, said));
        let verdict = verdict::of(&outcome(&ending, false));
        assert_eq!((verdict.code, verdict.remedy), (code, remedy), "{ending:?}");
        let evidence = if remedy == Decide { Evidence::Uncertain } else { Evidence::NotSent };
        assert_eq!((verdict.evidence, verdict.reach), (evidence, reach), "{ending:?}");
    }
}

#[test]
fn class_2_modem_without_a_call_is_a_matter_of_the_line_and_with_one_of_the_far_end() {
    for (said, code) in [("1", "glare"), ("3", "no-loop-current")] {
        let ending = Ending::HungUp(HungUp::of(Class::Two, said));
        let settled = |answered, dials| {
            let outcome = Outcome { answered, ..outcome(&ending, false) };
            let standing = Standing { dials, ..fresh() };
            let settled = settle(&outcome, standing, NOW, &Windows::Always);
            assert_eq!((settled.code, settled.evidence), (code, Evidence::NotSent));
            (settled.reach, settled.next)
        };
        let in_3_minutes =
            |reason| Next::Again { due: NOW.after(Duration::from_secs(180)), reason };
        // No call was made, so none is used up.
        assert_eq!(settled(false, 5), (Reach::NoCall, in_3_minutes("line-down")));
        assert_eq!(settled(true, 0), (Reach::Answered, in_3_minutes("handshake")));
        assert_eq!(settled(true, 5), (Reach::Answered, Next::Rest(JobState::Failed)), "{code}");
    }
}

#[test]
fn after_the_first_page_octet_everything_but_delivered_is_uncertain() {
    let mut endings: Vec<Ending> =
        session_errors().into_iter().map(|(error, _, _)| Ending::Session(error)).collect();
    endings.extend([
        Ending::Busy,
        Ending::NoAnswer,
        Ending::NoDialTone,
        Ending::NoCarrier,
        Ending::NoWord,
        Ending::DialRefused { word: "DELAYED".into() },
        Ending::Glare,
        Ending::Voice,
        Ending::Stopped,
        Ending::HungUp(HungUp::of(Class::TwoPointZero, "00")),
        Ending::HungUp(HungUp::of(Class::Two, "11")),
        Ending::HungUp(HungUp::of(Class::Two, "54")),
        modem_fault("modem-no-page-status"),
        modem_fault("modem-gone"),
        modem_fault("line-dropped"),
    ]);
    for ending in endings {
        for stop in [None, Some(Stop::Cancelled), Some(Stop::ShuttingDown)] {
            let outcome = Outcome { stop, ..outcome(&ending, true) };
            let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
            assert_eq!(settled.evidence, Evidence::Uncertain, "{ending:?}");
            assert_eq!(settled.next, Next::Rest(JobState::Uncertain), "{ending:?}");
        }
    }
    let delivered = Outcome { pages_confirmed: 1, ..outcome(&Ending::Delivered, true) };
    let settled = settle(&delivered, fresh(), NOW, &Windows::Always);
    assert_eq!(settled.evidence, Evidence::Confirmed);
    assert_eq!(settled.next, Next::Rest(JobState::Confirmed));
}

#[test]
fn delivered_without_a_confirmed_page_is_not_believed() {
    for page_started in [true, false] {
        let delivered = outcome(&Ending::Delivered, page_started);
        let settled = settle(&delivered, fresh(), NOW, &Windows::Always);
        assert_eq!(settled.evidence, Evidence::Uncertain, "page started: {page_started}");
    }
}

#[test]
fn endings_of_dialling() {
    use Reach::{Answered, NoAnswer, NoCall};
    let refused = Ending::DialRefused { word: "BLACKLISTED".into() };
    let failed = Next::Rest(JobState::Failed);
    let cases = [
        (Ending::Busy, "busy", NoAnswer, in_minutes(3, "busy")),
        (Ending::NoAnswer, "no-answer", NoAnswer, in_minutes(5, "no-answer")),
        (Ending::NoCarrier, "no-carrier", NoAnswer, in_minutes(15, "no-fax-tone")),
        (Ending::NoWord, "no-carrier", NoAnswer, in_minutes(15, "no-fax-tone")),
        (Ending::NoDialTone, "no-dial-tone", NoCall, in_minutes(3, "line-down")),
        (refused, "dial-refused", NoCall, in_minutes(3, "line-down")),
        (Ending::Glare, "glare", NoCall, in_minutes(3, "line-down")),
        (Ending::Voice, "voice", Answered, failed.clone()),
        (Ending::Stopped, "stopped", NoAnswer, in_minutes(1, "interrupted")),
        (modem_fault("modem-silent"), "modem-silent", NoAnswer, in_minutes(1, "interrupted")),
        (modem_fault("line-dropped"), "line-dropped", NoAnswer, in_minutes(3, "handshake")),
        (modem_fault("number-not-digits"), "number-not-digits", NoAnswer, failed),
    ];
    for (ending, code, reach, next) in cases {
        let outcome = Outcome { answered: false, ..outcome(&ending, false) };
        let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
        assert_eq!((settled.code, settled.reach), (code, reach), "{ending:?}");
        assert_eq!((settled.evidence, settled.next), (Evidence::NotSent, next), "{ending:?}");
    }
}

#[test]
fn cut_line_has_a_code_for_each_phase_and_only_before_the_page_another_call() {
    let again = || Next::Again { due: NOW.after(Duration::from_secs(3 * 60)), reason: "handshake" };
    let uncertain = || Next::Rest(JobState::Uncertain);
    let cases = [
        (None, false, "line-dropped", Evidence::NotSent, again()),
        (Some(Phase::A), false, "dropped-in-phase-a", Evidence::NotSent, again()),
        (Some(Phase::B), false, "dropped-in-phase-b", Evidence::NotSent, again()),
        // The carrier was asked for, no octet was written.
        (Some(Phase::C), false, "dropped-in-phase-c", Evidence::NotSent, again()),
        (Some(Phase::C), true, "dropped-in-phase-c", Evidence::Uncertain, uncertain()),
        (Some(Phase::D), true, "dropped-in-phase-d", Evidence::Uncertain, uncertain()),
        (Some(Phase::E), true, "dropped-in-phase-d", Evidence::Uncertain, uncertain()),
    ];
    for (phase, page_started, code, evidence, next) in cases {
        let dropped = modem_fault("line-dropped");
        let outcome = Outcome { phase, ..outcome(&dropped, page_started) };
        let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
        let got = (settled.code, settled.evidence, settled.next);
        assert_eq!(got, (code, evidence, next), "{phase:?}, page started: {page_started}");
    }
}

#[test]
fn modem_that_fails_before_dialling_never_uses_up_the_job() {
    let ending = modem_fault("device-missing");
    let outcome = Outcome { dialled: false, answered: false, ..outcome(&ending, false) };
    let tired = Standing { dials: 5, ..fresh() };
    let settled = settle(&outcome, tired, NOW, &Windows::Always);
    let due = NOW.after(Duration::from_secs(3 * 60));
    assert_eq!(settled.next, Next::Again { due, reason: "line-down" });
    assert_eq!(settled.reach, Reach::NoCall);
}

#[test]
fn our_own_stops_are_named_after_their_reason() {
    let again = |minutes: u64, reason| {
        let due = NOW.after(Duration::from_secs(60 * minutes));
        Next::Again { due, reason }
    };
    let rest = Next::Rest;
    let cases = [
        (Stop::Cancelled, "cancelled", rest(JobState::Cancelled)),
        (Stop::IdentityConflict, "identity-conflict", rest(JobState::Failed)),
        (Stop::IdentityNotLocked, "identity-not-locked", rest(JobState::Failed)),
        (Stop::IdentityAbsent, "identity-absent", rest(JobState::Failed)),
        (Stop::Held, "held-back", again(1, "interrupted")),
        (Stop::ShuttingDown, "shutting-down", again(1, "interrupted")),
        (Stop::NotStored, "not-stored-in-time", again(1, "interrupted")),
        (Stop::SheetFailed, "sheet-failed", again(10, "sheet-unavailable")),
        (Stop::SheetProofFailed, "sheet-proof-failed", again(10, "sheet-unavailable")),
        (Stop::SheetOctetsWrong, "sheet-octets-wrong", rest(JobState::Failed)),
    ];
    let endings = [
        Ending::Stopped,
        Ending::Session(CallError::RefusedFarEnd),
        Ending::Session(CallError::PageNotAllowed { page: 0 }),
        Ending::Session(CallError::Aborted { phase: Phase::B }),
    ];
    for ending in &endings {
        for (stop, code, next) in &cases {
            let outcome = Outcome { stop: Some(*stop), ..outcome(ending, false) };
            let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
            assert_eq!((settled.code, &settled.next), (*code, next), "{ending:?} {stop:?}");
        }
    }
    // A wish to stop that came too late to matter does not hide what happened.
    let outcome = Outcome { stop: Some(Stop::ShuttingDown), ..outcome(&Ending::Busy, false) };
    assert_eq!(settle(&outcome, fresh(), NOW, &Windows::Always).code, "busy");
}

#[test]
fn sheet_that_fails_each_time_is_tried_six_times_and_then_its_client_learns_of_it() {
    let not_called =
        |stop| Outcome { stop: Some(stop), dialled: false, ..outcome(&Ending::Stopped, false) };
    for (stop, code) in STOPS_IN_VAIN.iter().zip(verdict::IN_VAIN) {
        let mut now = NOW;
        for in_vain in 0..5 {
            // Calls that had a sheet, in between, are another count.
            let standing = Standing { in_vain, dials: 4, ..fresh() };
            let outcome = Outcome { answered: false, ..not_called(*stop) };
            let settled = settle(&outcome, standing, now, &Windows::Always);
            assert_eq!((settled.code, settled.reach), (code, Reach::NoCall));
            let Next::Again { due, reason: "sheet-unavailable" } = settled.next else {
                panic!("given up after {in_vain}: {settled:?}");
            };
            now = due;
        }
        assert_eq!(now, NOW.after(Duration::from_secs((17 * 60 + 40) * 60)));
        let standing = Standing { in_vain: 5, dials: 0, ..fresh() };
        let settled = settle(&not_called(*stop), standing, now, &Windows::Always);
        assert_eq!((settled.code, settled.next), (code, Next::Rest(JobState::Failed)));
    }
}

const STOPS_IN_VAIN: [Stop; 3] = [Stop::SheetFailed, Stop::SheetProofFailed, Stop::LetterFailed];

#[test]
fn last_call_of_a_job_in_a_row_without_a_fax_tone_is_taken_for_a_telephone() {
    let in_minutes = |minutes: u64| {
        let due = NOW.after(Duration::from_secs(60 * minutes));
        Next::Again { due, reason: "no-fax-tone" }
    };
    let failed = || Next::Rest(JobState::Failed);
    for (dials, toneless_calls, code, next) in [
        (0, 0, "no-carrier", in_minutes(15)),
        (1, 1, "no-carrier", in_minutes(60)),
        (2, 2, "probably-voice", failed()),
        // The row is that of other jobs: this one has its own three calls.
        (0, 2, "no-carrier", in_minutes(15)),
        (1, 9, "no-carrier", in_minutes(60)),
        // Its own calls are spent, and the earlier ones were something else, or of another day.
        (2, 0, "no-carrier", failed()),
    ] {
        let standing = Standing { dials, toneless_calls, ..fresh() };
        let settled = settle(&outcome(&Ending::NoCarrier, false), standing, NOW, &Windows::Always);
        assert_eq!((settled.code, settled.evidence), (code, Evidence::NotSent));
        assert_eq!(settled.next, next, "{standing:?}");
        // Once a page is out its word counts for nothing.
        let uncertain = settle(&outcome(&Ending::NoCarrier, true), standing, NOW, &Windows::Always);
        assert_eq!(uncertain.next, Next::Rest(JobState::Uncertain));
        // Our own wait was over: the modem had not said that it heard nobody.
        let no_word = settle(&outcome(&Ending::NoWord, false), standing, NOW, &Windows::Always);
        assert_eq!((no_word.code, no_word.lesson), ("no-carrier", None));
        // A busy far line says nothing about it.
        let busy = settle(&outcome(&Ending::Busy, false), standing, NOW, &Windows::Always);
        assert_eq!(busy.code, "busy");
    }
}

#[test]
fn sixth_call_is_the_last_and_a_late_one_expires() {
    let spent = Standing { dials: 5, ..fresh() };
    let settled = settle(&outcome(&Ending::Busy, false), spent, NOW, &Windows::Always);
    assert_eq!(settled.next, Next::Rest(JobState::Failed));
    let late = Standing { not_after: NOW.after(Duration::from_secs(17 * 60)), ..fresh() };
    let settled = settle(&outcome(&Ending::Busy, false), late, NOW, &Windows::Always);
    assert_eq!(settled.next, Next::Rest(JobState::Expired));
}

#[test]
fn next_try_waits_for_the_calling_hours_if_the_job_lives_so_long() {
    let windows = Windows::Hours(Hours::default());
    let evening = NOW.after(Duration::from_secs((7 * 60 + 58) * 60)); // 17:58
    let busy = Ending::Busy;
    let settled = settle(&outcome(&busy, false), fresh(), evening, &windows);
    let next_morning = NOW.after(Duration::from_secs((22 * 60 + 30) * 60)); // 8:30
    assert_eq!(settled.next, Next::Again { due: next_morning, reason: "busy" });
    let tonight =
        Standing { not_after: evening.after(Duration::from_secs(6 * 60 * 60)), ..fresh() };
    let settled = settle(&outcome(&busy, false), tonight, evening, &windows);
    assert_eq!(settled.next, Next::Rest(JobState::Expired));
}

#[test]
fn crash_proves_what_was_durable_and_no_more() {
    let again = |minutes: u64| {
        let due = NOW.after(Duration::from_secs(60 * minutes));
        Next::Again { due, reason: "interrupted" }
    };
    let uncertain = Next::Rest(JobState::Uncertain);
    let cases = [
        (AttemptState::Claimed, "crash-before-dial", Reach::NoCall, again(1)),
        (AttemptState::Dialing, "crash-in-call", Reach::NoAnswer, again(1)),
        (AttemptState::PageStarted, "crash-after-page", Reach::Answered, uncertain.clone()),
        (AttemptState::PageAcked, "crash-after-page", Reach::Answered, uncertain),
    ];
    for (state, code, reach, next) in cases {
        let settled = after_crash(state, fresh(), NOW);
        assert_eq!((settled.code, settled.reach, settled.next), (code, reach, next), "{state}");
    }
}

/// What the settings of the next call are, told by what became of the calls before it.
#[test]
fn calls_that_cannot_train_are_made_slower_each_time_until_one_goes_through() {
    let limits = LineLimits { line: "line1".into(), fastest: Rate(V17), ecm: true };
    const V17: Modulation = Modulation::V17At14400;
    let far_end = t30::FarEnd { csi: None, dis: vec![0], nsf: None };
    let cannot_train = Ending::Session(CallError::CannotTrain { last: Modulation::V27ter2400 });
    let mut known = Known::default();
    let mut tried = Vec::new();
    for call in 0..4 {
        let terms = terms::of_next_call(&known, &limits, true, NOW);
        tried.push((terms.fastest.0, terms.ecm));
        let agreed = t30::Contract {
            modulation: terms.fastest.0,
            ecm: terms.ecm,
            coding: t30::Coding::Mmr,
            resolution: t30::Resolution::Fine,
            min_scan_line: Duration::ZERO,
        };
        let delivered = call == 2;
        let ending = if delivered { &Ending::Delivered } else { &cannot_train };
        let outcome = Outcome {
            far_end: Some(&far_end),
            tried: Some(terms.fastest.0),
            contract: Some(&agreed),
            pages_confirmed: u16::from(delivered),
            ..outcome(ending, delivered)
        };
        let settled = settle(&outcome, fresh(), NOW, &Windows::Always);
        known = known.learn(settled.lesson.expect("a machine was met"), NOW);
    }
    use Modulation::{V27ter4800, V29At9600};
    let with_ecm = |modulation| (modulation, true);
    // The last one begins at what worked.
    assert_eq!(tried, [V17, V29At9600, V27ter4800, V27ter4800].map(with_ecm));
}

#[test]
fn receipt_has_the_facts_and_no_whole_number() {
    let report = CallReport {
        ending: Ending::Delivered,
        page_started: true,
        pages_confirmed: 1,
        phase: Some(Phase::D),
        csi: None,
        contract: Some(t30::Contract {
            modulation: Modulation::V17At14400,
            ecm: true,
            coding: t30::Coding::Mmr,
            resolution: t30::Resolution::Fine,
            min_scan_line: Duration::ZERO,
        }),
        t85: t30::T85::Unasked,
        times: CallTimes {
            dialled: Some(Duration::ZERO),
            answered: Some(Duration::from_millis(4_200)),
            ..CallTimes::default()
        },
        hang_up_verified: true,
        trace: modem::Trace::default(),
    };
    let csi = Some("+81 3 1234 5678".into());
    let far_end = Some(t30::FarEnd { csi, dis: Vec::new(), nsf: None });
    let seen = Seen { far_end, identity: Some(Identity::Exact), ..Seen::default() };
    let outcome = Outcome::of(&report, &seen);
    let receipt = settle(&outcome, fresh(), NOW, &Windows::Always).receipt;
    let expected = serde_json::json!({
        "code": "delivered",
        "page_started": true,
        "pages_confirmed": 1,
        "identity": "exact",
        "csi": "***********5678",
        "contract": { "modulation": "V.17", "rate_bps": 14400, "ecm": true, "coding": "MMR",
            "resolution": "fine" },
        "times_ms": { "dialled": 0, "answered": 4200, "trained": null, "page_started": null,
            "confirmed": null },
    });
    assert_eq!(receipt, expected);
}

#[test]
fn key_that_may_be_on_paper_is_never_sent_again_by_itself() {
    let ending =
        Ending::Session(CallError::NoReplyAfterPage { page: 0, to: Signal::EOP, tries: 3 });
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.has_secret()) {
        let standing = Standing { kind, ..fresh() };
        let settled = settle(&outcome(&ending, true), standing, NOW, &Windows::Always);
        assert_eq!(settled.next, Next::Rest(JobState::Uncertain), "{kind}");
        let crashed = after_crash(AttemptState::PageStarted, standing, NOW);
        assert_eq!(crashed.next, Next::Rest(JobState::Uncertain), "{kind}");
    }
}

#[test]
fn key_whose_sender_wants_it_so_goes_once_more_and_is_then_left_to_people() {
    let ending =
        Ending::Session(CallError::NoReplyAfterPage { page: 0, to: Signal::EOP, tries: 3 });
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.has_secret()) {
        let after = |unconfirmed| {
            let if_uncertain = IfUncertain::SendOnceMore;
            let standing = Standing { kind, if_uncertain, unconfirmed, ..fresh() };
            let settled = settle(&outcome(&ending, true), standing, NOW, &Windows::Always);
            let crashed = after_crash(AttemptState::PageStarted, standing, NOW);
            assert_eq!(settled.next, crashed.next, "{kind}");
            settled.next
        };
        assert_eq!(after(0), in_minutes(10, "unconfirmed"), "{kind}");
        assert_eq!(after(1), Next::Rest(JobState::Uncertain), "{kind}");
    }
}

#[test]
fn notice_that_may_have_arrived_is_sent_twice_more_and_then_left_to_people() {
    let ending =
        Ending::Session(CallError::NoReplyAfterPage { page: 0, to: Signal::EOP, tries: 3 });
    for kind in Kind::ALL.iter().copied().filter(|kind| !kind.has_secret()) {
        let after = |unconfirmed| {
            let standing = Standing { kind, dials: unconfirmed, unconfirmed, ..fresh() };
            let settled = settle(&outcome(&ending, true), standing, NOW, &Windows::Always);
            assert_eq!(
                settled.evidence,
                Evidence::Uncertain,
                "the call proves no more than before"
            );
            let crashed = after_crash(AttemptState::PageStarted, standing, NOW);
            assert_eq!(settled.next, crashed.next, "{kind}");
            settled.next
        };
        assert_eq!(after(0), in_minutes(10, "unconfirmed"), "{kind}");
        assert_eq!(after(1), in_minutes(60, "unconfirmed"), "{kind}");
        assert_eq!(after(2), Next::Rest(JobState::Uncertain), "{kind}");
    }
}

/// What is on paper stays there, whatever becomes of the next copy.
#[test]
fn once_a_sheet_may_be_out_no_later_ending_says_that_none_is() {
    let standing = Standing { kind: Kind::Message, dials: 1, unconfirmed: 1, ..fresh() };
    let spent = Standing { dials: 5, ..standing };
    let late = Standing { not_after: NOW.after(Duration::from_secs(17 * 60)), ..standing };
    let (voice, busy, stopped) = (Ending::Voice, Ending::Busy, Ending::Stopped);
    let next = |ending: &Ending, stop, standing| {
        let outcome = Outcome { stop, ..outcome(ending, false) };
        settle(&outcome, standing, NOW, &Windows::Always).next
    };
    let undecided = Next::Rest(JobState::Uncertain);
    assert_eq!(next(&voice, None, standing), undecided);
    assert_eq!(next(&busy, None, spent), undecided);
    assert_eq!(next(&busy, None, late), undecided);
    assert_eq!(next(&stopped, Some(Stop::Cancelled), standing), undecided);
    assert_eq!(next(&busy, None, standing), in_minutes(5, "busy"), "and it goes on until then");
    let delivered = Ending::Delivered;
    let confirmed = Outcome { pages_confirmed: 1, ..outcome(&delivered, true) };
    let settled = settle(&confirmed, standing, NOW, &Windows::Always);
    assert_eq!(settled.next, Next::Rest(JobState::Confirmed));
}
