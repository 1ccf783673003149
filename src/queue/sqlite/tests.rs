//! What stands on the disk: files that are refused, secrets that are gone, rules that the schema keeps.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::app::clock::Stopwatch;
use crate::job::examples::{CANARIES, TUESDAY_10_00 as NOW, first_contact};
use crate::job::{AttemptState, Channel, JobState, Kind, Language, NewJob};
use crate::office::identity::Said;
use crate::office::known::{LONGEST, Lesson, Taught, VOICE_CALLS};
use crate::queue::contract::{
    PLACE, accept, after_min, by_mail, call_record, claim, claim_mail, client, confirmed, contract,
    dial, feed, mailed, not_sent, ordered, received, refused_mail, request, show, start_page,
    then_fax, to_number,
};
use crate::schedule::backoff;
use crate::schedule::windows::Hours;
use crate::settle::receipts::Report;
use crate::settle::{Next, Reach};

pub(super) fn key() -> StoreKey {
    StoreKey::new([42; 32])
}

/// A folder that goes away with the test, and the place of a store in it.
pub(super) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    (folder, path)
}

pub(super) fn open(path: &Path) -> (Sqlite, Recovered) {
    Sqlite::open(path, &key(), Windows::Always, NOW).expect("opens")
}

fn new() -> (Sqlite, TempDir) {
    let (folder, path) = place();
    (open(&path).0, folder)
}

contract! {
    new();
    confirmed_call_leaves_every_rung,
    every_kind_in_either_language_comes_back_as_it_was_handed_in,
    same_key_64_times_at_once_is_one_job,
    same_key_other_body_is_told_apart_and_stores_nothing,
    same_key_of_another_client_is_another_job,
    earlier_request_is_known_by_client_key_and_body,
    urgent_goes_first_then_the_longest_due,
    one_call_at_a_time_to_a_number_and_on_a_line,
    job_waits_for_not_before_and_expires_at_not_after,
    no_job_is_claimed_past_its_end_however_many_ran_out,
    uncertain_key_that_nobody_decides_is_closed_as_not_delivered_when_it_runs_out,
    uncertain_notice_can_be_decided_for_a_week_after_its_end,
    busy_job_comes_back_when_due_and_counts_its_calls,
    call_that_never_left_the_modem_does_not_count,
    fourth_unanswered_call_in_three_minutes_rests_over_all_jobs,
    answered_call_ends_the_count_of_the_redial_rule,
    calls_to_a_number_are_told_to_whoever_else_would_call_it,
    clock_set_back_holds_a_number_back_for_three_minutes_only,
    answer_before_the_clock_was_set_back_does_not_hide_later_calls,
    cancel_by_state,
    cancel_in_the_call_wins_against_the_page_that_has_not_begun,
    steps_out_of_order_are_refused,
    key_that_may_be_on_paper_is_never_sent_again,
    key_accepted_to_go_once_more_is_a_copy_and_then_somebody_decides,
    notice_that_may_be_on_paper_is_sent_again_and_counted,
    notice_withdrawn_after_a_sheet_that_may_be_out_is_not_said_to_be_cancelled,
    notice_whose_number_is_a_telephone_by_now_is_left_uncertain,
    notice_withdrawn_during_its_page_is_not_sent_again,
    key_withdrawn_at_a_page_that_never_left_is_cancelled_and_not_sent,
    notice_whose_time_ends_before_the_copy_is_uncertain_and_closed_a_week_later,
    page_that_never_left_after_all_may_be_tried_again,
    feed_goes_on_after_its_cursor,
    list_filters_and_pages_newest_first,
    notifications_are_counted_wherever_they_go,
    what_is_over_is_forgotten_with_its_key_and_nothing_that_can_still_change,
    reader_of_the_feed_is_told_when_he_has_missed_something_for_good,
    calls_of_all_lines_are_listed_newest_first_and_name_only_own_jobs,
    calls_are_forgotten_when_they_are_old_and_their_ids_never_come_back,
    whole_number_or_broken_trace_of_a_call_is_refused,
    rotated_key_goes_as_the_next_version_and_starts_anew,
    key_sent_again_by_decision_is_a_copy_and_needs_another_decision_for_the_next,
    same_decision_again_has_the_same_answer_and_any_other_comes_too_late,
    same_words_without_a_name_decide_anew_once_it_is_uncertain_anew,
    closed_one_is_final_with_the_word_of_whoever_closed_it,
    decisions_are_forgotten_with_their_notification,
    withdrawn_one_can_still_be_sent_by_decision,
    login_with_a_sheet_that_is_void_by_now_gives_up_the_next,
    mail_that_may_have_arrived_goes_by_fax_by_decision,
    notice_whose_time_is_over_is_sent_again_with_a_new_end_only,
    those_who_have_to_decide_are_reminded_after_an_hour_and_after_eight,
    nobody_is_reminded_of_what_a_receipt_may_yet_decide,
    lesson_of_a_call_is_there_for_the_next_claim_of_its_number,
    lesson_of_a_refused_settlement_is_not_learnt,
    key_is_not_called_once_its_office_has_shut_moved_or_counts_anew,
    number_is_proven_by_whoever_has_the_sheet_since_it_was_sent,
    hundred_notifications_to_a_person_are_two_calls,
    hundred_notifications_without_a_fax_tone_are_three_calls_a_day_and_none_is_lost,
    job_that_waits_for_a_fax_tone_is_due_when_a_technician_has_seen_to_it,
    locks_stay_until_they_are_lifted_and_forgetting_takes_all,
    numbers_are_listed_newest_first_without_saying_one,
    mail_is_claimed_as_it_was_accepted_and_leaves_every_rung,
    repetition_tells_the_channel_of_the_acceptance_even_after_the_fax,
    refused_mail_comes_by_fax_with_the_reason,
    mails_that_no_relay_took_go_by_fax_before_it_is_too_late,
    deferred_mail_comes_again_and_counts_its_tries,
    four_lanes_at_once_take_each_mail_once,
    one_mail_at_a_time_in_a_lane,
    held_domain_is_passed_over_however_much_waits_for_it,
    urgent_mail_goes_first_and_one_past_its_end_never,
    steps_of_a_mail_out_of_order_are_refused,
    mail_withdrawn_before_its_dot_is_cancelled_and_after_it_no_fax_follows,
    office_is_as_each_client_has_reported_it,
    delivery_is_a_rung_and_a_login_the_proof,
    mail_that_comes_back_goes_by_fax_at_once_however_late,
    withdrawn_mail_that_comes_back_is_cancelled,
    mail_of_the_box_is_taken_in_once_wherever_it_is_moved,
    mail_that_is_no_receipt_of_ours_moves_the_place_and_nothing_else,
    report_that_overtakes_the_result_is_asked_for_again,
    mail_that_nobody_follows_comes_by_fax_when_the_watch_is_over,
    fax_that_waits_is_given_up_when_somebody_reads_the_mail_after_all,
    mail_without_a_reply_is_not_mailed_again_and_the_sent_copy_tells,
    mail_without_a_reply_and_without_a_word_comes_by_fax,
    sign_closes_a_call_that_nobody_was_sure_of,
    mail_withdrawn_before_or_after_its_watch_does_not_come_by_fax_when_it_comes_back_late,
    login_that_overtakes_the_reply_to_the_dot_is_the_proof_when_that_comes,
    login_during_the_call_after_an_unread_mail_ends_it_with_the_call,
    whatever_comes_in_during_an_attempt_its_end_is_stored_and_true,
    domains_are_told_apart_by_what_became_of_their_mails,
    reports_without_end_are_not_kept_without_end,
    line_without_leave_for_keys_gets_the_next_sheet_without_one,
    number_whose_provider_has_not_answered_is_not_called,
    key_that_a_provider_could_not_send_is_sent_again_and_one_that_may_be_out_is_not,
    key_that_ran_out_at_a_provider_is_destroyed_and_its_answer_still_counts,
    while_everything_is_held_nothing_is_claimed_and_all_else_goes_on,
    what_runs_out_while_everything_is_held_expires,
    one_that_is_held_is_passed_over_and_comes_back_with_its_turn,
    one_that_is_held_can_be_cancelled_and_its_time_runs_out,
}

/// A connection beside the store's own, as a technician's `sqlite3` would be.
pub(super) fn outside(path: &Path) -> Connection {
    Connection::open(path).expect("opens")
}

#[test]
fn watched_row_that_cannot_be_read_holds_up_neither_the_others_nor_the_box() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let broken = accept(&store, request("broken", |_| {}));
    let token = ordered(&store, true).token.expect("a provider's line asked");
    let (sound, _) = mailed(&store, "sound");
    let hand = outside(&path);
    hand.execute_batch("DROP TRIGGER job_destination_stays").expect("done");
    let edited = hand.execute("UPDATE job SET kind = 'riddle' WHERE id = ?1", [broken.to_string()]);
    assert_eq!(edited, Ok(1));
    let report = received(1, token, Report::FaxSent { pages: None });
    assert_eq!(store.receive(report).wait(), Ok(Received::UnknownAttempt));
    assert_eq!(store.inbox_place().wait(), Ok(Some(PLACE)), "the box goes on");
    let call = claim(&store, then_fax().until, "line1").expect("the lines go on");
    assert_eq!(call.id, sound);
    let state_and_reason: (String, String) = hand
        .query_row("SELECT state, reason FROM job WHERE id = ?1", [broken.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("the row is there");
    assert_eq!(state_and_reason, ("uncertain".into(), "record-unreadable".into()));
}

fn refusal(path: &Path) -> String {
    match Sqlite::open(path, &key(), Windows::Always, NOW) {
        Err(QueueError::Broken { detail }) => detail,
        Err(other) => panic!("another refusal: {other:?}"),
        Ok(_opened) => panic!("{} was opened", path.display()),
    }
}

/// Everything in the folder, by name.
fn contents(folder: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .expect("lists")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-lock"))
        .map(|path| (path.clone(), fs::read(&path).expect("reads")))
        .collect();
    files.sort();
    files
}

/// A copy of what the files hold at this moment, without the process that wrote them.
fn as_after_a_power_cut(folder: &TempDir) -> (TempDir, PathBuf) {
    let (copy, path) = place();
    for (from, octets) in contents(folder) {
        let name = from.file_name().expect("a name");
        if !name.to_string_lossy().ends_with("-shm") {
            fs::write(copy.path().join(name), octets).expect("copies");
        }
    }
    (copy, path)
}

fn contains(octets: &[u8], text: &[u8]) -> bool {
    octets.windows(text.len()).any(|part| part == text)
}

#[test]
fn sqlite_is_free_of_the_wal_reset_defect() {
    // Fixed in 3.51.3: two connections and a checkpoint could lose pages.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn every_connection_is_set_for_durability() {
    let (store, _folder) = new();
    let set = store
        .writer
        .submit(|conn, _effects| {
            let get = |pragma: &str| {
                conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            };
            Ok((get("synchronous")?, get("secure_delete")?, get("foreign_keys")?))
        })
        .wait();
    assert_eq!(set, Ok((2, 1, 1)), "FULL, on, on");
}

#[test]
fn accepted_job_is_in_the_files_when_the_answer_comes() {
    let (store, folder) = new();
    let pending: Vec<_> = (0..300)
        .map(|i| store.accept(request(&format!("key-{i}"), to_number("0312345678"))))
        .collect();
    let ids: Vec<JobId> = pending
        .into_iter()
        .map(|pending| match pending.wait() {
            Ok(Accepted::New { id, .. }) => id,
            other => panic!("not new: {other:?}"),
        })
        .collect();
    let (_copy, path) = as_after_a_power_cut(&folder);
    let (reopened, _) = open(&path);
    assert!(ids.into_iter().all(|id| show(&reopened, id).state == JobState::Waiting));
}

#[test]
fn second_process_is_refused_until_the_first_has_closed() {
    let (_folder, path) = place();
    let (first, _) = open(&path);
    let second = Sqlite::open(&path, &key(), Windows::Always, NOW).err();
    assert_eq!(second, Some(QueueError::InUse));
    drop(first);
    open(&path);
}

#[test]
fn closing_leaves_one_whole_file_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    drop(store);
    let names: Vec<PathBuf> = contents(&folder).into_iter().map(|(path, _)| path).collect();
    let beside = ["", "-mark", "-reserve"].map(|suffix| file::with_suffix(&path, suffix));
    assert_eq!(names, beside, "one file, and what lies beside every store");
    for path in names {
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

/// One job in each state in a store of an older version, written as the programs of that time wrote them: each with
/// the call that brought it there.
pub(super) fn jobs_of_an_older_store(path: &Path) -> Vec<(JobId, JobState)> {
    let old = outside(path);
    let content = first_contact().content;
    let credentials = content.credentials().expect("has some");
    let fields = r#"{"sender_office_number":"1379900028","sender_office_name":"ひまわり居宅介護支援事業所",
        "sender_phone":"03-9876-5432","recipient_office_name":"さくらデイサービス☺\ufe0f","documents":[["提供票",2]],
        "valid_until":null}"#;
    let has = |table: &str, column: &str| -> bool {
        let sql = "SELECT count(*) > 0 FROM pragma_table_info(?1) WHERE name = ?2";
        old.query_row(sql, [table, column], |row| row.get(0)).expect("a table")
    };
    let (channel, fax) = if has("job", "channel") { (", channel", ", 'fax'") } else { ("", "") };
    let mark = if has("attempt", "sheet_mark") { "sheet_mark" } else { "sheet_sha256" };
    let write = |number: u128, state: JobState| {
        let id = JobId::new(NOW, number);
        let sealed = Sealer::new(&key()).seal(id, FIRST_VERSION, credentials).expect("seals");
        old.execute(
            &format!(
                "INSERT INTO job (id, client, idempotency_key, fingerprint, state, reason, kind, urgency,
                    office_number, fax_digits, fields, sealed, sealed_version, accepted_at, not_before,
                    not_after, due_at{channel})
                 VALUES (?1, 'exchange', ?2, zeroblob(32), 'waiting', 'first-turn', 'first_contact', 0,
                    '1179900012', ?3, ?4, ?5, 1, ?6, NULL, ?7, ?6{fax})"
            ),
            rusqlite::params![
                id.to_string(),
                state.as_str(),
                format!("031234000{number}"),
                fields,
                sealed,
                NOW.0,
                after_min(24 * 60).0,
            ],
        )
        .expect("as it was");
        old.execute(
            "UPDATE job SET state = ?2, due_at = iif(?2 = 'waiting', due_at, NULL),
                sealed = iif(?3, NULL, sealed) WHERE id = ?1",
            rusqlite::params![id.to_string(), state.as_str(), state.is_final()],
        )
        .expect("as it was");
        old.execute(
            "INSERT INTO event (at, client, job, name, detail) VALUES (?1, 'exchange', ?2, 'accepted', '{}')",
            rusqlite::params![NOW.0, id.to_string()],
        )
        .expect("as it was");
        let call = match state {
            JobState::Sending => Some((AttemptState::Dialing, None)),
            JobState::Uncertain | JobState::ResolvedDelivered | JobState::ResolvedNotDelivered => {
                Some((AttemptState::Uncertain, Some("rtn")))
            }
            JobState::Confirmed => Some((AttemptState::Confirmed, Some("delivered"))),
            JobState::Failed => Some((AttemptState::NotSent, Some("voice"))),
            JobState::HandedOff
            | JobState::Waiting
            | JobState::Hold
            | JobState::Expired
            | JobState::Cancelled => None,
        };
        if let Some((attempt, code)) = call {
            old.execute(
                &format!(
                    "INSERT INTO attempt (job, number, line, fax_digits, state, code, reach, {mark},
                        claimed_at, dialled_at, page_started_at, ended_at{channel})
                     SELECT id, 1, 'line1', fax_digits, ?2, ?3, iif(?3 IS NULL, NULL, 'answered'),
                        zeroblob(32), ?4, ?4, iif(?2 IN ('uncertain', 'confirmed'), ?4, NULL),
                        iif(?3 IS NULL, NULL, ?4){fax}
                     FROM job WHERE id = ?1"
                ),
                rusqlite::params![id.to_string(), attempt.as_str(), code, NOW.0],
            )
            .expect("as it was");
        }
        (id, state)
    };
    // Handing over came with version 5.
    let old = JobState::ALL.iter().filter(|state| **state != JobState::HandedOff);
    (0..).zip(old).map(|(number, state)| write(number, *state)).collect()
}

/// How many, and the highest id: one that was used is never used again.
fn rows(path: &Path, table: &str) -> (i64, i64) {
    outside(path)
        .query_row(
            "SELECT (SELECT count(*) FROM attempt), seq FROM sqlite_sequence WHERE name = ?1",
            [table],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("counts")
}

/// Every table, index and trigger, as SQL.
fn schema(path: &Path) -> Vec<(String, Option<String>)> {
    let conn = outside(path);
    let mut rows = conn.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").expect("SQL");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// One that is not would keep everything from being forgotten.
#[test]
fn whatever_refers_to_a_notification_goes_with_it_when_it_is_forgotten() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    let mut statement = conn
        .prepare(
            "SELECT child.name, refers.\"table\", refers.on_delete
             FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS refers
             WHERE child.type = 'table'",
        )
        .expect("SQL");
    let refers: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    assert!(refers.len() >= 5, "{refers:?}");
    for (table, to, on_delete) in refers {
        let part = format!("DELETE FROM {table} ");
        let goes = forget::PARTS.iter().any(|sql| sql.starts_with(&part)) || on_delete == "CASCADE";
        assert!(goes || !["job", "attempt", "event"].contains(&to.as_str()), "{table} keeps {to}");
    }
}

/// Whether the schema has counted as many of each as there are.
fn is_tallied(path: &Path) -> bool {
    outside(path)
        .query_row(
            "WITH truth AS (
                SELECT state, channel, urgency, coalesce(due_at / 3600000, -1), count(*) FROM job GROUP BY 1, 2, 3, 4)
             SELECT (SELECT count(*) FROM (SELECT * FROM tally WHERE jobs > 0 EXCEPT SELECT * FROM truth))
                + (SELECT count(*) FROM (SELECT * FROM truth EXCEPT SELECT * FROM tally)) = 0",
            [],
            |row| row.get(0),
        )
        .expect("counts")
}

#[test]
fn store_of_each_version_is_brought_up_to_date_with_its_jobs_in_every_state() {
    let (_of_the_new, new) = place();
    drop(open(&new));
    // Later ones have the columns of mails, and their jobs are left as they are.
    for version in 1..5 {
        let (_folder, path) = place();
        file::create_version(&path, &Sealer::new(&key()), version).expect("makes it");
        let jobs = jobs_of_an_older_store(&path);
        let attempts = rows(&path, "attempt");
        let (store, recovered) = open(&path);
        assert_eq!(recovered, Recovered { in_call: 1, ..Recovered::default() });
        assert_eq!(rows(&path, "attempt"), attempts, "from version {version}");
        let feed = feed(&store, 0, 100);
        let accepted = feed.iter().filter(|event| event.name == "accepted").map(|event| event.job);
        assert!(accepted.eq(jobs.iter().map(|(id, _)| *id)), "from version {version}");
        assert_eq!(schema(&path), schema(&new), "from version {version}");
        for (id, state) in &jobs {
            let is_now = if *state == JobState::Sending { JobState::Waiting } else { *state };
            assert_eq!(show(&store, *id).state, is_now, "from version {version}, {state}");
        }
        assert!(is_tallied(&path), "from version {version}");
        let got = claim(&store, NOW, "line1").expect("due");
        assert!(is_tallied(&path), "from version {version}");
        assert_eq!(Some(&(got.id, JobState::Waiting)), jobs.first());
        assert_eq!((got.job.language, got.job.kind()), (Language::Japanese, Kind::FirstContact));
        assert_eq!(got.job.content.documents().len(), 1);
        let name = got.job.recipient.office_name.as_str();
        assert_eq!(name, "さくらデイサービス☺\u{FE0F}", "as the rules of its day let it through");
        let credentials = got.job.content.credentials().expect("has some");
        assert_eq!(credentials.first_time_key.expose(), CANARIES[2]);
        dial(&store, got.attempt, NOW);
        start_page(&store, got.attempt);
        assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
        // Its interrupted neighbour goes on, too.
        let next = claim(&store, after_min(5), "line1").map(|got| (got.id, JobState::Sending));
        assert!(next.is_some_and(|next| jobs.contains(&next)), "from version {version}");
    }
}

#[test]
fn secret_without_its_kind_and_kind_without_its_secret_are_not_stored() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let by_hand = outside(&path);
    let copy = |kind: &str, sealed: &str| {
        by_hand.execute(
            &format!(
                "INSERT INTO job (id, client, idempotency_key, fingerprint, state, kind, urgency, office_number,
                    fax_digits, fields, sealed, accepted_at, not_after, due_at, channel)
                 SELECT '1' || substr(id, 2, 24) || '{kind}', client, '{kind}', fingerprint, state,
                    iif('{kind}' = 'K', 'first_contact', 'message'), urgency, office_number, fax_digits,
                    fields, {sealed}, accepted_at, not_after, due_at, channel
                 FROM job LIMIT 1"
            ),
            [],
        )
    };
    assert!(copy("K", "NULL").is_err(), "a first contact without a key");
    assert!(copy("M", "sealed").is_err(), "a message with one");
    assert!(copy("M", "NULL").is_ok(), "else this test proves nothing");
}

#[test]
fn memory_on_the_disk_is_sealed_bound_to_its_number_and_gone_when_forgotten() {
    let (store, folder) = new();
    let path = folder.path().join("store.db");
    let number = |digits: &str| FaxNumber::parse(digits).expect("valid");
    let lock = |name: &str| {
        Some(Lock {
            fastest: None,
            no_ecm: false,
            no_t85: false,
            identity: Said::read(name),
            at: NOW,
        })
    };
    assert_eq!(store.lock(number("0311111111"), lock("FIRST CENTER"), NOW).wait(), Ok(true));
    assert_eq!(store.lock(number("0322222222"), lock("SECOND CENTER"), NOW).wait(), Ok(true));
    let on_disk =
        |text: &str| contents(&folder).iter().any(|(_, octets)| contains(octets, text.as_bytes()));
    assert!(on_disk("0311111111") && !on_disk("FIRST CENTER"));
    let known = |digits| store.known(number(digits)).wait();
    outside(&path)
        .execute_batch(
            "UPDATE number SET remembered = (SELECT remembered FROM number WHERE id = 1) WHERE id = 2",
        )
        .expect("moves");
    assert!(matches!(known("0311111111"), Ok(Some(Ok(_)))));
    let another = known("0322222222");
    assert_eq!(another, Ok(Some(Err(Unreadable { locked: true }))), "another's does not open");
    assert_eq!(store.forget(number("0311111111"), NOW).wait(), Ok(true));
    drop(store);
    assert!(!on_disk("0311111111"));
}

/// The file is damaged where it says what is remembered of a number.
fn spoil_what_is_remembered(folder: &TempDir) {
    outside(&folder.path().join("store.db"))
        .execute_batch("UPDATE number SET remembered = zeroblob(40)")
        .expect("spoils");
}

#[test]
fn number_whose_lock_cannot_be_read_is_not_called_until_a_technician_says_what_holds() {
    let (store, folder) = new();
    let number = || FaxNumber::parse("0322222222").expect("valid");
    let lock = Lock {
        fastest: None,
        no_ecm: false,
        no_t85: false,
        identity: Said::read("CENTER"),
        at: NOW,
    };
    assert_eq!(store.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    spoil_what_is_remembered(&folder);
    let id = accept(&store, request("a", to_number("0322222222")));
    assert!(claim(&store, NOW, "line1").is_none());
    let view = show(&store, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Failed, Some("number-unreadable")));
    let listed = store.numbers(None, 10).wait().expect("answers");
    assert_eq!(listed[0].known, Err(Unreadable { locked: true }));

    assert_eq!(store.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    accept(&store, request("b", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("called again");
    assert_eq!(got.known.lock, Some(lock));
    // A lock that nobody can read can be lifted, too.
    spoil_what_is_remembered(&folder);
    assert_eq!(store.lock(number(), None, NOW).wait(), Ok(true));
    assert_eq!(store.known(number()).wait(), Ok(Some(Ok(Known::default()))));
}

#[test]
fn memory_that_cannot_be_read_is_not_written_over_by_what_a_call_teaches() {
    let (store, folder) = new();
    let number = || FaxNumber::parse("0322222222").expect("valid");
    accept(&store, request("a", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("due");
    // As a lock that was set in the call, and damaged.
    let lock = Lock { fastest: None, no_ecm: true, no_t85: false, identity: None, at: NOW };
    assert_eq!(store.lock(number(), Some(lock), NOW).wait(), Ok(true));
    spoil_what_is_remembered(&folder);
    dial(&store, got.attempt, NOW);
    let ended = not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    let lesson = Lesson { result: Some(Taught::Training), ..Lesson::default() };
    let ended = Settlement { lesson: Some(lesson), ..ended };
    assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
    accept(&store, request("b", to_number("0322222222")));
    assert!(claim(&store, NOW, "line1").is_none(), "the call wrote the lock away");
}

#[test]
fn person_who_answers_at_a_number_whose_memory_was_lost_is_not_rung_for_each_notification() {
    let (store, folder) = new();
    let to_a_person = |key: &str, now: UnixMillis| {
        let id = accept(&store, request(key, to_number("0322222222")));
        let Some(got) = claim(&store, now, "line1") else { return show(&store, id).reason };
        dial(&store, got.attempt, now);
        let lesson = Lesson { result: Some(Taught::Voice), ..Lesson::default() };
        let ended = not_sent(now, Reach::Answered, Next::Rest(JobState::Failed));
        let ended = Settlement { lesson: Some(lesson), ..ended };
        assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
        None
    };
    assert_eq!(to_a_person("a", NOW), None);
    spoil_what_is_remembered(&folder);
    let listed = store.numbers(None, 10).wait().expect("answers");
    assert_eq!(listed[0].known, Err(Unreadable { locked: false }));
    for call in 1..=VOICE_CALLS {
        assert_eq!(to_a_person(&format!("b{call}"), NOW), None, "learns anew");
    }
    assert_eq!(to_a_person("c", NOW).as_deref(), Some("number-is-a-telephone"));
}

#[test]
fn number_that_nobody_would_believe_any_more_leaves_the_disk() {
    let (store, folder) = new();
    accept(&store, request("a", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    let lesson = Lesson { result: Some(Taught::Training), ..Lesson::default() };
    let ended = not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    let ended = Settlement { lesson: Some(lesson), ..ended };
    assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
    let mut effects = Vec::new();
    let conn = outside(&folder.path().join("store.db"));
    claim::sweep(&conn, &Windows::Always, NOW, &mut effects).expect("sweeps");
    assert_eq!(effects, [], "nothing is old");
    claim::sweep(&conn, &Windows::Always, NOW.after(LONGEST + LONGEST), &mut effects)
        .expect("sweeps");
    assert_eq!(effects, [writer::Effect::SecretDestroyed], "the log is cut after it");
}

#[test]
fn files_that_are_not_a_store_are_refused_and_left_alone() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 9] = [
        ("empty", |path| fs::write(path, b"").expect("writes"), "is empty"),
        ("text", |path| fs::write(path, [b'x'; 4096]).expect("writes"), "not a database"),
        (
            "another program's",
            |path| outside(path).execute_batch("CREATE TABLE theirs (a)").expect("creates"),
            "not a store of this program",
        ),
        (
            "newer",
            |path| {
                open(path);
                outside(path).pragma_update(None, "user_version", 99).expect("sets");
            },
            "has schema 99, this program knows",
        ),
        (
            "cut short",
            |path| {
                open(path);
                let octets = fs::read(path).expect("reads");
                fs::write(path, &octets[..octets.len() / 2]).expect("writes");
            },
            "",
        ),
        (
            "with a damaged page",
            |path| {
                open(path);
                let mut octets = fs::read(path).expect("reads");
                octets[4096..4200].fill(0xAA);
                fs::write(path, octets).expect("writes");
            },
            "",
        ),
        (
            "sealed with another key",
            |path| {
                let other = StoreKey::new([43; 32]);
                Sqlite::open(path, &other, Windows::Always, NOW).expect("opens");
            },
            "another key",
        ),
        ("a directory", |path| fs::create_dir(path).expect("creates"), "is a directory"),
        (
            "a symbolic link",
            |path| {
                let elsewhere = path.with_file_name("elsewhere.db");
                open(&elsewhere);
                std::os::unix::fs::symlink(&elsewhere, path).expect("links");
            },
            "is a symbolic link",
        ),
    ];
    for (name, spoil, says) in cases {
        let (folder, path) = place();
        spoil(&path);
        let before = contents(&folder);
        let detail = refusal(&path);
        assert!(detail.contains(says), "{name}: {detail}");
        let after = contents(&folder);
        assert!(before.iter().all(|file| after.contains(file)), "{name}: a file was changed");
    }
}

#[test]
fn refused_store_keeps_its_log() {
    let (store, folder) = new();
    accept(&store, request("a", |_| {}));
    let newer = store.writer.submit(|conn, _effects| {
        conn.pragma_update(None, "user_version", 99)?;
        Ok(())
    });
    assert_eq!(newer.wait(), Ok(()));
    let (copy, path) = as_after_a_power_cut(&folder);
    let before = contents(&copy);
    assert!(before.iter().any(|(name, log)| name.ends_with("store.db-wal") && !log.is_empty()));
    assert!(refusal(&path).contains("schema 99"));
    let after = contents(&copy);
    assert!(before.iter().all(|file| after.contains(file)), "the log was written back");
}

#[test]
fn log_without_its_store_is_not_read_into_a_new_one() {
    let (folder, path) = place();
    fs::write(folder.path().join("store.db-wal"), b"frames of some other store").expect("writes");
    assert!(refusal(&path).contains("without its store"));
    assert!(!path.exists());
}

#[test]
fn creation_that_was_cut_short_is_done_again() {
    let (folder, path) = place();
    fs::write(folder.path().join("store.db-new"), b"half").expect("writes");
    open(&path);
}

#[test]
fn secrets_are_never_in_the_files_and_their_seal_is_gone_with_the_final_state() {
    let (folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    start_page(&store, got.attempt);
    let sealed: Vec<u8> = outside(&path)
        .query_row("SELECT sealed FROM job", [], |row| row.get(0))
        .expect("still there");
    let found = |text: &[u8]| contents(&folder).iter().any(|(_, octets)| contains(octets, text));
    assert!(found(&sealed), "else this test looks in the wrong place");
    assert!(found("さくらデイサービス".as_bytes()));

    assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    // The log is cut right after the answer; the next answer therefore comes after it.
    assert!(claim(&store, NOW, "line1").is_none());
    assert!(!found(&sealed[1..40]), "not even the sealed secret");
    assert!(!found(&sealed[sealed.len() - 40..]), "nor a part of it");
    for canary in CANARIES {
        assert!(!found(canary.as_bytes()), "{canary}");
    }
    drop(store);
    assert!(CANARIES.iter().all(|canary| !found(canary.as_bytes())));
}

#[test]
fn log_is_cut_later_if_a_reader_was_in_the_way() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let reader = outside(&path);
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    let log = path.with_file_name("store.db-wal");
    accept(&store, request("b", |_| {}));
    assert!(fs::metadata(&log).expect("is there").len() > 0, "the reader still needs it");
    drop(reader);
    // Closing waits for the writer, whose last act it is.
    drop(store);
    assert!(!log.exists());
}

#[test]
fn reader_that_stays_keeps_the_log_and_nobody_waits_for_it() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let reader = outside(&path);
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    let began = Stopwatch::start();
    for key in ["a", "b", "c", "d", "e", "f"] {
        let id = accept(&store, request(key, |_| {}));
        assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    }
    // Twelve seconds, if each group waited for the reader as long as for any other.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let log = path.with_file_name("store.db-wal");
    let length = || fs::metadata(&log).expect("is there").len();
    assert!(length() > 0, "the reader still needs it");
    drop(reader);
    while length() > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "it is not cut");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn seal_that_a_crash_left_in_the_log_is_gone_after_the_next_start() {
    let (folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let reader = outside(&path);
    let sealed: Vec<u8> =
        reader.query_row("SELECT sealed FROM job", [], |row| row.get(0)).expect("sealed");
    // It keeps the log from being cut until the crash.
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    let (copy, path) = as_after_a_power_cut(&folder);
    let found = || contents(&copy).iter().any(|(_, octets)| contains(octets, &sealed[1..40]));
    assert!(found(), "else there was no crash");
    let (restarted, _) = open(&path);
    assert!(!found());
    drop(restarted);
}

#[test]
fn final_states_never_change_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    start_page(&store, got.attempt);
    assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    let changed_by_hand = [
        "UPDATE job SET state = 'waiting', due_at = 0",
        "UPDATE job SET state = 'failed'",
        "UPDATE job SET fax_digits = '0399999999'",
        "UPDATE job SET sealed = x'00'",
        "UPDATE attempt SET state = 'dialing', ended_at = NULL, code = NULL, reach = NULL",
        "UPDATE attempt SET state = 'not_sent'",
        "UPDATE event SET name = 'failed'",
        "UPDATE job SET state = 'delivered'",
    ];
    let by_hand = outside(&path);
    for sql in changed_by_hand {
        assert!(by_hand.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(show(&store, id).state, JobState::Confirmed);
}

#[test]
fn rules_of_mails_hold_whoever_asks() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("key", |_| {}));
    let (id, _) = mailed(&store, "mail");
    let by_hand = outside(&path);
    let on_mail = [
        "UPDATE job SET channel = 'mail' WHERE sealed IS NOT NULL",
        "UPDATE job SET sealed = x'00' WHERE channel = 'mail'",
        "UPDATE job SET mail_to = 'else@example.jp' WHERE channel = 'mail'",
        "UPDATE job SET channel = 'fax' WHERE channel = 'mail'",
        "UPDATE job SET watch_until = NULL, watch_then = NULL WHERE channel = 'mail'",
        "UPDATE job SET state = 'waiting', due_at = 0, watch_until = NULL, watch_then = NULL
            WHERE channel = 'mail'",
        "UPDATE attempt SET token = zeroblob(16)",
        "UPDATE attempt SET state = 'dot_sent', ended_at = NULL, code = NULL, reach = NULL",
    ];
    let refuse = |sql: &str| assert!(by_hand.execute(sql, []).is_err(), "{sql}");
    on_mail.into_iter().for_each(refuse);
    // By FAX it goes, and never back.
    assert!(store.sweep(then_fax().until).wait().is_ok());
    assert_eq!(show(&store, id).channel, Channel::Fax);
    let on_fax = [
        "UPDATE job SET channel = 'mail', fax_because = NULL WHERE mail_to IS NOT NULL",
        "UPDATE job SET fax_because = 'mail-bounced' WHERE mail_to IS NOT NULL",
    ];
    on_fax.into_iter().for_each(refuse);
}

#[test]
fn key_that_a_provider_has_leaves_the_disk_when_it_runs_out() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |job| job.not_after = after_min(20)));
    ordered(&store, true);
    let is_kept = || {
        let sealed = "SELECT sealed IS NOT NULL FROM job";
        outside(&path).query_row(sealed, [], |row| row.get::<_, bool>(0)).expect("one job")
    };
    let mut effects = Vec::new();
    claim::sweep(&outside(&path), &Windows::Always, UnixMillis(after_min(20).0 - 1), &mut effects)
        .expect("sweeps");
    assert!(is_kept() && effects.is_empty(), "it may have to be sent again");
    claim::sweep(&outside(&path), &Windows::Always, after_min(20), &mut effects).expect("sweeps");
    assert!(!is_kept());
    assert_eq!(effects, [writer::Effect::SecretDestroyed], "the log is cut after it");
}

#[test]
fn rules_that_the_look_at_the_file_leaves_out_hold_in_the_open_store() {
    let (_folder, path) = place();
    for _made_then_found in 0..2 {
        let store = open(&path).0;
        let write = |sql: &'static str| {
            store.writer.submit(move |conn, _effects| Ok(conn.execute(sql, [])?)).wait()
        };
        assert_eq!(write("INSERT INTO tally VALUES ('waiting', 'fax', 0, 0, 0)"), Ok(1));
        assert!(write("UPDATE tally SET jobs = -1").is_err());
        assert_eq!(write("DELETE FROM tally"), Ok(1));
    }
}

/// How SQLite would go about it.
pub(super) fn plan(conn: &Connection, sql: &str) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
    let parameters = statement.parameter_count();
    for parameter in 1..=parameters {
        statement.raw_bind_parameter(parameter, 1).expect("binds");
    }
    let mut rows = statement.raw_query();
    let mut plan = String::new();
    while let Some(row) = rows.next().expect("plans") {
        plan += &row.get::<_, String>("detail").expect("a detail");
        plan.push('\n');
    }
    plan
}

#[test]
fn turns_are_found_by_an_index_and_not_by_sorting_all_that_waits() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    for (sql, index) in [
        (mails::IN_ROW.to_owned(), "job_mail_turn "),
        (mails::NEXT_DOMAIN.to_owned(), "job_mail_turn_of_domain "),
        (mails::FIRST_OF_DOMAIN.to_owned(), "job_mail_turn_of_domain "),
        (claim::in_turn(true), "job_turn "),
        (claim::in_turn(false), "job_turn_without_key "),
        (claim::in_turn(true), "job_awaited "),
        (receipts::WATCHES_OVER.to_owned(), "job_watch_end "),
    ] {
        let plan = plan(&conn, &sql);
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN job"), "{sql}\n{plan}");
    }
    let plan = plan(&conn, recover::OPEN);
    assert!(plan.contains("attempt_open_of_job") && !plan.contains("SCAN job"), "{plan}");
}

#[test]
fn changed_row_fails_without_a_call_and_the_next_job_goes_on() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let first = accept(&store, request("a", to_number("0311111111")));
    let second = accept(&store, request("b", to_number("0322222222")));
    let third = accept(&store, request("c", to_number("0333333333")));
    let by_hand = outside(&path);
    // The seals of two jobs change places: each was good, neither is where it belongs.
    by_hand
        .execute_batch(&format!(
            "DROP TRIGGER job_key_has_its_version;
             CREATE TEMP TABLE seal AS SELECT id, sealed FROM job;
             UPDATE job SET sealed = (SELECT sealed FROM seal WHERE id = '{second}')
                WHERE id = '{first}';
             UPDATE job SET sealed = (SELECT sealed FROM seal WHERE id = '{first}')
                WHERE id = '{second}';"
        ))
        .expect("changes");
    let got = claim(&store, NOW, "line1").expect("one is left");
    assert_eq!(got.id, third);
    for id in [first, second] {
        let view = show(&store, id);
        assert_eq!(view.state, JobState::Failed);
        assert_eq!(view.reason.as_deref(), Some("secret-unreadable"));
        assert!(view.attempts.is_empty());
    }
}

#[test]
fn caps_of_the_redial_rule_hold_over_a_restart() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    for key in ["a", "b", "c"] {
        accept(&store, request(key, |_| {}));
        let got = claim(&store, NOW, "line1").expect("allowed");
        dial(&store, got.attempt, NOW);
        let failed = Next::Rest(JobState::Failed);
        let settled = store.settle(got.attempt, not_sent(NOW, Reach::NoAnswer, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
    drop(store);
    let (store, _) = open(&path);
    accept(&store, request("d", |_| {}));
    assert!(claim(&store, after_min(2), "line1").is_none());
    assert!(claim(&store, after_min(3), "line1").is_some());
}

/// Nobody was rung: neither the tries of the job nor the redial rule count it, however often it happens.
#[test]
fn crash_before_dialling_costs_no_try_and_no_repetition() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    drop(store);
    for start in 1..=20 {
        let now = after_min(start);
        let (store, recovered) = Sqlite::open(&path, &key(), Windows::Always, now).expect("opens");
        assert_eq!(recovered.before_dial, u32::from(start > 1));
        let got = claim(&store, after_min(start + 1), "line1").expect("due after a minute");
        assert_eq!((got.id, got.standing.dials), (id, 0));
        let dialled = store.dialled(got.job.recipient.fax, now).wait().expect("answers");
        assert!(dialled.unanswered.is_empty());
        // Dropped before ATD.
    }
}

#[test]
fn broken_calls_use_up_a_job_like_others() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    drop(store);
    for call in 1..=backoff::MAX_DIALS {
        let (store, _) = open(&path);
        assert_eq!(show(&store, id).state, JobState::Waiting, "before call {call}");
        // An hour apart, so that the redial rule has no part in it.
        let now = after_min(60 * u64::from(call));
        let got = claim(&store, now, "line1").expect("due");
        assert_eq!(got.standing.dials, call - 1);
        dial(&store, got.attempt, now);
        // Dropped in the call.
    }
    let (store, recovered) = open(&path);
    assert_eq!(recovered.in_call, 1);
    assert_eq!(show(&store, id).state, JobState::Failed);
}

#[test]
fn full_store_refuses_and_takes_work_again_when_there_is_room() {
    let (store, _folder) = new();
    let limit = |pages: &'static str| {
        let set = store.writer.submit(move |conn, _effects| {
            let sql = format!("PRAGMA max_page_count={pages}");
            Ok(conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?)
        });
        assert!(set.wait().is_ok());
    };
    limit("1"); // SQLite takes the present size instead
    let full = (0..100).map(|i| store.accept(request(&i.to_string(), |_| {})).wait());
    let refusals: Vec<_> = full.filter(Result::is_err).collect();
    assert!(!refusals.is_empty());
    assert!(refusals.iter().all(|refusal| *refusal == Err(QueueError::Full)), "{refusals:?}");
    limit("100000");
    accept(&store, request("room", |_| {}));
}

#[test]
fn store_that_a_technician_holds_for_the_moment_is_in_use_and_not_broken() {
    let (_folder, path) = place();
    drop(open(&path));
    let technician = outside(&path);
    technician.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").expect("holds it");
    assert_eq!(Sqlite::open(&path, &key(), Windows::Always, NOW).err(), Some(QueueError::InUse));
    drop(technician);
    assert!(Sqlite::open(&path, &key(), Windows::Always, NOW).is_ok());
}

#[test]
fn traces_that_are_too_much_go_the_oldest_first_and_the_newest_stays() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    let record = |octets: usize| {
        let trace = format!("\"{}\"", "x".repeat(octets - 2));
        let call = CallRecord { trace, ..call_record(None, "line1", NOW) };
        calls::record(&conn, &call, 1000).expect("kept")
    };
    let kept = || -> Vec<i64> {
        let mut rows = conn.prepare("SELECT id FROM call ORDER BY id").expect("SQL");
        rows.query_map([], |row| row.get(0)).expect("rows").map(|id| id.expect("id")).collect()
    };
    let ids: Vec<i64> = [400, 300, 300].map(|octets| record(octets).0).into();
    assert_eq!(kept(), ids, "exactly full");
    let fourth = record(500).0;
    assert_eq!(kept(), [ids[2], fourth]);
    let alone = record(1000).0;
    assert_eq!(kept(), [alone]);
}

#[test]
fn mail_put_off_on_an_evening_is_tried_to_the_last_if_no_fax_can_begin_before_its_end() {
    let (_folder, path) = place();
    let windows = Windows::Hours(Hours::default());
    let (store, _) = Sqlite::open(&path, &key(), windows.clone(), NOW).expect("opens");
    let evening = after_min(8 * 60 + 5); // Tuesday 18:05
    let until = |key: &str, minutes: u64| {
        let request = by_mail(key, "care@example.jp");
        let job = NewJob { not_after: after_min(minutes), ..request.job };
        accept(&store, Acceptance { job, ..request })
    };
    let before_opening = until("before", 21 * 60); // Wednesday 7:00
    let after_opening = until("after", 23 * 60); // 9:00
    for attempt in [1, 2] {
        let mail = claim_mail(&store, evening, &format!("mail-{attempt}")).expect("its turn");
        let again = Next::Again { due: after_min(8 * 60 + 10), reason: "mail-deferred" };
        assert_eq!(store.settle(mail.attempt, refused_mail(again)).wait(), Ok(()));
    }
    let overdue = Overdue::at(evening, None, true, &windows);
    assert_eq!(store.give_up_mails(evening, overdue).wait(), Ok(1));
    let way = |id| (show(&store, id).channel, show(&store, id).due_at);
    assert_eq!(way(before_opening), (Channel::Mail, Some(after_min(8 * 60 + 10))));
    assert_eq!(way(after_opening), (Channel::Fax, Some(after_min(22 * 60 + 30))), "8:30");
}
