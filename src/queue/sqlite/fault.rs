//! What can go wrong inside the store, and how much of it is then in doubt.
//!
//! In: errors of SQLite, steps that the states refuse. Out: a [`Fault`], and for callers a [`QueueError`].

use rusqlite::ErrorCode;

use crate::queue::QueueError;

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    /// The states do not allow it.
    NotAllowed {
        what: &'static str,
        from: String,
    },
    /// Everything is held back.
    Held,
    /// A row holds what this program never writes.
    Row {
        detail: String,
    },
}

impl Fault {
    /// The disk or the file itself failed: this process must not write on.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Sql(error) => is_fatal(error),
            Self::NotAllowed { .. } | Self::Held | Self::Row { .. } => false,
        }
    }

    /// As the caller of one command sees it.
    pub(super) fn for_caller(&self) -> QueueError {
        match self {
            Self::Sql(error) => for_caller(error),
            Self::NotAllowed { what, from } => QueueError::NotAllowed { what, from: from.clone() },
            Self::Held => QueueError::Held,
            Self::Row { detail } => QueueError::Broken { detail: detail.clone() },
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// True if what the disk says can no longer be trusted.
pub(super) fn is_fatal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
        )
    )
}

/// The disk or the system failed, and the file may be sound. One that ends too early is not.
fn may_pass(found: rusqlite::ffi::Error) -> bool {
    found.extended_code != rusqlite::ffi::SQLITE_IOERR_SHORT_READ
        && matches!(
            found.code,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory
        )
}

/// Names the kind of error only: the library's own words may quote what was in a row.
pub(super) fn for_caller(error: &rusqlite::Error) -> QueueError {
    match error.sqlite_error() {
        Some(found) if found.code == ErrorCode::DiskFull => QueueError::Full,
        // A technician's `sqlite3` holds it, and longer than we wait: it passes.
        Some(found)
            if matches!(found.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) =>
        {
            QueueError::InUse
        }
        Some(found) => {
            let detail = format!("SQLite {:?}, extended code {}", found.code, found.extended_code);
            if may_pass(*found) {
                QueueError::Failing { detail }
            } else {
                QueueError::Broken { detail }
            }
        }
        None => QueueError::Broken { detail: "a row does not have the expected shape".into() },
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{
        Error, SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR_READ,
        SQLITE_IOERR_SHORT_READ, SQLITE_NOMEM, SQLITE_NOTADB,
    };

    use super::*;

    #[test]
    fn what_may_pass_is_told_from_a_file_that_is_spoilt() {
        let kind = |code| match for_caller(&rusqlite::Error::SqliteFailure(Error::new(code), None))
        {
            QueueError::Failing { .. } => "passes",
            QueueError::Broken { .. } => "spoilt",
            QueueError::Full => "full",
            QueueError::InUse => "in use",
            other => panic!("{other:?}"),
        };
        for (code, expected) in [
            (SQLITE_IOERR_READ, "passes"),
            (SQLITE_CANTOPEN, "passes"),
            (SQLITE_NOMEM, "passes"),
            (SQLITE_IOERR_SHORT_READ, "spoilt"),
            (SQLITE_CORRUPT, "spoilt"),
            (SQLITE_NOTADB, "spoilt"),
            (SQLITE_FULL, "full"),
            (SQLITE_BUSY, "in use"),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
