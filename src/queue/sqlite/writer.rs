//! The one thread that writes, with group commit.
//!
//! In: commands, from any thread. Out: their answers, after COMMIT.
//! Whatever waits when the writer is free, up to 256 commands, becomes one transaction, so that the cost of
//! one fsync is shared. Each command stands in its own SAVEPOINT: one that fails leaves the others whole.
//! If COMMIT itself fails nobody can say what is on disk: every command of the group is answered so, and the
//! writer stops for good and raises the alarm. A new process reads the truth from the file.
//! Between COMMIT and the answers the file beside the store is told how far it has come, if something is to follow.
//! Not here: what the commands do.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension};
use tokio::sync::{oneshot, watch};

use super::appliance;
use super::fault::{Fault, for_caller, is_fatal};
use super::high_water::HighWater;
use super::log::{self, Log};
use super::room::Room;
use crate::app::clock::Stopwatch;
use crate::app::crash::{self, Point};
use crate::job::{AttemptId, UnixMillis};
use crate::queue::{Alarm, Pace, Pending, QueueError};

/// Most commands in one transaction. Measured: more gains little and makes the first wait longer.
const GROUP: usize = 256;
/// Until a checkpoint that a reader held up is tried again. A destroyed secret must have left the disk
/// within 60 s.
const CHECKPOINT_RETRY: Duration = Duration::from_secs(1);

/// What follows from a command once it is on disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// The call is to end before its page.
    StopWanted(AttemptId),
    AttemptEnded(AttemptId),
    /// Its old pages must leave the write-ahead log.
    SecretDestroyed,
    /// The store has come further, as is to be known outside it before anybody is answered.
    Moved(UnixMillis),
}

/// How a transaction is made durable; tests put a failing disk here.
pub(super) type Commit = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send>;

/// COMMIT.
pub(super) fn commit(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("COMMIT")
}

/// The writer's handle; dropping it lets the writer finish what waits, and joins it.
pub(super) struct Writer {
    commands: Option<Sender<Box<dyn Command>>>,
    stop_wanted: Arc<Mutex<HashSet<AttemptId>>>,
    news: watch::Receiver<i64>,
    pace: Pace,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        commit: Commit,
        beside: Option<Beside>,
    ) -> std::io::Result<Self> {
        let (commands, waiting) = channel();
        let stop_wanted = Arc::new(Mutex::new(HashSet::new()));
        let (tell, news) = watch::channel(0);
        let pace = Pace::default();
        let (stopped, kept) = (stop_wanted.clone(), pace.clone());
        let desk = Desk {
            conn,
            commit,
            beside,
            last_moved: None,
            stop_wanted: stopped,
            news: tell,
            pace: kept,
        };
        let thread = std::thread::Builder::new()
            .name("queue-writer".into())
            .spawn(move || desk.work(&waiting))?;
        Ok(Self { commands: Some(commands), stop_wanted, news, pace, thread: Some(thread) })
    }

    /// Hands a command over. If the writer has stopped the answer is [`QueueError::Stopped`].
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &mut Vec<Effect>) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let (give, pending) = Pending::channel();
        let command = Typed { work: Some(work), result: None, give };
        if let Some(commands) = &self.commands {
            // A stopped writer drops the command, and with it the end that would answer.
            let _dropped = commands.send(Box::new(command));
        }
        pending
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace.clone()
    }

    pub(super) fn stop_wanted(&self, attempt: AttemptId) -> bool {
        self.stop_wanted.lock().unwrap_or_else(PoisonError::into_inner).contains(&attempt)
    }

    /// The cursor of the newest event that is on disk. What was answered is among it.
    pub(super) fn news(&self) -> watch::Receiver<i64> {
        self.news.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("queue.writer.panicked");
        }
    }
}

/// One command: it is run, and later answered; both once.
trait Command: Send {
    fn run(&mut self, conn: &Connection, effects: &mut Vec<Effect>) -> Result<(), Fault>;
    /// Answers with its own result, or with the fate of the whole group.
    fn answer(self: Box<Self>, group_failed: Option<&QueueError>);
}

struct Typed<T, F> {
    work: Option<F>,
    result: Option<Result<T, QueueError>>,
    give: oneshot::Sender<Result<T, QueueError>>,
}

impl<T, F> Command for Typed<T, F>
where
    T: Send,
    F: FnOnce(&Connection, &mut Vec<Effect>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, conn: &Connection, effects: &mut Vec<Effect>) -> Result<(), Fault> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match work(conn, effects) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(fault) => {
                self.result = Some(Err(fault.for_caller()));
                Err(fault)
            }
        }
    }

    fn answer(self: Box<Self>, group_failed: Option<&QueueError>) {
        let own = self.result.unwrap_or(Err(QueueError::Stopped));
        // Whoever asked may have gone away; the change stands all the same.
        let _gone = self.give.send(group_failed.map_or(own, |error| Err(error.clone())));
    }
}

/// What lies beside the store's file, and who hears that it cannot be believed any more.
pub(super) struct Beside {
    pub(super) high_water: HighWater,
    pub(super) log: Log,
    pub(super) room: Arc<Room>,
    pub(super) alarm: Alarm,
}

/// What the writer's thread owns. The connection goes after what is beside the store: so it is the last, and closing it writes
/// the log back.
struct Desk {
    beside: Option<Beside>,
    conn: Connection,
    commit: Commit,
    last_moved: Option<UnixMillis>,
    stop_wanted: Arc<Mutex<HashSet<AttemptId>>>,
    news: watch::Sender<i64>,
    pace: Pace,
}

impl Desk {
    fn work(mut self, waiting: &Receiver<Box<dyn Command>>) {
        // When the log should have been cut last.
        let mut held_up: Option<Stopwatch> = None;
        loop {
            let first = match held_up {
                Some(since) => {
                    match waiting.recv_timeout(CHECKPOINT_RETRY.saturating_sub(since.elapsed())) {
                        Ok(command) => command,
                        Err(RecvTimeoutError::Timeout) => {
                            held_up = self.truncate_log();
                            continue;
                        }
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                None => match waiting.recv() {
                    Ok(command) => command,
                    Err(_closed) => break,
                },
            };
            let mut group = vec![first];
            while group.len() < GROUP {
                match waiting.try_recv() {
                    Ok(command) => group.push(command),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            if let Some(beside) = &self.beside {
                beside.room.look_after_reserve();
            }
            let is_due = match self.transact(&mut group).and_then(|effects| self.kept(effects)) {
                Ok(effects) => {
                    self.apply(&effects);
                    self.tell_news();
                    group.into_iter().for_each(|command| command.answer(None));
                    effects.contains(&Effect::SecretDestroyed)
                }
                Err(GroupFailed { error, must_stop }) => {
                    tracing::error!(commands = group.len(), must_stop, %error, "queue.group.failed");
                    // First of all: whoever hears the answer ends the process.
                    if let Some(beside) = &mut self.beside {
                        beside.group_failed(&error, must_stop);
                    }
                    group.into_iter().for_each(|command| command.answer(Some(&error)));
                    if must_stop {
                        return;
                    }
                    false
                }
            };
            if held_up.map_or(is_due, |since| since.elapsed() >= CHECKPOINT_RETRY) {
                held_up = self.truncate_log();
            } else if let Some(beside) = &mut self.beside {
                beside.log.look_after(&self.conn);
            }
        }
        if let Some(now) = self.last_moved
            && let Err(GroupFailed { error, .. }) = self.raise_high_water(now)
        {
            tracing::error!(%error, "queue.high_water.not_raised");
        }
        if held_up.is_some() {
            self.truncate_log();
        }
    }

    /// Says outside the store how far it has come, if that was asked for.
    fn kept(&mut self, effects: Vec<Effect>) -> Result<Vec<Effect>, GroupFailed> {
        crash::here(Point::GroupCommitted);
        let mut moved = effects.iter().filter_map(|effect| match effect {
            Effect::Moved(now) => Some(*now),
            Effect::StopWanted(_) | Effect::AttemptEnded(_) | Effect::SecretDestroyed => None,
        });
        if let Some(now) = moved.next_back() {
            self.last_moved = Some(now);
            self.raise_high_water(now)?;
        }
        Ok(effects)
    }

    fn raise_high_water(&mut self, now: UnixMillis) -> Result<(), GroupFailed> {
        let Some(Beside { high_water, .. }) = &mut self.beside else { return Ok(()) };
        let mark = appliance::mark(&self.conn, now)
            .map_err(|fault| GroupFailed { error: fault.for_caller(), must_stop: true })?;
        high_water.raise(mark).map_err(|error| {
            // The change is on disk, but what follows from it must not: a new start takes it back.
            tracing::error!(%error, "queue.high_water.not_raised");
            GroupFailed { error: QueueError::Ambiguous, must_stop: true }
        })
    }

    /// Runs the commands of a group in one transaction and makes it durable.
    fn transact(&self, group: &mut [Box<dyn Command>]) -> Result<Vec<Effect>, GroupFailed> {
        let mut effects = Vec::new();
        self.batch("BEGIN IMMEDIATE")?;
        for command in group.iter_mut() {
            let before = effects.len();
            self.batch("SAVEPOINT command")?;
            match command.run(&self.conn, &mut effects) {
                Ok(()) => self.batch("RELEASE command")?,
                Err(fault) => {
                    effects.truncate(before);
                    // A full or failing disk can make SQLite roll everything back by itself.
                    if fault.is_fatal() || self.conn.is_autocommit() {
                        return Err(self.give_up(fault.for_caller(), fault.is_fatal()));
                    }
                    self.batch("ROLLBACK TO command")?;
                    self.batch("RELEASE command")?;
                }
            }
        }
        crash::here(Point::GroupRan);
        let begun = Stopwatch::start();
        match (self.commit)(&self.conn) {
            Ok(()) => {
                self.pace.committed(begun.elapsed(), group.len());
                Ok(effects)
            }
            // The log could not grow: the frame that would have made it a commit was not written.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Err(self.give_up(QueueError::Full, false))
            }
            Err(error) => {
                tracing::error!(error = %for_caller(&error), "queue.commit.failed");
                Err(self.give_up(QueueError::Ambiguous, true))
            }
        }
    }

    /// A statement of the transaction itself.
    fn batch(&self, sql: &str) -> Result<(), GroupFailed> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_no_rows| ())
            .map_err(|error| self.give_up(for_caller(&error), is_fatal(&error)))
    }

    fn give_up(&self, error: QueueError, must_stop: bool) -> GroupFailed {
        let rolled_back = self.conn.is_autocommit() || self.conn.execute_batch("ROLLBACK").is_ok();
        // A transaction that cannot even be left must not take the next group in.
        GroupFailed { error, must_stop: must_stop || !rolled_back }
    }

    fn apply(&self, effects: &[Effect]) {
        let mut stop_wanted = self.stop_wanted.lock().unwrap_or_else(PoisonError::into_inner);
        for effect in effects {
            match effect {
                Effect::StopWanted(attempt) => {
                    stop_wanted.insert(*attempt);
                }
                Effect::AttemptEnded(attempt) => {
                    stop_wanted.remove(attempt);
                }
                Effect::SecretDestroyed | Effect::Moved(_) => {}
            }
        }
    }

    /// Wakes those who wait for events. The highest cursor ever given is asked for, not the highest row: old rows go.
    fn tell_news(&self) {
        let newest = self
            .conn
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
            .and_then(|mut asked| asked.query_row([], |row| row.get(0)).optional());
        match newest {
            Ok(newest) => {
                let newest = newest.unwrap_or(0);
                self.news.send_if_modified(|known| std::mem::replace(known, newest) != newest);
            }
            // Nobody is woken, and all look by themselves now and then.
            Err(error) => tracing::error!(error = %for_caller(&error), "queue.news.failed"),
        }
    }

    /// Writes the log back into the file and cuts it to nothing. If a reader is in the way it is not waited for, since
    /// commands would wait as well: the time of the try is given.
    fn truncate_log(&self) -> Option<Stopwatch> {
        let written = log::checkpoint(&self.conn, "TRUNCATE", Duration::ZERO);
        if !written.is_some_and(|written| written.is_done) {
            return Some(Stopwatch::start());
        }
        if let Some(beside) = &self.beside {
            beside.log.is_written_back();
        }
        None
    }
}

impl Beside {
    fn group_failed(&mut self, error: &QueueError, must_stop: bool) {
        // A quota is full without the disk being so.
        if must_stop || *error == QueueError::Full {
            self.room.give_up_reserve();
        }
        if must_stop {
            self.high_water.ends_in_doubt();
            self.alarm.raise();
        }
    }
}

/// Nothing of the group counts as done; with [`QueueError::Ambiguous`] nobody knows.
struct GroupFailed {
    error: QueueError,
    must_stop: bool,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn disk_error() -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), None)
    }

    fn memory() -> Connection {
        let conn = Connection::open_in_memory().expect("opens");
        conn.execute_batch(
            "CREATE TABLE kept (value INTEGER NOT NULL) STRICT;
             CREATE TABLE event (cursor INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;",
        )
        .expect("creates");
        conn
    }

    fn keep(value: i64) -> impl FnOnce(&Connection, &mut Vec<Effect>) -> Result<(), Fault> {
        move |conn, _effects| {
            conn.execute("INSERT INTO kept VALUES (?1)", [value])?;
            Ok(())
        }
    }

    fn kept(writer: &Writer) -> Result<i64, QueueError> {
        writer
            .submit(|conn, _effects| {
                Ok(conn.query_row("SELECT count(*) FROM kept", [], |row| row.get(0))?)
            })
            .wait()
    }

    #[test]
    fn what_waits_is_committed_together_up_to_256() {
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = commits.clone();
        let counting: Commit = Box::new(move |conn| {
            counted.fetch_add(1, Ordering::SeqCst);
            commit(conn)
        });
        let writer = Writer::start(memory(), counting, None).expect("starts");
        // Holds the writer until 300 more wait behind it.
        let (go, gate) = channel::<()>();
        let first = writer.submit(move |_conn, _effects| {
            gate.recv().expect("told to go");
            Ok(())
        });
        let rest: Vec<_> = (0..300).map(|i| writer.submit(keep(i))).collect();
        go.send(()).expect("writer waits");
        assert_eq!(first.wait(), Ok(()));
        assert!(rest.into_iter().all(|pending| pending.wait() == Ok(())));
        // The first came alone or with some of the rest, depending on the moment it was taken.
        let commits = commits.load(Ordering::SeqCst);
        assert!((2..=3).contains(&commits), "{commits} commits for 301 commands");
        assert_eq!(kept(&writer), Ok(300));
    }

    #[test]
    fn news_are_there_with_the_answer_and_never_go_back_when_old_events_go() {
        let writer = Writer::start(memory(), Box::new(commit), None).expect("starts");
        let news = writer.news();
        let write = |sql: &'static str| {
            writer
                .submit(move |conn, _effects| Ok(conn.execute_batch(sql)?))
                .wait()
                .expect("writes");
            *news.borrow()
        };
        assert_eq!(write("INSERT INTO event DEFAULT VALUES; INSERT INTO event DEFAULT VALUES"), 2);
        assert_eq!(write("DELETE FROM event"), 2);
        assert_eq!(write("INSERT INTO event DEFAULT VALUES"), 3);
    }

    #[test]
    fn one_failing_command_leaves_its_neighbours_whole() {
        let writer = Writer::start(memory(), Box::new(commit), None).expect("starts");
        let (go, gate) = channel::<()>();
        let hold = writer.submit(move |_conn, _effects| {
            gate.recv().expect("told to go");
            Ok(())
        });
        let good = writer.submit(keep(1));
        let bad = writer.submit(|conn, effects| -> Result<(), Fault> {
            effects.push(Effect::StopWanted(AttemptId(9)));
            conn.execute("INSERT INTO kept VALUES (2)", [])?;
            Err(Fault::NotAllowed { what: "this", from: "here".into() })
        });
        let also_good = writer.submit(keep(3));
        go.send(()).expect("writer waits");
        assert_eq!((hold.wait(), good.wait(), also_good.wait()), (Ok(()), Ok(()), Ok(())));
        let refused = QueueError::NotAllowed { what: "this", from: "here".into() };
        assert_eq!(bad.wait(), Err(refused));
        assert_eq!(kept(&writer), Ok(2));
        assert!(!writer.stop_wanted(AttemptId(9)), "its effects are undone, too");
    }

    #[test]
    fn commit_with_disk_error_is_ambiguous_for_all_and_stops_the_writer() {
        let writer =
            Writer::start(memory(), Box::new(|_conn| Err(disk_error())), None).expect("starts");
        let (go, gate) = channel::<()>();
        let hold = writer.submit(move |_conn, _effects| {
            gate.recv().expect("told to go");
            Ok(())
        });
        go.send(()).expect("writer waits");
        assert_eq!(hold.wait(), Err(QueueError::Ambiguous));
        assert_eq!(kept(&writer), Err(QueueError::Stopped));
    }

    #[test]
    fn full_disk_stores_nothing_and_the_writer_goes_on_when_there_is_room() {
        let conn = memory();
        let used: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counts");
        let limit = |pages: i64| {
            move |conn: &Connection, _effects: &mut Vec<Effect>| {
                let set: i64 =
                    conn.query_row(&format!("PRAGMA max_page_count={pages}"), [], |r| r.get(0))?;
                assert_eq!(set, pages);
                Ok(())
            }
        };
        let fill = |conn: &Connection, _effects: &mut Vec<Effect>| {
            for _ in 0..2_000 {
                conn.execute("INSERT INTO kept VALUES (1)", [])?;
            }
            Ok(())
        };
        let writer = Writer::start(conn, Box::new(commit), None).expect("starts");
        assert_eq!(writer.submit(limit(used + 1)).wait(), Ok(()));
        assert_eq!(writer.submit(fill).wait(), Err(QueueError::Full));
        assert_eq!(kept(&writer), Ok(0));
        assert_eq!(writer.submit(limit(used + 1000)).wait(), Ok(()));
        assert_eq!(writer.submit(fill).wait(), Ok(()));
        assert_eq!(kept(&writer), Ok(2_000));
    }
}
