//! A look at a store from outside, that changes nothing, not even beside it.
//!
//! In: a path. Out: what stands there, or why the daemon would not take it.
//! A log that stands beside the store is read as well if its index is there, as beside a daemon that runs; one that a crash
//! left without is not, since reading it would make one.
//! Source: SQLite's documentation of WAL mode ("Read-Only Databases") and of URI file names (`immutable`).

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::file;
use crate::queue::QueueError;

/// A store that is sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreSeen {
    /// Of its schema.
    pub version: usize,
    /// The newest that this program knows.
    pub known: usize,
    pub octets: u64,
}

/// Looks at a store; `None` if there is none.
///
/// # Errors
/// [`QueueError::Broken`], as at a start.
pub fn look_at(path: &Path) -> Result<Option<StoreSeen>, QueueError> {
    let octets = match std::fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file::system(path, &error)),
    };
    let has_index = file::with_suffix(path, "-shm").exists();
    let conn = if has_index {
        file::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    } else {
        frozen(path)?
    };
    let version = file::check(&conn, path)?;
    Ok(Some(StoreSeen { version, known: file::MIGRATIONS.len(), octets }))
}

/// Opens it as if nobody could write to it, so that no log and no index is made.
fn frozen(path: &Path) -> Result<Connection, QueueError> {
    let mut uri = String::from("file:");
    for octet in path.as_os_str().as_encoded_bytes() {
        if octet.is_ascii_alphanumeric() || b"/-_.".contains(octet) {
            uri.push(char::from(*octet));
        } else {
            uri += &format!("%{octet:02X}");
        }
    }
    uri += "?mode=ro&immutable=1";
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(|error| file::at(path, &error))
}
