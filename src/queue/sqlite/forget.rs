//! Forgetting what is over for so long that nobody asks for it any more.
//!
//! In: a time. Out: final notifications of which nothing was heard since then are gone, with their events, attempts, traces
//! and Idempotency-Keys; how far each client's feed has holes from now on is kept, and how much endpoints were still owed.
//! Nothing that can still change is ever touched.

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::webhooks;
use crate::app::crash::{self, Point};
use crate::job::{JobId, UnixMillis};

/// What goes with a notification, in the order in which one row may go after the other.
pub(super) const PARTS: [&str; 5] = [
    "DELETE FROM call WHERE attempt IN (SELECT id FROM attempt WHERE job = ?1)",
    "DELETE FROM received WHERE attempt IN (SELECT id FROM attempt WHERE job = ?1)",
    "DELETE FROM event WHERE job = ?1",
    "DELETE FROM resolution WHERE job = ?1",
    "DELETE FROM attempt WHERE job = ?1",
];

pub(super) fn forget_old(conn: &Connection, before: UnixMillis, most: u32) -> Result<u32, Fault> {
    // Ids begin with the time of the acceptance.
    let first_kept = JobId::new(before, 0).to_string();
    let old: Vec<String> = conn
        .prepare_cached(
            "SELECT id FROM job
             WHERE id < ?1
                AND state IN ('confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered',
                    'resolved_not_delivered')
                AND NOT EXISTS (SELECT 1 FROM event WHERE event.job = job.id AND event.at >= ?2)
             ORDER BY id LIMIT ?3",
        )?
        .query_map(params![first_kept, before.0, most], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    webhooks::forgets(conn, &old)?;
    for job in &old {
        conn.prepare_cached(
            "INSERT INTO forgotten (client, cursor)
             SELECT client, max(cursor) FROM event WHERE job = ?1 GROUP BY client
             ON CONFLICT (client) DO UPDATE SET cursor = max(cursor, excluded.cursor)",
        )?
        .execute([job])?;
        for part in PARTS {
            conn.prepare_cached(part)?.execute([job])?;
        }
        conn.prepare_cached("DELETE FROM job WHERE id = ?1")?.execute([job])?;
        crash::here(Point::ForgetWritten);
    }
    Ok(u32::try_from(old.len()).unwrap_or(u32::MAX))
}
