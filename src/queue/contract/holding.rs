//! What is held back: everything, or one notification.

use super::*;

fn hold(queue: &dyn Queue, id: JobId) -> OneHeld {
    let note = Note::parse("the office moves today");
    queue.hold(client(), id, note, NOW).wait().expect("the store answers")
}

fn release(queue: &dyn Queue, id: JobId, now: UnixMillis) -> OneHeld {
    queue.release(client(), id, now).wait().expect("the store answers")
}

pub(crate) fn while_everything_is_held_nothing_is_claimed_and_all_else_goes_on(queue: &dyn Queue) {
    let on_call = accept(queue, request("a", to_number("0311111111")));
    let call = claim(queue, NOW, "line1").expect("due");
    dial(queue, call.attempt, NOW);
    accept(queue, request("drawn", to_number("0344444444")));
    let drawn = claim(queue, NOW, "line2").expect("due");
    accept(queue, by_mail("written", "care@example.com"));
    let written = claim_mail(queue, NOW, "mail-1").expect("due");
    let waits = accept(queue, request("b", to_number("0322222222")));
    accept(queue, by_mail("c", "care@example.jp"));
    let hold = |reason| {
        queue.hold_all(reason, Note::parse("lines are being mended"), NOW).wait().expect("answers")
    };
    assert!(hold(HoldReason::Person));
    assert!(!hold(HoldReason::Trouble), "the first reason stays");
    let held = queue.appliance().wait().expect("answers").held.expect("held");
    assert_eq!((held.reason, held.since), (HoldReason::Person, NOW));
    assert_eq!(held.note.as_deref(), Some("lines are being mended"));
    assert!(claim(queue, NOW, "line3").is_none());
    assert!(claim_mail(queue, NOW, "mail-2").is_none());
    let dialing = Step::Dialing { now: NOW, sheet_mark: [3; 32] };
    for (claimed, step) in [(drawn.attempt, dialing), (written.attempt, Step::DotSent { now: NOW })]
    {
        assert_eq!(queue.step(claimed, step).wait(), Err(QueueError::Held), "it begins no more");
        let back = Next::Again { due: after_min(1), reason: "interrupted" };
        assert_eq!(queue.settle(claimed, not_sent(NOW, Reach::NoCall, back)).wait(), Ok(()));
    }
    let number = FaxNumber::parse("0366666666").expect("valid");
    assert!(queue.dialled(number, NOW).wait().expect("answers").is_held, "nor does a test call");

    start_page(queue, call.attempt);
    assert_eq!(queue.settle(call.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(show(queue, on_call).state, JobState::Confirmed, "a call goes to its end");
    accept(queue, request("d", to_number("0333333333")));
    assert_eq!(queue.cancel(client(), waits, NOW).wait(), Ok(Cancelled::Done));

    assert_eq!(queue.release_all().wait(), Ok(Some(held)));
    assert_eq!(queue.release_all().wait(), Ok(None));
    assert!(claim(queue, NOW, "line1").is_some());
    assert!(claim_mail(queue, NOW, "mail-1").is_some());
}

pub(crate) fn what_runs_out_while_everything_is_held_expires(queue: &dyn Queue) {
    let id = accept(queue, request("a", |job| job.not_after = after_min(30)));
    assert_eq!(queue.hold_all(HoldReason::Person, None, NOW).wait(), Ok(true));
    assert!(claim(queue, after_min(30), "line1").is_none());
    assert_eq!(show(queue, id).state, JobState::Expired);
}

pub(crate) fn one_that_is_held_is_passed_over_and_comes_back_with_its_turn(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let call = claim(queue, NOW, "line1").expect("due");
    assert_eq!(hold(queue, id), OneHeld::NotNow(JobState::Sending));
    dial(queue, call.attempt, NOW);
    let due = after_min(20);
    let busy = not_sent(NOW, Reach::NoAnswer, Next::Again { due, reason: "busy" });
    assert_eq!(queue.settle(call.attempt, busy).wait(), Ok(()));

    assert_eq!(hold(queue, id), OneHeld::Done);
    assert_eq!(hold(queue, id), OneHeld::Already);
    let view = show(queue, id);
    assert_eq!((view.state, view.due_at), (JobState::Hold, None));
    assert_eq!(view.reason.as_deref(), Some("held-by-person"));
    assert!(claim(queue, due, "line1").is_none());
    let events = feed(queue, 0, 100);
    let last = events.last().expect("an event");
    assert_eq!(
        (last.name.as_str(), &last.detail["note"]),
        ("hold", &"the office moves today".into())
    );

    assert_eq!(release(queue, id, after_min(5)), OneHeld::Done);
    assert_eq!(release(queue, id, after_min(5)), OneHeld::Already);
    let view = show(queue, id);
    assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(due)), "no sooner than before");
    assert_eq!(view.reason.as_deref(), Some("busy"));
    assert!(claim(queue, due, "line1").is_some());
}

pub(crate) fn one_that_is_held_can_be_cancelled_and_its_time_runs_out(queue: &dyn Queue) {
    let cancelled = accept(queue, request("a", |_| {}));
    let expired = accept(queue, request("b", |job| job.not_after = after_min(30)));
    assert_eq!((hold(queue, cancelled), hold(queue, expired)), (OneHeld::Done, OneHeld::Done));
    assert_eq!(queue.cancel(client(), cancelled, NOW).wait(), Ok(Cancelled::Done));
    assert!(queue.sweep(after_min(30)).wait().is_ok());
    assert_eq!(show(queue, expired).state, JobState::Expired);
    for (id, state) in [(cancelled, JobState::Cancelled), (expired, JobState::Expired)] {
        assert_eq!(hold(queue, id), OneHeld::NotNow(state));
        assert_eq!(release(queue, id, NOW), OneHeld::NotNow(state));
    }
    let stranger = queue.hold(ClientId("another".into()), expired, None, NOW).wait();
    assert_eq!(stranger, Ok(OneHeld::NotFound));
}
