//! How far the store has come, in a small file beside it: by that an older copy of the store is known.
//!
//! In: the store's newest attempt and event, after COMMIT. Out: what was found at the start.
//! The file never runs ahead of the store, and is on disk before the answer to a claim, so before any dial and before
//! the content of any mail: a store that lacks what the file has seen is not the one that was here. Neither SIGKILL nor
//! a power cut makes it look so.
//! Two slots, 4096 octets apart, are written in turn, each with a checksum: a write that is torn leaves the other.
//! A backup holds the store alone; with this file in it, a restored copy would pass for the present one, and only the
//! exchange could tell, by the number of starts and the head of the feed.
//! Source: pwrite(2), fdatasync(2).

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::app::crash::{self, Point};
use crate::job::UnixMillis;

const MAGIC: &[u8; 8] = b"SHIRmark";
/// A sector of every disk there is.
const SLOT_APART: u64 = 4096;
const BODY: usize = 8 + 8 + 16 + 8 + 8 + 8 + 1;
const SUM: usize = 16;
/// While nothing happens the time in it is renewed so often. Chosen: a start that follows knows how long it was away, and
/// a flash card bears six writes an hour.
const RENEWED: Duration = Duration::from_secs(10 * 60);

/// What the store has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) store_id: [u8; 16],
    pub(super) attempt: i64,
    pub(super) event: i64,
    pub(super) at: UnixMillis,
    /// The process ended because the disk did not say whether a change was kept.
    pub(super) ended_in_doubt: bool,
}

/// What a start found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Neither slot is whole.
    Unreadable,
    Mark(Mark),
}

impl Found {
    /// In what the store is not the one that was here before. Without `has_file` the store never had such a file.
    pub(super) fn difference(&self, store: &Mark, has_file: bool) -> Option<String> {
        match self {
            Self::Nothing if has_file => {
                Some("the file that says how far the store had come is gone".into())
            }
            Self::Unreadable if has_file => {
                Some("the file that says how far the store had come is damaged".into())
            }
            Self::Nothing | Self::Unreadable => None,
            Self::Mark(mark) if mark.store_id != store.store_id => {
                Some("another store was here before".into())
            }
            Self::Mark(mark) if mark.attempt > store.attempt || mark.event > store.event => {
                let lacks = |mark: i64, store: i64| mark.saturating_sub(store).max(0);
                let attempts = lacks(mark.attempt, store.attempt);
                let events = lacks(mark.event, store.event);
                Some(format!("it lacks the newest {attempts} calls or mails and {events} events"))
            }
            Self::Mark(_) => None,
        }
    }

    pub(super) fn ended_in_doubt(&self) -> bool {
        matches!(self, Self::Mark(mark) if mark.ended_in_doubt)
    }

    /// When something was last written.
    pub(super) fn at(&self) -> Option<UnixMillis> {
        match self {
            Self::Mark(mark) => Some(mark.at),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// The file, and what it says.
pub(super) struct HighWater {
    path: PathBuf,
    file: Option<File>,
    sequence: u64,
    written: Option<Mark>,
}

impl HighWater {
    /// Reads the file at `path`, which may not be there yet.
    ///
    /// # Errors
    /// It is no file, or cannot be read.
    pub(super) fn open(path: &Path) -> std::io::Result<(Self, Found)> {
        let absent = Self { path: path.to_owned(), file: None, sequence: 0, written: None };
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => {
                return Err(std::io::Error::other("is not a plain file"));
            }
            Ok(_file) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok((absent, Found::Nothing));
            }
            Err(error) => return Err(error),
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut octets = Vec::new();
        file.by_ref().take(2 * SLOT_APART).read_to_end(&mut octets)?;
        let slot = |number: usize| {
            let start = number * usize::try_from(SLOT_APART).ok()?;
            decode(octets.get(start..start + BODY + SUM)?)
        };
        let newest = [slot(0), slot(1)].into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
        match newest {
            Some((sequence, mark)) => {
                let this = Self { file: Some(file), sequence, written: Some(mark), ..absent };
                Ok((this, Found::Mark(mark)))
            }
            None => Ok((Self { file: Some(file), ..absent }, Found::Unreadable)),
        }
    }

    /// Makes this durable, if it says anything new. The store must have it by then.
    ///
    /// # Errors
    /// It may or may not be written.
    pub(super) fn raise(&mut self, mark: Mark) -> std::io::Result<()> {
        if let Some(written) = self.written {
            let is_fresh = written.at <= mark.at && mark.at <= written.at.after(RENEWED);
            if (Mark { at: mark.at, ..written }) == mark && is_fresh {
                return Ok(());
            }
        }
        self.write(mark)
    }

    /// Leaves word for the next start that this one ended in doubt. If the disk takes not even that, the word is lost.
    pub(super) fn ends_in_doubt(&mut self) {
        if let Some(written) = self.written
            && let Err(error) = self.write(Mark { ended_in_doubt: true, ..written })
        {
            tracing::warn!(%error, "queue.high_water.doubt_not_kept");
        }
    }

    fn write(&mut self, mark: Mark) -> std::io::Result<()> {
        crash::here(Point::MarkBegins);
        let is_new = self.file.is_none();
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true).mode(0o600).open(&self.path)?
            }
        };
        let file = self.file.insert(file);
        let sequence = self.sequence + 1;
        if self.written.is_none() {
            // Both slots have their place from the start: later writes need no room.
            file.set_len(0)?;
            file.write_all_at(&[0; 2 * SLOT_APART as usize], 0)?;
        }
        file.write_all_at(&encode(sequence, mark), SLOT_APART * (sequence % 2))?;
        crash::here(Point::MarkWritten);
        if self.written.is_none() {
            file.sync_all()?
        } else {
            file.sync_data()?
        }
        if is_new {
            let folder = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        crash::here(Point::MarkSynced);
        (self.sequence, self.written) = (sequence, Some(mark));
        Ok(())
    }
}

fn encode(sequence: u64, mark: Mark) -> Vec<u8> {
    let mut octets = Vec::with_capacity(BODY + SUM);
    octets.extend_from_slice(MAGIC);
    octets.extend_from_slice(&sequence.to_le_bytes());
    octets.extend_from_slice(&mark.store_id);
    for number in [mark.attempt, mark.event, mark.at.0] {
        octets.extend_from_slice(&number.to_le_bytes());
    }
    octets.push(mark.ended_in_doubt.into());
    let sum = Sha256::digest(&octets);
    octets.extend(sum.iter().take(SUM));
    octets
}

fn decode(octets: &[u8]) -> Option<(u64, Mark)> {
    let (body, sum) = octets.split_at_checked(BODY)?;
    if sum != Sha256::digest(body).get(..SUM)? {
        return None;
    }
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (store_id, rest) = rest.split_first_chunk::<16>()?;
    let (attempt, rest) = rest.split_first_chunk::<8>()?;
    let (event, rest) = rest.split_first_chunk::<8>()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let mark = Mark {
        store_id: *store_id,
        attempt: i64::from_le_bytes(*attempt),
        event: i64::from_le_bytes(*event),
        at: UnixMillis(i64::from_le_bytes(*at)),
        ended_in_doubt: rest.first() == Some(&1),
    };
    (magic == MAGIC).then_some((u64::from_le_bytes(*sequence), mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        store_id: [7; 16],
        attempt: 3,
        event: 40,
        at: UnixMillis(1_000_000),
        ended_in_doubt: false,
    };

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mark");
        (folder, path)
    }

    fn read(path: &Path) -> Found {
        HighWater::open(path).expect("opens").1
    }

    #[test]
    fn newest_of_two_slots_counts_and_a_torn_one_leaves_the_other() {
        let (_folder, path) = place();
        let (mut file, found) = HighWater::open(&path).expect("opens");
        assert!(matches!(found, Found::Nothing));
        for event in 40..45 {
            file.raise(Mark { event, ..MARK }).expect("written");
            assert!(matches!(read(&path), Found::Mark(mark) if mark == Mark { event, ..MARK }));
        }
        let slot = SLOT_APART * (file.sequence % 2);
        let torn = File::options().write(true).open(&path).expect("opens");
        torn.write_all_at(&[0xff; 9], slot + 40).expect("torn");
        assert!(matches!(read(&path), Found::Mark(mark) if mark.event == 43), "the one before");
        torn.write_all_at(&[0xff; 9], SLOT_APART - slot + 40).expect("torn");
        assert!(matches!(read(&path), Found::Unreadable));
        torn.set_len(10).expect("cut");
        assert!(matches!(read(&path), Found::Unreadable));
    }

    #[test]
    fn same_again_is_written_only_to_renew_the_time() {
        let (_folder, path) = place();
        let (mut file, _) = HighWater::open(&path).expect("opens");
        file.raise(MARK).expect("written");
        let at = MARK.at.after(RENEWED);
        file.raise(Mark { at, ..MARK }).expect("nothing to do");
        assert_eq!(file.sequence, 1);
        let at = UnixMillis(at.0 + 1);
        file.raise(Mark { at, ..MARK }).expect("written");
        file.raise(MARK).expect("the clock was set back");
        assert_eq!(file.sequence, 3);
    }

    #[test]
    fn store_that_lacks_something_or_is_another_is_told_apart_and_one_ahead_is_not() {
        let differs = |found: &Found, store: Mark| found.difference(&store, true).is_some();
        let found = Found::Mark(MARK);
        assert!(!differs(&found, MARK));
        assert!(!differs(&found, Mark { attempt: 9, event: 99, at: UnixMillis(0), ..MARK }));
        assert!(differs(&found, Mark { attempt: 2, event: 99, ..MARK }), "a call is not known");
        assert!(differs(&found, Mark { event: 39, ..MARK }));
        assert!(differs(&found, Mark { store_id: [8; 16], ..MARK }));
        for found in [Found::Nothing, Found::Unreadable] {
            assert!(differs(&found, MARK));
            assert_eq!(found.difference(&MARK, false), None, "it never had the file");
        }
    }
}
