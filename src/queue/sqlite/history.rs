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
use crate::queue::seal::{MARK_OCTETS, Marker};

/// Rows in one look. Chosen: some 20 ms of the thread that reads.
const AT_A_TIME: u16 = 5_000;
/// Between two looks through everything.
const EVERY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// The mark of a row, as a function of SQL: whoever writes an event has nothing but the connection.
pub(super) fn teach(conn: &Connection, marker: &Marker) -> rusqlite::Result<()> {
    let marker = marker.clone();
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("event_mark", 7, flags, move |row| {
        let text = |column: usize| row.get_raw(column).as_str().map_err(rusqlite::Error::from);
        let facts = Facts {
            cursor: row.get(0)?,
            at: row.get(1)?,
            client: text(2)?,
            job: text(3)?,
            attempt: row.get(4)?,
            name: text(5)?,
            detail: text(6)?,
        };
        Ok(facts.mark(&marker).to_vec())
    })
}

/// All that a row says.
struct Facts<'a> {
    cursor: i64,
    at: i64,
    client: &'a str,
    job: &'a str,
    attempt: Option<i64>,
    name: &'a str,
    detail: &'a str,
}

impl Facts<'_> {
    fn mark(&self, marker: &Marker) -> [u8; MARK_OCTETS] {
        marker.mark(&[
            &self.cursor.to_be_bytes(),
            &self.at.to_be_bytes(),
            self.client.as_bytes(),
            self.job.as_bytes(),
            // Attempts are counted from 1.
            &self.attempt.unwrap_or(0).to_be_bytes(),
            self.name.as_bytes(),
            self.detail.as_bytes(),
        ])
    }
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

    /// Looks at the next rows; the cursor of what was not known to be altered.
    pub(super) fn look(
        &mut self,
        conn: &Connection,
        marker: &Marker,
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
            "SELECT cursor, at, client, job, attempt, name, detail, mark FROM event
             WHERE cursor > ?1 ORDER BY cursor LIMIT ?2",
        )?;
        let mut rows = statement.query(params![self.through, AT_A_TIME])?;
        let (mut through, mut seen, mut altered) = (self.through, 0, None);
        let is_gap = |through: i64, cursor: i64| cursor > through + 1 && cursor - 1 > excused;
        while let Some(row) = rows.next()? {
            let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let facts = Facts {
                cursor: row.get(0)?,
                at: row.get(1)?,
                client: text(2)?,
                job: text(3)?,
                attempt: row.get(4)?,
                name: text(5)?,
                detail: text(6)?,
            };
            let mark: Option<Vec<u8>> = row.get(7)?;
            if is_gap(through, facts.cursor) {
                altered.get_or_insert(through.max(excused) + 1);
            }
            if facts.cursor > unmarked && mark.as_deref() != Some(&facts.mark(marker)[..]) {
                altered.get_or_insert(facts.cursor);
            }
            (through, seen) = (facts.cursor, seen + 1);
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
