//! What stands on the disk. The stories of the contract, which any store must tell, are told of this one here.
//!
//! | file | holds |
//! |---|---|
//! | this one | the contract, and what the others are made of |
//! | `files.rs` | a store that is whole, durable, of one process, or refused |
//! | `versions.rs` | stores of older programs |
//! | `secrets.rs` | secrets that are gone from the files |
//! | `memory.rs` | what is remembered of numbers |
//! | `rules.rs` | rules that the schema keeps |
//! | `claims.rs` | turns, tries and what is kept of calls |

mod claims;
mod files;
mod memory;
mod rules;
mod secrets;
mod versions;

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
