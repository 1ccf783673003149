//! A feed that somebody edits past the gateway.

use rusqlite::params;

use super::tests::{key, open, place};
use super::*;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::queue::UNREADABLE;
use crate::queue::contract::{accept, after_min, feed, request, uncertain_sheet};

const DAY_MIN: u64 = 24 * 60;

/// A store with some events, open, and the file as whoever can write it sees it.
fn with_history() -> (tempfile::TempDir, Sqlite, Connection) {
    let (folder, path) = place();
    let (store, _) = open(&path);
    uncertain_sheet(&store, |_| {});
    accept(&store, request("b", |_| {}));
    let by_hand = Connection::open(&path).expect("opens");
    // He does away with the rule that an event does not change, too.
    by_hand.execute_batch("DROP TRIGGER event_stays").expect("done");
    (folder, store, by_hand)
}

fn found(store: &Sqlite, now: UnixMillis) -> Option<i64> {
    let found = store.look_back(now).wait().expect("looks");
    let shown = store.appliance().wait().expect("shows").events_altered_at;
    assert!(found.is_none() || found == shown);
    found
}

#[test]
fn feed_that_nobody_touched_is_as_it_was_written_each_day() {
    let (_folder, store, _by_hand) = with_history();
    let rows = feed(&store, 0, 100).len();
    assert!(rows > 4, "{rows}");
    for day in 0..3 {
        assert_eq!(found(&store, after_min(day * DAY_MIN)), None);
        accept(&store, request(&format!("day{day}"), |_| {}));
    }
}

#[test]
fn whatever_is_edited_put_in_or_taken_out_is_found_where_it_begins_and_told_once() {
    let edits: [(&str, i64); 10] = [
        ("UPDATE event SET detail = json_set(detail, '$.code', 'confirmed') WHERE cursor = 3", 3),
        ("UPDATE event SET name = 'confirmed' WHERE cursor = 4", 4),
        // What is not even text is an edit, and no fault that hides it.
        ("UPDATE event SET name = CAST(x'ff' AS TEXT) WHERE cursor = 4", 4),
        ("UPDATE event SET at = at + 1 WHERE cursor = 2", 2),
        ("UPDATE event SET attempt = NULL WHERE cursor = 3", 3),
        ("UPDATE event SET mark = NULL WHERE cursor = 5", 5),
        ("DELETE FROM event WHERE cursor = 1", 1),
        ("DELETE FROM event WHERE cursor IN (3, 4)", 3),
        // Two rows change their places, with their marks.
        (
            "UPDATE event SET cursor = -cursor WHERE cursor IN (2, 3);
          UPDATE event SET cursor = 5 + cursor WHERE cursor < 0",
            2,
        ),
        (
            "INSERT INTO event (at, client, job, name, detail)
          SELECT at, client, job, 'confirmed', detail FROM event WHERE cursor = 1",
            0,
        ),
    ];
    for (edit, at) in edits {
        let (_folder, store, by_hand) = with_history();
        let newest = feed(&store, 0, 100).last().expect("some").cursor;
        by_hand.execute_batch(edit).expect(edit);
        let at = if at == 0 { newest + 1 } else { at };
        assert_eq!(found(&store, NOW), Some(at), "{edit}");
        assert_eq!(found(&store, after_min(DAY_MIN)), None, "it was told: {edit}");
        let shown = store.appliance().wait().expect("shows").events_altered_at;
        assert_eq!(shown, Some(at), "and is shown as long as the gateway runs");
    }
}

#[test]
fn feed_goes_on_behind_an_event_that_cannot_be_read_and_says_so_in_its_place() {
    let damages = [
        ("name = CAST(x'ff' AS TEXT)", true),
        ("detail = substr(detail, 2)", true),
        ("job = '?'", false),
        ("job = CAST(x'ff' AS TEXT)", false),
    ];
    for (damage, names_its_job) in damages {
        let (_folder, store, by_hand) = with_history();
        let before = feed(&store, 0, 100);
        by_hand
            .execute_batch(&format!(
                "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON;
                 UPDATE event SET {damage} WHERE cursor = 3"
            ))
            .expect(damage);
        let after = feed(&store, 0, 100);
        assert_eq!(after.len(), before.len(), "{damage}");
        for (was, is) in before.iter().zip(&after) {
            if was.cursor != 3 {
                assert_eq!((&is.name, &is.detail), (&was.name, &was.detail), "{damage}");
                continue;
            }
            assert_eq!((is.name.as_str(), is.cursor, is.at), (UNREADABLE, 3, was.at), "{damage}");
            assert_eq!(is.job == was.job, names_its_job, "{damage}");
        }
    }
}

#[test]
fn end_that_was_cut_off_is_found() {
    let (_folder, store, by_hand) = with_history();
    let newest = feed(&store, 0, 100).last().expect("some").cursor;
    by_hand.execute("DELETE FROM event WHERE cursor = ?1", [newest]).expect("done");
    assert_eq!(found(&store, NOW), Some(newest));
}

#[test]
fn what_was_forgotten_is_no_gap_and_what_older_programs_wrote_bears_no_mark() {
    let (_folder, store, by_hand) = with_history();
    by_hand
        .execute("INSERT INTO forgotten VALUES ('exchange', ?1)", params![3])
        .expect("as forgetting does");
    by_hand.execute("DELETE FROM event WHERE cursor = 2", []).expect("done");
    assert_eq!(found(&store, NOW), None);

    let (_folder, path) = place();
    file::create_version(&path, &Sealer::new(&key()), 5).expect("makes it");
    super::tests::jobs_of_an_older_store(&path);
    let (store, _) = open(&path);
    accept(&store, request("new", |_| {}));
    assert_eq!(found(&store, NOW), None);
}

#[test]
fn store_with_another_key_cannot_forge_a_mark() {
    let row = |key: u8| {
        let sealer = Sealer::new(&StoreKey::new([key; 32]));
        sealer.marker().mark(&[b"12", b"3"])
    };
    assert_ne!(row(1), row(2));
    let sealer = Sealer::new(&StoreKey::new([1; 32]));
    assert_ne!(row(1), sealer.marker().mark(&[b"1", b"23"]), "where a part ends counts");
}
