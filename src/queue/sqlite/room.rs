//! Room on the disk: new work is refused while there is still enough of it to write down how the old one ends.
//!
//! In: the free space where the store lies. Out: whether new work is taken, and a reserve of 16 MiB beside the store
//! that is given up when little else is left, and taken back when there is room again.
//! A quota is not seen here; behind it the reserve is room as well.
//! Source: statvfs(3), fallocate(2).

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// Free octets below which nothing new is taken on. Chosen: a thousand times the largest request, and much more than a day of
/// calls writes; a disk that has so little left needs a person.
pub const LEAST_FREE: u64 = 64 << 20;
/// Octets of the reserve: some thousand results of calls.
const RESERVE: u64 = 16 << 20;
/// Free octets below which the reserve is given up. Chosen: what the largest transaction writes fits in it twice.
const TIGHT: u64 = 8 << 20;

/// The place where a store lies.
pub(super) struct Room {
    folder: PathBuf,
    reserve: PathBuf,
}

impl Room {
    /// The room around the store at `path`.
    pub(super) fn around(path: &Path, reserve: PathBuf) -> Self {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self { folder: folder.unwrap_or(Path::new(".")).to_owned(), reserve }
    }

    /// Whether new work may be taken on. If the system does not say how much is free, writing shows it.
    pub(super) fn takes_new_work(&self) -> bool {
        self.free().is_none_or(|free| free >= LEAST_FREE)
    }

    /// Gives the reserve up if little else is left, and takes it back when there is room again.
    pub(super) fn look_after_reserve(&self) {
        match self.free() {
            Some(free) if free < TIGHT => self.give_up_reserve(),
            Some(free) if free >= LEAST_FREE + RESERVE => self.keep_reserve(),
            Some(_) | None => {}
        }
    }

    /// What is written next needs it.
    pub(super) fn give_up_reserve(&self) {
        match std::fs::remove_file(&self.reserve) {
            Ok(()) => tracing::warn!("queue.reserve.given_up"),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::error!(%error, "queue.reserve.not_given_up"),
        }
    }

    fn keep_reserve(&self) {
        let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&self.reserve);
        let filled = match made {
            Ok(file) => fill(&file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return,
            Err(error) => Err(error),
        };
        if let Err(error) = filled {
            tracing::warn!(%error, "queue.reserve.not_kept");
            self.give_up_reserve();
        }
    }

    /// Octets that are free for us.
    pub(super) fn free(&self) -> Option<u64> {
        match statvfs(&self.folder) {
            Ok(found) => Some(found.f_bavail.saturating_mul(found.f_frsize)),
            Err(error) => {
                tracing::warn!(%error, "queue.room.unknown");
                None
            }
        }
    }
}

/// A file that only looks long reserves nothing.
fn fill(file: &File) -> std::io::Result<()> {
    fallocate(file, FallocateFlags::empty(), 0, RESERVE)?;
    file.sync_all()
}
