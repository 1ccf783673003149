//! What came of it, as a table, and whether it is what it should be.
//!
//! In: the folder of a gateway that is not running, what was counted meanwhile. Out: lines on the terminal; yes or no.
//! `crash-check` judges the logs and the store. Then two faults are planted there, an acknowledged notification that is gone
//! and a key that was printed once more, and it judges again: a judgement that does not find them is worth nothing.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::history::{self, Log};
use crate::honest::{Ends, Told};
use crate::house::judged;
use crate::{load, seed};

const GOAL_READY: Duration = Duration::from_secs(5);
const MOST_TOLD: usize = 20;
const LOST: &str = "I1 ";
const TWICE: &str = "I3 ";

/// What was counted while all went wrong, and what became of it afterwards.
#[derive(Default)]
pub struct Figures {
    pub told: Told,
    pub ends: Ends,
    /// Printed meanwhile, of each line.
    pub sheets: [usize; 2],
    pub mails: usize,
    pub kills: u64,
    pub plugs: u64,
    pub relay_troubles: u64,
    /// Most connected at once, and how often one was put out.
    pub slow: (u64, u64),
    /// After each start, until it answered.
    pub answered: Vec<Duration>,
    /// After each kill, until it said that notifications would go out; there is none if it was killed before.
    pub ready: Vec<Duration>,
    pub memory_kib: u64,
}

/// Judges and prints; true if nothing is wrong and all of it happened.
pub fn tell(folder: &Path, rows: u32, figures: &Figures) -> bool {
    let (violations, counted) = judged(folder);
    let (lost, twice) = (count(&violations, LOST), count(&violations, TWICE));
    let waiting = still_waiting(&folder.join("queue.db"));
    let Figures { told, ends, sheets, mails, .. } = figures;

    say(
        "acknowledged",
        format!(
            "{} (once more {}, withdrawn {}, decided {}, refused {:?})",
            told.acknowledged, told.repeated, told.withdrawn, told.decided, told.refused
        ),
    );
    say("lost", lost);
    say("sent twice without a decision", twice);
    say("other promises broken", violations.len() - lost - twice);
    violations.iter().take(MOST_TOLD).for_each(|text| println!("    {text}"));
    say("waited before, and untouched after", format!("{rows}, {waiting}"));
    say("to be sent at once, and what of it", format!("{}, {:?}", told.due.len(), ends.states));
    say("due, and without an end", ends.overdue.len());
    ends.overdue.iter().take(MOST_TOLD).for_each(|id| println!("    {id}"));
    let when =
        |meanwhile: usize, in_all: usize| format!("{meanwhile}, {} after it", in_all - meanwhile);
    say(
        "sheets printed",
        format!("{} {sheets:?}", when(sheets.iter().sum(), printed(folder, None))),
    );
    say("calls cut within a page", cut_in_a_page(folder));
    say("mails that the relay took", when(*mails, mailed(folder)));
    say("kills", figures.kills);
    say("plugs pulled", figures.plugs);
    say("relay gone, slow, or breaking off", figures.relay_troubles);
    say("slow callers, put out", format!("{}, {}", figures.slow.0, figures.slow.1));
    say("answers after a start", times(&figures.answered));
    let slowest = figures.ready.iter().max().copied().unwrap_or_default();
    let missed = if slowest > GOAL_READY { ": MISSED" } else { "" };
    say("ready after a kill", format!("{}, goal {GOAL_READY:?}{missed}", times(&figures.ready)));
    say("answers to honest callers", times(&told.took));
    say("memory of the gateway at most", format!("{} MiB", figures.memory_kib >> 10));
    say("counted by the judge", counted);

    plant(folder);
    let (found, _) = judged(folder);
    let is_seen = count(&found, LOST) == lost + 1 && count(&found, TWICE) == twice + 1;
    let seen = (count(&found, LOST) - lost, count(&found, TWICE) - twice);
    say("of one lost and one sent twice, it finds", format!("{seen:?}"));
    say("load", load());

    let happened = [
        told.acknowledged as u64,
        sheets.iter().sum::<usize>() as u64,
        *mails as u64,
        figures.kills,
        figures.plugs,
        figures.relay_troubles,
        figures.slow.1,
    ];
    let is_true = violations.is_empty() && waiting == rows && ends.overdue.is_empty();
    let is_all = happened.iter().all(|times| *times > 0) && is_seen;
    println!(
        "{}",
        match (is_true, is_all) {
            (true, true) => "nothing lost, nothing sent twice in secret",
            (true, false) => "THIS RUN PROVES NOTHING: something did not happen",
            (false, _) => "BROKEN",
        }
    );
    is_true && is_all
}

fn say(what: &str, found: impl Display) {
    println!("  {what:<42} {found}");
}

fn count(violations: &[String], promise: &str) -> usize {
    violations.iter().filter(|text| text.starts_with(promise)).count()
}

fn times(took: &[Duration]) -> String {
    let mut took = took.to_vec();
    took.sort_unstable();
    let at = |percent: usize| {
        let nth = took.len().saturating_sub(1) * percent / 100;
        took.get(nth).copied().unwrap_or_default().as_secs_f64()
    };
    let (p50, p99, most) = (at(50), at(99), at(100));
    format!("p50 {p50:.3} s, p99 {p99:.3} s, most {most:.3} s, of {}", took.len())
}

/// Sheets that a far machine acknowledged, on one line or all.
pub fn printed(folder: &Path, line: Option<&str>) -> usize {
    let here = |entry: &Value| {
        entry["event"] == "acknowledged" && line.is_none_or(|line| entry["line"] == line)
    };
    history::read(&folder.join(history::LINE)).iter().filter(|entry| here(entry)).count()
}

fn cut_in_a_page(folder: &Path) -> usize {
    let log = history::read(&folder.join(history::LINE));
    log.iter().filter(|entry| entry["in_page"].as_u64().is_some_and(|octets| octets > 0)).count()
}

pub fn mailed(folder: &Path) -> usize {
    let log = history::read(&folder.join(history::RELAY));
    log.iter().filter(|entry| entry["event"] == "taken").count()
}

/// Of those that nobody was to touch.
fn still_waiting(store: &Path) -> u32 {
    let sql = "SELECT count(*) FROM job WHERE state = 'waiting'
        AND (idempotency_key = ?1 OR idempotency_key LIKE ?1 || '-%')";
    let store = Connection::open(store).expect("a store");
    store.query_row(sql, [seed::KEY], |row| row.get(0)).expect("a count")
}

/// What an answer before COMMIT and a power cut, and a sheet with a key sent again by itself, would have left.
fn plant(folder: &Path) {
    let store = Connection::open(folder.join("queue.db")).expect("a store");
    let triggers: Vec<String> = store
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("triggers");
    for trigger in triggers {
        store.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("dropped");
    }
    store.pragma_update(None, "foreign_keys", false).expect("set");
    let answered = history::read(&folder.join(history::HISTORY));
    let accepted = answered.iter().filter(|line| line["status"] == 202);
    let state = "SELECT state = 'waiting' FROM job WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM attempt WHERE job = ?1)";
    let waits = |id: &&str| store.query_row(state, [id], |row| row.get(0)).unwrap_or(false);
    if let Some(id) = accepted.filter_map(|line| line["id"].as_str()).find(waits) {
        store.execute("DELETE FROM event WHERE job = ?1", params![id]).expect("deleted");
        store.execute("DELETE FROM job WHERE id = ?1", params![id]).expect("deleted");
    }
    let sent = "SELECT fax_digits FROM job WHERE kind = 'first_contact' AND state = 'confirmed'
        AND NOT EXISTS (SELECT 1 FROM resolution WHERE job = job.id)";
    if let Ok(number) = store.query_row(sent, [], |row| row.get::<_, String>(0)) {
        let log = Log::open(&folder.join(history::LINE));
        log.note("page", json!({ "line": "line1", "number": number }));
    }
}
