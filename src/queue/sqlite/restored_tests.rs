//! A store that comes back: as it was left, it goes on; as an older copy, or as another one, it holds everything back.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::tests::{key, open, place};
use super::*;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::queue::contract::{accept, claim, confirmed, dial, request, start_page, to_number};

fn appliance(store: &Sqlite) -> Appliance {
    store.appliance().wait().expect("answers")
}

fn held(store: &Sqlite) -> Option<(HoldReason, String)> {
    let held = appliance(store).held?;
    Some((held.reason, held.note.unwrap_or_default()))
}

/// Copies what stands there of the store, and what stands beside it if it is wanted.
fn copy(path: &Path, to: &Path, suffixes: &[&str]) {
    for suffix in suffixes {
        let (from, to) = (file::with_suffix(path, suffix), file::with_suffix(to, suffix));
        let _was_there = fs::remove_file(&to);
        if from.exists() {
            fs::copy(from, to).expect("copied");
        }
    }
}

/// As `sqlite3 store.db ".backup copy"` does it.
fn back_up(path: &Path) -> PathBuf {
    let copy = path.with_extension("copy");
    let source = Connection::open(path).expect("opens");
    source.backup("main", &copy, None::<fn(rusqlite::backup::Progress)>).expect("copied");
    copy
}

fn restore(path: &Path, copy: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _was_there = fs::remove_file(file::with_suffix(path, suffix));
    }
    fs::rename(copy, path).expect("moved");
}

/// Sends a sheet to its end.
fn send(store: &Sqlite) {
    let call = claim(store, NOW, "line1").expect("due");
    dial(store, call.attempt, NOW);
    start_page(store, call.attempt);
    assert_eq!(store.settle(call.attempt, confirmed(NOW)).wait(), Ok(()));
}

#[test]
fn copy_from_before_a_call_is_held_and_calls_nobody_until_it_is_released() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let before = appliance(&store);
    accept(&store, request("a", |_| {}));
    let copy = back_up(&path);
    send(&store);
    assert_eq!(held(&store), None);
    drop(store);
    restore(&path, &copy);
    for _start in 0..2 {
        let (store, _) = open(&path);
        let (reason, note) = held(&store).expect("held");
        assert_eq!(reason, HoldReason::Restored);
        assert!(note.starts_with("it lacks the newest 1 calls or mails and "), "{note}");
        assert!(claim(&store, NOW, "line1").is_none());
    }
    let (store, _) = open(&path);
    assert_ne!(appliance(&store).store_id, before.store_id, "the exchange can tell");
    assert!(store.release_all().wait().is_ok());
    assert!(claim(&store, NOW, "line1").is_some());
    drop(store);
    assert_eq!(held(&open(&path).0), None, "once released it stays so");
}

#[test]
fn copy_that_lacks_only_notifications_is_held() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let copy = back_up(&path);
    accept(&store, request("b", |_| {}));
    drop(store);
    restore(&path, &copy);
    let note = held(&open(&path).0).expect("held").1;
    assert_eq!(note, "it lacks the newest 0 calls or mails and 1 events");
}

#[test]
fn copy_on_another_machine_is_held_and_so_is_another_store_in_the_place_of_one() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let (copy, elsewhere) = (back_up(&path), place());
    fs::rename(copy, &elsewhere.1).expect("moved");
    drop(store);
    let note = held(&open(&elsewhere.1).0).expect("held").1;
    assert_eq!(note, "the file that says how far the store had come is gone");

    for suffix in ["", "-wal", "-shm"] {
        let _was_there = fs::remove_file(file::with_suffix(&path, suffix));
    }
    let note = held(&open(&path).0).expect("held").1;
    assert_eq!(note, "another store was here before");
}

#[test]
fn b39_store_whose_log_is_missing_is_held() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    drop(store);
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    assert!(claim(&store, NOW, "line1").is_some());
    let lost = place();
    copy(&path, &lost.1, &["", "-mark"]);
    drop(store);
    let (store, _) = open(&lost.1);
    assert_eq!(held(&store).expect("held").0, HoldReason::Restored);
}

#[test]
fn store_goes_on_after_a_stop_a_kill_and_a_migration() {
    let (_folder, path) = place();
    drop(open(&path));
    let (store, _) = open(&path);
    assert_eq!((held(&store), appliance(&store).generation), (None, 2));
    accept(&store, request("a", |_| {}));
    let call = claim(&store, NOW, "line1").expect("due");
    dial(&store, call.attempt, NOW);
    accept(&store, request("b", to_number("0398765432")));
    // What SIGKILL leaves: all that was written.
    let killed = place();
    copy(&path, &killed.1, &["", "-wal", "-mark"]);
    assert_eq!(held(&open(&killed.1).0), None);
    drop(store);
    assert_eq!(held(&open(&path).0), None);

    let (_folder, old) = place();
    file::create_version(&old, &Sealer::new(&key()), 7).expect("made");
    for _start in 0..2 {
        assert_eq!(held(&open(&old).0), None);
    }
}

#[test]
fn file_beside_a_new_store_may_be_lost_until_the_store_counts_on_it() {
    let (_folder, path) = place();
    drop(open(&path));
    let beside = file::with_suffix(&path, "-mark");
    let forget = "UPDATE appliance SET has_high_water = 0";
    Connection::open(&path).and_then(|conn| conn.execute(forget, [])).expect("done");
    fs::remove_file(&beside).expect("gone");
    assert_eq!(held(&open(&path).0), None, "the power went before it was written");
    fs::write(&beside, b"?").expect("damaged");
    let note = held(&open(&path).0).expect("held").1;
    assert_eq!(note, "the file that says how far the store had come is damaged");
}

#[test]
fn third_end_in_doubt_within_five_minutes_holds_everything_back() {
    let (_folder, path) = place();
    let ends_in_doubt = |now: UnixMillis| {
        let (mut high_water, _) = file::open_high_water(&path).expect("opens");
        high_water.ends_in_doubt();
        let (store, _) = Sqlite::open(&path, &key(), Windows::Always, now).expect("opens");
        held(&store).map(|(reason, _)| reason)
    };
    drop(open(&path));
    let seconds = |count| NOW.after(Duration::from_secs(count));
    assert_eq!(ends_in_doubt(seconds(0)), None);
    assert_eq!(ends_in_doubt(seconds(2)), None);
    assert_eq!(ends_in_doubt(seconds(303)), None, "two of them long ago");
    assert_eq!(ends_in_doubt(seconds(305)), None);
    assert_eq!(ends_in_doubt(seconds(307)), Some(HoldReason::Trouble));
    let (store, _) = open(&path);
    assert!(store.release_all().wait().is_ok());
    drop(store);
    assert_eq!(ends_in_doubt(seconds(309)), None, "counted anew");
}

#[test]
fn claim_is_known_outside_the_store_before_it_is_answered() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let backup = back_up(&path);
    assert!(claim(&store, NOW, "line1").is_some());
    // The power goes here, before the call; the disk is lost, and the backup is put in its place.
    let elsewhere = place();
    copy(&path, &elsewhere.1, &["-mark"]);
    fs::rename(backup, &elsewhere.1).expect("moved");
    let note = held(&open(&elsewhere.1).0).expect("held").1;
    assert!(note.starts_with("it lacks the newest 1 calls"), "{note}");
}
