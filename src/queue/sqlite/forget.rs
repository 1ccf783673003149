//! Forgetting what is over for so long that nobody asks for it any more.
//!
//! In: a time. Out: final notifications of which nothing was heard since then are gone, with their events, attempts, traces
//! and Idempotency-Keys; how far each client's feed has holes from now on is kept, and how much endpoints were still owed.
//! Nothing that can still change is ever touched.

use std::sync::{Arc, Mutex, PoisonError};

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

/// So many are looked at in one go. Chosen: some milliseconds, for which acceptances wait.
pub(super) const LOOKED_AT: usize = 1_000;

/// How far the last look came: the next one goes on there, and begins anew behind the last.
#[derive(Clone, Debug, Default)]
pub(super) struct Round(Arc<Mutex<String>>);

impl Round {
    /// What is over and old enough, up to so many. What was accepted long ago and ended of late is looked at in vain, and there may be a
    /// million of those.
    fn old(&self, conn: &Connection, before: UnixMillis, most: u32) -> Result<Vec<String>, Fault> {
        // Ids begin with the time of the acceptance.
        let first_kept = JobId::new(before, 0).to_string();
        let mut through = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let looked_at: Vec<(String, bool)> = conn
            .prepare_cached(
                "SELECT id, EXISTS (SELECT 1 FROM event WHERE event.job = job.id AND event.at >= ?3)
                 FROM job
                 WHERE id > ?1 AND id < ?2
                    AND state IN ('confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered',
                        'resolved_not_delivered')
                 ORDER BY id LIMIT ?4",
            )?
            .query_map(params![*through, first_kept, before.0, LOOKED_AT as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut old = Vec::new();
        let is_last = looked_at.len() < LOOKED_AT;
        for (id, was_heard_of) in looked_at {
            if old.len() as u64 == u64::from(most) {
                return Ok(old);
            }
            through.clone_from(&id);
            if !was_heard_of {
                old.push(id);
            }
        }
        if is_last {
            through.clear();
        }
        Ok(old)
    }
}

pub(super) fn forget_old(
    conn: &Connection,
    round: &Round,
    before: UnixMillis,
    most: u32,
) -> Result<u32, Fault> {
    let old = round.old(conn, before, most)?;
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
