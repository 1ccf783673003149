//! What stands on the disk about decisions: old credentials that are gone, rules that the schema keeps.

use std::fs;

use super::tests::{key, open, place};
use super::*;
use crate::job::examples::{TUESDAY_10_00 as NOW, first_contact_that_may_go_once_more};
use crate::job::{IfUncertain, JobState};
use crate::queue::contract::{after_min, claim, feed, resolve, rotate, show, uncertain_sheet};

fn outside(path: &Path) -> Connection {
    Connection::open(path).expect("opens")
}

fn sealed(path: &Path) -> Vec<u8> {
    outside(path).query_row("SELECT sealed FROM job", [], |row| row.get(0)).expect("one job")
}

#[test]
fn old_credentials_leave_the_files_when_new_ones_take_their_place() {
    let (folder, path) = place();
    let (store, _) = open(&path);
    let id = uncertain_sheet(&store, |_| {});
    let old = sealed(&path);
    let found = |octets: &[u8]| {
        fs::read_dir(folder.path()).expect("lists").any(|entry| {
            let file = fs::read(entry.expect("an entry").path()).expect("reads");
            file.windows(octets.len()).any(|part| part == octets)
        })
    };
    assert!(found(&old), "else this test looks in the wrong place");
    assert!(matches!(resolve(&store, id, 1, NOW, rotate("newKEY333")), Resolved::Done(_)));
    // The log is cut right after the answer; the next answer therefore comes after it.
    assert!(store.sweep(NOW).wait().is_ok());
    let new = sealed(&path);
    assert!(found(&new[1..40]));
    assert!(!found(&old[1..40]), "not even sealed");
    assert!(!found(&old[old.len() - 40..]), "nor a part of it");
    assert!(!found(b"newKEY333"));
}

#[test]
fn credentials_of_one_version_do_not_pass_for_another() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = uncertain_sheet(&store, |_| {});
    let old = sealed(&path);
    assert!(matches!(resolve(&store, id, 1, NOW, rotate("newKEY333")), Resolved::Done(_)));
    let by_hand = outside(&path);
    by_hand.execute_batch("DROP TRIGGER job_key_has_its_version").expect("done");
    by_hand.execute("UPDATE job SET sealed = ?1", [old]).expect("done");
    assert!(claim(&store, NOW, "line1").is_none());
    let view = show(&store, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Failed, Some("secret-unreadable")));
}

#[test]
fn rules_of_decisions_hold_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = uncertain_sheet(&store, |_| {});
    let by_hand = outside(&path);
    let refused = |sql: &str| assert!(by_hand.execute(sql, []).is_err(), "{sql}");
    let decided = |number: u32, version: u32| {
        format!(
            "INSERT INTO resolution SELECT id, {number}, zeroblob(32), 'resend', 'waiting', {version}, NULL, NULL, 0
             FROM job"
        )
    };
    // Nobody has decided.
    [
        "UPDATE job SET state = 'waiting', due_at = 0",
        "UPDATE job SET decisions = 1",
        "UPDATE job SET not_after = not_after + 1",
        "UPDATE job SET sealed_version = 2",
        "UPDATE job SET sealed = x'00'",
        "UPDATE attempt SET version = 2",
        "UPDATE attempt SET decision = 1",
    ]
    .into_iter()
    .for_each(refused);
    // Somebody has: one decision, this version, nothing else that the sheet says.
    by_hand.execute(&decided(1, 1), []).expect("it is uncertain");
    [
        "UPDATE job SET decisions = 2",
        "UPDATE job SET decisions = 1, sealed_version = 2",
        "UPDATE job SET decisions = 1, sealed = x'00'",
        "UPDATE job SET decisions = 1, fields = json_set(fields, '$.recipient_office_name', 'x')",
        "UPDATE job SET decisions = 1, fax_digits = '0399999999'",
        "UPDATE resolution SET choice = 'rotate'",
    ]
    .into_iter()
    .for_each(refused);
    by_hand
        .execute("UPDATE job SET decisions = 1, not_after = not_after + 1", [])
        .expect("as decided");
    by_hand.execute("UPDATE job SET state = 'waiting', due_at = 0", []).expect("as decided");
    // It waits: there is nothing to decide.
    refused(&decided(2, 1));
    refused("UPDATE job SET decisions = 2");
    refused(
        "INSERT INTO attempt (job, number, line, state, claimed_at, channel, fax_digits, version, decision)
         SELECT id, 2, 'line1', 'claimed', 0, 'fax', fax_digits, 2, 1 FROM job",
    );
    assert_eq!(show(&store, id).state, JobState::Waiting);
}

#[test]
fn key_accepted_to_go_once_more_goes_no_third_time_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = uncertain_sheet(&store, |job| *job = first_contact_that_may_go_once_more());
    let by_hand = outside(&path);
    let to_wait =
        "UPDATE job SET state = 'waiting', due_at = 0, undecided_since = NULL, remind_at = NULL";
    by_hand.execute(to_wait, []).expect("one is out");
    by_hand.execute("UPDATE job SET state = 'uncertain', due_at = NULL", []).expect("back");
    by_hand
        .execute(
            "INSERT INTO attempt (job, number, line, state, claimed_at, ended_at, reach, code, channel, fax_digits,
                version, decision, dialled_at, sheet_mark, page_started_at)
             SELECT job, 2, line, state, claimed_at, ended_at, reach, code, channel, fax_digits, version, decision,
                dialled_at, sheet_mark, page_started_at FROM attempt",
            [],
        )
        .expect("two are out");
    assert!(by_hand.execute(to_wait, []).is_err());
    let ask = "UPDATE job SET fields = json_set(fields, '$.if_uncertain', 'ask')";
    assert!(by_hand.execute(ask, []).is_err(), "what its sender accepted stays");
    assert_eq!(show(&store, id).if_uncertain, Some(IfUncertain::SendOnceMore));
}

/// The programs before wrote a plain hash of the page into the row and the receipt: of a key that can be guessed.
#[test]
fn hashes_of_sheets_with_a_key_are_struck_out_of_an_older_store() {
    let (_folder, path) = place();
    file::create_version(&path, &Sealer::new(&key()), 5).expect("makes it");
    super::tests::jobs_of_an_older_store(&path);
    let old = outside(&path);
    old.execute_batch(
        "UPDATE attempt SET sheet_sha256 = x'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
            receipt = '{\"code\":\"rtn\",\"sheet_sha256\":\"0123456789abcdef\"}' WHERE ended_at IS NOT NULL;
         INSERT INTO event (at, client, job, attempt, name, detail)
         SELECT 0, 'exchange', job, id, 'uncertain', '{\"receipt\":{\"code\":\"rtn\",\"sheet_sha256\":\"0123456789abcdef\"}}'
         FROM attempt WHERE ended_at IS NOT NULL;",
    )
    .expect("as it was");
    drop(old);
    drop(open(&path));
    let octets = fs::read(&path).expect("reads");
    let hash = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    assert!(!octets.windows(hash.len()).any(|part| part == hash), "in the row");
    assert!(!octets.windows(16).any(|part| part == b"0123456789abcdef"), "in the receipt");
    let kept: i64 = outside(&path)
        .query_row("SELECT count(*) FROM event WHERE detail LIKE '%rtn%'", [], |row| row.get(0))
        .expect("counts");
    assert!(kept > 0, "the rest of the receipt stays");
}

#[test]
fn uncertain_ones_of_an_older_store_are_reminded_of() {
    let (_folder, path) = place();
    file::create_version(&path, &Sealer::new(&key()), 5).expect("makes it");
    super::tests::jobs_of_an_older_store(&path);
    let (store, _) = open(&path);
    assert!(store.sweep(after_min(60)).wait().is_ok());
    assert_eq!(
        feed(&store, 0, 100).iter().filter(|event| event.name == "uncertain_open").count(),
        1
    );
}
