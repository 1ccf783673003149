//! What clients and technicians can look at.

use super::*;

pub(crate) fn feed_goes_on_after_its_cursor(queue: &dyn Queue) {
    for key in ["a", "b", "c"] {
        accept(queue, request(key, |_| {}));
    }
    let page = |after, limit| feed(queue, after, limit);
    let first = page(0, 2);
    assert_eq!(first.len(), 2);
    let rest = page(first[1].cursor, 2);
    assert_eq!(rest.len(), 1);
    assert!(first[0].cursor < first[1].cursor && first[1].cursor < rest[0].cursor);
    assert!(page(rest[0].cursor, 2).is_empty());
    assert_eq!(rest[0].detail["state"], "waiting");
}

pub(crate) fn list_filters_and_pages_newest_first(queue: &dyn Queue) {
    let ids: Vec<JobId> = (0..4)
        .map(|minute| {
            let mut request = request(&minute.to_string(), |_| {});
            request.now = after_min(minute);
            accept(queue, request)
        })
        .collect();
    assert_eq!(queue.cancel(client(), ids[1], NOW).wait(), Ok(Cancelled::Done));
    let list = |filter| {
        let views = queue.list(client(), filter).wait().expect("answers").expect("few");
        views.into_iter().map(|view| view.id).collect::<Vec<_>>()
    };
    let all = || Filter { limit: 10, ..Filter::default() };
    assert_eq!(list(all()), [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(Filter { after: Some(ids[2]), ..all() }), [ids[1], ids[0]]);
    assert_eq!(list(Filter { limit: 1, ..all() }), [ids[3]]);
    assert_eq!(list(Filter { state: Some(JobState::Cancelled), ..all() }), [ids[1]]);
    let here = Some("1179900012".to_owned());
    assert_eq!(list(Filter { office_number: here, ..all() }).len(), 4);
    let elsewhere = Some("1379900028".to_owned());
    assert!(list(Filter { office_number: elsewhere, ..all() }).is_empty());
    let sender = |number: &str| Filter { sender: Some(number.into()), ..all() };
    assert_eq!(list(sender("1379900028")).len(), 4);
    assert!(list(sender("1179900012")).is_empty());
}

pub(crate) fn notifications_are_counted_wherever_they_go(queue: &dyn Queue) {
    let counts = || {
        let tally = queue.tally().wait().expect("answers");
        let of = |state| tally.of(state, Channel::Fax);
        let states =
            [JobState::Waiting, JobState::Sending, JobState::Confirmed, JobState::Cancelled];
        (states.map(of), tally.ahead(Channel::Fax, Urgency::Normal, NOW), tally.fax_due)
    };
    assert_eq!(counts(), ([0; 4], 0, None));
    let first = accept(queue, request("a", |_| {}));
    accept(queue, request("b", to_number("0312345670")));
    let later = accept(queue, request("c", |job| job.not_before = Some(after_min(120))));
    assert_eq!(counts(), ([3, 0, 0, 0], 2, Some(NOW)));
    let got = claim(queue, NOW, "line1").expect("due");
    assert_eq!((got.id, counts()), (first, ([2, 1, 0, 0], 1, Some(NOW))));
    dial(queue, got.attempt, NOW);
    let again = Next::Again { due: after_min(300), reason: "busy" };
    let busy = not_sent(NOW, Reach::NoAnswer, again);
    assert_eq!(queue.settle(got.attempt, busy).wait(), Ok(()));
    assert_eq!(counts(), ([3, 0, 0, 0], 1, Some(NOW)));
    assert_eq!(queue.cancel(client(), later, NOW).wait(), Ok(Cancelled::Done));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(counts(), ([1, 0, 1, 1], 0, Some(after_min(300))));
    let tally = queue.tally().wait().expect("answers");
    assert_eq!(tally.ahead(Channel::Fax, Urgency::Normal, after_min(300)), 1);
}

/// 400 days of them would otherwise be the whole disk.
pub(crate) fn what_is_over_is_forgotten_with_its_key_and_nothing_that_can_still_change(
    queue: &dyn Queue,
) {
    let over = accept(queue, request("over", |_| {}));
    assert_eq!(queue.cancel(client(), over, NOW).wait(), Ok(Cancelled::Done));
    let ended_later = accept(queue, request("ended-later", |_| {}));
    assert_eq!(queue.cancel(client(), ended_later, after_min(60)).wait(), Ok(Cancelled::Done));
    let waits = accept(queue, request("waits", |_| {}));
    let held = {
        let got = claim(queue, NOW, "line1").expect("due");
        queue.record_call(call_record(Some(got.attempt), "line1", NOW)).wait().expect("kept");
        dial(queue, got.attempt, NOW);
        start_page(queue, got.attempt);
        assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
        got.id
    };
    assert_eq!(held, waits);
    let forget = |before| queue.forget_old(before, 10).wait();
    assert_eq!(forget(NOW), Ok(0), "of the same moment");
    assert_eq!(forget(after_min(30)), Ok(1));
    let there = |id| queue.show(client(), id).wait().expect("answers").is_some();
    assert_eq!([over, ended_later, waits].map(there), [false, true, true]);
    assert_eq!(forget(after_min(90)), Ok(1));
    assert_eq!([over, ended_later, waits].map(there), [false, false, true]);
    assert_eq!(forget(after_min(1_000_000)), Ok(0), "somebody still has to decide about it");
    assert_ne!(accept(queue, request("over", |_| {})), over, "its key is free");
    assert!(event_names(queue).contains(&"uncertain".to_owned()));
}

pub(crate) fn reader_of_the_feed_is_told_when_he_has_missed_something_for_good(queue: &dyn Queue) {
    let keys = ["a", "b", "c"];
    let ids = keys.map(|key| accept(queue, request(key, |_| {})));
    let all = feed(queue, 0, 10);
    assert_eq!(queue.cancel(client(), ids[1], NOW).wait(), Ok(Cancelled::Done));
    let last = feed(queue, 0, 10).last().expect("the end of it").cursor;
    assert_eq!(queue.forget_old(after_min(1), 10).wait(), Ok(1));
    match queue.events(client(), all[0].cursor, 10).wait() {
        Ok(Feed::Forgotten { through }) => assert_eq!(through, last),
        other => panic!("{other:?}"),
    }
    assert!(feed(queue, last, 10).is_empty());
    let names: Vec<JobId> = feed(queue, 0, 10).into_iter().map(|row| row.job).collect();
    assert_eq!(names, [ids[0], ids[2]], "from the beginning there is what there is");
    let other = ClientId("other".into());
    assert!(matches!(queue.events(other, 1, 10).wait(), Ok(Feed::Rows(_))), "not theirs to miss");
}

/// A call that is over, with nothing on its trace.
pub(crate) fn call_record(attempt: Option<AttemptId>, line: &str, at: UnixMillis) -> CallRecord {
    CallRecord {
        attempt,
        line: line.into(),
        number_masked: "******5678".into(),
        began_at: at,
        line_ms: 41_300,
        code: "delivered",
        rate_bps: Some(14_400),
        trace: r#"{"entries":[]}"#.into(),
    }
}

fn calls(queue: &dyn Queue, filter: CallFilter) -> Vec<CallRow> {
    queue.calls(client(), filter).wait().expect("answers")
}

pub(crate) fn calls_of_all_lines_are_listed_newest_first_and_name_only_own_jobs(queue: &dyn Queue) {
    let own = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let record = |record| queue.record_call(record).wait().expect("kept");
    let first = record(call_record(Some(got.attempt), "line1", NOW));
    let tried = record(call_record(None, "line2", after_min(1)));
    let all = || CallFilter { limit: 10, ..CallFilter::default() };
    let seen: Vec<_> = calls(queue, all()).into_iter().map(|row| (row.id, row.job)).collect();
    assert_eq!(seen, [(tried, None), (first, Some(own))]);
    let of_line = CallFilter { line: Some("line1".into()), ..all() };
    assert_eq!(calls(queue, of_line).len(), 1);
    assert_eq!(calls(queue, CallFilter { before: Some(tried), ..all() }).len(), 1);
    let of_own = calls(queue, CallFilter { job: Some(own), ..all() });
    assert_eq!(of_own.iter().map(|row| row.id).collect::<Vec<_>>(), [first]);
    assert_eq!(calls(queue, CallFilter { limit: 1, ..all() })[0].id, tried);

    let ask = |client: &str, id| queue.call(ClientId(client.into()), id).wait().expect("answers");
    let (row, trace) = ask("exchange", first).expect("is there");
    assert_eq!((row.line_ms, row.rate_bps, row.job), (41_300, Some(14_400), Some(own)));
    assert_eq!(trace, serde_json::json!({ "entries": [] }));
    assert_eq!(ask("other", first).map(|(row, _)| row.job), Some(None), "not theirs to know");
    assert!(ask("exchange", CallId(99)).is_none());
}

pub(crate) fn calls_are_forgotten_when_they_are_old_and_their_ids_never_come_back(
    queue: &dyn Queue,
) {
    let record = |at| queue.record_call(call_record(None, "line1", at)).wait().expect("kept");
    let (old, new) = (record(NOW), record(after_min(1)));
    assert_eq!(queue.forget_calls(NOW).wait(), Ok(0));
    assert_eq!(queue.forget_calls(after_min(1)).wait(), Ok(1));
    let left = calls(queue, CallFilter { limit: 10, ..CallFilter::default() });
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [new]);
    assert_eq!(queue.forget_calls(after_min(2)).wait(), Ok(1));
    let next = record(after_min(3));
    assert!(old < new && new < next, "{old:?} {new:?} {next:?}");
}

pub(crate) fn whole_number_or_broken_trace_of_a_call_is_refused(queue: &dyn Queue) {
    let whole = CallRecord { number_masked: "0312345678".into(), ..call_record(None, "l", NOW) };
    assert!(queue.record_call(whole).wait().is_err());
    let broken = CallRecord { trace: "{".into(), ..call_record(None, "l", NOW) };
    assert!(queue.record_call(broken).wait().is_err());
}
