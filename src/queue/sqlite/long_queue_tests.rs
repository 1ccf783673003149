//! A store with much in it: what is done again and again costs no more than in an empty one, and nothing waits behind it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::tests::{open, outside};
use super::*;
use crate::app::clock::Stopwatch;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::queue::contract::{accept, after_min, client, request};

/// In memory: no disk is pulled here.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("a folder")
}

/// So many more wait, accepted then.
fn accept_many(store: &Sqlite, now: UnixMillis, keys: std::ops::Range<u32>) -> Vec<JobId> {
    let posts = keys.map(|key| Acceptance { now, ..request(&format!("key-{key}"), |_| {}) });
    let pending: Vec<_> = posts.map(|post| store.accept(post)).collect();
    let accepted = |pending: Pending<Accepted>| match pending.wait() {
        Ok(Accepted::New { id, .. }) => id,
        other => panic!("not new: {other:?}"),
    };
    pending.into_iter().map(accepted).collect()
}

/// What SQLite does, counted, while everything is looked after that a running gateway looks after every few seconds.
fn steps_of_a_sweep(path: &Path) -> u64 {
    let counted = Arc::new(AtomicU64::new(0));
    let steps = counted.clone();
    let count = move || {
        steps.fetch_add(1, Ordering::Relaxed);
        false
    };
    let mut conn: Connection = outside(path);
    conn.progress_handler(1, Some(count)).expect("counts");
    let (windows, mut effects, later) = (Windows::Always, Vec::new(), after_min(1_000_000));
    mails::give_up(&conn, &windows, NOW, Overdue::all(), &mut effects).expect("gives up");
    claim::sweep(&conn, &windows, NOW, &mut effects).expect("sweeps");
    calls::forget(&conn, later).expect("forgets");
    forget::forget_old(&conn, &forget::Round::default(), later, 64).expect("forgets");
    tally::tally(&conn).expect("counts");
    counted.load(Ordering::Relaxed)
}

#[test]
fn what_is_looked_after_every_few_seconds_costs_the_same_behind_a_long_queue() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).0;
    accept_many(&store, NOW, 0..10);
    let few = steps_of_a_sweep(&path);
    accept_many(&store, NOW, 10..2_000);
    let many = steps_of_a_sweep(&path);
    assert!(many < few + 100, "{few} steps behind 10, {many} behind 2,000");
}

#[test]
fn what_ended_of_late_is_looked_at_bit_by_bit_and_hides_nothing_that_is_to_be_forgotten() {
    let folder = folder();
    let store = open(&folder.path().join("store.db")).0;
    let withdraw = |ids: Vec<JobId>, now| {
        let pending: Vec<_> = ids.into_iter().map(|id| store.cancel(client(), id, now)).collect();
        assert!(pending.into_iter().all(|pending| pending.wait() == Ok(Cancelled::Done)));
    };
    let many = u32::try_from(forget::LOOKED_AT).expect("not so many");
    withdraw(accept_many(&store, NOW, 0..many), after_min(60));
    withdraw(
        vec![accept(&store, Acceptance { now: after_min(1), ..request("old", |_| {}) })],
        after_min(1),
    );
    let forget = |before| store.forget_old(before, 10).wait();
    assert_eq!(forget(after_min(30)), Ok(0), "those before it take one look");
    assert_eq!(forget(after_min(30)), Ok(1), "the last of all, so the next look begins anew");
    // All are old by then: each look takes as many as it may, and goes on behind them.
    let looks = (0..many.div_ceil(10)).map(|_| forget(after_min(90)).expect("forgets"));
    assert_eq!(looks.sum::<u32>(), many);
}

#[test]
fn log_of_a_store_that_is_written_to_without_a_pause_begins_anew() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).0;
    // In the header of the log: how often it began anew.
    let begun = || {
        let octets = fs::read(path.with_file_name("store.db-wal")).expect("a log");
        octets.get(12..16).map(<[u8]>::to_vec).expect("a header")
    };
    let write = |key: u32, octets: u32| {
        let written = store.writer.submit(move |conn, _effects| {
            let sql = "INSERT INTO meta VALUES (?1, zeroblob(?2))";
            Ok(conn.execute(sql, (format!("test-{key}"), octets))?)
        });
        assert_eq!(written.wait(), Ok(1));
    };
    write(0, 1);
    let before = begun();
    (1..=20).for_each(|key| write(key, 1 << 20));
    let (since, mut keys) = (Stopwatch::start(), 20);
    while begun() == before {
        assert!(since.elapsed() < Duration::from_secs(60), "it grows for ever");
        keys += 1;
        write(keys, 1);
    }
    let kept = "SELECT count(*) FROM meta WHERE name LIKE 'test-%'";
    let kept: u32 = outside(&path).query_row(kept, [], |row| row.get(0)).expect("counts");
    assert_eq!(kept, keys + 1);
}
