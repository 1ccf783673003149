//! Traces of calls: written when a call is over, read by technicians, forgotten in time.
//!
//! In: a [`CallRecord`]. Out: rows, and the JSON of one trace.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::fault::Fault;
use super::record;
use crate::job::{ClientId, UnixMillis};
use crate::queue::{CallFilter, CallId, CallRecord, CallRow};

/// Most rows in one answer, whatever was asked for.
const MOST_ROWS: u16 = 1000;

const COLUMNS: &str = "call.id, call.line, call.number_masked, call.began_at, call.line_ms, call.code, \
     call.rate_bps, job.id AS job";

/// A call with the id of its notification, if that belongs to the client `?1`.
const FROM: &str = "call LEFT JOIN attempt ON attempt.id = call.attempt
     LEFT JOIN job ON job.id = attempt.job AND job.client = ?1";

/// Writes a call down; what is then too much goes, the oldest first.
pub(super) fn record(
    conn: &Connection,
    call: &CallRecord,
    most_octets: u64,
) -> Result<CallId, Fault> {
    conn.prepare_cached(
        "INSERT INTO call (attempt, line, number_masked, began_at, line_ms, code, rate_bps, octets, trace)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        call.attempt.map(|attempt| attempt.0),
        call.line,
        call.number_masked,
        call.began_at.0,
        whole(call.line_ms),
        call.code,
        call.rate_bps,
        whole(call.trace.len() as u64),
        call.trace,
    ])?;
    let id = CallId(conn.last_insert_rowid());
    let kept: i64 = conn
        .prepare_cached("SELECT coalesce(sum(octets), 0) FROM call")?
        .query_row([], |row| row.get(0))?;
    if kept > whole(most_octets) {
        conn.prepare_cached(
            "DELETE FROM call WHERE id IN (SELECT id FROM (
                SELECT id, sum(octets) OVER (ORDER BY id DESC) AS with_newer FROM call
             ) WHERE with_newer > ?1)",
        )?
        .execute([whole(most_octets)])?;
    }
    Ok(id)
}

/// Forgets calls that began before this; how many.
pub(super) fn forget(conn: &Connection, before: UnixMillis) -> Result<u32, Fault> {
    let gone = conn.prepare_cached("DELETE FROM call WHERE began_at < ?1")?.execute([before.0])?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}

pub(super) fn list(
    conn: &Connection,
    client: &ClientId,
    filter: &CallFilter,
) -> Result<Vec<CallRow>, Fault> {
    let rows: Vec<Columns> = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {FROM}
             WHERE call.id < ?3 AND (?2 IS NULL OR call.line = ?2)
                AND (?4 IS NULL OR job.id = ?4)
             ORDER BY call.id DESC LIMIT ?5"
        ))?
        .query_map(
            params![
                client.0,
                filter.line,
                filter.before.map_or(i64::MAX, |id| id.0),
                filter.job.map(|job| job.to_string()),
                filter.limit.min(MOST_ROWS)
            ],
            Columns::read,
        )?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(Columns::row).collect()
}

/// One call and its trace.
pub(super) fn show(
    conn: &Connection,
    client: &ClientId,
    id: CallId,
) -> Result<Option<(CallRow, Value)>, Fault> {
    let found: Option<(Columns, String)> = conn
        .prepare_cached(&format!("SELECT {COLUMNS}, call.trace FROM {FROM} WHERE call.id = ?2"))?
        .query_row(params![client.0, id.0], |row| Ok((Columns::read(row)?, row.get("trace")?)))
        .optional()?;
    found
        .map(|(columns, trace)| Ok((columns.row()?, record::json(&trace, "call.trace")?)))
        .transpose()
}

/// A row as it is read, before anything in it is believed.
struct Columns {
    id: i64,
    job: Option<String>,
    line: String,
    number_masked: String,
    began_at: i64,
    line_ms: i64,
    code: String,
    rate_bps: Option<u32>,
}

impl Columns {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            job: row.get("job")?,
            line: row.get("line")?,
            number_masked: row.get("number_masked")?,
            began_at: row.get("began_at")?,
            line_ms: row.get("line_ms")?,
            code: row.get("code")?,
            rate_bps: row.get("rate_bps")?,
        })
    }

    fn row(self) -> Result<CallRow, Fault> {
        Ok(CallRow {
            id: CallId(self.id),
            job: self.job.as_deref().map(record::parse_id).transpose()?,
            line: self.line,
            number_masked: self.number_masked,
            began_at: UnixMillis(self.began_at),
            line_ms: u64::try_from(self.line_ms).unwrap_or(0),
            code: self.code,
            rate_bps: self.rate_bps,
        })
    }
}

/// SQLite's integers have a sign.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
