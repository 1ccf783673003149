//! The store's file: made whole or not at all, and touched only if it is ours and sound.
//!
//! In: a path and the key. Out: connections, and the lock that keeps a second process out.
//! A file that is not ours, newer than this program, damaged, or sealed with another key is refused and
//! left as it is; the operator restores a copy or corrects the settings.
//! Source: SQLite's documentation of `PRAGMA`, of the WAL file format, and of fsync on directories.

use std::fs::{File, OpenOptions, TryLockError};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, Advice, access, fadvise};

use super::fault::for_caller;
use super::high_water::{Found, HighWater};
use super::history;
use super::room::Room;
use crate::app::crash::{self, Point};
use crate::queue::QueueError;
use crate::queue::seal::Sealer;

/// "SHIR": tells our files from all other SQLite files.
const APPLICATION_ID: i64 = 0x5348_4952;
/// One for each version of the schema, in order; never changed once released.
pub(super) const MIGRATIONS: [&str; 11] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_number.sql"),
    include_str!("../migrations/0003_call.sql"),
    include_str!("../migrations/0004_kind.sql"),
    include_str!("../migrations/0005_mail.sql"),
    include_str!("../migrations/0006_decision.sql"),
    include_str!("../migrations/0007_webhook.sql"),
    include_str!("../migrations/0008_appliance.sql"),
    include_str!("../migrations/0009_feed.sql"),
    include_str!("../migrations/0010_lists.sql"),
    include_str!("../migrations/0011_over.sql"),
];

const KEY_CHECK: &[u8] = b"shirase key check";

/// Longest wait for another connection of ours, or for a technician's `sqlite3`.
pub(super) const BUSY: Duration = Duration::from_secs(1);

/// A connection keeps so many statements prepared: all that it ever runs. To prepare one takes longer than to run it.
const STATEMENTS: usize = 256;

/// What the writer keeps of the file: the inner pages of every index of a million notifications fit in, of SQLite's 2 MiB
/// they do not.
const CACHE_KIB: i64 = 16 << 10;

/// Linux cuts a wish to what it reads ahead of a disk: by default so much.
const FETCHED_AT_ONCE: u64 = 128 << 10;

/// Held as long as the store is open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Keeps any other process out of this store.
///
/// # Errors
/// [`QueueError::InUse`] if another one has it.
pub(super) fn lock(path: &Path) -> Result<Lock, QueueError> {
    let beside = with_suffix(path, "-lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|error| system(&beside, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(QueueError::InUse),
        Err(TryLockError::Error(error)) => Err(system(&beside, &error)),
    }
}

/// Opens the file for the writer; makes it if there is none. Needs the [`Lock`].
///
/// # Errors
/// [`QueueError::Broken`]; the file is then as it was.
pub(super) fn open(_lock: &Lock, path: &Path, sealer: &Sealer) -> Result<Connection, QueueError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = if found.is_symlink() {
                "a symbolic link"
            } else if found.is_dir() {
                "a directory"
            } else if found.file_type().is_fifo() {
                "a named pipe"
            } else {
                "a device"
            };
            return Err(broken(path, &format!("is {what}, not a file")));
        }
        Ok(found) if found.len() == 0 => return Err(broken(path, "is empty: restore a copy")),
        // SQLite does not say why it cannot open a file, as one that somebody restored as root.
        Ok(_file) => {
            access(path, Access::READ_OK | Access::WRITE_OK)
                .map_err(|error| system(path, &error.into()))?;
            read_ahead(path);
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A log without its file would be read into the new one.
            let log = with_suffix(path, "-wal");
            if log.exists() {
                return Err(broken(
                    &log,
                    "is there without its store: restore both, or move it away",
                ));
            }
            create(path, sealer).map_err(|error| at(path, &error))?;
        }
        Err(error) => return Err(system(path, &error)),
    }
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Until all is proven sound, closing must not even write the log back.
    let set = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    set.map_err(|error| at(path, &error))?;
    let version = check(&conn, path)?;
    prepare(&conn).map_err(|error| at(path, &error))?;
    history::teach(&conn, sealer.marker()).map_err(|error| at(path, &error))?;
    check_key(&conn, sealer, path)?;
    migrate(&conn, version, MIGRATIONS.len()).map_err(|error| at(path, &error))?;
    let set = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    set.map_err(|error| at(path, &error))?;
    Ok(conn)
}

/// Asks the system to fetch the whole file, in the order in which it lies on the disk. After a power cut the check would
/// fetch each page by itself, in the order of the trees: 13 s for a million notifications, in place of 2.
///
/// Needs a process without a connection to this file: whoever closes any descriptor of it gives up SQLite's locks.
fn read_ahead(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    let octets = file.metadata().map_or(0, |found| found.len());
    for part in (0..octets).step_by(FETCHED_AT_ONCE.try_into().unwrap_or(usize::MAX)) {
        // Without it all goes on, only slower.
        let _ = fadvise(&file, part, NonZeroU64::new(FETCHED_AT_ONCE), Advice::WillNeed);
    }
}

/// Opens the file beside the store that says how far it has come.
///
/// # Errors
/// [`QueueError::Broken`].
pub(super) fn open_high_water(path: &Path) -> Result<(HighWater, Found), QueueError> {
    let beside = with_suffix(path, "-mark");
    HighWater::open(&beside).map_err(|error| system(&beside, &error))
}

/// The room around the store.
pub(super) fn room(path: &Path) -> Room {
    Room::around(path, with_suffix(path, "-reserve"))
}

/// Opens one more connection that writes the log back.
pub(super) fn open_for_log(path: &Path) -> Result<Connection, QueueError> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&conn).map_err(|error| at(path, &error))?;
    Ok(conn)
}

/// Opens one more connection, for reading only.
pub(super) fn open_reader(path: &Path, sealer: &Sealer) -> Result<Connection, QueueError> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    history::teach(&conn, sealer.marker()).map_err(|error| at(path, &error))?;
    conn.execute_batch("PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;")
        .map_err(|error| at(path, &error))?;
    Ok(conn)
}

pub(super) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, QueueError> {
    #[cfg_attr(not(test), expect(unused_mut, reason = "a test listens"))]
    let mut conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| at(path, &error))?;
    conn.busy_timeout(BUSY).map_err(|error| at(path, &error))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    #[cfg(test)]
    super::plan_tests::listen(&mut conn);
    Ok(conn)
}

/// Reads, and only reads: is it ours, of a version we know, and undamaged? Answers its version.
pub(super) fn check(conn: &Connection, path: &Path) -> Result<usize, QueueError> {
    let read = |pragma: &str| {
        conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            .map_err(|error| at(path, &error))
    };
    if read("application_id")? != APPLICATION_ID {
        return Err(broken(path, "is not a store of this program"));
    }
    let version = usize::try_from(read("user_version")?).unwrap_or(usize::MAX);
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(broken(path, &format!("has schema {version}, this program knows {known}")));
    }
    // Damage to a disk is what is looked for. Every rule of every row takes three times as long, seconds of a million, and was
    // kept when the row was written.
    let rules = |say: &str| {
        conn.execute_batch(&format!("PRAGMA ignore_check_constraints={say}"))
            .map_err(|error| at(path, &error))
    };
    rules("ON")?;
    let sound: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| at(path, &error))?;
    rules("OFF")?;
    if sound != "ok" {
        return Err(broken(path, "is damaged: restore a copy"));
    }
    Ok(version)
}

/// How a connection that writes is set: what was committed survives a power cut, what was deleted is gone.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    let mode: String = conn.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    conn.execute_batch(
        "PRAGMA synchronous=FULL;
         PRAGMA secure_delete=ON;
         PRAGMA foreign_keys=ON;
         PRAGMA trusted_schema=OFF;
         PRAGMA cell_size_check=ON;
         PRAGMA temp_store=MEMORY;
         PRAGMA mmap_size=0;",
    )?;
    // `log.rs` does it.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// Brings the schema up to date, each step whole or not at all. A step may write a table anew that others refer to: what
/// they refer to is looked at when it is done.
fn migrate(conn: &Connection, from: usize, to: usize) -> rusqlite::Result<()> {
    for (version, step) in (1_i64..).zip(MIGRATIONS).take(to).skip(from) {
        // Says nothing within a transaction.
        conn.pragma_update(None, "foreign_keys", false)?;
        let transaction = conn.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        let dangling: i64 =
            transaction
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        if dangling > 0 {
            let code = rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        }
        transaction.pragma_update(None, "user_version", version)?;
        crash::here(Point::StoreMigrating);
        transaction.commit()?;
        crash::here(Point::StoreMigrated);
        conn.pragma_update(None, "foreign_keys", true)?;
    }
    Ok(())
}

/// Makes a whole store beside its place and moves it there, so that a file at `path` is never half made.
fn create(path: &Path, sealer: &Sealer) -> rusqlite::Result<()> {
    create_version(path, sealer, MIGRATIONS.len())
}

/// Makes a store as the program of that version made it.
pub(super) fn create_version(path: &Path, sealer: &Sealer, version: usize) -> rusqlite::Result<()> {
    let io = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let beside = with_suffix(path, "-new");
    if beside.exists() {
        // Left by a crash in here: nothing was ever accepted into it.
        std::fs::remove_file(&beside).map_err(io)?;
    }
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside).map_err(io)?;
    let conn = Connection::open_with_flags(&beside, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=FULL;")?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(&conn, 0, version)?;
    let sealed = sealer
        .seal_octets(KEY_CHECK, KEY_CHECK)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.execute("INSERT INTO meta VALUES ('key_check', ?1)", [sealed])?;
    conn.close().map_err(|(_conn, error)| error)?;
    File::open(&beside).and_then(|file| file.sync_all()).map_err(io)?;
    crash::here(Point::StoreMadeBeside);
    std::fs::rename(&beside, path).map_err(io)?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all()).map_err(io)
}

/// With another key every waiting sheet would be lost one after the other: better not to start.
fn check_key(conn: &Connection, sealer: &Sealer, path: &Path) -> Result<(), QueueError> {
    let sealed: Vec<u8> = conn
        .query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0))
        .map_err(|error| at(path, &error))?;
    match sealer.open_octets(KEY_CHECK, &sealed) {
        Ok(_known) => Ok(()),
        Err(_other) => Err(broken(path, "is sealed with another key than the one given")),
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn broken(path: &Path, detail: &str) -> QueueError {
    QueueError::Broken { detail: format!("{} {detail}", path.display()) }
}

/// An error of the system. What it takes a person to mend is told from what may pass: a disk that failed, no memory, too
/// many open files.
pub(super) fn system(path: &Path, error: &std::io::Error) -> QueueError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => QueueError::Full,
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::ReadOnlyFilesystem => broken(path, &error.to_string()),
        // Said by ourselves.
        _ if error.raw_os_error().is_none() => broken(path, &error.to_string()),
        _ => QueueError::Failing { detail: format!("{}: {error}", path.display()) },
    }
}

/// An error of SQLite or of the system while opening; nothing of a row has been read yet.
pub(super) fn at(path: &Path, error: &rusqlite::Error) -> QueueError {
    if let rusqlite::Error::ToSqlConversionFailure(inner) = error
        && let Some(error) = inner.downcast_ref::<std::io::Error>()
    {
        return system(path, error);
    }
    match for_caller(error) {
        QueueError::Failing { .. } => {
            QueueError::Failing { detail: format!("{}: {error}", path.display()) }
        }
        QueueError::Broken { .. } => broken(path, &format!("cannot be used: {error}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_error_that_may_pass_is_told_from_one_that_stays() {
        let kind = |code: rustix::io::Errno| match system(Path::new("/x"), &code.into()) {
            QueueError::Failing { detail } => {
                assert!(detail.starts_with("/x: "), "{detail}");
                "passes"
            }
            QueueError::Broken { .. } => "stays",
            QueueError::Full => "full",
            other => panic!("{other:?}"),
        };
        use rustix::io::Errno;
        for (code, expected) in [
            (Errno::IO, "passes"),
            (Errno::MFILE, "passes"),
            (Errno::NOMEM, "passes"),
            (Errno::NOENT, "stays"),
            (Errno::ACCESS, "stays"),
            (Errno::ROFS, "stays"),
            (Errno::NOSPC, "full"),
        ] {
            assert_eq!(kind(code), expected, "{code:?}");
        }
    }
}
