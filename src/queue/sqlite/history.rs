//! Whether the feed is as this gateway wrote it: whoever can write the file does not edit unseen what happened.
//!
//! In: each event as it is written; later all of them again, some at a time. Out: a mark in each row; the first cursor at which a
//! row was changed, put in or taken out.
//! A mark is an HMAC over the row and its cursor, with a key that is not in the store. Cursors follow one another without a
//! gap: one behind all that was ever forgotten is a row that somebody took out.
//! Source: RFC 2104, 16 of 32 octets kept (5).
//! Not here: a whole copy that is older (`high_water.rs`), what forgetting leaves (`forget.rs`). Whoever has the store's key, too,
//! can write what he likes.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};

use super::appliance::newest;
use super::fault::Fault;
use crate::job::UnixMillis;
use crate::queue::seal::Marker;

/// Rows in one look. Chosen: some 20 ms of the thread that reads.
const AT_A_TIME: u16 = 5_000;
/// Between two looks through everything.
const EVERY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// The mark of a row, as a function of SQL: whoever writes or reads an event has nothing but the connection.
pub(super) fn teach(conn: &Connection, marker: &Marker) -> rusqlite::Result<()> {
    let marker = marker.clone();
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("event_mark", 7, flags, move |row| {
        // Octets: what somebody wrote there need not be text.
        let text = |column: usize| row.get_raw(column).as_bytes().map_err(rusqlite::Error::from);
        let (cursor, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        // Attempts are counted from 1.
        let attempt = row.get::<Option<i64>>(4)?.unwrap_or(0);
        let mark = marker.mark(&[
            &cursor.to_be_bytes(),
            &at.to_be_bytes(),
            text(2)?,
            text(3)?,
            &attempt.to_be_bytes(),
            text(5)?,
            text(6)?,
        ]);
        Ok(mark.to_vec())
    })
}

/// How far everything was looked through, and what was found.
#[derive(Debug, Default)]
pub(super) struct History {
    through: i64,
    /// When the last look came to the end.
    ended: Option<UnixMillis>,
    /// The first that is not as it was written.
    altered: Option<i64>,
}

impl History {
    pub(super) fn altered(&self) -> Option<i64> {
        self.altered
    }

    /// Looks at the next rows, through a connection that was [taught](teach); the cursor of what was not known to be altered.
    pub(super) fn look(
        &mut self,
        conn: &Connection,
        now: UnixMillis,
    ) -> Result<Option<i64>, Fault> {
        if self.ended.is_some_and(|ended| now.since(ended) < EVERY) {
            return Ok(None);
        }
        self.ended = None;
        // Rows and what was forgotten are of one moment.
        let moment = conn.unchecked_transaction()?;
        let (unmarked, excused): (i64, i64) = moment
            .prepare_cached(
                "SELECT unmarked, max(unmarked, coalesce((SELECT max(cursor) FROM forgotten), 0))
                 FROM appliance",
            )?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut statement = moment.prepare_cached(
            "SELECT cursor, cursor <= ?3
                 OR mark IS event_mark(cursor, at, client, job, attempt, name, detail)
             FROM event WHERE cursor > ?1 ORDER BY cursor LIMIT ?2",
        )?;
        let mut rows = statement.query(params![self.through, AT_A_TIME, unmarked])?;
        let (mut through, mut seen, mut altered) = (self.through, 0, None);
        let is_gap = |through: i64, cursor: i64| cursor > through + 1 && cursor - 1 > excused;
        while let Some(row) = rows.next()? {
            let (cursor, is_as_written): (i64, bool) = (row.get(0)?, row.get(1)?);
            if is_gap(through, cursor) {
                altered.get_or_insert(through.max(excused) + 1);
            }
            if !is_as_written {
                altered.get_or_insert(cursor);
            }
            (through, seen) = (cursor, seen + 1);
        }
        if seen < AT_A_TIME {
            if is_gap(through, newest(&moment, "event")? + 1) {
                altered.get_or_insert(through.max(excused) + 1);
            }
            (through, self.ended) = (0, Some(now));
        }
        self.through = through;
        let is_new = altered.is_some() && self.altered.is_none();
        self.altered = self.altered.or(altered);
        Ok(altered.filter(|_| is_new))
    }
}
