//! With a million rows no statement may walk over all of them: SQLite is asked how it would go about each.
//!
//! In: every statement that is run while the stories of the contract are told. One that no story runs is not seen here.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::history;
use super::tests::{STORIES, key, open, outside, place, plan};
use crate::queue::seal::Sealer;

/// What the stores of this process have run.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What stays small, however many notifications there are: of calls 64 MiB are kept, endpoints stand in the settings, and attempts
/// are open on lines and lanes alone. And what looks at all on purpose, after a table was written anew.
const SMALL: [&str; 10] = [
    "json_each",
    "inbox",
    "sqlite_sequence",
    "call",
    "tally",
    "appliance",
    "ambiguous_end",
    "webhook",
    "attempt USING INDEX attempt_open_of_job",
    "pragma_foreign_key_check",
];

/// Keeps what is run on this connection. Tables are written anew by whoever opens a store, not by its writer: that may walk.
pub(super) fn listen(conn: &mut Connection) {
    let keep = |event: TraceEvent<'_>| {
        let TraceEvent::Profile(statement, _took) = event else { return };
        let sql = statement.sql().into_owned();
        if sql.starts_with("SELECT") || std::thread::current().name() == Some("queue-writer") {
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql);
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(keep)).expect("listens");
}

/// The steps of a plan that take every row of a table.
fn walks(conn: &Connection, sql: &str) -> Vec<String> {
    let plan = plan(conn, sql);
    let steps = plan.lines().filter_map(|step| Some((step, step.strip_prefix("SCAN ")?)));
    let is_small = |what: &str| {
        let mut behind = SMALL.iter().filter_map(|small| what.strip_prefix(small));
        behind.any(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let walks = steps.filter(|(_, what)| !is_small(what));
    // Those of a query inside the query, and of constants, are no tables.
    walks
        .filter(|(_, what)| !what.starts_with('(') && !what.starts_with("CONSTANT"))
        .map(|(step, _)| step.to_owned())
        .collect()
}

#[test]
fn no_statement_of_a_running_store_walks_over_a_table_that_grows() {
    for story in STORIES {
        // In memory: hundreds of stories are told, and no disk is pulled.
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
        story(&open(&folder.path().join("store.db")).0);
    }
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    history::teach(&conn, Sealer::new(&key()).marker()).expect("as the writer's");
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let asked: Vec<&String> = seen
        .iter()
        .filter(|sql| {
            ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"]
                .iter()
                .any(|verb| sql.starts_with(verb))
        })
        .collect();
    assert!(asked.len() > 50, "the stories run what a store runs: {seen:?}");
    let walks =
        asked.iter().map(|sql| (sql, walks(&conn, sql))).filter(|(_, walks)| !walks.is_empty());
    let walks: Vec<String> = walks.map(|(sql, walks)| format!("{walks:?} in {sql}")).collect();
    assert!(walks.is_empty(), "{}", walks.join("\n\n"));
    assert_eq!(
        self::walks(&conn, "SELECT * FROM job WHERE reason = 'x'"),
        ["SCAN job"],
        "it looks"
    );
}
