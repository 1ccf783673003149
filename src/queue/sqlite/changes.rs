//! Every change of a job's state and of an attempt's, each with its event, inside the writer's
//! transaction.
//!
//! In: commands of [`Queue`](crate::queue::Queue). Out: rows.
//! What the states allow is decided here and kept once more by the schema's checks and triggers.
//! Not here: choosing the next job (`claim.rs`), what is done after a crash (`recover.rs`).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::fault::Fault;
use super::writer::Effect;
use super::{numbers, record};
use crate::job::{
    AttemptId, AttemptState, Channel, ClientId, Evidence, IdempotencyKey, JobId, JobState,
    UnixMillis,
};
use crate::queue::seal::Sealer;
use crate::queue::{Accepted, Cancelled, Step};
use crate::settle::{Next, Settlement, at_rest};

/// Why a notification that was withdrawn is not `Cancelled`.
const WITHDRAWN_UNCONFIRMED: &str = "by-client-unconfirmed";

/// What an acceptance writes; sealed before it comes to the writer.
pub(super) struct NewRow {
    pub(super) id: JobId,
    pub(super) client: ClientId,
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: [u8; 32],
    pub(super) now: UnixMillis,
    pub(super) kind: &'static str,
    pub(super) urgency: i64,
    pub(super) office_number: String,
    pub(super) fax_digits: String,
    pub(super) fields: String,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) sealed_version: u32,
    pub(super) not_before: Option<UnixMillis>,
    pub(super) not_after: UnixMillis,
}

/// What became of an earlier request with this key, if there was one.
pub(super) fn earlier(
    conn: &Connection,
    client: &ClientId,
    key: &IdempotencyKey,
    fingerprint: &[u8; 32],
) -> Result<Option<Accepted>, Fault> {
    let known: Option<(String, Vec<u8>)> = conn
        .prepare_cached(
            "SELECT id, fingerprint FROM job WHERE client = ?1 AND idempotency_key = ?2",
        )?
        .query_row(params![client.0, key.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match known {
        Some((id, known)) if known == fingerprint => {
            Some(Accepted::Replay { id: record::parse_id(&id)?, channel: Channel::Fax })
        }
        Some(_) => Some(Accepted::OtherBody),
        None => None,
    })
}

pub(super) fn accept(conn: &Connection, new: &NewRow) -> Result<Accepted, Fault> {
    // Asked again, inside the transaction: of two requests at once one is the repetition.
    if let Some(earlier) = earlier(conn, &new.client, &new.key, &new.fingerprint)? {
        return Ok(earlier);
    }
    let due = new.not_before.map_or(new.now, |not_before| not_before.max(new.now));
    conn.prepare_cached(
        "INSERT INTO job (id, client, idempotency_key, fingerprint, state, reason, kind, urgency,
            office_number, fax_digits, fields, sealed, sealed_version, accepted_at, not_before,
            not_after, due_at)
         VALUES (?1, ?2, ?3, ?4, 'waiting', 'first-turn', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
            ?14, ?15)",
    )?
    .execute(params![
        new.id.to_string(),
        new.client.0,
        new.key.as_str(),
        new.fingerprint,
        new.kind,
        new.urgency,
        new.office_number,
        new.fax_digits,
        new.fields,
        new.sealed,
        new.sealed_version,
        new.now.0,
        new.not_before.map(|at| at.0),
        new.not_after.0,
        due.0,
    ])?;
    let detail = json!({ "state": JobState::Waiting.as_str(), "due_at": due.rfc3339() });
    event(conn, &new.id.to_string(), None, new.now, "accepted", detail)?;
    Ok(Accepted::New { id: new.id, channel: Channel::Fax })
}

/// An attempt and its job, as a step or a settlement finds them.
struct Standing {
    job: String,
    number: u32,
    fax_digits: String,
    state: AttemptState,
    pages_acked: u16,
    stop_wanted: bool,
    has_secret: bool,
}

fn standing(conn: &Connection, attempt: AttemptId) -> Result<Standing, Fault> {
    let row = conn
        .prepare_cached(
            "SELECT job.id, attempt.number, attempt.state, attempt.pages_acked,
                job.stop_wanted_at IS NOT NULL, attempt.fax_digits, job.sealed IS NOT NULL
             FROM attempt JOIN job ON job.id = attempt.job WHERE attempt.id = ?1",
        )?
        .query_row([attempt.0], |row| {
            let state: String = row.get(2)?;
            let standing = Standing {
                job: row.get(0)?,
                number: row.get(1)?,
                fax_digits: row.get(5)?,
                state: AttemptState::Claimed,
                pages_acked: row.get(3)?,
                stop_wanted: row.get(4)?,
                has_secret: row.get(6)?,
            };
            Ok((standing, state))
        })
        .optional()?;
    let Some((standing, state)) = row else {
        return Err(Fault::NotAllowed { what: "a step", from: "no such attempt".into() });
    };
    Ok(Standing { state: record::named(&state, "attempt.state")?, ..standing })
}

/// Ended attempts of a job that may have left a sheet.
pub(super) fn unconfirmed(conn: &Connection, job: &str) -> Result<u32, Fault> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM attempt WHERE job = ?1 AND state = 'uncertain'")?
        .query_row([job], |row| row.get(0))?)
}

/// Makes a step durable, if the states allow it and nobody wants the call to stop.
pub(super) fn step(conn: &Connection, attempt: AttemptId, step: Step) -> Result<(), Fault> {
    let at = standing(conn, attempt)?;
    let refused = |what| Fault::NotAllowed { what, from: at.state.to_string() };
    let stopped = |what| Fault::NotAllowed { what, from: "cancelled".into() };
    let write = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<(), Fault> {
        conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    };
    match (step, at.state) {
        (Step::Dialing { .. }, AttemptState::Claimed) if at.stop_wanted => Err(stopped("dialing")),
        (Step::Dialing { now, sheet_sha256 }, AttemptState::Claimed) => {
            write(
                "UPDATE attempt SET state = 'dialing', dialled_at = ?2, sheet_sha256 = ?3 WHERE id = ?1",
                &[&attempt.0, &now.0, &sheet_sha256],
            )?;
            let detail = json!({ "attempt": at.number });
            event(conn, &at.job, Some(attempt), now, "dialing", detail)
        }
        (
            Step::Dialing { .. },
            AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("dialing")),

        // The first page octet decides the race with a cancellation: whoever commits first.
        (Step::PageStarted { .. }, AttemptState::Dialing) if at.stop_wanted => {
            Err(stopped("page_started"))
        }
        (Step::PageStarted { now, page }, AttemptState::Dialing | AttemptState::PageAcked)
            if page == at.pages_acked =>
        {
            write(
                "UPDATE attempt SET state = 'page_started',
                    page_started_at = coalesce(page_started_at, ?2) WHERE id = ?1",
                &[&attempt.0, &now.0],
            )?;
            let detail = json!({ "attempt": at.number, "page": page + 1 });
            event(conn, &at.job, Some(attempt), now, "page_started", detail)
        }
        // Asked before each carrier: a repetition is known already.
        (Step::PageStarted { page, .. }, AttemptState::PageStarted) if page == at.pages_acked => {
            Ok(())
        }
        (
            Step::PageStarted { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("page_started")),

        (Step::PageAcked { now, page }, AttemptState::PageStarted) if page == at.pages_acked => {
            write(
                "UPDATE attempt SET state = 'page_acked', pages_acked = pages_acked + 1 WHERE id = ?1",
                &[&attempt.0],
            )?;
            let detail = json!({ "attempt": at.number, "page": page + 1 });
            event(conn, &at.job, Some(attempt), now, "page_acked", detail)
        }
        (
            Step::PageAcked { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("page_acked")),

        (
            Step::DotSent { .. },
            AttemptState::Claimed
            | AttemptState::Dialing
            | AttemptState::PageStarted
            | AttemptState::PageAcked
            | AttemptState::DotSent
            | AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
        ) => Err(refused("dot_sent")),

        // What people see changes nothing, and some of it comes after the result.
        (Step::Rung { now, name, detail }, _any_state) => {
            let detail = json!({ "attempt": at.number, "seen": detail });
            event(conn, &at.job, Some(attempt), now, name, detail)
        }
    }
}

/// Ends an attempt, moves its job, and remembers what the call taught, in one go.
pub(super) fn settle(
    conn: &Connection,
    sealer: &Sealer,
    attempt: AttemptId,
    settlement: &Settlement,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let at = standing(conn, attempt)?;
    if !may_end(at.state, at.pages_acked, settlement.evidence) {
        return Err(Fault::NotAllowed {
            what: settlement.evidence.as_str(),
            from: at.state.to_string(),
        });
    }
    let (state, due, reason) = destination(settlement, &at, unconfirmed(conn, &at.job)?)?;
    conn.prepare_cached(
        "UPDATE attempt SET state = ?2, code = ?3, reach = ?4, receipt = ?5, ended_at = ?6
         WHERE id = ?1",
    )?
    .execute(params![
        attempt.0,
        settlement.evidence.attempt_state().as_str(),
        settlement.code,
        settlement.reach.as_str(),
        settlement.receipt.to_string(),
        settlement.now.0,
    ])?;
    if let Some(lesson) = &settlement.lesson {
        numbers::learn(conn, sealer, &at.fax_digits, lesson, settlement.now)?;
    }
    move_job(conn, &at.job, state, due, reason, effects)?;
    effects.push(Effect::AttemptEnded(attempt));
    let detail = json!({
        "state": state.as_str(),
        "attempt": at.number,
        "evidence": settlement.evidence.as_str(),
        "code": settlement.code,
        "reason": reason,
        "due_at": due.map(UnixMillis::rfc3339),
        "receipt": settlement.receipt,
    });
    event(conn, &at.job, Some(attempt), settlement.now, state.as_str(), detail)
}

/// Can an attempt in this state have ended so?
fn may_end(state: AttemptState, pages_acked: u16, evidence: Evidence) -> bool {
    match (state, evidence) {
        (AttemptState::Claimed, Evidence::NotSent) => true,
        (
            AttemptState::Claimed,
            Evidence::Uncertain | Evidence::HandedOff | Evidence::Confirmed,
        ) => false,
        (AttemptState::Dialing, Evidence::NotSent | Evidence::Uncertain) => true,
        (AttemptState::Dialing, Evidence::HandedOff | Evidence::Confirmed) => false,
        // Written before the first octet: the driver can know that none of it left after all.
        (AttemptState::PageStarted, Evidence::NotSent) => pages_acked == 0,
        (AttemptState::PageStarted, Evidence::Uncertain | Evidence::Confirmed) => true,
        (AttemptState::PageStarted, Evidence::HandedOff) => false,
        (AttemptState::PageAcked, Evidence::NotSent | Evidence::HandedOff) => false,
        (AttemptState::DotSent, Evidence::Confirmed) => false,
        (AttemptState::DotSent, Evidence::NotSent | Evidence::Uncertain | Evidence::HandedOff) => {
            true
        }
        (AttemptState::PageAcked, Evidence::Uncertain | Evidence::Confirmed) => true,
        (
            AttemptState::HandedOff
            | AttemptState::Confirmed
            | AttemptState::NotSent
            | AttemptState::Uncertain,
            _ended,
        ) => false,
    }
}

/// Where the job goes: a cancellation that came in time wins over another try. `unconfirmed` calls before this
/// one may have left a sheet.
fn destination(
    settlement: &Settlement,
    at: &Standing,
    unconfirmed: u32,
) -> Result<(JobState, Option<UnixMillis>, &'static str), Fault> {
    match (settlement.evidence, &settlement.next) {
        (Evidence::NotSent, Next::Again { .. } | Next::Rest(JobState::Failed))
            if at.stop_wanted && unconfirmed == 0 =>
        {
            Ok((JobState::Cancelled, None, settlement.code))
        }
        (Evidence::NotSent, Next::Again { .. } | Next::Rest(JobState::Uncertain))
            if at.stop_wanted && unconfirmed > 0 =>
        {
            Ok((JobState::Uncertain, None, WITHDRAWN_UNCONFIRMED))
        }
        (Evidence::Uncertain, Next::Again { .. }) if at.stop_wanted => {
            Ok((JobState::Uncertain, None, settlement.code))
        }
        (Evidence::NotSent, Next::Again { due, reason }) => {
            Ok((JobState::Waiting, Some(*due), reason))
        }
        (Evidence::Uncertain, Next::Again { due, reason }) if !at.has_secret => {
            Ok((JobState::Waiting, Some(*due), reason))
        }
        (
            Evidence::NotSent,
            Next::Rest(state @ (JobState::Failed | JobState::Expired | JobState::Cancelled)),
        ) if unconfirmed == 0 => Ok((*state, None, settlement.code)),
        // How this call ended says nothing of the sheet that may be out.
        (Evidence::NotSent, Next::Rest(state @ JobState::Uncertain)) if unconfirmed > 0 => {
            Ok((*state, None, "copy-not-sent"))
        }
        (Evidence::NotSent, Next::Rest(state @ JobState::Hold))
        | (Evidence::Uncertain, Next::Rest(state @ JobState::Uncertain))
        | (Evidence::Confirmed, Next::Rest(state @ JobState::Confirmed)) => {
            Ok((*state, None, settlement.code))
        }
        (
            Evidence::NotSent | Evidence::Uncertain | Evidence::HandedOff | Evidence::Confirmed,
            next,
        ) => {
            let what = match next {
                Next::Again { .. } => "waiting",
                Next::Rest(state) | Next::Watch { state, .. } => state.as_str(),
                Next::ByFax { because, .. } => because.as_str(),
            };
            Err(Fault::NotAllowed { what, from: settlement.evidence.to_string() })
        }
    }
}

/// Writes a job's state; with a final one its secret is destroyed.
pub(super) fn move_job(
    conn: &Connection,
    job: &str,
    state: JobState,
    due: Option<UnixMillis>,
    reason: &str,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE job SET state = ?2, due_at = ?3, reason = ?4, stop_wanted_at = NULL,
            sealed = CASE WHEN ?5 THEN NULL ELSE sealed END
         WHERE id = ?1",
    )?
    .execute(params![job, state.as_str(), due.map(|at| at.0), reason, state.is_final()])?;
    if state.is_final() {
        effects.push(Effect::SecretDestroyed);
    }
    Ok(())
}

/// Moves a job that has no open attempt, with its event. Nothing says that no sheet is out when one may be.
pub(super) fn move_idle_job(
    conn: &Connection,
    job: &str,
    now: UnixMillis,
    state: JobState,
    due: Option<UnixMillis>,
    reason: &str,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let state = at_rest(state, unconfirmed(conn, job)? > 0);
    move_job(conn, job, state, due, reason, effects)?;
    let detail = json!({ "state": state.as_str(), "reason": reason, "due_at": due.map(UnixMillis::rfc3339) });
    event(conn, job, None, now, state.as_str(), detail)
}

pub(super) fn cancel(
    conn: &Connection,
    client: &ClientId,
    id: JobId,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<Cancelled, Fault> {
    let id = id.to_string();
    let state: Option<String> = conn
        .prepare_cached("SELECT state FROM job WHERE id = ?1 AND client = ?2")?
        .query_row(params![id, client.0], |row| row.get(0))
        .optional()?;
    let Some(state) = state else { return Ok(Cancelled::NotFound) };
    let state: JobState = record::named(&state, "state")?;
    match state {
        JobState::Waiting | JobState::Hold if unconfirmed(conn, &id)? > 0 => {
            // It is not taken back, but no other copy follows.
            let reason = WITHDRAWN_UNCONFIRMED;
            move_idle_job(conn, &id, now, JobState::Uncertain, None, reason, effects)?;
            Ok(Cancelled::TooLate)
        }
        JobState::Waiting | JobState::Hold => {
            move_idle_job(conn, &id, now, JobState::Cancelled, None, "by-client", effects)?;
            Ok(Cancelled::Done)
        }
        JobState::Sending => stop_call(conn, &id, now, effects),
        JobState::HandedOff | JobState::Uncertain => Ok(Cancelled::TooLate),
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
    let first = conn
        .prepare_cached(
            "UPDATE job SET stop_wanted_at = ?2 WHERE id = ?1 AND stop_wanted_at IS NULL",
        )?
        .execute(params![job, now.0])?;
    let is_stopped = !state.past_no_return();
    if first > 0 {
        if is_stopped {
            effects.push(Effect::StopWanted(AttemptId(attempt)));
        }
        let detail = json!({ "state": JobState::Sending.as_str() });
        event(conn, job, Some(AttemptId(attempt)), now, "stop_wanted", detail)?;
    }
    Ok(if is_stopped { Cancelled::Stopping } else { Cancelled::TooLate })
}

/// Writes one row of the feed.
pub(super) fn event(
    conn: &Connection,
    job: &str,
    attempt: Option<AttemptId>,
    at: UnixMillis,
    name: &str,
    detail: Value,
) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT INTO event (at, client, job, attempt, name, detail)
         SELECT ?1, client, id, ?3, ?4, ?5 FROM job WHERE id = ?2",
    )?
    .execute(params![at.0, job, attempt.map(|id| id.0), name, detail.to_string()])?;
    Ok(())
}
