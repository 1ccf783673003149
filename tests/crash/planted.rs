//! What a gateway with a fault would have left, to see that the judgement finds it.
//!
//! A true history is taken, and of a copy is changed what the fault would have made otherwise: an answer before COMMIT and a
//! power failure, for instance, is a store without a row of which the caller was told.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::history::{self, Log};
use crate::house::{Furniture, House, first_contact, judged, later};

/// A confirmed, a withdrawn and an uncertain notification, and one that waits; of the first the exchange has seen a login.
fn true_history() -> House {
    let mut house = House::new(Furniture::default());
    let accept = |house: &House, body: &dyn Fn(&str) -> Value| {
        let (key, number) = house.fresh();
        let answer = house.post(&key, &body(&number), true).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    };
    let now = |number: &str| first_contact(number);
    let in_an_hour = |number: &str| later(first_contact(number));
    assert!(house.start(None));
    let sent = accept(&house, &now);
    house.until("the first is confirmed", |house| {
        let views = house.show_all();
        views.iter().any(|view| view["id"] == sent && view["state"] == "confirmed").then_some(())
    });
    house.sign(&sent, "first_login").expect("an answer");
    let withdrawn = accept(&house, &in_an_hour);
    house.withdraw(&withdrawn).expect("an answer");
    accept(&house, &in_an_hour);
    house.stop();
    assert!(house.start(Some(("page.left", 1))));
    accept(&house, &now);
    house.until("it dies in the page", |house| house.has_ended().then_some(()));
    house.close();
    house
}

/// A fault: how it is named, the promise that it breaks, and what it would have left.
type Fault = (&'static str, &'static str, fn(&Path));

const FAULTS: &[Fault] = &[
    ("answered before COMMIT", "I1 ", |at| {
        sql(
            at,
            "DELETE FROM event WHERE job IN (SELECT id FROM job WHERE state = 'waiting');
             DELETE FROM job WHERE state = 'waiting'",
        );
    }),
    ("a key taken twice", "I2 ", |at| {
        sql(
            at,
            "DROP INDEX job_request;
             UPDATE job SET idempotency_key = 'key-0'",
        );
    }),
    ("page_started committed after the first octet", "I9 ", |at| {
        sql(at, "UPDATE attempt SET state = 'not_sent', page_started_at = NULL WHERE state = 'uncertain';
             UPDATE job SET state = 'waiting', due_at = 1 WHERE state = 'uncertain'");
    }),
    ("dialing committed after ATD", "I9 ", |at| {
        sql(at, "UPDATE attempt SET dialled_at = NULL WHERE state = 'uncertain'");
    }),
    ("settle forgotten", "I10 ", |at| {
        sql(
            at,
            "UPDATE attempt SET state = 'page_started', ended_at = NULL WHERE state = 'uncertain';
             UPDATE job SET state = 'sending' WHERE state = 'uncertain'",
        );
    }),
    ("put off for ever", "I10 ", |at| {
        sql(at, "UPDATE job SET due_at = NULL WHERE state = 'waiting'");
    }),
    ("confirmed without a word of the far end", "I5 ", |at| {
        without(at, history::LINE, "acknowledged");
    }),
    ("a key sent again by itself", "I3 ", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("page", json!({ "number": number(at, "uncertain") }));
    }),
    ("dialled once more than counted", "I9 ", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("dialled", json!({ "number": number(at, "uncertain") }));
    }),
    ("called although withdrawn", "I11 ", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("dialled", json!({ "number": number(at, "cancelled") }));
    }),
    ("dialled in a call", "I8 ", |at| without(at, history::LINE, "on_hook")),
    ("a final state left", "I4 ", |at| {
        sql(at, "UPDATE job SET state = 'failed' WHERE state = 'confirmed'");
    }),
    ("a withdrawal lost", "I4 ", |at| {
        sql(at, "UPDATE job SET state = 'waiting', due_at = 1 WHERE state = 'cancelled'");
    }),
    ("a sign lost", "I4 ", |at| sql(at, "UPDATE job SET first_login_at = NULL")),
    ("a hold that nobody asked for", "I10 ", |at| {
        sql(at, "UPDATE appliance SET held_because = 'restored', held_since = 1");
    }),
    ("a change without an event", "I6 ", |at| {
        sql(
            at,
            "DELETE FROM event WHERE cursor = (SELECT max(cursor) FROM event
             WHERE detail ->> 'evidence' IS NOT NULL)",
        );
    }),
    ("an acceptance told twice", "I6 ", |at| {
        sql(
            at,
            "INSERT INTO event (at, client, job, name, detail)
             SELECT at, client, job, name, detail FROM event WHERE name = 'accepted' LIMIT 1",
        );
    }),
    ("a secret in the journal", "I7 ", |at| {
        let path = at.join("gateway.log");
        let log = std::fs::read_to_string(&path).expect("a log");
        std::fs::write(path, format!("{log} password={}-2", history::CANARY)).expect("a log");
    }),
    ("a store with a torn page", "I12 ", |at| {
        let path = at.join("queue.db");
        let mut octets = std::fs::read(&path).expect("a store");
        let middle = octets.len() / 2 / 4096 * 4096;
        octets[middle..middle + 4096].fill(0xA5);
        std::fs::write(path, octets).expect("a store");
    }),
];

/// What the tables themselves would refuse is let through: the fault may lie there.
fn sql(at: &Path, statements: &str) {
    let conn = Connection::open(at.join("queue.db")).expect("a store");
    let triggers: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("triggers");
    for trigger in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("dropped");
    }
    conn.execute_batch("PRAGMA ignore_check_constraints=ON; PRAGMA foreign_keys=OFF").expect("set");
    conn.execute_batch(statements).expect("changed");
}

/// Takes lines out of a log.
fn without(at: &Path, log: &str, event: &str) {
    let path = at.join(log);
    let lines = history::read(&path).into_iter().filter(|line| line["event"] != event);
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    std::fs::write(path, text).expect("a log");
}

/// Of a notification in this state.
fn number(at: &Path, state: &str) -> String {
    let conn = Connection::open(at.join("queue.db")).expect("a store");
    let sql = "SELECT fax_digits FROM job WHERE state = ?1";
    conn.query_row(sql, [state], |row| row.get(0)).expect("there is one")
}

#[test]
fn judgement_finds_every_fault_that_was_planted_and_nothing_in_a_true_history() {
    let house = true_history();
    let (violations, counted) = judged(house.folder());
    assert_eq!(violations, [""; 0]);
    assert_eq!((&counted["notifications"], &counted["kills"]), (&json!(4), &json!(1)), "{counted}");
    for (name, promise, plant) in FAULTS {
        let copy = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(house.folder()).expect("a folder").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
            }
        }
        plant(copy.path());
        let (violations, _) = judged(copy.path());
        let is_found = violations.iter().any(|violation| violation.starts_with(promise));
        assert!(is_found, "{name}: not {promise}in {violations:#?}");
    }
}
