//! What is remembered of a number, as rows.
//!
//! In: numbers, lessons of calls, a technician's locks. Out: [`Known`].
//! A lock that cannot be read is never written over by a call, and its number is not called: only a technician's
//! word replaces it. Without a lock the next lesson begins anew. The journal says each time that a row cannot be read.
//! Not here: what a lesson changes and how long it is believed (`office/known.rs`).

use rusqlite::{Connection, OptionalExtension, params};

use super::changes::move_idle_job;
use super::fault::Fault;
use super::receipts::MAY_BE_OUT;
use super::record;
use super::writer::Effect;
use crate::job::{AttemptId, JobState, UnixMillis, number};
use crate::office::known::{Known, LONGEST, Lesson, Lock, Taught};
use crate::queue::seal::Sealer;
use crate::queue::{NumberId, NumberRow, Unreadable};
use crate::schedule::backoff::Cause;

/// What is remembered of these digits now.
pub(super) fn recall(
    conn: &Connection,
    sealer: &Sealer,
    fax_digits: &str,
) -> Result<Option<Result<Known, Unreadable>>, Fault> {
    let row: Option<(Vec<u8>, bool)> = conn
        .prepare_cached("SELECT remembered, locked FROM number WHERE fax_digits = ?1")?
        .query_row([fax_digits], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.map(|(sealed, locked)| open(sealer, fax_digits, &sealed, locked)))
}

/// Takes in what a call has taught.
pub(super) fn learn(
    conn: &Connection,
    sealer: &Sealer,
    fax_digits: &str,
    lesson: &Lesson,
    now: UnixMillis,
) -> Result<(), Fault> {
    let before = match recall(conn, sealer, fax_digits)? {
        Some(Ok(known)) => known,
        // As its claim took it. Were nothing learnt here, a person would be rung once for each notification.
        None | Some(Err(Unreadable { locked: false })) => Known::default(),
        Some(Err(Unreadable { locked: true })) => return Ok(()),
    };
    keep(conn, sealer, fax_digits, &before.learn(lesson.clone(), now), now)
}

/// Takes in that somebody else has confirmed the sheet of this attempt.
pub(super) fn prove(
    conn: &Connection,
    sealer: &Sealer,
    attempt: AttemptId,
    now: UnixMillis,
) -> Result<(), Fault> {
    let fax_digits: Option<String> = conn
        .prepare_cached("SELECT fax_digits FROM attempt WHERE id = ?1")?
        .query_row([attempt.0], |row| row.get(0))?;
    let lesson = Lesson { result: Some(Taught::ConfirmedByService), ..Lesson::default() };
    match fax_digits {
        Some(fax_digits) => learn(conn, sealer, &fax_digits, &lesson, now),
        None => Ok(()),
    }
}

/// Takes in that somebody has a sheet of this job in his hands, if all that may be out went by FAX: of a machine that
/// never confirms nobody else hears. It counts from the first of them.
pub(super) fn prove_by_person(
    conn: &Connection,
    sealer: &Sealer,
    job: &str,
    now: UnixMillis,
) -> Result<(), Fault> {
    let sheet: Option<(String, i64)> = conn
        .prepare_cached(&format!(
            "SELECT fax_digits, coalesce(dialled_at, claimed_at) FROM attempt
             WHERE job = ?1 AND channel = 'fax' AND {MAY_BE_OUT}
                AND NOT EXISTS (SELECT 1 FROM attempt WHERE job = ?1 AND channel = 'mail' AND {MAY_BE_OUT})
             ORDER BY number LIMIT 1"
        ))?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((fax_digits, sent)) = sheet else { return Ok(()) };
    let result = Some(Taught::ConfirmedByPerson { sent: UnixMillis(sent) });
    learn(conn, sealer, &fax_digits, &Lesson { result, ..Lesson::default() }, now)
}

/// Sets or lifts what a technician has locked. To lift what was never set changes nothing.
pub(super) fn lock(
    conn: &Connection,
    sealer: &Sealer,
    fax_digits: &str,
    lock: Option<Lock>,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<bool, Fault> {
    if lock.is_some() {
        wake(conn, fax_digits, now, effects)?;
    }
    let before = match recall(conn, sealer, fax_digits)? {
        Some(Ok(known)) => known,
        None => Known::default(),
        // Whatever was locked there is replaced by what is said now.
        Some(Err(Unreadable { locked })) => {
            keep(conn, sealer, fax_digits, &Known { lock: lock.clone(), ..Known::default() }, now)?;
            return Ok(locked || lock.is_some());
        }
    };
    if before.lock.is_none() && lock.is_none() {
        return Ok(false);
    }
    keep(conn, sealer, fax_digits, &Known { lock, ..before }, now)?;
    Ok(true)
}

/// Forgets everything about a number, a lock included.
pub(super) fn forget(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<bool, Fault> {
    wake(conn, fax_digits, now, effects)?;
    let gone =
        conn.prepare_cached("DELETE FROM number WHERE fax_digits = ?1")?.execute([fax_digits])?;
    if gone > 0 {
        effects.push(Effect::SecretDestroyed);
    }
    Ok(gone > 0)
}

/// Jobs that wait because no fax tone was heard there are due at once: somebody has seen to it.
fn wake(
    conn: &Connection,
    fax_digits: &str,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let reason = Cause::NoFaxTone.as_str();
    let waiting: Vec<String> = conn
        .prepare_cached(&format!(
            // The reason stands in it as in the index.
            "SELECT id FROM job
             WHERE state = 'waiting' AND channel = 'fax' AND reason = '{reason}'
                AND fax_digits = ?1 AND due_at > ?2"
        ))?
        .query_map(params![fax_digits, now.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for job in waiting {
        move_idle_job(conn, &job, now, JobState::Waiting, Some(now), reason, effects)?;
    }
    Ok(())
}

/// Deletes what nobody would believe any more.
pub(super) fn delete_old(
    conn: &Connection,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) -> Result<(), Fault> {
    let gone = conn
        .prepare_cached("DELETE FROM number WHERE locked = 0 AND changed_at < ?1")?
        .execute([now.before(LONGEST).0])?;
    if gone > 0 {
        effects.push(Effect::SecretDestroyed);
    }
    Ok(())
}

/// The numbers of which something is remembered, the newest first.
pub(super) fn list(
    conn: &Connection,
    sealer: &Sealer,
    after: Option<NumberId>,
    limit: u16,
) -> Result<Vec<NumberRow>, Fault> {
    let rows: Vec<(i64, String, Vec<u8>, bool)> = conn
        .prepare_cached(
            "SELECT id, fax_digits, remembered, locked FROM number
             WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        )?
        .query_map(params![after.map_or(i64::MAX, |id| id.0), limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter()
        .map(|(id, fax_digits, sealed, locked)| {
            let known = open(sealer, &fax_digits, &sealed, locked);
            Ok(NumberRow { id: NumberId(id), number: record::fax_number(&fax_digits)?, known })
        })
        .collect()
}

fn keep(
    conn: &Connection,
    sealer: &Sealer,
    fax_digits: &str,
    known: &Known,
    now: UnixMillis,
) -> Result<(), Fault> {
    let no_seal = || Fault::Row { detail: "what is remembered could not be sealed".into() };
    let plain = serde_json::to_vec(known).map_err(|_| no_seal())?;
    let sealed = sealer.seal_octets(&associated(fax_digits), &plain).map_err(|_| no_seal())?;
    conn.prepare_cached(
        "INSERT INTO number (fax_digits, remembered, locked, changed_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (fax_digits) DO UPDATE SET remembered = excluded.remembered,
            locked = excluded.locked, changed_at = excluded.changed_at",
    )?
    .execute(params![fax_digits, sealed, known.lock.is_some(), now.0])?;
    Ok(())
}

fn open(
    sealer: &Sealer,
    fax_digits: &str,
    sealed: &[u8],
    locked: bool,
) -> Result<Known, Unreadable> {
    let plain = sealer.open_octets(&associated(fax_digits), sealed).ok();
    let known: Option<Known> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
    known.ok_or_else(|| {
        tracing::error!(number = number::mask(fax_digits), locked, "queue.number.unreadable");
        Unreadable { locked }
    })
}

/// Bound to its number: a row's contents moved to another row do not open.
fn associated(fax_digits: &str) -> Vec<u8> {
    [b"number ", fax_digits.as_bytes()].concat()
}
