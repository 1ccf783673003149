//! What a sheet is drawn from, and whether any of it was changed since.
//!
//! In: files and folders. Out: a [`Look`] at them; two looks are equal if nothing was saved between them.
//! Looked at from time to time, not told by the system: editors save by writing, by renaming and by way of
//! other machines, and a look at some twenty files costs nothing.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Templates are one folder of files, with their words in another one below.
const DEEPEST: usize = 3;

/// Every file there was, when it was saved last, and its size.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Look(Vec<(PathBuf, Option<(SystemTime, u64)>)>);

impl Look {
    /// Looks at these files, and at all files in those of them that are folders.
    pub(super) fn at(paths: &[&Path]) -> Self {
        let mut seen = Vec::new();
        paths.iter().for_each(|path| look_at(path, DEEPEST, &mut seen));
        seen.sort();
        Self(seen)
    }
}

fn look_at(path: &Path, deep: usize, seen: &mut Vec<(PathBuf, Option<(SystemTime, u64)>)>) {
    let found = std::fs::metadata(path).ok();
    if found.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        if let Some(deep) = deep.checked_sub(1) {
            entries.for_each(|entry| look_at(&entry.path(), deep, seen));
        }
    } else {
        // A file that is away for a moment, while an editor renames it, is a change as well.
        let saved = found.and_then(|found| Some((found.modified().ok()?, found.len())));
        seen.push((path.to_owned(), saved));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn look_differs_once_a_file_is_saved_made_renamed_or_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let words = folder.path().join("words");
        fs::create_dir(&words).expect("a folder");
        let path = words.join("ja.toml");
        fs::write(&path, "one").expect("writes");
        let data = folder.path().join("data.json");
        let look = || Look::at(&[&words, &data]);
        let mut before = look();
        assert_eq!(before, look());
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
}
