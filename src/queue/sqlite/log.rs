//! The write-ahead log, written back into the file beside the writer: who waits for a COMMIT stands behind no thousand pages.
//!
//! In: how long the log is after each COMMIT. Out: a log that begins anew.
//! A thread with a connection of its own writes back what is committed when it begins, and what was committed meanwhile, until
//! little is left. That is left to the writer, between two groups: only when nothing at all is left does the log begin anew.
//! If the disk fails at it nothing is lost: pages count as written back once they are synced, and are written again otherwise.
//! Source: SQLite's documentation of the WAL file format and of `PRAGMA wal_checkpoint`.
//! Not here: when the log is cut to nothing, since a secret was destroyed (`writer.rs`).

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::fault::for_caller;
use super::file::BUSY;
use crate::app::crash::{self, Point};

/// Pages of 4 KiB from which on the log is written back. Chosen: seldom enough that a page which many change is written back once
/// for all of them, and a start reads the log in a tenth of a second.
const PAGES: i32 = 4_000;
/// So few are left to the writer: it stands still for two fsyncs, whatever is between them.
const REST: i64 = 256;
/// So often the thread goes after what is written meanwhile. If that is never little, the disk takes no more than this, and the writer
/// has to wait for it.
const ROUNDS: u32 = 4;
/// Until a look-up that is under way has ended.
const READER: Duration = Duration::from_millis(10);
/// Pages until the next try, while somebody reads on in the log, as a technician's `sqlite3` that was left open.
const LATER: i32 = 1_000;

/// The log of one store.
pub(super) struct Log {
    /// As of the last COMMIT.
    pages: Arc<AtomicI32>,
    /// Nothing is done before it has so many.
    due_at: i32,
    turn: Arc<Mutex<Turn>>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whose turn it is once the log is long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    /// Of whoever says that it is long.
    Nobody,
    Thread,
    Writer,
}

impl Log {
    /// Watches the connection of the writer; `own` is another one to the same file.
    pub(super) fn watch(writer: &mut Connection, own: Connection) -> std::io::Result<Self> {
        let (pages, turn) = (Arc::new(AtomicI32::new(0)), Arc::new(Mutex::new(Turn::Nobody)));
        let told = pages.clone();
        let hook = move |_log: &mut rusqlite::hooks::Wal, pages| {
            told.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(hook)).map_err(std::io::Error::other)?;
        let (wake, woken) = sync_channel(1);
        let theirs = turn.clone();
        let thread = std::thread::Builder::new()
            .name("queue-log".into())
            .spawn(move || write_back(&own, &woken, &theirs))?;
        Ok(Self { pages, due_at: PAGES, turn, wake: Some(wake), thread: Some(thread) })
    }

    /// Between two groups.
    pub(super) fn look_after(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < PAGES {
            self.due_at = PAGES;
        }
        if pages < self.due_at {
            return;
        }
        let turn = *lock(&self.turn);
        match (turn, &self.wake) {
            (Turn::Nobody, Some(wake)) => {
                *lock(&self.turn) = Turn::Thread;
                let _stopped = wake.try_send(());
            }
            (Turn::Writer, _) => {
                *lock(&self.turn) = Turn::Nobody;
                let written = checkpoint(writer, "RESTART", READER);
                if written.is_some_and(|written| written.is_done) {
                    self.is_written_back();
                } else {
                    self.due_at = pages.saturating_add(LATER);
                }
            }
            (Turn::Thread, _) | (Turn::Nobody, None) => {}
        }
    }

    /// Nothing is left of it.
    pub(super) fn is_written_back(&self) {
        self.pages.store(0, Ordering::Relaxed);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("queue.log.panicked");
        }
    }
}

fn write_back(own: &Connection, woken: &Receiver<()>, turn: &Mutex<Turn>) {
    while woken.recv() == Ok(()) {
        for _round in 0..ROUNDS {
            // If it fails the writer tries, and then everything begins anew.
            let written = checkpoint(own, "PASSIVE", Duration::ZERO);
            if written.is_none_or(|written| written.left <= REST) {
                break;
            }
        }
        *lock(turn) = Turn::Writer;
    }
}

/// How far the log is written back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Written {
    /// All of it, and nobody reads in it any more.
    pub(super) is_done: bool,
    /// Pages.
    left: i64,
}

/// Writes the log back, as far as readers and other writers let it within `patience`. If the disk fails, the journal says so.
pub(super) fn checkpoint(
    conn: &Connection,
    mode: &'static str,
    patience: Duration,
) -> Option<Written> {
    crash::here(Point::CheckpointBegins);
    let written = conn.busy_timeout(patience).and_then(|()| {
        conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            let (busy, pages, back): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Written { is_done: busy == 0, left: pages - back })
        })
    });
    let patient = conn.busy_timeout(BUSY);
    crash::here(Point::CheckpointDone);
    match written.and_then(|written| patient.map(|()| written)) {
        Ok(written) => Some(written),
        Err(error) => {
            tracing::error!(error = %for_caller(&error), "queue.checkpoint.failed");
            None
        }
    }
}

fn lock(turn: &Mutex<Turn>) -> std::sync::MutexGuard<'_, Turn> {
    // Nothing here can break half-way.
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}
