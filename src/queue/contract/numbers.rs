//! What is remembered of a number from one call to the next.

use super::*;
use crate::queue::resolution::Way;

/// The number of [`first_contact`].
const NUMBER: &str = "0312345678";

pub(crate) fn lesson_of_a_call_is_there_for_the_next_claim_of_its_number(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    assert_eq!(got.known, Known::default());
    dial(queue, got.attempt, NOW);
    let heard = Heard { said: Said::read("CARE CENTER"), dis: vec![0, 0xEE, 0xF8] };
    let lesson = Lesson { heard: Some(heard), ..taught(Taught::Training) };
    let again = Next::Again { due: after_min(3), reason: "handshake" };
    let settlement = teaching(not_sent(after_min(1), Reach::Answered, again), lesson);
    assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));

    let got = claim(queue, after_min(3), "line1").expect("due");
    assert_eq!(got.known.troubles.training.as_ref().map(|trouble| trouble.times), Some(1));
    assert_eq!(got.known.last_seen, Some(after_min(1)));
    assert_eq!(known(queue, NUMBER), Some(got.known));
    // Another number knows nothing of it.
    accept(queue, request("b", to_number("0612345678")));
    let other = claim(queue, after_min(3), "line2").expect("due");
    assert_eq!((other.known, known(queue, "0612345678")), (Known::default(), None));
}

pub(crate) fn lesson_of_a_refused_settlement_is_not_learnt(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let lesson = taught(Taught::Training);
    assert!(refused(queue.settle(got.attempt, teaching(confirmed(NOW), lesson)).wait()));
    assert_eq!(known(queue, NUMBER), None);
}

/// A hundred notifications to one number ring it as often as the policy says, and no more. Gives those that were
/// not called.
fn hundred_notifications(queue: &dyn Queue, result: &Taught) -> Vec<JobId> {
    let mut not_called = Vec::new();
    for minute in 0..100 {
        let key = minute.to_string();
        let id = accept(queue, request(&key, |job| job.not_after = after_min(48 * 60)));
        let now = after_min(5 * minute);
        let Some(got) = claim(queue, now, "line1") else {
            not_called.push(id);
            continue;
        };
        dial(queue, got.attempt, now);
        let failed = not_sent(now, Reach::Answered, Next::Rest(JobState::Failed));
        let settlement = teaching(failed, taught(result.clone()));
        assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));
    }
    not_called
}

pub(crate) fn hundred_notifications_to_a_person_are_two_calls(queue: &dyn Queue) {
    let not_called = hundred_notifications(queue, &Taught::Voice);
    assert_eq!(not_called.len(), 98);
    for id in not_called {
        let view = show(queue, id);
        assert_eq!(view.reason.as_deref(), Some("number-is-a-telephone"));
        assert_eq!((view.state, view.attempts.len()), (JobState::Failed, 0));
    }
    // Whoever has mended the number may say so.
    let number = FaxNumber::parse(NUMBER).expect("valid");
    assert_eq!(queue.forget(number, NOW).wait(), Ok(true));
    accept(queue, request("mended", |_| {}));
    assert!(claim(queue, after_min(501), "line1").is_some());
}

pub(crate) fn hundred_notifications_without_a_fax_tone_are_three_calls_a_day_and_none_is_lost(
    queue: &dyn Queue,
) {
    let not_called = hundred_notifications(queue, &Taught::Toneless);
    assert_eq!(not_called.len(), 97);
    // The last of the three calls was in minute 10.
    let next_day = after_min(24 * 60 + 10);
    for id in &not_called {
        let view = show(queue, *id);
        assert_eq!(view.reason.as_deref(), Some("no-fax-tone"));
        assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(next_day)));
    }
    // A machine that was off yesterday has another chance today.
    assert!(claim(queue, UnixMillis(next_day.0 - 1), "line1").is_none());
    let got = claim(queue, next_day, "line1").expect("the day is over");
    assert_eq!((got.id, got.standing.toneless_calls), (not_called[0], 0));
}

pub(crate) fn job_that_waits_for_a_fax_tone_is_due_when_a_technician_has_seen_to_it(
    queue: &dyn Queue,
) {
    let not_called = hundred_notifications(queue, &Taught::Toneless);
    let number = || FaxNumber::parse(NUMBER).expect("valid");
    let (now, later) = (after_min(600), after_min(601));
    assert!(claim(queue, now, "line1").is_none());
    let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity: None, at: now };
    assert_eq!(queue.lock(number(), Some(lock), now).wait(), Ok(true));
    let got = claim(queue, now, "line1").expect("a fax machine is there");
    assert_eq!(got.id, not_called[0]);
    let failed = not_sent(now, Reach::NoCall, Next::Rest(JobState::Failed));
    assert_eq!(queue.settle(got.attempt, failed).wait(), Ok(()));
    assert_eq!(queue.forget(number(), later).wait(), Ok(true));
    assert_eq!(claim(queue, later, "line1").map(|got| got.id), Some(not_called[1]));
}

pub(crate) fn locks_stay_until_they_are_lifted_and_forgetting_takes_all(queue: &dyn Queue) {
    let number = || FaxNumber::parse(NUMBER).expect("valid");
    let lock =
        Lock { fastest: None, no_ecm: true, no_t85: false, identity: Said::read("CARE"), at: NOW };
    assert_eq!(queue.lock(number(), None, NOW).wait(), Ok(false), "there was none");
    assert_eq!(queue.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    // A year without a call.
    let next_year = after_min(366 * 24 * 60);
    assert!(queue.sweep(next_year).wait().is_ok());
    assert_eq!(known(queue, NUMBER).and_then(|known| known.lock), Some(lock));
    assert_eq!(queue.lock(number(), None, NOW).wait(), Ok(true));
    assert_eq!(known(queue, NUMBER), Some(Known::default()));
    assert!(queue.sweep(next_year).wait().is_ok());
    assert_eq!(known(queue, NUMBER), None, "nobody would believe it any more");
    assert_eq!(queue.forget(number(), NOW).wait(), Ok(false));
}

pub(crate) fn numbers_are_listed_newest_first_without_saying_one(queue: &dyn Queue) {
    let digits = ["0311111111", "0322222222", "0333333333"];
    for digits in digits {
        let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity: None, at: NOW };
        let number = FaxNumber::parse(digits).expect("valid");
        assert_eq!(queue.lock(number, Some(lock), NOW).wait(), Ok(true));
    }
    let page = |after, limit| {
        let rows = queue.numbers(after, limit).wait().expect("the store answers");
        let last = rows.last().map(|row| row.id);
        (rows.iter().map(|row| row.number.digits().to_owned()).collect::<Vec<_>>(), last)
    };
    let (first, last) = page(None, 2);
    assert_eq!(first, [digits[2], digits[1]]);
    assert_eq!(page(last, 2).0, [digits[0]]);
}

/// What is reported after it was taken on, or after somebody has decided about it, counts for a key that waits or is held.
pub(crate) fn key_is_not_called_once_its_office_has_shut_moved_or_counts_anew(queue: &dyn Queue) {
    let report = |change, now| {
        let number = first_contact().recipient.office_number;
        assert!(queue.change_office(client(), number, change, now).wait().is_ok());
    };
    let not_called = |id, code: &str| {
        let view = show(queue, id);
        assert_eq!((view.state, view.reason.as_deref()), (JobState::Failed, Some(code)));
        assert_eq!(view.attempts.len(), 0);
    };
    let held = accept(queue, request("held", |_| {}));
    assert_eq!(queue.hold(client(), held, None, NOW).wait(), Ok(OneHeld::Done));
    let notice = accept(queue, request("notice", message));
    report(OfficeChange::ManagerChanged, after_min(1));
    assert_eq!(queue.release(client(), held, after_min(1)).wait(), Ok(OneHeld::Done));
    let got = claim(queue, after_min(2), "line1").expect("the notice is due");
    assert_eq!(got.id, notice);
    not_called(held, "number-not-proven");
    // Proven since then.
    dial(queue, got.attempt, after_min(2));
    start_page(queue, got.attempt);
    let lesson = taught(Taught::ConfirmedByService);
    let arrived = teaching(confirmed(after_min(3)), lesson);
    assert_eq!(queue.settle(got.attempt, arrived).wait(), Ok(()));
    let at = |key, minutes| {
        accept(queue, Acceptance { now: after_min(minutes), ..request(key, |_| {}) })
    };
    at("proven", 4);
    let got = claim(queue, after_min(4), "line1").expect("the number is proven");
    let failed = not_sent(after_min(4), Reach::NoCall, Next::Rest(JobState::Failed));
    assert_eq!(queue.settle(got.attempt, failed).wait(), Ok(()));

    let moved = at("moved", 5);
    let to = FaxNumber::parse("0312345679").expect("valid");
    report(OfficeChange::FaxChanged { to }, after_min(6));
    assert!(claim(queue, after_min(7), "line1").is_none());
    not_called(moved, "office-fax-mismatch");
    let shut = at("shut", 8);
    report(OfficeChange::Closed, after_min(9));
    assert!(claim(queue, after_min(10), "line1").is_none());
    not_called(shut, "office-closed");
}

/// Of a machine that never confirms nobody hears but by people, and by the key that was on the sheet.
pub(crate) fn number_is_proven_by_whoever_has_the_sheet_since_it_was_sent(queue: &dyn Queue) {
    let proven = || known(queue, NUMBER).and_then(|known| known.proven);
    let close = |delivered| decision(Way::Close { delivered });
    let not_there = uncertain_sheet(queue, message);
    assert!(matches!(resolve(queue, not_there, 1, after_min(30), close(false)), Resolved::Done(_)));
    assert_eq!(proven(), None);
    accept(queue, request("b", message));
    let got = claim(queue, after_min(40), "line1").expect("due");
    dial(queue, got.attempt, after_min(40));
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(after_min(41))).wait(), Ok(()));
    // Whoever follows a notice may have known of it before.
    let followed = super::receipts::sign(queue, got.id, Sign::FirstLogin);
    assert_eq!(followed, Signed::Taken { state: JobState::ResolvedDelivered });
    assert_eq!(proven(), None);
    accept(queue, request("c", |_| {}));
    let got = claim(queue, after_min(60), "line1").expect("due");
    dial(queue, got.attempt, after_min(60));
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(after_min(61))).wait(), Ok(()));
    assert!(matches!(resolve(queue, got.id, 2, after_min(90), close(true)), Resolved::Done(_)));
    assert_eq!(proven(), Some(after_min(60)), "what was reported since then still counts");
    let got = accept(queue, request("d", |_| {}));
    let call = claim(queue, after_min(100), "line1").expect("due");
    assert_eq!(call.id, got);
    dial(queue, call.attempt, after_min(100));
    start_page(queue, call.attempt);
    assert_eq!(queue.settle(call.attempt, uncertain(after_min(101))).wait(), Ok(()));
    let followed = super::receipts::sign(queue, got, Sign::FirstLogin);
    assert_eq!(followed, Signed::Taken { state: JobState::ResolvedDelivered });
    assert_eq!(proven(), Some(after_min(100)));
}
