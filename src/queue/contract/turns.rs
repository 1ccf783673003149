//! Whose turn it is on a line, and what holds a job or a number back.

use super::*;

pub(crate) fn urgent_goes_first_then_the_longest_due(queue: &dyn Queue) {
    let at = |minute| move |request: &mut Acceptance| request.now = after_min(minute);
    let accept_at = |key: &str, minute, urgency, number: &str| {
        let mut request = request(key, |job| {
            to_number(number)(job);
            job.urgency = urgency;
        });
        at(minute)(&mut request);
        accept(queue, request)
    };
    let first = accept_at("a", 1, Urgency::Normal, "0311111111");
    let second = accept_at("b", 2, Urgency::Normal, "0322222222");
    let urgent = accept_at("c", 3, Urgency::Urgent, "0333333333");
    let next = |line: &str| claim(queue, after_min(4), line).map(|claim| claim.id);
    assert_eq!(
        [next("1"), next("2"), next("3"), next("4")],
        [Some(urgent), Some(first), Some(second), None]
    );
}

pub(crate) fn one_call_at_a_time_to_a_number_and_on_a_line(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let waiting = accept(queue, request("b", |_| {}));
    let first = claim(queue, NOW, "line1").expect("due");
    assert!(claim(queue, NOW, "line2").is_none(), "the number is in use");
    assert!(refused(queue.claim(NOW, ask("line1")).wait()), "the line is in use");
    dial(queue, first.attempt, NOW);
    start_page(queue, first.attempt);
    assert_eq!(queue.settle(first.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(claim(queue, NOW, "line2").map(|claim| claim.id), Some(waiting));
}

pub(crate) fn job_waits_for_not_before_and_expires_at_not_after(queue: &dyn Queue) {
    let id = accept(
        queue,
        request("a", |job| {
            job.not_before = Some(after_min(10));
            job.not_after = after_min(20);
        }),
    );
    assert!(claim(queue, after_min(9), "line1").is_none());
    let swept = queue.sweep(after_min(9)).wait();
    assert_eq!(swept, Ok(Swept { ended: 0, next_due: Some(after_min(10)), next_mail: None }));
    assert_eq!(show(queue, id).due_at, Some(after_min(10)));

    assert!(claim(queue, after_min(20), "line1").is_none(), "its time is over");
    assert_eq!(show(queue, id).state, JobState::Expired);
    assert_eq!(event_names(queue), ["accepted", "expired"]);
    assert_eq!(queue.sweep(after_min(21)).wait(), Ok(Swept::default()));
}

pub(crate) fn no_job_is_claimed_past_its_end_however_many_ran_out(queue: &dyn Queue) {
    // More than one claim moves out of the way.
    for key in 0..300 {
        accept(queue, request(&key.to_string(), |job| job.not_after = after_min(20)));
    }
    assert!(claim(queue, after_min(20), "line1").is_none());
    assert!(claim(queue, after_min(20), "line1").is_none());
    let expired = Filter { state: Some(JobState::Expired), limit: 500, ..Filter::default() };
    let expired = queue.list(client(), expired).wait().expect("the store answers").expect("few");
    assert_eq!(expired.len(), 300);
}

pub(crate) fn busy_job_comes_back_when_due_and_counts_its_calls(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    for (number, dials) in [(1, 0), (2, 1), (3, 2)] {
        let now = after_min(10 * u64::from(number));
        let got = claim(queue, now, "line1").expect("due");
        assert_eq!((got.attempt_number, got.standing.dials), (number, dials));
        dial(queue, got.attempt, now);
        let due = now.after(Duration::from_secs(300));
        let again = Next::Again { due, reason: "busy" };
        let settled = queue.settle(got.attempt, not_sent(now, Reach::NoAnswer, again)).wait();
        assert_eq!(settled, Ok(()));
        let view = show(queue, id);
        assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(due)));
        assert_eq!(view.reason.as_deref(), Some("busy"));
    }
}

pub(crate) fn call_that_never_left_the_modem_does_not_count(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    for _ in 0..5 {
        let got = claim(queue, NOW, "line1").expect("no rule holds it back");
        assert_eq!(got.standing.dials, 0);
        dial(queue, got.attempt, NOW);
        let again = Next::Again { due: NOW, reason: "line-down" };
        let settled = queue.settle(got.attempt, not_sent(NOW, Reach::NoCall, again)).wait();
        assert_eq!(settled, Ok(()));
    }
}

pub(crate) fn fourth_unanswered_call_in_three_minutes_rests_over_all_jobs(queue: &dyn Queue) {
    let now = |seconds| NOW.after(Duration::from_secs(seconds));
    for (line, seconds) in [("line1", 0), ("line2", 30), ("line3", 60)] {
        accept(queue, request(line, |_| {}));
        let got = claim(queue, now(seconds), line).expect("allowed");
        dial(queue, got.attempt, now(seconds));
        let failed = Next::Rest(JobState::Failed);
        let settled =
            queue.settle(got.attempt, not_sent(now(seconds), Reach::NoAnswer, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
    let fourth = accept(queue, request("line4", |_| {}));
    assert!(claim(queue, now(90), "line4").is_none());
    let rests = show(queue, fourth);
    assert_eq!((rests.state, rests.due_at), (JobState::Waiting, Some(now(180))));
    assert_eq!(rests.reason.as_deref(), Some("redial-rule"));
    // Another number is not held up, and this one only for its time.
    accept(queue, request("e", to_number("0612345678")));
    assert!(claim(queue, now(91), "line5").is_some());
    assert_eq!(claim(queue, now(180), "line4").map(|claim| claim.id), Some(fourth));
}

pub(crate) fn calls_to_a_number_are_told_to_whoever_else_would_call_it(queue: &dyn Queue) {
    let number = first_contact().recipient.fax;
    let dialled = |now| queue.dialled(number.clone(), now).wait().expect("an answer");
    assert_eq!(dialled(NOW), Dialled::default());
    call(queue, "a", NOW, Reach::NoAnswer);
    accept(queue, request("b", |_| {}));
    let later = after_min(5);
    let got = claim(queue, later, "line1").expect("allowed");
    dial(queue, got.attempt, later);
    let unanswered = vec![later, NOW];
    assert_eq!(dialled(later), Dialled { is_held: false, is_on_call: true, unanswered });
    assert_eq!(dialled(NOW).unanswered, [NOW, NOW], "the clock was set back");
    let other = FaxNumber::parse("0612345678").expect("valid");
    let elsewhere = queue.dialled(other, later).wait();
    assert_eq!(elsewhere, Ok(Dialled::default()));
    let failed = Next::Rest(JobState::Failed);
    let settled = queue.settle(got.attempt, not_sent(later, Reach::Answered, failed)).wait();
    assert_eq!((settled, dialled(later)), (Ok(()), Dialled::default()));
}

pub(crate) fn answered_call_ends_the_count_of_the_redial_rule(queue: &dyn Queue) {
    for key in ["a", "b", "c", "d", "e"] {
        accept(queue, request(key, |_| {}));
        let got = claim(queue, NOW, "line1").expect("allowed");
        dial(queue, got.attempt, NOW);
        let failed = Next::Rest(JobState::Failed);
        let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
}

/// Calls the number of `request` at `now`, and ends the call so.
fn call(queue: &dyn Queue, key: &str, now: UnixMillis, reach: Reach) {
    accept(queue, request(key, |_| {}));
    let got = claim(queue, now, "line1").expect("allowed");
    dial(queue, got.attempt, now);
    let failed = Next::Rest(JobState::Failed);
    assert_eq!(queue.settle(got.attempt, not_sent(now, reach, failed)).wait(), Ok(()));
}

pub(crate) fn clock_set_back_holds_a_number_back_for_three_minutes_only(queue: &dyn Queue) {
    for key in ["a", "b", "c"] {
        call(queue, key, after_min(600), Reach::NoAnswer);
    }
    // Ten hours back.
    let waits = accept(queue, request("d", |_| {}));
    assert!(claim(queue, NOW, "line1").is_none());
    assert_eq!(show(queue, waits).due_at, Some(after_min(3)));
    assert_eq!(claim(queue, after_min(3), "line1").map(|claim| claim.id), Some(waits));
}

pub(crate) fn answer_before_the_clock_was_set_back_does_not_hide_later_calls(queue: &dyn Queue) {
    call(queue, "a", after_min(600), Reach::Answered);
    for key in ["b", "c", "d"] {
        call(queue, key, NOW, Reach::NoAnswer);
    }
    accept(queue, request("e", |_| {}));
    assert!(claim(queue, after_min(1), "line1").is_none());
}
