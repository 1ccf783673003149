//! What is kept of the appliance itself, and holding back: all of it, or one notification.
//!
//! In: what a person decides, and what a start finds. Out: the one row of `appliance`, and changes of a job's state with
//! their events.
//! Not here: that nothing is claimed while it holds back (`claim.rs`, `mails.rs`), and nothing begins (`changes.rs`).

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::changes::{Destination, event, move_job};
use super::fault::Fault;
use super::high_water::{Found, Mark};
use super::record;
use super::room::Room;
use super::writer::Effect;
use crate::app::crash::{self, Point};
use crate::job::{ClientId, JobId, JobState, UnixMillis};
use crate::queue::{Appliance, Held, HoldReason, Note, OneHeld};

/// Why a notification is held.
const BY_PERSON: &str = "held-by-person";
/// So many ends in doubt within so long are no accident.
const DOUBTS: i64 = 3;
const DOUBTS_WITHIN: Duration = Duration::from_secs(5 * 60);

pub(super) fn show(
    conn: &Connection,
    room: &Room,
    events_altered_at: Option<i64>,
) -> Result<Appliance, Fault> {
    let (store_id, generation) = conn
        .prepare_cached("SELECT store_id, starts FROM appliance")?
        .query_row([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?.into())))?;
    let (events_head, held) = (newest(conn, "event")?, held(conn)?);
    Ok(Appliance {
        store_id,
        generation,
        events_head,
        events_altered_at,
        held,
        takes_new_work: room.takes_new_work(),
        free_octets: room.free(),
    })
}

fn held(conn: &Connection) -> Result<Option<Held>, Fault> {
    let found: Option<(String, i64, Option<String>)> = conn
        .prepare_cached(
            "SELECT held_because, held_since, held_note FROM appliance
             WHERE held_because IS NOT NULL",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((reason, since, note)) = found else { return Ok(None) };
    let reason = record::named(&reason, "held_because")?;
    Ok(Some(Held { reason, since: UnixMillis(since), note }))
}

pub(super) fn is_held(conn: &Connection) -> Result<bool, Fault> {
    Ok(conn
        .prepare_cached("SELECT held_because IS NOT NULL FROM appliance")?
        .query_row([], |row| row.get(0))?)
}

/// The greatest number that a row of this table ever had, forgotten ones included.
pub(super) fn newest(conn: &Connection, table: &str) -> Result<i64, Fault> {
    let newest = conn
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?
        .query_row([table], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or(0))
}

/// Holds everything back; false if it was held already: the first reason stays.
pub(super) fn hold_all(
    conn: &Connection,
    reason: HoldReason,
    note: Option<&str>,
    now: UnixMillis,
) -> Result<bool, Fault> {
    let changed = conn
        .prepare_cached(
            "UPDATE appliance SET held_because = ?1, held_since = ?2, held_note = ?3
             WHERE held_because IS NULL",
        )?
        .execute(params![reason.as_str(), now.0, note])?;
    Ok(changed > 0)
}

/// Lets everything go on; what it was held for.
pub(super) fn release_all(conn: &Connection) -> Result<Option<Held>, Fault> {
    let held = held(conn)?;
    conn.prepare_cached(
        "UPDATE appliance SET held_because = NULL, held_since = NULL, held_note = NULL",
    )?
    .execute([])?;
    // They count again from here on.
    conn.prepare_cached("DELETE FROM ambiguous_end")?.execute([])?;
    Ok(held)
}

pub(super) fn hold(
    conn: &Connection,
    client: &ClientId,
    id: JobId,
    note: Option<&Note>,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<OneHeld, Fault> {
    let id = id.to_string();
    match state_of(conn, client, &id)? {
        None => return Ok(OneHeld::NotFound),
        Some(JobState::Hold) => return Ok(OneHeld::Already),
        Some(JobState::Waiting) => {}
        Some(other) => return Ok(OneHeld::NotNow(other)),
    }
    conn.prepare_cached("UPDATE job SET held_due_at = due_at, held_reason = reason WHERE id = ?1")?
        .execute([&id])?;
    let to = Destination::rest(JobState::Hold, BY_PERSON);
    move_job(conn, &id, now, &to, effects)?;
    let mut detail = to.detail();
    detail.insert("note".into(), note.map(Note::as_str).into());
    event(conn, &id, None, now, JobState::Hold.as_str(), detail.into())?;
    crash::here(Point::HoldWritten);
    Ok(OneHeld::Done)
}

/// Back to where it waited, with the turn that it had.
pub(super) fn release(
    conn: &Connection,
    client: &ClientId,
    id: JobId,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<OneHeld, Fault> {
    let id = id.to_string();
    match state_of(conn, client, &id)? {
        None => return Ok(OneHeld::NotFound),
        Some(JobState::Waiting) => return Ok(OneHeld::Already),
        Some(JobState::Hold) => {}
        Some(other) => return Ok(OneHeld::NotNow(other)),
    }
    let (due, reason): (Option<i64>, Option<String>) = conn
        .prepare_cached("SELECT held_due_at, held_reason FROM job WHERE id = ?1")?
        .query_row([&id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    conn.prepare_cached("UPDATE job SET held_due_at = NULL, held_reason = NULL WHERE id = ?1")?
        .execute([&id])?;
    let to =
        Destination::wait(due.map_or(now, UnixMillis), reason.as_deref().unwrap_or("released"));
    move_job(conn, &id, now, &to, effects)?;
    event(conn, &id, None, now, JobState::Waiting.as_str(), to.detail().into())?;
    crash::here(Point::ReleaseWritten);
    Ok(OneHeld::Done)
}

fn state_of(conn: &Connection, client: &ClientId, id: &str) -> Result<Option<JobState>, Fault> {
    let state: Option<String> = conn
        .prepare_cached("SELECT state FROM job WHERE id = ?1 AND client = ?2")?
        .query_row([id, client.0.as_str()], |row| row.get(0))
        .optional()?;
    state.map(|state| record::named(&state, "state")).transpose()
}

/// What the store itself says, to be written outside it.
pub(super) fn mark(conn: &Connection, now: UnixMillis) -> Result<Mark, Fault> {
    let store_id =
        conn.prepare_cached("SELECT store_id FROM appliance")?.query_row([], |row| row.get(0))?;
    let (attempt, event) = (newest(conn, "attempt")?, newest(conn, "event")?);
    Ok(Mark { store_id, attempt, event, at: now, ended_in_doubt: false })
}

/// Counts a start, and holds everything back if the store is not the one that was here before, or if the disk failed
/// again and again.
pub(super) fn start(conn: &Connection, found: &Found, now: UnixMillis) -> Result<(), Fault> {
    conn.execute("UPDATE appliance SET starts = starts + 1", [])?;
    let has_high_water: bool =
        conn.query_row("SELECT has_high_water FROM appliance", [], |row| row.get(0))?;
    if let Some(difference) = found.difference(&mark(conn, now)?, has_high_water) {
        // Whatever it was held for before: this weighs more. Whoever compares finds another store.
        conn.execute(
            "UPDATE appliance SET store_id = randomblob(16), held_because = ?1, held_since = ?2, held_note = ?3",
            params![HoldReason::Restored.as_str(), now.0, difference],
        )?;
    }
    if found.ended_in_doubt() {
        conn.execute("INSERT INTO ambiguous_end VALUES (?1)", [now.0])?;
    }
    // Also those of a clock that was ahead.
    conn.execute(
        "DELETE FROM ambiguous_end WHERE at NOT BETWEEN ?1 AND ?2",
        [now.before(DOUBTS_WITHIN).0, now.0],
    )?;
    let doubts: i64 = conn.query_row("SELECT count(*) FROM ambiguous_end", [], |row| row.get(0))?;
    if doubts >= DOUBTS {
        hold_all(conn, HoldReason::Trouble, None, now)?;
    }
    Ok(())
}

/// From here on the file outside must be there.
pub(super) fn has_high_water(conn: &Connection) -> Result<(), Fault> {
    conn.execute("UPDATE appliance SET has_high_water = 1 WHERE has_high_water = 0", [])?;
    Ok(())
}
