//! What somebody decides about an uncertain notification, and who is reminded to.
//!
//! In: a [`Resolution`] of its client. Out: where the notification went, or why it did not; reminders in the feed.
//! A decision is kept with the fingerprint of its request, in the transaction that carries it out: the same request again
//! finds it and changes nothing, unless it has no name and there is something to decide anew. New credentials overwrite
//! the old ones, which leave the log as those of a final state.
//! Not here: what follows from a choice (`settle/resolution.rs`); that nothing else sends a key again is a rule of the
//! schema, too (`0006_decision.sql`).

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::changes::{Destination, event, move_job};
use super::claim::MOST_MOVED;
use super::fault::Fault;
use super::writer::Effect;
use super::{numbers, record};
use crate::app::crash::{self, Point};
use crate::job::{ClientId, JobId, JobState, UnixMillis};
use crate::queue::resolution::{Decided, DecisionView, Fingerprint, Resolution, Resolved, Way};
use crate::queue::seal::Sealer;
use crate::schedule::windows::Windows;
use crate::settle::resolution::{Choice, Ruling, Undecided, decide, next_reminder};

/// Who asks, about what, as which request.
pub(super) struct Asked {
    pub(super) client: ClientId,
    pub(super) id: JobId,
    pub(super) fingerprint: Fingerprint,
    pub(super) now: UnixMillis,
}

pub(super) fn resolve(
    conn: &Connection,
    sealer: &Sealer,
    windows: &Windows,
    asked: &Asked,
    resolution: &Resolution,
    effects: &mut Vec<Effect>,
) -> Result<Resolved, Fault> {
    let Asked { client, id, fingerprint, now } = asked;
    let job = id.to_string();
    let row = conn
        .prepare_cached(
            "SELECT state, kind, channel, sealed IS NOT NULL AS has_key, sealed_version, not_after,
                json_extract(fields, '$.valid_until') AS valid_until
             FROM job WHERE id = ?1 AND client = ?2",
        )?
        .query_row(params![job, client.0], |row| Ok(undecided(row)))
        .optional()?;
    let Some(stored) = row.transpose()? else { return Ok(Resolved::NotFound) };
    if let Some(before) = earlier(conn, &job, fingerprint.octets())? {
        let is_over = match fingerprint {
            Fingerprint::Named(_) => false,
            Fingerprint::Nameless(_) => stored.state == JobState::Uncertain,
        };
        if !is_over {
            return Ok(Resolved::Replay(before));
        }
    }
    let choice = resolution.way.choice();
    let undecided = Undecided {
        not_after: resolution.not_after.unwrap_or(stored.not_after),
        valid_until: match &resolution.way {
            Way::Rotate(credentials) => credentials.valid_until,
            Way::Resend | Way::Close { .. } => stored.valid_until,
        },
        ..stored
    };
    let keep = Keep { job: &job, resolution, fingerprint: fingerprint.octets(), now: *now };
    match decide(&undecided, choice, *now, windows) {
        Ruling::Refused(refusal) => Ok(Resolved::Refused(refusal)),
        Ruling::Rest { state, code } => {
            let decided = Decided { state, version: stored.version };
            if choice == Choice::CloseDelivered {
                numbers::prove_by_person(conn, sealer, &job, *now)?;
            }
            keep.decision(conn, decided)?;
            keep.go(conn, &Destination::rest(state, code), decided, effects)
        }
        Ruling::Send { due, not_after, version, because, code } => {
            let decided = Decided { state: JobState::Waiting, version };
            let number = keep.decision(conn, decided)?;
            match &resolution.way {
                Way::Rotate(credentials) => {
                    let sealed = sealer.seal(*id, version, credentials).map_err(|_| {
                        Fault::Row { detail: "the credentials could not be sealed".into() }
                    })?;
                    let valid_until = credentials.valid_until.map(|at| at.0);
                    conn.prepare_cached(
                        "UPDATE job SET decisions = ?2, sealed_version = ?3, sealed = ?4, not_after = ?5,
                            fields = json_set(fields, '$.valid_until', ?6), stop_wanted_at = NULL
                         WHERE id = ?1",
                    )?
                    .execute(params![job, number, version, sealed, not_after.0, valid_until])?;
                    effects.push(Effect::SecretDestroyed);
                }
                Way::Resend | Way::Close { .. } => {
                    conn.prepare_cached(
                        "UPDATE job SET decisions = ?2, not_after = ?3, stop_wanted_at = NULL WHERE id = ?1",
                    )?
                    .execute(params![job, number, not_after.0])?;
                }
            }
            let to = Destination { because, ..Destination::wait(due, code) };
            keep.go(conn, &to, decided, effects)
        }
    }
}

fn undecided(row: &Row<'_>) -> Result<Undecided, Fault> {
    let text = |column: &str| row.get::<_, String>(column);
    Ok(Undecided {
        state: record::named(&text("state")?, "state")?,
        kind: record::kind(&text("kind")?)?,
        channel: record::named(&text("channel")?, "channel")?,
        has_key: row.get("has_key")?,
        version: row.get("sealed_version")?,
        not_after: UnixMillis(row.get("not_after")?),
        valid_until: row.get::<_, Option<i64>>("valid_until")?.map(UnixMillis),
    })
}

/// The answer that the same request had.
fn earlier(conn: &Connection, job: &str, fingerprint: &[u8; 32]) -> Result<Option<Decided>, Fault> {
    conn.prepare_cached(
        "SELECT state, version FROM resolution WHERE job = ?1 AND fingerprint = ?2
         ORDER BY number DESC LIMIT 1",
    )?
    .query_row(params![job, fingerprint], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
    })
    .optional()?
    .map(|(state, version)| {
        Ok(Decided { state: record::named(&state, "resolution.state")?, version })
    })
    .transpose()
}

/// A decision that is carried out.
struct Keep<'a> {
    job: &'a str,
    resolution: &'a Resolution,
    fingerprint: &'a [u8; 32],
    now: UnixMillis,
}

impl Keep<'_> {
    /// Keeps it, and gives its number.
    fn decision(&self, conn: &Connection, decided: Decided) -> Result<u32, Fault> {
        let Self { job, resolution, fingerprint, now } = self;
        Ok(conn
            .prepare_cached(
                "INSERT INTO resolution (job, number, fingerprint, choice, state, version, decided_by,
                    reason, at)
                 SELECT ?1, 1 + count(*), ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM resolution WHERE job = ?1
                 RETURNING number",
            )?
            .query_row(
                params![
                    job,
                    fingerprint,
                    resolution.way.choice().as_str(),
                    decided.state.as_str(),
                    decided.version,
                    resolution.by.as_ref().map(|by| by.as_str()),
                    resolution.reason.as_ref().map(|reason| reason.as_str()),
                    now.0,
                ],
                |row| row.get(0),
            )?)
    }

    /// Moves the job, with its event.
    fn go(
        &self,
        conn: &Connection,
        to: &Destination<'_>,
        decided: Decided,
        effects: &mut Vec<Effect>,
    ) -> Result<Resolved, Fault> {
        move_job(conn, self.job, self.now, to, effects)?;
        let choice = self.resolution.way.choice();
        let mut detail = to.detail();
        detail.insert("decision".into(), choice.as_str().into());
        detail.insert("version".into(), decided.version.into());
        event(conn, self.job, None, self.now, to.state.as_str(), detail.into())?;
        let (job, choice, state) = (self.job, choice.as_str(), to.state.as_str());
        crash::here(Point::DecisionWritten);
        tracing::info!(job, choice, state, version = decided.version, "queue.job.decided");
        Ok(Resolved::Done(decided))
    }
}

pub(super) const TO_REMIND: &str =
    "SELECT id, reason, undecided_since FROM job WHERE remind_at <= ?1 ORDER BY remind_at LIMIT ?2";

/// Reminds of those about which nobody has decided yet, in the feed and in the journal.
pub(super) fn remind(conn: &Connection, now: UnixMillis) -> Result<(), Fault> {
    let open: Vec<(String, Option<String>, i64)> = conn
        .prepare_cached(TO_REMIND)?
        .query_map(params![now.0, MOST_MOVED as i64], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (job, reason, since) in open {
        let since = UnixMillis(since);
        conn.prepare_cached("UPDATE job SET remind_at = ?2 WHERE id = ?1")?
            .execute(params![job, next_reminder(since, now).map(|at| at.0)])?;
        let detail = json!({
            "state": JobState::Uncertain.as_str(),
            "reason": reason,
            "since": since.rfc3339(),
        });
        event(conn, &job, None, now, "uncertain_open", detail)?;
        let todo = "ask the office for the sheet, then `shirase resolve`";
        tracing::warn!(job, since = since.rfc3339(), todo, "queue.job.undecided");
    }
    Ok(())
}

/// What was decided about a job, in order.
pub(super) fn decisions(conn: &Connection, job: &str) -> Result<Vec<DecisionView>, Fault> {
    conn.prepare_cached(
        "SELECT at, choice, version, decided_by, reason FROM resolution WHERE job = ?1 ORDER BY number",
    )?
    .query_map([job], |row| Ok(decision(row)))?
    .map(|row| row?)
    .collect()
}

fn decision(row: &Row<'_>) -> Result<DecisionView, Fault> {
    Ok(DecisionView {
        at: UnixMillis(row.get("at")?),
        choice: record::named(&row.get::<_, String>("choice")?, "resolution.choice")?,
        version: row.get("version")?,
        by: row.get("decided_by")?,
        reason: row.get("reason")?,
    })
}
