//! What is claimed next, what a try costs, and what is kept of it.

use super::*;

#[test]
fn watched_row_that_cannot_be_read_holds_up_neither_the_others_nor_the_box() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let broken = accept(&store, request("broken", |_| {}));
    let token = ordered(&store, true).token.expect("a provider's line asked");
    let (sound, _) = mailed(&store, "sound");
    let hand = outside(&path);
    hand.execute_batch("DROP TRIGGER job_destination_stays").expect("done");
    let edited = hand.execute("UPDATE job SET kind = 'riddle' WHERE id = ?1", [broken.to_string()]);
    assert_eq!(edited, Ok(1));
    let report = received(1, token, Report::FaxSent { pages: None });
    assert_eq!(store.receive(report).wait(), Ok(Received::UnknownAttempt));
    assert_eq!(store.inbox_place().wait(), Ok(Some(PLACE)), "the box goes on");
    let call = claim(&store, then_fax().until, "line1").expect("the lines go on");
    assert_eq!(call.id, sound);
    let state_and_reason: (String, String) = hand
        .query_row("SELECT state, reason FROM job WHERE id = ?1", [broken.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("the row is there");
    assert_eq!(state_and_reason, ("uncertain".into(), "record-unreadable".into()));
}

#[test]
fn b45_changed_row_fails_without_a_call_and_the_next_job_goes_on() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let first = accept(&store, request("a", to_number("0311111111")));
    let second = accept(&store, request("b", to_number("0322222222")));
    let third = accept(&store, request("c", to_number("0333333333")));
    let by_hand = outside(&path);
    // The seals of two jobs change places: each was good, neither is where it belongs.
    by_hand
        .execute_batch(&format!(
            "DROP TRIGGER job_key_has_its_version;
             CREATE TEMP TABLE seal AS SELECT id, sealed FROM job;
             UPDATE job SET sealed = (SELECT sealed FROM seal WHERE id = '{second}')
                WHERE id = '{first}';
             UPDATE job SET sealed = (SELECT sealed FROM seal WHERE id = '{first}')
                WHERE id = '{second}';"
        ))
        .expect("changes");
    let got = claim(&store, NOW, "line1").expect("one is left");
    assert_eq!(got.id, third);
    for id in [first, second] {
        let view = show(&store, id);
        assert_eq!(view.state, JobState::Failed);
        assert_eq!(view.reason.as_deref(), Some("secret-unreadable"));
        assert!(view.attempts.is_empty());
    }
}

#[test]
fn caps_of_the_redial_rule_hold_over_a_restart() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    for key in ["a", "b", "c"] {
        accept(&store, request(key, |_| {}));
        let got = claim(&store, NOW, "line1").expect("allowed");
        dial(&store, got.attempt, NOW);
        let failed = Next::Rest(JobState::Failed);
        let settled = store.settle(got.attempt, not_sent(NOW, Reach::NoAnswer, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
    drop(store);
    let (store, _) = open(&path);
    accept(&store, request("d", |_| {}));
    assert!(claim(&store, after_min(2), "line1").is_none());
    assert!(claim(&store, after_min(3), "line1").is_some());
}

/// Nobody was rung: neither the tries of the job nor the redial rule count it, however often it happens.
#[test]
fn crash_before_dialling_costs_no_try_and_no_repetition() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    drop(store);
    for start in 1..=20 {
        let now = after_min(start);
        let (store, recovered) = Sqlite::open(&path, &key(), Windows::Always, now).expect("opens");
        assert_eq!(recovered.before_dial, u32::from(start > 1));
        let got = claim(&store, after_min(start + 1), "line1").expect("due after a minute");
        assert_eq!((got.id, got.standing.dials), (id, 0));
        let dialled = store.dialled(got.job.recipient.fax, now).wait().expect("answers");
        assert!(dialled.unanswered.is_empty());
        // Dropped before ATD.
    }
}

#[test]
fn broken_calls_use_up_a_job_like_others() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    drop(store);
    for call in 1..=backoff::MAX_DIALS {
        let (store, _) = open(&path);
        assert_eq!(show(&store, id).state, JobState::Waiting, "before call {call}");
        // An hour apart, so that the redial rule has no part in it.
        let now = after_min(60 * u64::from(call));
        let got = claim(&store, now, "line1").expect("due");
        assert_eq!(got.standing.dials, call - 1);
        dial(&store, got.attempt, now);
        // Dropped in the call.
    }
    let (store, recovered) = open(&path);
    assert_eq!(recovered.in_call, 1);
    assert_eq!(show(&store, id).state, JobState::Failed);
}

#[test]
fn traces_that_are_too_much_go_the_oldest_first_and_the_newest_stays() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    let record = |octets: usize| {
        let trace = format!("\"{}\"", "x".repeat(octets - 2));
        let call = CallRecord { trace, ..call_record(None, "line1", NOW) };
        calls::record(&conn, &call, 1000).expect("kept")
    };
    let kept = || -> Vec<i64> {
        let mut rows = conn.prepare("SELECT id FROM call ORDER BY id").expect("SQL");
        rows.query_map([], |row| row.get(0)).expect("rows").map(|id| id.expect("id")).collect()
    };
    let ids: Vec<i64> = [400, 300, 300].map(|octets| record(octets).0).into();
    assert_eq!(kept(), ids, "exactly full");
    let fourth = record(500).0;
    assert_eq!(kept(), [ids[2], fourth]);
    let alone = record(1000).0;
    assert_eq!(kept(), [alone]);
}

#[test]
fn mail_put_off_on_an_evening_is_tried_to_the_last_if_no_fax_can_begin_before_its_end() {
    let (_folder, path) = place();
    let windows = Windows::Hours(Hours::default());
    let (store, _) = Sqlite::open(&path, &key(), windows.clone(), NOW).expect("opens");
    let evening = after_min(8 * 60 + 5); // Tuesday 18:05
    let until = |key: &str, minutes: u64| {
        let request = by_mail(key, "care@example.jp");
        let job = NewJob { not_after: after_min(minutes), ..request.job };
        accept(&store, Acceptance { job, ..request })
    };
    let before_opening = until("before", 21 * 60); // Wednesday 7:00
    let after_opening = until("after", 23 * 60); // 9:00
    for attempt in [1, 2] {
        let mail = claim_mail(&store, evening, &format!("mail-{attempt}")).expect("its turn");
        let again = Next::Again { due: after_min(8 * 60 + 10), reason: "mail-deferred" };
        assert_eq!(store.settle(mail.attempt, refused_mail(again)).wait(), Ok(()));
    }
    let overdue = Overdue::at(evening, None, true, &windows);
    assert_eq!(store.give_up_mails(evening, overdue).wait(), Ok(1));
    let way = |id| (show(&store, id).channel, show(&store, id).due_at);
    assert_eq!(way(before_opening), (Channel::Mail, Some(after_min(8 * 60 + 10))));
    assert_eq!(way(after_opening), (Channel::Fax, Some(after_min(22 * 60 + 30))), "8:30");
}
