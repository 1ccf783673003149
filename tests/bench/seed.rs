//! A store with as many waiting notifications as are wanted.
//!
//! In: a gateway whose daemon does not run. Out: its store, with that many documents to be sent by FAX at some time.
//! One is accepted as the hook accepts it; the others are copies of its row and its event under ids, keys and numbers of
//! their own, in batches. Only so a million takes a minute, and not a quarter of an hour.

use std::fs::File;
use std::time::Duration;

use rusqlite::{Connection, params};
use shirase::app::clock::{Clock, SystemClock};
use shirase::hook::body;
use shirase::job::{ClientId, IdempotencyKey};
use shirase::office::Route;
use shirase::queue::sqlite::Sqlite;
use shirase::queue::{Acceptance, Accepted, Queue};
use shirase::schedule::windows::Windows;

use super::gateway::Gateway;

const BATCH: u32 = 20_000;

const BODY: &str = r#"{
  "kind": "document",
  "sender": { "office_number": "1379900028", "office_name": "みどり居宅介護支援事業所", "phone": "03-0000-1111" },
  "recipient": { "office_number": "2779900030", "office_name": "あおぞら訪問介護", "fax": "03-3400-0000" },
  "documents": [ { "title": "提供票", "count": 2 }, { "title": "ケアプラン", "count": 1 } ]
}"#;

/// Fills the store of `gateway` with what is due `later`.
pub fn fill(gateway: &Gateway, rows: u32, later: Duration) {
    let (path, clock) = (gateway.store(), SystemClock);
    let store = Sqlite::open(&path, &gateway.key(), Windows::Always, clock.now()).expect("opens").0;
    let Ok(job) = body::parse(BODY.as_bytes(), clock.now()) else { panic!("a body") };
    let accepted = store.accept(Acceptance {
        client: ClientId("bench".into()),
        key: IdempotencyKey::parse("seed").expect("a key"),
        fingerprint: [0; 32],
        now: clock.now(),
        route: Route::Fax { number: job.recipient.fax.clone() },
        job,
    });
    let Ok(Accepted::New { id, .. }) = accepted.wait() else { panic!("accepted") };
    drop(store);

    let conn = Connection::open(&path).expect("opens");
    conn.execute_batch(
        "PRAGMA synchronous=OFF; PRAGMA cache_size=-200000; PRAGMA foreign_keys=OFF;",
    )
    .expect("set");
    // In the order of the ids of real ones, but earlier than all of them.
    let own_id = "printf('01K00000%018d', n.value)";
    let jobs = copies(&conn, "job", "id", |column| match column {
        "id" => Some(own_id),
        "idempotency_key" => Some("printf('seed-%d', n.value)"),
        "fax_digits" => Some("printf('0334%06d', n.value % 1000000)"),
        "due_at" => Some("it.due_at + ?4"),
        "not_after" => Some("it.not_after + ?4"),
        _as_it_is => None,
    });
    let events = copies(&conn, "event", "job", |column| match column {
        "cursor" => Some("NULL"),
        "job" => Some(own_id),
        // Says nothing; so both statements take the same parameters.
        "at" => Some("it.at + 0 * ?4"),
        _as_it_is => None,
    });
    let later_ms = i64::try_from(later.as_millis()).expect("not so late");
    let mut done = 1;
    while done < rows {
        let most = rows.min(done + BATCH);
        let batch = conn.unchecked_transaction().expect("begins");
        for copies in [&jobs, &events] {
            batch
                .execute(copies, params![id.to_string(), done, most - 1, later_ms])
                .expect("copied");
        }
        batch.commit().expect("committed");
        done = most;
    }
    // A copy of an event has the mark of another one: as those of programs that did not mark.
    let unmarked = "UPDATE appliance SET unmarked = (SELECT max(cursor) FROM event)";
    conn.execute(unmarked, []).expect("set");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("written back");
    // Otherwise the kernel writes a million rows while something else is measured.
    File::open(&path).and_then(|store| store.sync_all()).expect("synced");
}

/// Copies of the rows of one notification, one for each number from ?2 to ?3.
fn copies(
    conn: &Connection,
    table: &str,
    of: &str,
    changed: impl Fn(&str) -> Option<&'static str>,
) -> String {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1)").expect("SQL");
    let columns = statement.query_map([table], |row| row.get(0)).expect("columns");
    let columns: Vec<String> = columns.collect::<Result<_, _>>().expect("columns");
    let value =
        |column: &String| changed(column).map_or_else(|| format!("it.{column}"), str::to_owned);
    let values: Vec<String> = columns.iter().map(value).collect();
    format!(
        "WITH RECURSIVE n (value) AS (SELECT ?2 UNION ALL SELECT value + 1 FROM n WHERE value < ?3)
         INSERT INTO {table} ({}) SELECT {} FROM n, (SELECT * FROM {table} WHERE {of} = ?1) AS it",
        columns.join(", "),
        values.join(", ")
    )
}
