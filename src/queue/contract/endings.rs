//! Steps of a call and its results, and cancellations at every moment of it.

use super::*;

pub(crate) fn confirmed_call_leaves_every_rung(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    assert_eq!((got.id, got.attempt_number, got.line.as_str()), (id, 1, "line1"));
    assert_eq!(got.standing.dials, 0);
    assert_eq!(got.job.recipient.office_name.as_str(), "さくらデイサービス");
    let secrets = got.job.content.credentials().expect("has some");
    assert_eq!(secrets.first_time_key.expose(), crate::job::examples::CANARIES[2]);
    assert_eq!(show(queue, id).state, JobState::Sending);

    dial(queue, got.attempt, after_min(1));
    let seen = serde_json::json!({ "identity": "exact" });
    let rung = Step::Rung { now: after_min(1), name: "identity", detail: seen.clone() };
    assert_eq!(queue.step(got.attempt, rung).wait(), Ok(()));
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, confirmed(after_min(2))).wait(), Ok(()));
    let hung_up = Step::Rung { now: after_min(3), name: "hung_up", detail: serde_json::json!({}) };
    assert_eq!(queue.step(got.attempt, hung_up).wait(), Ok(()), "it comes after the result");

    let view = show(queue, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Confirmed, Some("delivered")));
    assert_eq!((view.due_at, view.fax_masked.as_str()), (None, "******5678"));
    let [attempt] = &view.attempts[..] else { panic!("one attempt: {view:?}") };
    assert_eq!(attempt.state, AttemptState::Confirmed);
    assert_eq!(attempt.receipt, Some(serde_json::json!({ "code": "delivered" })));
    let rungs: Vec<&str> = attempt.rungs.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(rungs, ["sending", "dialing", "identity", "page_started", "confirmed", "hung_up"]);
    assert_eq!(attempt.rungs[2].2["seen"], seen);

    let names = event_names(queue);
    assert_eq!(names[0], "accepted");
    assert_eq!(names[1..], rungs);
}

pub(crate) fn uncertain_key_that_nobody_decides_is_closed_as_not_delivered_when_it_runs_out(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", |job| job.not_after = after_min(20)));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(claim(queue, after_min(5), "line1").is_none(), "it is never sent again by itself");
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert_eq!(queue.sweep(after_min(20)).wait().map(|swept| swept.ended), Ok(1));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::ResolvedNotDelivered);
    assert_eq!(view.reason.as_deref(), Some("key-expired-unresolved"));
}

pub(crate) fn cancel_by_state(queue: &dyn Queue) {
    let cancel = |id| queue.cancel(client(), id, NOW).wait();
    // Waiting.
    let id = accept(queue, request("a", |_| {}));
    assert_eq!(cancel(id), Ok(Cancelled::Done));
    assert_eq!(cancel(id), Ok(Cancelled::Final(JobState::Cancelled)));
    assert!(claim(queue, NOW, "line1").is_none());
    // After the page began.
    let id = accept(queue, request("b", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(cancel(id), Ok(Cancelled::TooLate));
    assert!(!queue.stop_wanted(got.attempt));
    assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(cancel(id), Ok(Cancelled::Final(JobState::Confirmed)));
    // Never heard of.
    assert_eq!(cancel(JobId::new(NOW, 1)), Ok(Cancelled::NotFound));
}

pub(crate) fn cancel_in_the_call_wins_against_the_page_that_has_not_begun(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    assert!(!queue.stop_wanted(got.attempt));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::Stopping));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::Stopping));
    assert!(queue.stop_wanted(got.attempt));
    assert!(refused(queue.step(got.attempt, Step::PageStarted { now: NOW, page: 0 }).wait()));
    // Whatever the call then ended with, it is not tried again.
    let again = Next::Again { due: NOW, reason: "busy" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);
    assert!(!queue.stop_wanted(got.attempt));
    let stops = event_names(queue).iter().filter(|name| *name == "stop_wanted").count();
    assert_eq!(stops, 1, "asked twice, told once");
}

pub(crate) fn steps_out_of_order_are_refused(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let page_started = |page| Step::PageStarted { now: NOW, page };
    let page_acked = |page| Step::PageAcked { now: NOW, page };
    let dialing = || Step::Dialing { now: NOW, sheet_mark: [3; 32] };
    let step = |step| queue.step(got.attempt, step).wait();

    assert!(refused(step(page_started(0))), "not dialled");
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "not dialled");
    assert!(refused(queue.settle(got.attempt, uncertain(NOW)).wait()), "not dialled");
    assert_eq!(step(dialing()), Ok(()));
    assert!(refused(step(dialing())), "dialled already");
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "no page began");
    assert!(refused(step(page_acked(0))), "no page began");
    assert!(refused(step(page_started(1))), "page 0 comes first");
    assert_eq!(step(page_started(0)), Ok(()));
    assert_eq!(step(page_started(0)), Ok(()), "the same page once more on this call");
    assert!(refused(step(page_started(1))), "page 0 is not confirmed");
    assert_eq!(step(page_acked(0)), Ok(()));
    let failed = || not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    assert!(refused(queue.settle(got.attempt, failed()).wait()), "a page is there");
    assert_eq!(step(page_started(1)), Ok(()));
    assert!(refused(queue.settle(got.attempt, failed()).wait()), "a page is there");
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "it has ended");
    assert!(refused(step(dialing())), "it has ended");
    assert!(refused(queue.step(AttemptId(99), dialing()).wait()), "no such attempt");
}

pub(crate) fn key_that_may_be_on_paper_is_never_sent_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    let mut again = uncertain(NOW);
    again.next = Next::Again { due: NOW, reason: "busy" };
    assert!(refused(queue.settle(got.attempt, again).wait()));
    let mut claimed_too_much = uncertain(NOW);
    claimed_too_much.next = Next::Rest(JobState::Confirmed);
    assert!(refused(queue.settle(got.attempt, claimed_too_much).wait()));
    assert_eq!(show(queue, id).state, JobState::Sending, "a refused settlement changes nothing");
}

/// One call for a message whose page left and was not confirmed; another copy is due at `due`.
pub(super) fn unconfirmed_call(queue: &dyn Queue, now: UnixMillis, due: UnixMillis) {
    let got = claim(queue, now, "line1").expect("due");
    dial(queue, got.attempt, now);
    start_page(queue, got.attempt);
    let again = Settlement { next: Next::Again { due, reason: "unconfirmed" }, ..uncertain(now) };
    assert_eq!(queue.settle(got.attempt, again).wait(), Ok(()));
}

pub(crate) fn notice_that_may_be_on_paper_is_sent_again_and_counted(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    let view = show(queue, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Waiting, Some("unconfirmed")));
    let got = claim(queue, after_min(10), "line1").expect("due");
    assert_eq!((got.standing.unconfirmed, got.standing.dials), (1, 1));
    dial(queue, got.attempt, after_min(10));
    let lost = not_sent(after_min(10), Reach::Answered, Next::Rest(JobState::Failed));
    assert!(refused(queue.settle(got.attempt, lost.clone()).wait()), "a sheet may be out");
    let honest = Settlement { next: Next::Rest(JobState::Uncertain), ..lost };
    assert_eq!(queue.settle(got.attempt, honest).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("copy-not-sent"), "`busy` says nothing of the sheet");
}

pub(crate) fn notice_withdrawn_after_a_sheet_that_may_be_out_is_not_said_to_be_cancelled(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    assert_eq!(queue.cancel(client(), id, after_min(1)).wait(), Ok(Cancelled::TooLate));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("by-client-unconfirmed"));
    assert!(claim(queue, after_min(10), "line1").is_none(), "and no other copy follows");

    // The same while the call of the copy is on.
    let id = accept(queue, request("b", message));
    unconfirmed_call(queue, after_min(11), after_min(20));
    let got = claim(queue, after_min(20), "line1").expect("due");
    dial(queue, got.attempt, after_min(20));
    assert_eq!(queue.cancel(client(), id, after_min(20)).wait(), Ok(Cancelled::Stopping));
    let again = Next::Again { due: after_min(30), reason: "busy" };
    let settled = queue.settle(got.attempt, not_sent(after_min(21), Reach::NoAnswer, again)).wait();
    assert_eq!(settled, Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("by-client-unconfirmed"));

    // The same, and the call was stopped because of it.
    let id = accept(queue, request("c", message));
    unconfirmed_call(queue, after_min(31), after_min(40));
    let got = claim(queue, after_min(40), "line1").expect("due");
    dial(queue, got.attempt, after_min(40));
    assert_eq!(queue.cancel(client(), id, after_min(40)).wait(), Ok(Cancelled::Stopping));
    let stopped = not_sent(after_min(41), Reach::NoAnswer, Next::Rest(JobState::Uncertain));
    let stopped = Settlement { code: "cancelled", ..stopped };
    assert_eq!(queue.settle(got.attempt, stopped).wait(), Ok(()));
    assert_eq!(show(queue, id).reason.as_deref(), Some("by-client-unconfirmed"));
}

pub(crate) fn notice_withdrawn_during_its_page_is_not_sent_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert!(!queue.stop_wanted(got.attempt), "a page is not cut in two");
    let stops = event_names(queue).iter().filter(|name| *name == "stop_wanted").count();
    assert_eq!(stops, 1, "asked twice, told once");
    // The far machine rejects the page and gets it once more on this call.
    start_page(queue, got.attempt);
    let again = Next::Again { due: after_min(10), reason: "unconfirmed" };
    let unconfirmed = Settlement { next: again, ..uncertain(NOW) };
    assert_eq!(queue.settle(got.attempt, unconfirmed).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!((view.state, view.due_at), (JobState::Uncertain, None));
    assert_eq!(view.reason.as_deref(), Some("no-reply-after-page"));
    assert!(claim(queue, after_min(10), "line1").is_none());
}

pub(crate) fn key_withdrawn_at_a_page_that_never_left_is_cancelled_and_not_sent(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);
    assert!(claim(queue, after_min(1), "line1").is_none());
}

pub(crate) fn notice_whose_number_is_a_telephone_by_now_is_left_uncertain(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    for key in ["b", "c"] {
        accept(queue, request(key, |_| {}));
        let got = claim(queue, after_min(1), "line1").expect("due");
        dial(queue, got.attempt, after_min(1));
        let failed = not_sent(after_min(1), Reach::Answered, Next::Rest(JobState::Failed));
        let met_a_person = teaching(failed, taught(Taught::Voice));
        assert_eq!(queue.settle(got.attempt, met_a_person).wait(), Ok(()));
    }
    assert!(claim(queue, after_min(10), "line1").is_none());
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain, "a sheet may be out all the same");
    assert_eq!(view.reason.as_deref(), Some("number-is-a-telephone"));
}

pub(crate) fn notice_whose_time_ends_before_the_copy_is_uncertain_and_closed_a_week_later(
    queue: &dyn Queue,
) {
    let id = accept(
        queue,
        request("a", |job| {
            message(job);
            job.not_after = after_min(20);
        }),
    );
    unconfirmed_call(queue, NOW, after_min(30));
    let ended = |now| queue.sweep(now).wait().map(|swept| swept.ended);
    assert_eq!(ended(after_min(20)), Ok(1));
    let state_and_reason = || {
        let view = show(queue, id);
        (view.state, view.reason)
    };
    let reason = Some("not-after-unconfirmed".to_owned());
    assert_eq!(state_and_reason(), (JobState::Uncertain, reason.clone()), "it may be on paper");
    assert!(claim(queue, after_min(30), "line1").is_none());
    let over = after_min(20).after(TIME_TO_DECIDE);
    assert_eq!(ended(UnixMillis(over.0 - 1)), Ok(0));
    assert_eq!(ended(over), Ok(1));
    assert_eq!(state_and_reason(), (JobState::ResolvedNotDelivered, reason));
}

pub(crate) fn uncertain_notice_can_be_decided_for_a_week_after_its_end(queue: &dyn Queue) {
    let id = accept(
        queue,
        request("a", |job| {
            message(job);
            job.not_after = after_min(20);
        }),
    );
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(queue.sweep(after_min(20)).wait().is_ok());
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("no-reply-after-page"));
    assert!(queue.sweep(after_min(20).after(TIME_TO_DECIDE)).wait().is_ok());
    assert_eq!(show(queue, id).state, JobState::ResolvedNotDelivered);
}

pub(crate) fn page_that_never_left_after_all_may_be_tried_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Waiting);
}
