//! Whether any of the files that a sheet is drawn from was changed.
//!
//! In: files and folders. Out: a [`Look`] at them; two looks are equal if nothing was
//! saved between them, and nobody was allowed or forbidden to read a file.
//! Looked at from time to time, not told by the system: editors save by writing, by renaming and from other
//! machines, and a look at some fifty files costs nothing.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use sheet::is_aside;

/// Files looked at. Chosen: a hundred times what there is; a folder of more is not a folder of templates.
const MOST_FILES: usize = 2000;

/// Every file that was there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look(Vec<Seen>);

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Seen {
    path: PathBuf,
    octets: u64,
    saved: Option<SystemTime>,
    /// When anything of it changed, such as who may read it: seconds and nanoseconds.
    changed: (i64, i64),
}

impl Look {
    /// Looks at these files, and at all files below those of them that are folders. What an editor keeps beside
    /// its file does not count.
    pub fn at(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut waiting: Vec<PathBuf> = paths.into_iter().collect();
        let mut seen = Vec::new();
        while let Some(path) = waiting.pop() {
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
                waiting.extend(entries.map(|entry| entry.path()).filter(|path| !is_aside(path)));
            } else {
                seen.push(Seen {
                    path,
                    octets: metadata.len(),
                    saved: metadata.modified().ok(),
                    changed: (metadata.ctime(), metadata.ctime_nsec()),
                });
            }
            if seen.len() + waiting.len() > MOST_FILES {
                break;
            }
        }
        seen.sort();
        Self(seen)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn look_differs_once_a_file_is_saved_made_renamed_or_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let words = folder.path().join("words");
        fs::create_dir(&words).expect("a folder");
        let path = words.join("ja.toml");
        fs::write(&path, "one").expect("writes");
        let data = folder.path().join("data.json");
        let look = || Look::at([words.clone(), data.clone()]);
        let mut before = look();
        assert_eq!(before, look());
        for aside in [".ja.toml.swp", "ja.toml~"] {
            fs::write(words.join(aside), "half").expect("writes");
            assert_eq!(before, look(), "{aside} is the editor's own");
        }
        let mut differs = |what: &str| {
            assert_ne!(before, look(), "{what}");
            before = look();
        };
        fs::write(&path, "three").expect("writes");
        differs("saved with another size");
        fs::File::open(&path)
            .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
            .expect("sets");
        differs("saved at another time");
        fs::write(&data, "{}").expect("writes");
        differs("a file that was not there");
        fs::rename(&path, words.join("en.toml")).expect("renames");
        differs("another name");
        fs::remove_file(&data).expect("removes");
        differs("a file that is gone");
    }
    /// A template copied by root with umask 077, and mended with chmod.
    #[test]
    fn look_differs_once_a_file_may_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.typ");
        fs::write(&path, "one").expect("writes");
        let look = || Look::at([folder.path().to_path_buf()]);
        let before = look();
        // The file system's clock may tick only some hundred times in a second.
        let is_seen = (0..1_000_000).any(|_| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("allows");
            before != look()
        });
        assert!(is_seen);
    }
}
