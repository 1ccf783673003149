//! What a gateway with a fault would have left, to see that the judgement finds it.
//!
//! A true history is taken, and of a copy is changed what the fault would have made otherwise: an answer before COMMIT and a
//! power failure, for instance, is a store without a row of which the caller was told.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::history::{self, Log};
use crate::house::{Furniture, House, first_contact, judged, later};

/// A confirmed notification, of which the exchange has seen a login; a withdrawn, a held and a released one, and one that waits;
/// two of which nobody knew whether they arrived: one was closed, the other is uncertain. The exchange was told all of it.
fn true_history() -> House {
    let mut house =
        House::new(Furniture { has_second_line: true, has_endpoint: true, ..Furniture::default() });
    let accept = |house: &House, body: &dyn Fn(&str) -> Value| {
        let (key, number) = house.fresh();
        let answer = house.post(&key, &body(&number), true).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    };
    let now = |number: &str| first_contact(number);
    let in_an_hour = |number: &str| later(first_contact(number));
    house.introduce_endpoint();
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
    for goes_on in [false, true] {
        let held = accept(&house, &in_an_hour);
        house.hold(&held).expect("an answer");
        if goes_on {
            house.release(&held).expect("an answer");
        }
    }
    house.hold_all().expect("an answer");
    house.release_all().expect("an answer");
    house.stop();
    let killed_in_its_page = |house: &mut House| {
        assert!(house.start(Some(("page.left", 1))));
        let id = accept(house, &now);
        house.until("it dies in the page", |house| house.has_ended().then_some(()));
        id
    };
    let closed = killed_in_its_page(&mut house);
    assert!(house.start(None));
    let close = json!({ "action": "close", "by": "somebody", "delivered": true });
    assert_eq!(house.decide(&closed, &close).map(|answer| answer.status), Some(200));
    house.stop();
    killed_in_its_page(&mut house);
    house.close();
    house
}

/// A fault: how it is named, the promise that it breaks, how that is put, and what it would have left.
type Fault = (&'static str, &'static str, &'static str, fn(&Path));

const FAULTS: &[Fault] = &[
    ("answered before COMMIT", "I1 ", "", |at| {
        sql(
            at,
            "DELETE FROM event WHERE job IN (SELECT id FROM job WHERE state = 'waiting');
             DELETE FROM job WHERE state = 'waiting'",
        );
    }),
    ("a key taken twice", "I2 ", "", |at| {
        sql(
            at,
            "DROP INDEX job_request;
             UPDATE job SET idempotency_key = 'key-0'",
        );
    }),
    ("page_started committed after the first octet", "I9 ", "", |at| {
        sql(at, "UPDATE attempt SET state = 'not_sent', page_started_at = NULL WHERE state = 'uncertain';
             UPDATE job SET state = 'waiting', due_at = 1 WHERE state = 'uncertain'");
    }),
    ("dialing committed after ATD", "I9 ", "", |at| {
        sql(at, "UPDATE attempt SET dialled_at = NULL WHERE state = 'uncertain'");
    }),
    ("settle forgotten", "I10 ", "", |at| {
        sql(
            at,
            "UPDATE attempt SET state = 'page_started', ended_at = NULL
             WHERE job = (SELECT id FROM job WHERE state = 'uncertain');
             UPDATE job SET state = 'sending' WHERE state = 'uncertain'",
        );
    }),
    ("put off for ever", "I10 ", "", |at| {
        sql(at, "UPDATE job SET due_at = NULL WHERE state = 'waiting'");
    }),
    ("confirmed without a word of the far end", "I5 ", "", |at| {
        without(at, history::LINE, "acknowledged");
    }),
    ("a key sent again by itself", "I3 ", "", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("page", json!({ "number": number(at, "uncertain") }));
    }),
    ("dialled once more than counted", "I9 ", "", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("dialled", json!({ "number": number(at, "uncertain") }));
    }),
    ("called although withdrawn", "I11 ", "", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("dialled", json!({ "number": number(at, "cancelled") }));
    }),
    ("sent again after it was closed", "I3 ", "on paper 2 times, 1 ", |at| {
        let log = Log::open(&at.join(history::LINE));
        log.note("page", json!({ "number": number(at, "resolved_delivered") }));
    }),
    ("two calls to a number at once", "I8 ", "on two lines at once", |at| {
        let log = Log::open(&at.join(history::LINE));
        for line in ["line1", "line2"] {
            log.note("dialled", json!({ "line": line, "number": number(at, "uncertain") }));
        }
    }),
    ("dialled in a call", "I8 ", "", |at| without(at, history::LINE, "on_hook")),
    ("a final state left", "I4 ", "", |at| {
        sql(at, "UPDATE job SET state = 'failed' WHERE state = 'confirmed'");
    }),
    ("a withdrawal lost", "I4 ", "", |at| {
        sql(at, "UPDATE job SET state = 'waiting', due_at = 1 WHERE state = 'cancelled'");
    }),
    ("a decision lost", "I4 ", "decisions", |at| {
        sql(at, "DELETE FROM resolution");
    }),
    ("a hold lost", "I4 ", "answered as held (true)", |at| {
        sql(at, "UPDATE job SET state = 'waiting', due_at = 1 WHERE state = 'hold'");
    }),
    ("a release lost", "I4 ", "answered as held (false)", |at| {
        sql(at, "UPDATE job SET state = 'hold', due_at = NULL WHERE state = 'waiting'");
    }),
    ("forgotten by half", "I12 ", "refer to nothing", |at| {
        sql(at, "DELETE FROM job WHERE state = 'cancelled'");
    }),
    ("a sign lost", "I4 ", "", |at| sql(at, "UPDATE job SET first_login_at = NULL")),
    ("a release of everything lost", "I4 ", "told Some(false)", |at| {
        sql(at, "UPDATE appliance SET held_because = 'person', held_since = 1");
    }),
    ("a hold that nobody asked for", "I4 ", "held back for", |at| {
        sql(at, "UPDATE appliance SET held_because = 'restored', held_since = 1");
    }),
    ("a change without an event", "I6 ", "", |at| {
        sql(
            at,
            "DELETE FROM event WHERE cursor = (SELECT max(cursor) FROM event
             WHERE detail ->> 'evidence' IS NOT NULL)",
        );
    }),
    ("an acceptance told twice", "I6 ", "", |at| {
        sql(
            at,
            "INSERT INTO event (at, client, job, name, detail)
             SELECT at, client, job, name, detail FROM event WHERE name = 'accepted' LIMIT 1",
        );
    }),
    ("a post lost", "I6 ", "was never taken", |at| {
        // Its last try was not taken, and nobody tried again.
        webhooks(at, |lines| {
            let last = lines.iter().rposition(|line| line["event"] == "taken").expect("one");
            let post = lines.remove(last)["post"].clone();
            let cursor = cursor(lines.iter().find(|line| line["post"] == post).expect("a post"));
            let tries: Vec<Value> = lines
                .iter()
                .filter(|line| line["event"] == "post" && self::cursor(line) == cursor)
                .map(|line| line["post"].clone())
                .collect();
            lines.retain(|line| line["event"] != "taken" || !tries.contains(&line["post"]));
        });
    }),
    ("a post under another id", "I6 ", "was told under", |at| {
        webhooks(at, |lines| {
            let mut again = lines.first().expect("a post").clone();
            again["post"] = json!(-1);
            again["id"] = json!("msg_of_another_process");
            lines.push(again);
        });
    }),
    ("two events under one id", "I6 ", "2 events were told under", |at| {
        webhooks(at, |lines| {
            let id = lines.first().expect("a post")["id"].clone();
            let last = lines.iter_mut().rev().find(|line| line["event"] == "post");
            last.expect("a post")["id"] = id;
        });
    }),
    ("posts in another order", "I6 ", "was told before 1 that came before it", |at| {
        webhooks(at, |lines| {
            let job = |line: &Value| body(line)["data"]["notification"].clone();
            let first = lines.first().expect("a post");
            let is_next = |line: &&Value| {
                line["event"] == "post" && job(line) == job(first) && cursor(line) > cursor(first)
            };
            let next = lines.iter().find(is_next).expect("another of it").clone();
            lines.insert(0, next);
        });
    }),
    ("a post that was changed on the way", "I6 ", "is not signed", |at| {
        webhooks(at, |lines| {
            let post = lines.first_mut().expect("a post");
            post["body"] = json!(format!("{} ", post["body"].as_str().expect("a body")));
        });
    }),
    ("a secret in the journal", "I7 ", "", |at| {
        let path = at.join("gateway.log");
        let log = std::fs::read_to_string(&path).expect("a log");
        std::fs::write(path, format!("{log} password={}-2", history::CANARY)).expect("a log");
    }),
    ("a store with a torn page", "I12 ", "", |at| {
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
    changed(&at.join(log), |lines| lines.retain(|line| line["event"] != event));
}

/// Changes what the endpoint heard.
fn webhooks(at: &Path, change: impl FnOnce(&mut Vec<Value>)) {
    changed(&at.join(history::WEBHOOK), change);
}

fn changed(log: &Path, change: impl FnOnce(&mut Vec<Value>)) {
    let mut lines = history::read(log);
    change(&mut lines);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(log, text).expect("a log");
}

/// Of a post.
fn body(post: &Value) -> Value {
    serde_json::from_str(post["body"].as_str().expect("a body")).expect("JSON")
}

fn cursor(post: &Value) -> i64 {
    body(post)["data"]["cursor"].as_i64().expect("a cursor")
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
    assert_eq!((&counted["notifications"], &counted["kills"]), (&json!(7), &json!(2)), "{counted}");
    for (name, promise, words, plant) in FAULTS {
        let copy = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(house.folder()).expect("a folder").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
            }
        }
        plant(copy.path());
        let (violations, _) = judged(copy.path());
        let is_found = violations.iter().any(|it| it.starts_with(promise) && it.contains(words));
        assert!(is_found, "{name}: not {promise}{words} in {violations:#?}");
    }
}
