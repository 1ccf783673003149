//! What nobody can write into the file, whoever asks, and how the next turn is found in it.

use super::*;

#[test]
fn final_states_never_change_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    start_page(&store, got.attempt);
    assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    let changed_by_hand = [
        "UPDATE job SET state = 'waiting', due_at = 0",
        "UPDATE job SET state = 'failed'",
        "UPDATE job SET fax_digits = '0399999999'",
        "UPDATE job SET sealed = x'00'",
        "UPDATE attempt SET state = 'dialing', ended_at = NULL, code = NULL, reach = NULL",
        "UPDATE attempt SET state = 'not_sent'",
        "UPDATE event SET name = 'failed'",
        "UPDATE job SET state = 'delivered'",
    ];
    let by_hand = outside(&path);
    for sql in changed_by_hand {
        assert!(by_hand.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(show(&store, id).state, JobState::Confirmed);
}

#[test]
fn rules_of_mails_hold_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("key", |_| {}));
    let (id, _) = mailed(&store, "mail");
    let by_hand = outside(&path);
    let on_mail = [
        "UPDATE job SET channel = 'mail' WHERE sealed IS NOT NULL",
        "UPDATE job SET sealed = x'00' WHERE channel = 'mail'",
        "UPDATE job SET mail_to = 'else@example.jp' WHERE channel = 'mail'",
        "UPDATE job SET channel = 'fax' WHERE channel = 'mail'",
        "UPDATE job SET watch_until = NULL, watch_then = NULL WHERE channel = 'mail'",
        "UPDATE job SET state = 'waiting', due_at = 0, watch_until = NULL, watch_then = NULL
            WHERE channel = 'mail'",
        "UPDATE attempt SET token = zeroblob(16)",
        "UPDATE attempt SET state = 'dot_sent', ended_at = NULL, code = NULL, reach = NULL",
    ];
    let refuse = |sql: &str| assert!(by_hand.execute(sql, []).is_err(), "{sql}");
    on_mail.into_iter().for_each(refuse);
    // By FAX it goes, and never back.
    assert!(store.sweep(then_fax().until).wait().is_ok());
    assert_eq!(show(&store, id).channel, Channel::Fax);
    let on_fax = [
        "UPDATE job SET channel = 'mail', fax_because = NULL WHERE mail_to IS NOT NULL",
        "UPDATE job SET fax_because = 'mail-bounced' WHERE mail_to IS NOT NULL",
    ];
    on_fax.into_iter().for_each(refuse);
}

#[test]
fn rules_that_the_look_at_the_file_leaves_out_hold_in_the_open_store() {
    let (_folder, path) = place();
    for _made_then_found in 0..2 {
        let store = open(&path).0;
        let write = |sql: &'static str| {
            store.writer.submit(move |conn, _effects| Ok(conn.execute(sql, [])?)).wait()
        };
        assert_eq!(write("INSERT INTO tally VALUES ('waiting', 'fax', 0, 0, 0)"), Ok(1));
        assert!(write("UPDATE tally SET jobs = -1").is_err());
        assert_eq!(write("DELETE FROM tally"), Ok(1));
    }
}

#[test]
fn turns_are_found_by_an_index_and_not_by_sorting_all_that_waits() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    for (sql, index) in [
        (mails::IN_ROW.to_owned(), "job_mail_turn "),
        (mails::NEXT_DOMAIN.to_owned(), "job_mail_turn_of_domain "),
        (mails::FIRST_OF_DOMAIN.to_owned(), "job_mail_turn_of_domain "),
        (claim::in_turn(true), "job_turn "),
        (claim::in_turn(false), "job_turn_without_key "),
        (claim::in_turn(true), "job_awaited "),
        (receipts::WATCHES_OVER.to_owned(), "job_watch_end "),
    ] {
        let plan = plan(&conn, &sql);
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN job"), "{sql}\n{plan}");
    }
    let plan = plan(&conn, recover::OPEN);
    assert!(plan.contains("attempt_open_of_job") && !plan.contains("SCAN job"), "{plan}");
}
