//! A store with as many waiting notifications as are wanted.
//!
//! In: a store that nobody has open, and its key. Out: that many documents in it, to be sent by FAX at some time.
//! One is accepted as the hook accepts it; the others are copies of its row and its event under ids, keys and numbers of
//! their own, in batches. Only so a million takes a minute, and not a quarter of an hour.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use shirase::app::clock::{Clock, SystemClock};
use shirase::hook::body;
use shirase::job::{ClientId, IdempotencyKey};
use shirase::office::Route;
use shirase::queue::sqlite::{Sqlite, StoreKey};
use shirase::queue::{Acceptance, Accepted, Queue};
use shirase::schedule::windows::Windows;

const BATCH: u32 = 20_000;
/// From then on each may be sent.
const LIFE: Duration = Duration::from_secs(5 * 24 * 3600);

const BODY: &str = r#"{
  "kind": "document",
  "sender": { "office_number": "1379900028", "office_name": "みどり居宅介護支援事業所", "phone": "03-0000-1111" },
  "recipient": { "office_number": "2779900030", "office_name": "あおぞら訪問介護", "fax": "03-3400-0000" },
  "documents": [ { "title": "提供票", "count": 2 }, { "title": "ケアプラン", "count": 1 } ]
}"#;

/// The first has this key, the others `seed-1` and so on.
pub const KEY: &str = "seed";

/// Fills the store at `path` with what is due `later`.
pub fn fill(path: &Path, key: &StoreKey, rows: u32, later: Duration) {
    let clock = SystemClock;
    let store = Sqlite::open(path, key, Windows::Always, clock.now()).expect("opens").0;
    let mut notice: Value = serde_json::from_str(BODY).expect("JSON");
    if !later.is_zero() {
        let due = clock.now().after(later);
        notice["not_before"] = json!(due.rfc3339());
        notice["not_after"] = json!(due.after(LIFE).rfc3339());
    }
    let notice = notice.to_string();
    let Ok(job) = body::parse(notice.as_bytes(), clock.now()) else { panic!("a body") };
    let accepted = store.accept(Acceptance {
        client: ClientId("bench".into()),
        key: IdempotencyKey::parse(KEY).expect("a key"),
        fingerprint: [0; 32],
        now: clock.now(),
        route: Route::Fax { number: job.recipient.fax.clone() },
        job,
    });
    let Ok(Accepted::New { id, .. }) = accepted.wait() else { panic!("accepted") };
    drop(store);

    let conn = Connection::open(path).expect("opens");
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
        _as_it_is => None,
    });
    let events = copies(&conn, "event", "job", |column| match column {
        "cursor" => Some("NULL"),
        "job" => Some(own_id),
        _as_it_is => None,
    });
    let mut done = 1;
    while done < rows {
        let most = rows.min(done + BATCH);
        let batch = conn.unchecked_transaction().expect("begins");
        for copies in [&jobs, &events] {
            batch.execute(copies, params![id.to_string(), done, most - 1]).expect("copied");
        }
        batch.commit().expect("committed");
        done = most;
    }
    // A copy of an event has the mark of another one: as those of programs that did not mark.
    let unmarked = "UPDATE appliance SET unmarked = (SELECT max(cursor) FROM event)";
    conn.execute(unmarked, []).expect("set");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("written back");
    // Otherwise the kernel writes a million rows while something else is measured.
    File::open(path).and_then(|store| store.sync_all()).expect("synced");
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
