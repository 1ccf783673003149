//! Choosing the next job for a free line, and ending what has run out.
//!
//! In: the time and the line. Out: a [`Claim`], one per line, per job and per number at a time.
//! Order: the highest urgency, then the longest due, then the first accepted.
//! Not here: calling hours (the caller does not ask outside them).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::changes::{event, move_idle_job, unconfirmed};
use super::fault::Fault;
use super::numbers;
use super::record::{self, JOB_COLUMNS, JobRow};
use super::writer::Effect;
use crate::job::{AttemptId, JobState, UnixMillis};
use crate::office::known::{Known, NotCalled};
use crate::office::redial::{self, Leave};
use crate::queue::seal::Sealer;
use crate::queue::{Claim, Dialled, LineAsk, Swept, Unreadable};
use crate::schedule::backoff::Cause;
use crate::settle::verdict::WITHOUT_SHEET;
use crate::settle::{Standing, TIME_TO_DECIDE};

/// Most jobs that one claim or sweep moves out of the way; the next one goes on. Keeps the transaction
/// short. Chosen.
const MOST_MOVED: usize = 256;

pub(super) fn claim(
    conn: &Connection,
    sealer: &Sealer,
    now: UnixMillis,
    ask: &LineAsk,
    effects: &mut Vec<Effect>,
) -> Result<Option<Claim>, Fault> {
    let line = ask.line.as_str();
    let line_is_busy: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE line = ?1 AND ended_at IS NULL)",
        )?
        .query_row([line], |row| row.get(0))?;
    if line_is_busy {
        return Err(Fault::NotAllowed {
            what: "a claim",
            from: "a line with an open attempt".into(),
        });
    }
    end_what_ran_out(conn, now, effects)?;
    for _moved in 0..MOST_MOVED {
        let Some(row) = next_due(conn, now)? else { return Ok(None) };
        let known = match numbers::recall(conn, sealer, &row.fax_digits)? {
            Some(Ok(known)) => known,
            None | Some(Err(Unreadable { locked: false })) => Known::default(),
            Some(Err(Unreadable { locked: true })) => {
                // Nobody can say any more which machine a technician meant.
                let code = "number-unreadable";
                tracing::error!(job = row.id, code, "queue.job.not_called");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
                continue;
            }
        };
        match known.not_called(now) {
            None => {}
            Some(NotCalled::Voice) => {
                // Persons are left in peace, and the client is told at once.
                let code = "number-is-a-telephone";
                tracing::error!(job = row.id, code, "queue.job.not_called");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
                continue;
            }
            Some(NotCalled::Toneless { until }) => {
                let reason = Cause::NoFaxTone.as_str();
                move_idle_job(conn, &row.id, now, JobState::Waiting, Some(until), reason, effects)?;
                continue;
            }
        }
        date_back(conn, &row.fax_digits, now)?;
        let unanswered = unanswered_calls(conn, &row.fax_digits, now)?;
        if let Leave::Rest { until } = redial::ask(&unanswered, now) {
            let reason = "redial-rule";
            move_idle_job(conn, &row.id, now, JobState::Waiting, Some(until), reason, effects)?;
            continue;
        }
        match row.open(sealer) {
            Ok((id, job)) => {
                let dials = dials(conn, &row.id)?;
                let (attempt, attempt_number) = open_attempt(conn, &row, now, line)?;
                let standing = Standing {
                    kind: job.kind(),
                    dials,
                    not_after: job.not_after,
                    toneless_calls: known.toneless_calls(now),
                    unconfirmed: unconfirmed(conn, &row.id)?,
                    without_sheet: without_sheet(conn, &row.id)?,
                    mailed: false,
                };
                let line = line.to_owned();
                return Ok(Some(Claim {
                    attempt,
                    attempt_number,
                    id,
                    line,
                    job,
                    standing,
                    known,
                    because: None,
                    token: None,
                    watch: None,
                }));
            }
            Err(code) => {
                tracing::error!(job = row.id, code, "queue.job.unreadable");
                move_idle_job(conn, &row.id, now, JobState::Failed, None, code, effects)?;
            }
        }
    }
    Ok(None)
}

/// The job whose turn it is, if its number is free.
fn next_due(conn: &Connection, now: UnixMillis) -> Result<Option<JobRow>, Fault> {
    // One range of the index for each urgency: what is due later is never walked over.
    for urgency in [1, 0] {
        let row = conn
            .prepare_cached(&format!(
                "SELECT {JOB_COLUMNS} FROM job
                 WHERE state = 'waiting' AND urgency = ?1 AND due_at <= ?2 AND not_after > ?2
                    AND NOT EXISTS (SELECT 1 FROM attempt
                        WHERE attempt.fax_digits = job.fax_digits AND attempt.ended_at IS NULL)
                 ORDER BY due_at, rowid LIMIT 1"
            ))?
            .query_row(params![urgency, now.0], JobRow::read)
            .optional()?;
        if row.is_some() {
            return Ok(row);
        }
    }
    Ok(None)
}

/// Calls that seem to lie in the future were made before the clock was set back, so just now at the
/// latest: dated so once, they hold the number back for no longer than the redial rule does.
fn date_back(conn: &Connection, fax_digits: &str, now: UnixMillis) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE attempt SET dialled_at = ?2 WHERE fax_digits = ?1 AND dialled_at > ?2",
    )?
    .execute(params![fax_digits, now.0])?;
    Ok(())
}

/// What a call that is no notification's has to know before it goes to a number.
pub(super) fn dialled(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
) -> Result<Dialled, Fault> {
    let is_on_call = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE fax_digits = ?1 AND ended_at IS NULL)",
        )?
        .query_row([fax_digits], |row| row.get(0))?;
    let mut unanswered = unanswered_calls(conn, fax_digits, now)?;
    unanswered.iter_mut().for_each(|at| *at = (*at).min(now));
    Ok(Dialled { is_on_call, unanswered })
}

/// The calls to a number since something last answered there, newest first: by their order, since the
/// clock may have jumped between them. A call whose ending is not known counts as unanswered; one that never left the modem does not count.
fn unanswered_calls(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
) -> Result<Vec<UnixMillis>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT dialled_at, reach IS 'answered' FROM attempt
         WHERE fax_digits = ?1 AND dialled_at > ?2 AND reach IS NOT 'no_call'
         ORDER BY id DESC",
    )?;
    let since = now.before(redial::MEMORY);
    let calls = statement.query_map(params![fax_digits, since.0], |row| {
        Ok((UnixMillis(row.get(0)?), row.get::<_, bool>(1)?))
    })?;
    let mut unanswered = Vec::new();
    for call in calls {
        let (at, answered) = call?;
        if answered {
            break;
        }
        unanswered.push(at);
    }
    Ok(unanswered)
}

/// Calls that went out for a job.
pub(super) fn dials(conn: &Connection, job: &str) -> Result<u32, Fault> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM attempt
             WHERE job = ?1 AND dialled_at IS NOT NULL AND reach IS NOT 'no_call'",
        )?
        .query_row([job], |row| row.get(0))?)
}

/// Ended attempts of a job for which there was no sheet.
pub(super) fn without_sheet(conn: &Connection, job: &str) -> Result<u32, Fault> {
    let [failed, not_proven] = WITHOUT_SHEET;
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM attempt
             WHERE job = ?1 AND dialled_at IS NULL AND code IN (?2, ?3)",
        )?
        .query_row([job, failed, not_proven], |row| row.get(0))?)
}

fn open_attempt(
    conn: &Connection,
    row: &JobRow,
    now: UnixMillis,
    line: &str,
) -> Result<(AttemptId, u32), Fault> {
    let (attempt, number) = conn
        .prepare_cached(
            "INSERT INTO attempt (job, number, line, fax_digits, state, claimed_at)
             SELECT ?1, 1 + count(*), ?2, ?3, 'claimed', ?4 FROM attempt WHERE job = ?1
             RETURNING id, number",
        )?
        .query_row(params![row.id, line, row.fax_digits, now.0], |row| {
            Ok((AttemptId(row.get(0)?), row.get(1)?))
        })?;
    conn.prepare_cached(
        "UPDATE job SET state = 'sending', due_at = NULL, reason = 'on-line' WHERE id = ?1",
    )?
    .execute([&row.id])?;
    let detail = json!({ "state": JobState::Sending.as_str(), "attempt": number, "line": line });
    event(conn, &row.id, Some(attempt), now, JobState::Sending.as_str(), detail)?;
    Ok((attempt, number))
}

/// Ends what has run out, and says when the next job is due.
pub(super) fn sweep(
    conn: &Connection,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Swept, Fault> {
    let ended = end_what_ran_out(conn, now, effects)?;
    numbers::delete_old(conn, now, effects)?;
    let next_due: Option<i64> = conn
        .prepare_cached(
            "SELECT min(due) FROM (
                SELECT min(due_at) AS due FROM job WHERE state = 'waiting' AND urgency = 1
                UNION ALL
                SELECT min(due_at) FROM job WHERE state = 'waiting' AND urgency = 0)",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(Swept { ended, next_due: next_due.map(UnixMillis), next_mail: None })
}

/// A job that waits too long expires, or is uncertain if a sheet of it may be out. One that nobody decided about is
/// closed as not delivered: at once if its secret would have to be kept any longer, otherwise when the time to decide
/// is over, too.
fn end_what_ran_out(
    conn: &Connection,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<u32, Fault> {
    let over: Vec<(String, String, bool)> = conn
        .prepare_cached(
            "SELECT id, state, sealed IS NOT NULL FROM job
             WHERE state IN ('waiting', 'hold', 'uncertain') AND not_after <= ?1
                AND (state <> 'uncertain' OR sealed IS NOT NULL OR not_after <= ?2)
             ORDER BY not_after LIMIT ?3",
        )?
        .query_map(params![now.0, now.before(TIME_TO_DECIDE).0, MOST_MOVED as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut ended = 0;
    for (job, state, has_secret) in over {
        let state: JobState = record::named(&state, "state")?;
        let is_undecided = state == JobState::Uncertain || unconfirmed(conn, &job)? > 0;
        let (state, reason) = match (is_undecided, has_secret) {
            (false, _) => (JobState::Expired, "not-after"),
            (true, true) => (JobState::ResolvedNotDelivered, "key-expired-unresolved"),
            (true, false) if state == JobState::Uncertain => {
                (JobState::ResolvedNotDelivered, "not-after-unconfirmed")
            }
            (true, false) => (JobState::Uncertain, "not-after-unconfirmed"),
        };
        move_idle_job(conn, &job, now, state, None, reason, effects)?;
        ended += 1;
    }
    Ok(ended)
}
