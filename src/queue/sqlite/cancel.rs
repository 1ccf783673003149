//! Withdrawing a notification, at every moment of it.
//!
//! In: what a client does not want any more. Out: it is cancelled, or its call is asked to stop, or no more than that
//! nothing else follows.
//! Not here: what an ending means for one that was withdrawn (`changes.rs`, `settle`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::changes::{WITHDRAWN_UNCONFIRMED, event, left, move_idle_job};
use super::fault::Fault;
use super::record;
use super::writer::Effect;
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, AttemptState, ClientId, JobId, JobState, UnixMillis};
use crate::queue::Cancelled;

pub(super) fn cancel(
    conn: &Connection,
    client: &ClientId,
    id: JobId,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Cancelled, Fault> {
    let id = id.to_string();
    let found: Option<String> = conn
        .prepare_cached("SELECT state FROM job WHERE id = ?1 AND client = ?2")?
        .query_row(params![id, client.0], |row| row.get(0))
        .optional()?;
    let Some(state) = found else { return Ok(Cancelled::NotFound) };
    let state: JobState = record::named(&state, "state")?;
    let cancelled = withdraw(conn, &id, state, now, effects)?;
    crash::here(Point::CancelWritten);
    Ok(cancelled)
}

fn withdraw(
    conn: &Connection,
    id: &str,
    state: JobState,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Cancelled, Fault> {
    match state {
        JobState::Waiting | JobState::Hold if left(conn, id, None)?.may_be_out() => {
            // It is not taken back, but no other copy follows.
            want_stop(conn, id, None, state, now)?;
            let reason = WITHDRAWN_UNCONFIRMED;
            move_idle_job(conn, id, now, JobState::Uncertain, None, reason, effects)?;
            Ok(Cancelled::TooLate)
        }
        JobState::Waiting | JobState::Hold => {
            move_idle_job(conn, id, now, JobState::Cancelled, None, "by-client", effects)?;
            Ok(Cancelled::Done)
        }
        JobState::Sending => stop_call(conn, id, now, effects),
        // What comes back about it is still taken in, however late. But no FAX follows.
        JobState::HandedOff | JobState::Uncertain => {
            want_stop(conn, id, None, state, now)?;
            Ok(Cancelled::TooLate)
        }
        JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => Ok(Cancelled::Final(state)),
    }
}

/// Asks the call of a job to stop, if no page data has left. Past that the call goes on, for there is nothing to be
/// had by cutting a page in two; but that nobody wants the notification any more is kept: whatever the call ends
/// with, no other one follows.
fn stop_call(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Cancelled, Fault> {
    let (attempt, state): (i64, String) = conn
        .prepare_cached("SELECT id, state FROM attempt WHERE job = ?1 AND ended_at IS NULL")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let state: AttemptState = record::named(&state, "attempt.state")?;
    let is_stopped = !state.past_no_return();
    let first = want_stop(conn, job, Some(AttemptId(attempt)), JobState::Sending, now)?;
    if first && is_stopped {
        effects.push(Effect::StopWanted(AttemptId(attempt)));
    }
    Ok(if is_stopped { Cancelled::Stopping } else { Cancelled::TooLate })
}

/// Keeps that nobody wants a job any more, which is in this state; false if it was known.
fn want_stop(
    conn: &Connection,
    job: &str,
    attempt: Option<AttemptId>,
    state: JobState,
    now: UnixMillis,
) -> Result<bool, Fault> {
    let first = conn
        .prepare_cached(
            "UPDATE job SET stop_wanted_at = ?2 WHERE id = ?1 AND stop_wanted_at IS NULL",
        )?
        .execute(params![job, now.0])?;
    if first > 0 {
        let detail = json!({ "state": state.as_str() });
        event(conn, job, attempt, now, "stop_wanted", detail)?;
    }
    Ok(first > 0)
}
